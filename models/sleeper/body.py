"""Movement and posture: when the body moves, how hard, and how it lies afterwards."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.sleeper.breathing import pull
from models.sleeper.hypnogram import N2, N3, R, W
from models.sleeper.noise import wander
from models.sleeper.parameters import SAMPLE_HZ, Parameters
from models.sleeper.person import Cues, Person
from models.sleeper.plan import Doing, Timeline

BACK, TOWARDS, AWAY_FROM, FRONT = range(4)  # which side faces the radar, in the order of the table's `posture`
POSTURES = ("back", "towards", "away", "front")  # their words
LARGE = 0.5  # `size` from which a movement is one of the whole body


class Moves(NamedTuple):
    """Movements in the order of time; every array is (moves,)."""

    start_s: NDArray[np.float64]
    length_s: NDArray[np.float64]
    size: NDArray[np.float64]  # 0-1, from LARGE one of the whole body
    shift: NDArray[np.bool_]  # lies differently afterwards

    @classmethod
    def of(cls, rows: list[tuple[float, float, float, bool]]) -> Moves:
        """From (start, length, size, shift) rows in any order."""
        rows = sorted(rows)
        table = np.array(rows, dtype=np.float64).reshape(-1, 4)
        return cls(table[:, 0], table[:, 1], table[:, 2], table[:, 3] > 0.5)

    def seconds(self, count: int, least: float) -> NDArray[np.bool_]:
        """(count,) True in every second that a movement of at least this size touches."""
        out = np.zeros(count, dtype=np.bool_)
        for start, length, size in zip(self.start_s, self.length_s, self.size, strict=True):
            if size >= least:
                out[max(int(start), 0) : int(start + length) + 1] = True
        return out


def draw_moves(
    person: Person,
    timeline: Timeline,
    stage_s: NDArray[np.int8],
    phasic: NDArray[np.bool_],
    cues: Cues,
    rng: np.random.Generator,
    p: Parameters,
) -> list[tuple[float, float, float, bool]]:
    """(start s, length s, size, shift) of every movement of the night that sleep and waking bring by themselves."""
    seconds = stage_s.size
    present = timeline.doing != Doing.AWAY
    per_h, restless = _rates(person, timeline, stage_s, cues, rng, p)
    again, gap_s = p.all("moves_cluster")
    rows: list[tuple[float, float, float, bool]] = []

    def large(at: float, shift: bool | None = None) -> None:
        if not (0.0 <= at < seconds and present[int(at)]):
            return
        median, sd = p.all("move_s")
        length = min(median * math.exp(sd * rng.standard_normal()), 90.0) * (0.8 if stage_s[int(at)] == R else 1.0)
        turns = rng.random() < p.one("move_shift") if shift is None else shift
        rows.append((at, max(length, 8.0) if turns else max(length, 1.5), rng.uniform(LARGE, 1.0), turns))

    for first in np.flatnonzero(rng.random(seconds) < per_h / 3600.0 * (1.0 - again) * present).tolist():
        at = first + rng.random()
        large(at)
        while rng.random() < again:
            at += rng.exponential(gap_s)
            large(at)
    change = np.flatnonzero(np.diff(stage_s)) + 1
    for k in change.tolist():
        if stage_s[k] == W and rng.random() < p.one("move_at_waking"):
            large(float(k + rng.uniform(-10.0, 5.0)))
        elif stage_s[k - 1] == R and rng.random() < p.one("move_at_rem_end"):
            large(float(k + rng.uniform(-20.0, 10.0)))
    for at, _ in timeline.turns:
        large(at, shift=True)
    for at, _ in timeline.passages:
        rows.append((max(at - 1.0, 0.0), rng.uniform(10.0, 25.0), 1.0, True))
    rows += _small(person, timeline, stage_s, phasic, restless, cues, rng, p)
    return rows


def _rates(
    person: Person, timeline: Timeline, stage_s: NDArray[np.int8], cues: Cues, rng: np.random.Generator, p: Parameters
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(seconds,) large movements an hour, and how restless each bout of wake is (1 on the median)."""
    seconds = stage_s.size
    awake = stage_s == W
    by_stage = pull(p.by_stage("moves"), cues.movement)
    per_h = by_stage[stage_s]
    edges = np.flatnonzero(np.diff(np.concatenate(([False], awake, [False])).astype(np.int8)))
    restless = np.ones(seconds)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        restless[start:end] = math.exp(person.restless_ln + p.one("restless_sd_ln") * rng.standard_normal())
    doing = np.clip(timeline.doing, 0, None)
    busy = awake & (timeline.doing != Doing.TRY_TO_SLEEP)
    per_h = np.where(busy, np.array(p.all("awake_moves"))[doing], per_h * restless)
    settling_s = 60.0 * p.one("settling_min")
    for at in timeline.tried_s:  # lying down to sleep is restless first and quiet later
        since = np.arange(seconds) - at
        before_sleep = awake & (since >= 0) & (np.cumsum(~awake & (since >= 0)) == 0)
        per_h[before_sleep] *= 0.35 + 0.65 * np.exp(-since[before_sleep] / settling_s)
    factor, within_s = p.all("move_before_deep")
    for k in np.flatnonzero((stage_s[1:] == N3) & (stage_s[:-1] == N2)) + 1:
        quiet = slice(max(k - round(within_s), 0), k)
        per_h[quiet] = np.where(stage_s[quiet] == N2, factor * by_stage[N2], per_h[quiet])
    return per_h * math.exp(person.moves_ln) * np.exp(0.4 * wander(rng, seconds, 1200.0) - 0.08), restless


def _small(
    person: Person,
    timeline: Timeline,
    stage_s: NDArray[np.int8],
    phasic: NDArray[np.bool_],
    restless: NDArray[np.float64],
    cues: Cues,
    rng: np.random.Generator,
    p: Parameters,
) -> list[tuple[float, float, float, bool]]:
    """Hands and feet while awake, twitches asleep."""
    doing = np.clip(timeline.doing, 0, None)
    per_s = pull(p.by_stage("twitches"), cues.movement)[stage_s] / 3600.0
    per_s *= np.where(stage_s == R, np.where(phasic, 3.0, 0.45), 1.0)
    awake = stage_s == W
    per_s = np.where(awake, np.array(p.all("awake_small"))[doing] / 60.0 * np.minimum(restless, 3.0), per_s)
    per_s *= math.exp(0.7 * person.moves_ln)
    per_s[timeline.doing == Doing.AWAY] = 0.0
    rows: list[tuple[float, float, float, bool]] = []
    for k in np.flatnonzero(rng.random(stage_s.size) < np.minimum(per_s, 0.9)).tolist():
        if awake[k]:
            rows.append((k + rng.random(), rng.uniform(0.5, 3.0), rng.uniform(0.1, 0.42), False))
        else:
            rows.append((k + rng.random(), rng.uniform(0.2, 1.0), rng.uniform(0.03, 0.2), False))
    return rows


def postures(moves: Moves, seconds: int, rng: np.random.Generator, p: Parameters) -> NDArray[np.int8]:
    """(seconds,) how the body lies; drawn anew at the middle of every shift, never the same twice running."""
    shares = np.array(p.all("posture"))
    out = np.empty(seconds, dtype=np.int8)
    lies = int(rng.choice(4, p=shares))
    at = 0
    for start, length in zip(moves.start_s[moves.shift], moves.length_s[moves.shift], strict=True):
        turn = min(max(round(start + length / 2.0), at), seconds)
        out[at:turn] = lies
        at = turn
        others = shares.copy()
        others[lies] = 0.0
        lies = int(rng.choice(4, p=others / others.sum()))
    out[at:] = lies
    return out


def move_signals(
    moves: Moves, samples: int, large_mm: tuple[float, ...], small_mm: tuple[float, ...], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """(samples,) strength of movement 0-1, and (samples,) the displacement that it adds while it lasts, mm."""
    moving = np.zeros(samples, dtype=np.float32)
    mm = np.zeros(samples)
    white = rng.standard_normal(samples)
    for start, length, size in zip(moves.start_s, moves.length_s, moves.size, strict=True):
        first = min(max(round(start * SAMPLE_HZ), 0), samples)
        last = min(first + max(round(length * SAMPLE_HZ), 5), samples)
        count = last - first
        if count < 5:
            continue
        window = np.sin(np.pi * (np.arange(count) + 0.5) / count)
        low, high = large_mm if size >= LARGE else small_mm
        # Limbs and trunk move at 0.3-3 Hz: white noise smoothed over a quarter of a second, twice.
        rough = np.convolve(white[first:last], np.ones(5) / 5.0, mode="same")
        rough = np.convolve(rough, np.ones(5) / 5.0, mode="same")
        reach = (low + (high - low) * size**2) * 0.5
        mm[first:last] += reach * window * rough / 0.35
        np.maximum(moving[first:last], size * (0.6 + 0.4 * window), out=moving[first:last], casting="unsafe")
    return moving, mm
