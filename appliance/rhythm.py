"""One breath after the other: the last interval, and sighs and pauses as they happen.

Depths are taken from the displacement itself, at the turns that ``breaths`` finds: the high pass through which those
are found makes a shift of the body look like a breath that comes back.
"""

from __future__ import annotations

import math
from collections import deque

from models.contract import Breath

USUAL = 12  # swings, of six breaths, whose median depth is the usual one ...
KNOWN = 6  # ... and of which so many must be there
SIGH = 2.0  # times the usual depth, in and out again (Perez-Padilla 1983)
UNDER_WAY = 0.3  # of the usual depth away from the last turn
SWING = 0.1  # of the usual depth: what is less is no breath but an apnoea's stillness (AASM: a fall by 90 %)
PAUSE_S = 10.0  # from here on a pause has no breath to belong to (AASM)
LOST_S = 120.0  # without a breath: nothing is known any more


class Rhythm:
    """Displacement and breaths of one sleeper in; what the last seconds were; constant memory."""

    def __init__(self) -> None:
        self._swings: deque[float] = deque(maxlen=USUAL + 2)
        self.restart()

    def restart(self) -> None:
        """The signal stops, or the body moves: what comes after has another depth, and no pause reaches across."""
        self._swings.clear()
        self._usual: float | None = None  # depth
        self._level: float | None = None  # at the last turn
        self._rested_t_s = -math.inf  # when it came to rest there, as far as is known
        self._interval_s: float | None = None

    def follow(self, t_s: float, displacement: float) -> None:
        """Take the next value: away from the last turn a breath is under way."""
        if self._usual is None or self._level is None:
            return
        if abs(displacement - self._level) > UNDER_WAY * self._usual:
            self._rested_t_s = t_s

    def update(self, breath: Breath, level: float) -> bool:
        """Take a breath and the displacement at its closing turn; True where a sigh ends with it."""
        last = self._level
        swing = 0.0 if last is None else abs(level - last)
        if self._usual is not None and swing < SWING * self._usual:
            return False
        self._level, self._rested_t_s = level, breath.t_s
        if last is None:
            return False
        self._interval_s = breath.interval_s
        self._swings.append(swing)
        swings = list(self._swings)
        self._usual = _median(swings[-USUAL:]) if len(swings) >= KNOWN else None
        return len(swings) >= KNOWN + 2 and min(swings[-2:]) >= SIGH * _median(swings[:-2])

    def interval_s(self, t_s: float) -> float | None:
        """Of the last breath, until a pause makes it old; None unknown."""
        return self._interval_s if t_s - self._rested_t_s < PAUSE_S else None

    def pause_s(self, t_s: float) -> float | None:
        """How long no breath has been under way: hardly a second while somebody breathes; None unknown."""
        if self._usual is None or t_s - self._rested_t_s > LOST_S:
            return None
        return t_s - self._rested_t_s


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
