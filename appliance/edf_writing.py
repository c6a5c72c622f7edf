"""EDF+ out: signals and annotations as the bytes of one uninterrupted file (EDF+C).

EDF: Kemp et al. 1992, doi 10.1016/0013-4694(92)90009-7.  EDF+: Kemp and Olivan 2003, doi 10.1016/S1388-2457(03)00123-8.
The same night gives the same bytes: nothing of the day of writing is in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from appliance.edf import ANNOTATIONS, Annotation

DIGITAL_MIN, DIGITAL_MAX = -32768, 32767
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")  # in any locale


class Channel(NamedTuple):
    """One signal.  EDF knows no missing sample: it gets ``low``, which no sample that is there may have."""

    label: str
    transducer: str
    unit: str
    low: float  # what the lowest of 16-bit integers stands for, and the highest; at most 8 characters each
    high: float
    samples: NDArray[np.float64]  # (records, samples of a record), NaN where missing


def edf_bytes(
    start: datetime, record_s: int, channels: Sequence[Channel], annotations: Sequence[Annotation], equipment: str
) -> bytes:
    """A whole file that begins at ``start``, by the clock on that wall.

    Annotations are in order of onset, each put into the record in which it begins; onsets are whole seconds from 0 on.
    """
    records = len(channels[0].samples)
    lists = _lists(records, record_s, annotations)
    size = 2 * (max(map(len, lists)) // 2 + 1)  # a zero byte ends the last list of a record
    texts = np.frombuffer(b"".join(text.ljust(size, b"\0") for text in lists), "<i2").reshape(records, -1)
    date = f"{start.day:02d}-{MONTHS[start.month - 1]}-{start.year:04d}"
    count = len(channels) + 1
    head = _fixed(8, "0") + _fixed(80, "X X X X", f"Startdate {date} X X {equipment}")
    head += _fixed(8, f"{start:%d.%m.%y}", f"{start:%H.%M.%S}", 256 * (count + 1)) + _fixed(44, "EDF+C")
    head += _fixed(8, records, record_s) + _fixed(4, count)
    head += _fixed(16, *(c.label for c in channels), ANNOTATIONS) + _fixed(80, *(c.transducer for c in channels), "")
    head += _fixed(8, *(c.unit for c in channels), "")
    head += _fixed(8, *(f"{c.low:g}" for c in channels), -1) + _fixed(8, *(f"{c.high:g}" for c in channels), 1)
    head += _fixed(8, *[DIGITAL_MIN] * count) + _fixed(8, *[DIGITAL_MAX] * count) + _fixed(80, *[""] * count)
    head += _fixed(8, *(c.samples.shape[1] for c in channels), texts.shape[1]) + _fixed(32, *[""] * count)
    body: bytes = np.concatenate([*map(_digital, channels), texts], axis=1).tobytes()
    return head + body


def _digital(channel: Channel) -> NDArray[np.int16]:
    span = (channel.samples - channel.low) / (channel.high - channel.low)
    steps = np.rint(span * (DIGITAL_MAX - DIGITAL_MIN)) + DIGITAL_MIN
    there = np.clip(steps, DIGITAL_MIN + 1, DIGITAL_MAX)
    return np.where(np.isnan(steps), DIGITAL_MIN, there).astype("<i2")


def _lists(records: int, record_s: int, annotations: Sequence[Annotation]) -> list[bytes]:
    """The time-stamped annotation lists of each record, its own start first."""
    found = [f"+{k * record_s}\x14\x14\0".encode() for k in range(records)]
    for onset_s, duration_s, text in annotations:
        length = f"\x15{duration_s:g}" if duration_s else ""
        place = min(int(onset_s // record_s), records - 1)
        found[place] += f"+{onset_s:g}{length}\x14{text}\x14\0".encode()
    return found


def _fixed(width: int, *texts: object) -> bytes:
    """ASCII fields of one width, filled up with spaces."""
    return b"".join(str(text).encode("ascii", "replace")[:width].ljust(width) for text in texts)
