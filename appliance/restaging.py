"""A stay in bed that is over, staged again from what was kept of it: the morning's answer as records.

The live answer is left as it is.  Everything comes from the database, so a restart between the last epoch and the
morning costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from appliance.records import EpochRecord, Record, RestagedEpochRecord, RestagedRecord, SessionRecord
from appliance.sleep import Absence, Hypnogram, SleepStatistics
from models.restager import KeptEpoch, Restager


def restage(restager: Restager, session: SessionRecord, epochs: Sequence[EpochRecord], made_utc: int) -> list[Record]:
    """What is to be written of the session's second staging; nothing where no features were kept."""
    mine = [epoch for epoch in epochs if epoch.is_primary]
    if session.left_utc is None or not any(epoch.features for epoch in mine):
        return []
    estimates = restager.restage([KeptEpoch(float(e.start_utc), e.coverage, e.features) for e in mine])
    absences = [Absence(start, end) for start, end in session.absences]
    hypnogram = Hypnogram.of(estimates, session.entered_utc, session.left_utc, absences)
    told = RestagedRecord(
        session_id=session.id,
        model=restager.name,
        made_utc=made_utc,
        onset_utc=hypnogram.onset_s,
        final_awakening_utc=hypnogram.final_awakening_s,
        statistics=SleepStatistics.of(hypnogram, session.began_trying_utc).as_dict(),
    )
    nothing = (None,) * 4
    rows = (
        RestagedEpochRecord(epoch.start_utc, restager.name, one.stage.word, *(one.probabilities or nothing))
        for epoch, one in zip(mine, estimates, strict=True)
    )
    return [told, *rows]
