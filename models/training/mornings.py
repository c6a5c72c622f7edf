"""Mornings to learn waking from: simulated nights with every second's movement, and what the box would know of them.

Each second of a morning is a row of the evidence that ``appliance/smart.py`` weighs, from the same object that
gathers it on the box, behind the same int8 network.  So the stager's real errors are in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from appliance.smart import DEEP, EVIDENCE, GOOD, REM, Sleeper
from models.contract import EPOCH_S
from models.features import FEATURE_NAMES, FEATURES_VERSION
from models.stager import StepNetwork, estimate
from models.training.dataset import NO_STAGE, Order, epochs_of_night, night_of_epochs
from models.training.evaluate import FOUR_CLASSES, stepped

HOUR = 3600
SET_H = (5.5, 8.5)  # after sleep onset, between which alarms are set, and not after the last sleep
EVERY_S = 300  # from one set time to the next of the same night
WINDOW_S = 1800
LEAST_SLEEP_H = 3.0
KIND = np.array([GOOD, GOOD, DEEP, REM])  # of a moment, by its stage

TRUTH = 0.96 * np.eye(4) + 0.01  # probabilities of a stager that is right


@dataclass(frozen=True)
class Senses:
    """A night as the box senses it: a row an epoch."""

    name: str
    features: NDArray[np.float32]  # (epochs, len(FEATURE_NAMES)), NaN unknown
    motion: NDArray[np.float16]  # (epochs, 30), a value a second, NaN unknown
    stages: NDArray[np.int8]  # (epochs,) the truth; NO_STAGE with nobody in bed or too little signal


@dataclass(frozen=True)
class Morning:
    """Seconds of one night, from an hour before the first set time on."""

    name: str
    first_s: int  # of the night, at which row 0 stands
    evidence: NDArray[np.float32]  # (seconds, len(EVIDENCE)), what is known at that second; NaN in doubt
    kind: NDArray[np.int8]  # (seconds,) GOOD, REM or DEEP: what the second that begins then is
    onset_s: int
    final_s: int  # end of the last sleep

    def set_times(self) -> Iterator[int]:
        """Rows at which an alarm is set; a whole window lies before each."""
        first = self.onset_s + round(SET_H[0] * HOUR)
        last = min(self.onset_s + round(SET_H[1] * HOUR), self.final_s - EPOCH_S)
        for set_s in range(first, last + 1, EVERY_S):
            row = set_s - self.first_s
            if WINDOW_S <= row < self.kind.size:
                yield row


def sensed(folder: Path, orders: Sequence[Order], jobs: int) -> Iterator[Senses]:
    """The simulated nights of ``folder``; those that are missing are made.  Raises ValueError in one line."""
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(_Sense(folder), orders)


@dataclass(frozen=True)
class _Sense:
    folder: Path

    def __call__(self, order: Order) -> Senses:
        path = self.folder / f"{order.name}.npz"
        if path.exists():
            with np.load(path, allow_pickle=False) as file:
                if int(file["version"]) != FEATURES_VERSION:
                    raise ValueError(f"{path}: made with other features; delete the folder and make the nights again")
                return Senses(order.name, file["features"], file["motion"], file["stages"])
        epochs, stages = epochs_of_night(order)
        night = night_of_epochs(order.name, epochs, stages)
        motion = np.array([epoch.motion for epoch in epochs], np.float16)
        partial = path.with_suffix(".partial.npz")
        np.savez_compressed(
            partial, version=FEATURES_VERSION, features=night.features, motion=motion, stages=night.stages
        )
        partial.rename(path)
        return Senses(order.name, night.features, motion, night.stages)


def morning_of(network: StepNetwork | None, night: Senses) -> Morning | None:
    """What the box knows of a night's morning, second by second; None where the night is too short to have one.

    Without a network it knows the true stages, each when its epoch is over.
    """
    asleep = np.flatnonzero(night.stages > 0)
    if asleep.size == 0:
        return None
    onset_s, final_s = int(asleep[0]) * EPOCH_S, (int(asleep[-1]) + 1) * EPOCH_S
    first_s = onset_s + round((SET_H[0] - 1.0) * HOUR)
    truth = TRUTH[_known(night.stages)]
    probabilities = truth if network is None else stepped(network, night.features)
    sleeper, rows = Sleeper(), []
    doubtful = (np.nan,) * len(EVIDENCE)
    for index in range(final_s // EPOCH_S):
        for second, motion in enumerate(night.motion[index].tolist()):
            now_s = index * EPOCH_S + second
            if now_s >= first_s:
                doubt = sleeper.doubt(float(now_s), LEAST_SLEEP_H)
                rows.append(sleeper.evidence() if doubt is None else doubtful)
            sleeper.second(now_s + 1.0, motion)
        coverage = float(night.stages[index] != NO_STAGE)
        given = estimate(index, float(index * EPOCH_S), probabilities[index], coverage)
        sleeper.epoch(given, night.features[index].tolist())
    if not rows:
        return None
    kind = np.repeat(KIND[_known(night.stages)], EPOCH_S)[first_s:final_s]
    return Morning(night.name, first_s, np.array(rows, np.float32), kind.astype(np.int8), onset_s, final_s)


def _known(stages: NDArray[np.int8]) -> NDArray[np.int8]:
    """Where nothing was scored, the stage before."""
    at = np.maximum.accumulate(np.where(stages == NO_STAGE, 0, np.arange(stages.size)))
    return np.maximum(stages[at], 0)


def dressed(name: str, stages: NDArray[np.int8], donors: Sequence[Senses], random: np.random.Generator) -> Senses:
    """A hypnogram without signals in the signals of simulated nights: bout by bout those of a simulated bout of the
    same stage, from its beginning on, so that the stager's errors come as long and as often as they do.
    """
    bouts: dict[int, list[tuple[Senses, int, int]]] = {}
    for donor in donors:
        for start, end in _bouts(donor.stages):
            bouts.setdefault(int(donor.stages[start]), []).append((donor, start, end))
    features, motion = [], []
    for start, end in _bouts(stages):
        wanted = end - start
        while wanted:
            stage = int(stages[start])
            donor, first, last = bouts[stage][random.integers(len(bouts[stage]))]
            taken = slice(first, min(last, first + wanted))
            features.append(donor.features[taken])
            motion.append(donor.motion[taken])
            wanted -= taken.stop - taken.start
    own = np.concatenate(features)
    own[:, FEATURE_NAMES.index("hours")] = np.arange(len(own)) * EPOCH_S / HOUR / 2.5 - 1.6
    return Senses(name, own, np.concatenate(motion), stages)


def _bouts(stages: NDArray[np.int8]) -> Iterator[tuple[int, int]]:
    """(start, end) of each run of one stage."""
    edges = np.flatnonzero(np.diff(stages, prepend=stages[:1] - 1, append=stages[-1:] - 1))
    yield from zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)


def real_ones(path: Path, network: StepNetwork, donors: Sequence[Senses]) -> list[Morning]:
    """Mornings of the hypnograms in an .npz (codes as in ``evaluate.FOUR_CLASSES``), in the signals of ``donors``.

    Nights that several people scored are left out.
    """
    random = np.random.default_rng(0)
    with np.load(path, allow_pickle=False) as file:
        coded = {name: file[name].astype(int) for name in sorted(file) if file[name].ndim == 1}
    lived = []
    for name, codes in coded.items():
        stages = np.where(codes >= 0, FOUR_CLASSES[np.maximum(codes, 0)], NO_STAGE).astype(np.int8)
        lived.append(morning_of(network, dressed(name, stages, donors, random)))
    return [one for one in lived if one is not None]
