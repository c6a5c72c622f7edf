"""The complex echo of an Acconeer A121, frame by frame: how far did what it sees come nearer, and is it alive?"""

from __future__ import annotations

import cmath
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MM_PER_RAD = 0.394  # lambda / 4 pi at 60.5 GHz
JUMP_RAD = 2.0  # a frame; beyond it the turn cannot be told


class EchoStep(NamedTuple):
    """What one frame added."""

    position_mm: float  # sum of the steps so far
    jumped: bool  # the step cannot be trusted
    valid: bool
    activity: float  # change against noise, NaN unknown


class Echo:
    """Follows the phase of the whole range profile: the points' advances, weighted by their power, share one sign."""

    def __init__(self) -> None:
        self._before: NDArray[np.complex64] | None = None
        self._position_mm = 0.0

    def update(self, iq: NDArray[np.complex64], spread: NDArray[np.float32] | None) -> EchoStep:
        """``iq`` is (points,), the mean of one frame's sweeps; ``spread`` (points,) their standard deviation."""
        before, self._before = self._before, iq
        if before is None or before.shape != iq.shape:
            return EchoStep(self._position_mm, True, True, math.nan)
        advance = cmath.phase(complex(np.vdot(before, iq)))
        self._position_mm += advance * MM_PER_RAD
        return EchoStep(self._position_mm, abs(advance) > JUMP_RAD, True, math.nan)
