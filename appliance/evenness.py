"""Does something swing as evenly as a machine?  A fan's sweep has one length and one depth for ever, and no breath has.

The swing is heard whether or not it counts as movement: blades and a sweep's ends do, several times in every period,
and no breath is taken from it then.  It is timed by the middle between two crossings of its own middle, where it is
fast, and not where it turns: of a swing of 2 mm and 20 s in noise of 0.05 mm, that scatters by 0.04 s, and this by 0.8.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from appliance.breaths import Swing
from appliance.displacement import NAN, Tick
from models.contract import SIGNAL_HZ

SWINGS, LENGTH_CV = 6, 0.006  # in a row, and how even their lengths: then it is a machine's ...
MANY_SWINGS, MANY_LENGTH_CV = 14, 0.007  # ... and this is beyond doubt.  A fan's were measured at 0.003, sleepers' 0.02
DEPTH_CV = 0.04  # likewise 0.02 and 0.10
ALIKE, ALIKE_DEEP = 0.02, 0.08  # of length and depth of what was beyond doubt: it is heard again through a disturbance
AGAIN, REMEMBER_S = 2, 120.0  # ... by so many swings in a row, within this
OVERDUE = 1.5  # swings without such a one: it has stopped
SMOOTH = 8  # samples, more than for a breath: the echo of what stands there ripples a fan's slope
LEAST_MM = 0.05  # of a swing's depth
FAR = 0.25  # of the last swing's depth: so far from the middle it is no noise about it
LONGEST_S = 30.0
FOLLOW = 0.5  # share by which the middle follows each swing's


class Evenness:
    """Ticks of one body in; constant memory."""

    def __init__(self) -> None:
        self._swing = Swing(SMOOTH)
        self._lengths_s: deque[float] = deque(maxlen=MANY_SWINGS)
        self._depths_mm: deque[float] = deque(maxlen=MANY_SWINGS)
        self._known_s = self._known_mm = NAN  # length and depth of what was beyond doubt
        self._known_t_s = -math.inf  # and when it was last heard
        self._alike = 0  # swings in a row that are as that one's
        self._until_s = self._sure_until_s = -math.inf  # a machine until then
        self._restart()

    def _restart(self) -> None:
        self._swing.restart()
        self._before = NAN  # the last value
        self._began_s = -math.inf  # the swing in progress
        self._depth_mm = self._middle_mm = 0.0  # of the last
        self._high, self._low = -math.inf, math.inf
        self._is_high = False
        self._up_s = self._down_s = -math.inf  # when it last crossed the middle

    def update(self, tick: Tick) -> None:
        """Take the next tick of the grid."""
        if tick.displacement != tick.displacement:
            self._restart()
            return
        t_s, value = tick.t_s, self._swing.update(tick.displacement)
        if value != value:
            return
        before, self._before = self._before, value
        self._high, self._low = max(self._high, value), min(self._low, value)
        if t_s - self._began_s > LONGEST_S:
            self._began_s, self._depth_mm, self._middle_mm = t_s, 0.0, 0.5 * (self._high + self._low)
            self._high = self._low = value
            self._up_s = self._down_s = t_s
        middle_mm, far_mm = self._middle_mm, FAR * max(self._depth_mm, LEAST_MM)
        if before < middle_mm <= value or value < middle_mm <= before:
            crossed_s = t_s - (value - middle_mm) / (value - before) / SIGNAL_HZ
            if self._is_high:
                self._down_s = crossed_s
            else:
                self._up_s = crossed_s
        if not self._is_high and value > middle_mm + far_mm:
            self._is_high = True
        elif self._is_high and value < middle_mm - far_mm:
            self._is_high = False
            self._begin(0.5 * (self._up_s + self._down_s))

    def _begin(self, t_s: float) -> None:
        """The middle of a crest, ``t_s``, ends a swing and begins the next."""
        length_s, self._depth_mm = t_s - self._began_s, self._high - self._low
        self._middle_mm += FOLLOW * (0.5 * (self._high + self._low) - self._middle_mm)
        self._began_s = t_s
        self._high, self._low = -math.inf, math.inf
        self._lengths_s.append(length_s)
        self._depths_mm.append(self._depth_mm)
        like = abs(length_s / self._known_s - 1.0) < ALIKE and abs(self._depth_mm / self._known_mm - 1.0) < ALIKE_DEEP
        self._alike = self._alike + 1 if like else 0
        until_s = t_s + OVERDUE * length_s
        if self._is_even(SWINGS, LENGTH_CV):
            self._until_s = until_s
        if self._is_even(MANY_SWINGS, MANY_LENGTH_CV):
            self._known_s, self._known_mm = _mean(self._lengths_s), _mean(self._depths_mm)
        elif self._alike < AGAIN or t_s - self._known_t_s > REMEMBER_S:
            return
        self._known_t_s = t_s
        self._until_s = self._sure_until_s = until_s

    def _is_even(self, swings: int, length_cv: float) -> bool:
        lengths_s, depths_mm = list(self._lengths_s)[-swings:], list(self._depths_mm)[-swings:]
        return len(lengths_s) == swings and _cv(lengths_s) < length_cv and _cv(depths_mm) < DEPTH_CV

    def is_machine(self, t_s: float, beyond_doubt: bool) -> bool:
        """Whether the last swings up to now were as even as a machine's, or so many that it is ``beyond_doubt``."""
        return t_s < (self._sure_until_s if beyond_doubt else self._until_s)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _cv(values: Sequence[float]) -> float:
    """Coefficient of variation."""
    mean = _mean(values)
    return math.sqrt(_mean([(value - mean) ** 2 for value in values])) / mean
