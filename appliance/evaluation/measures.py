"""The night in numbers, as the standardised framework counts them (Menghini et al. 2021, SLEEP 44(2) zsaa170)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.contract import EPOCH_S, SleepStage


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a night: ``key`` in files, ``name`` and ``unit`` on paper."""

    key: str
    name: str
    unit: str


TIB = Measure("tib_min", "TIB", "min")
MEASURES = (
    Measure("tst_min", "TST", "min"),
    Measure("se_pct", "SE", "%"),
    Measure("sol_min", "SOL", "min"),
    Measure("waso_min", "WASO", "min"),
    Measure("light_min", "Light", "min"),
    Measure("deep_min", "Deep", "min"),
    Measure("rem_min", "REM", "min"),
    Measure("light_pct", "Light", "%"),
    Measure("deep_pct", "Deep", "%"),
    Measure("rem_pct", "REM", "%"),
)
BY_KEY = {measure.key: measure for measure in (TIB, *MEASURES)}


def night_measures(stages: NDArray[Any]) -> dict[str, float]:
    """TIB and the ten measures of one night from its stages (n,), n > 0, all scored, lights off to lights on.

    WASO is all wake from the first sleep to the end of the record, as the framework has it, and so longer than where
    it ends with the last sleep.  Per cent of a stage is of TST.  Without sleep SOL, WASO and per cent are NaN.
    """
    minutes = EPOCH_S / 60.0
    tib = len(stages) * minutes
    asleep = np.flatnonzero(stages != SleepStage.WAKE)
    tst = len(asleep) * minutes
    sol = asleep[0] * minutes if len(asleep) else float("nan")
    found = {"tib_min": tib, "tst_min": tst, "se_pct": 100.0 * tst / tib, "sol_min": sol, "waso_min": tib - sol - tst}
    of_stage = {
        stage.word: np.count_nonzero(stages == stage) * minutes
        for stage in (SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM)
    }
    found |= {f"{word}_min": value for word, value in of_stage.items()}
    found |= {f"{word}_pct": 100.0 * value / tst if tst else float("nan") for word, value in of_stage.items()}
    return {key: float(value) for key, value in found.items()}
