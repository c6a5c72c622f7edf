"""What a rehearsed night is to be: everything follows from its seed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from appliance.alarm_setting import AlarmSetting
from appliance.rehearsal.faults import Fault, draw_faults
from drivers.readings import Module

MODULES = tuple(Module)
AFTER_S = 40 * 60.0  # of the simulated night that follow the set time
ANY_DAY = 0.75  # share of nights that are not one of these
CLOCK_CHANGES = {
    "Europe/Berlin": (date(2026, 3, 29), date(2026, 10, 25)),
    "America/New_York": (date(2026, 3, 8), date(2026, 11, 1)),
    "Australia/Lord_Howe": (date(2026, 4, 5), date(2026, 10, 4)),
    "Asia/Kolkata": (date(2028, 2, 29),),  # a clock that never changes, and a rare day
}
WINDOWS_MIN = (0, 15, 30, 45)
MANNERS = ("stops", "stops", "snoozes", "snoozes", "ignores", "skips", "switches off")


@dataclass(frozen=True)
class Plan:
    """One night before it is played."""

    seed: int
    module: Module
    hours: float
    setting: AlarmSetting
    due_utc: int
    start_utc: float
    manner: str
    faults: tuple[Fault, ...]


def plan_night(seed: int, faulty: bool, hours: float) -> Plan:
    """Draw a night: its date, its alarm, what its sleeper does about it, and its faults."""
    rng = np.random.default_rng([seed, 0])
    while True:
        zone = str(rng.choice(list(CLOCK_CHANGES)))
        changes = CLOCK_CHANGES[zone]
        day = changes[int(rng.integers(len(changes)))]
        if rng.random() < ANY_DAY:
            day = date(2026, 1, 1) + timedelta(int(rng.integers(365)))
        at = time(int(rng.integers(1, 10)), int(rng.integers(60)))
        local = datetime.combine(day, at, ZoneInfo(zone))
        due_utc = round(local.timestamp())
        if datetime.fromtimestamp(due_utc, UTC).astimezone(ZoneInfo(zone)).time() == at:
            break  # else that local time does not exist on that day
    setting = AlarmSetting(
        enabled=True,
        hour=at.hour,
        minute=at.minute,
        timezone=zone,
        dawn_min=int(rng.choice([0, 10, 30])),
        snooze_min=int(rng.integers(1, 4)),
        window_min=int(np.random.default_rng([seed, 4]).choice(WINDOWS_MIN)),
    )
    due_s = hours * 3600.0 - AFTER_S
    faults = tuple(draw_faults(rng, due_s)) if faulty else ()
    manner = str(rng.choice(MANNERS))
    return Plan(seed, MODULES[seed % 3], hours, setting, due_utc, due_utc - due_s, manner, faults)
