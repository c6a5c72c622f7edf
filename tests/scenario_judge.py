"""What a box said of a simulated night, held against what was true: pure functions, told lines and truth.

Seconds count from the start of the recording; a span is ``(start_s, end_s)``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.sleep import ABSENCE_S, FLICKER_S, SETTLE_S
from models.contract import EPOCH_S
from models.sleeper import SAMPLE_HZ, SimulatedNight

DEPARTURE_S = 30  # after a leaving, for which somebody may still be said to be there
NEVER = math.inf  # a delay without an end
LEAST_ABSENCE_S = 60.0  # from a shorter one nobody need be missed
KNOWN_S = 10  # before leaving: who was not said to be there in them cannot be missed
STILL = 0.1  # ``moving`` below it all through a minute: nothing but breath
MINUTE_S = 60
CLOSE_BRPM = 2.0
BINS = 20

Span = tuple[float, float]
Lines = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Truth:
    """What happened, of the primary user and of everybody."""

    in_bed: NDArray[np.bool_]  # (epochs,) the primary user, at least half of the epoch
    you: NDArray[np.bool_]  # (seconds,) the primary user is in bed when the second begins
    anybody: NDArray[np.bool_]  # (seconds,) somebody is
    still: NDArray[np.bool_]  # (minutes,) the primary user lies still, nobody comes or goes
    rate_brpm: NDArray[np.float64]  # (minutes,) of the primary user, from the breaths' median length; NaN = none


def truth_of(nights: Sequence[SimulatedNight], roles: Sequence[str], hours: float) -> Truth:
    """One night and one role per person; there may be no primary user, or nobody at all."""
    seconds = round(hours * 3600)
    there = [~np.isnan(night.distance_m[::SAMPLE_HZ][:seconds]) for night in nights]
    anybody = np.logical_or.reduce([np.zeros(seconds, np.bool_), *there])
    minutes = seconds // MINUTE_S
    if "primary" not in roles:
        nobody = np.zeros(seconds, np.bool_)
        nowhere = np.zeros(seconds // EPOCH_S, np.bool_)
        return Truth(nowhere, nobody, anybody, np.zeros(minutes, np.bool_), np.full(minutes, np.nan))
    own = roles.index("primary")
    night = nights[own]
    quiet = (night.moving < STILL) & ~np.isnan(night.distance_m)
    still = quiet[: minutes * MINUTE_S * SAMPLE_HZ].reshape(minutes, -1).all(1)
    rate_brpm = np.array([_rate(night, minute) for minute in range(minutes)])
    return Truth(night.in_bed, there[own], anybody, still, rate_brpm)


def _rate(night: SimulatedNight, minute: int) -> float:
    start_s = night.breaths.start_s
    lengths = night.breaths.interval_s[(start_s >= minute * MINUTE_S) & (start_s < (minute + 1) * MINUTE_S)]
    return 60.0 / float(np.median(lengths)) if lengths.size else math.nan


# -- epochs


@dataclass(frozen=True)
class Epochs:
    """30 s epochs, each given to you or not."""

    right: int
    wrong: int
    passages: int  # left out: you came or went

    @property
    def share(self) -> float:
        """Right ones among those that count; NaN of none."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else math.nan


def said_you(lines: Lines, epochs: int) -> NDArray[np.bool_]:
    """(epochs,) whether the box gave the epoch to the primary user."""
    said = np.zeros(epochs, np.bool_)
    for line in lines:
        index = int(line["t"] // EPOCH_S) if line["kind"] == "epoch" and line["primary"] else epochs
        if index < epochs:
            said[index] = True
    return said


def judge_epochs(in_bed: NDArray[np.bool_], said: NDArray[np.bool_]) -> Epochs:
    """The two epochs at whose border you came or went are nobody's fault, and left out."""
    flips = np.flatnonzero(in_bed[1:] != in_bed[:-1])
    counts = np.ones(in_bed.size, np.bool_)
    counts[flips] = counts[flips + 1] = False
    right = int((counts & (in_bed == said)).sum())
    return Epochs(right, int(counts.sum()) - right, int((~counts).sum()))


# -- sessions


@dataclass(frozen=True)
class Sessions:
    """Stays of the night against the stays that were told."""

    true: int
    lost: int = 0
    merged: int = 0
    invented: int = 0
    split: int = 0
    entry_errors_s: tuple[float, ...] = ()  # of those found, in size

    @property
    def wrong(self) -> int:
        """All that is not one for one."""
        return self.lost + self.merged + self.invented + self.split


def spans_of(flags: NDArray[np.bool_]) -> list[Span]:
    """Runs of True, one flag a second."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(float(start), float(end)) for start, end in edges.reshape(-1, 2).tolist()]


def true_sessions(you: NDArray[np.bool_]) -> list[Span]:
    """Stays of five minutes and more; one who comes back within half an hour never left."""
    stays: list[Span] = []
    for start_s, end_s in _joined(spans_of(you), FLICKER_S):
        if stays and start_s - stays[-1][1] < ABSENCE_S:
            stays[-1] = (stays[-1][0], end_s)
        elif end_s - start_s >= SETTLE_S:
            stays.append((start_s, end_s))
    return stays


def said_sessions(lines: Lines, end_s: float) -> list[Span]:
    """A session is told many times over: the last word counts, and one without an end lasts to ``end_s``."""
    last = {line["in_bed"]: line for line in lines if line["kind"] == "session"}
    told = [(in_bed, end_s if line["out_of_bed"] is None else line["out_of_bed"]) for in_bed, line in last.items()]
    return sorted(told)


def judge_sessions(true: Sequence[Span], said: Sequence[Span]) -> Sessions:
    """Two stays are the same when they share at least half of the shorter one."""
    same = np.array([[_share(one, other) >= 0.5 for other in said] for one in true]).reshape(len(true), len(said))
    told, meant = same.sum(1), same.sum(0)  # per true stay, per said one
    found = [(t, s) for t, s in np.argwhere(same).tolist() if told[t] == 1 and meant[s] == 1]
    return Sessions(
        true=len(true),
        lost=int((told == 0).sum()),
        merged=int(np.maximum(meant - 1, 0).sum()),
        invented=int((meant == 0).sum()),
        split=int(np.maximum(told - 1, 0).sum()),
        entry_errors_s=tuple(abs(said[s][0] - true[t][0]) for t, s in found),
    )


def _joined(spans: Iterable[Span], gap_s: float) -> list[Span]:
    joined: list[Span] = []
    for start_s, end_s in spans:
        if joined and start_s - joined[-1][1] <= gap_s:
            joined[-1] = (joined[-1][0], end_s)
        else:
            joined.append((start_s, end_s))
    return joined


def _share(one: Span, other: Span) -> float:
    common = min(one[1], other[1]) - max(one[0], other[0])
    shorter = min(one[1] - one[0], other[1] - other[0])
    return common / shorter if shorter > 0.0 else 0.0


# -- delays


def present_s(lines: Lines, seconds: int) -> NDArray[np.bool_]:
    """(seconds,) whether the box said that somebody was there."""
    return _held(lines, "presence", "present", (True,), seconds)


def you_s(lines: Lines, seconds: int) -> NDArray[np.bool_]:
    """(seconds,) whether the box said that you were there, alone or not."""
    return _held(lines, "person", "who", ("you", "both"), seconds) & present_s(lines, seconds)


def absence_delays(you: NDArray[np.bool_], lines: Lines) -> list[float]:
    """Seconds from each leaving to the first second in which you are not said to be there; NEVER before you return.

    A leaving that was preceded by seconds in which you were not said to be there either is no feat, and is left out.
    """
    seconds = you.size
    others = _held(lines, "person", "who", ("nobody", "other"), seconds)
    missed = others | ~present_s(lines, seconds)
    return [
        _first(missed, s, e)
        for s, e in spans_of(~you)
        if e - s >= LEAST_ABSENCE_S and not missed[max(int(s) - KNOWN_S, 0) : int(s)].all()
    ]


def arrival_delays(here: NDArray[np.bool_], said: NDArray[np.bool_]) -> list[float]:
    """Seconds from each coming of ``here`` to the first second of ``said``; NEVER before it ends."""
    return [_first(said, s, e) for s, e in spans_of(here) if s > 0.0]


def long_empty(anybody: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(seconds,) nobody is there, and has not been for as long as a departure may take to be noticed."""
    empty = ~anybody
    for start, end in spans_of(empty):
        empty[int(start) : min(int(start) + (DEPARTURE_S if start > 0 else 0), int(end))] = False
    return empty


def _held(lines: Lines, kind: str, key: str, values: tuple[Any, ...], seconds: int) -> NDArray[np.bool_]:
    """(seconds,) whether the last line of the kind said one of these; False before the first line."""
    held = np.zeros(seconds, np.bool_)
    for line in lines:
        if line["kind"] == kind:
            held[max(math.ceil(line["t"]), 0) :] = line[key] in values
    return held


def _first(flags: NDArray[np.bool_], start_s: float, end_s: float) -> float:
    found = np.flatnonzero(flags[int(start_s) : int(end_s)])
    return float(found[0]) if found.size else NEVER


# -- breath


@dataclass(frozen=True)
class Rates:
    """The breath rate in minutes in which you lie still and are said to be there."""

    minutes: int = 0
    errors_brpm: tuple[float, ...] = ()  # in size, of the minutes with a rate in half of their seconds


def judge_rates(truth: Truth, said: NDArray[np.bool_], lines: Lines) -> Rates:
    """``said``: (epochs,) of ``said_you``."""
    minutes = truth.still.size
    told: list[list[float]] = [[] for _ in range(minutes)]
    for line in lines:
        minute = int(line["t"] // MINUTE_S) if line["kind"] == "breath" and line["brpm"] is not None else minutes
        if minute < minutes:
            told[minute].append(line["brpm"])
    both = said[: minutes * 2].reshape(minutes, MINUTE_S // EPOCH_S).all(1)
    asked = np.flatnonzero(truth.still & both & ~np.isnan(truth.rate_brpm))
    rated = [minute for minute in asked.tolist() if len(told[minute]) >= MINUTE_S // 2]
    return Rates(asked.size, tuple(abs(float(np.median(told[m]) - truth.rate_brpm[m])) for m in rated))


# -- confidence


@dataclass
class Reliability:
    """How often it was so when it was said with this confidence, in bins of equal width."""

    count: NDArray[np.float64] = field(default_factory=lambda: np.zeros(BINS))
    said: NDArray[np.float64] = field(default_factory=lambda: np.zeros(BINS))  # sum of the confidences
    true: NDArray[np.float64] = field(default_factory=lambda: np.zeros(BINS))  # how often it was so

    def add(self, confidence: NDArray[np.float64], so: NDArray[np.bool_]) -> None:
        """One confidence and one truth each; NaN is none."""
        known = ~np.isnan(confidence)
        index = np.minimum((confidence[known] * BINS).astype(int), BINS - 1)
        self.count += np.bincount(index, minlength=BINS)
        self.said += np.bincount(index, confidence[known], minlength=BINS)
        self.true += np.bincount(index, so[known], minlength=BINS)

    def join(self, other: Reliability) -> None:
        """Take in what another counted."""
        self.count += other.count
        self.said += other.said
        self.true += other.true

    @property
    def error(self) -> float:
        """Expected calibration error: the mean distance of confidence and frequency, weighted by count; NaN of none."""
        total = float(self.count.sum())
        return float(np.abs(self.said - self.true).sum()) / total if total else math.nan


# -- a night


@dataclass(frozen=True)
class Verdict:
    """One night, played through one module."""

    epochs: Epochs
    sessions: Sessions
    absence_s: tuple[float, ...]  # noticed after leaving
    presence_s: tuple[float, ...]  # noticed after coming into an empty bed
    you_s: tuple[float, ...]  # known to be you after coming
    rates: Rates
    presence: Reliability
    you: Reliability
    phantom_s: int = 0  # somebody was said to be there, and nobody had been for half a minute


def judge(truth: Truth, lines: Lines, present: NDArray[np.float64], you: NDArray[np.float64]) -> Verdict:
    """``present`` and ``you``: (seconds,) the confidences that it is so, NaN where none was said."""
    seconds = truth.you.size
    said = said_you(lines, truth.in_bed.size)
    presence, personal = Reliability(), Reliability()
    presence.add(present, truth.anybody)
    personal.add(you, truth.you)
    return Verdict(
        epochs=judge_epochs(truth.in_bed, said),
        sessions=judge_sessions(true_sessions(truth.you), said_sessions(lines, float(seconds))),
        absence_s=tuple(absence_delays(truth.you, lines)),
        presence_s=tuple(arrival_delays(truth.anybody, present_s(lines, seconds))),
        you_s=tuple(arrival_delays(truth.you, you_s(lines, seconds))),
        rates=judge_rates(truth, said, lines),
        presence=presence,
        you=personal,
        phantom_s=int(np.count_nonzero(present_s(lines, seconds) & long_empty(truth.anybody))),
    )
