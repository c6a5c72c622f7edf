"""Who of those in bed is the sleeper: a hidden Markov model over you, other and both, reassessed every second.

The sleeper is the nearest on the configured side.  What is seen are sightings: chests that breathe, and targets of
which only the place is known.  Each is explained by the sleeper, by somebody else or by nothing; a body is where it was
a moment ago or where it usually lies, and nobody comes or goes without a movement.  Nobody is the presence gate's word.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from appliance.habits import Habits
from drivers.readings import Module

HERE_M, OTHER_M = 0.6, 1.35  # chests on the box's own side and on the other, until learnt (bed 0.8-1.4 m wide)
HERE_SD_M, OTHER_SD_M = 0.2, 0.25
LEARNT_SD_M = 0.15
STAYS_SD_M, ROLLS_SD_M = 0.10, 0.30  # of a body about where it was a moment ago: still, moving
FIELD_M = 2.0  # places that something seen may be at when it is nobody's
STAYS, USUAL = 0.75, 0.2  # shares of the two; the rest is anywhere
FOLLOW_S, ROLL_S = 5.0, 1.5  # a body's place follows it: still, moving
REACH_M = 0.8  # but over no greater step
EXTRA = 0.03  # chance a second of a sighting that is no person in bed: an echo, a pet
HIDDEN = {Module.TINYFRAME: 0.1, Module.MICRADAR: 0.95, Module.ACCONEER: 0.1}  # of somebody else unseen beside you
UNSEEN = 0.02  # of the sleeper, who lies nearer, unseen beside somebody else
MERGED_M = 0.35  # two nearer to each other than this are seen as one
TEMPER = 0.25  # one second tells little that the second before did not
MOVED_S = 20.0  # comings and goings take so long to be seen
COMES, GOES, SWAPS = 1 / 1800.0, 1 / 3600.0, 1e-7  # a second
MOVED, UNMOVED = 30.0, 0.05  # times: after a movement, without one
ROLLED_S = 90.0  # you, then both, then only the new one, within this: one who rolled over and not two who took turns
RETURN_S = 1800.0  # an absence after which whoever comes back is as likely as ever to be either
FAMILIAR = 4.0  # odds for the one who was there before a short absence
CHANGE = 0.6  # of the belief, from which another answer is given
RATE_SD_BRPM, RATE_WEIGHT = 2.5, 0.1
BEFORE_S = 40  # what was before a change was so long before it is noticed


class Who(StrEnum):
    """Who is in bed."""

    NOBODY = "nobody"
    YOU = "you"
    OTHER = "other"
    BOTH = "both"


class Sighting(NamedTuple):
    """Something seen over one second that may be a person in bed."""

    distance_m: float  # NaN not known
    confidence: float  # 0-1 that it is one
    is_chest: bool = True  # its breathing can be followed; else only its place is known
    rate_brpm: float | None = None
    moving: bool = False


class PrimaryUser(NamedTuple):
    """Who is there, at one second."""

    t_s: float  # the end of that second
    who: Who
    confidence: float  # 0-1, of ``who``
    reason: str  # what led to it, in words
    distance_m: float = math.nan  # of the sleeper, else of whoever is there
    chest: int | None = 0  # index of the sleeper's sighting, None where it is not seen

    @property
    def is_primary(self) -> bool:
        """Whether the sleeper is in bed."""
        return self.who in (Who.YOU, Who.BOTH)


class _Look(NamedTuple):
    """What one second looked like, for the reasons."""

    distance_m: float
    rate_brpm: float | None
    bodies: int


class _Learnt(NamedTuple):
    """What the habits say, asked for once a second; None until learnt."""

    usual_m: float | None = None
    other_m: float | None = None
    rate_brpm: float | None = None


_STATES = (Who.YOU, Who.OTHER, Who.BOTH)


class PrimaryUserTracker:
    """Sightings of each second in, a ``PrimaryUser`` out; causal, constant memory."""

    def __init__(self, module: Module, bed_side: str = "left", habits: Habits | None = None) -> None:
        self.bed_side = bed_side  # the box stands on it: near is the sleeper's side
        self.habits = habits or Habits()
        self._learnt = _Learnt()
        self._module = module
        self._belief = [0.0, 0.0, 0.0]
        self._who = Who.NOBODY
        self._reason = "nobody there"
        self._left_t_s = -math.inf  # when somebody was last there ...
        self._last = Who.NOBODY  # ... and who
        self._changed_t_s = -math.inf  # the last change of the answer ...
        self._before = Who.NOBODY  # ... and what it was until then
        self._company = False  # somebody else was seen since the bed was empty
        self._moved_t_s = -math.inf
        self._here_m = self._there_m = math.nan  # where the sleeper and the other are now
        self._recent: deque[_Look] = deque(maxlen=BEFORE_S)

    def update(self, t_s: float, present: bool, sightings: Sequence[Sighting]) -> PrimaryUser:
        """Take what was seen in the second that ended at ``t_s``; ``present`` is the gate's word on anybody at all."""
        if any(sighting.moving for sighting in sightings):
            self._moved_t_s = t_s
        if not present:
            return self._empty(t_s)
        seen = [s for s in sightings if s.distance_m == s.distance_m]
        self._learnt = _Learnt(self.habits.usual_m, self.habits.other_m, self.habits.rate_brpm)
        if self._who is Who.NOBODY:
            self._arrive(t_s, seen)
        elif seen:
            self._belief = _normal(self._moved_on(t_s))
            self._belief = _normal([b * p**TEMPER for b, p in zip(self._belief, self._likelihoods(seen), strict=True)])
        mine, others = self._follow(seen)
        first = seen[mine if mine is not None else others or 0] if seen else None
        look = _Look(math.nan, None, 0) if first is None else _Look(first.distance_m, first.rate_brpm, len(seen))
        self._decide(t_s, look)
        self._recent.append(look)
        chest = next((i for i, s in enumerate(sightings) if mine is not None and s is seen[mine]), None)
        if not seen:
            chest = 0 if sightings else None
        self._left_t_s, self._last = t_s, self._who
        self._learn(seen, mine, others)
        distance_m = seen[mine].distance_m if mine is not None else seen[0].distance_m if seen else math.nan
        return PrimaryUser(t_s, self._who, self._belief[_STATES.index(self._who)], self._reason, distance_m, chest)

    def _empty(self, t_s: float) -> PrimaryUser:
        if self._who is not Who.NOBODY:
            self._who, self._reason = Who.NOBODY, f"nobody any more after {_in_words(self._last)}"
            self._here_m = self._there_m = math.nan
            self._company = False
            self._recent.clear()
        return PrimaryUser(t_s, Who.NOBODY, 1.0, self._reason, math.nan, None)

    def _arrive(self, t_s: float, seen: Sequence[Sighting]) -> None:
        """Somebody came where nobody was: by the place, and by who was there before a short absence."""
        self._belief = [0.6, 0.3, 0.1]
        if t_s - self._left_t_s < RETURN_S and self._last in _STATES:
            self._belief[_STATES.index(self._last)] *= FAMILIAR
        self._belief = _normal([b * p for b, p in zip(self._belief, self._likelihoods(seen), strict=True)])

    def _moved_on(self, t_s: float) -> list[float]:
        """The belief a second later, before it is looked at what was seen."""
        pace = MOVED if t_s - self._moved_t_s < MOVED_S else UNMOVED
        comes, goes = COMES * pace, GOES * pace
        you, other, both = self._belief
        return [
            you * (1.0 - comes - SWAPS) + both * goes + other * SWAPS,
            other * (1.0 - comes - SWAPS) + both * goes + you * SWAPS,
            both * (1.0 - 2.0 * goes) + (you + other) * comes,
        ]

    def _likelihoods(self, seen: Sequence[Sighting]) -> list[float]:
        """Of what was seen, if it were you, other or both."""
        if not seen:
            return [1.0, 1.0, 1.0]
        none = [1.0 - s.confidence * (1.0 - EXTRA) for s in seen]
        yours = [s.confidence * self._yours(s) for s in seen]
        others = [s.confidence * self._others(s) for s in seen]
        hidden = HIDDEN[self._module]
        you = other = both = 0.0
        for i in range(len(seen)):
            rest = math.prod(n for k, n in enumerate(none) if k != i)
            you += yours[i] * rest
            other += others[i] * rest
            merged = hidden if abs(self._there_m - seen[i].distance_m) > MERGED_M else 0.5
            both += yours[i] * rest * merged + others[i] * rest * UNSEEN
            for j in range(len(seen)):
                if j != i:
                    both += yours[i] * others[j] * math.prod(n for k, n in enumerate(none) if k not in (i, j))
        return [max(you, 1e-9), max(other, 1e-9), max(both, 1e-9)]

    def _yours(self, sighting: Sighting) -> float:
        usual_m, usual_brpm = self._learnt.usual_m, self._learnt.rate_brpm
        density = _density(
            sighting,
            self._here_m,
            HERE_M if usual_m is None else usual_m,
            HERE_SD_M if usual_m is None else LEARNT_SD_M,
        )
        if sighting.rate_brpm is None or usual_brpm is None:
            return density
        return density * math.exp(-RATE_WEIGHT * min(((sighting.rate_brpm - usual_brpm) / RATE_SD_BRPM) ** 2, 9.0))

    def _others(self, sighting: Sighting) -> float:
        usual_m = self._learnt.other_m
        return _density(
            sighting,
            self._there_m,
            OTHER_M if usual_m is None else usual_m,
            OTHER_SD_M if usual_m is None else LEARNT_SD_M,
        )

    def _follow(self, seen: Sequence[Sighting]) -> tuple[int | None, int | None]:
        """Which sighting is the sleeper's and which the other's, by place; the places follow them."""
        you, other, both = self._belief
        yours = [one.confidence * self._yours(one) for one in seen] if you + both >= 0.5 else []
        theirs = [one.confidence * self._others(one) for one in seen] if other + both >= 0.5 else []
        mine = _best(yours, None)
        others = _best(theirs, None)
        if mine is not None and mine == others:  # one body cannot be two people
            if yours[mine] >= theirs[mine]:
                others = _best(theirs, mine)
            else:
                mine = _best(yours, others)
        if mine is not None:
            self._here_m = _followed(self._here_m, seen[mine])
        elif you + both < 0.1:
            self._here_m = math.nan
        if others is not None:
            self._there_m = _followed(self._there_m, seen[others])
        elif other + both < 0.1:
            self._there_m = math.nan
        return mine, others

    def _decide(self, t_s: float, look: _Look) -> None:
        best = max(range(3), key=lambda i: self._belief[i])
        if self._who is not Who.NOBODY and (_STATES[best] is self._who or self._belief[best] < CHANGE):
            return
        again = self._who is Who.BOTH and self._before is Who.YOU and t_s - self._changed_t_s < ROLLED_S
        # Nobody is replaced without a gap by another of whom nothing has ever been seen.
        alone = self._who is Who.YOU and not self._company and self._learnt.other_m is None
        rolled = _STATES[best] is Who.OTHER and (again or alone)
        if rolled:
            you, other, both = self._belief
            self._belief, best = [other, you, both], 0
            self._here_m, self._there_m = self._there_m, math.nan
        self._before, self._changed_t_s = self._who, t_s
        self._company = (self._company or _STATES[best] is not Who.YOU) and not rolled
        self._reason = _reason(self._recent[0] if self._recent else None, look, self._module)
        self._who = _STATES[best]

    def _learn(self, seen: Sequence[Sighting], mine: int | None, others: int | None) -> None:
        """Only from seconds that leave no doubt."""
        if max(self._belief) < 0.9:
            return
        for index, is_yours in ((mine, True), (others, False)):
            if index is None or seen[index].confidence < 0.9 or seen[index].moving:
                continue
            if seen[index].rate_brpm is not None or not seen[index].is_chest:
                self.habits.lies(seen[index].distance_m, is_yours, seen[index].rate_brpm)


def _density(seen: Sighting, now_m: float, usual_m: float, usual_sd_m: float) -> float:
    """How well a place fits somebody who is at ``now_m`` (NaN not known) and usually at ``usual_m``, in 1/m."""
    usual = _gauss(seen.distance_m - usual_m, usual_sd_m)
    anywhere = 1.0 / FIELD_M
    if now_m != now_m:
        return (STAYS + USUAL) * usual + (1.0 - STAYS - USUAL) * anywhere
    stays = _gauss(seen.distance_m - now_m, ROLLS_SD_M if seen.moving else STAYS_SD_M)
    return STAYS * stays + USUAL * usual + (1.0 - STAYS - USUAL) * anywhere


def _gauss(x: float, sd: float) -> float:
    return math.exp(-0.5 * (x / sd) ** 2) / (sd * math.sqrt(2.0 * math.pi))


def _followed(now_m: float, seen: Sighting) -> float:
    if now_m != now_m:
        return seen.distance_m
    step = seen.distance_m - now_m
    return now_m + step / (ROLL_S if seen.moving else FOLLOW_S) if abs(step) < REACH_M else now_m


def _best(values: Sequence[float], taken: int | None) -> int | None:
    """The index of the greatest, but for one that is taken; None where none is worth it."""
    free = [i for i in range(len(values)) if i != taken and values[i] >= EXTRA]
    return max(free, key=lambda i: values[i]) if free else None


def _normal(values: Sequence[float]) -> list[float]:
    total = sum(values)
    return [value / total for value in values]


def _in_words(who: Who) -> str:
    return {Who.YOU: "you", Who.OTHER: "somebody else", Who.BOTH: "both of you", Who.NOBODY: "nobody"}[who]


def _reason(before: _Look | None, now: _Look, module: Module) -> str:
    """What changed, with its numbers: "distance 0.6 -> 1.2 m, rate 14 -> 18"."""
    parts = []
    if now.distance_m != now.distance_m:
        parts.append("no distance to tell people by")
    elif before is None or before.distance_m != before.distance_m:
        parts.append(f"somebody came to {now.distance_m:.1f} m")
    elif abs(now.distance_m - before.distance_m) >= 0.1:
        parts.append(f"distance {before.distance_m:.1f} -> {now.distance_m:.1f} m")
    if before is not None:
        if before.rate_brpm is not None and now.rate_brpm is not None and abs(now.rate_brpm - before.rate_brpm) >= 1.5:
            parts.append(f"rate {before.rate_brpm:.0f} -> {now.rate_brpm:.0f}")
        if now.bodies != before.bodies:
            parts.append(f"bodies in view {before.bodies} -> {now.bodies}")
    if module is Module.MICRADAR:
        parts.append("this module shows one body at a time")
    return ", ".join(parts) or f"still at {now.distance_m:.1f} m"
