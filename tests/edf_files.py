"""EDF and EDF+ files for tests, written field by field as their specification has them (edfplus.info)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Channel(NamedTuple):
    """One signal: its samples as 16-bit integers and what they mean."""

    label: str
    digital: NDArray[Any]  # (records * samples of a record,)
    per_record: int
    physical: tuple[float, float] = (-100.0, 100.0)
    limits: tuple[int, int] = (-2048, 2047)


def edf_bytes(
    channels: Sequence[Channel],
    *,
    record_s: float = 1.0,
    reserved: str = "",
    records: int | None = None,
    time: str = "",
) -> bytes:
    """A whole file; ``records`` is what the header tells, by default the truth."""

    def fixed(width: int, *texts: object) -> bytes:
        return b"".join(str(text).ljust(width).encode("latin-1")[:width] for text in texts)

    n = len(channels)
    there = channels[0].digital.size // channels[0].per_record
    head = fixed(8, "0") + fixed(80, "X X X X", "Startdate 01-JAN-2026 X X X")
    head += fixed(8, "01.01.26", time or "22.00.00", 256 * (n + 1)) + fixed(44, reserved)
    head += fixed(8, there if records is None else records, f"{record_s:g}") + fixed(4, n)
    head += fixed(16, *(c.label for c in channels)) + fixed(80, *[""] * n) + fixed(8, *["uV"] * n)
    head += fixed(8, *(f"{c.physical[0]:g}" for c in channels)) + fixed(8, *(f"{c.physical[1]:g}" for c in channels))
    head += fixed(8, *(c.limits[0] for c in channels)) + fixed(8, *(c.limits[1] for c in channels))
    head += fixed(80, *[""] * n) + fixed(8, *(c.per_record for c in channels)) + fixed(32, *[""] * n)
    blocks = [c.digital.astype("<i2").reshape(there, c.per_record) for c in channels]
    return head + np.concatenate(blocks, axis=1).tobytes()


def annotation_channel(lists: Sequence[bytes]) -> Channel:
    """One record of time-stamped annotation lists each, filled up with zeros."""
    size = (max(map(len, lists)) + 2) // 2
    text = b"".join(entry.ljust(2 * size, b"\0") for entry in lists)
    return Channel("EDF Annotations", np.frombuffer(text, "<i2"), size, (-1, 1), (-32768, 32767))


def hypnogram_bytes(spans: Sequence[tuple[float, float, str]], time: str = "") -> bytes:
    """An EDF+ file of stages alone, as those of Sleep-EDF: one record that lasts no time."""
    lists = b"+0\x14\x14\0" + b"".join(
        f"+{onset:g}\x15{length:g}\x14{text}\x14\0".encode() for onset, length, text in spans
    )
    return edf_bytes([annotation_channel([lists])], record_s=0, reserved="EDF+C", time=time)


def waves(count: int, fs: float, hz: float = 0.25) -> NDArray[Any]:
    """A slow sine over nearly the whole of the default digital range."""
    return np.round(2000 * np.sin(2 * np.pi * hz * np.arange(count) / fs))
