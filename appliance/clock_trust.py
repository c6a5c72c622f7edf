"""How far the box's clock may be believed, and what is said of it.

A Raspberry Pi has no clock that runs without power.  After a power cut it goes on from a time that was kept, late by
as long as it was dark, until the network tells it.  The alarm rings by the clock there is, since a late ring is better
than none; but nobody is left to think that the clock is right.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from appliance.clock import Instant
from appliance.records import EventRecord

STEP_S = 2.0  # by more than this between two turns, the clock was set and did not just run


class ClockSource(StrEnum):
    """Who has told the box the time since it started."""

    NETWORK = "network"  # a time service; the crystal has run by itself since it last did, a second or two a day
    RTC = "rtc"  # a clock module with a battery, from which the system's clock was set at the start
    NOBODY = "nobody"
    UNKNOWN = "unknown"  # the box has no way to ask


COMPLAINTS = {
    ClockSource.NOBODY: (
        "The clock is not set: nothing has told the box the time since it started. Alarms ring by a clock that may be "
        "late by as long as the power was off; connect the box to a network, or fit a clock module (RTC)"
    ),
    ClockSource.UNKNOWN: (
        "Whether the clock is right is not known: no time service answers here. Install systemd-timesyncd, or compare "
        "the time on this page with your own"
    ),
}
_SET_BY = {ClockSource.NETWORK: "by the network", ClockSource.RTC: "by the clock module"}


class ClockWatch:
    """Follows the clock from turn to turn: what is wrong with it now, and when it was set, and by how much."""

    def __init__(self) -> None:
        self.source = ClockSource.NETWORK
        self._last: Instant | None = None
        self._steps: list[str] = []  # not yet in the record

    @property
    def complaints(self) -> tuple[str, ...]:
        """One sentence, with the next step, while the clock may not be believed."""
        return (COMPLAINTS[self.source],) if self.source in COMPLAINTS else ()

    def step_s(self, now: Instant) -> float:
        """By how many seconds the clock was set since the last look, forward or back (below 0); 0 where it just ran."""
        last, self._last = self._last, now
        moved_s = 0.0 if last is None else (now.utc_s - last.utc_s) - (now.mono_s - last.mono_s)
        if abs(moved_s) <= STEP_S:
            return 0.0
        self._steps.append(f"Clock set {'forward' if moved_s > 0.0 else 'back'} by {_span(abs(moved_s))}")
        return moved_s

    def update(self, source: ClockSource, now: Instant) -> list[EventRecord]:
        """Take a turn; what the night's record should say about the clock."""
        self.step_s(now)
        notes, self._steps = self._steps, []
        before, self.source = self.source, source
        if source is not before:
            by = _SET_BY.get(source)
            notes.append("Clock not known to be right" if by is None else f"Clock set {by}")
        return [EventRecord(int(now.utc_s), "clock", text) for text in notes]


def _span(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min"


class Told(NamedTuple):
    """What can be seen of the machine's time keeping, as the shell found it."""

    has_file: bool = False  # systemd-timesyncd has synchronised the clock since the machine started
    has_timesyncd: bool = False  # it runs
    kernel: bool | None = None  # what the kernel says of being synchronised; None where it may not be asked
    rtc_utc: int | None = None  # what a clock module tells, asked at the first look


LEAST_UTC = 1_735_689_600  # 2025-01-01: this program did not exist before
AGREES_S = 120.0


def judge(told: Told, now_utc: float, kept_utc: int) -> ClockSource:
    """Whom the clock is from; ``kept_utc`` is the last time that was kept on the disk, 0 without one.

    A clock module with an empty battery begins at 1970 or 2000, and the system then goes on from a time of its own: so
    the module counts only where both agree and where it is not before what was kept.
    """
    if told.has_file or told.kernel:
        return ClockSource.NETWORK
    least_utc = max(kept_utc - AGREES_S, LEAST_UTC)
    if told.rtc_utc is not None and abs(told.rtc_utc - now_utc) <= AGREES_S and told.rtc_utc >= least_utc:
        return ClockSource.RTC
    if told.kernel is None and not told.has_timesyncd:
        return ClockSource.UNKNOWN
    return ClockSource.NOBODY
