"""What the sleeper has chosen on the page, read row by row: a row that cannot be is left as it was, and said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from appliance.alarm_setting import AlarmSetting, read_alarms

SIDES = ("left", "right")
ALARMS = "alarms"  # the row of all alarms
ONE_ALARM = "alarm"  # the row of the version that knew a single one; read for as long as there is no other
BREATHING_NIGHTS = 30  # whose raw breathing is kept, about 1 MB each
MOST_BREATHING_NIGHTS = 365


@dataclass(frozen=True, slots=True)
class Settings:
    """What is in force."""

    alarms: tuple[AlarmSetting, ...] = ()
    bed_side: str = "left"
    breathing_nights: int = BREATHING_NIGHTS

    def changed(self, rows: Mapping[str, Any]) -> tuple[Settings, list[str]]:
        """These settings with the page's rows in place, and one line for each row that could not be used."""
        alarms, complaints = stored_alarms(rows, self.alarms)
        side = rows.get("bed_side", self.bed_side)
        if side not in SIDES:
            complaints.append(f"The bed's side is left or right, not {side!r}: {self.bed_side} holds")
            side = self.bed_side
        nights = rows.get("breathing_nights", self.breathing_nights)
        if not isinstance(nights, int) or isinstance(nights, bool) or not 0 <= nights <= MOST_BREATHING_NIGHTS:
            complaints.append(
                f"Raw breathing is kept of 0 to {MOST_BREATHING_NIGHTS} nights, not {nights!r}:"
                f" {self.breathing_nights} holds"
            )
            nights = self.breathing_nights
        return replace(self, alarms=alarms, bed_side=side, breathing_nights=nights), complaints


def stored_alarms(
    rows: Mapping[str, Any], standing: tuple[AlarmSetting, ...] = ()
) -> tuple[tuple[AlarmSetting, ...], list[str]]:
    """The alarms among the page's rows, ``standing`` where there are none; and a line for each that cannot be."""
    row = next((rows[key] for key in (ALARMS, ONE_ALARM) if key in rows), None)
    if row is None:
        return standing, []
    alarms, complaints = read_alarms(row, standing)
    return alarms, [f"An alarm's setting is not used and the last one holds: {line}" for line in complaints]
