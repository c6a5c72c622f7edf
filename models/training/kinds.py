"""By kind of sleeper: how well simulated radar nights are staged, by module, age, body, apnoea and posture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from appliance.evaluation.agreement import Agreement
from models.sleeper import Person, SimulatedNight, View, random_person, simulate_night
from models.sleeper.body import POSTURES
from models.training.dataset import Night
from models.training.radar import MODULES

Staged = tuple[Night, NDArray[np.float64], NDArray[np.float64]]  # a night, its live and its morning's probabilities

AGES = ((20, 40), (40, 60), (60, 81))  # years
APNOEAS = ((0, 5), (5, 15), (15, 30), (30, 200))  # an hour of sleep: none, mild, moderate, severe
CHESTS = ((0.0, 4.0), (4.0, 6.0), (6.0, 99.0))  # mm of a breath at the chest


def seed_of(night: Night) -> int:
    """The seed that a simulated night was made with; its name ends in it."""
    return int(night.name.rsplit("-", 1)[1])


def person_of(night: Night) -> Person:
    """Who slept a simulated night, as ``simulate_night`` drew them."""
    return random_person(np.random.default_rng(seed_of(night)), night.name.startswith("variant"))


def table(staged: Sequence[Staged]) -> Iterator[str]:
    """A line a kind: nights, epochs, kappa live and in the morning."""
    yield f"{'kind':34} {'nights':>6} {'epochs':>7} {'live':>6} {'morning':>8}"
    people = [person_of(night) for night, _, _ in staged]
    rows: list[tuple[str, Callable[[int], bool]]] = []
    for k, module in enumerate(MODULES):
        rows.append((f"module {module.value}", lambda i, k=k: seed_of(staged[i][0]) % len(MODULES) == k))
    for name, unit, bands, measure in (
        ("age", "years", AGES, lambda p: p.age_years),
        ("apnoeas", "1/h", APNOEAS, lambda p: p.apnoea_per_h),
        ("chest", "mm", CHESTS, lambda p: p.chest_mm),
    ):
        for low, high in bands:
            rows.append(
                (
                    f"{name} {low:g} to {high:g} {unit}",
                    lambda i, low=low, high=high, measure=measure: low <= measure(people[i]) < high,
                )
            )
    for name, belongs in rows:
        some = [one for i, one in enumerate(staged) if belongs(i)]
        if some:
            yield _row(name, len(some), [(night.stages, live, again) for night, live, again in some])
    if all("-belt-" in night.name for night, _, _ in staged):
        yield from _recorders(staged)
    lies = [_again(night, "radar").posture for night, _, _ in staged]
    for k, posture in enumerate(POSTURES):
        parts = []
        for (night, live, again), lying in zip(staged, lies, strict=True):
            n = min(len(night.stages), len(lying))
            there = lying[:n] == k
            parts.append((night.stages[:n][there], live[:n][there], again[:n][there]))
        yield _row(f"lying: {posture}", len(parts), parts)


def _recorders(staged: Sequence[Staged]) -> Iterator[str]:
    """By what a laboratory recorded, and how fast: at 1 Hz breaths can hardly be told apart."""
    seen = [_again(night, "belt") for night, _, _ in staged]
    for kind in sorted({(night.sensor, night.kept_hz) for night in seen}):
        some = [one for one, night in zip(staged, seen, strict=True) if (night.sensor, night.kept_hz) == kind]
        yield _row(
            f"{kind[0]} at {kind[1]:g} Hz", len(some), [(night.stages, live, late) for night, live, late in some]
        )


def _again(night: Night, view: View) -> SimulatedNight:
    return simulate_night(seed_of(night), view, variant=night.name.startswith("variant"))


def _row(
    name: str, nights: int, parts: Sequence[tuple[NDArray[np.int8], NDArray[np.float64], NDArray[np.float64]]]
) -> str:
    truth = np.concatenate([stages for stages, _, _ in parts])
    live, again = (
        Agreement.of(truth, np.concatenate([part[k] for part in parts]).argmax(axis=1)).kappa for k in (1, 2)
    )
    return f"{name:34} {nights:6d} {np.count_nonzero(truth >= 0):7d} {live:6.3f} {again:8.3f}"
