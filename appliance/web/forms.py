"""What people typed into a form: a setting, or all of it again with one line beside each field that cannot be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from appliance.alarm import AlarmSetting, SettingError
from appliance.web import words

_ALARM_NUMBERS = ("dawn_min", "snooze_min", "snooze_count")


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
        **{name: str(getattr(setting, name)) for name in _ALARM_NUMBERS},
    }


def read_alarm(form: Form, standing: AlarmSetting, now_utc: int) -> Answer:
    """The alarm that the form asks for; what it does not mention stays as it stands."""
    typed: dict[str, Any] = {
        "enabled": "enabled" in form.getlist("enabled"),
        "time": form.get("time", "").strip(),
        "weekdays": list(form.getlist("weekdays")),
        **{name: form.get(name, "").strip() for name in _ALARM_NUMBERS},
    }
    errors: dict[str, str] = {}
    wanted: dict[str, Any] = {"enabled": typed["enabled"], "set_utc": now_utc}
    at = re.fullmatch(r"(\d{1,2}):(\d{2})(?::\d{2})?", typed["time"], re.ASCII)
    if at is None or int(at[1]) > 23 or int(at[2]) > 59:
        errors["time"] = "Write a time from 00:00 to 23:59."
    else:
        wanted |= {"hour": int(at[1]), "minute": int(at[2])}
    wanted["weekdays"] = frozenset(int(day) if re.fullmatch(r"\d", day, re.ASCII) else -1 for day in typed["weekdays"])
    for name in _ALARM_NUMBERS:
        text = typed[name]
        wanted[name] = int(text) if re.fullmatch(r"-?\d{1,9}", text, re.ASCII) else text
    setting = standing
    for name, value in wanted.items():
        try:
            setting = replace(setting, **{name: value})
        except SettingError as error:
            errors[name] = sentence(error)
    return Answer(None if errors else setting, typed, errors)


def sentence(error: SettingError) -> str:
    """The error without the field's name, since it stands beside the field."""
    text = str(error).partition(": ")[2] or str(error)
    return words.sentence_case(text)
