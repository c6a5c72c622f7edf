"""The complex echo of an Acconeer A121, frame by frame: how far did what it sees come nearer, and is it alive?

Bodies at different ranges are followed apart: the points of the range profile belong to whichever body is nearest.
"""

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


BODIES = 3  # at most
LIVELY = 6.5  # activity of a body: chairs measured below 5, seated people above 9
APART_M = 0.45  # two bodies lie at least so far apart ...
VALLEY = 0.6  # ... and the points between them are no livelier than this share of the quieter one
NEAR_M = 0.35  # a body is found again within this of where it was a second ago
PROVEN_S, GONE_S = 2.0, 60.0  # of being seen before it is followed, of not being seen before it is let go


class EchoStep(NamedTuple):
    """What one frame added to one body."""

    position_mm: float  # sum of the steps so far
    jumped: bool  # the last step cannot be trusted
    activity: float  # deviation over the last seconds, in units of one sweep's noise; NaN unknown
    moving: float  # 0 still, 0.5 a body movement
    distance_m: float = math.nan  # of what is alive there; NaN while nothing is


class _Body:
    """One body that is followed; the first is there always, for whoever comes first."""

    def __init__(self) -> None:
        self.position_mm = 0.0
        self.distance_m = math.nan
        self.first_t_s = self.last_t_s = -math.inf


class Echo:
    """Follows the phase of each body's part of the range profile: its points turn the same way when it comes nearer."""

    def __init__(self) -> None:
        self._t_s = -math.inf
        self._split_t_s = -math.inf
        self._before = self._mean = np.zeros(0, np.complex128)
        self._variance = self._noise = self._alive = np.zeros(0)
        self._owner = np.zeros(0, np.int64)
        self._bodies: list[_Body | None] = [_Body()] + [None] * (BODIES - 1)

    def update(
        self,
        t_s: float,
        iq: NDArray[np.complex64],
        spread: NDArray[np.float32] | None,
        ranges_m: tuple[float, ...] | None = None,
    ) -> list[EchoStep | None]:
        """A step for each of the bodies, None where there is none; the first always has one.

        ``iq`` is (points,), the mean of one frame's sweeps; ``spread`` (points,) their standard deviation.  Without
        ``ranges_m`` all points belong to one body.
        """
        dt_s, self._t_s = t_s - self._t_s, t_s
        known = spread is not None and spread.shape == iq.shape
        sweeps = spread if known and spread is not None else np.ones(iq.shape, np.float32)
        if self._before.shape != iq.shape or not 0.0 < dt_s < SETTLE_S:
            self._before = iq.astype(np.complex128)
            self._mean = self._before.copy()
            self._variance = np.zeros(iq.shape)
            self._noise = sweeps.astype(np.float64) ** 2
            self._alive = np.zeros(iq.shape)
            self._owner = np.zeros(iq.shape, np.int64)
            self._bodies[1:] = [None] * (BODIES - 1)
            return [EchoStep(self._first.position_mm, True, math.nan, 0.0), *[None] * (BODIES - 1)]
        settle = 1.0 - math.exp(-dt_s / SETTLE_S)
        steps = follow_echo(
            self._before, self._mean, self._variance, self._noise, iq, sweeps, settle, dt_s / NOISE_S,
            self._owner, self._alive, BODIES,
        )  # fmt: skip
        if known and ranges_m is not None and len(ranges_m) == iq.size and t_s - self._split_t_s >= 1.0:
            self._split_t_s = t_s
            self._split(t_s, ranges_m)
        return [
            None if body is None else _step(body, row, known)
            for body, row in zip(self._bodies, steps.tolist(), strict=True)
        ]

    @property
    def _first(self) -> _Body:
        body = self._bodies[0]
        assert body is not None
        return body

    def _split(self, t_s: float, ranges_m: tuple[float, ...]) -> None:
        """Once a second: where are the bodies, and which point belongs to whom?"""
        places = _peaks(self._alive.tolist(), ranges_m)
        for body in self._bodies:
            if body is None:
                continue
            near = min(places, key=lambda m, at=body.distance_m: abs(m - at), default=math.nan)  # type: ignore[misc]
            if abs(near - body.distance_m) <= NEAR_M:
                places.remove(near)
                body.distance_m += 0.5 * (near - body.distance_m)
                body.last_t_s = t_s
        for index in range(1, BODIES):
            lost = self._bodies[index]
            if lost is not None and t_s - lost.last_t_s > min(GONE_S, lost.last_t_s - lost.first_t_s + PROVEN_S):
                self._bodies[index] = None
        first = self._first
        if t_s - first.last_t_s > GONE_S:
            first.distance_m = math.nan
        for place in places:
            if first.distance_m != first.distance_m:
                first.distance_m, first.last_t_s = place, t_s
            elif None in self._bodies:
                new = _Body()
                new.distance_m, new.first_t_s, new.last_t_s = place, t_s, t_s
                self._bodies[self._bodies.index(None)] = new
        there = [(i, body.distance_m) for i, body in enumerate(self._bodies) if body is not None]
        there = [(i, m) for i, m in there if m == m] or [(0, 0.0)]
        for k, range_m in enumerate(ranges_m):
            self._owner[k] = min(there, key=lambda one, at=range_m: abs(one[1] - at))[0]  # type: ignore[misc]


def _step(body: _Body, row: list[float], known: bool) -> EchoStep:
    advance, activity, stir = row
    body.position_mm += advance * MM_PER_RAD
    jumped = abs(advance) > JUMP_RAD
    if not known:
        return EchoStep(body.position_mm, jumped, math.nan, 0.0)
    moving = 0.5 * stir / STIRRED if activity >= ABOVE_NOISE else 0.0
    return EchoStep(body.position_mm, jumped, activity, moving, body.distance_m if activity >= LIVELY else math.nan)


def _peaks(alive: list[float], ranges_m: tuple[float, ...]) -> list[float]:
    """Ranges at which a body lives, the liveliest first."""
    found: list[int] = []
    for k in sorted(range(len(alive)), key=lambda k: -alive[k]):
        if alive[k] <= LIVELY or len(found) == BODIES:
            break
        if all(
            abs(ranges_m[k] - ranges_m[j]) >= APART_M
            and min(alive[min(j, k) : max(j, k) + 1]) <= VALLEY * min(alive[j], alive[k])
            for j in found
        ):
            found.append(k)
    return [_centre(alive, ranges_m, k) for k in found]


def _centre(alive: list[float], ranges_m: tuple[float, ...], k: int) -> float:
    """The centre of a peak, from it and its neighbours by their power."""
    near = range(max(k - 1, 0), min(k + 2, len(alive)))
    return sum(alive[i] ** 2 * ranges_m[i] for i in near) / sum(alive[i] ** 2 for i in near)
