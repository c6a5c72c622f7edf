"""What the page knows of the box at one request: status, settings, time.

Nothing is kept between two, but for the last seconds of a placement check, which must not flicker.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from appliance.alarm import AlarmFacts
from appliance.alarm_setting import AlarmSetting, read_alarms
from appliance.alarms import Alarms
from appliance.database import is_corrupt
from appliance.placement import Advice, Placement
from appliance.records import Request
from appliance.settings import stored_alarms
from appliance.status import STALE_S, Status, read_status, status_age_s
from appliance.store import Role, Store, StoreError

ASKED_S = 60.0  # for so long the page says that something was asked for and not done yet


class RecordError(Exception):
    """The record of nights cannot be used now; one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Glance:
    """One look at the box; ``status`` is None unless it is fresh."""

    status: Status | None
    silent_s: float | None  # how long a box that is not answering has been silent, None if it was never heard
    now_utc: float
    zone: ZoneInfo
    settings: Mapping[str, Any]
    asked: tuple[Request, ...]  # what was asked for on the page and is not done yet
    complaint: str | None  # why the record of nights cannot be read
    simulated_speed: float | None

    @property
    def alarms(self) -> Alarms:
        """The alarms that were set, with what the box says of them; without a record, those that it has in force."""
        standing: tuple[AlarmSetting, ...] = ()
        facts: dict[int, AlarmFacts] = {}
        if self.status is not None:
            standing, _ = read_alarms(self.status.alarms)
            facts = dict(_facts(self.status.alarm_facts))
        settings, _ = stored_alarms(self.settings, standing)
        return Alarms(settings, facts)


def _facts(told: Mapping[str, Any]) -> Iterator[tuple[int, AlarmFacts]]:
    for key, values in told.items():
        try:
            yield int(key), AlarmFacts.from_dict(values)
        except (ValueError, TypeError, AttributeError):
            continue


@dataclass(frozen=True, slots=True)
class BoxFiles:
    """Where the other process leaves what the page shows."""

    store_path: Path
    status_path: Path
    timezone: str

    def store(self) -> Store:
        """The database for one request, to be closed at its end.  Raises ``RecordError``."""
        try:
            return Store(self.store_path, Role.WEB)
        except (StoreError, sqlite3.Error, OSError) as error:
            raise RecordError(explain(error)) from error

    def glance(self) -> Glance:
        """Look once; never raises for what is missing or broken."""
        wall_s = time.time()
        age_s = status_age_s(self.status_path, wall_s)
        last = read_status(self.status_path)
        status = last if last is not None and age_s is not None and age_s <= STALE_S else None
        # A simulated night has a clock of its own, which stands still when the simulation does.
        simulated = last is not None and last.simulated
        now_utc = last.utc_s if last is not None and simulated else wall_s
        speed = last.speed if last is not None and simulated else None
        settings: Mapping[str, Any] = {}
        asked: tuple[Request, ...] = ()
        complaint = None
        try:
            with self.store() as store:
                settings = store.settings()
                since = now_utc - ASKED_S * (speed or 1.0)
                asked = tuple(r for r in store.requests_after(store.last_handled()) if r.utc_s >= since)
        except (RecordError, sqlite3.Error) as error:
            complaint = explain(error)
        zone = self._zone(settings.get("timezone"))
        return Glance(status, None if status else age_s, now_utc, zone, settings, asked, complaint, speed)

    def _zone(self, key: object) -> ZoneInfo:
        for name in (key, self.timezone):
            if isinstance(name, str):
                try:
                    return ZoneInfo(name)
                except (KeyError, ValueError, OSError):
                    continue
        return ZoneInfo("UTC")


class PlacementWatch:
    """The placement check of all who look at it: one memory, whoever asks, from whichever thread."""

    def __init__(self) -> None:
        self._placement = Placement()
        self._lock = threading.Lock()

    def look(self, status: Status) -> Advice:
        """What to do next for a better place."""
        with self._lock:
            return self._placement.update(status)


def explain(error: Exception) -> str:
    """Why the record of nights cannot be used, in one line for whoever reads the page."""
    if isinstance(error, StoreError | RecordError):
        return str(error)
    if isinstance(error, sqlite3.Error) and is_corrupt(error):
        return "the record of nights is damaged: restart firstlight, which keeps it aside and begins a new one"
    return f"the record of nights cannot be used now ({error}): look at the disk and its permissions, then try again"
