"""The words that features, stager, training and the appliance share: epoch, breath, stage, estimate."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EPOCH_S = 30
SIGNAL_HZ = 10  # the one uniform rate of displacement, whatever the module sends
EPOCH_SAMPLES = EPOCH_S * SIGNAL_HZ
MIN_COVERAGE = 0.5  # below this share of valid signal an epoch is UNSCORED


class SleepStage(IntEnum):
    """Four classes as in the AASM with N1 and N2 merged into light and N3 called deep."""

    UNSCORED = -1
    WAKE = 0
    LIGHT = 1
    DEEP = 2
    REM = 3

    @property
    def word(self) -> str:
        """The stage as one lower-case word, as pages, exports and ``stage`` print it."""
        return self.name.lower()


STAGES = (SleepStage.WAKE, SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM)


class Breath(NamedTuple):
    """One breath, closed at a maximum or a minimum of the displacement (either sign: features are sign-invariant)."""

    t_s: float  # the closing extremum, between samples
    interval_s: float  # since the previous extremum of the same kind
    amplitude: float  # peak to trough, unit of the displacement
    rising: bool  # True for a maximum


@dataclass(frozen=True, slots=True)
class Epoch:
    """30 s of one sleeper's signal, on the 10 Hz grid."""

    index: int  # start_s // 30 on the stream's own clock
    start_s: float
    displacement: NDArray[np.float32]  # (300,), mm (arbitrary for Micradar), NaN where missing
    motion: NDArray[np.float32]  # (30,), per second: 0 breathing only, from 0.5 a body movement, NaN where missing
    breaths: tuple[Breath, ...]  # that closed inside the epoch
    coverage: float  # share of valid displacement samples, 0-1


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """What the stager says of one epoch; ``probabilities`` are (wake, light, deep, rem), None when UNSCORED."""

    index: int
    start_s: float
    stage: SleepStage
    probabilities: tuple[float, float, float, float] | None
    coverage: float
