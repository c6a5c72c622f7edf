"""A stay in bed that is over, staged again from what was kept of it: the morning's answer as records.

The live answer is left as it is.  Everything comes from the database, so a restart between the last epoch and the
morning costs nothing.  Where a newer program knows other features than those that were kept, they are worked out anew
from the raw breathing, as long as that is kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from appliance import waveform
from appliance.breaths import MOVING
from appliance.displacement import Tick
from appliance.intent import believed_within
from appliance.records import BreathingRecord, EpochRecord, Record, RestagedEpochRecord, RestagedRecord, SessionRecord
from appliance.respiration import DRIFT_HZ, epochs_of
from appliance.sleep import Absence, Hypnogram, SleepStatistics
from models.contract import EPOCH_S, SIGNAL_HZ
from models.features import FeatureExtractor, pack, unpack
from models.restager import KeptEpoch, Restager


def restage(
    restager: Restager,
    session: SessionRecord,
    epochs: Sequence[EpochRecord],
    made_utc: int,
    breathing: Sequence[BreathingRecord] = (),
) -> list[Record]:
    """What is to be written of the session's second staging; nothing where nothing was kept to stage it from."""
    mine = [epoch for epoch in epochs if epoch.is_primary]
    known = {epoch.start_utc: epoch.features for epoch in mine if epoch.features and unpack(epoch.features) is not None}
    if any(one.start_utc not in known for one in breathing):
        known = features_of(breathing) | known
    if session.left_utc is None or not any(epoch.start_utc in known for epoch in mine):
        return []
    kept = [KeptEpoch(float(one.start_utc), one.coverage, known.get(one.start_utc)) for one in mine]
    estimates = restager.restage(kept)
    counted_utc = session.began_trying_utc
    told = estimates
    if session.intent is not None:
        told = believed_within(estimates, session.intent["slept"])
        counted_utc = session.left_utc if counted_utc is None else counted_utc
    absences = [Absence(start, end) for start, end in session.absences]
    hypnogram = Hypnogram.of(told, session.entered_utc, session.left_utc, absences)
    again = RestagedRecord(
        session_id=session.id,
        model=restager.name,
        made_utc=made_utc,
        onset_utc=hypnogram.onset_s,
        final_awakening_utc=hypnogram.final_awakening_s,
        statistics=SleepStatistics.of(hypnogram, counted_utc).as_dict(),
    )
    nothing = (None,) * 4
    rows = (
        RestagedEpochRecord(epoch.start_utc, restager.name, one.stage.word, *(one.probabilities or nothing))
        for epoch, one in zip(mine, estimates, strict=True)
    )
    return [again, *rows]


def features_of(breathing: Sequence[BreathingRecord]) -> dict[int, bytes]:
    """Packed features by the start of each epoch, from the raw breathing of a night in order of time.

    Movement is kept by the second alone and breaks not at all, so they come close to those of the night itself.
    """
    if not breathing:
        return {}
    extractor = FeatureExtractor()
    starts = {_place(one, breathing[0]): one.start_utc for one in breathing}
    packed: dict[int, bytes] = {}
    for epoch in epochs_of(_ticks(breathing)):
        features = pack(extractor.update(epoch))
        if epoch.index in starts:
            packed[starts[epoch.index]] = features
    return packed


def _place(one: BreathingRecord, first: BreathingRecord) -> int:
    """Which half minute since the first; a restart may have shifted the grid by less than one."""
    return round((one.start_utc - first.start_utc) / EPOCH_S)


def _ticks(breathing: Sequence[BreathingRecord]) -> Iterator[Tick]:
    """The displacement before its drift was taken out, by the high pass backwards; a segment begins at 0."""
    pole = 1.0 / (1.0 + 2.0 * math.pi * DRIFT_HZ / SIGNAL_HZ)
    reached, before, level, moved = -1, math.nan, 0.0, False
    for one in breathing:
        place, told = _place(one, breathing[0]), waveform.unpack(one.samples)
        if told is None or place <= reached:
            continue
        if place > reached + 1:
            before = math.nan
        reached = place
        motion = told.motion.tolist()
        for k, still in enumerate(told.displacement.tolist()):
            moving = motion[k // SIGNAL_HZ]
            # A segment begins after what is missing, and at an exact 0 at a movement's end.
            begins = still == still and (before != before or (still == 0.0 != before and (moved or moving >= MOVING)))
            level = 0.0 if begins else level + still / pole - before
            yield Tick(place * EPOCH_S + k / SIGNAL_HZ, level if still == still else math.nan, moving, broke=begins)
            before = still
            if k % SIGNAL_HZ == SIGNAL_HZ - 1:
                moved = moving >= MOVING
