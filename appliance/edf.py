"""One signal out of an EDF or EDF+ recording (Kemp 1992; EDF+ 2003): 16-bit samples in records of equal length."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_HEAD = 256
_FIELDS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)  # label, transducer, unit, minima, maxima, filter, samples, reserved
_LABEL, _PHYSICAL_MIN, _PHYSICAL_MAX, _DIGITAL_MIN, _DIGITAL_MAX, _SAMPLES = 0, 3, 4, 5, 6, 8
BREATHING = ("resp", "thor", "chest", "abdo", "airflow", "flow", "effort", "rip")


class EdfError(Exception):
    """The file cannot be read as EDF; one line."""


class Signal(NamedTuple):
    """One channel in physical units; ``fs`` in Hz."""

    label: str
    samples: NDArray[np.float64]  # (n,)
    fs: float


def read_signal(path: Path, name: str | None) -> Signal:
    """The signal called ``name``, or the only one whose label speaks of breathing.  Raises ``EdfError``."""
    raw = path.read_bytes()
    try:
        channels = int(raw[252:256])
        records, record_s = int(raw[236:244]), float(raw[244:252])
        columns = _columns(raw, channels)
        sizes = [int(text) for text in columns[_SAMPLES]]
        low = [[float(columns[i][c]) for c in range(channels)] for i in (_PHYSICAL_MIN, _DIGITAL_MIN)]
        high = [[float(columns[i][c]) for c in range(channels)] for i in (_PHYSICAL_MAX, _DIGITAL_MAX)]
    except (ValueError, IndexError) as error:
        raise EdfError(f"{path.name} is not EDF: its header cannot be read") from error
    if b"EDF+D" in raw[192:236]:
        raise EdfError(f"{path.name} is a discontinuous EDF+ (EDF+D): its gaps cannot be staged")
    labels = columns[_LABEL]
    at = _choose(labels, name, path)
    if record_s <= 0 or sizes[at] <= 0 or high[1][at] == low[1][at]:
        raise EdfError(f"{path.name}: the header of {labels[at]} makes no sense")
    body = np.frombuffer(raw, "<i2", offset=_HEAD * (channels + 1), count=(len(raw) - _HEAD * (channels + 1)) // 2)
    per_record = sum(sizes)
    whole = len(body) // per_record if records < 0 else min(records, len(body) // per_record)
    start = sum(sizes[:at])
    digital = body[: whole * per_record].reshape(whole, per_record)[:, start : start + sizes[at]].ravel()
    gain = (high[0][at] - low[0][at]) / (high[1][at] - low[1][at])
    return Signal(labels[at], (digital - low[1][at]) * gain + low[0][at], sizes[at] / record_s)


def _columns(raw: bytes, channels: int) -> list[list[str]]:
    """The ten header fields, each for every channel."""
    columns, at = [], _HEAD
    for width in _FIELDS:
        columns.append([raw[at + c * width : at + (c + 1) * width].decode("latin-1").strip() for c in range(channels)])
        at += width * channels
    return columns


def _choose(labels: list[str], name: str | None, path: Path) -> int:
    there = ", ".join(labels)
    if name is not None:
        matches = [i for i, label in enumerate(labels) if label.lower() == name.lower()]
        if not matches:
            raise EdfError(f"{path.name} has no signal {name}; there are {there}")
        return matches[0]
    matches = [i for i, label in enumerate(labels) if any(word in label.lower() for word in BREATHING)]
    if len(matches) != 1:
        raise EdfError(f"{path.name}: say with --signal which one is the breathing; there are {there}")
    return matches[0]
