"""The morning's answer: a night that is over, staged once more with what came after each epoch.

The live network goes over the night again, without the holes that a restart tore into its memory, and a second one of
the same kind goes over it backwards.  Each says how probable the stages are from its side; the product of the two is
the answer.  Both see only the features that were kept with each epoch, so a night may be staged again after any
restart, and years later by a better pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.contract import EPOCH_S, STAGES, SleepStage, StageEstimate
from models.features import FEATURE_NAMES, unpack
from models.stager import DEFAULT_MODEL, ModelError, StepNetwork, estimate

DEFAULT_MORNING = Path(__file__).with_name("firstlight-morning.tflite")
LONGEST_HOLE = 120  # epochs: after an hour both networks have forgotten all that they are going to forget


class KeptEpoch(NamedTuple):
    """What is left of an epoch in the morning."""

    start_s: float
    coverage: float
    features: bytes | None  # packed; None where nothing was staged


class Restager:
    """Whole nights in, stages out; it remembers nothing between nights."""

    def __init__(self, live: StepNetwork, backward: StepNetwork) -> None:
        """Raises ModelError where the two were not made for each other."""
        beside = backward.manifest.beside
        if beside is None or beside.live_sha256 != live.manifest.sha256:
            raise ModelError(f"{backward.name} was not made for the mornings of {live.name}; install both again")
        self._live, self._backward, self._live_weight = live, backward, beside.live_weight
        self.name = backward.name

    @classmethod
    def load(cls, path: Path = DEFAULT_MORNING, live_path: Path = DEFAULT_MODEL) -> Restager:
        """Load the pair; ModelError in one line when a file is missing, unfit or not the other's."""
        return cls(StepNetwork.load(live_path), StepNetwork.load(path))

    def restage(self, epochs: Sequence[KeptEpoch]) -> list[StageEstimate]:
        """Stage a night of epochs in order of time, each as it came; a hole in time is a stretch of unknown features.

        An epoch without features of this program's version, or with too little signal, is UNSCORED.
        """
        rows: list[NDArray[np.float32]] = []
        at: list[int] = []
        unknown = np.full(len(FEATURE_NAMES), np.nan, np.float32)
        for k, epoch in enumerate(epochs):
            if k:
                missing = round((epoch.start_s - epochs[k - 1].start_s) / EPOCH_S) - 1
                rows += [unknown] * min(max(missing, 0), LONGEST_HOLE)
            at.append(len(rows))
            features = None if epoch.features is None else unpack(epoch.features)
            rows.append(unknown if features is None else features)
        p = self.probabilities(np.array(rows, np.float32).reshape(-1, len(FEATURE_NAMES)))
        return [
            estimate(int(epoch.start_s // EPOCH_S), epoch.start_s, p[row], epoch.coverage)
            if rows[row] is not unknown
            else StageEstimate(int(epoch.start_s // EPOCH_S), epoch.start_s, SleepStage.UNSCORED, None, epoch.coverage)
            for epoch, row in zip(epochs, at, strict=True)
        ]

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Of STAGES, (epochs, 4), from features (epochs, n) without holes."""
        self._live.reset()
        self._backward.reset()
        forwards = [self._live.step(row) for row in features]
        backwards = [self._backward.step(row) for row in features[::-1]][::-1]
        size = (-1, len(STAGES))
        return combined(np.array(forwards).reshape(size), np.array(backwards).reshape(size), self._live_weight)


def combined(forwards: NDArray[np.float64], backwards: NDArray[np.float64], live_weight: float) -> NDArray[np.float64]:
    """The product of both sides' probabilities, (epochs, 4) each, the first to the power of ``live_weight``."""
    odds = np.maximum(forwards, 1e-12) ** live_weight * np.maximum(backwards, 1e-12)
    p: NDArray[np.float64] = odds / odds.sum(axis=1, keepdims=True)
    return p
