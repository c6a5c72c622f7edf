"""When did somebody begin to try, fall asleep and wake for good: change points through the scores of single epochs.

Live, an epoch is settled once no later one can change it, or after a bounded time, and what was settled is said; the
figures of a stay in progress, and its last answer, come from cutting the whole stay once more.  Both are kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from appliance.belief import told_stages
from appliance.change_points import OnlinePath, cheapest_path
from models.contract import EPOCH_S, SleepStage, StageEstimate
from models.intent import AGO_EPOCHS, Intent
from models.stager import ChangeRules

NOT_TRYING, TRYING, ASLEEP = range(3)  # in the order of models.intent.CLASSES
MOVED = 0.1  # mean motion index of an epoch in which the body moved
SIDE_EPOCHS = 10  # to either side of a change, of which its reasons tell


class Evidence(NamedTuple):
    """What is remembered of an epoch, for the change points and for their reasons."""

    start_s: float
    intent: Intent | None  # None where the signal covered too little
    ago: Intent | None = None  # of the epoch AGO_EPOCHS before, whose own intent it replaces
    motion: float | None = None  # mean motion index, 0-1
    breath_cv: float | None = None  # robust coefficient of variation of breath intervals over 150 s
    light_lx: float | None = None


class Period(NamedTuple):
    """From when until when."""

    start_s: float
    end_s: float


class Course(NamedTuple):
    """A stay in bed as the change points cut it."""

    trying: tuple[Period, ...]  # trying to sleep, or asleep
    asleep: tuple[Period, ...]  # the stretches of sleep within them

    @property
    def began_trying_s(self) -> float | None:
        """The start of the stretch of trying in which sleep first came; without sleep, of the first; None: never."""
        first_s = self.asleep[0].start_s if self.asleep else math.inf
        starts = [period.start_s for period in self.trying if period.start_s <= first_s]
        return (starts[-1] if self.asleep else starts[0]) if starts else None

    @property
    def slept(self) -> tuple[Period, ...]:
        """Where a stage of sleep is believed: while trying, from the first stretch of sleep to the end of the last."""
        if not self.asleep:
            return ()
        first_s, last_s = self.asleep[0].start_s, self.asleep[-1].end_s
        cut = (Period(max(one.start_s, first_s), min(one.end_s, last_s)) for one in self.trying)
        return tuple(one for one in cut if one.start_s < one.end_s)


class Said(NamedTuple):
    """What was settled live: somebody began trying, or fell asleep, at ``at_s``; said at ``said_s``."""

    what: str  # trying, asleep
    at_s: float
    said_s: float


class Reason(NamedTuple):
    """What changed with a change: means of five minutes before and after it; None where nothing was known."""

    what: str  # trying, asleep, awake
    at_s: float
    still_since_s: float | None  # the end of the last epoch with a body movement before it, at most 20 min back
    score: tuple[float | None, float | None]  # probability of what it changed to
    breath_cv: tuple[float | None, float | None]
    motion: tuple[float | None, float | None]
    light_lx: tuple[float | None, float | None]


class IntentTracker:
    """Epochs of one stay in order of time; an epoch costs the same whenever it comes."""

    def __init__(self, rules: ChangeRules) -> None:
        self._rules = rules
        self._penalties = penalties_of(rules)
        self._online = OnlinePath(self._penalties, rules.lag_epochs)
        self._evidence: list[Evidence] = []
        self._settled: list[int] = []
        self.said: list[Said] = []

    @property
    def knows(self) -> bool:
        """Whether any epoch was scored."""
        return any(one.intent is not None for one in self._evidence)

    def add(self, evidence: Evidence) -> None:
        """The next epoch.  One is weighed live once it has been told again with what came after it."""
        self._evidence.append(evidence)
        k = len(self._evidence) - 1 - AGO_EPOCHS
        if k < 0:
            return
        if evidence.ago is not None:
            self._evidence[k] = self._evidence[k]._replace(intent=evidence.ago)
        for state in self._online.update(costs_of(self._evidence[k].intent, self._rules)):
            before = self._settled[-1] if self._settled else NOT_TRYING
            at_s = self._evidence[len(self._settled)].start_s
            said_s = evidence.start_s + EPOCH_S
            if state != NOT_TRYING and before == NOT_TRYING:
                self.said.append(Said("trying", at_s, said_s))
            if state == ASLEEP and before != ASLEEP and not self._slept_since_trying():
                self.said.append(Said("asleep", at_s, said_s))
            self._settled.append(state)

    def _slept_since_trying(self) -> bool:
        return bool(self.said) and self.said[-1].what == "asleep"

    def course(self) -> Course:
        """The whole stay, cut by all that is known of it by now: live what may be revised, at its end the answer."""
        path = cheapest_path([costs_of(e.intent, self._rules) for e in self._evidence], self._penalties)
        return Course(
            _periods(self._evidence, [state != NOT_TRYING for state in path]),
            _periods(self._evidence, [state == ASLEEP for state in path]),
        )

    def reasons(self, course: Course) -> list[Reason]:
        """Why the course begins trying, falls asleep and wakes where it does."""
        found = []
        if course.began_trying_s is not None:
            found.append(self._reason("trying", course.began_trying_s, lambda p: p.trying + p.asleep))
        if course.asleep:
            found.append(self._reason("asleep", course.asleep[0].start_s, lambda p: p.asleep))
            found.append(self._reason("awake", course.asleep[-1].end_s, lambda p: 1.0 - p.asleep))
        return found

    def _reason(self, what: str, at_s: float, score: Callable[[Intent], float]) -> Reason:
        k = next((i for i, one in enumerate(self._evidence) if one.start_s >= at_s), len(self._evidence))
        sides = self._evidence[max(k - SIDE_EPOCHS, 0) : k], self._evidence[k : k + SIDE_EPOCHS]
        moved = [e.start_s + EPOCH_S for e in self._evidence[max(k - 40, 0) : k] if (e.motion or 0.0) >= MOVED]
        return Reason(
            what,
            at_s,
            moved[-1] if moved else None,
            _both(sides, lambda e: None if e.intent is None else score(e.intent)),
            _both(sides, lambda e: e.breath_cv),
            _both(sides, lambda e: e.motion),
            _both(sides, lambda e: e.light_lx),
        )


def believed(estimates: Iterable[StageEstimate], course: Course) -> list[StageEstimate]:
    """The estimates as the course believes them (appliance/belief.py)."""
    return believed_within(estimates, course.slept)


def believed_within(estimates: Iterable[StageEstimate], slept: Sequence[Sequence[float]]) -> list[StageEstimate]:
    """The same, where the periods (start, end) in which sleep is believed are known, on the estimates' clock."""
    every = list(estimates)
    words = told_stages([(one.start_s, one.stage.word) for one in every], slept)
    return [
        one if word == one.stage.word else replace(one, stage=SleepStage[word.upper()])
        for one, word in zip(every, words, strict=True)
    ]


def costs_of(p: Sequence[float] | None, rules: ChangeRules) -> list[float]:
    """What an epoch costs in each state, in nats: its surprise, limited, and being awake; 0 where nothing is known."""
    if p is None:
        return [0.0, 0.0, 0.0]
    not_trying, trying, asleep = (min(-math.log(max(one, 1e-9)), rules.most_nats) for one in p)
    return [not_trying + rules.awake_nats, trying + rules.awake_nats, asleep]


def penalties_of(rules: ChangeRules) -> list[list[float]]:
    """What a change from each state to each costs."""
    begin, doze = rules.trying_nats, rules.asleep_nats
    return [[0.0, begin, begin], [begin, 0.0, doze], [begin, doze, 0.0]]


def _periods(evidence: Sequence[Evidence], inside: Sequence[bool]) -> tuple[Period, ...]:
    """Runs of epochs; a hole in time (a bathroom visit) between two of a run is part of it."""
    found: list[Period] = []
    before = False
    for one, now in zip(evidence, inside, strict=True):
        if now:
            start_s = found.pop().start_s if before else one.start_s
            found.append(Period(start_s, one.start_s + EPOCH_S))
        before = now
    return tuple(found)


def _both(
    sides: tuple[Sequence[Evidence], Sequence[Evidence]], of: Callable[[Evidence], float | None]
) -> tuple[float | None, float | None]:
    means = []
    for side in sides:
        known = [value for value in map(of, side) if value is not None]
        means.append(sum(known) / len(known) if known else None)
    return means[0], means[1]
