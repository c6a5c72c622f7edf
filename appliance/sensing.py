"""From radar samples to a staged sleeper: the middle of the main path, in the order that the data take.

sample -> displacement -> presence -> primary user -> breathing -> epoch -> stage.  While nobody is present nothing
below the presence gate runs, and nothing is kept.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from appliance.displacement import Displacement, Tick
from appliance.presence import Presence, PresenceGate
from appliance.respiration import Breathing, Respiration
from appliance.tracking import PrimaryUser, PrimaryUserTracker
from drivers.readings import Module, RadarSample
from models.contract import SIGNAL_HZ, Epoch, SleepStage, StageEstimate
from models.stager import Stager

TRACE_EVERY = 2  # ticks: the page is shown 5 Hz
TRACE_POINTS = 100
SILENT_S = 5.0  # a sample is never stamped later than this after it was true, so older silence is known to be silence


class StagedEpoch(NamedTuple):
    """One finished epoch of somebody in bed."""

    estimate: StageEstimate
    rate_brpm: float | None  # mean over the seconds that had a rate
    motion: float | None  # mean motion index, 0-1
    primary: PrimaryUser


Finding = Presence | Breathing | StagedEpoch


class Sensing:
    """Remembers one radar's recent past; is told samples and time, and answers with findings in order of time."""

    def __init__(self, module: Module, tracker: PrimaryUserTracker, stager: Stager | None) -> None:
        self.module = module
        self._displacement = Displacement(module)
        self._gate = PresenceGate(module)
        self._tracker = tracker
        self._respiration = Respiration()
        self._stager = stager
        self._present = False
        self._primary: PrimaryUser | None = None
        self._rates: list[float] = []
        self._trace: deque[float | None] = deque(maxlen=TRACE_POINTS)

    @property
    def is_primary(self) -> bool:
        """Whether whoever is present is the sleeper; taken for granted until there is a reason to doubt it."""
        return self._primary is None or self._primary.is_primary

    @property
    def trace(self) -> tuple[float | None, ...]:
        """The displacement of the last 20 s at 5 Hz, None where missing."""
        return tuple(self._trace)

    def update(self, samples: Iterable[RadarSample], now_s: float) -> list[Finding]:
        """Take what the radar brought up to ``now_s`` (monotonic seconds)."""
        findings: list[Finding] = []
        take = self._displacement.update
        for sample in samples:
            for tick in take(sample):
                self._tick(tick, findings)
        for tick in self._displacement.advance(now_s - SILENT_S):
            self._tick(tick, findings)
        return findings

    def new_night(self) -> None:
        """Forget what the stager has learnt of the night that ended."""
        if self._stager is not None:
            self._stager.reset()

    def _tick(self, tick: Tick, findings: list[Finding]) -> None:
        if round(tick.t_s * SIGNAL_HZ) % TRACE_EVERY == 0:
            self._trace.append(None if math.isnan(tick.displacement) else tick.displacement)
        presence = self._gate.update(tick)
        if presence is not None:
            if self._present and not presence.present:
                self._respiration.reset()
                self._rates.clear()
            self._present = presence.present
            findings.append(presence)
        if not self._present:
            return
        breathing = self._respiration.update(tick)
        if breathing is None:
            return
        if breathing.rate_brpm is not None:
            self._rates.append(breathing.rate_brpm)
        self._primary = self._tracker.update(tick, breathing)
        findings.append(breathing)
        for epoch in self._respiration.take_epochs():
            findings.append(self._stage(epoch, self._primary))
            self._rates.clear()

    def _stage(self, epoch: Epoch, primary: PrimaryUser) -> StagedEpoch:
        if self._stager is None:
            estimate = StageEstimate(epoch.index, epoch.start_s, SleepStage.UNSCORED, None, epoch.coverage)
        else:
            estimate = self._stager.update(epoch)
        seen = epoch.motion[epoch.motion == epoch.motion]
        return StagedEpoch(
            estimate,
            sum(self._rates) / len(self._rates) if self._rates else None,
            float(seen.mean()) if seen.size else None,
            primary,
        )
