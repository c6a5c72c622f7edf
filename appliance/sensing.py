"""From radar samples to a staged sleeper: the middle of the main path, in the order that the data take.

sample -> displacement -> presence -> primary user -> breathing -> epoch -> stage.  While nobody is present nothing
below the presence gate runs, and nothing is kept.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from appliance import waveform
from appliance.breaths import MOVING, Chest
from appliance.displacement import Bodies, Tick
from appliance.habits import Habits
from appliance.presence import Presence, PresenceGate
from appliance.respiration import Breathing, Respiration
from appliance.targets import Targets
from appliance.tracking import PrimaryUser, PrimaryUserTracker, Sighting, Who
from drivers.readings import EnvironmentReading, Module, RadarSample, Target
from models.contract import EPOCH_S, SIGNAL_HZ, Epoch, SleepStage, StageEstimate
from models.intent import IntentScorer, Scores
from models.stager import ChangeRules, Stager

TRACE_EVERY = 2  # ticks: the page is shown 5 Hz
TRACE_POINTS = 100
LIT = 64  # readings kept, of which one in ten seconds or so comes
LIT_S = 120.0  # an older one says nothing of the light now
LATE_S = 3.0  # a body of which nothing was told for so long is not followed any more
SILENT_S = 5.0  # a sample is never stamped later than this after it was true, so older silence is known to be silence


class _Seen:
    """What is seen of one body, second by second."""

    def __init__(self, module: Module, without: frozenset[str]) -> None:
        self._gate = PresenceGate(module, without)
        self._distances: list[float] = []
        self._moving = False
        self.presence: Presence | None = None

    def update(self, tick: Tick) -> bool:
        """Take a tick; whether a second is over."""
        presence = self._gate.update(tick)
        if presence is not None:
            self.presence = presence
            distances = sorted(self._distances)
            self._last_m = distances[len(distances) // 2] if distances else math.nan
            self._last_moving, self._moving = self._moving, False
            self._distances.clear()
        if tick.distance_m == tick.distance_m:
            self._distances.append(tick.distance_m)
        if tick.moving >= MOVING:
            self._moving = True
        return presence is not None

    @property
    def chest(self) -> Chest:
        """How it breathes, whoever it is."""
        return self._gate.chest

    def sighting(self) -> Sighting:
        """Of the second that is over."""
        presence = self.presence
        assert presence is not None
        return Sighting(self._last_m, presence.confidence, True, presence.rate_brpm, self._last_moving)


class StagedEpoch(NamedTuple):
    """One finished epoch of somebody in bed; nothing is staged of one who is not the sleeper."""

    estimate: StageEstimate
    rate_brpm: float | None  # mean over the seconds that had a rate
    motion: float | None  # mean motion index, 0-1
    primary: PrimaryUser  # of most of its seconds
    features: bytes | None = None  # packed, where it was staged
    breathing: bytes | None = None  # packed (waveform.py), the sleeper's own
    intent: Scores | None = None  # None without stager or intent model
    breath_cv: float | None = None  # of breath intervals over 150 s
    light_lx: float | None = None  # in the room, about the middle of the epoch


Finding = Presence | PrimaryUser | Breathing | StagedEpoch


class Sensing:
    """Remembers one radar's recent past; is told samples and time, and answers with findings in order of time.

    Each second brings a ``Presence`` and then the ``PrimaryUser``; while somebody is there a ``Breathing`` too.
    """

    def __init__(
        self,
        module: Module,
        tracker: PrimaryUserTracker,
        stager: Stager | None,
        without: frozenset[str] = frozenset(),
        scorer: IntentScorer | None = None,
    ) -> None:
        """``scorer`` tells intent and needs a stager.

        ``without`` names evidence that the presence gate leaves out, to see what it is worth.
        """
        self.module = module
        self._without = without
        self._tracker = tracker
        self._bodies = Bodies(module)
        self._seen: list[_Seen | None] = [_Seen(module, without)]  # of each body
        self._followed = 0  # the body whose breathing is the sleeper's, or whoever's is there
        self._respiration = Respiration()
        self._stager = stager
        self._scorer = scorer if stager is not None else None
        self._lit: deque[tuple[float, float]] = deque(maxlen=LIT)  # (second, lx), as told
        self._present = False
        self._targets = Targets()
        self._told: tuple[Target, ...] | None = None
        # of the epoch in progress
        self._rates: list[float] = []
        self._people: list[PrimaryUser] = []
        self._distances: list[float] = []
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

    @property
    def change_rules(self) -> ChangeRules | None:
        """What a change of intent costs; None without an intent model."""
        return None if self._scorer is None else self._scorer.rules

    def feel(self, readings: Iterable[EnvironmentReading]) -> None:
        """What the room's sensors told: light says something about intent."""
        self._lit += ((one.t_s, one.illuminance_lx) for one in readings if one.illuminance_lx is not None)

    def update(self, samples: Iterable[RadarSample], now_s: float) -> list[Finding]:
        """Take what the radar brought up to ``now_s`` (monotonic seconds)."""
        findings: list[Finding] = []
        take = self._bodies.update
        for sample in samples:
            for row in take(sample):
                self._instant(row, findings)
        for row in self._bodies.advance(now_s - SILENT_S):
            self._instant(row, findings)
        return findings

    def new_night(self) -> None:
        """Forget what stager and intent model have learnt of the night that ended."""
        if self._stager is not None:
            self._stager.reset()
        if self._scorer is not None:
            self._scorer.reset()

    def _instant(self, row: list[Tick | None], findings: list[Finding]) -> None:
        """One instant of the grid: a tick of each body that is there."""
        second = False
        for index, tick in enumerate(row):
            if index == len(self._seen):
                self._seen.append(None)
            if tick is not None:
                seen = self._seen[index] = self._seen[index] or _Seen(self.module, self._without)
                second |= seen.update(tick)
        if second:
            self._judge(findings)
        tick = row[self._followed] if self._followed < len(row) else None
        if tick is not None:
            self._follow(tick, findings)

    def _follow(self, tick: Tick, findings: list[Finding]) -> None:
        """The next tick of the body that is followed."""
        if round(tick.t_s * SIGNAL_HZ) % TRACE_EVERY == 0:
            self._trace.append(None if math.isnan(tick.displacement) else tick.displacement)
        if tick.targets is not self._told:
            self._told = tick.targets
            self._targets.update(tick.t_s, tick.targets or ())
        if not self._present:
            return
        seen = self._seen[self._followed]
        breathing = self._respiration.update(tick, None if seen is None else seen.chest)
        if breathing is None:
            return
        if breathing.rate_brpm is not None:
            self._rates.append(breathing.rate_brpm)
        findings.append(breathing)
        for epoch in self._respiration.take_epochs():
            findings.append(self._stage(epoch))
            self._forget_epoch()

    def _judge(self, findings: list[Finding]) -> None:
        """A second is over: is anybody there, and who?"""
        told = {index: seen.presence for index, seen in enumerate(self._seen) if seen is not None and seen.presence}
        t_s = max(presence.t_s for presence in told.values())
        for index, presence in list(told.items()):
            if t_s - presence.t_s > LATE_S and len(told) > 1:
                self._seen[index] = None  # that body is not followed any more
                del told[index]
        best = max(told.values(), key=lambda presence: presence.confidence)
        present = any(presence.present for presence in told.values())
        presence = best._replace(t_s=t_s, present=present, heard=any(one.heard for one in told.values()))
        if self._present and not present:
            self._respiration.reset()
            self._forget_epoch()
            self._targets.clear()
        self._present = present
        sightings = [seen.sighting() for index in told if (seen := self._seen[index]) is not None]
        if self.module is Module.TINYFRAME:  # the others tell one target at most, and that is the chest
            nearest_m = sightings[0].distance_m
            sightings += [Sighting(m, p, is_chest=False) for m, p in self._targets.besides(t_s, nearest_m)]
        primary = self._tracker.update(t_s, present, sightings)
        if present:
            self._people.append(primary)
        if primary.is_primary and primary.distance_m == primary.distance_m:
            self._distances.append(primary.distance_m)
        self._turn_to(primary, told)
        findings += (presence, primary)

    def _turn_to(self, primary: PrimaryUser, told: dict[int, Presence]) -> None:
        """Follow the sleeper's chest; while it is not seen, the chest of whoever is there."""
        if primary.chest is not None and primary.chest < len(told):
            chest = list(told)[primary.chest]
        elif self._followed in told and told[self._followed].present:
            chest = self._followed
        else:
            chest = max(told, key=lambda index: told[index].confidence)
        if chest != self._followed:
            self._followed = chest
            self._respiration.turn_away()

    def _stage(self, epoch: Epoch) -> StagedEpoch:
        light_lx = self._light(epoch.start_s + EPOCH_S / 2)
        mine = [one for one in self._people if one.is_primary]
        theirs = [one for one in self._people if not one.is_primary]
        primary = (mine if len(mine) >= len(theirs) else theirs)[-1] if self._people else _UNKNOWN
        if self._stager is None or not primary.is_primary:
            estimate, features = (
                StageEstimate(epoch.index, epoch.start_s, SleepStage.UNSCORED, None, epoch.coverage),
                None,
            )
            intent = breath_cv = None
        else:
            estimate, features = self._stager.update(epoch), self._stager.kept
            intent, breath_cv = self._score(epoch, self._stager, light_lx), self._stager.breath_cv
        seen = epoch.motion[epoch.motion == epoch.motion]
        return StagedEpoch(
            estimate,
            sum(self._rates) / len(self._rates) if self._rates and primary.is_primary else None,
            float(seen.mean()) if seen.size else None,
            primary,
            features,
            waveform.pack(epoch.displacement, epoch.motion) if primary.is_primary else None,
            intent,
            breath_cv,
            light_lx,
        )

    def _score(self, epoch: Epoch, stager: Stager, light_lx: float | None) -> Scores | None:
        if self._scorer is None or stager.measures is None:
            return None
        distances = sorted(self._distances)
        distance_m = distances[len(distances) // 2] if distances else None
        return self._scorer.update(epoch, stager.measures, distance_m, light_lx)

    def _light(self, t_s: float) -> float | None:
        """As last told before ``t_s``, which lies so far back that it has come, whatever the turns."""
        told = [lx for at_s, lx in self._lit if t_s - LIT_S < at_s <= t_s]
        return told[-1] if told else None

    def _forget_epoch(self) -> None:
        self._rates.clear()
        self._people.clear()
        self._distances.clear()


_UNKNOWN = PrimaryUser(0.0, Who.YOU, 0.5, "nothing was told of who is there")
