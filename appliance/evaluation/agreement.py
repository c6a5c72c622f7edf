"""How well stages agree with the truth, epoch by epoch: counts, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.contract import STAGES, SleepStage

ASLEEP = (SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM)


@dataclass(frozen=True)
class Agreement:
    """Counts of (true, given) stages in the order of STAGES, and what follows from them."""

    confusion: NDArray[np.int64]  # (4, 4); (2, 2) once merged
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

    def merged(self, positive: Sequence[int]) -> Agreement:
        """Two classes, (2, 2): first the stages ``positive``, then the rest."""
        side = np.ones(len(self.confusion), np.int64)
        side[list(positive)] = 0
        counts = np.zeros((2, 2), np.int64)
        np.add.at(counts, (side[:, None], side[None, :]), self.confusion)
        return Agreement(counts, self.unscored)

    def always(self, stage: int) -> Agreement:
        """The same truth, had every epoch been called ``stage``: what knowing nothing scores."""
        counts = np.zeros_like(self.confusion)
        counts[:, stage] = self.confusion.sum(axis=1)
        return Agreement(counts, self.unscored)

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
    def matthews(self) -> float:
        """Matthews' correlation for several classes (Gorodkin 2004, R_K); NaN where one side has a single class."""
        true, given = self.confusion.sum(axis=1).astype(float), self.confusion.sum(axis=0).astype(float)
        total = true.sum()
        spread = (total**2 - true @ true) * (total**2 - given @ given)
        return float((np.trace(self.confusion) * total - true @ given) / np.sqrt(spread)) if spread else float("nan")

    @property
    def f1(self) -> NDArray[np.float64]:
        """F1 of each class, (4,); NaN of a class that neither has."""
        both = self.confusion.sum(axis=0) + self.confusion.sum(axis=1)
        return _ratio(2.0 * np.diag(self.confusion), both)

    @property
    def recalls(self) -> NDArray[np.float64]:
        """Share of each true class that was given, (4,); their mean is the balanced accuracy.  NaN of no truth."""
        return _ratio(np.diag(self.confusion), self.confusion.sum(axis=1))

    @property
    def shares(self) -> NDArray[np.float64]:
        """What became of each true class, (4, 4): each row sums to 1, NaN of a class that the truth has not."""
        return _ratio(self.confusion, self.confusion.sum(axis=1, keepdims=True) + np.zeros_like(self.confusion))

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


def rates(two: Agreement) -> dict[str, float]:
    """One class against the rest (``Agreement.merged``): the framework's figures, per cent from 0 to 100, NaN where a
    figure is not defined.  PABAK is Byrt's 2 accuracy - 1, the prevalence index (TP - TN) / n.
    """
    (hit, miss), (false, clear) = two.confusion.tolist()
    total = hit + miss + false + clear

    def per_cent(part: float, whole: float) -> float:
        return 100.0 * part / whole if whole else float("nan")

    return {
        "accuracy_pct": 100.0 * two.accuracy,
        "sensitivity_pct": per_cent(hit, hit + miss),
        "specificity_pct": per_cent(clear, clear + false),
        "ppv_pct": per_cent(hit, hit + false),
        "npv_pct": per_cent(clear, clear + miss),
        "kappa": two.kappa,
        "pabak": 2.0 * two.accuracy - 1.0,
        "prevalence_index": (hit - clear) / total,
    }


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)
    return found
