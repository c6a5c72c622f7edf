"""The one place that asks what time it is; everything below is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, Protocol


class Instant(NamedTuple):
    """One moment on both clocks: monotonic seconds since the supervisor started, and UTC."""

    mono_s: float
    utc_s: float


class Clock(Protocol):
    """What the supervisor needs of time."""

    speed: float

    def now(self) -> Instant:
        """This moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let that many of this clock's seconds pass."""
        ...


class WallClock:
    """The box's own clock.  ``speed`` and ``start_utc_s`` serve the demo: a night in minutes, on the same code."""

    def __init__(
        self,
        speed: float = 1.0,
        start_utc_s: float | None = None,
        least_utc: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """``least_utc`` says before which time (UTC seconds) it cannot be, where the system's clock was lost."""
        self.speed = speed
        self._least_utc = least_utc
        self._origin_s = time.monotonic()
        self._start_utc_s = start_utc_s

    def now(self) -> Instant:
        mono_s = (time.monotonic() - self._origin_s) * self.speed
        # Real UTC is read afresh and never extrapolated: network time may step it, and the alarm must see that.
        utc_s = max(time.time(), self._least_utc()) if self._start_utc_s is None else self._start_utc_s + mono_s
        return Instant(mono_s, utc_s)

    def sleep(self, seconds: float) -> None:
        time.sleep(max(seconds, 0.0) / self.speed)


class CaptureClock:
    """The clock of a replay: it stands where the capture stands."""

    def __init__(self, start_utc_s: float, speed: float | None = None) -> None:
        self.speed = speed or 1.0
        self.mono_s = 0.0
        self._start_utc_s = start_utc_s
        self._real = speed is not None

    def now(self) -> Instant:
        return Instant(self.mono_s, self._start_utc_s + self.mono_s)

    def sleep(self, seconds: float) -> None:
        self.mono_s += seconds
        if self._real:
            time.sleep(seconds / self.speed)
