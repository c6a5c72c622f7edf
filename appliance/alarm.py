"""When one alarm wakes the sleeper: its stored facts, and the phase that follows from them and the clock alone.

Every turn the supervisor takes ``facts = settled(...)``, stores them when they changed, and shows ``phase(...)``.
Nothing else is remembered, so a restart has nothing to lose.  ``ARCHITECTURE.md`` has the phases as a picture drawn
from this code; ``appliance/alarms.py`` is how several alarms share one lamp and one buzzer.

When the clock is wrong, by rule:
- set forward over a due instant: rings at once if that was less than ``ring_max_min`` ago (as after a power cut);
- set back after a ring: the last occurrence that rang, or was stopped, never rings again; a ring or snooze in progress
  goes on and is counted from the new time.  Set back by a day or more, an older day's alarm rings: it may be that day.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from reprlib import repr as short
from typing import Any

from appliance.alarm_setting import AlarmSetting, dues

FOLLOW_S = 30.0  # in which the lamp rises from dark to full where the ring comes before the dawn's end


class Phase(StrEnum):
    """What the alarm is doing."""

    IDLE = "idle"
    DAWN = "dawn"
    RINGING = "ringing"
    SNOOZED = "snoozed"
    DONE = "done"  # the last occurrence is over and the next dawn has not begun


WAKING = (Phase.DAWN, Phase.RINGING, Phase.SNOOZED)  # in which lamp and button are the alarm's own


class AlarmEvent(StrEnum):
    """What can happen to an alarm besides the passing of time."""

    RANG = "rang"  # ring now for the coming occurrence: the smart window's door, shut outside the window
    SNOOZE = "snooze"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class AlarmFacts:
    """What happened to one occurrence, in integer UTC seconds: all that must be stored."""

    due_utc: int | None = None  # which occurrence; None before the first
    rang_utc: int | None = None  # its first ring
    ringing_utc: int | None = None  # since when it rings now
    snoozed_utc: int | None = None  # since when it is snoozed
    snoozes: int = 0
    ended_utc: int | None = None  # stopped, rung out, or no longer wanted
    set_utc: int | None = None  # when the setting was saved under which it ended

    @property
    def is_active(self) -> bool:
        """Ringing or snoozed."""
        return self.ringing_utc is not None or self.snoozed_utc is not None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> AlarmFacts:
        """The facts in a JSON object; a newer version's are left out.  Raises ``ValueError`` naming the field."""
        given = {field.name: values[field.name] for field in fields(cls) if field.name in values}
        for name, value in given.items():
            whole = isinstance(value, int) and not isinstance(value, bool)
            if not (whole or (value is None and name != "snoozes")):
                raise ValueError(f"{name}: an alarm's fact must be whole seconds, not {short(value)}")
        return cls(**given)

    def as_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)

    def ended(self, now: int, setting: AlarmSetting) -> AlarmFacts:
        """The same occurrence, over."""
        return replace(self, ringing_utc=None, snoozed_utc=None, ended_utc=now, set_utc=setting.set_utc)


NO_FACTS = AlarmFacts()


def phase(setting: AlarmSetting, facts: AlarmFacts, now_utc: float) -> Phase:
    """What the alarm is doing at ``now_utc``."""
    facts = settled(setting, facts, now_utc)
    if facts.ringing_utc is not None:
        return Phase.RINGING
    if facts.snoozed_utc is not None:
        return Phase.SNOOZED
    due = next_due(setting, now_utc, facts)
    if due is None:
        return Phase.IDLE
    if due - 60 * setting.dawn_min <= now_utc:
        return Phase.DAWN
    return Phase.DONE if facts.ended_utc is not None else Phase.IDLE


def settled(setting: AlarmSetting, facts: AlarmFacts, now_utc: float) -> AlarmFacts:
    """The facts with all that the clock alone has brought about by ``now_utc``: a ring begun, resumed or rung out."""
    now = math.floor(now_utc)
    due = _reached(setting, now)
    if due is not None and not _is_told(setting, facts, due) and not due < setting.set_utc <= now:
        return AlarmFacts(due_utc=due, rang_utc=now, ringing_utc=now)
    if facts.due_utc is None or not facts.is_active:
        return facts
    if facts.due_utc not in dues(setting, facts.due_utc):
        return facts.ended(now, setting)  # the sleeper has set another time, or switched it off, since it began
    # An instant later than now was written by a clock that has been set back since: it is counted from now.
    if facts.snoozed_utc is not None:
        snoozed = min(facts.snoozed_utc, now)
        resumes = snoozed + 60 * setting.snooze_min
        if now < resumes:
            return replace(facts, snoozed_utc=snoozed)
        facts = replace(facts, snoozed_utc=None, ringing_utc=resumes)
    ringing = now if facts.ringing_utc is None else min(facts.ringing_utc, now)
    if now >= ringing + 60 * setting.ring_max_min:
        return facts.ended(now, setting)
    return replace(facts, ringing_utc=ringing)


def after(facts: AlarmFacts, event: AlarmEvent, setting: AlarmSetting, now_utc: float) -> AlarmFacts:
    """The facts after ``event`` at ``now_utc``; an event that means nothing in the present phase changes nothing."""
    now = math.floor(now_utc)
    facts = settled(setting, facts, now_utc)
    due = next_due(setting, now_utc, facts)
    match phase(setting, facts, now_utc), event:
        case ((Phase.IDLE | Phase.DAWN | Phase.DONE), AlarmEvent.RANG) if may_ring(setting, facts, now_utc):
            return AlarmFacts(due_utc=due, rang_utc=now, ringing_utc=now)
        case Phase.DAWN, AlarmEvent.STOP:
            return AlarmFacts(due_utc=due).ended(now, setting)
        case Phase.RINGING, AlarmEvent.SNOOZE if facts.snoozes < setting.snooze_count:
            return replace(facts, ringing_utc=None, snoozed_utc=now, snoozes=facts.snoozes + 1)
        case (Phase.RINGING | Phase.SNOOZED, AlarmEvent.STOP):
            return facts.ended(now, setting)
    return facts


def may_ring(setting: AlarmSetting, facts: AlarmFacts, now_utc: float) -> bool:
    """Whether ``now_utc`` lies in the window before an occurrence that is still to ring."""
    due = next_due(setting, now_utc, facts)
    return due is not None and not facts.is_active and due - 60 * setting.window_min <= now_utc


def next_due(setting: AlarmSetting, now_utc: float, facts: AlarmFacts = NO_FACTS) -> int | None:
    """The next instant (UTC seconds) after ``now_utc`` at which a first ring is due; None when there is none.

    With ``facts``, an occurrence that has been stopped in its dawn, or has rung early, is no longer due.
    """
    for due in dues(setting, now_utc):
        if due > now_utc and not _is_told(setting, facts, due):
            return due
    return None


def dawn_progress(setting: AlarmSetting, facts: AlarmFacts, now_utc: float) -> float:
    """How far the sunrise is at ``now_utc``: 0 before it, 1 at the set time and until stopped.

    It waits for nobody; where the ring comes before the set time it follows, in ``FOLLOW_S`` from dark to full.
    """
    facts = settled(setting, facts, now_utc)
    if not facts.is_active or facts.due_utc is None or facts.rang_utc is None:
        due = next_due(setting, now_utc, facts)
        return 0.0 if due is None else _risen(setting, due, now_utc)
    began = min(value for value in (facts.rang_utc, facts.ringing_utc, facts.snoozed_utc) if value is not None)
    followed = _risen(setting, facts.due_utc, began) + max(now_utc - began, 0.0) / FOLLOW_S
    return max(_risen(setting, facts.due_utc, now_utc), min(followed, 1.0))


def _risen(setting: AlarmSetting, due: int, now_utc: float) -> float:
    """The share of the dawn before ``due`` that is over."""
    if not setting.dawn_min:
        return 0.0
    return min(1.0, max(0.0, 1.0 - (due - now_utc) / (60.0 * setting.dawn_min)))


def _is_told(setting: AlarmSetting, facts: AlarmFacts, due: int) -> bool:
    """Whether the facts are about this occurrence, so that it needs no first ring.

    A setting saved after the occurrence was stopped, and before it was due, asks for it anew.  The one under which it
    was stopped does not, though a clock that was set back in between makes it seem the later of the two.
    """
    if facts.due_utc != due:
        return False
    is_new = setting.set_utc != facts.set_utc
    return facts.ended_utc is None or not (is_new and facts.ended_utc <= setting.set_utc <= due)


def _reached(setting: AlarmSetting, now: int) -> int | None:
    """The latest occurrence that has come and is not too long ago to ring."""
    for due in reversed(dues(setting, now)):
        if due <= now:
            return due if now < due + 60 * setting.ring_max_min else None
    return None
