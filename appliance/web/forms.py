"""What people typed into a form: a setting, or all of it again with one line beside each field that cannot be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from appliance.alarm import next_due
from appliance.alarm_setting import LEAST_LOUDNESS, AlarmSetting, SettingError
from appliance.web import words
from appliance.web.speech import heard, say

_NUMBERS = ("window_min", "dawn_min", "snooze_min", "snooze_count")
_PERCENTS = {"dawn_brightness": 0, "loudness": round(100 * LEAST_LOUDNESS)}  # and the least of each


class Form(Protocol):
    """What is needed of the fields that a browser sent."""

    def get(self, key: str, default: str, /) -> str:
        """The field's first value."""
        ...

    def getlist(self, key: str, /) -> Sequence[str]:
        """All its values."""
        ...


class Answer(NamedTuple):
    """``setting`` is None when ``errors`` names a field; ``typed`` is what the form shows again, nothing lost."""

    setting: AlarmSetting | None
    typed: Mapping[str, Any]
    errors: Mapping[str, str]


def shown(setting: AlarmSetting) -> dict[str, Any]:
    """A setting as the form shows it."""
    return {
        "enabled": setting.enabled,
        "time": f"{setting.hour:02d}:{setting.minute:02d}",
        "weekdays": [str(day) for day in sorted(setting.weekdays)],
        "once": setting.once or "",
        "sound": setting.sound,
        **{name: str(getattr(setting, name)) for name in _NUMBERS},
        **{name: f"{100 * getattr(setting, name):.0f}" for name in _PERCENTS},
    }


def read_alarm(form: Form, standing: AlarmSetting, now_utc: int) -> Answer:
    """The alarm that the form asks for; what it does not mention stays as it stands."""
    before = shown(standing)
    typed: dict[str, Any] = {
        "enabled": "enabled" in form.getlist("enabled"),
        "weekdays": list(form.getlist("weekdays")),
        **{name: form.get(name, before[name]).strip() for name in ("time", "once", "sound", *_NUMBERS, *_PERCENTS)},
    }
    errors: dict[str, str] = {}
    wanted: dict[str, Any] = {
        "enabled": typed["enabled"],
        "set_utc": now_utc,
        "once": typed["once"] or None,
        "sound": typed["sound"],
    }
    at = re.fullmatch(r"(\d{1,2}):(\d{2})(?::\d{2})?", typed["time"], re.ASCII)
    if at is None or int(at[1]) > 23 or int(at[2]) > 59:
        errors["time"] = say("alarm.time_wrong")
    else:
        wanted |= {"hour": int(at[1]), "minute": int(at[2])}
    if not (wanted["once"] and not typed["weekdays"]):  # one date needs no weekday
        days = (int(day) if re.fullmatch(r"\d", day, re.ASCII) else -1 for day in typed["weekdays"])
        wanted["weekdays"] = frozenset(days)
    for name in _NUMBERS:
        wanted[name] = _whole(typed[name])
    for name, least in _PERCENTS.items():
        share = _whole(typed[name])
        if isinstance(share, int) and least <= share <= 100:
            wanted[name] = share / 100
        else:
            errors[name] = say("alarm.share_wrong", least=least, value=repr(share))
    setting = standing
    for name, value in wanted.items():
        try:
            setting = replace(setting, **{name: value})
        except SettingError as error:
            errors[name] = sentence(error)
    if not errors and setting.enabled and setting.once and next_due(setting, now_utc) is None:
        errors["once"] = say("alarm.moment_over")
    return Answer(None if errors else setting, typed, errors)


def _whole(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?\d{1,9}", text, re.ASCII) else text


def sentence(error: SettingError) -> str:
    """The error without the field's name, since it stands beside the field."""
    text = str(error).partition(": ")[2] or str(error)
    return heard(words.sentence_case(text))
