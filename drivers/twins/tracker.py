"""What a TinyFrame module's firmware makes of several bodies: the one it listens to, and those it lists as targets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivers.twins.scene import Body

PHASE_HZ = 16
HALF_BEAM_DEG = 60.0
LOCK_M, TARGETS_M = 1.5, 6.0  # as far as makers and users report
LOCK_S = 10.0  # of somebody there before phases come: the lower end of what makers and users report
LEAST_LOCKED, LEAST_LISTED = 0.04, 0.015  # strength of echo
NEARER_M, NEARER_S = 0.2, 3.0  # a body nearer by so much for so long takes the lock
RELOCK_S = (3.0, 8.0)  # of zeros after the lock went over to somebody who was there before
MERGE_M = 0.3  # targets nearer to each other are one
POSITION_M = 0.03  # standard deviation
MISSED_S, MISSED_EVERY_S = 4.0, 120.0  # a still body is not listed for so long, so often, on average
GHOST_S, GHOST_EVERY_S = 2.0, 1800.0
DOPPLER_M_S = 0.1728  # of one step of the doppler index
MAX_TARGETS = 3
GHOST_CLUSTER = 1000
TARGET = np.dtype([("x_m", "<f4"), ("y_m", "<f4"), ("doppler", "<i4"), ("cluster", "<i4")])

Ticks16 = NDArray[np.int64]  # numbers of ticks at PHASE_HZ


class Locked(NamedTuple):
    """(n,) each, per tick."""

    target: NDArray[np.int64]  # index of the body that the module listens to, -1 none
    phases: NDArray[np.bool_]  # and whether it gives its phases


class Lock:
    """Keeps to one body until it is lost or a clearly nearer one comes; decided once a second."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self.restart()

    def restart(self) -> None:
        """Nothing is known; whoever is there counts as just come."""
        self._target = -1
        self._ready_s = np.inf
        self._since_s = np.zeros(0)  # of each body within reach; NaN: not there

    def follow(self, ticks: Ticks16, bodies: tuple[Body, ...]) -> Locked:
        """The lock over a stretch of ticks."""
        n = len(ticks)
        if not bodies:
            self.restart()
            return Locked(np.full(n, -1), np.zeros(n, np.bool_))
        if len(self._since_s) != len(bodies):
            self.restart()
            self._since_s = np.full(len(bodies), np.nan)
        distance_m = np.stack([body.distance_m for body in bodies])
        reach = np.stack([body.strength(HALF_BEAM_DEG) >= LEAST_LOCKED for body in bodies]) & (distance_m <= LOCK_M)
        seconds = np.flatnonzero(ticks % PHASE_HZ == 0)
        targets, ready_s = [self._target], [self._ready_s]
        for row in seconds.tolist():
            self._decide(ticks[row] / PHASE_HZ, reach[:, row], distance_m[:, row])
            targets.append(self._target)
            ready_s.append(self._ready_s)
        latest = np.searchsorted(seconds, np.arange(n), side="right")
        target = np.array(targets)[latest]
        target = np.where((target >= 0) & reach[target, np.arange(n)], target, -1)
        return Locked(target, (target >= 0) & (ticks / PHASE_HZ >= np.array(ready_s)[latest]))

    def _decide(self, t_s: float, reach: NDArray[np.bool_], distance_m: NDArray[np.float64]) -> None:
        self._since_s = np.where(reach, np.where(np.isnan(self._since_s), t_s, self._since_s), np.nan)
        if self._target >= 0 and not reach[self._target]:
            self._target = -1
        if not reach.any():
            return
        settled = reach & (t_s - self._since_s >= NEARER_S)
        if self._target < 0:
            chosen = int(np.argmin(np.where(reach, distance_m, np.inf)))
        elif np.where(settled, distance_m, np.inf).min() < distance_m[self._target] - NEARER_M:
            chosen = int(np.argmin(np.where(settled, distance_m, np.inf)))
        else:
            return
        self._target = chosen
        self._ready_s = max(self._since_s[chosen] + LOCK_S, t_s + self._random.uniform(*RELOCK_S))


class TargetList:
    """What the module lists: never more than three, a few centimetres off, now and then one missing or one too many."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._missed_until = np.zeros(0, np.int64)  # of each body, a tick
        self._clusters: list[int] = []  # of each body, a number of its own for each time that it is found
        self._found: list[bool] = []
        self._next_cluster = 0
        self._ghost_until = 0
        self._ghost = (0.0, 0.0)

    def see(self, ticks: Ticks16, bodies: tuple[Body, ...]) -> tuple[NDArray[np.int64], NDArray[np.void]]:
        """(n,) how many, and (n, MAX_TARGETS) TARGET, the nearest first."""
        n, count = len(ticks), len(bodies) + 1
        if len(self._missed_until) != len(bodies):
            self._missed_until = np.zeros(len(bodies), np.int64)
            self._clusters, self._found = [0] * len(bodies), [False] * len(bodies)
        x_m, y_m, speed = np.full((count, n), np.nan), np.full((count, n), np.nan), np.zeros((count, n))
        weight = np.zeros((count, n))
        cluster = np.full((count, n), GHOST_CLUSTER)
        for k, body in enumerate(bodies):
            weight[k] = body.strength(HALF_BEAM_DEG)
            seen = (weight[k] >= LEAST_LISTED) & (body.distance_m <= TARGETS_M) & ~self._missed(k, ticks, body)
            cluster[k] = self._numbered(k, seen)
            x_m[k] = np.where(seen, np.broadcast_to(body.x_m, n), np.nan)
            y_m[k] = np.sqrt(np.maximum(body.distance_m**2 - x_m[k] ** 2, 0.0))
            walk = np.gradient(body.distance_m, ticks / PHASE_HZ) if n > 1 else np.zeros(1)
            limbs = self._random.normal(0.0, 3.0, n) * body.moving
            speed[k] = np.round(np.nan_to_num(walk) / DOPPLER_M_S + limbs)
        x_m[-1], y_m[-1] = self._ghosts(ticks)
        _merge(x_m, y_m, weight)
        off_m = self._random.normal(0.0, POSITION_M, (2, count, n))

        targets = np.zeros((count, n), TARGET)
        targets["x_m"], targets["y_m"] = x_m + off_m[0], y_m + off_m[1]
        targets["doppler"], targets["cluster"] = speed, cluster
        there = np.isfinite(y_m)
        order = np.argsort(np.where(there, np.hypot(x_m, y_m), np.inf), axis=0, kind="stable")[:MAX_TARGETS]
        listed = np.zeros((n, MAX_TARGETS), TARGET)
        listed[:, : len(order)] = np.take_along_axis(targets, order, axis=0).T
        return np.minimum(there.sum(axis=0), MAX_TARGETS), listed

    def _numbered(self, k: int, seen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(n,) the number under which body ``k`` is listed."""
        numbers = np.full(len(seen), self._clusters[k])
        for row in np.flatnonzero(seen & ~np.concatenate(([self._found[k]], seen[:-1]))).tolist():
            self._next_cluster += 1
            numbers[row:] = self._clusters[k] = self._next_cluster % GHOST_CLUSTER
        self._found[k] = bool(seen[-1])
        return numbers

    def _missed(self, k: int, ticks: Ticks16, body: Body) -> NDArray[np.bool_]:
        per_tick = (ticks[1] - ticks[0]) / PHASE_HZ if len(ticks) > 1 else 1.0 / PHASE_HZ
        begins = (self._random.random(len(ticks)) < per_tick / MISSED_EVERY_S) & (body.moving < 0.25)
        lengths = self._random.exponential(MISSED_S * PHASE_HZ, len(ticks)).astype(np.int64)
        until = np.maximum(np.maximum.accumulate(np.where(begins, ticks + lengths, 0)), self._missed_until[k])
        self._missed_until[k] = until[-1]
        missed: NDArray[np.bool_] = (ticks < until) & (body.moving < 0.25)
        return missed

    def _ghosts(self, ticks: Ticks16) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n,) x and y of an echo of the room that is nobody, NaN mostly."""
        x_m, y_m = np.full((2, len(ticks)), np.nan)
        per_tick = (ticks[1] - ticks[0]) / PHASE_HZ if len(ticks) > 1 else 1.0 / PHASE_HZ
        begins = np.flatnonzero(self._random.random(len(ticks)) < per_tick / GHOST_EVERY_S)
        x_m[ticks < self._ghost_until], y_m[ticks < self._ghost_until] = self._ghost
        for row in begins.tolist():
            self._ghost_until = int(ticks[row] + GHOST_S * PHASE_HZ * self._random.uniform(0.5, 1.5))
            self._ghost = (float(self._random.uniform(-1.0, 1.0)), float(self._random.uniform(0.5, 3.0)))
            lasts = (ticks >= ticks[row]) & (ticks < self._ghost_until)
            x_m[lasts], y_m[lasts] = self._ghost
        return x_m, y_m


def _merge(x_m: NDArray[np.float64], y_m: NDArray[np.float64], weight: NDArray[np.float64]) -> None:
    """Two that are too near to each other become one between them, by weight; in place."""
    for a in range(len(x_m)):
        for b in range(a + 1, len(x_m)):
            near = np.hypot(x_m[a] - x_m[b], y_m[a] - y_m[b]) < MERGE_M
            share = weight[b] / np.maximum(weight[a] + weight[b], 1e-9)
            x_m[a] = np.where(near, x_m[a] + share * (x_m[b] - x_m[a]), x_m[a])
            y_m[a] = np.where(near, y_m[a] + share * (y_m[b] - y_m[a]), y_m[a])
            weight[a] += np.where(near, weight[b], 0.0)
            x_m[b, near] = y_m[b, near] = np.nan
