"""What a sleeper does, minute by minute, and the hypnogram that comes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.contract import EPOCH_S
from models.sleeper.hypnogram import W, draw_hypnogram, pools
from models.sleeper.parameters import Parameters
from models.sleeper.person import Person

# What may stand in a plan and in a scenario file.
WORDS = (
    "enter", "sit", "read", "phone", "television", "talk", "lie", "try_to_sleep",
    "turn", "roll_to", "visit_bathroom", "get_up", "leave",
)  # fmt: skip


class Activity(NamedTuple):
    """One line of a plan: minutes since the start, one of WORDS, and for roll_to its end in metres from the radar."""

    at_min: float
    what: str
    to_m: float | None = None


class Doing(IntEnum):
    """What somebody awake is about; the order is that of the ``awake_*`` rows of the table."""

    AWAY = -1
    SIT = 0
    READ = 1
    PHONE = 2
    TELEVISION = 3
    LIE = 4
    TRY_TO_SLEEP = 5
    TALK = 6


def _minute(activity: Activity) -> float:
    return activity.at_min


_DOING = {
    "enter": Doing.LIE, "sit": Doing.SIT, "read": Doing.READ, "phone": Doing.PHONE,
    "television": Doing.TELEVISION, "talk": Doing.TALK, "lie": Doing.LIE, "try_to_sleep": Doing.TRY_TO_SLEEP,
}  # fmt: skip


@dataclass(frozen=True)
class Timeline:
    """A plan worked out: per second and per epoch, and the moments at which the body must move."""

    doing: NDArray[np.int8]  # (seconds,) Doing
    stage5: NDArray[np.int8]  # (epochs,) AASM, W while away
    in_bed: NDArray[np.bool_]  # (epochs,) at least half of the epoch
    intent: NDArray[np.bool_]  # (epochs,) trying to sleep or asleep; short trips stay inside
    passages: tuple[tuple[float, bool], ...]  # (second, comes into bed)
    turns: tuple[tuple[float, float | None], ...]  # (second, new distance in metres or None)
    tried_s: tuple[float, ...]  # when sleep was tried, for the restlessness that fades after it


def random_plan(rng: np.random.Generator, person: Person, hours: float, variant: bool = False) -> list[Activity]:
    """An evening, a night with its trips and a morning that fit into ``hours``."""
    p = Parameters(variant)
    at = float(rng.uniform(0.5, 10.0))
    plan = [Activity(at, "enter")]
    without, median, sd = p.all("pre_intent")
    if rng.random() >= without:
        what = ("read", "phone", "television", "lie")[int(rng.choice(4, p=p.all("pre_intent_what")))]
        plan.append(Activity(at + 0.5, what))
        at += min(median * math.exp(sd * rng.standard_normal()), 90.0)
    plan.append(Activity(at + 1.0, "try_to_sleep"))
    end = hours * 60.0 - float(rng.uniform(1.0, 10.0))
    decade = 0 if person.age_years < 40 else 1 if person.age_years < 60 else 2
    trips = [
        Activity(float(rng.uniform(at + 75.0, end - 60.0)), "visit_bathroom")
        for law in ("bathroom", "bathroom_again")
        if rng.random() < p.all(law)[decade] and end - at > 180.0
    ]
    return [*plan, *sorted(trips, key=_minute), Activity(end, "leave")]


def work_out(person: Person, plan: list[Activity], hours: float, rng: np.random.Generator, p: Parameters) -> Timeline:
    """Turn words into seconds and draw the stages between them."""
    seconds, epochs = round(hours * 3600), round(hours * 3600 / EPOCH_S)
    doing = np.full(seconds, Doing.AWAY, dtype=np.int8)
    passages: list[tuple[float, bool]] = []
    turns: list[tuple[float, float | None]] = []
    tried: list[float] = []
    trips: list[tuple[float, float]] = []
    present = False
    for activity in sorted(plan, key=_minute):
        at = activity.at_min * 60.0
        k = round(at)
        if activity.what in ("get_up", "leave"):
            doing[k:] = Doing.AWAY
            if present:
                passages.append((at, False))
            present = False
        elif activity.what in ("turn", "roll_to"):
            turns.append((at, activity.to_m))
        elif activity.what == "visit_bathroom":
            median, sd = p.all("absence_min")
            trips.append((at, at + 60.0 * median * math.exp(sd * rng.standard_normal())))
        else:
            if not present:
                passages.append((at, True))
                present = True
            doing[k:] = _DOING[activity.what]
            if activity.what == "try_to_sleep":
                tried.append(at)
    trying = doing == Doing.TRY_TO_SLEEP
    awake = _awake(person, trying, trips, tried, rng, p)
    for leave_s, back_s in trips:
        if doing[min(round(leave_s), seconds - 1)] != Doing.AWAY:
            doing[round(leave_s) : round(back_s)] = Doing.AWAY
            passages += [(leave_s, False), (back_s, True)]
    per_epoch = doing[: epochs * EPOCH_S].reshape(epochs, EPOCH_S)
    stage5 = draw_hypnogram(pools()[person.pool], person.traits, awake.reshape(epochs, EPOCH_S).any(1), rng)
    return Timeline(
        doing=doing,
        stage5=stage5,
        in_bed=(per_epoch != Doing.AWAY).mean(1) >= 0.5,
        intent=trying[: epochs * EPOCH_S].reshape(epochs, EPOCH_S).mean(1) >= 0.5,
        passages=tuple(sorted((s, into) for s, into in passages if s < seconds)),
        turns=tuple(turns),
        tried_s=tuple(tried),
    )


def _awake(
    person: Person,
    trying: NDArray[np.bool_],
    trips: list[tuple[float, float]],
    tried: list[float],
    rng: np.random.Generator,
    p: Parameters,
) -> NDArray[np.bool_]:
    """(seconds,) where the plan forbids sleep: before onset, around trips, and before getting up or doing something."""
    awake = ~trying
    sol_sd = p.all("sol_min")[1]
    for at in tried:
        awake[round(at) : round(at + 60.0 * min(person.sol_min * math.exp(sol_sd * rng.standard_normal()), 150.0))] = (
            True
        )
    median, sd = p.all("lie_in_min")
    for end in np.flatnonzero(trying[:-1] & ~trying[1:]) + 1:
        awake[max(int(end) - round(60.0 * min(median * math.exp(sd * rng.standard_normal()), 60.0)), 0) : end] = True
    low, high = p.all("back_asleep_min")
    for leave_s, back_s in trips:
        settle_s = 60.0 * low * (high / low) ** rng.random()
        awake[max(round(leave_s - rng.uniform(45.0, 180.0)), 0) : round(back_s + settle_s)] = True
    return awake


def per_second(stage5: NDArray[np.int8], seconds: int) -> NDArray[np.int8]:
    """(seconds,) the stage of each second; W beyond the last whole epoch."""
    out = np.full(seconds, W, dtype=np.int8)
    whole = np.repeat(stage5, EPOCH_S)[:seconds]
    out[: whole.size] = whole
    return out
