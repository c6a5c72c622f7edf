"""Is somebody there?  Each second's evidence, in nats, is added to a memory: a confidence with hysteresis.

For it: breathing on whose rate two witnesses agree, body movement, change far above the sensor's noise.  Against it:
that none of this is seen; quickly after a movement, which may have been a departure, slowly otherwise, since nobody
leaves a bed without moving (so who holds the breath stays).  What swings as evenly as a machine is one (evenness.py),
what moves on and on and never breathes is a curtain, and beyond the bed nobody lies.  The module's own vitals and its
presence flag take no part.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

from appliance.breaths import MISSED_S, MOVING, Chest
from appliance.displacement import BED_M, Tick
from appliance.echo import LIVELY
from appliance.evenness import Evenness
from drivers.readings import Module

APPEAR, VANISH = 1.0, -1.0  # log-odds at which presence begins and ends
LEAST, MOST = -2.5, 4.0
# Nats a second, for:
BREATHING, NEW_BREATHING = 0.5, 0.25  # times the quality; drift looks like a breath for ten seconds now and then
MOVEMENT = 0.7
LIFE = 1.0  # Acconeer: at most, times the logarithm of activity over what an empty room gives
SLIGHT, STRONG = 0.2, 0.4  # Micradar: body movement from 4, from 10
BREATHS, BREATHS_HOLD = 0.1, 2.0  # three breaths in 20 s without a common rate; they keep, up to this, but do not prove
TARGET, TARGET_HOLDS, TARGET_READIES = 0.1, 0.5, -1.0  # TinyFrame: likewise (Micradar gives one of any room)
# Nats a second, against:
ABSENT = -0.1  # nothing to be seen, and nobody was there before
QUIET = -0.017  # nothing to be seen of somebody who has not moved: five minutes
DEPARTED = {Module.TINYFRAME: -0.3, Module.MICRADAR: -0.15, Module.ACCONEER: -0.5}  # after a movement
MACHINE = -0.4
AIMLESS = -0.04
LIFELESS = -0.05
UNPROVEN = -0.1
FRUITLESS = 0.35  # share of movement's nats where the last that moved never breathed
BEYOND = -0.2
UNHEARD = -0.004  # the module itself is silent
LOST = -0.05  # the module has lost its target
UNSTEADY = -0.1  # the target hops about while nothing moves: an echo of the room ...
HOPPED = -0.3  # ... the sooner after a movement, which was a departure then

PROOF_S = 600.0  # irregular breaths and targets keep nobody for longer without a breath that counts
DEPARTURE_S = 60.0  # for so long after a movement absence may be a departure ...
RESTED_S = 8.0  # ... unless somebody was seen at rest after it
GONE = 16.0  # activity fallen to this fraction of the last minute's is no held breath: the heart alone leaves more
SHALLOW_MM = 0.06  # breaths less deep prove nobody ...
FLOOR_MARGIN, FLOOR_S, FLOOR_MM = 3.0, 300.0, 0.1  # ... nor less than three times an empty room's, learnt up to this
UNBREATHING = 0.2  # quality below which an empty room's swings are learnt
FRESH_S = 8.0  # a breath older than this no longer speaks for anybody
UNSTEADY_M, RANGES = 0.1, 20  # spread of the last distances
AIMLESS_S, AIMLESS_MOVES_S, AIMLESS_SHARE = 120.0, 25.0, 0.2  # of movement over so long, and breaths to that
NEAR_M = 0.9  # your own half of the bed, where no curtain hangs and hands hide many a breath
KNOWN_S, KNOWN_SHARE = 60.0, 0.3  # of the last half hour breathing: a sleeper, who may toss for all of the next
PROVEN_S, UNPROVEN_S = 10.0, 30.0  # seconds of breathing, times its quality, that prove a body; time for them
LIFELESS_S, LIFELESS_SEEN_S, LIFELESS_SHARE = 1800.0, 200.0, 0.1  # still and seen, and the share of it that breathes

EVIDENCE = frozenset(
    ("movement", "breathing", "liveliness", "evenness", "aimlessness", "steadiness", "depth", "reach", "holding")
)


class Presence(NamedTuple):
    """Whether somebody is there, at one second."""

    t_s: float  # the end of that second
    present: bool
    confidence: float  # 0-1
    reason: str  # the weightiest evidence of this second, in words
    heard: bool = True  # False: no word from the radar, so nothing is known
    rate_brpm: float | None = None  # of the breathing seen, present or not; None without quality


class _Evidence(NamedTuple):
    nats: float  # for somebody above 0, against below
    reason: str


class PresenceGate:
    """Ticks in, once a second a ``Presence``; causal, constant memory."""

    def __init__(self, module: Module, without: frozenset[str] = frozenset()) -> None:
        """``without`` names pieces of EVIDENCE to leave out, to see what each is worth."""
        if without - EVIDENCE:
            raise ValueError(f"no such evidence: {', '.join(sorted(without - EVIDENCE))}")
        self._module = module
        self._without = without
        self.chest = Chest()  # of the body that is judged
        self._evenness = Evenness()
        self._log_odds = LEAST
        self._present = False
        self._floor_mm = 0.0
        self._lively: deque[float] = deque(maxlen=round(DEPARTURE_S))  # activity of the last minute's seconds
        self._moved_t_s = -math.inf
        self._rested_s = 0  # seen at rest since then
        self._stirred_t_s = -math.inf  # Micradar: when limbs moved, as they do on leaving, however far away
        self._breathed_t_s = -math.inf
        self._last_t_s = -math.inf
        self._second_end_s = -math.inf
        self._ranges: deque[float] = deque(maxlen=RANGES)
        # of the second in progress
        self._moving_ticks = 0
        self._heard = False
        self._activity = math.nan
        self._distance_m = math.nan
        self._last_m = math.nan  # as last told, however long ago
        self._no_target = False
        self._rate_brpm: float | None = None
        self._restless_s = self._breathing_s = 0.0  # of the last AIMLESS_S
        self._still_s = self._breathed_s = 0.0  # of the last LIFELESS_S
        self._came_t_s = -math.inf
        self._proof_s = 0.0  # of breathing, of the last AIMLESS_S
        self._proven = False  # since somebody came
        self._fruitless = False  # who was there last never was
        self._calm_t_s = -math.inf  # when movement last had an aim
        self._lifeless = False  # seen for long, and hardly ever breathing
        self._waved_t_s = -math.inf  # when there was a signal to breathe in

    def update(self, tick: Tick) -> Presence | None:
        """Take the next tick of the grid; the first tick of a new second brings the verdict on the one before."""
        t_s, moving = tick.t_s, tick.moving
        verdict = None
        if t_s >= self._second_end_s:
            verdict = self._judge()
            self._second_end_s = math.floor(t_s) + 1.0
        if t_s - self._last_t_s > MISSED_S:
            away_s = t_s - self._last_t_s if math.isfinite(self._last_t_s) else 0.0
            self._log_odds = max(LEAST, self._log_odds + UNHEARD * away_s)
        self._last_t_s = t_s
        is_moving = moving >= MOVING
        self.chest.update(tick)
        self._evenness.update(tick)
        if is_moving:
            self._moving_ticks += 1
        if tick.activity == tick.activity:
            self._activity = tick.activity
            self._heard = True
        if tick.distance_m == tick.distance_m:
            self._distance_m = self._last_m = tick.distance_m
            self._heard = True
        if tick.displacement == tick.displacement:
            self._heard = True
            self._waved_t_s = t_s
        if tick.no_target:
            self._no_target = self._heard = True
        return verdict

    def _judge(self) -> Presence | None:
        t_s = self._second_end_s
        if t_s == -math.inf:
            return None
        evidence = self._evidence(t_s)
        self._log_odds = min(MOST, max(LEAST, self._log_odds + evidence.nats))
        if self._present and self._log_odds <= VANISH:
            self._present = False
            self._log_odds = LEAST
            self._fruitless = not self._proven
            self.chest.reset()
        elif not self._present and self._log_odds >= APPEAR:
            self._present = True
            self._came_t_s, self._proven = t_s, False
        heard = self._heard
        self._moving_ticks = 0
        self._heard = self._no_target = False
        self._activity = self._distance_m = math.nan
        confidence = 1.0 / (1.0 + math.exp(-self._log_odds))
        return Presence(t_s, self._present, confidence, evidence.reason, heard, self._rate_brpm)

    def _evidence(self, t_s: float) -> _Evidence:
        """Of the second that ended at ``t_s``: the sum, and the weightiest in words."""
        depth_mm = self.chest.amplitude or 0.0
        rate_brpm, quality = self.chest.rate(t_s)
        self._rate_brpm = rate_brpm
        if not self._present and quality < UNBREATHING and self._is_vacant():
            self._floor_mm += (min(depth_mm, FLOOR_MM) - self._floor_mm) / FLOOR_S
        least_mm = max(0.0 if self._present else SHALLOW_MM, FLOOR_MARGIN * self._floor_mm)
        deep = depth_mm >= least_mm or "depth" in self._without
        steady = None if "steadiness" in self._without else self._steady()
        machine = "evenness" not in self._without and self._evenness.is_machine(t_s, self._breathed_s >= KNOWN_S)
        moves = self._movement(t_s)
        breathes = None if machine else self._breathing(t_s, rate_brpm if deep else None, quality)
        lives = self._life()
        seen = self._module is Module.TINYFRAME and self._distance_m == self._distance_m
        if self._moved_t_s >= t_s or self._stirred_t_s > t_s - 1.0:
            self._rested_s = 0
        elif seen or self._breathed_t_s >= t_s:
            self._rested_s += 1
        moves, lives = self._aimed(t_s, moves, breathes, lives)
        moves = None if "movement" in self._without else moves
        breathes = None if "breathing" in self._without else breathes
        lives = None if "liveliness" in self._without else lives
        found = [one for one in (moves, breathes, lives) if one is not None]
        if machine:
            found = [_Evidence(MACHINE, "something that moves as evenly as a machine")]
        if self._distance_m > BED_M and self._module is not Module.TINYFRAME and "reach" not in self._without:
            found = [_Evidence(BEYOND, f"something at {self._distance_m:.1f} m, beyond the bed")]
        if not found:
            target = self._module is Module.TINYFRAME and steady is not False and self._distance_m == self._distance_m
            # A Micradar waveform gains an empty bed's noise up to breaths, and its target then hops about the room.
            held = None if steady is False and self._module is Module.MICRADAR else self._hold(t_s, deep, target)
            found.append(held or self._nothing(t_s, target))
        if steady is False:
            waved = self._module is Module.MICRADAR and t_s - self._waved_t_s < DEPARTURE_S
            left = waved and t_s - self._stirred_t_s < DEPARTURE_S and self._rested_s < RESTED_S
            found.append(_Evidence(HOPPED if left else UNSTEADY, "a target that hops about"))
        return _Evidence(sum(one.nats for one in found), max(found, key=lambda one: abs(one.nats)).reason)

    def _aimed(
        self, t_s: float, moves: _Evidence | None, breathes: _Evidence | None, lives: _Evidence | None
    ) -> tuple[_Evidence | None, _Evidence | None]:
        """Movement as it counts: not at all once it has gone on and on and nothing was seen to breathe."""
        fade = 1.0 - 1.0 / AIMLESS_S
        self._restless_s = self._restless_s * fade + (moves is not None or lives is not None)
        proof_s = 0.0 if breathes is None else max(breathes.nats, 0.0) / BREATHING
        breathing = proof_s > 0.0
        self._proof_s = self._proof_s * fade + proof_s
        self._proven |= self._proof_s >= PROVEN_S
        self._breathing_s = self._breathing_s * fade + breathing
        restless = self._restless_s >= AIMLESS_MOVES_S and self._breathing_s < AIMLESS_SHARE * self._restless_s
        if not restless:
            self._calm_t_s = t_s
        known = self._breathed_s >= KNOWN_S and self._breathed_s >= KNOWN_SHARE * self._still_s
        restless = restless and (not known or t_s - self._calm_t_s > LIFELESS_S)
        seen = self._present and moves is None and self._waved_t_s >= self._last_t_s - 1.0
        long_fade = 1.0 - 1.0 / LIFELESS_S
        self._still_s = self._still_s * long_fade + seen
        self._breathed_s = self._breathed_s * long_fade + (seen and breathing)
        self._lifeless = self._still_s >= LIFELESS_SEEN_S and self._breathed_s < LIFELESS_SHARE * self._still_s
        aimless = t_s - self._waved_t_s < DEPARTURE_S and (restless or self._lifeless)
        if not self._doubts():
            aimless = self._lifeless = False
        if not aimless or (moves is None and lives is None):
            if self._is_wary():
                return _discounted(moves), _discounted(lives)
            return moves, lives
        return _Evidence(UNPROVEN if self._is_unproven(t_s) else AIMLESS, "movement on and on, and no breathing"), None

    def _movement(self, t_s: float) -> _Evidence | None:
        if self._module is Module.ACCONEER and self._activity == self._activity:
            self._lively.append(self._activity)
            most = max(self._lively)
            if self._activity < min(LIVELY / 2.0, most / GONE) or most < LIVELY / 2.0:
                self._moved_t_s = t_s  # the echo went away: not even a heart is left, or not for a minute
        if self._moving_ticks < 2 or not self._may_move():
            return None
        self._moved_t_s = t_s
        return _Evidence(MOVEMENT, "body movement")

    def _breathing(self, t_s: float, rate_brpm: float | None, quality: float) -> _Evidence | None:
        if rate_brpm is None or t_s - self.chest.recent[-1].t_s > FRESH_S:
            return None
        if not self._present and self._module is Module.ACCONEER and self._distance_m != self._distance_m:
            return None  # too faint to have a place
        self._breathed_t_s = t_s
        weight = BREATHING if self._present else NEW_BREATHING
        if self._lifeless:
            weight *= 0.4  # chance breaths of something that is no chest
        return _Evidence(weight * quality, f"breathing {rate_brpm:.0f} a minute")

    def _life(self) -> _Evidence | None:
        """The module's own measure of change."""
        activity = self._activity
        if self._module is Module.ACCONEER and activity > LIVELY:
            return _Evidence(LIFE * min(1.0, math.log(activity / LIVELY)), "motion above the empty room's")
        if self._module is Module.MICRADAR and activity >= 4.0:
            if activity >= 10.0:
                self._stirred_t_s = self._last_t_s
            return _Evidence(STRONG if activity >= 10.0 else SLIGHT, "limbs moving")
        return None

    def _hold(self, t_s: float, deep: bool, target: bool) -> _Evidence | None:
        """What cannot prove anybody, but keeps whoever was there, or who came a moment ago."""
        if self._lifeless or self._is_unproven(t_s) or self._is_wary() or "holding" in self._without:
            return None
        proven = self._present and t_s - max(self._breathed_t_s, self._moved_t_s) < PROOF_S
        if proven and self._log_odds < BREATHS_HOLD and deep and self._some_breaths(t_s):
            return _Evidence(BREATHS, "irregular breathing")
        came = proven or t_s - self._moved_t_s < DEPARTURE_S
        if target and self._log_odds < (TARGET_HOLDS if came else TARGET_READIES):
            return _Evidence(TARGET, "a target that keeps its distance")
        return None

    def _nothing(self, t_s: float, target: bool) -> _Evidence:
        """Nothing speaks for anybody: how much that says."""
        if not self._heard:
            return _Evidence(UNHEARD, "no word from the radar")
        if not self._present:
            return _Evidence(ABSENT, "no movement and no breathing")
        if self._is_unproven(t_s):
            return _Evidence(UNPROVEN, "it moved, and never breathed")
        lost = LOST if self._no_target else 0.0
        if self._module is Module.MICRADAR and self._activity >= 2.0:
            return _Evidence(lost, "slight movement")
        if t_s - self._moved_t_s < DEPARTURE_S and self._rested_s < RESTED_S and not target:
            return _Evidence(DEPARTED[self._module] + lost, "no sign of anybody since the last movement")
        if self._lifeless:
            return _Evidence(LIFELESS + lost, "seen for minutes, and hardly ever breathing")
        return _Evidence(QUIET + lost, "no breathing seen, and no departure")

    def _is_unproven(self, t_s: float) -> bool:
        """Whether whoever came by movement alone was never seen to breathe, though it could have been."""
        return self._present and not self._proven and self._doubts() and t_s - self._came_t_s >= UNPROVEN_S

    def _is_wary(self) -> bool:
        """Whether nobody is there, and who was there last never breathed."""
        return self._fruitless and not self._present and self._doubts()

    def _doubts(self) -> bool:
        """An A121 sees few breaths of moving hands or of a bed's far side; its activity tells curtains apart."""
        return "aimlessness" not in self._without and self._module is not Module.ACCONEER and not self._last_m < NEAR_M

    def _is_vacant(self) -> bool:
        """Whether the module sees nothing at all, so that what swings is the room."""
        if self._module is Module.TINYFRAME:
            return self._heard and not self._distance_m >= 0.0
        return self._activity < (LIVELY / 4.0 if self._module is Module.ACCONEER else 1.0)

    def _may_move(self) -> bool:
        """Whether a moving signal can be a body at all, and not the noise of an empty room."""
        if self._module is Module.ACCONEER:
            return self._activity >= (LIVELY / 2.0 if self._present else LIVELY)
        return not (self._module is Module.TINYFRAME and self._no_target)

    def _some_breaths(self, t_s: float) -> bool:
        return sum(breath.t_s >= t_s - 20.0 for breath in self.chest.recent) >= 3

    def _steady(self) -> bool | None:
        """Whether the target keeps its distance while nothing moves; None without one."""
        if self._distance_m != self._distance_m:
            return None
        if self._moving_ticks:
            self._ranges.clear()
        self._ranges.append(self._distance_m)
        n = len(self._ranges)
        if n < RANGES // 2:
            return None
        mean_m = sum(self._ranges) / n
        return sum((m - mean_m) ** 2 for m in self._ranges) / n < UNSTEADY_M**2


def _discounted(one: _Evidence | None) -> _Evidence | None:
    return None if one is None else one._replace(nats=FRUITLESS * one.nats)
