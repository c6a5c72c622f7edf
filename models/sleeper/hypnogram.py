"""Nights of sleep stages drawn from statistics of real ones: cycles, bout laws and what follows what.

A night alternates NREM parts and REM parts.  Their lengths are drawn by cycle from the quantiles of real nights; inside
a part an age-dependent semi-Markov chain walks epoch by epoch (a plain Markov chain has no cycles and too few long
bouts).
``statistics.json`` is made by ``python -m models.training.statistics``; no recorded night can be read back from it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

W, N1, N2, N3, R = range(5)  # the AASM's five
EPOCHS_PER_MIN = 2
AGE_EDGES = (2, 3, 5, 9, 17, 33)  # epochs since a bout began: 1, 2, 3-4, 5-8, 9-16, 17-32, 33 and more
NREM_CYCLES = 4  # cycles told apart in NREM parts, the last means "and later"
LENGTH_CYCLES = 5
CONTEXTS = NREM_CYCLES * 4 + 2
_START, _MIDDLE, _ENDING = 10 * EPOCHS_PER_MIN, 30 * EPOCHS_PER_MIN, 10 * EPOCHS_PER_MIN


def age_bin(age: int) -> int:
    """Which of the seven age classes a bout of so many epochs is in."""
    return int(np.searchsorted(AGE_EDGES, age, side="right"))


def context(in_rem: bool, cycle: int, elapsed: int, remaining: int) -> int:
    """What the next epoch depends on besides the stage: the part of the night and where inside it (epochs)."""
    if in_rem:
        return NREM_CYCLES * 4 + (cycle >= 2)
    if remaining <= _ENDING:
        place = 3  # deep sleep is left before REM begins
    elif elapsed < _START:
        place = 0
    else:
        place = 1 if elapsed < _MIDDLE else 2
    return min(cycle, NREM_CYCLES - 1) * 4 + place


@dataclass(frozen=True)
class NightLaws:
    """Statistics of one pool of nights; shapes in brackets, S = 5 stages."""

    hazard: NDArray[np.float64]  # (CONTEXTS, S, 7) probability that a bout of that age ends with this epoch
    following: NDArray[np.float64]  # (CONTEXTS, S, S) stage after a bout
    memory: NDArray[np.float64]  # (2, S, S, S) in NREM/REM: stage before, stage, stage after, as ratio to `following`
    nrem_epochs: NDArray[np.float64]  # (5, 21) quantiles of NREM parts by cycle
    rem_epochs: NDArray[np.float64]  # (5, 21) quantiles of REM parts by cycle
    after_rem: NDArray[np.float64]  # (S,) stage after a REM part

    @classmethod
    def from_lists(cls, lists: dict[str, list[float]]) -> NightLaws:
        """From the JSON form, whose keys are the field names."""
        laws = cls(**{name: np.array(values, dtype=np.float64) for name, values in lists.items()})
        laws.after_rem[:] /= laws.after_rem.sum()  # rounded in the file
        return laws


@cache
def pools() -> dict[str, NightLaws]:
    """The pools kept in the project: home_young, home_middle, home_older, lab, apnoea."""
    document = json.loads((Path(__file__).parent / "statistics.json").read_text(encoding="utf-8"))
    return {name: NightLaws.from_lists(lists) for name, lists in document["pools"].items()}


@dataclass(frozen=True)
class SleepTraits:
    """How a sleeper differs from the pool: natural logarithms of multipliers on the ways into wake, N1 and N3."""

    wake: float = 0.0
    n1: float = 0.0
    deep: float = 0.0

    def entering(self) -> NDArray[np.float64]:
        """(S,) multipliers on entering each stage."""
        return np.array([math.exp(x) for x in (self.wake, self.n1, 0.0, self.deep, 0.0)])

    def leaving(self) -> NDArray[np.float64]:
        """(S,) multipliers on leaving each stage."""
        return np.array([math.exp(x) for x in (-0.5 * self.wake, -0.3 * self.n1, 0.0, -0.5 * self.deep, 0.0)])


def draw_hypnogram(
    laws: NightLaws, traits: SleepTraits, awake: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int8]:
    """A stage for every epoch: W wherever ``awake`` says so, and drawn from the laws elsewhere.

    ``awake`` (epochs,) holds what the evening and its plan decide: before falling asleep, bathroom trips, after the
    final awakening.  The same generator state gives the same night.
    """
    stages = np.full(len(awake), W, dtype=np.int8)
    entering, leaving = traits.entering(), traits.leaving()
    in_rem, cycle, began = False, 0, -1
    length = 0
    stage, before, age = W, W, 1
    for k in range(len(awake)):
        if awake[k]:
            stage, before, age = W, (stage if stage != W else before), (age + 1 if stage == W else 1)
            continue
        if began < 0 or (k > 0 and awake[k - 1]):
            began, length = (k, _length(laws.nrem_epochs, 0, rng)) if began < 0 else (began, length)
            new = N1 if rng.random() < 0.9 else N2
        else:
            elapsed = k - began
            new = _next_stage(
                laws, in_rem, cycle, elapsed, length - elapsed, stage, before, age, entering, leaving, rng
            )
        remaining = began + length - k
        if not in_rem and remaining <= 0 and stage != N3 and not (k > 0 and awake[k - 1]):
            new, in_rem, began = R, True, k
            length = _length(laws.rem_epochs, cycle, rng)
        elif in_rem and remaining <= 0:
            in_rem, began, cycle = False, k, cycle + 1
            length = _length(laws.nrem_epochs, cycle, rng)
            new = int(rng.choice(5, p=laws.after_rem)) if stage == R else N2 if stage == N2 else N1
        age = age + 1 if new == stage else 1
        before = before if new == stage else stage
        stage = new
        stages[k] = stage
    return stages


def _length(quantiles: NDArray[np.float64], cycle: int, rng: np.random.Generator) -> int:
    row = quantiles[min(cycle, LENGTH_CYCLES - 1)]
    return max(round(float(np.interp(rng.random(), np.linspace(0.0, 1.0, row.size), row))), 1)


def _next_stage(
    laws: NightLaws,
    in_rem: bool,
    cycle: int,
    elapsed: int,
    remaining: int,
    stage: int,
    before: int,
    age: int,
    entering: NDArray[np.float64],
    leaving: NDArray[np.float64],
    rng: np.random.Generator,
) -> int:
    where = context(in_rem, cycle, elapsed, remaining)
    ways = laws.following[where, stage] * laws.memory[int(in_rem), before, stage]
    total = float(ways.sum())
    if total <= 0.0:
        return stage
    # Competing risks: a restless sleeper's way into wake is wider, the others stay as they are.
    risks = laws.hazard[where, stage, age_bin(age)] * leaving[stage] * entering * ways / total
    draw = rng.random()
    leave = float(risks.sum())
    if draw >= min(leave, 0.98):
        return stage
    return int(np.searchsorted(np.cumsum(risks), draw * leave / min(leave, 0.98), side="right").clip(0, 4))
