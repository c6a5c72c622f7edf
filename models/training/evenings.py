"""Evenings and mornings to learn intent from: what people do in bed before, between and after trying to sleep.

Reading, telephone, television, talk and lying with open eyes come in any order, sleep is given up and tried again, and
a morning may have its telephone too.  The lamp mostly goes with what is done, but not always.  How often and how long
is assumed where models/sleeper/parameters.py names no source for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.contract import EPOCH_S
from models.sleeper import (
    SAMPLE_HZ,
    Activity,
    Doing,
    Person,
    SimulatedNight,
    random_cues,
    random_person,
    simulate,
)

BEFORE = ("read", "phone", "television", "talk", "lie", "sit")
BEFORE_SHARES = (0.28, 0.28, 0.14, 0.08, 0.14, 0.08)
STRAIGHT = 0.15  # share of evenings that begin with trying
BEFORE_MIN = (12.0, 0.8, 60.0)  # of one activity: median, sd ln, longest
GIVES_UP = 0.12  # share of nights on which sleep is tried in vain and then again
WAKES = 0.10  # on which somebody reads or telephones in the middle of the night
MORNING = 0.4  # on which something is done in bed before getting up
MORNING_MIN = (10.0, 0.7, 45.0)
SENSORLESS = 0.4  # share of nights without a light sensor
UNPLACED = 0.4  # without distances
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Evening:
    """A night with what the room's light and the radar's distance would have said, epoch by epoch."""

    night: SimulatedNight
    light_lx: Floats  # (epochs,), NaN without a sensor
    distance_m: Floats  # (epochs,), NaN where the module tells none


def random_evening(seed: int, *, hours: float | None = None, variant: bool = False) -> Evening:
    """A random person's evening, night and morning; ``hours`` None draws short ones and whole ones."""
    rng = np.random.default_rng((seed, 0xE5E))
    person = random_person(rng, variant)
    if hours is None:
        hours = rng.uniform(3.0, 4.5) if rng.random() < 0.65 else rng.uniform(6.5, 9.5)
    hours = round(hours * 120.0) / 120.0
    plan = random_plan(rng, person, hours)
    night = simulate(person, plan, hours, int(rng.integers(2**31)), cues=random_cues(rng), variant=variant)
    return Evening(night, light_of(night, rng), distance_of(night, rng))


def random_plan(rng: np.random.Generator, person: Person, hours: float) -> list[Activity]:
    """What is done, in minutes since the start."""
    at = float(rng.uniform(0.5, 6.0))
    end = hours * 60.0 - float(rng.uniform(1.0, 8.0))
    plan = [Activity(at, "enter")]
    at += 0.5
    if rng.random() >= STRAIGHT:
        for _ in range(1 + int(rng.random() < 0.4)):
            plan.append(Activity(at, _one(rng)))
            at += _lasts(rng, BEFORE_MIN)
    at = min(at, end - 100.0)
    plan.append(Activity(at, "try_to_sleep"))
    tried = at
    if rng.random() < GIVES_UP and end - at > 150.0:
        at += float(rng.uniform(10.0, 40.0))
        plan.append(Activity(at, _one(rng)))
        at += _lasts(rng, BEFORE_MIN)
        plan.append(Activity(at, "try_to_sleep"))
        tried = at
    if rng.random() < WAKES and end - at > 240.0:
        at = float(rng.uniform(at + 100.0, end - 100.0))
        plan += [Activity(at, _one(rng)), Activity(at + _lasts(rng, BEFORE_MIN), "try_to_sleep")]
    decade = 0 if person.age_years < 40 else 1 if person.age_years < 60 else 2
    if rng.random() < (0.2, 0.4, 0.6)[decade] and end - tried > 150.0:
        plan.append(Activity(float(rng.uniform(tried + 60.0, end - 70.0)), "visit_bathroom"))
    if rng.random() < MORNING:
        plan.append(Activity(end - _lasts(rng, MORNING_MIN), _one(rng)))
    return [*sorted(plan, key=lambda activity: activity.at_min), Activity(end, "leave")]


def _one(rng: np.random.Generator) -> str:
    return BEFORE[int(rng.choice(len(BEFORE), p=BEFORE_SHARES))]


def _lasts(rng: np.random.Generator, law: tuple[float, float, float]) -> float:
    median, sd, longest = law
    return min(max(median * math.exp(sd * rng.standard_normal()), 2.0), longest)


def light_of(night: SimulatedNight, rng: np.random.Generator) -> Floats:
    """(epochs,) lx at the bedside: the lamp goes with what is done, a telephone shines a little, the day dawns."""
    epochs = night.doing.size
    if rng.random() < SENSORLESS:
        return np.full(epochs, np.nan)
    dark = 10.0 ** rng.uniform(-2.0, 0.0)
    lamp = 10.0 ** rng.uniform(0.7, 2.2)
    lit = {
        Doing.READ: rng.random() < 0.95,
        Doing.SIT: rng.random() < 0.8,
        Doing.TALK: rng.random() < 0.6,
        Doing.PHONE: rng.random() < 0.5,
        Doing.TELEVISION: rng.random() < 0.3,
        Doing.LIE: rng.random() < 0.4,
    }
    glow = {Doing.PHONE: 10.0 ** rng.uniform(-1.0, 0.7), Doing.TELEVISION: 10.0 ** rng.uniform(0.0, 1.5)}
    level = np.full(epochs, dark)
    for doing in Doing:
        at = night.doing == doing
        level[at] += lamp * lit.get(doing, False) + glow.get(doing, 0.0)
    # The switch is pressed some time before or after, and a partner may read on.
    level = np.roll(level, int(rng.integers(-3, 4)))
    trying = np.flatnonzero(night.doing == Doing.TRY_TO_SLEEP)
    if rng.random() < 0.12 and trying.size:
        level[trying[0] : trying[0] + int(rng.uniform(10, 120))] += lamp
    if rng.random() < 0.05:
        level += lamp
    level[(night.doing == Doing.AWAY) & (rng.random() < 0.5)] += lamp
    if rng.random() < 0.6:  # the sun, or a lamp that wakes
        dawn = int(rng.uniform(40, 200))
        level[-dawn:] += 10.0 ** np.linspace(-2.0, rng.uniform(0.5, 2.5), dawn)[-epochs:]
    return level * np.exp(0.1 * rng.standard_normal(epochs))


def distance_of(night: SimulatedNight, rng: np.random.Generator) -> Floats:
    """(epochs,) m to the chest in whole centimetres; half of the sleepers sit up or lean over to read."""
    epochs = night.doing.size
    if rng.random() < UNPLACED:
        return np.full(epochs, np.nan)
    metres = night.distance_m[EPOCH_S * SAMPLE_HZ // 2 :: EPOCH_S * SAMPLE_HZ][:epochs].astype(np.float64)
    if rng.random() < 0.5:
        busy = (night.doing != Doing.TRY_TO_SLEEP) & (night.doing != Doing.LIE)
        metres = metres + busy * rng.normal(0.0, 0.12)
    noisy: Floats = np.round(metres + rng.uniform(0.002, 0.03) * rng.standard_normal(epochs), 2)
    return noisy
