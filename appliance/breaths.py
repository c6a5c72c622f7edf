"""Breaths in a displacement: where they turn, how fast they come, and how far that can be trusted.

For breaths the displacement is high-passed by one pole at 0.1 Hz (a body's sway goes, a breath's shape stays) and
smoothed by a triangle of 0.9 s (constant delay, the heart's beat goes).  Extrema of that are breaths when the signal
has turned back by a share of the recent breaths' depth.  How fast they come is asked of the last 30 s (``pace``); a
rate that was told is kept at a little less quality than a new one needs.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np

from appliance.displacement import NAN, Tick
from appliance.pace import WINDOW, WINDOW_HZ, WINDOW_S, pace
from models.contract import SIGNAL_HZ, Breath

MOVING = 0.5  # motion index from which on displacement is body movement
MISSED_S = 1.5 / SIGNAL_HZ  # between ticks: some are missing
SWAY_HZ = 0.1
SMOOTH = 5  # samples of each of two running means, whose cascade is a triangle
DELAY_S = (SMOOTH - 1) / SIGNAL_HZ
SETTLE_S = 1.0  # after a movement, before breaths count again
MIN_QUALITY = 0.45  # of a new rate: a wandering signal without breaths reaches it in one second of forty
KEPT_QUALITY = 0.35  # of one that goes on from a rate told within ...
KEPT_S = 5.0
KEPT_SHARE = 0.1  # ... by no more than this share
MIN_PROMINENCE = 0.05  # mm, of a breath
PROMINENCE = 0.3  # of the recent swings' median ...
PATIENCE_S = 5.0  # ... which fades when no breath has come for so long ...
FADING_S = 6.0
FADED = 0.3  # ... but not below this share of itself
MAX_INTERVAL_S = 60.0


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


class Swing:
    """A displacement on the 10 Hz grid without its sway, smoothed; ``DELAY_S`` late."""

    def __init__(self, smooth: int = SMOOTH) -> None:
        self._pole = 1.0 / (1.0 + 2.0 * math.pi * SWAY_HZ / SIGNAL_HZ)
        self._samples = smooth
        self._first: deque[float] = deque(maxlen=smooth)
        self._second: deque[float] = deque(maxlen=smooth)
        self.restart()

    def restart(self) -> None:
        """A segment ends."""
        self._first.clear()
        self._second.clear()
        self._sum_first = self._sum_second = 0.0
        self._level = NAN  # the last displacement of this segment
        self._swing = 0.0  # without sway

    def update(self, displacement: float) -> float:
        """Take the next displacement, which is a number; NaN until the smoothing is filled."""
        step = displacement - self._level
        if step == step:  # not the first of a segment
            self._swing = self._pole * (self._swing + step)
        self._level = displacement
        return self._smooth(self._swing)

    def _smooth(self, value: float) -> float:
        """The triangle's output, NaN until it is filled."""
        first, second, smooth = self._first, self._second, self._samples
        if len(first) == smooth:
            self._sum_first -= first[0]
        self._sum_first += value
        first.append(value)
        if len(first) < smooth:
            return NAN
        mean = self._sum_first / smooth
        if len(second) == smooth:
            self._sum_second -= second[0]
        self._sum_second += mean
        second.append(mean)
        return self._sum_second / smooth if len(second) == smooth else NAN


class Chest:
    """Follows one displacement on the 10 Hz grid; constant memory."""

    def __init__(self) -> None:
        self._detector = BreathDetector()
        self._swing = Swing()
        self._was_moving = False
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._detector.forget()
        self.end_segment()
        self.recent: deque[Breath] = deque(maxlen=WINDOW_S * 2)  # of the last 30 s
        self._window = np.full(2 * WINDOW, np.nan)  # written twice, so that the last 30 s are always in one piece
        self._head = 0
        self._settled_t_s = -math.inf
        self._told_t_s = -math.inf  # the last rate
        self._told_brpm = NAN
        self._asked: tuple[float, float | None, float] = (NAN, None, 0.0)
        self._last_t_s = -math.inf
        self.breath: Breath | None = None  # that the last tick confirmed

    def update(self, tick: Tick) -> Breath | None:
        """Take the next tick of the grid, some perhaps missing; return the breath that it confirms."""
        if tick.t_s - self._last_t_s > MISSED_S:
            self._skip(tick.t_s - self._last_t_s)
        self._last_t_s = tick.t_s
        self.breath = self._take(tick.t_s, tick.displacement, tick.moving >= MOVING, tick.broke)
        return self.breath

    def _take(self, t_s: float, displacement: float, is_moving: bool, broke: bool) -> Breath | None:
        k = round(t_s * SIGNAL_HZ)
        if displacement != displacement:
            self.end_segment()
            if k % 2 == 0:
                self._remember(NAN)
            return None
        if broke or (self._was_moving and not is_moving):
            self.end_segment()
        self._was_moving = is_moving
        smooth = self._swing.update(displacement)
        breath = None
        if is_moving:
            self._settled_t_s = t_s + SETTLE_S
            self._detector.restart()
            smooth = NAN
        elif t_s < self._settled_t_s:
            smooth = NAN
        elif smooth == smooth:
            breath = self._detector.update(t_s - DELAY_S, smooth)
            if breath is not None:
                self.recent.append(breath)
        if k % 2 == 0:
            self._remember(smooth)
        return breath

    def end_segment(self) -> None:
        """The signal stops or cannot be followed: no breath reaches across."""
        self._detector.restart()
        self._swing.restart()
        self._was_moving = False

    def _skip(self, seconds: float) -> None:
        """Nothing came for so long."""
        self.end_segment()
        for _ in range(int(min(seconds, WINDOW_S) * WINDOW_HZ)):
            self._remember(NAN)

    def rate(self, t_s: float) -> tuple[float | None, float]:
        """(breaths a minute, quality 0-1) over the last 30 s; no rate without quality.

        Asked once a second, by whoever asks first: the same second has the same answer.
        """
        if self._asked[0] != t_s:
            self._asked = (t_s, *self._rate(t_s))
        return self._asked[1:]

    def _rate(self, t_s: float) -> tuple[float | None, float]:
        while self.recent and self.recent[0].t_s < t_s - WINDOW_S:
            self.recent.popleft()
        intervals = np.array([breath.interval_s for breath in self.recent])
        rate_brpm, quality = pace(self._window[self._head : self._head + WINDOW], intervals)
        goes_on = t_s - self._told_t_s <= KEPT_S and abs(rate_brpm - self._told_brpm) <= KEPT_SHARE * self._told_brpm
        if not quality >= (KEPT_QUALITY if goes_on else MIN_QUALITY):
            return None, quality
        self._told_t_s, self._told_brpm = t_s, rate_brpm
        return rate_brpm, quality

    @property
    def amplitude(self) -> float | None:
        """Median depth of the recent breaths, peak to trough."""
        if not self.recent:
            return None
        depths = sorted(breath.amplitude for breath in self.recent)
        return depths[len(depths) // 2]

    def _remember(self, value: float) -> None:
        head = self._head
        self._window[head] = self._window[head + WINDOW] = value
        self._head = (head + 1) % WINDOW
