"""What a rehearsed night is to be: everything follows from its seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from appliance.alarm_setting import AlarmSetting
from appliance.rehearsal.faults import Fault, draw_faults
from drivers.readings import Module

MODULES = tuple(Module)
AFTER_S = 40 * 60.0  # of the simulated night that follow the set time
COARSE_BEFORE_S, COARSE_AFTER_S = 90 * 60.0, 5 * 60.0  # before the window, and after the set time
ANY_DAY = 0.75  # share of nights that are not one of these
CLOCK_CHANGES = {
    "Europe/Berlin": (date(2026, 3, 29), date(2026, 10, 25)),
    "America/New_York": (date(2026, 3, 8), date(2026, 11, 1)),
    "Australia/Lord_Howe": (date(2026, 4, 5), date(2026, 10, 4)),
    "Asia/Kolkata": (date(2028, 2, 29),),  # a clock that never changes, and a rare day
}
WINDOWS_MIN = (0, 15, 30, 45)
MANNERS = ("stops", "stops", "snoozes", "snoozes", "ignores", "skips", "switches off")


ALONE = 0.6  # share of nights with a single alarm
OTHERS_MIN = (-20, 25)  # how long before or after the first alarm another is due


class Pace(NamedTuple):
    """How often the loop takes turns, in seconds, where nothing happens: whatever happens has turns of its own."""

    quiet_s: float = 1.0
    dawn_s: float = 0.5  # in window and dawn
    ringing_s: float = 0.5
    unanswered_s: float = 0.5  # a ring that is two minutes old
    happening_s: float = 10.0  # after which nothing happens any more
    nearly_due_s: float = 20.0  # around a set time
    room_s: float = 20.0  # between two looks at the room
    radar_s: float | None = None  # between two messages of a coarse radar; None: as the module speaks


FULL = Pace()
COARSE = Pace(30.0, 10.0, 0.7, 7.3, 1.5, 1.2, 300.0, 2.5)


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
    others: tuple[AlarmSetting, ...] = ()  # that share lamp, buzzer and button
    other_dues_utc: tuple[int, ...] = ()
    pace: Pace = FULL


def plan_night(seed: int, faulty: bool, hours: float, coarse: bool = False) -> Plan:
    """Draw a night: its date, its alarms, what its sleeper does about them, and its faults.

    A coarse one begins 90 minutes before the window and ends soon after the alarm, whatever ``hours`` says.
    """
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
    if coarse:
        due_s = COARSE_BEFORE_S + 60.0 * setting.window_min
        hours = (due_s + COARSE_AFTER_S) / 3600.0
    else:
        due_s = hours * 3600.0 - AFTER_S
    faults = tuple(draw_faults(rng, due_s)) if faulty else ()
    manner = str(rng.choice(MANNERS))
    others = _others(np.random.default_rng([seed, 5]), setting, due_utc)
    return Plan(
        seed,
        MODULES[seed % 3],
        hours,
        setting,
        due_utc,
        due_utc - due_s,
        manner,
        faults,
        tuple(one for one, _ in others),
        tuple(due for _, due in others),
        COARSE if coarse else FULL,
    )


def _others(rng: np.random.Generator, first: AlarmSetting, due_utc: int) -> list[tuple[AlarmSetting, int]]:
    """Further alarms around the first; without a window, so that a ring before its time can be told whose it is."""
    found: list[tuple[AlarmSetting, int]] = []
    for number in range(0 if rng.random() < ALONE else int(rng.integers(1, 3))):
        utc_s = due_utc + 60 * int(rng.integers(OTHERS_MIN[0], OTHERS_MIN[1] + 1))
        local = datetime.fromtimestamp(utc_s, UTC).astimezone(ZoneInfo(first.timezone))
        if local.replace(fold=0).timestamp() != local.replace(fold=1).timestamp():
            continue  # that local time comes twice in this night
        dawn_min = int(rng.choice([0, 10, 30]))
        one = replace(
            first, id=2 + number, hour=local.hour, minute=local.minute, window_min=0, dawn_min=dawn_min, sound="birds"
        )
        found.append((one, utc_s))
    return found
