"""A TinyFrame module (MR60BHA2, HLK-LD6002) seen from its own side of the wire.

A night has a million frames, so they are laid out by numpy a stretch at a time, and not encoded one by one.
Rates and ranges: SoophieS/MR60BHA2-Sensor-Dashboard and algorithmicgaze/hands measured 16 Hz phases and 8 Hz distance;
total phase within about +-6 rad, breath +-4, heart +-2 (Hi-Link protocol explanation).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivers.readings import Module
from drivers.tinyframe import (
    BREATH_RATE,
    DISTANCE,
    HEART_RATE,
    PHASES,
    PRESENCE,
    TARGETS,
    VERSION,
    FrameDecoder,
    is_forbidden,
)
from drivers.twins.scene import Body, Scene, Ticks
from drivers.twins.tracker import (
    HALF_BEAM_DEG,
    LEAST_LISTED,
    PHASE_HZ,
    TARGET,
    TARGETS_M,
    Lock,
    Locked,
    TargetList,
)

MM_PER_RAD = 0.398  # lambda / 4 pi at 60 GHz
HEART_HZ = 1.0
SETTLE_HZ = 0.05  # corner of the module's own breath band
BREATH_DELAY = 10  # ticks: 0.6 s as measured by algorithmicgaze/hands
PRESENCE_HOLD_S = 3.0
RESOLVED_M, MOST_LEAK = 0.3, 0.9  # bodies nearer than this in range mix


class _Rows(NamedTuple):
    """All frames of one kind and length in a stretch."""

    tick: NDArray[np.int64]  # (n,) row in the stretch at which each leaves
    kind: int  # TYPE
    data: NDArray[np.uint8]  # (n, LEN)


class TinyFrameTwin:
    """Speaks phases at 16 Hz, distance and targets at 8 Hz, rates and presence at 1 Hz; the same seed says the same."""

    module = Module.TINYFRAME

    def __init__(self, seed: int = 0, baud: int = 115_200, firmware: bytes = b"\x04\x01\x06\x0c") -> None:
        self.baud = baud
        self.frozen = False
        self.lost = False  # somebody sent the command that no host may send
        self._firmware = firmware
        self._random = np.random.default_rng(seed)
        self._ticks = Ticks(PHASE_HZ)
        self._ears = FrameDecoder()
        self._asked = 0  # version queries that wait for their answer
        self._next_id = 0
        self._present_s = -np.inf
        self._lock, self._list = Lock(self._random), TargetList(self._random)
        self._followed = -1  # the body whose phases were last given
        self._level_rad = self._drift_rad = 0.0
        self._before_mm: float | None = None
        self._settled_mm = 0.0
        self._breath_rad = np.zeros(BREATH_DELAY)
        self._last_phases = np.zeros(3)

    def night(self, scene: Scene) -> Iterator[tuple[float, bytes]]:
        """(seconds, the frames that leave together) over the whole of a scene."""
        for block in scene.blocks():
            yield from self.speak(block)

    def restart(self) -> None:
        """Power was lost and came back: identifiers begin anew, and a lock must be found again."""
        self._next_id = 0
        self._lock.restart()

    def hear(self, t_s: float, data: bytes) -> bytes:
        """Obeys at once and answers among its other frames, since its identifiers count over all of them.

        A forbidden command makes it ``lost``, as it would the module.
        """
        for frame in self._ears.feed(data):
            self._asked += frame.kind == VERSION and not frame.data
            self.lost = self.lost or is_forbidden(frame)
        return b""

    def speak(self, scene: Scene) -> list[tuple[float, bytes]]:
        """The frames of the ticks before the end of ``scene``, those of one tick together."""
        ticks = self._ticks.until(scene)
        if not len(ticks) or self.lost:
            return []
        now = scene.at(ticks / PHASE_HZ)
        lock = self._lock.follow(ticks, now.bodies)
        heard = _heard(now.bodies, lock.target)
        somebody = np.zeros(len(ticks), np.bool_)
        for body in now.bodies:
            somebody |= (body.strength(HALF_BEAM_DEG) >= LEAST_LISTED) & (body.distance_m <= TARGETS_M)
        told = now.t_s - self._since(now.t_s, somebody) < PRESENCE_HOLD_S

        phases = self._phases(now, heard, lock)
        if self.frozen:
            phases[:] = self._last_phases
        self._last_phases = phases[-1]
        all_rows = np.arange(len(ticks))
        slow, second = all_rows[ticks % 2 == 0], all_rows[ticks % PHASE_HZ == 0]
        calm = lock.phases[second] & (heard.moving[second] < 0.5)
        breath = 15 + np.round(2 * np.sin(now.t_s[second] / 300))
        heart = 58 + np.round(4 * np.sin(now.t_s[second] / 900))
        answers = np.zeros(self._asked, np.int64)
        self._asked = 0
        kinds = [
            _Rows(answers, VERSION, np.tile(np.frombuffer(self._firmware, np.uint8), (len(answers), 1))),
            _Rows(all_rows, PHASES, _bytes(phases, "<f4")),
            *self._distances(heard.distance_m, slow),
            *self._targets(ticks, now.bodies, slow),
            _Rows(second, BREATH_RATE, _bytes(np.where(calm, breath, 0.0)[:, None], "<f4")),
            _Rows(second, HEART_RATE, _bytes(np.where(calm, heart, 0.0)[:, None], "<f4")),
            _Rows(second, PRESENCE, _bytes(told[second, None], "<u2")),
        ]
        return list(zip(now.t_s.tolist(), self._laid_out(kinds, len(ticks)), strict=True))

    def _since(self, t_s: NDArray[np.float64], somebody: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The last instant so far at which somebody was there."""
        since: NDArray[np.float64] = np.maximum(
            np.maximum.accumulate(np.where(somebody, t_s, -np.inf)), self._present_s
        )
        self._present_s = float(since[-1])
        return since

    def _phases(self, now: Scene, heard: Body, lock: Locked) -> NDArray[np.float64]:
        """(n, 3) radians: total, breath, heart; all exactly zero without a lock."""
        n = len(now.t_s)
        chest_rad = np.nan_to_num(heard.displacement_mm) / MM_PER_RAD
        # A movement shows another part of the body: about two jumps a second to a level of its own.
        jump = (heard.moving >= 0.5) & (self._random.random(n) < 2 / PHASE_HZ)
        followed = np.where(lock.phases, lock.target, -1)
        taken = followed != np.concatenate(([self._followed], followed[:-1]))
        jump |= taken & (followed >= 0)
        level = np.where(jump, self._random.uniform(-4, 4, n) - chest_rad, 0.0)
        last_jump = np.maximum.accumulate(np.where(jump, np.arange(n), -1))
        level = np.where(last_jump >= 0, level[last_jump], self._level_rad)
        drift = self._drift_rad + np.cumsum(self._random.normal(0.0, 0.002, n))
        self._followed, self._level_rad, self._drift_rad = int(followed[-1]), float(level[-1]), float(drift[-1])
        bursts = 1.0 if now.noise is None else 1.0 + now.noise

        phases = np.empty((n, 3))
        phases[:, 0] = chest_rad + level + drift + self._random.normal(0.0, 0.01, n) * bursts
        phases[:, 0] += _leak(now.bodies, heard, lock.target)
        phases[:, 1] = np.clip(self._breath(np.where(taken, np.nan, heard.displacement_mm)), -4.0, 4.0)
        phases[:, 2] = 0.3 * np.sin(2 * np.pi * HEART_HZ * now.t_s) + self._random.normal(0.0, 0.02, n)
        phases[~lock.phases] = 0.0
        return phases

    def _breath(self, displacement_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Radians: the chest without its slow part, late as the module's own copy is."""
        keep = float(np.exp(-2 * np.pi * SETTLE_HZ / PHASE_HZ))
        before, settled, out = self._before_mm, self._settled_mm, []
        for value in displacement_mm.tolist():
            if value != value:
                before, settled = None, 0.0
            else:
                settled = keep * (settled + value - before) if before is not None else 0.0
                before = value
            out.append(settled)
        self._before_mm, self._settled_mm = before, settled
        late: NDArray[np.float64] = np.concatenate((self._breath_rad, np.array(out) / MM_PER_RAD))
        self._breath_rad = late[-BREATH_DELAY:]
        return late[: len(out)]

    def _distances(self, distance_m: NDArray[np.float64], slow: NDArray[np.int64]) -> list[_Rows]:
        there = np.isfinite(distance_m[slow])
        near, gone = slow[there], slow[~there]
        data = np.empty((len(near), 8), np.uint8)
        data[:, :4] = (1, 0, 0, 0)
        noise_cm = 0.0 if self.frozen else self._random.normal(0.0, 0.3, len(near))
        data[:, 4:] = _bytes((distance_m[near] * 100 + noise_cm)[:, None], "<f4")
        # MR60BHA2 leaves the float out when nobody is locked (esphome/issues 6938).
        return [_Rows(near, DISTANCE, data), _Rows(gone, DISTANCE, np.zeros((len(gone), 4), np.uint8))]

    def _targets(self, ticks: NDArray[np.int64], bodies: tuple[Body, ...], slow: NDArray[np.int64]) -> list[_Rows]:
        if not len(slow):
            return []
        count, targets = self._list.see(ticks[slow], tuple(body.at(slow) for body in bodies))
        kinds = []
        for n in np.unique(count).tolist():
            rows = count == n
            data = np.zeros((int(rows.sum()), 4 + n * TARGET.itemsize), np.uint8)
            data[:, 0] = n
            if n:
                data[:, 4:] = np.ascontiguousarray(targets[rows, :n]).view(np.uint8)
            kinds.append(_Rows(slow[rows], TARGETS, data))
        return kinds

    def _laid_out(self, kinds: list[_Rows], n_ticks: int) -> list[bytes]:
        """The frames of each tick as bytes, with identifiers that count over all of them."""
        tick = np.concatenate([kind.tick for kind in kinds])
        size = np.concatenate([np.full(len(kind.tick), 9 + kind.data.shape[1]) for kind in kinds])
        order = np.argsort(tick, kind="stable")  # within a tick the order of ``kinds``
        number = np.empty(len(tick), np.int64)
        number[order] = np.arange(len(tick))
        ends = np.cumsum(size[order])
        start = (ends - size[order])[number]
        ids = (self._next_id + number) & 0xFFFF
        self._next_id = (self._next_id + len(tick)) & 0xFFFF

        flat = np.empty(int(ends[-1]), np.uint8)
        at = 0
        for kind in kinds:
            mine = slice(at, at + len(kind.tick))
            at += len(kind.tick)
            flat[start[mine, None] + np.arange(9 + kind.data.shape[1])] = _framed(kind, ids[mine])
        edges = np.concatenate(([0], ends[np.searchsorted(tick[order], np.arange(n_ticks), side="right") - 1])).tolist()
        raw = flat.tobytes()
        return [raw[a:b] for a, b in itertools.pairwise(edges)]


def _heard(bodies: tuple[Body, ...], target: NDArray[np.int64]) -> Body:
    """The body that the module listens to at each tick, as if it were one; NaN while it listens to none."""
    n, nobody = len(target), np.full(len(target), np.nan)
    heard = Body(nobody.copy(), nobody.copy(), np.zeros(n), nobody.copy(), np.zeros(n))
    for k, body in enumerate(bodies):
        for mine, its in zip(heard, body, strict=True):
            np.copyto(np.asarray(mine), its, where=target == k)
    return heard


def _leak(bodies: tuple[Body, ...], heard: Body, target: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) radians that other bodies at nearly the same range add: the angle of the sum of the phasors."""
    others = np.zeros(len(target), np.complex128)
    total = np.zeros(len(target))
    own = np.maximum(np.nan_to_num(heard.strength(HALF_BEAM_DEG)), 1e-9)
    for k, body in enumerate(bodies):
        apart_m = np.abs(body.distance_m - heard.distance_m)
        ratio = body.strength(HALF_BEAM_DEG) / own * np.maximum(1 - apart_m / RESOLVED_M, 0.0)
        ratio = np.nan_to_num(np.where((target >= 0) & (target != k), ratio, 0.0))
        between_mm = np.nan_to_num(body.displacement_mm - heard.displacement_mm)
        others += ratio * np.exp(1j * between_mm / MM_PER_RAD)
        total += ratio
    # The body that is followed stays the stronger: a module whose lock turns round its circle is not known.
    angle: NDArray[np.float64] = np.angle(1.0 + others * np.minimum(MOST_LEAK / np.maximum(total, 1e-9), 1.0))
    return angle


def _framed(kind: _Rows, ids: NDArray[np.int64]) -> NDArray[np.uint8]:
    """(n, 9 + LEN) bytes: head, identifier, length, type, check, data, check (each the inverted XOR)."""
    length = kind.data.shape[1]
    rows = np.empty((len(ids), 9 + length), np.uint8)
    rows[:, 0] = 0x01
    rows[:, 1], rows[:, 2] = ids >> 8, ids & 0xFF
    rows[:, 3:7] = (length >> 8, length & 0xFF, kind.kind >> 8, kind.kind & 0xFF)
    rows[:, 7] = ~np.bitwise_xor.reduce(rows[:, :7], axis=1)
    rows[:, 8 : 8 + length] = kind.data
    rows[:, 8 + length] = ~np.bitwise_xor.reduce(kind.data, axis=1)
    return rows


def _bytes(values: NDArray[np.generic], dtype: str) -> NDArray[np.uint8]:
    """(n, k) numbers as (n, k * itemsize) bytes."""
    return np.ascontiguousarray(values, dtype=dtype).view(np.uint8)
