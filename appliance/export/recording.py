"""A night as an EDF+ recording that sleep software opens: breathing, movement, distance, and stages as annotations.

Stages have the texts of the AASM as other tools read them.  Light sleep is N1 and N2 together, which no text says, and
goes out as N2.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from appliance import waveform
from appliance.edf import Annotation
from appliance.edf_writing import Channel, edf_bytes
from appliance.export.night import EPOCH_S, KeptNight
from models.contract import EPOCH_SAMPLES

EQUIPMENT = "Firstlight_radar"
TEXTS = {"wake": "W", "light": "N2", "deep": "N3", "rem": "R"}
WAVE = "Firstlight radar, above 0.03 Hz; -32.768 is missing"
RADAR = "Firstlight radar; -1 is missing"


def as_edf(night: KeptNight) -> bytes:
    """The whole night from entering bed to leaving it, in records of an epoch; the same bytes every time."""
    first_utc = night.epochs[0].start_utc if night.epochs else night.measured.entered_utc
    start_utc = first_utc - EPOCH_S * max(-(-(first_utc - night.measured.entered_utc) // EPOCH_S), 0)
    last_utc = max([night.left_utc, *(one.start_utc + EPOCH_S for one in night.epochs[-1:])])
    records = max(-(-(last_utc - start_utc) // EPOCH_S), 1)
    channels = [*_waves(night, start_utc, records), *_epochs(night, start_utc, records)]
    annotations = [one for one in _annotations(night, start_utc) if 0 <= one.onset_s <= records * EPOCH_S]
    return edf_bytes(night.local(start_utc), EPOCH_S, channels, sorted(annotations), EQUIPMENT)


def _waves(night: KeptNight, start_utc: int, records: int) -> Iterator[Channel]:
    """The raw breathing, where it is still kept."""
    moved = np.full(records * EPOCH_SAMPLES, np.nan)
    stirred = np.full(records * EPOCH_S, np.nan)
    for record in night.breathing:
        told, at_s = waveform.unpack(record.samples), record.start_utc - start_utc
        if told is None or not 0 <= at_s <= (records - 1) * EPOCH_S:
            continue
        moved[10 * at_s : 10 * at_s + EPOCH_SAMPLES] = told.displacement
        stirred[at_s : at_s + EPOCH_S] = told.motion
    if np.isfinite(moved).any():
        yield Channel("Resp chest", WAVE, "mm", -32.768, 32.767, moved.reshape(records, -1))
        yield Channel("Movement", RADAR, "", -1.0, 1.0, stirred.reshape(records, -1))


def _epochs(night: KeptNight, start_utc: int, records: int) -> Iterator[Channel]:
    """What is kept of each epoch, one sample a record."""
    told: dict[str, NDArray[np.float64]] = {}
    for name in ("rate_brpm", "motion", "distance_m"):
        told[name] = np.full((records, 1), np.nan)
        for one in night.epochs:
            place, value = round((one.start_utc - start_utc) / EPOCH_S), getattr(one, name)
            if value is not None and 0 <= place < records:
                told[name][place] = value
    yield Channel("Resp rate", RADAR, "1/min", -1.0, 120.0, told["rate_brpm"])
    yield Channel("Movement mean", RADAR, "", -1.0, 1.0, told["motion"])
    if np.isfinite(told["distance_m"]).any():
        yield Channel("Distance", RADAR, "m", -1.0, 20.0, told["distance_m"])


def _annotations(night: KeptNight, start_utc: int) -> Iterator[Annotation]:
    ends = [one.start_utc for one in night.epochs[1:]]
    for k, one in enumerate(night.epochs):
        word = TEXTS.get(one.stage, "?") if one.is_primary else "?"
        # After a restart the grid may have shifted: no two stages at once.
        length = min(EPOCH_S, ends[k] - one.start_utc) if k < len(ends) else EPOCH_S
        yield Annotation(one.start_utc - start_utc, length, f"Sleep stage {word}")
        if not one.is_primary:
            yield Annotation(one.start_utc - start_utc, length, "Somebody else")
    for begin, end in night.measured.absences:
        yield Annotation(begin - start_utc, end - begin, "Out of bed")
    session = night.session
    for text, utc_s in (
        ("In bed", session.entered_utc),
        ("Began trying to sleep", session.began_trying_utc),
        ("Got up", session.left_utc),
    ):
        if utc_s is not None:
            yield Annotation(utc_s - start_utc, 0, text)
    for said in night.corrections:
        length = 0 if said.end_utc is None else said.end_utc - said.utc_s
        yield Annotation(said.utc_s - start_utc, length, f"Corrected: {said.kind.replace('_', ' ')}")
