"""How well could a simulated night be staged at all?  By one who knows its sleeper: an oracle.

It knows the night's true parameters in the only way that staging can use them: from other nights of the same person,
the same strength of every cue, the same kind of sensor, with their stages.  What it still misses, no network that is
given the same features will find.  It is the gradient boosting that ``evaluate`` sets beside the network, so its gain
over that is what knowing the sleeper is worth; the memory is a hidden Markov model of the person's own nights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appliance.evaluation.agreement import Agreement
from models.contract import STAGES
from models.sleeper import View, night_drawn, random_plan, simulate
from models.training.dataset import NO_STAGE, Night, night_of_epochs, sensed
from models.training.radar import MODULES

Pair = tuple[NDArray[np.int8], NDArray[np.int64]]  # of one night: truth and what was given, (epochs,)

EVERY = 3  # of the epochs learnt from: neighbours share most of their windows


@dataclass(frozen=True)
class Job:
    """One night to stage, and how many others of its sleeper to learn from."""

    seed: int
    view: View
    others: int


@dataclass(frozen=True)
class Known:
    """What the oracle said of one night: (epochs,) stages without and with memory, causal and of the whole night."""

    truth: NDArray[np.int8]
    alone: NDArray[np.int64]
    live: NDArray[np.int64]
    morning: NDArray[np.int64]

    def answers(self) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """By name."""
        yield "oracle, epoch by epoch", self.alone
        yield "oracle, live", self.live
        yield "oracle, morning", self.morning


def table(jobs: Sequence[Job], processes: int) -> Iterator[tuple[str, Known]]:
    """The name of each job's night, and what the oracle makes of it."""
    with ProcessPoolExecutor(processes) as pool:
        for job, known in zip(jobs, pool.map(oracle, jobs), strict=True):
            yield f"main-{job.view}-{job.seed:06d}", known


def oracle(job: Job) -> Known:
    """Learn one sleeper from other nights of theirs, and stage this one."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    night = _again(job, 0)
    others = [_again(job, k) for k in range(1, job.others + 1)]
    rows = np.concatenate([one.features[::EVERY][one.stages[::EVERY] != NO_STAGE] for one in others])
    stages = np.concatenate([one.stages[::EVERY][one.stages[::EVERY] != NO_STAGE] for one in others])
    trees = HistGradientBoostingClassifier(max_iter=100, learning_rate=0.1, early_stopping=False, random_state=1)
    trees.fit(rows, stages)
    p = np.full((len(night.stages), len(STAGES)), 1e-6)
    p[:, trees.classes_.astype(int)] += trees.predict_proba(night.features)
    moves = transitions(others)
    prior = np.bincount(stages, minlength=len(STAGES)) / stages.size
    live, morning = filtered(p / np.maximum(prior, 1e-3), moves)
    return Known(night.stages, p.argmax(axis=1), live.argmax(axis=1), morning.argmax(axis=1))


def _again(job: Job, k: int) -> Night:
    """The k-th night of the job's sleeper; the 0-th is the one that ``simulate_night`` gives."""
    drawn = night_drawn(job.seed)
    plan, seed = drawn.plan, drawn.seed
    if k:
        rng = np.random.default_rng((job.seed, k))
        plan, seed = random_plan(rng, drawn.person, drawn.hours, False), int(rng.integers(2**31))
    night = simulate(drawn.person, plan, drawn.hours, seed, view=job.view, cues=drawn.cues)
    # The module is chosen by the seed's remainder: the same for all of a sleeper's nights.
    return night_of_epochs(f"{job.seed}-{k}", *sensed(night, job.view, job.seed + 1000 * len(MODULES) * k))


def transitions(nights: Sequence[Night]) -> NDArray[np.float64]:
    """(4, 4) from each stage to the next one's, of consecutive epochs that have both."""
    counts = np.full((len(STAGES), len(STAGES)), 0.5)
    for night in nights:
        before, after = night.stages[:-1], night.stages[1:]
        both = (before != NO_STAGE) & (after != NO_STAGE)
        np.add.at(counts, (before[both], after[both]), 1)
    return counts / counts.sum(axis=1, keepdims=True)


def filtered(likelihood: NDArray[np.float64], moves: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Forward, and forward and backward (Rabiner 1989, section III.A): (epochs, 4) each, rows of sum 1."""
    n = len(likelihood)
    forward, backward = np.empty_like(likelihood), np.ones_like(likelihood)
    belief = np.full(likelihood.shape[1], 1.0 / likelihood.shape[1])
    for i in range(n):
        belief = (belief @ moves if i else belief) * likelihood[i]
        belief /= belief.sum()
        forward[i] = belief
    for i in range(n - 2, -1, -1):
        backward[i] = moves @ (likelihood[i + 1] * backward[i + 1])
        backward[i] /= backward[i].sum()
    both = forward * backward
    return forward, both / both.sum(axis=1, keepdims=True)


def kappa_of(pairs: Sequence[Pair]) -> float:
    """Of the epochs of several nights together."""
    return Agreement.of(np.concatenate([t for t, _ in pairs]), np.concatenate([g for _, g in pairs])).kappa
