"""Who sleeps: a person as random effects, and how strongly each cue speaks on one night."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from models.sleeper.hypnogram import SleepTraits
from models.sleeper.parameters import Parameters


class Cues(NamedTuple):
    """Multipliers, in the logarithm, on each cue's difference between stages: 1 as published, 0 tells nothing.

    Drawn afresh for every training night, so that no network leans on one cue; a scenario's sleeper has them all at 1.
    """

    rate: float = 1.0
    interval: float = 1.0
    amplitude: float = 1.0
    movement: float = 1.0
    sighs: float = 1.0


@dataclass(frozen=True)
class Person:
    """One sleeper.  Every default is the middle of the table in ``parameters``."""

    name: str = "sleeper"
    age_years: float = 40.0
    breaths_brpm: float = 15.4  # mean rate in NREM sleep
    stage_rate_ln: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)  # own departures from the table
    interval_ln: float = 0.0  # more or less regular than the table, at every stage
    moves_ln: float = 0.0
    restless_ln: float = 0.0  # moves more than the table while awake
    rate_evening_ln: float = 0.0  # breathes faster at the night's beginning
    rate_wander_ln: float = 0.0  # how far the rate wanders through the night
    apnoea_per_h: float = 1.0
    pool: str = "home_young"  # whose nights, see hypnogram.pools
    traits: SleepTraits = field(default_factory=SleepTraits)
    sol_min: float = 12.0  # median of the time to fall asleep
    chest_mm: float = 5.0  # peak to peak in NREM sleep
    belly_mm: float = 6.0
    rib_share: float = 0.0  # added to the table's share
    expiration_tau_s: float = 0.65
    heart_bpm: float = 62.0
    lateral_m: float = 0.6  # chest to radar, along the mattress
    height_m: float = 0.3  # radar above the chest
    lies: int | None = None  # one posture all night, an index into body.POSTURES; None: turns as people do


def random_cues(rng: np.random.Generator) -> Cues:
    """Cue strengths of one training night, each U(0, 1.2)."""
    return Cues(*(float(x) for x in rng.uniform(0.0, 1.2, 5)))


def random_person(rng: np.random.Generator, variant: bool = False, name: str = "sleeper") -> Person:
    """A person drawn from the table: 20-80 years, about one in four with more than 15 apnoeas an hour."""
    p = Parameters(variant)
    age = float(rng.uniform(20.0, 80.0))
    woman = bool(rng.random() < 0.5)
    mean, sd = p.all("rate_brpm")
    rate = mean + sd * rng.standard_normal()
    rate += p.one("rate_woman_brpm") * (0.5 if woman and age < 50 else -0.5 if age < 50 else 0.0)
    rate += p.one("rate_decade_brpm") * (age - 45.0) / 10.0
    low, high = p.all("rate_range_brpm")
    ahi_mean, ahi_sd = p.all("ahi_ln")
    apnoea = math.exp(ahi_mean + ahi_sd * rng.standard_normal()) + p.one("ahi_decade") * max(age - 40.0, 0.0) / 10.0
    share, patients, patients_sd = p.all("ahi_patient")
    if rng.random() < share:
        apnoea = patients * math.exp(patients_sd * rng.standard_normal())
    apnoea = min(apnoea, 90.0)
    wake_sd, n1_sd, deep_sd = p.all("trait_sd_ln")
    poor = rng.random() < 0.15
    chest, chest_sd = p.all("chest_mm")
    belly, belly_sd = p.all("belly_mm")
    evening, evening_sd, _ = p.all("rate_evening_ln")
    wanders, wanders_sd, _ = p.all("rate_wander_ln")
    restless, restless_sd = p.all("restless_ln")
    own_rate = p.one("rate_stage_sd_ln") * rng.standard_normal(5)
    return Person(
        name=name,
        age_years=age,
        breaths_brpm=float(np.clip(rate, low, high)),
        stage_rate_ln=(float(own_rate[0]), 0.0, 0.0, float(own_rate[3]), float(own_rate[4])),
        interval_ln=p.one("interval_person_sd_ln") * float(rng.standard_normal()),
        moves_ln=p.one("moves_person_sd_ln") * float(rng.standard_normal()),
        restless_ln=restless + restless_sd * float(rng.standard_normal()),
        rate_evening_ln=evening + evening_sd * float(rng.standard_normal()),
        rate_wander_ln=wanders * math.exp(wanders_sd * rng.standard_normal()),
        apnoea_per_h=apnoea,
        pool=_pool(rng, age, apnoea),
        traits=SleepTraits(
            wake=wake_sd * float(rng.standard_normal()) - wake_sd**2 + (0.3 if poor else 0.0),
            n1=n1_sd * float(rng.standard_normal()) - n1_sd**2,
            deep=deep_sd * float(rng.standard_normal()) - deep_sd**2,
        ),
        sol_min=p.one("sol_min") * (2.9 if poor else 1.0),
        chest_mm=max(chest + chest_sd * float(rng.standard_normal()), 1.5),
        belly_mm=max(belly + belly_sd * float(rng.standard_normal()), 1.5),
        rib_share=p.one("rib_share_sd") * float(rng.standard_normal()),
        expiration_tau_s=p.draw("expiration_tau_s", rng),
        heart_bpm=max(p.one("heart_bpm") + p.all("heart_bpm")[1] * float(rng.standard_normal()), 42.0),
        lateral_m=p.draw("lateral_m", rng),
        height_m=p.draw("height_m", rng),
    )


def _pool(rng: np.random.Generator, age: float, apnoea: float) -> str:
    if apnoea > 15.0 and rng.random() < 0.6:
        return "apnoea"
    if age < 42.0:
        return "home_young" if rng.random() < 0.6 else "lab"
    return "home_middle" if age < 63.0 else "home_older"
