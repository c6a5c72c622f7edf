"""What the sleeper has chosen on the page, read row by row: a row that cannot be is left as it was, and said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from appliance.alarm import AlarmSetting, SettingError

SIDES = ("left", "right")


@dataclass(frozen=True, slots=True)
class Settings:
    """What is in force."""

    alarm: AlarmSetting = field(default_factory=AlarmSetting)
    bed_side: str = "left"

    def changed(self, rows: Mapping[str, Any]) -> tuple[Settings, list[str]]:
        """These settings with the page's rows in place, and one line for each row that could not be used."""
        settings, complaints = self, []
        if "alarm" in rows:
            try:
                settings = replace(settings, alarm=AlarmSetting.from_dict(rows["alarm"]))
            except (SettingError, TypeError) as error:
                complaints.append(f"The alarm's setting is not used and the last one holds: {error}")
        side = rows.get("bed_side", settings.bed_side)
        if side in SIDES:
            settings = replace(settings, bed_side=side)
        else:
            complaints.append(f"The bed's side is left or right, not {side!r}: {settings.bed_side} holds")
        return settings, complaints
