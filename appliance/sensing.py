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
from appliance.habits import Habits
from appliance.presence import Presence, PresenceGate
from appliance.respiration import MOVING, Breathing, Respiration
from appliance.targets import Targets
from appliance.tracking import PrimaryUser, PrimaryUserTracker, Sighting, Who
from drivers.readings import Module, RadarSample, Target
from models.contract import SIGNAL_HZ, Epoch, SleepStage, StageEstimate
from models.stager import Stager

TRACE_EVERY = 2  # ticks: the page is shown 5 Hz
TRACE_POINTS = 100
SILENT_S = 5.0  # a sample is never stamped later than this after it was true, so older silence is known to be silence


class StagedEpoch(NamedTuple):
    """One finished epoch of somebody in bed; nothing is staged of one who is not the sleeper."""

    estimate: StageEstimate
    rate_brpm: float | None  # mean over the seconds that had a rate
    motion: float | None  # mean motion index, 0-1
    primary: PrimaryUser  # of most of its seconds


Finding = Presence | PrimaryUser | Breathing | StagedEpoch


class Sensing:
    """Remembers one radar's recent past; is told samples and time, and answers with findings in order of time.

    Each second brings a ``Presence`` and then the ``PrimaryUser``; while somebody is there a ``Breathing`` too.
    """

    def __init__(self, module: Module, tracker: PrimaryUserTracker, stager: Stager | None) -> None:
        self.module = module
        self._tracker = tracker
        self._displacement = Displacement(module)
        self._gate = PresenceGate(module)
        self._respiration = Respiration()
        self._stager = stager
        self._present = False
        self._rate_brpm: float | None = None
        self._targets = Targets()
        self._told: tuple[Target, ...] | None = None
        # of the second in progress
        self._distances: list[float] = []
        self._moving = False
        # of the epoch in progress
        self._rates: list[float] = []
        self._people: list[PrimaryUser] = []
        self._trace: deque[float | None] = deque(maxlen=TRACE_POINTS)

    @property
    def trace(self) -> tuple[float | None, ...]:
        """The displacement of the last 20 s at 5 Hz, None where missing."""
        return tuple(self._trace)

    @property
    def habits(self) -> Habits:
        """What is learnt of the bed."""
        return self._tracker.habits

    @property
    def angle_deg(self) -> float | None:
        """How far off the radar's axis the nearest target lies, left negative; None where the module does not tell."""
        if not self._told:
            return None
        nearest = min(self._told, key=lambda target: math.hypot(target.x_m, target.y_m))
        return math.degrees(math.atan2(nearest.x_m, nearest.y_m))

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
            self._judge(presence, findings)
        if tick.distance_m == tick.distance_m:
            self._distances.append(tick.distance_m)
        if tick.moving >= MOVING:
            self._moving = True
        if tick.targets is not self._told:
            self._told = tick.targets
            self._targets.update(tick.t_s, tick.targets or ())
        if not self._present:
            return
        breathing = self._respiration.update(tick)
        if breathing is None:
            return
        self._rate_brpm = breathing.rate_brpm
        if breathing.rate_brpm is not None:
            self._rates.append(breathing.rate_brpm)
        findings.append(breathing)
        for epoch in self._respiration.take_epochs():
            findings.append(self._stage(epoch))
            self._rates.clear()
            self._people.clear()

    def _judge(self, presence: Presence, findings: list[Finding]) -> None:
        """A second is over: who is there?"""
        if self._present and not presence.present:
            self._respiration.reset()
            self._rate_brpm = None
            self._rates.clear()
            self._people.clear()
            self._targets.clear()
        self._present = presence.present
        primary = self._tracker.update(presence.t_s, presence.present, self._sightings(presence))
        self._people.append(primary)
        self._distances.clear()
        self._moving = False
        findings += (presence, primary)

    def _sightings(self, presence: Presence) -> list[Sighting]:
        distances = sorted(self._distances)
        chest_m = distances[len(distances) // 2] if distances else math.nan
        seen = [Sighting(chest_m, presence.confidence, True, self._rate_brpm, self._moving)]
        if self.module is Module.TINYFRAME:  # the others tell one target at most, and that is the chest
            seen += [Sighting(m, p, is_chest=False) for m, p in self._targets.besides(presence.t_s, chest_m)]
        return seen

    def _stage(self, epoch: Epoch) -> StagedEpoch:
        mine = [one for one in self._people if one.is_primary]
        theirs = [one for one in self._people if not one.is_primary]
        primary = (mine if len(mine) >= len(theirs) else theirs)[-1] if self._people else _UNKNOWN
        if self._stager is None or not primary.is_primary:
            estimate = StageEstimate(epoch.index, epoch.start_s, SleepStage.UNSCORED, None, epoch.coverage)
        else:
            estimate = self._stager.update(epoch)
        seen = epoch.motion[epoch.motion == epoch.motion]
        return StagedEpoch(
            estimate,
            sum(self._rates) / len(self._rates) if self._rates and primary.is_primary else None,
            float(seen.mean()) if seen.size else None,
            primary,
        )


_UNKNOWN = PrimaryUser(0.0, Who.YOU, 0.5, "nothing was told of who is there")
