"""Breathing from displacement: breath by breath, rate and quality once a second, and the epochs that are staged.

The displacement is high-passed by one slow pole (0.03 Hz: drift goes, a breath's shape stays) and smoothed by a
triangle of 0.9 s (constant delay, the heart's beat goes).  Extrema of the smoothed signal are breaths when the signal has turned
back by a share of the recent breaths' depth.  Two witnesses must agree on a rate, the repetition in the autocorrelation
of 30 s and the intervals between breaths; otherwise there is none.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from appliance.displacement import NAN, Tick
from appliance.kernels import periodicity
from models.contract import EPOCH_S, EPOCH_SAMPLES, SIGNAL_HZ, Breath, Epoch

HIGH_PASS_HZ = 0.03
SMOOTH = 5  # samples of each of two running means, whose cascade is a triangle
DELAY_S = (SMOOTH - 1) / SIGNAL_HZ
MOVING = 0.5  # from here on displacement is body movement
SETTLE_S = 1.0  # after a movement or a break, before breaths count again
WINDOW_S = 30
WINDOW_HZ = 5
MIN_RATE_BRPM = 5.0
MAX_RATE_BRPM = 34.0
MIN_QUALITY = 0.4
AGREEMENT = 0.2  # relative difference of a breath's interval from the repetition that still agrees
MIN_PROMINENCE = 0.05  # mm, of a breath
PROMINENCE = 0.3  # of the recent swings' median ...
PATIENCE_S = 5.0  # ... which fades when no breath has come for so long ...
FADING_S = 6.0
FADED = 0.3  # ... but not below this share of itself
MAX_INTERVAL_S = 60.0


class Breathing(NamedTuple):
    """What is known of the breathing at one second."""

    t_s: float  # the end of that second
    rate_brpm: float | None  # over the last 30 s; None without quality
    quality: float  # 0-1
    amplitude: float | None  # peak to trough, unit of the displacement; None without breaths
    motion: float  # of this second: 0 still, from 0.5 a body movement, NaN unknown


class _Extremum(NamedTuple):
    t_s: float
    value: float


class BreathDetector:
    """Finds those extrema of a smoothed displacement that are breaths, whatever its sign; constant memory."""

    def __init__(self) -> None:
        self._swings: deque[float] = deque(maxlen=12)
        self._depth = 0.0
        self.restart()

    def restart(self) -> None:
        """A segment ends: no interval reaches across.  The usual depth is remembered."""
        self._before = self._middle = NAN  # the last two values
        self._high: _Extremum | None = None  # candidates
        self._low: _Extremum | None = None
        self._direction = 0  # +1 looks for a maximum, -1 for a minimum, 0 for either
        self._maximum: _Extremum | None = None  # the last confirmed ones
        self._minimum: _Extremum | None = None
        self._turned_t_s = -math.inf

    def forget(self) -> None:
        """Forget the usual depth too."""
        self._swings.clear()
        self._depth = 0.0
        self.restart()

    def update(self, t_s: float, value: float) -> Breath | None:
        """Take the next value of the 10 Hz grid; return the breath that it confirms."""
        before, middle = self._before, self._middle
        self._before, self._middle = middle, value
        rise, fall = middle - before, middle - value  # NaN at the start of a segment: nothing compares
        if rise >= 0.0 and fall > 0.0:
            peak = _vertex(t_s, before, middle, value)
            if self._high is None or peak.value > self._high.value:
                self._high = peak
        elif rise <= 0.0 and fall < 0.0:
            peak = _vertex(t_s, before, middle, value)
            if self._low is None or peak.value < self._low.value:
                self._low = peak
        if self._direction >= 0 and self._high is not None and self._high.value - value >= self._prominence(t_s):
            high, self._high, self._low, self._direction = self._high, None, None, -1
            last, self._maximum = self._maximum, high
            return self._breath(t_s, high, last, self._minimum, rising=True)
        if self._direction <= 0 and self._low is not None and value - self._low.value >= self._prominence(t_s):
            low, self._high, self._low, self._direction = self._low, None, None, 1
            last, self._minimum = self._minimum, low
            return self._breath(t_s, low, last, self._maximum, rising=False)
        return None

    def _prominence(self, t_s: float) -> float:
        waited_s = t_s - self._turned_t_s - PATIENCE_S
        fade = max(FADED, math.exp(-waited_s / FADING_S)) if waited_s > 0.0 else 1.0
        return max(MIN_PROMINENCE, PROMINENCE * fade * self._depth)

    def _breath(
        self, t_s: float, here: _Extremum, last: _Extremum | None, opposite: _Extremum | None, rising: bool
    ) -> Breath | None:
        self._turned_t_s = t_s
        if opposite is None:
            return None
        amplitude = abs(here.value - opposite.value)
        self._swings.append(amplitude)
        self._depth = sorted(self._swings)[len(self._swings) // 2]
        if last is None or here.t_s - last.t_s > MAX_INTERVAL_S:
            return None
        return Breath(here.t_s, here.t_s - last.t_s, amplitude, rising)


def _vertex(t_s: float, before: float, middle: float, value: float) -> _Extremum:
    """The vertex of the parabola through three values, the last of them at ``t_s``."""
    bend = before - 2.0 * middle + value
    shift = 0.5 * (before - value) / bend if bend else 0.0
    return _Extremum(t_s + (shift - 1.0) / SIGNAL_HZ, middle - 0.25 * (before - value) * shift)


class Respiration:
    """Ticks of one sleeper in; once a second a ``Breathing``, every 30 s an ``Epoch``.

    ``Epoch.displacement`` is the high-passed, unsmoothed displacement.  A breath belongs to the epoch in which it was
    confirmed, so its extremum may lie up to a few seconds before the epoch's start.
    """

    def __init__(self) -> None:
        self._pole = 1.0 / (1.0 + 2.0 * math.pi * HIGH_PASS_HZ / SIGNAL_HZ)
        self._detector = BreathDetector()
        self._first: deque[float] = deque(maxlen=SMOOTH)
        self._second: deque[float] = deque(maxlen=SMOOTH)
        self._sum_first = self._sum_second = 0.0
        self._level = NAN  # the last displacement of this segment
        self._high_passed = 0.0
        self._was_moving = False
        self._size = WINDOW_S * WINDOW_HZ
        self.reset()

    def reset(self) -> None:
        """Nobody is there: forget everything, the unfinished epoch too."""
        self._detector.forget()
        self._recent: deque[Breath] = deque(maxlen=WINDOW_S * 2)
        self._window = np.full(2 * self._size, np.nan)  # written twice, so that the last 30 s are always in one piece
        self._head = 0
        self._epochs: list[Epoch] = []
        self._index = -1  # of the epoch in progress
        self._second_end_s = -math.inf
        self._motion = NAN
        self._last_t_s = -math.inf
        self._settled_t_s = -math.inf
        self._end_segment()

    def take_epochs(self) -> list[Epoch]:
        """The epochs closed since the last call, oldest first."""
        epochs, self._epochs = self._epochs, []
        return epochs

    def update(self, tick: Tick) -> Breathing | None:
        """Take the next tick of the grid; the first tick of a new second brings the report of the second before."""
        t_s, displacement, moving = tick.t_s, tick.displacement, tick.moving
        report = None
        if t_s >= self._second_end_s:
            if self._index >= 0:
                report = self._report()
            if t_s - self._last_t_s > 1.0 / SIGNAL_HZ + 0.01:
                self._skip(t_s)
            self._second_end_s = math.floor(t_s) + 1.0
            self._motion = NAN
            index = int(t_s // EPOCH_S)
            if index != self._index:
                self._close_until(index)
        elif t_s - self._last_t_s > 1.0 / SIGNAL_HZ + 0.01:
            self._skip(t_s)
        self._last_t_s = t_s
        if not moving <= self._motion:
            self._motion = moving if moving == moving else self._motion
        is_moving = moving >= MOVING
        if displacement != displacement or tick.broke or (self._was_moving and not is_moving):
            self._end_segment()
        self._was_moving = is_moving
        if displacement == displacement:
            self._filter(t_s, displacement, is_moving)
        elif round(t_s * SIGNAL_HZ) % 2 == 0:
            self._remember(NAN)
        return report

    def _filter(self, t_s: float, displacement: float, is_moving: bool) -> None:
        if self._level != self._level:
            self._high_passed = 0.0
        else:
            self._high_passed = self._pole * (self._high_passed + displacement - self._level)
        self._level = displacement
        value = self._high_passed
        k = round(t_s * SIGNAL_HZ)
        self._displacement[k - self._index * EPOCH_SAMPLES] = value
        first, second = self._first, self._second
        smooth = NAN
        if len(first) == SMOOTH:
            self._sum_first -= first[0]
        self._sum_first += value
        first.append(value)
        if len(first) == SMOOTH:
            mean = self._sum_first / SMOOTH
            if len(second) == SMOOTH:
                self._sum_second -= second[0]
            self._sum_second += mean
            second.append(mean)
            if len(second) == SMOOTH:
                smooth = self._sum_second / SMOOTH
        if is_moving:
            self._settled_t_s = t_s + SETTLE_S
            self._detector.restart()
            smooth = NAN
        elif t_s < self._settled_t_s:
            smooth = NAN
        elif smooth == smooth:
            breath = self._detector.update(t_s - DELAY_S, smooth)
            if breath is not None:
                self._breaths.append(breath)
                self._recent.append(breath)
        if k % 2 == 0:
            self._remember(smooth)

    def _remember(self, value: float) -> None:
        head = self._head
        self._window[head] = self._window[head + self._size] = value
        self._head = (head + 1) % self._size

    def _end_segment(self) -> None:
        self._detector.restart()
        self._first.clear()
        self._second.clear()
        self._sum_first = self._sum_second = 0.0
        self._level = NAN
        self._high_passed = 0.0
        self._was_moving = False

    def _skip(self, t_s: float) -> None:
        """Ticks are missing: so is the signal."""
        self._end_segment()
        missing = (t_s - max(self._last_t_s, t_s - WINDOW_S)) * WINDOW_HZ
        for _ in range(int(missing)):
            self._remember(NAN)

    def _report(self) -> Breathing:
        t_s = self._second_end_s
        while self._recent and self._recent[0].t_s < t_s - WINDOW_S:
            self._recent.popleft()
        window = self._window[self._head : self._head + self._size]
        min_lag, max_lag = int(60 * WINDOW_HZ / MAX_RATE_BRPM), int(60 * WINDOW_HZ / MIN_RATE_BRPM)
        correlation, lag, deviation, share = periodicity(window, min_lag, max_lag)
        self._set_motion(t_s)
        if not self._recent:
            return Breathing(t_s, None, 0.0, None, self._motion)
        amplitude = _median([breath.amplitude for breath in self._recent])
        if correlation <= 0.0 or deviation < MIN_PROMINENCE / 4.0:
            return Breathing(t_s, None, 0.0, amplitude, self._motion)
        period_s = lag / WINDOW_HZ
        agreeing = [b.interval_s for b in self._recent if abs(b.interval_s - period_s) <= AGREEMENT * period_s]
        agreement = len(agreeing) / len(self._recent)
        quality = correlation * min(1.0, share / 0.6) * min(1.0, 0.25 + agreement)
        if quality < MIN_QUALITY or len(agreeing) < 3:
            return Breathing(t_s, None, quality, amplitude, self._motion)
        return Breathing(t_s, 60.0 * len(agreeing) / sum(agreeing), quality, amplitude, self._motion)

    def _set_motion(self, end_s: float) -> None:
        self._motions[(round(end_s) - 1) % EPOCH_S] = self._motion

    def _close_until(self, index: int) -> None:
        if self._index >= 0:
            self._epochs.append(self._epoch())
            self._epochs.extend(_empty_epoch(i) for i in range(self._index + 1, index))
        self._index = index
        self._displacement: NDArray[np.float32] = np.full(EPOCH_SAMPLES, np.nan, np.float32)
        self._motions: NDArray[np.float32] = np.full(EPOCH_S, np.nan, np.float32)
        self._breaths: list[Breath] = []

    def _epoch(self) -> Epoch:
        coverage = float(np.count_nonzero(~np.isnan(self._displacement))) / EPOCH_SAMPLES
        start_s = float(self._index * EPOCH_S)
        return Epoch(self._index, start_s, self._displacement, self._motions, tuple(self._breaths), coverage)


def _empty_epoch(index: int) -> Epoch:
    displacement = np.full(EPOCH_SAMPLES, np.nan, np.float32)
    motion = np.full(EPOCH_S, np.nan, np.float32)
    return Epoch(index, float(index * EPOCH_S), displacement, motion, (), 0.0)


def _median(values: list[float]) -> float:
    values.sort()
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else 0.5 * (values[middle - 1] + values[middle])


def epochs_of(ticks: Iterator[Tick]) -> Iterator[Epoch]:
    """All whole epochs of a recording, the last one too when its last tick is there."""
    respiration = Respiration()
    tick = None
    for tick in ticks:
        respiration.update(tick)
        yield from respiration.take_epochs()
    if tick is not None and round((tick.t_s + 1.0 / SIGNAL_HZ) * SIGNAL_HZ) % EPOCH_SAMPLES == 0:
        respiration.update(Tick(tick.t_s + 1.0 / SIGNAL_HZ, NAN, NAN))
        yield from respiration.take_epochs()
