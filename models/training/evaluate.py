"""How well stages agree with the truth: four classes, epoch by epoch; simulated nights and real labelled ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.evaluation.agreement import Agreement
from appliance.recording import ticks_from_recording
from appliance.respiration import epochs_of
from models.contract import EPOCH_S, SleepStage, StageEstimate
from models.restager import KeptEpoch, Restager
from models.stager import Stager, StepNetwork
from models.training.dataset import NO_STAGE, Night

# R&K and AASM codes of the recordings: W N1 N2 N3 REM, to wake, light, light, deep, REM.
FOUR_CLASSES = np.array([SleepStage.WAKE, SleepStage.LIGHT, SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM])
CALIBRATION_BINS = 15
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


def stage_recording(stager: Stager, restager: Restager, path: Path) -> tuple[Agreement, Agreement]:
    """Stage a labelled recording (.npz with ``resp``, ``fs`` and ``stages``) as the box would, live and in the morning;
    scored from 30 min before the first sleep to 30 min after the last.
    """
    with np.load(path, allow_pickle=False) as file:
        resp, fs, codes = file["resp"], float(file["fs"]), file["stages"].astype(int)
    stages = np.where(codes >= 0, FOUR_CLASSES[np.maximum(codes, 0)], NO_STAGE)
    asleep = np.flatnonzero(codes > 0)
    first, last = max(int(asleep[0]) - AROUND_SLEEP, 0), int(asleep[-1]) + AROUND_SLEEP + 1
    # The box watches a bed, not a day: it begins where the scored part does.
    samples = round(EPOCH_S * fs)
    stager.reset()
    kept, live = [], []
    for epoch in epochs_of(ticks_from_recording(resp[first * samples : last * samples], fs)):
        live.append(stager.update(epoch))
        kept.append(KeptEpoch(epoch.start_s, epoch.coverage, stager.kept))
    return _scored(stages, first, last, live), _scored(stages, first, last, restager.restage(kept))


def _scored(stages: NDArray[Any], first: int, last: int, estimates: Sequence[StageEstimate]) -> Agreement:
    given = np.full(stages.size, NO_STAGE)
    for one in estimates:
        if first + one.index < given.size:
            given[first + one.index] = one.stage
    return Agreement.of(stages[first:last], given[first:last])
