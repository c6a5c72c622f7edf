"""What simpler minds make of the same nights: figures to stand beside the network's.

Each learns from the training nights only, in both views, and is told neither the night's age nor its sleeper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from appliance.evaluation.agreement import Agreement
from models.contract import EPOCH_S, STAGES, SleepStage
from models.features import FEATURE_NAMES
from models.training.dataset import NO_STAGE, Night

BIN_EPOCHS = 600 // EPOCH_S  # the time of night is known to ten minutes
EVERY = 3  # of the training's epochs: neighbours share most of their windows

Given = Callable[[Night], NDArray[np.int64]]
_MOVEMENT = [k for k, name in enumerate(FEATURE_NAMES) if name.startswith(("movement", "still"))]
_MOVED, _RATE = FEATURE_NAMES.index("movement_1_z"), FEATURE_NAMES.index("rate_60_z")


def baselines(train: Sequence[Night], seed: int = 1) -> dict[str, Given]:
    """By name, what stages a night, (epochs,)."""
    return {
        "always light": lambda night: np.full(len(night.stages), int(SleepStage.LIGHT)),
        "time of night": time_of_night(train),
        "movement only": boosted(train, _MOVEMENT, seed),
        "rules (Yoo 2023)": yoo_rules,
        "gradient boosting": boosted(train, list(range(len(FEATURE_NAMES))), seed),
    }


def time_of_night(train: Sequence[Night]) -> Given:
    """The stage that is commonest among the training nights at that time since the recording began."""
    bins = max(len(night.stages) for night in train) // BIN_EPOCHS + 1
    counts = np.zeros((bins, len(STAGES)))
    for night in train:
        known = np.flatnonzero(night.stages != NO_STAGE)
        np.add.at(counts, (known // BIN_EPOCHS, night.stages[known]), 1)
    commonest = np.where(counts.sum(axis=1) > 0, counts.argmax(axis=1), int(SleepStage.WAKE))
    return lambda night: commonest[np.minimum(np.arange(len(night.stages)) // BIN_EPOCHS, bins - 1)]


def yoo_rules(night: Night) -> NDArray[np.int64]:
    """Yoo 2023 (Appl Sci 13:4468), as it is quoted: wake where movement is above its mean; else REM where the breathing
    rate is above its mean by more than its deviation; else not REM, which counts as light.

    Means and deviations are here those of the night so far, which the features are relative to.
    """
    moved, rate = night.features[:, _MOVED], night.features[:, _RATE]
    with np.errstate(invalid="ignore"):
        still = np.where(rate > 1.0, int(SleepStage.REM), int(SleepStage.LIGHT))
        given: NDArray[np.int64] = np.where(moved > 0.0, int(SleepStage.WAKE), still)
    return given


def boosted(train: Sequence[Night], columns: list[int], seed: int) -> Given:
    """Gradient boosted trees on an epoch's features, with no memory but their windows."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows = [night.features[::EVERY, columns][night.stages[::EVERY] != NO_STAGE] for night in train]
    stages = [night.stages[::EVERY][night.stages[::EVERY] != NO_STAGE] for night in train]
    trees = HistGradientBoostingClassifier(max_iter=100, learning_rate=0.1, early_stopping=False, random_state=seed)
    trees.fit(np.concatenate(rows), np.concatenate(stages))

    def given(night: Night) -> NDArray[np.int64]:
        answer: NDArray[np.int64] = trees.predict(night.features[:, columns]).astype(np.int64)
        return answer

    return given


def agreement(given: Given, nights: Sequence[Night]) -> Agreement:
    """Of a baseline with the truth of some nights."""
    return Agreement.of(
        np.concatenate([night.stages for night in nights]), np.concatenate([given(night) for night in nights])
    )
