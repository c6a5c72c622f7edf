"""When to wake the sleeper: settings, stored facts, and the phase that follows from them and the clock alone.

    IDLE --30 min before--> DAWN --set time--> RINGING --unanswered or stopped--> DONE --next dawn--> DAWN
                                               |    ^
                                             snooze | snooze over
                                               v    |
                                              SNOOZED --stopped--> DONE          (stopped in DAWN: DONE)

An *occurrence* is one instant at which the setting is due.  Every turn the supervisor takes ``facts = settled(...)``,
stores them when they changed, and shows ``phase(...)``.  Nothing else is remembered, so a restart has nothing to lose.

When the clock is wrong, by rule:
- set forward over a due instant: rings at once if that was less than ``ring_max_min`` ago (as after a power cut);
- set back after a ring: the last occurrence that rang, or was stopped, never rings again; a ring or snooze in progress
  goes on and is counted from the new time.  Set back by a day or more, an older day's alarm rings: it may be that day.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, time
from enum import StrEnum
from functools import lru_cache
from reprlib import repr as short
from typing import Any, TypeGuard
from zoneinfo import ZoneInfo

_DAY_S = 86_400
_UNIX_DAY = date(1970, 1, 1).toordinal()
_LIMITS = {
    "hour": (0, 23),
    "minute": (0, 59),
    "dawn_min": (0, 60),
    "snooze_min": (1, 30),
    "snooze_count": (0, 10),
    "ring_max_min": (1, 120),
    "set_utc": (0, 2**40),
}


class SettingError(ValueError):
    """A setting that cannot be: one line that begins with the field's name."""


class Phase(StrEnum):
    """What the alarm is doing."""

    IDLE = "idle"
    DAWN = "dawn"
    RINGING = "ringing"
    SNOOZED = "snoozed"
    DONE = "done"  # the last occurrence is over and the next dawn has not begun


class AlarmEvent(StrEnum):
    """What can happen to an alarm besides the passing of time."""

    RANG = "rang"  # ring now for the coming occurrence, before its set time (the smart window's door)
    SNOOZE = "snooze"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class AlarmSetting:
    """What the sleeper wants; always valid.  Raises ``SettingError`` when it cannot be."""

    enabled: bool = False
    hour: int = 7  # local
    minute: int = 0
    weekdays: frozenset[int] = frozenset(range(7))  # 0 = Monday; never empty: an alarm for no day is a trap
    timezone: str = "UTC"  # IANA name
    dawn_min: int = 30  # 0: no dawn
    dawn_brightness: float = 1.0  # share of the lamp's full lightness, as the eye sees it
    snooze_min: int = 9
    snooze_count: int = 3
    ring_max_min: int = 60  # of each ring, first or after a snooze; also how long ago a missed alarm still rings
    set_utc: int = 0  # when it was saved: an instant that was already past then is not rung after the fact

    def __post_init__(self) -> None:
        _flag("enabled", self.enabled)
        for name, (low, high) in _LIMITS.items():
            _whole(name, getattr(self, name), low, high)
        days = self.weekdays
        if not isinstance(days, frozenset) or not days or not all(_is_whole(day) and 0 <= day <= 6 for day in days):
            raise SettingError("weekdays: choose at least one day, from 0 (Monday) to 6 (Sunday)")
        _zone_exists("timezone", self.timezone)
        share = self.dawn_brightness
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0.0 <= share <= 1.0:
            raise SettingError(f"dawn_brightness: must be a number from 0 to 1, not {short(share)}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> AlarmSetting:
        """The setting in a JSON object, missing fields as by default.  Raises ``SettingError`` naming the field."""
        if not isinstance(values, Mapping):
            raise SettingError(f"alarm: must be an object with named fields, not {short(values)}")
        known = {field.name for field in fields(cls)}
        for name in values:
            if name not in known:
                raise SettingError(f"{short(name)}: there is no such setting of an alarm")
        given = dict(values)
        if "weekdays" in given:
            days = given["weekdays"]
            if not isinstance(days, list | tuple | set | frozenset) or not all(_is_whole(day) for day in days):
                raise SettingError(f"weekdays: must be a list of days from 0 (Monday) to 6 (Sunday), not {short(days)}")
            given["weekdays"] = frozenset(days)
        return cls(**given)

    def as_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        return {**asdict(self), "weekdays": sorted(self.weekdays)}


@dataclass(frozen=True, slots=True)
class AlarmFacts:
    """What happened to one occurrence, in integer UTC seconds: all that must be stored."""

    due_utc: int | None = None  # which occurrence; None before the first
    rang_utc: int | None = None  # its first ring
    ringing_utc: int | None = None  # since when it rings now
    snoozed_utc: int | None = None  # since when it is snoozed
    snoozes: int = 0
    ended_utc: int | None = None  # stopped, rung out, or no longer wanted

    @property
    def is_active(self) -> bool:
        """Ringing or snoozed."""
        return self.ringing_utc is not None or self.snoozed_utc is not None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> AlarmFacts:
        """The facts in a JSON object; a newer version's are left out.  Raises ``ValueError`` naming the field."""
        given = {field.name: values[field.name] for field in fields(cls) if field.name in values}
        for name, value in given.items():
            if not (_is_whole(value) or (value is None and name != "snoozes")):
                raise ValueError(f"{name}: an alarm's fact must be whole seconds, not {short(value)}")
        return cls(**given)

    def as_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)

    def ended(self, now: int) -> AlarmFacts:
        """The same occurrence, over."""
        return replace(self, ringing_utc=None, snoozed_utc=None, ended_utc=now)


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
    if facts.due_utc not in _dues(setting, facts.due_utc // _DAY_S):
        return facts.ended(now)  # the sleeper has set another time, or switched it off, since it began
    # An instant later than now was written by a clock that has been set back since: it is counted from now.
    if facts.snoozed_utc is not None:
        snoozed = min(facts.snoozed_utc, now)
        resumes = snoozed + 60 * setting.snooze_min
        if now < resumes:
            return replace(facts, snoozed_utc=snoozed)
        facts = replace(facts, snoozed_utc=None, ringing_utc=resumes)
    ringing = now if facts.ringing_utc is None else min(facts.ringing_utc, now)
    if now >= ringing + 60 * setting.ring_max_min:
        return facts.ended(now)
    return replace(facts, ringing_utc=ringing)


def after(facts: AlarmFacts, event: AlarmEvent, setting: AlarmSetting, now_utc: float) -> AlarmFacts:
    """The facts after ``event`` at ``now_utc``; an event that means nothing in the present phase changes nothing."""
    now = math.floor(now_utc)
    facts = settled(setting, facts, now_utc)
    match phase(setting, facts, now_utc), event:
        case Phase.DAWN, AlarmEvent.RANG:
            return AlarmFacts(due_utc=next_due(setting, now_utc, facts), rang_utc=now, ringing_utc=now)
        case Phase.DAWN, AlarmEvent.STOP:
            return AlarmFacts(due_utc=next_due(setting, now_utc, facts), ended_utc=now)
        case Phase.RINGING, AlarmEvent.SNOOZE if facts.snoozes < setting.snooze_count:
            return replace(facts, ringing_utc=None, snoozed_utc=now, snoozes=facts.snoozes + 1)
        case (Phase.RINGING | Phase.SNOOZED, AlarmEvent.STOP):
            return facts.ended(now)
    return facts


def next_due(setting: AlarmSetting, now_utc: float, facts: AlarmFacts = NO_FACTS) -> int | None:
    """The next instant (UTC seconds) after ``now_utc`` at which a first ring is due; None when there is none.

    With ``facts``, an occurrence that has been stopped in its dawn, or has rung early, is no longer due.
    """
    for due in _dues(setting, math.floor(now_utc) // _DAY_S):
        if due > now_utc and not _is_told(setting, facts, due):
            return due
    return None


def dawn_progress(setting: AlarmSetting, facts: AlarmFacts, now_utc: float) -> float:
    """How far the sunrise is at ``now_utc``: 0 before it, rising to 1 at the set time, 1 until stopped."""
    match phase(setting, facts, now_utc):
        case Phase.DAWN:
            due = next_due(setting, now_utc, settled(setting, facts, now_utc))
            return 0.0 if due is None else 1.0 - (due - now_utc) / (60.0 * setting.dawn_min)
        case Phase.RINGING | Phase.SNOOZED:
            return 1.0
    return 0.0


def _is_told(setting: AlarmSetting, facts: AlarmFacts, due: int) -> bool:
    """Whether the facts are about this occurrence, so that it needs no first ring.

    A setting saved after the occurrence was stopped, and before it was due, asks for it anew.
    """
    if facts.due_utc != due:
        return False
    return facts.ended_utc is None or not facts.ended_utc <= setting.set_utc <= due


def _reached(setting: AlarmSetting, now: int) -> int | None:
    """The latest occurrence that has come and is not too long ago to ring."""
    for due in reversed(_dues(setting, now // _DAY_S)):
        if due <= now:
            return due if now < due + 60 * setting.ring_max_min else None
    return None


@lru_cache(maxsize=64)
def _dues(setting: AlarmSetting, utc_day: int) -> tuple[int, ...]:
    """All occurrences from a day before to a week after one UTC day (days since 1970), ascending."""
    if not setting.enabled:
        return ()
    zone = ZoneInfo(setting.timezone)
    at = time(setting.hour, setting.minute)
    days = (date.fromordinal(_UNIX_DAY + utc_day + k) for k in range(-2, 10))
    return tuple(sorted(_instant(datetime.combine(day, at), zone) for day in days if day.weekday() in setting.weekdays))


def _instant(local: datetime, zone: ZoneInfo) -> int:
    """UTC seconds of a local time: the first of two when clocks go back, the end of the gap when they skip it."""
    first = int(local.replace(tzinfo=zone, fold=0).timestamp())
    second = int(local.replace(tzinfo=zone, fold=1).timestamp())
    if first <= second:
        return first
    # In a gap PEP 495 puts fold=0 after the change and fold=1 before it: the change itself lies between.
    before, beyond = second, first
    offset = datetime.fromtimestamp(before, UTC).astimezone(zone).utcoffset()
    while beyond - before > 1:
        middle = (before + beyond) // 2
        if datetime.fromtimestamp(middle, UTC).astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            beyond = middle
    return beyond


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise SettingError(f"{name}: must be true or false, not {short(value)}")


def _whole(name: str, value: object, low: int, high: int) -> None:
    if not _is_whole(value) or not low <= value <= high:
        raise SettingError(f"{name}: must be a whole number from {low} to {high}, not {short(value)}")


def _zone_exists(name: str, value: object) -> None:
    try:
        ZoneInfo(str(value))
    except (KeyError, ValueError, OSError) as error:  # unknown, malformed, or a folder of zones
        raise SettingError(f"{name}: {short(value)} is no time zone; write one like Europe/Berlin") from error
