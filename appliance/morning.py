"""The alarms as the supervisor lives with them: what lamp and buzzer show, what was pressed, and why it rang.

All that it remembers is what is stored: the settings and the facts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from appliance.alarm import AlarmEvent, AlarmFacts, Phase, dawn_progress
from appliance.alarm_setting import AlarmSetting
from appliance.alarms import Alarms
from appliance.sunrise import brighter, dawn, ring_loudness, ring_tone
from drivers.lamp import DARK, LampLevel

LATE_S = 2  # after the set time, from when a ring's reason says so


class Levels(NamedTuple):
    """What lamp and buzzer show until the next turn."""

    lamp: LampLevel = DARK
    tone_hz: float | None = None
    loudness: float = 1.0  # of the tone, as a share of the loudest that the buzzer can


class AlarmChange(NamedTuple):
    """The alarm entered a phase."""

    t_s: float
    phase: Phase
    reason: str


class FirstRing(NamedTuple):
    """An occurrence rang for the first time."""

    setting: AlarmSetting
    due_utc: int
    rang_utc: int
    reason: str


class Settled(NamedTuple):
    """What a turn of the clock has brought about."""

    changed: tuple[tuple[AlarmSetting, AlarmFacts], ...] = ()  # since the last turn, presses and new settings included
    entered: AlarmChange | None = None
    rang: FirstRing | None = None


class Morning:
    """Settings and facts of the alarms; asks nothing but them and the clock."""

    def __init__(self, settings: Sequence[AlarmSetting], facts: Mapping[int, AlarmFacts] | None = None) -> None:
        self.alarms = Alarms(tuple(settings), facts or {})
        self._told = self.alarms  # as they were at the last turn
        self._phase = Phase.IDLE
        self._sounding: int | None = None  # the alarm that rang or was snoozed at the last turn
        self._reason: str | None = None

    def choose(self, settings: Sequence[AlarmSetting]) -> None:
        """The sleeper wants these alarms from now on."""
        self.alarms = Alarms(tuple(settings), self.alarms.facts)

    def levels(self, now_utc: float) -> Levels:
        """Lamp and buzzer at this instant."""
        alarms = self.alarms.settled(now_utc)
        one = alarms.active
        if one is not None:
            lamp = _lamp(one, alarms.of(one), now_utc)
            ringing = alarms.of(one).ringing_utc
            if ringing is None:
                return Levels(lamp)
            # Counted from the stored start of this ring, so a restart goes on at the same loudness.
            since_s = max(now_utc - ringing, 0.0)
            return Levels(lamp, ring_tone(since_s, one.sound), one.loudness * ring_loudness(since_s))
        lamp = DARK
        for one in alarms.settings:
            lamp = brighter(lamp, _lamp(one, alarms.of(one), now_utc))
        return Levels(lamp)

    def press(self, event: AlarmEvent, now_utc: float, reason: str) -> bool:
        """Snooze or stop, or ring now; True when it meant something in the present phase."""
        alarms = self.alarms.after(event, now_utc)
        heard = alarms != self.alarms.settled(now_utc)
        if heard:
            self.alarms, self._reason = alarms, reason
        return heard

    def left_s(self, now_utc: float) -> float | None:
        """How long until the set time of the alarm whose smart window is open; None where none is."""
        ahead = self.alarms.window(now_utc)
        return None if ahead is None else ahead.utc_s - now_utc

    def woke_utc(self, now_utc: float) -> float:
        """Since when there is something to snooze or stop: what was asked for earlier was of an alarm that is over."""
        alarms = self.alarms.settled(now_utc)
        one = alarms.active
        if one is not None:
            facts = alarms.of(one)
            due, rang = facts.due_utc or now_utc, facts.rang_utc or now_utc
            begun = min(due - 60.0 * one.dawn_min, rang)
        else:
            dawn_utc = alarms.dawn_utc(now_utc)
            begun = now_utc if dawn_utc is None else dawn_utc
        ends = [alarms.of(a).ended_utc for a in alarms.settings if one is None or a.id != one.id]
        return max([begun] + [end for end in ends if end is not None and end <= now_utc])

    def over_for_s(self, now_utc: float) -> float:
        """How long ago the last alarm was over; infinite where none was, or where the clock was set back since."""
        last = self.alarms.last_ended()
        since_s = math.inf if last is None else now_utc - (last[1].ended_utc or 0)
        return since_s if since_s >= 0.0 else math.inf

    def set_forward(self, by_s: int) -> None:
        """The clock was: what rings or is snoozed goes along.  To be told before anything is shown by the new time."""
        self.alarms = self.alarms.moved(by_s)

    def settle(self, now_s: float, now_utc: float) -> Settled:
        """Let the clock do its part."""
        before, self.alarms = self._told, self.alarms.settled(now_utc)
        self._told = self.alarms
        changed = tuple(self.alarms.changes(before))
        entered, one = self.alarms.phase(now_utc), self.alarms.active
        reason, self._reason = self._reason, None
        rang = None
        if one is not None:
            facts = self.alarms.of(one)
            is_first = (facts.due_utc, facts.rang_utc) != (before.of(one).due_utc, before.of(one).rang_utc)
            if is_first and facts.due_utc is not None and facts.rang_utc is not None:
                why = reason or _why_it_rang(one, facts)
                rang = FirstRing(one, facts.due_utc, facts.rang_utc, why)
        sounding = None if one is None else one.id
        if entered is self._phase and (sounding == self._sounding or sounding is None):
            return Settled(changed, None, rang)
        self._phase, self._sounding = entered, sounding
        return Settled(changed, AlarmChange(now_s, entered, reason or self._why(entered, now_utc)), rang)

    @property
    def phase(self) -> Phase:
        """The phase of the last turn."""
        return self._phase

    def next_utc(self, now_utc: float) -> int | None:
        """When it will ring next: a snooze's end, or the next due instant that was not stopped in its dawn."""
        ahead = self.alarms.next_ring(now_utc)
        return None if ahead is None else ahead.utc_s

    def _why(self, entered: Phase, now_utc: float) -> str:
        one = self.alarms.active
        match entered:
            case Phase.DAWN:
                dawning = self.alarms.dawning(now_utc)
                if dawning is not None:
                    return f"{dawning.dawn_min} min before the set time"
            case Phase.RINGING if one is not None:
                facts = self.alarms.of(one)
                return "snooze over" if facts.snoozes else _why_it_rang(one, facts)
            case Phase.DONE:
                last = self.alarms.last_ended()
                if last is not None and last[0].enabled and _is_rung_out(*last):
                    return f"rang for {last[0].ring_max_min} min unanswered"
                return "switched off, or set to another time"
        return "nothing is due"


def _lamp(one: AlarmSetting, facts: AlarmFacts, now_utc: float) -> LampLevel:
    return dawn(dawn_progress(one, facts, now_utc), one.dawn_brightness)


def _is_rung_out(one: AlarmSetting, facts: AlarmFacts) -> bool:
    return (facts.ended_utc or 0) - (facts.rang_utc or 0) >= 60 * one.ring_max_min


def _why_it_rang(one: AlarmSetting, facts: AlarmFacts) -> str:
    late_s = (facts.rang_utc or 0) - (facts.due_utc or 0)
    if late_s < -LATE_S:
        return "a good moment in the window"
    if late_s <= LATE_S:
        return "set time"
    late = f"{late_s // 60} min" if late_s >= 60 else f"{late_s} s"
    return f"{late} after the set time, as soon as the box ran and its clock was right"
