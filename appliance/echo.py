"""The complex echo of an Acconeer A121, frame by frame: how far did what it sees come nearer, and is it alive?"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from appliance.kernels import follow_echo

MM_PER_RAD = 0.394  # lambda / 4 pi at 60.5 GHz
JUMP_RAD = 2.0  # in one frame: beyond it the turn is anyone's guess
SETTLE_S = 4.0  # over which a point's mean and variance run: about a breath
NOISE_S = 120.0  # over which the noise floor may rise
STIRRED = 0.25  # share by which a frame's sweeps disagree (0.06-0.13 while a chest breathes): half a body movement
ABOVE_NOISE = 3.0  # deviation over one sweep's noise, below which the phase whirls without meaning anything


class EchoStep(NamedTuple):
    """What one frame added."""

    position_mm: float  # sum of the steps so far
    jumped: bool  # the last step cannot be trusted
    activity: float  # deviation over the last seconds, in units of one sweep's noise; NaN unknown
    moving: float  # 0 still, 0.5 a body movement


class Echo:
    """Follows the phase of the whole range profile: all points turn the same way when a body comes nearer."""

    def __init__(self) -> None:
        self._t_s = -math.inf
        self._position_mm = 0.0
        self._before = self._mean = np.zeros(0, np.complex128)
        self._variance = self._noise = np.zeros(0)

    def update(self, t_s: float, iq: NDArray[np.complex64], spread: NDArray[np.float32] | None) -> EchoStep:
        """``iq`` is (points,), the mean of one frame's sweeps; ``spread`` (points,) their standard deviation."""
        dt_s, self._t_s = t_s - self._t_s, t_s
        known = spread is not None and spread.shape == iq.shape
        sweeps = spread if known and spread is not None else np.ones(iq.shape, np.float32)
        if self._before.shape != iq.shape or not 0.0 < dt_s < SETTLE_S:
            self._before = iq.astype(np.complex128)
            self._mean = self._before.copy()
            self._variance = np.zeros(iq.shape)
            self._noise = sweeps.astype(np.float64) ** 2
            return EchoStep(self._position_mm, True, math.nan, 0.0)
        settle = 1.0 - math.exp(-dt_s / SETTLE_S)
        advance, activity, stir = follow_echo(
            self._before, self._mean, self._variance, self._noise, iq, sweeps, settle, dt_s / NOISE_S
        )
        self._position_mm += advance * MM_PER_RAD
        if not known:
            return EchoStep(self._position_mm, abs(advance) > JUMP_RAD, math.nan, 0.0)
        moving = 0.5 * stir / STIRRED if activity >= ABOVE_NOISE else 0.0
        return EchoStep(self._position_mm, abs(advance) > JUMP_RAD, activity, moving)
