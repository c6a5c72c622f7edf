"""What is done on the page while the box runs: alarms switched off or changed, and far too much at once."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from appliance.alarm_setting import AlarmSetting
from appliance.rehearsal.faults import CHANGE, DATABASE, FOREVER_S, HAMMER, MOVE_ZONE, Conditions
from appliance.rehearsal.judge import Judge
from appliance.rehearsal.plan import Plan
from appliance.settings import ALARMS
from appliance.store import Role, Store, StoreError

AGAIN_S = 30.0  # after which the sleeper tries again what the page could not do
HAMMERED_S = 5.0  # between two bursts of requests
LEAST_AHEAD_S = 30.0  # a set time is not moved to an instant that is nearer: who could say what was meant?
NEIGHBOURS = {  # zones to travel to whose clocks differ little, so that the set time stays in this night
    "Europe/Berlin": "Europe/London",
    "America/New_York": "America/Chicago",
    "Australia/Lord_Howe": "Australia/Sydney",
    "Asia/Kolkata": "Asia/Kathmandu",
}
JUNK = ({"bed_side": "middle"}, {"breathing_nights": -1}, {"alarms": "none"}, {"alarm": 7}, {"no such row": [1]})
ASKED = ("light_on", "light_off", "standby_on", "standby_off", "pair", "delete_night", "no such request")


def instant_of(setting: AlarmSetting, near_utc: float) -> int | None:
    """When an alarm of every day is next due after ``near_utc``; None where its local time is skipped or comes twice.

    Said again here, and not asked of the alarm, so that both can be wrong only together.
    """
    zone = ZoneInfo(setting.timezone)
    today = datetime.fromtimestamp(near_utc, UTC).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    for days in (-1, 0, 1, 2):
        day = (today + timedelta(days)).date()
        local = datetime(day.year, day.month, day.day, setting.hour, setting.minute, tzinfo=zone)
        utc_s = local.timestamp()
        is_once = utc_s == local.replace(fold=1).timestamp()
        if utc_s > near_utc:
            return round(utc_s) if is_once else None
    return None


class Page:
    """The sleeper at the page, and whoever hammers at it; tells the judge only of what the box cannot have missed."""

    def __init__(self, plan: Plan, conditions: Conditions, judge: Judge) -> None:
        self._rng = np.random.default_rng([plan.seed, 6])
        self._conditions = conditions
        self._judge = judge
        self._settings = [plan.setting, *plan.others]
        # Whoever watches for the dawn would take the light to read by for it.
        self._asked = ASKED[1:] if plan.manner == "skips" else ASKED
        self._wishes: deque[tuple[float, str]] = deque()  # not before when, and what
        if plan.manner == "switches off":
            off_s = plan.due_utc - plan.start_utc + float(self._rng.uniform(-3600.0, 120.0))
            self._wishes.append((off_s, "switch off"))
        self._deeds: dict[str, Callable[[float], bool]] = {
            "switch off": self._switch_off,
            CHANGE: self._change,
            MOVE_ZONE: self._move_zone,
            HAMMER: self._hammer,
        }

    @property
    def next_s(self) -> float:
        """When something is done there next."""
        return min((at_s for at_s, _ in self._wishes), default=FOREVER_S)

    def go_on(self, runs: bool, utc_s: float) -> bool:
        """Do what is due; True where anything was."""
        conditions = self._conditions
        while conditions.wishes:
            self._wishes.append((conditions.t_s, conditions.wishes.popleft()))
        due = [wish for wish in self._wishes if wish[0] <= conditions.t_s]
        for wish in due:
            self._wishes.remove(wish)
            if not self._is_possible(wish[1], runs) or not self._tried(wish[1], utc_s):
                self._wishes.append((conditions.t_s + AGAIN_S, wish[1]))
        if conditions.is_hammered and not any(what == HAMMER for _, what in self._wishes):
            self._wishes.append((conditions.t_s + HAMMERED_S, HAMMER))
        return bool(due)

    def _is_possible(self, what: str, runs: bool) -> bool:
        """Whether the page can write and the box hear; a set time is moved on a true clock, so that all agree on it."""
        conditions = self._conditions
        if what == HAMMER:
            return True
        hears = runs and not (conditions.disk_is_full or conditions.disk_stalls or conditions.was_corrupted)
        return hears and (what == "switch off" or abs(conditions.clock_error_s) < 1.0)

    def _tried(self, what: str, utc_s: float) -> bool:
        try:
            return self._deeds[what](utc_s)
        except (StoreError, OSError, sqlite3.Error):
            return False

    def _put(self, settings: list[AlarmSetting], utc_s: float) -> None:
        with Store(self._conditions.folder / DATABASE, Role.WEB) as page:
            page.put_settings({ALARMS: [one.as_dict() for one in settings]}, int(utc_s))
        self._settings = settings

    def _switch_off(self, utc_s: float) -> bool:
        if self._judge.hushed_s is None:
            self._put([replace(one, enabled=False) for one in self._settings], utc_s)
            self._judge.switched_off(self._conditions.t_s)
        return True

    def _change(self, utc_s: float) -> bool:
        """How the first alarm rings, or, while it has not rung, when."""
        expected, setting = self._judge.alarms[0], self._settings[0]
        if expected.hushed_s is not None:
            return True  # saved now, it would be asked for anew
        left_s = expected.due_utc - utc_s
        minutes = int(self._rng.integers(-15, 21))
        moved = replace(setting, set_utc=int(utc_s))
        if expected.is_coming and left_s > LEAST_AHEAD_S and self._rng.random() < 0.7:
            local = datetime.fromtimestamp(expected.due_utc + 60 * minutes, UTC).astimezone(ZoneInfo(setting.timezone))
            window_min = int(self._rng.choice((0, 30, 45)))
            later = replace(moved, hour=local.hour, minute=local.minute, window_min=window_min)
            due_utc = instant_of(later, utc_s)
            if due_utc == expected.due_utc + 60 * minutes and due_utc - utc_s > LEAST_AHEAD_S:
                self._put([later, *self._settings[1:]], utc_s)
                expected.due_utc, expected.window_s = due_utc, 60.0 * window_min
                self._judge.changed(self._conditions.t_s)
                return True
        sound = str(self._rng.choice(("chord", "birds", "beacon")))
        self._put([replace(moved, sound=sound, dawn_brightness=0.5, loudness=0.4), *self._settings[1:]], utc_s)
        return True

    def _move_zone(self, utc_s: float) -> bool:
        """Into the zone next door, before anything rang, where each alarm stays ahead."""
        if not all(one.is_coming and one.due_utc - utc_s > LEAST_AHEAD_S for one in self._judge.alarms):
            return True
        there = NEIGHBOURS[self._settings[0].timezone]
        moved = [replace(one, timezone=there, set_utc=int(utc_s)) for one in self._settings]
        dues = [instant_of(one, utc_s) for one in moved]
        known = [due for due in dues if due is not None and LEAST_AHEAD_S < due - utc_s < 12 * 3600.0]
        if len(known) < len(moved):
            return True
        self._put(moved, utc_s)
        for one, due_utc in zip(self._judge.alarms, known, strict=True):
            one.due_utc = due_utc
        self._judge.changed(self._conditions.t_s)
        return True

    def _hammer(self, utc_s: float) -> bool:
        """A burst of requests, rows that cannot be, the same alarms again, and stops that are a day old."""
        if not self._conditions.is_hammered:
            return True
        with Store(self._conditions.folder / DATABASE, Role.WEB) as page:
            for _ in range(int(self._rng.integers(10, 40))):
                what = str(self._rng.choice(self._asked))
                page.put_request(what, int(utc_s), 7 if what == "delete_night" else None)
            for what in ("stop", "snooze"):
                page.put_request(what, int(utc_s) - 86_400)
            page.put_settings(dict(JUNK[int(self._rng.integers(len(JUNK)))]), int(utc_s))
            page.put_settings({ALARMS: [one.as_dict() for one in self._settings]}, int(utc_s))
        return True
