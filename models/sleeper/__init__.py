"""A sleeper to learn from and to test with: stages, every breath, movement, and what a sensor sees of them.

Nothing here reads a clock or keeps a state: the same arguments give the same arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.contract import EPOCH_S, SleepStage
from models.sleeper.body import BACK, LARGE, Moves, draw_moves, postures
from models.sleeper.breathing import Breaths, chest_and_belly, draw_breaths, draw_disturbances, draw_phasic
from models.sleeper.parameters import SAMPLE_HZ, Parameters
from models.sleeper.person import Cues, Person, random_cues, random_person
from models.sleeper.plan import WORDS, Activity, Doing, per_second, random_plan, work_out
from models.sleeper.view import Recorder, belt_view, heartbeat, radar_view

__all__ = [
    "SAMPLE_HZ",
    "WORDS",
    "Activity",
    "Cues",
    "Doing",
    "Drawn",
    "Person",
    "Recorder",
    "SimulatedNight",
    "View",
    "night_drawn",
    "random_cues",
    "random_person",
    "random_plan",
    "simulate",
    "simulate_night",
]

View = Literal["radar", "belt"]
# AASM W, N1, N2, N3, R -> the four classes.
_FOUR = np.array([SleepStage.WAKE, SleepStage.LIGHT, SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM], dtype=np.int8)


@dataclass(frozen=True)
class SimulatedNight:
    """One night of one person: signals at 20 Hz and the truth per 30 s epoch."""

    t_s: NDArray[np.float64]  # (samples,) k / 20
    displacement_mm: NDArray[np.float32]  # (samples,) along the sensor's axis; an empty bed is noise
    distance_m: NDArray[np.float32]  # (samples,) NaN = nobody in bed
    moving: NDArray[np.float32]  # (samples,) 0 breathing only, from 0.5 the whole body
    stage: NDArray[np.int8]  # (epochs,) SleepStage
    stage5: NDArray[np.int8]  # (epochs,) AASM: 0 W, 1 N1, 2 N2, 3 N3, 4 R
    in_bed: NDArray[np.bool_]  # (epochs,)
    intent: NDArray[np.bool_]  # (epochs,) trying to sleep or asleep
    posture: NDArray[np.int8]  # (epochs,) 0 back, 1 facing the radar, 2 turned away, 3 front
    doing: NDArray[np.int8]  # (epochs,) Doing: what the plan says, asleep too
    person: str
    sensor: str  # radar, belt or airflow
    kept_hz: float  # the rate that the signal was kept at; it is given at SAMPLE_HZ all the same
    breaths: Breaths  # every breath drawn, for tests and oracles
    moves: Moves


def simulate(
    person: Person,
    plan: list[Activity],
    hours: float,
    seed: int,
    *,
    view: View = "radar",
    cues: Cues | None = None,
    variant: bool = False,
    recorder: Recorder | None = None,
) -> SimulatedNight:
    """One night.  ``cues`` None means as published; ``variant`` is the sleeper that nothing is trained on.

    ``recorder`` None: the belt view's is drawn.
    """
    rng = np.random.default_rng(seed)
    p = Parameters(variant)
    cues = cues or Cues()
    seconds = round(hours * 3600)
    timeline = work_out(person, plan, hours, rng, p)
    stage_s = per_second(timeline.stage5, seconds)
    samples = seconds * SAMPLE_HZ

    # One generator per part, so that a change in one leaves the others' numbers alone.
    body_rng, breath_rng, view_rng = rng.spawn(3)
    phasic = draw_phasic(stage_s, breath_rng, p)
    rows = draw_moves(person, timeline, stage_s, phasic, cues, body_rng, p)
    lies_s = postures(Moves.of(rows), seconds, body_rng, p)
    if person.lies is not None:
        lies_s[:] = person.lies
    breaks = draw_disturbances(person, stage_s, phasic, lies_s == BACK, breath_rng, p)
    rows += [(at, body_rng.uniform(2.0, 6.0), body_rng.uniform(0.3, 0.7), False) for at in breaks.arousals_s]
    moved_s = Moves.of(rows).seconds(seconds, LARGE)
    breaths = draw_breaths(person, timeline, stage_s, breaks, moved_s, cues, breath_rng, p)
    for at in breaths.start_s[breaths.sigh]:
        if body_rng.random() < p.one("sigh_moves"):
            rows.append((float(at) + 2.0, float(body_rng.uniform(1.0, 4.0)), float(body_rng.uniform(0.1, 0.6)), False))
    moves = Moves.of(rows)

    chest, belly = chest_and_belly(breaths, person, samples)
    if view == "belt":
        seen = belt_view(person, timeline, chest, belly, moves, lies_s, view_rng, p, recorder)
    else:
        pulse = heartbeat(person, samples, view_rng)
        seen = radar_view(person, timeline, chest, belly, moves, lies_s, pulse, view_rng, p)
    return SimulatedNight(
        t_s=np.arange(samples) / SAMPLE_HZ,
        displacement_mm=seen.displacement_mm,
        distance_m=seen.distance_m,
        moving=seen.moving,
        stage=_FOUR[timeline.stage5],
        stage5=timeline.stage5,
        in_bed=timeline.in_bed,
        intent=timeline.intent,
        posture=lies_s[EPOCH_S // 2 :: EPOCH_S][: timeline.stage5.size],
        doing=timeline.doing[EPOCH_S // 2 :: EPOCH_S][: timeline.stage5.size],
        person=person.name,
        sensor=seen.sensor,
        kept_hz=seen.kept_hz,
        breaths=breaths,
        moves=moves,
    )


def simulate_night(
    seed: int, view: View = "radar", *, hours: float | None = None, variant: bool = False
) -> SimulatedNight:
    """A random person's random night with random cue strengths: what the stager is trained on."""
    drawn = night_drawn(seed, hours, variant)
    return simulate(drawn.person, drawn.plan, drawn.hours, drawn.seed, view=view, cues=drawn.cues, variant=variant)


class Drawn(NamedTuple):
    """What chance decided of a night before it is lived."""

    person: Person
    plan: list[Activity]
    hours: float
    seed: int
    cues: Cues


def night_drawn(seed: int, hours: float | None = None, variant: bool = False) -> Drawn:
    """The sleeper and the plan of ``simulate_night``'s night of that seed."""
    rng = np.random.default_rng(seed)
    person = random_person(rng, variant)
    length = hours or float(np.clip(rng.normal(8.0, 0.8), 6.0, 10.0))
    length = round(length * 120.0) / 120.0
    plan = random_plan(rng, person, length, variant)
    return Drawn(person, plan, length, int(rng.integers(2**31)), random_cues(rng))
