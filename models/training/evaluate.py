"""How well stages agree with the truth: four classes, epoch by epoch; simulated nights and real labelled ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.recording import ticks_from_recording
from appliance.respiration import epochs_of
from models.contract import EPOCH_S, STAGES, SleepStage
from models.stager import Stager, StepNetwork
from models.training.dataset import NO_STAGE, Night

# R&K and AASM codes of the recordings: W N1 N2 N3 REM, to wake, light, light, deep, REM.
FOUR_CLASSES = np.array([SleepStage.WAKE, SleepStage.LIGHT, SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM])
AROUND_SLEEP = 30 * 60 // EPOCH_S  # epochs of wake kept before the first and after the last sleep


@dataclass(frozen=True)
class Agreement:
    """Counts of (true, given) stages in the order of STAGES, and what follows from them."""

    confusion: NDArray[np.int64]  # (4, 4)
    unscored: int = 0  # epochs with a true stage that were given none; not in the confusion

    @classmethod
    def of(cls, truth: NDArray[Any], given: NDArray[Any]) -> Agreement:
        """Compare stages (n,) and (n,); epochs without a truth do not count."""
        scored = (truth >= 0) & (given >= 0)
        counts = np.zeros((len(STAGES), len(STAGES)), np.int64)
        np.add.at(counts, (truth[scored], given[scored]), 1)
        return cls(counts, int(np.count_nonzero((truth >= 0) & (given < 0))))

    def __add__(self, other: Agreement) -> Agreement:
        return Agreement(self.confusion + other.confusion, self.unscored + other.unscored)

    @property
    def accuracy(self) -> float:
        """Share of equal epochs."""
        return float(np.trace(self.confusion) / self.confusion.sum())

    @property
    def kappa(self) -> float:
        """Cohen's kappa, unweighted; NaN where chance explains everything."""
        total = self.confusion.sum()
        chance = float(self.confusion.sum(axis=0) @ self.confusion.sum(axis=1)) / float(total) ** 2
        return (self.accuracy - chance) / (1 - chance) if chance < 1 else float("nan")

    @property
    def f1(self) -> NDArray[np.float64]:
        """F1 of each class, (4,); NaN of a class that neither has."""
        both = self.confusion.sum(axis=0) + self.confusion.sum(axis=1)
        f1: NDArray[np.float64] = np.divide(2.0 * np.diag(self.confusion), both, out=np.full(4, np.nan), where=both > 0)
        return f1

    def as_dict(self) -> dict[str, object]:
        """For a manifest: rounded figures."""
        return {
            "epochs": int(self.confusion.sum()),
            "unscored": self.unscored,
            "accuracy": round(self.accuracy, 3),
            "kappa": round(self.kappa, 3),
            "macro_f1": round(float(np.nanmean(self.f1)), 3),
            "f1": {s.word: None if np.isnan(f) else round(float(f), 3) for s, f in zip(STAGES, self.f1, strict=True)},
        }

    def table(self) -> str:
        """Figures and confusion, as text for people."""
        lines = [
            f"accuracy {self.accuracy:.3f}   kappa {self.kappa:.3f}   macro-F1 {np.nanmean(self.f1):.3f}   "
            f"epochs {self.confusion.sum()}   unscored {self.unscored}",
            "true \\ given" + "".join(f"{s.word:>8}" for s in STAGES) + "      F1",
        ]
        lines += [
            f"{s.word:>12}" + "".join(f"{n:8d}" for n in row) + f"{f1:8.3f}"
            for s, row, f1 in zip(STAGES, self.confusion, self.f1, strict=True)
        ]
        return "\n".join(lines)


def stage_nights(network: StepNetwork, nights: Sequence[Night]) -> Agreement:
    """Run the int8 network over prepared nights."""
    total = Agreement.of(np.empty(0, np.int64), np.empty(0, np.int64))
    for night in nights:
        network.reset()
        given = np.array([network.step(features).argmax() for features in night.features])
        total += Agreement.of(night.stages, given)
    return total


def always_light(nights: Sequence[Night]) -> Agreement:
    """What calling every epoch light would score."""
    truth = np.concatenate([night.stages for night in nights])
    return Agreement.of(truth, np.full(truth.size, SleepStage.LIGHT))


def stage_recording(stager: Stager, path: Path) -> Agreement:
    """Stage a labelled recording (.npz with ``resp``, ``fs`` and ``stages``) live, as the box would, from its first
    sample; scored from 30 min before the first sleep to 30 min after the last.
    """
    with np.load(path, allow_pickle=False) as file:
        resp, fs, codes = file["resp"], float(file["fs"]), file["stages"].astype(int)
    stages = np.where(codes >= 0, FOUR_CLASSES[np.maximum(codes, 0)], NO_STAGE)
    asleep = np.flatnonzero(codes > 0)
    first, last = max(int(asleep[0]) - AROUND_SLEEP, 0), int(asleep[-1]) + AROUND_SLEEP + 1
    # The box watches a bed, not a day: it begins where the scored part does.
    samples = round(EPOCH_S * fs)
    stager.reset()
    given = np.full(stages.size, NO_STAGE)
    for epoch in epochs_of(ticks_from_recording(resp[first * samples : last * samples], fs)):
        if first + epoch.index < given.size:
            given[first + epoch.index] = stager.update(epoch).stage
    return Agreement.of(stages[first:last], given[first:last])
