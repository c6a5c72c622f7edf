"""A rehearsed night judged from outside: by when there was light and sound, and never by what the box says of itself.

What could be asked of the box is known from outside as well: it must sound within a second of the first moment at which
a process ran and its clock had reached the set time, never before the window, and no more once it was silenced.
"""

from __future__ import annotations

from dataclasses import dataclass

AT_ONCE_S = 1.0
TAKEN_S = 2.0  # for a press, or a change on the page, to be heard
PATIENCE_S = 3600.0  # a set time longer ago than this is not rung for
SNOOZE_SLACK_S = 2.0


@dataclass
class Judge:
    """Watches one night."""

    due_utc: int
    snooze_s: float
    window_s: float = 0.0  # before the set time, in which it may sound as well
    could_s: float | None = None  # since when it could and should have sounded
    first_s: float | None = None  # the first sound
    is_early: bool = False
    is_ahead: bool = False  # before the set time and inside the window, by the box's clock
    is_again: bool = False
    again_s: float = 0.0
    hushed_s: float | None = None  # stopped or switched off by the sleeper
    snoozed_s: float | None = None
    snooze_missed: bool = False

    def running(self, from_s: float, t_s: float, from_utc: float) -> None:
        """A process ran from ``from_s`` to ``t_s``, and its clock went on from ``from_utc``."""
        late_s = from_utc + (t_s - from_s) - self.due_utc
        if self.could_s is None and 0.0 <= late_s < PATIENCE_S:
            self.could_s = max(from_s, from_s + self.due_utc - from_utc)

    def disturbed(self, t_s: float) -> None:
        """The process ended, or the clock was set: neither a snooze's end nor a ring due just now can be asked for."""
        self.snoozed_s = None
        if self.first_s is None and self.could_s is not None and t_s - self.could_s <= AT_ONCE_S:
            self.could_s = None

    def shown(self, t_s: float, utc_s: float, sounds: bool) -> None:
        """What came out at ``t_s``, when the box's clock said ``utc_s``."""
        if self.snoozed_s is not None and self.hushed_s is None:
            since_s = t_s - self.snoozed_s
            if since_s > self.snooze_s + SNOOZE_SLACK_S:
                self.snooze_missed, self.snoozed_s = True, None
            elif sounds and since_s >= TAKEN_S:
                if since_s < self.snooze_s - SNOOZE_SLACK_S:
                    self._again(t_s)
                self.snoozed_s = None
        if not sounds:
            return
        if self.first_s is None:
            self.first_s = t_s
            self.is_early = utc_s < self.due_utc - self.window_s
            self.is_ahead = not self.is_early and utc_s < self.due_utc
        if self.hushed_s is not None and t_s >= self.hushed_s + TAKEN_S:
            self._again(t_s)

    def stopped(self, t_s: float) -> None:
        """The sleeper stopped it, or switched it off."""
        if self.hushed_s is None:
            self.hushed_s = t_s

    def snoozed(self, t_s: float) -> None:
        """The sleeper snoozed it."""
        self.snoozed_s = t_s

    def _again(self, t_s: float) -> None:
        self.is_again, self.again_s = True, t_s

    @property
    def word(self) -> str:
        """What became of it: rang, silenced (before it could ring) or missed."""
        if self.first_s is not None:
            return "rang"
        return "missed" if self.hushed_s is None else "silenced"

    @property
    def delay_s(self) -> float | None:
        """From when it could have sounded to when it did."""
        return None if self.first_s is None or self.could_s is None else self.first_s - self.could_s

    @property
    def is_late(self) -> bool:
        """More than a second after it could, or not again after a snooze."""
        unasked = self.hushed_s is not None and self.first_s is not None and self.hushed_s < self.first_s
        return self.snooze_missed or (not unasked and self.delay_s is not None and self.delay_s > AT_ONCE_S)
