"""How well stages agree with the truth: four classes, epoch by epoch; simulated nights and real labelled ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from appliance.evaluation.agreement import Agreement
from appliance.recording import ticks_from_recording
from appliance.respiration import epochs_of
from models.contract import EPOCH_S, SleepStage
from models.stager import Stager, StepNetwork
from models.training.dataset import NO_STAGE, Night

# R&K and AASM codes of the recordings: W N1 N2 N3 REM, to wake, light, light, deep, REM.
FOUR_CLASSES = np.array([SleepStage.WAKE, SleepStage.LIGHT, SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM])
AROUND_SLEEP = 30 * 60 // EPOCH_S  # epochs of wake kept before the first and after the last sleep


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
