"""Cats and dogs before the radar: how they come, breathe, stir, walk and lie down.

Rates and sizes: a cat asleep breathes 16-30 times a minute and moves its chest by 1-2 mm, a dog 6-25 times and 1-4 mm
(veterinary pages); the rest is assumed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from appliance.scenario.words import Pet
from drivers.twins import Body
from models.sleeper import SAMPLE_HZ
from models.sleeper.body import Moves, move_signals

CHEST_MM = {"cat": (1.0, 2.0), "dog": (1.0, 4.0)}  # peak to peak
ECHO = {"cat": 0.15, "dog": 0.3}
WALK_M_S = (0.3, 0.8)
COMES_FROM_M = 1.5  # beyond its place
OVER_M, OVER_S = 0.1, (4.0, 12.0)  # above the chest, and how long it stands there
STIRS_EVERY_S = (180.0, 600.0)  # asleep
STIR_S, LARGE_MM, SMALL_MM = (2.0, 10.0), (20.0, 80.0), (0.5, 3.0)
AWAKE_RATE = 1.3  # times the rate asleep
ASIDE = {True: 0.6, False: 0.35}  # across the radar's axis, of the distance: on the bed it lies at the feet
RATE_SPREAD = 0.08  # standard deviation of a breath's length
STEPS_S, STEPS_SIZE = 12.0, (0.2, 0.4)  # what the sleepers feel of a pet that walks over them


def steps_on_bed(pet: Pet) -> list[tuple[float, float, float, bool]]:
    """(start s, length s, size, shift) of what a pet's walks on the bed do to those who lie in it."""
    if not pet.is_on_bed:
        return []
    sizes = {"walk_over": STEPS_SIZE[1], "enter": STEPS_SIZE[0], "move": STEPS_SIZE[0], "leave": STEPS_SIZE[0]}
    return [(line.at * 60.0, STEPS_S, sizes[line.what], False) for line in pet.does if line.what in sizes]


def pet_body(pet: Pet, t_s: NDArray[np.float64], sleeper_m: float, rng: np.random.Generator) -> Body:
    """A pet over the whole night; ``sleeper_m`` is where the one lies whom it walks over."""
    end_s = float(t_s[-1])
    place_m = pet.distance_m
    knots: list[tuple[float, float]] = []  # (second, distance)
    rows: list[tuple[float, float, float, bool]] = []
    asleep = np.zeros(len(t_s), np.bool_)
    there = np.zeros(len(t_s), np.bool_)

    def walk(at_s: float, to_m: float) -> float:
        """Goes there from where it is; returns when it arrives."""
        from_m = knots[-1][1] if knots else to_m
        long_s = max(abs(to_m - from_m) / rng.uniform(*WALK_M_S), 1.0)
        knots.extend(((at_s, from_m), (at_s + long_s, to_m)))
        rows.append((at_s, long_s, float(rng.uniform(0.5, 0.8)), False))
        return at_s + long_s

    lines = sorted(pet.does, key=lambda line: line.at)
    for k, line in enumerate(lines):
        at_s = line.at * 60.0
        next_s = lines[k + 1].at * 60.0 if k + 1 < len(lines) else end_s + 1.0
        rest = t_s >= at_s
        if knots:
            at_s = max(at_s, knots[-1][0])  # it finishes one walk before it begins the next
        match line.what:
            case "enter":
                there |= rest
                knots.append((at_s, place_m + COMES_FROM_M))
                walk(at_s, place_m)
            case "walk_over":
                at_s = walk(at_s, max(sleeper_m - OVER_M, 0.25))
                walk(at_s + float(rng.uniform(*OVER_S)), place_m)
            case "move":
                place_m = line.to_m if line.to_m is not None else max(place_m + float(rng.uniform(-0.2, 0.2)), 0.3)
                walk(at_s, place_m)
            case "sleep":
                asleep |= rest
                stir_s = at_s + rng.uniform(*STIRS_EVERY_S)
                while stir_s < next_s:
                    rows.append((stir_s, float(rng.uniform(*STIR_S)), float(rng.uniform(0.3, 0.6)), False))
                    stir_s += rng.uniform(*STIRS_EVERY_S)
            case _:  # leave
                there &= t_s < walk(at_s, place_m + COMES_FROM_M)
        if line.what != "sleep":
            asleep &= ~rest
    if not knots:
        knots.append((0.0, place_m))
    distance_m = np.interp(t_s, *np.array(knots).T)
    moving, mm = move_signals(Moves.of(rows), len(t_s), LARGE_MM, SMALL_MM, rng)
    chest_mm = rng.uniform(*CHEST_MM[pet.kind]) / 2.0
    rate_hz = np.where(asleep, 1.0, AWAKE_RATE) * pet.breaths_per_minute / 60.0
    breath = chest_mm * np.sin(2.0 * np.pi * np.cumsum(rate_hz * _uneven(len(t_s), rng)) / SAMPLE_HZ)
    mm += breath + 1000.0 * distance_m
    x_m = distance_m * ASIDE[pet.is_on_bed] * (1.0 if rng.random() < 0.5 else -1.0)
    return Body(
        np.where(there, mm, np.nan),
        np.where(there, distance_m, np.nan),
        np.where(there, moving, 0.0),
        x_m,
        np.full(len(t_s), ECHO[pet.kind]),
    )


def _uneven(samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(samples,) factors about 1 that wander within a few breaths."""
    knots = samples // (2 * SAMPLE_HZ) + 2
    factors = 1.0 + RATE_SPREAD * 2.0 * rng.standard_normal(knots)
    return np.interp(np.arange(samples) / (2.0 * SAMPLE_HZ), np.arange(knots), np.clip(factors, 0.5, 1.5))
