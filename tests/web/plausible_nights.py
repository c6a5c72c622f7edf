"""Nights as they might have been, for looking at the page and for its tests; made up, and the same every time."""

from __future__ import annotations

import math
import random
from pathlib import Path

from appliance.alarm_setting import AlarmSetting
from appliance.records import (
    AlarmFactRecord,
    EnvironmentRecord,
    EpochRecord,
    EventRecord,
    Record,
    RingRecord,
    SessionRecord,
)
from appliance.settings import ALARMS
from appliance.status import TRACE_HZ, TRACE_S, BedStatus, RadarStatus, RoomStatus, Status
from appliance.store import Role, Store

EPOCH_S = 30
MORNING_UTC = 1_795_676_400  # Thu 26 Nov 2026, 07:00 UTC
MODEL = "made-up-1"
DAY_S = 86_400
# One night in half minutes of one stage after another: about five cycles, deep early, REM late, one visit to the
# bathroom (no epochs), one stretch of too little signal.
_CYCLES = (
    ("wake", 46), ("light", 30), ("deep", 62), ("light", 46), ("rem", 16), ("wake", 3), ("light", 44), ("deep", 40),
    ("light", 40), ("rem", 36), ("wake", 2), ("light", 10), ("away", 14), ("wake", 12), ("light", 60), ("unscored", 18),
    ("deep", 14), ("light", 50), ("rem", 56), ("light", 4), ("wake", 2), ("light", 66), ("rem", 66), ("wake", 4),
    ("light", 38), ("wake", 18),
)  # fmt: skip
_RATES = {"wake": 15.5, "light": 14.0, "deep": 13.2, "rem": 15.0}


def night(morning_utc: int, seed: int = 1, share: float = 1.0, bed_minutes: float = 18.0) -> list[Record]:
    """The records of one night that ends at about ``morning_utc``; with ``share`` below 1 it is still going on."""
    dice = random.Random(seed)
    plan = [(stage, max(1, round(n * dice.uniform(0.8, 1.2)))) for stage, n in _CYCLES]
    stages = [stage for stage, n in plan for _ in range(n)]
    whole = len(stages)
    first_utc = (morning_utc - whole * EPOCH_S) // EPOCH_S * EPOCH_S
    entered_utc = first_utc + 8
    stages = stages[: round(whole * share)]
    growing = len(stages) < whole
    epochs = [
        _epoch(first_utc + EPOCH_S * k, entered_utc, stage, dice, moved=k == 0 or stages[k - 1] != stage)
        for k, stage in enumerate(stages)
        if stage != "away"
    ]
    away = [first_utc + EPOCH_S * k for k, stage in enumerate(stages) if stage == "away"]
    end_utc = first_utc + EPOCH_S * len(stages)
    asleep = [first_utc + EPOCH_S * k for k, stage in enumerate(stages) if stage in ("light", "deep", "rem")]
    trying_utc = first_utc + round(60 * bed_minutes)
    session = SessionRecord(
        id=entered_utc,
        entered_utc=entered_utc,
        began_trying_utc=trying_utc,
        onset_utc=asleep[0] if asleep else None,
        final_awakening_utc=asleep[-1] + EPOCH_S if asleep and not growing else None,
        left_utc=None if growing else end_utc,
        statistics=None if growing else _statistics(stages, first_utc, entered_utc, trying_utc, end_utc),
        model=MODEL,
        absences=((away[0], away[-1] + EPOCH_S),) if away else (),
    )
    room = [
        EnvironmentRecord(
            utc_s=utc_s // 60 * 60,
            temperature_c=18.2 + 2.8 * math.exp(-k / 150) + dice.gauss(0, 0.02),
            humidity_pct=44 + k / 90 + dice.gauss(0, 0.1),
            illuminance_lx=0.1 if k > 30 else 18.0,
            co2_ppm=620 + 1.1 * min(k, 380) + dice.gauss(0, 4),
        )
        for k, utc_s in enumerate(range(entered_utc, end_utc, 60))
    ]
    return [session, *epochs, *room]


WEEK = (
    AlarmSetting(True, 7, 0, frozenset(range(5)), "Europe/Berlin"),
    AlarmSetting(False, 9, 30, frozenset({5, 6}), "Europe/Berlin", id=2),
)


def fill(path: Path, morning_utc: int = MORNING_UTC, nights: int = 3, tonight: float | None = None) -> None:
    """A database at ``path`` with ``nights`` nights up to ``morning_utc``, and so much of a further one."""
    with Store(path, Role.SUPERVISOR) as store:
        for k in range(nights):
            morning = morning_utc - k * DAY_S
            store.write(night(morning, seed=k + 1, bed_minutes=8.0 + 5 * (k % 3)))
            store.write(
                [
                    AlarmFactRecord(
                        morning - 900,
                        {
                            "due_utc": morning - 900,
                            "rang_utc": morning - 900,
                            "snoozes": 1,
                            "ended_utc": morning - 240,
                        },
                    ),
                    RingRecord(morning - 900, 1, morning - 900, "set time", 30, "light", 0.71, True),
                ]
            )
        if tonight is not None:
            store.write(night(morning_utc + DAY_S, seed=77, share=tonight))
        store.write([EventRecord(morning_utc, "model", f"stages by {MODEL}")])
    with Store(path, Role.WEB) as web:
        web.put_settings(
            {
                ALARMS: [alarm.as_dict() for alarm in WEEK],
                "bed_side": "left",
                "timezone": "Europe/Berlin",
            },
            morning_utc - DAY_S,
        )


def asleep(utc_s: float, alarm_phase: str = "idle", lamp: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Status:
    """The box at work beside somebody asleep."""
    steps = range(TRACE_HZ * TRACE_S)
    breath = [2.1 * math.sin(2 * math.pi * 0.235 * (utc_s + k / TRACE_HZ)) ** 3 + 0.15 * math.sin(k) for k in steps]
    return Status(
        utc_s=utc_s,
        present=True,
        confidence=0.97,
        presence_reason="breathing is seen",
        distance_m=0.63,
        angle_deg=-6.0,
        depth_mm=2.4,
        bed=BedStatus(0.4, 1.6, 0.62, 1.24, 31.5),
        rate_brpm=14.1,
        breathing_quality=0.82,
        stage="light",
        stage_probability=0.71,
        entered_utc=int(utc_s) - 6 * 3600,
        session_id=int(utc_s) - 6 * 3600,
        alarm_phase=alarm_phase,
        next_alarm_utc=int(utc_s) // 3600 * 3600 + 5400,
        dawn_utc=int(utc_s) // 3600 * 3600 + 3600,
        alarms=tuple(alarm.as_dict() for alarm in WEEK),
        lamp=lamp,
        radar=RadarStatus(True, "tinyframe", "1.6.4"),
        room=RoomStatus(18.6, 47.2, 0.1, 902.0, 1013.4),
        trace=tuple(breath),
    )


def _epoch(start_utc: int, session_id: int, stage: str, dice: random.Random, moved: bool) -> EpochRecord:
    sure = dice.uniform(0.5, 0.9)
    rest = (1.0 - sure) / 3
    chances = {name: sure if name == stage else rest for name in ("wake", "light", "deep", "rem")}
    unscored = stage == "unscored"
    still = {"wake": 0.18, "deep": 0.002}.get(stage, 0.01)
    return EpochRecord(
        start_utc=start_utc,
        session_id=session_id,
        stage=stage,
        p_wake=None if unscored else chances["wake"],
        p_light=None if unscored else chances["light"],
        p_deep=None if unscored else chances["deep"],
        p_rem=None if unscored else chances["rem"],
        coverage=0.2 if unscored else dice.uniform(0.95, 1.0),
        rate_brpm=None if unscored else _RATES[stage] + dice.gauss(0, 0.9 if stage in ("wake", "rem") else 0.25),
        motion=None if unscored else min(1.0, dice.expovariate(1 / still) + (0.5 if moved else 0.0)),
        is_primary=True,
        model=MODEL,
    )


def _statistics(
    stages: list[str], first_utc: int, entered_utc: int, trying_utc: int, end_utc: int
) -> dict[str, int | float | str | None]:
    lengths = {stage: EPOCH_S * stages.count(stage) for stage in ("light", "deep", "rem", "unscored")}
    sleeping = [k for k, stage in enumerate(stages) if stage in ("light", "deep", "rem")]
    onset, final = sleeping[0], sleeping[-1] + 1
    tst_s = lengths["light"] + lengths["deep"] + lengths["rem"]
    return {
        "counted_from": "trying",
        "tib_s": end_utc - trying_utc,
        "unscored_s": lengths["unscored"],
        "before_trying_s": trying_utc - entered_utc,
        "spt_s": EPOCH_S * (final - onset),
        "tst_s": tst_s,
        "sol_s": first_utc + EPOCH_S * onset - trying_utc,
        "waso_s": EPOCH_S * sum(stage in ("wake", "away") for stage in stages[onset:]),
        "se": tst_s / (end_utc - trying_utc),
        "rem_latency_s": EPOCH_S * (stages.index("rem") - onset),
        "awakenings": 5,
        "light_s": lengths["light"],
        "deep_s": lengths["deep"],
        "rem_s": lengths["rem"],
    }
