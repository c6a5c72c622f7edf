"""What stands in for the signal chain in a coarse night: a sleeper who lies there, with stages drawn by lot.

The signal chain works at ten samples a second and costs more than all else in a night.  What it finds decides about the
alarm only in the smart window, and there stages by lot try more than stages that are true.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from appliance import waveform
from appliance.presence import Presence
from appliance.respiration import Breathing
from appliance.sensing import SILENT_S, Finding, Sensing, StagedEpoch
from appliance.tracking import PrimaryUser, PrimaryUserTracker, Who
from drivers.readings import Module, RadarSample
from models.contract import EPOCH_S, EPOCH_SAMPLES, STAGES, SleepStage, StageEstimate
from models.features import FEATURE_NAMES, pack

STAYS = 0.9  # chance that a stage lasts for another epoch
MOVES = 0.05  # chance that a second moved
_STILL = waveform.pack(np.zeros(EPOCH_SAMPLES, np.float32), np.zeros(EPOCH_S, np.float32))


class CoarseSensing(Sensing):
    """Samples in; somebody is there while they come, and nothing is known once they do not."""

    def __init__(self, module: Module, tracker: PrimaryUserTracker, has_stages: bool, rng: np.random.Generator) -> None:
        super().__init__(module, tracker, None)
        self._has_stages = has_stages
        self._rng = rng
        self._stage_now = SleepStage.LIGHT
        self._last_s = -math.inf
        self._epoch_at: int | None = None

    def update(self, samples: Iterable[RadarSample], now_s: float) -> list[Finding]:
        """A second for each instant of which there is a sample."""
        findings: list[Finding] = []
        for t_s in dict.fromkeys(float(math.ceil(sample.t_s)) for sample in samples):
            if t_s <= self._last_s:
                continue
            self._last_s = t_s
            findings += (
                Presence(t_s, True, 0.99, "a sample came", rate_brpm=15.0),
                PrimaryUser(t_s, Who.YOU, 0.95, "nobody else is rehearsed", 0.8),
                Breathing(t_s, 15.0, 0.9, 6.0, float(self._rng.random() < MOVES)),
            )
            epoch = int(t_s // EPOCH_S)
            if self._epoch_at is not None and epoch > self._epoch_at:
                findings.append(self._staged(self._epoch_at))
            self._epoch_at = epoch
        if self._last_s < now_s - SILENT_S:
            self._epoch_at = None
            findings += (
                Presence(now_s, False, 0.5, "nothing is heard", heard=False),
                PrimaryUser(now_s, Who.NOBODY, 0.5, "nothing is heard", chest=None),
            )
        return findings

    def _staged(self, index: int) -> StagedEpoch:
        rng, start_s = self._rng, float(index * EPOCH_S)
        if rng.random() > STAYS:
            self._stage_now = STAGES[int(rng.integers(len(STAGES)))]
        if self._has_stages:
            likely = rng.dirichlet([6.0 if stage is self._stage_now else 0.7 for stage in STAGES])
            wake, light, deep, rem = likely.tolist()
            estimate = StageEstimate(index, start_s, STAGES[int(likely.argmax())], (wake, light, deep, rem), 1.0)
        else:
            estimate = StageEstimate(index, start_s, SleepStage.UNSCORED, None, 1.0)
        features = pack(rng.standard_normal(len(FEATURE_NAMES))) if self._has_stages else None
        primary = PrimaryUser(start_s + EPOCH_S, Who.YOU, 0.95, "nobody else is rehearsed", 0.8)
        return StagedEpoch(estimate, 15.0, 0.0, primary, features, _STILL)
