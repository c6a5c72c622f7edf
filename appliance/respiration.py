"""Breathing once a second, and the epochs that are staged."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from appliance.breaths import MISSED_S, MOVING, Chest
from appliance.displacement import NAN, Tick
from appliance.orientation import Orientation
from appliance.rhythm import Rhythm
from models.contract import EPOCH_S, EPOCH_SAMPLES, SIGNAL_HZ, Breath, Epoch

DRIFT_HZ = 0.03  # high pass of an epoch's displacement
PAST_S = 25  # of displacement kept: a breath of 5 a minute, and the time until it is known
TURN_SAMPLES = 2  # to either side of a turn, whose mean is the level there


class Breathing(NamedTuple):
    """What is known of the breathing at one second."""

    t_s: float  # the end of that second
    rate_brpm: float | None  # over the last 30 s; None without quality
    quality: float  # 0-1
    amplitude: float | None  # peak to trough, unit of the displacement; None without breaths
    motion: float  # of this second: 0 still, from 0.5 a body movement, NaN unknown
    interval_s: float | None = None  # of the last breath; None in a pause and after a break
    sigh: bool = False  # one ended in this second
    pause_s: float | None = None  # without a breath under way, from 10 s on an apnoea; None moving or unknown
    inhaling_sign: int | None = None  # +1: the displacement rises with the breath in, -1: it falls
    sign_confidence: float = 0.5  # 0.5-1, of the sign


class Respiration:
    """Ticks of one sleeper in; once a second a ``Breathing``, every 30 s an ``Epoch``.

    ``Epoch.displacement`` is high-passed at 0.03 Hz and not smoothed.  A breath belongs to the epoch in which it was
    confirmed, so its extremum may lie up to a few seconds before the epoch's start.
    """

    def __init__(self, seconds: bool = True) -> None:
        """``seconds`` False leaves the reports of each second out: the same epochs in a fifth of the time."""
        self._seconds = seconds
        self._pole = 1.0 / (1.0 + 2.0 * math.pi * DRIFT_HZ / SIGNAL_HZ)
        self._chest = Chest()  # where nobody else follows the breaths
        self._rhythm = Rhythm()
        self._orientation = Orientation()
        self._past: deque[float] = deque(maxlen=PAST_S * SIGNAL_HZ)  # displacement of this segment up to the last tick
        self.reset()

    def reset(self) -> None:
        """Nobody is there: forget everything, the unfinished epoch too."""
        self._chest.reset()
        self._rhythm.restart()
        self._orientation.reset()
        self._past.clear()
        self._sigh = False
        self._epochs: list[Epoch] = []
        self._index = -1  # of the epoch in progress
        self._second_end_s = -math.inf
        self._last_t_s = -math.inf
        self._motion = NAN
        self._level = NAN
        self._still = 0.0  # displacement without drift
        self._was_moving = False

    def turn_away(self) -> None:
        """Another body, of another chest, is followed from here on: no breath reaches across, and the epoch goes on."""
        self._rhythm.restart()
        self._orientation.reset()
        self._past.clear()
        self._level = NAN

    def take_epochs(self) -> list[Epoch]:
        """The epochs closed since the last call, oldest first."""
        epochs, self._epochs = self._epochs, []
        return epochs

    def update(self, tick: Tick, chest: Chest | None = None) -> Breathing | None:
        """Take the next tick of the grid; the first tick of a new second brings the report of the second before.

        ``chest`` is one that has taken this tick already: the presence gate's, on the box.
        """
        t_s, displacement, moving = tick.t_s, tick.displacement, tick.moving
        report = self._turn(t_s, chest or self._chest) if t_s >= self._second_end_s else None
        if t_s - self._last_t_s > MISSED_S:
            self._interrupt(moved=False)
            self._level = NAN
        self._last_t_s = t_s
        if moving > self._motion or self._motion != self._motion:
            self._motion = moving
        is_moving = moving >= MOVING
        if tick.broke or (self._was_moving and not is_moving):
            self._level = NAN
        self._was_moving = is_moving
        if displacement == displacement:
            step = displacement - self._level
            self._still = self._pole * (self._still + step) if step == step else 0.0
            self._displacement[round(t_s * SIGNAL_HZ) - self._index * EPOCH_SAMPLES] = self._still
        self._level = displacement
        breath = self._chest.update(tick) if chest is None else chest.breath
        if is_moving or tick.broke or displacement != displacement:
            self._interrupt(is_moving)
        if self._seconds and displacement == displacement and not is_moving:
            self._past.append(displacement)
            self._rhythm.follow(t_s, displacement)
        if breath is not None:
            self._breaths.append(breath)
            if self._seconds:
                self._follow(breath, t_s)
        return report

    def _interrupt(self, moved: bool) -> None:
        """The signal breaks off, or means something else from here on."""
        if self._past:  # the first of several in a row
            self._rhythm.restart()
            self._orientation.interrupt(moved)
            self._past.clear()

    def _follow(self, breath: Breath, t_s: float) -> None:
        """What a breath's own displacement says."""
        past = list(self._past)
        turn = len(past) - 1 - round((t_s - breath.t_s) * SIGNAL_HZ)
        around = past[max(turn - TURN_SAMPLES, 0) : turn + TURN_SAMPLES + 1]
        if turn < 0 or not around:
            return
        self._sigh = self._rhythm.update(breath, sum(around) / len(around)) or self._sigh
        start = turn - round(breath.interval_s * SIGNAL_HZ)
        if start >= 0:
            self._orientation.update(past[start : turn + 1])

    def _turn(self, t_s: float, chest: Chest) -> Breathing | None:
        """A new second begins, perhaps a new epoch: report the old ones."""
        report = None
        if self._index >= 0:
            ended_s = self._second_end_s
            self._motions[(round(ended_s) - 1) % EPOCH_S] = self._motion
            report = self._report(ended_s, chest) if self._seconds else None
            self._sigh = False
        self._second_end_s = math.floor(t_s) + 1.0
        self._motion = NAN
        index = int(t_s // EPOCH_S)
        if index != self._index:
            if self._index >= 0:
                self._epochs.append(self._epoch())
                self._epochs.extend(_empty_epoch(i) for i in range(self._index + 1, index))
            self._index = index
            self._displacement: NDArray[np.float32] = np.full(EPOCH_SAMPLES, np.nan, np.float32)
            self._motions: NDArray[np.float32] = np.full(EPOCH_S, np.nan, np.float32)
            self._breaths: list[Breath] = []
        return report

    def _report(self, ended_s: float, chest: Chest) -> Breathing:
        rate_brpm, quality = chest.rate(ended_s)
        return Breathing(
            ended_s,
            rate_brpm,
            quality,
            chest.amplitude,
            self._motion,
            self._rhythm.interval_s(ended_s),
            self._sigh,
            self._rhythm.pause_s(ended_s),
            self._orientation.sign,
            self._orientation.confidence,
        )

    def _epoch(self) -> Epoch:
        coverage = float(np.count_nonzero(~np.isnan(self._displacement))) / EPOCH_SAMPLES
        start_s = float(self._index * EPOCH_S)
        return Epoch(self._index, start_s, self._displacement, self._motions, tuple(self._breaths), coverage)


def _empty_epoch(index: int) -> Epoch:
    displacement = np.full(EPOCH_SAMPLES, np.nan, np.float32)
    motion = np.full(EPOCH_S, np.nan, np.float32)
    return Epoch(index, float(index * EPOCH_S), displacement, motion, (), 0.0)


def epochs_of(ticks: Iterable[Tick]) -> Iterator[Epoch]:
    """All whole epochs of a recording, the last one too when its last tick is there."""
    respiration = Respiration(seconds=False)
    tick = None
    for tick in ticks:
        respiration.update(tick)
        yield from respiration.take_epochs()
    if tick is not None and round(tick.t_s * SIGNAL_HZ + 1.0) % EPOCH_SAMPLES == 0:
        respiration.update(Tick(tick.t_s + 1.0 / SIGNAL_HZ, NAN, NAN))
        yield from respiration.take_epochs()
