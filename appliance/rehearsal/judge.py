"""A rehearsed night judged from outside: by when there was light and sound, and never by what the box says of itself.

What could be asked of the box is known from outside as well.  Each alarm must sound within a second of the first moment
at which a process ran and its clock had reached the set time, never before its window, and no more once it was
silenced; and what rings goes on until somebody answers.  The second alarm to come due takes over from the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

AT_ONCE_S = 1.0
TWICE_S = 15.0  # after an alarm's end in which a stop is the same said twice
TAKEN_S = 2.0  # for a press, or a change on the page, to be heard
PATIENCE_S = 3600.0  # a set time longer ago than this is not rung for, and a ring lasts no longer
SNOOZE_SLACK_S = 2.0
SILENCE_S = 40.0  # longer than a ring's pauses can look like, at the coarsest of turns


@dataclass
class Expected:
    """One alarm as the sleeper knows it, and what became of it; seconds are true ones since the evening."""

    due_utc: int
    window_s: float = 0.0  # before the set time, in which it may sound as well
    dawn_s: float = 0.0
    could_s: float | None = None  # since when it could and should have sounded
    first_s: float | None = None  # the first sound
    is_ahead: bool = False  # before the set time and inside the window, by the box's clock
    hushed_s: float | None = None  # stopped, taken over or switched off

    @property
    def is_coming(self) -> bool:
        """Whether it is still to ring."""
        return self.first_s is None and self.hushed_s is None

    @property
    def delay_s(self) -> float | None:
        """From when it could have sounded to when it did."""
        return None if self.first_s is None or self.could_s is None else self.first_s - self.could_s

    @property
    def is_late(self) -> bool:
        """More than a second after it could; not where it was silenced before."""
        is_unasked = self.hushed_s is not None and self.first_s is not None and self.hushed_s < self.first_s
        return not is_unasked and self.delay_s is not None and self.delay_s > AT_ONCE_S


@dataclass
class Judge:
    """Watches one night."""

    alarms: Sequence[Expected]
    snooze_s: float
    is_early: bool = False
    is_again: bool = False
    fell_silent: bool = False  # rang, and stopped by itself
    changed_s: float | None = None
    snoozed_s: float | None = None
    snooze_missed: bool = False
    active: Expected | None = field(default=None, repr=False)  # what rings or is snoozed
    rings_utc: float = 0.0  # since when it rings at the longest, by the box's clock
    _may_be_over: bool = False  # what rang: the clock was set forward, and nothing was heard since
    _heard_s: float | None = None  # the last sound of what rings; None where silence can say nothing

    def running(self, from_s: float, t_s: float, from_utc: float) -> None:
        """A process ran from ``from_s`` to ``t_s``, and its clock went on from ``from_utc``."""
        for one in self.alarms:
            late_s = from_utc + (t_s - from_s) - one.due_utc
            if one.could_s is None and 0.0 <= late_s < PATIENCE_S:
                one.could_s = max(from_s, from_s + one.due_utc - from_utc)

    def disturbed(self, t_s: float, set_forward: bool = False) -> None:
        """A process ended or began, or the clock was set: neither a snooze's end nor a ring due just now can be asked.

        A clock set forward may end a ring, which lasts no longer than ``PATIENCE_S`` of it.
        """
        self.snoozed_s, self._may_be_over = None, self._may_be_over or set_forward
        for one in self.alarms:
            if one.first_s is None and one.could_s is not None and t_s - one.could_s <= AT_ONCE_S:
                one.could_s = None
            if one.is_ahead and one.hushed_s is None and one.first_s is not None and t_s - one.first_s <= AT_ONCE_S:
                self._forget(one)
        if self._heard_s is not None:
            self._heard_s = None if set_forward else t_s

    def shown(self, t_s: float, utc_s: float, sounds: bool) -> None:
        """What came out at ``t_s``, when the box's clock said ``utc_s``."""
        self._mind_snooze(t_s, sounds)
        if not sounds:
            self._mind_silence(t_s, utc_s)
            return
        self._may_be_over = False
        due = [one for one in self.alarms if one.is_coming and 0 <= utc_s - one.due_utc < PATIENCE_S + AT_ONCE_S]
        if due:
            self._rings(due, t_s, utc_s)
        elif self.active is None:
            self._unexpected(t_s, utc_s)
        self._heard_s = t_s
        self.rings_utc = min(self.rings_utc, utc_s)  # after a clock was set back it is counted from the new time

    def stopped(self, t_s: float, utc_s: float) -> None:
        """The sleeper stopped what rings or is snoozed; else the dawn that ends first."""
        if self.active is not None:
            for one in self.alarms:
                if one.first_s is not None and one.hushed_s is None:
                    one.hushed_s = t_s
            self.active.hushed_s = t_s
            self.active = self._heard_s = None
            return
        if any(one.hushed_s is not None and t_s - one.hushed_s < TWICE_S for one in self.alarms):
            return
        dawns = [one for one in self.alarms if one.is_coming and 0.0 < one.due_utc - utc_s <= one.dawn_s]
        for one in sorted(dawns, key=lambda one: one.due_utc)[:1]:
            one.hushed_s = t_s

    def switched_off(self, t_s: float) -> None:
        """The sleeper switched every alarm off."""
        for one in self.alarms:
            one.hushed_s = t_s if one.hushed_s is None else one.hushed_s
        self.active = self._heard_s = None

    def changed(self, t_s: float) -> None:
        """The sleeper has asked for other times, which stand in ``alarms`` from now on."""
        self.changed_s = t_s

    def snoozed(self, t_s: float) -> None:
        """The sleeper snoozed it, or meant to: a clock set forward may have ended it, where nothing was heard since."""
        self.snoozed_s, self._heard_s = None if self._may_be_over else t_s, None

    def unsure(self) -> None:
        """The sleeper pressed, and the process may have ended before or after it heard."""
        self._heard_s = None

    def _mind_snooze(self, t_s: float, sounds: bool) -> None:
        if self.snoozed_s is None or self.active is None:
            return
        since_s = t_s - self.snoozed_s
        if since_s > self.snooze_s + SNOOZE_SLACK_S:
            self.snooze_missed, self.snoozed_s = True, None
        elif sounds and since_s >= TAKEN_S:
            if since_s < self.snooze_s - SNOOZE_SLACK_S and not any(
                one.is_coming and one.could_s is not None for one in self.alarms
            ):
                self.is_again = True
            self.snoozed_s = None

    def _mind_silence(self, t_s: float, utc_s: float) -> None:
        if self.active is None or self._heard_s is None:
            return
        if utc_s - self.rings_utc >= PATIENCE_S:
            self._heard_s = None  # it rang for as long as it should, whatever the clock is set to after that
        elif t_s - self._heard_s > SILENCE_S:
            self.fell_silent, self._heard_s = True, None

    def _forget(self, one: Expected) -> None:
        """A good moment in the very second of a process's end may not be on the disk: its set time may ring instead."""
        one.first_s, one.is_ahead = None, False
        if self.active is one:
            self.active = self._heard_s = None

    def _rings(self, due: Sequence[Expected], t_s: float, utc_s: float) -> None:
        for one in due:
            one.first_s = t_s
        self.active, self.snoozed_s = max(due, key=lambda one: one.due_utc), None
        self.rings_utc = utc_s

    def _unexpected(self, t_s: float, utc_s: float) -> None:
        """A sound where no set time has come: a good moment in a window, or a defect."""
        hushed = [one for one in self.alarms if one.hushed_s is not None]
        last_s = max((one.hushed_s for one in hushed if one.hushed_s is not None), default=-TAKEN_S)
        if t_s < last_s + TAKEN_S:
            return  # it has not been heard yet
        ahead = sorted((one for one in self.alarms if one.is_coming), key=lambda one: one.due_utc)
        window = [one for one in ahead if -one.window_s <= utc_s - one.due_utc < 0.0]
        if window:
            self._rings(window[:1], t_s, utc_s)
            window[0].is_ahead = True
        elif hushed:
            self.is_again = True
            self.active = max(hushed, key=lambda one: one.hushed_s or 0.0)
        else:
            self.is_early = True
            self._rings(ahead[:1], t_s, utc_s)

    @property
    def word(self) -> str:
        """What became of the night: rang, silenced (before any could ring) or missed (one of them, or all)."""
        if any(one.is_coming for one in self.alarms):
            return "missed"
        return "silenced" if self.first_s is None else "rang"

    @property
    def first_s(self) -> float | None:
        """The first sound."""
        return min((one.first_s for one in self.alarms if one.first_s is not None), default=None)

    @property
    def hushed_s(self) -> float | None:
        """When the last was silenced; None while one is not."""
        hushed = [one.hushed_s for one in self.alarms]
        return None if None in hushed else max(s for s in hushed if s is not None)

    @property
    def told_s(self) -> float | None:
        """When there was first something that the box must not forget."""
        told = [s for one in self.alarms for s in (one.first_s, one.hushed_s, self.changed_s) if s is not None]
        return min(told, default=None)

    @property
    def wrongs(self) -> set[str]:
        """Which sounds there were that should not have been, or silence."""
        seen = {"too_early": self.is_early, "again": self.is_again, "fell_silent": self.fell_silent}
        return {name for name, is_so in seen.items() if is_so}

    @property
    def delay_s(self) -> float | None:
        """The longest from when one could have sounded to when it did; an early ring has none."""
        delays = [one.delay_s for one in self.alarms if not one.is_ahead and one.delay_s is not None]
        return max(delays, default=None)

    @property
    def is_late(self) -> bool:
        """One more than a second after it could, or not again after a snooze."""
        return self.snooze_missed or any(one.is_late for one in self.alarms)
