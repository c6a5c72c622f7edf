"""What stands before the radar in a scenario: people, pets and things, and what befalls the box."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from appliance.scenario.pets import pet_body, steps_on_bed
from appliance.scenario.things import bursts, curtain_body, fan_body
from appliance.scenario.words import Fault, NightFacts, Scenario, Sleeper
from drivers.twins import Body, Scene
from models.contract import EPOCH_S
from models.sleeper import SAMPLE_HZ, Person, SimulatedNight, simulate
from models.sleeper.body import LARGE, POSTURES, Moves, move_signals

NEAR_M, FAR_M = 0.6, 1.4  # radar to chest on the box's own side of the bed and on the other
ECHO_OF_POSTURE = np.array([0.7, 1.0, 0.8, 0.6])  # back, towards the radar, away, front: what each turns to it
ASIDE_M = {"primary": 0.1, "partner": 0.2, "child": 0.25}  # standard deviation of a chest's place along the bed
SPREAD_M = 0.4  # along the bed for each metre farther away, while walking up or off
TRANSMITTED, WITHIN_S = 0.2, 60.0  # share of large movements that make the other one stir, and how soon (Walters 2020)
MATTRESS_SIZE, STIR_SIZE = (0.05, 0.15), (0.1, 0.4)  # of what the mattress passes on at once, and of a stir
SMALL_MM = (0.5, 3.0)
KNOCK_M, KNOCK_DEG, KNOCK_ECHO, KNOCK_MM = 0.15, (5.0, 20.0), (0.3, 0.6), (5.0, 30.0)


def simulate_scenario(scenario: Scenario, seed: int) -> list[SimulatedNight]:
    """One night per person, in the file's order, as a radar on the box's side of the bed sees each alone."""
    seeds = np.random.SeedSequence(seed).generate_state(max(len(scenario.people), 1))
    return [
        simulate(_person(person, scenario.night), list(person.does), scenario.night.hours, int(own_seed))
        for person, own_seed in zip(scenario.people, seeds, strict=False)
    ]


def _person(sleeper: Sleeper, night: NightFacts) -> Person:
    near = sleeper.side == night.side if sleeper.side is not None else sleeper.role == "primary"
    distance_m = sleeper.distance_m if sleeper.distance_m is not None else NEAR_M if near else FAR_M
    age = sleeper.age_years
    height_m = min(night.height_m, 0.9 * distance_m)
    return Person(
        name=sleeper.name,
        age_years=age,
        breaths_brpm=sleeper.breaths_per_minute,
        apnoea_per_h=sleeper.apnoea_per_h,
        pool="home_young" if age < 42 else "home_middle" if age < 63 else "home_older",
        sol_min=sleeper.falls_asleep_min,
        chest_mm=sleeper.chest_mm,
        belly_mm=sleeper.belly_mm,
        height_m=height_m,
        lateral_m=math.sqrt(distance_m**2 - height_m**2),
        lies=POSTURES.index(sleeper.lies) if sleeper.lies in POSTURES else None,
    )


def scene_of(scenario: Scenario, nights: list[SimulatedNight], seed: int) -> Scene:
    """Everything before the radar over the whole night: people in the file's order, then pets, then things."""
    samples = round(scenario.night.hours * 3600) * SAMPLE_HZ
    t_s = np.arange(samples) / SAMPLE_HZ
    # One generator per part, so that a fan more leaves the partner's numbers alone.
    people_rng, pets_rng, things_rng, faults_rng = np.random.default_rng([seed, 1]).spawn(4)
    steps = [row for pet in scenario.pets for row in steps_on_bed(pet)]
    bodies = _people(scenario, nights, steps, people_rng)
    sleeper_m = np.nanmedian(nights[0].distance_m) if nights and np.isfinite(nights[0].distance_m).any() else NEAR_M
    bodies += [pet_body(pet, t_s, float(sleeper_m), pets_rng) for pet in scenario.pets]
    noise = np.zeros(samples)
    for thing in scenario.things:
        match thing.what:
            case "fan":
                bodies.append(fan_body(thing, t_s, things_rng))
            case "curtain":
                bodies.append(curtain_body(thing, t_s, things_rng))
            case _:
                noise = np.maximum(noise, bursts(thing, t_s, things_rng))
    scene = Scene(t_s, tuple(bodies), noise if noise.any() else None)
    for fault in scenario.faults:
        if fault.what == "drop_out":
            for body in scene.bodies:
                body.distance_m[_span(t_s, fault)] = np.nan
        elif fault.what == "knock":
            scene = _knocked(scene, fault, faults_rng)
    return scene


def _people(
    scenario: Scenario,
    nights: list[SimulatedNight],
    steps: list[tuple[float, float, float, bool]],
    rng: np.random.Generator,
) -> list[Body]:
    bodies = []
    for k, (sleeper, night) in enumerate(zip(scenario.people, nights, strict=True)):
        distance_m = night.distance_m.astype(np.float64)
        there = np.isfinite(distance_m)
        rows = [*steps]
        for other in nights[:k] + nights[k + 1 :]:
            rows += _passed_on(other, rng)
        moving, mm = move_signals(Moves.of(rows), len(distance_m), SMALL_MM, SMALL_MM, rng)
        own = float(rng.normal(0.0, ASIDE_M[sleeper.role]))
        home_m = np.nanmedian(distance_m) if there.any() else NEAR_M
        x_m = np.where(there, own + math.copysign(SPREAD_M, own) * np.maximum(distance_m - home_m - 0.2, 0.0), np.nan)
        echo = np.repeat(ECHO_OF_POSTURE[night.posture], EPOCH_S * SAMPLE_HZ)
        bodies.append(
            Body(
                np.where(there, night.displacement_mm + mm, np.nan),
                distance_m,
                np.where(there, np.maximum(night.moving, moving), 0.0),
                x_m,
                np.pad(echo, (0, len(distance_m) - len(echo)), mode="edge"),
            )
        )
    return bodies


def _passed_on(other: SimulatedNight, rng: np.random.Generator) -> list[tuple[float, float, float, bool]]:
    """Movements of somebody that are felt on the other side of the bed: at once a little, later as a stir."""
    rows = []
    large = other.moves.size >= LARGE
    for start_s, length_s in zip(other.moves.start_s[large], other.moves.length_s[large], strict=True):
        sample = min(int(start_s * SAMPLE_HZ), len(other.distance_m) - 1)
        if np.isnan(other.distance_m[sample]):
            continue
        rows.append((float(start_s), float(length_s), float(rng.uniform(*MATTRESS_SIZE)), False))
        if rng.random() < TRANSMITTED:
            at = float(start_s + rng.uniform(0.0, WITHIN_S))
            rows.append((at, float(rng.uniform(1.0, 4.0)), float(rng.uniform(*STIR_SIZE)), False))
    return rows


def _span(t_s: NDArray[np.float64], fault: Fault) -> NDArray[np.bool_]:
    return np.logical_and(t_s >= fault.at * 60.0, t_s < fault.at * 60.0 + fault.seconds)


def _knocked(scene: Scene, fault: Fault, rng: np.random.Generator) -> Scene:
    """The box jolted for a while and askew from then on: other distances, off its axis, weaker echoes."""
    t_s, jolt = scene.t_s, _span(scene.t_s, fault)
    after = t_s >= fault.at * 60.0
    nearer_m = rng.uniform(-KNOCK_M, KNOCK_M)
    turned = math.radians(float(rng.uniform(*KNOCK_DEG)) * (1.0 if rng.random() < 0.5 else -1.0))
    weaker = rng.uniform(*KNOCK_ECHO)
    rough = np.convolve(rng.standard_normal(len(t_s)), np.ones(5) / 5.0, mode="same")
    own_mm = np.where(jolt, rng.uniform(*KNOCK_MM) * rough, 0.0) + after * rng.uniform(-10.0, 10.0)
    bodies = []
    for body in scene.bodies:
        distance_m = np.where(after, np.maximum(body.distance_m + nearer_m, 0.25), body.distance_m)
        angle = np.arcsin(np.clip(body.x_m / body.distance_m, -1.0, 1.0)) + after * turned
        bodies.append(
            Body(
                body.displacement_mm + own_mm,
                distance_m,
                np.where(jolt & body.there, np.maximum(body.moving, 0.8), body.moving),
                distance_m * np.sin(angle),
                body.echo * np.where(after, weaker, 1.0),
            )
        )
    return scene._replace(bodies=tuple(bodies), box_mm=own_mm if scene.box_mm is None else own_mm + scene.box_mm)
