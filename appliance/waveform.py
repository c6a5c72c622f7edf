"""An epoch's raw breathing as a few hundred bytes: what is kept of a night for a while, beside its stages.

Displacement in whole micrometres (of Micradar in thousandths of its own unit), then movement in 1/250, both with one
value set aside for what is missing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.contract import EPOCH_S, EPOCH_SAMPLES

PER_MM = 1000.0
MOST_MM = 32.767  # further than a chest goes; what is beyond is a body that moves, and is cut off
PER_INDEX = 250.0
_NO_MM, _NO_INDEX = -32768, 255
_BYTES = 2 * EPOCH_SAMPLES + EPOCH_S


class Waveform(NamedTuple):
    """One epoch's breathing; NaN where it is missing."""

    displacement: NDArray[np.float64]  # (300,), mm (arbitrary for Micradar)
    motion: NDArray[np.float64]  # (30,), per second, 0-1


def pack(displacement: NDArray[np.float32], motion: NDArray[np.float32]) -> bytes:
    """(300,) and (30,) of one epoch, NaN where missing."""
    thousandths = np.clip(np.rint(displacement.astype(np.float64) * PER_MM), 1 + _NO_MM, MOST_MM * PER_MM)
    steps = np.clip(np.rint(motion.astype(np.float64) * PER_INDEX), 0, PER_INDEX)
    moved = np.where(np.isnan(displacement), _NO_MM, thousandths).astype("<i2")
    return moved.tobytes() + np.where(np.isnan(motion), _NO_INDEX, steps).astype(np.uint8).tobytes()


def unpack(samples: bytes) -> Waveform | None:
    """What ``pack`` made; None where it is of another size."""
    if len(samples) != _BYTES:
        return None
    moved = np.frombuffer(samples, "<i2", EPOCH_SAMPLES).astype(np.float64)
    steps = np.frombuffer(samples, np.uint8, EPOCH_S, 2 * EPOCH_SAMPLES).astype(np.float64)
    moved[moved == _NO_MM] = np.nan
    steps[steps == _NO_INDEX] = np.nan
    return Waveform(moved / PER_MM, steps / PER_INDEX)
