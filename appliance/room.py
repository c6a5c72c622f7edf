"""The room as its sensors tell it, without the light of our own lamp and without old news."""

from __future__ import annotations

import math
from collections.abc import Sequence

from appliance.clock import Instant
from appliance.records import EnvironmentRecord
from appliance.status import RoomStatus
from drivers.readings import EnvironmentReading

RECORD_S = 60
STALE_S = 90.0  # readings come every 20 s: after four that did not, what was told last says nothing of now
AFTERGLOW_S = 2.0  # the slowest light sensor looks for 0.8 s, and its answer may be of the look before


class Room:
    """Remembers the newest reading, and until when the lamp was lit."""

    def __init__(self) -> None:
        self._newest = EnvironmentReading(-math.inf)
        self._lit_s = -math.inf
        self._recorded_utc = 0

    def take(self, readings: Sequence[EnvironmentReading], lamp_is_lit: bool, now_s: float) -> list[EnvironmentReading]:
        """The readings of this turn; light is left out of those that were begun while the lamp shone, or just after.

        Nobody can tell how much of it was the lamp's: its light on the sensor depends on walls, shade and dust.
        """
        if lamp_is_lit:
            self._lit_s = now_s
        clean = [one._replace(illuminance_lx=None) if one.t_s <= self._lit_s + AFTERGLOW_S else one for one in readings]
        self._newest = clean[-1] if clean else self._newest
        return clean

    def status(self, now_s: float) -> RoomStatus:
        """What was told last; nothing where that is too long ago."""
        return RoomStatus(*self._newest[1:]) if now_s - self._newest.t_s <= STALE_S else RoomStatus()

    def record(self, now: Instant) -> EnvironmentRecord | None:
        """The newest reading, once a minute of UTC."""
        minute = int(now.utc_s) // RECORD_S * RECORD_S
        if minute == self._recorded_utc:
            return None
        self._recorded_utc = minute
        return EnvironmentRecord(minute, *self._newest[1:])
