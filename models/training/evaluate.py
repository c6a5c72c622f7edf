"""How well stages agree with the truth: four classes, epoch by epoch; simulated nights and real labelled ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.evaluation.agreement import ASLEEP, Agreement
from appliance.recording import ticks_from_recording
from appliance.respiration import epochs_of
from models.contract import EPOCH_S, SleepStage, StageEstimate
from models.restager import KeptEpoch, Restager
from models.stager import Stager, StepNetwork
from models.training.dataset import NO_STAGE, Night

# R&K and AASM codes of the recordings: W N1 N2 N3 REM, to wake, light, light, deep, REM.
FOUR_CLASSES = np.array([SleepStage.WAKE, SleepStage.LIGHT, SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM])
CALIBRATION_BINS = 15
BLOCK = 30 * 60 // EPOCH_S  # epochs that are drawn together for an interval
AROUND_SLEEP = 30 * 60 // EPOCH_S  # epochs of wake kept before the first and after the last sleep


def stepped(network: StepNetwork, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """A whole night through the int8 network from an empty memory: probabilities (epochs, 4)."""
    network.reset()
    return np.array([network.step(row) for row in features])


def stage_nights(network: StepNetwork, nights: Sequence[Night]) -> Agreement:
    """Run the int8 network over prepared nights."""
    given = [stepped(network, night.features).argmax(axis=1) for night in nights]
    return Agreement.of(np.concatenate([night.stages for night in nights]), np.concatenate(given))


def compared(live: StepNetwork, restager: Restager, nights: Sequence[Night]) -> Iterator[str]:
    """Both answers to the same nights, as lines for people."""
    truth = np.concatenate([night.stages for night in nights])
    answers = {
        f"{live.name}, live": lambda night: stepped(live, night.features),
        f"{restager.name}, morning": lambda night: restager.probabilities(night.features),
    }
    rows = []
    for name, answer in answers.items():
        p = np.concatenate([answer(night) for night in nights])
        agreed = Agreement.of(truth, p.argmax(axis=1))
        yield f"{name}: expected calibration error {calibration_error(truth, p):.3f}\n{agreed.table()}"
        rows.append(row(name, agreed))
    yield f"{'':32}  kappa  accuracy  macro-F1"
    yield from rows


def row(name: str, agreed: Agreement) -> str:
    """One line of a comparison."""
    return f"{name:32}  {agreed.kappa:5.3f}  {agreed.accuracy:8.3f}  {np.nanmean(agreed.f1):8.3f}"


def calibration_error(truth: NDArray[Any], p: NDArray[np.float64]) -> float:
    """Expected calibration error of probabilities (n, 4): how far confidence and accuracy lie apart, in fifteen bins of
    equal width, weighted by their epochs (Guo 2017, eq. 3).  Epochs without a truth do not count.
    """
    p, truth = p[truth >= 0], truth[truth >= 0]
    sure, right = p.max(axis=1), p.argmax(axis=1) == truth
    at = np.minimum((sure * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    apart = np.bincount(at, sure, CALIBRATION_BINS) - np.bincount(at, right, CALIBRATION_BINS)
    return float(np.abs(apart).sum() / truth.size)


@dataclass(frozen=True)
class RealNight:
    """A labelled recording from 30 min before its first sleep to 30 min after its last: (epochs,) each, NO_STAGE where
    the scorer or the model says nothing.
    """

    truth: NDArray[np.int8]
    live: NDArray[np.int8]
    morning: NDArray[np.int8]

    def told(self, given: NDArray[np.int8]) -> Iterator[str]:
        """One answer's figures, as lines for people: four classes, sleep or wake, and inside the sleep period."""
        whole = Agreement.of(self.truth, given)
        asleep = np.flatnonzero(self.truth > SleepStage.WAKE)
        period = slice(asleep[0], asleep[-1] + 1)
        low, high = kappa_interval(self.truth, given)
        yield whole.table()
        yield (
            f"kappa {whole.kappa:.3f}, 95 % {low:.2f} to {high:.2f} (bootstrap of half hours); "
            f"inside the sleep period {Agreement.of(self.truth[period], given[period]).kappa:.3f}; "
            f"asleep or awake {whole.merged(ASLEEP).kappa:.3f}"
        )


def kappa_interval(truth: NDArray[np.int8], given: NDArray[np.int8], draws: int = 2000) -> tuple[float, float]:
    """95 % interval of one night's kappa: half hours drawn with replacement, since neighbouring epochs are alike."""
    random = np.random.default_rng(1)
    parts = [np.arange(first, min(first + BLOCK, truth.size)) for first in range(0, truth.size, BLOCK)]
    found = []
    for _ in range(draws):
        at = np.concatenate([parts[k] for k in random.integers(0, len(parts), len(parts))])
        found.append(Agreement.of(truth[at], given[at]).kappa)
    low, high = np.nanquantile(found, (0.025, 0.975))
    return float(low), float(high)


def stage_recording(stager: Stager, restager: Restager, path: Path) -> RealNight:
    """Stage a labelled recording (.npz with ``resp``, ``fs`` and ``stages``) as the box would, live and then again."""
    with np.load(path, allow_pickle=False) as file:
        resp, fs, codes = file["resp"], float(file["fs"]), file["stages"].astype(int)
    stages = np.where(codes >= 0, FOUR_CLASSES[np.maximum(codes, 0)], NO_STAGE).astype(np.int8)
    asleep = np.flatnonzero(codes > 0)
    first, last = max(int(asleep[0]) - AROUND_SLEEP, 0), int(asleep[-1]) + AROUND_SLEEP + 1
    # The box watches a bed, not a day: it begins where the scored part does.
    samples = round(EPOCH_S * fs)
    stager.reset()
    kept, live = [], []
    for epoch in epochs_of(ticks_from_recording(resp[first * samples : last * samples], fs)):
        live.append(stager.update(epoch))
        kept.append(KeptEpoch(epoch.start_s, epoch.coverage, stager.kept))
    truth = stages[first:last]
    return RealNight(truth, _given(truth.size, live), _given(truth.size, restager.restage(kept)))


def _given(size: int, estimates: Sequence[StageEstimate]) -> NDArray[np.int8]:
    given = np.full(size, NO_STAGE, np.int8)
    for one in estimates:
        if one.index < size:
            given[one.index] = one.stage
    return given
