"""What the sleeper wants of an alarm, and when that is due on the clock on the wall.

An *occurrence* is one instant at which a setting is due.  Local time exists here and on the page; all else is UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, time
from functools import lru_cache
from reprlib import repr as short
from typing import Any, TypeGuard
from zoneinfo import ZoneInfo

DAY_S = 86_400
MOST_ALARMS = 8
SOUNDS = ("chord", "birds", "beacon")  # appliance/sunrise.py has their notes
LEAST_LOUDNESS = 0.2  # an alarm that cannot be heard is a trap
_UNIX_DAY = date(1970, 1, 1).toordinal()
_LIMITS = {
    "hour": (0, 23),
    "minute": (0, 59),
    "dawn_min": (0, 60),
    "window_min": (0, 45),
    "snooze_min": (1, 30),
    "snooze_count": (0, 10),
    "ring_max_min": (1, 120),
    "set_utc": (0, 2**40),
    "skip_utc": (0, 2**40),
    "id": (1, 2**31),
}


class SettingError(ValueError):
    """A setting that cannot be: one line that begins with the field's name."""


@dataclass(frozen=True, slots=True)
class AlarmSetting:
    """What the sleeper wants of one alarm; always valid.  Raises ``SettingError`` when it cannot be."""

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
    id: int = 1  # by which its facts are found; never given to another alarm while they are kept
    once: str | None = None  # the local date (2026-12-24) of an alarm that rings once; weekdays then mean nothing
    skip_utc: int = 0  # the one occurrence that is left out
    window_min: int = 30  # how long before the set time it may ring at a good moment; 0: at the set time alone
    sound: str = SOUNDS[0]
    loudness: float = 1.0  # what the ring grows to, as a share of the loudest that the buzzer can

    def __post_init__(self) -> None:
        _flag("enabled", self.enabled)
        for name, (low, high) in _LIMITS.items():
            _whole(name, getattr(self, name), low, high)
        days = self.weekdays
        if not isinstance(days, frozenset) or not days or not all(_is_whole(day) and 0 <= day <= 6 for day in days):
            raise SettingError("weekdays: choose at least one day, from 0 (Monday) to 6 (Sunday)")
        zone_of(self.timezone)
        _share("dawn_brightness", self.dawn_brightness, 0.0)
        _share("loudness", self.loudness, LEAST_LOUDNESS)
        if self.once is not None:
            _date("once", self.once)
        if self.sound not in SOUNDS:
            raise SettingError(f"sound: must be {', '.join(SOUNDS[:-1])} or {SOUNDS[-1]}, not {short(self.sound)}")

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


def read_alarms(
    values: object, standing: Sequence[AlarmSetting] = ()
) -> tuple[tuple[AlarmSetting, ...], tuple[str, ...]]:
    """The alarms in a JSON array, and a line for each that could not be used; for that one what is ``standing`` holds.

    A single JSON object is what earlier versions kept: the first alarm, which goes on ringing at the set time alone
    until somebody asks for a window.  No alarm is lost to a bad neighbour.
    """
    entries = [{"window_min": 0, **values}] if isinstance(values, Mapping) else values
    if not isinstance(entries, list | tuple):
        return tuple(standing), (f"alarms: must be a list of alarms, not {short(values)}",)
    found: dict[int, AlarmSetting] = {}
    complaints: list[str] = []
    for number, entry in enumerate(entries, 1):
        try:
            alarm = AlarmSetting.from_dict(entry)
        except SettingError as error:
            complaints.append(f"alarm {number}: {error}")
            kept = [a for a in standing if isinstance(entry, Mapping) and a.id == entry.get("id", 1)]
            if not kept:
                continue
            alarm = kept[0]
        if alarm.id in found:
            alarm = replace(alarm, id=max(found) + 1)
        found[alarm.id] = alarm
    if len(found) > MOST_ALARMS:
        complaints.append(f"alarms: there may be {MOST_ALARMS} of them, not {len(found)}: the first ones hold")
    return tuple(found.values())[:MOST_ALARMS], tuple(complaints)


def zone_of(name: object) -> ZoneInfo:
    """The time zone of that name.  Raises ``SettingError``."""
    try:
        return ZoneInfo(str(name))
    except (KeyError, ValueError, OSError) as error:  # unknown, malformed, or a folder of zones
        raise SettingError(f"timezone: {short(name)} is no time zone; write one like Europe/Berlin") from error


def dues(setting: AlarmSetting, utc_s: float) -> tuple[int, ...]:
    """Occurrences in UTC seconds, ascending: all from a day before to a fortnight after ``utc_s``; of ``once``, it."""
    return _dues(setting, int(utc_s // DAY_S))


@lru_cache(maxsize=256)
def _dues(setting: AlarmSetting, utc_day: int) -> tuple[int, ...]:
    if not setting.enabled:
        return ()
    zone = ZoneInfo(setting.timezone)
    at = time(setting.hour, setting.minute)
    if setting.once is not None:
        days = [date.fromisoformat(setting.once)]
    else:
        # A fortnight: an alarm of one weekday of which the next is skipped.
        near = (date.fromordinal(_UNIX_DAY + utc_day + k) for k in range(-2, 17))
        days = [day for day in near if day.weekday() in setting.weekdays]
    instants = (_instant(datetime.combine(day, at), zone) for day in days)
    return tuple(sorted(instant for instant in instants if instant != setting.skip_utc))


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


def _share(name: str, value: object, low: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= 1.0:
        raise SettingError(f"{name}: must be a number from {low:g} to 1, not {short(value)}")


def _date(name: str, value: object) -> None:
    try:
        if not isinstance(value, str) or not re.fullmatch(r"20\d\d-\d\d-\d\d", value, re.ASCII):
            raise ValueError
        date.fromisoformat(value)
    except ValueError:
        raise SettingError(f"{name}: must be a date such as 2026-12-24, not {short(value)}") from None
