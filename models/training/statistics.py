"""The statistics from which nights are drawn, computed from expert-scored hypnograms.

    python -m models.training.statistics --data DIR      (DIR holds hypnograms.npz)

Writes models/sleeper/statistics.json.  Only open sets enter, and only as pooled counts: Sleep-EDF (ODC-BY 1.0, by age
from the subject number, which the set sorts by age), DOD-H and DOD-O (MIT).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.sleeper.hypnogram import AGE_EDGES, CONTEXTS, LENGTH_CYCLES, N3, R, W, age_bin, context

MERGE_EPOCHS = 30  # REM bouts less than 15 min apart are one REM part
GAP_EPOCHS = 120  # a wake gap of an hour ends the main sleep
QUANTILES = np.linspace(0.0, 1.0, 21)
OUT = Path(__file__).parents[1] / "sleeper" / "statistics.json"


def pool_of(key: str) -> str | None:
    """The pool that a night belongs to, or None where it is not used."""
    name, _, night = key.partition("__")
    if name == "dodh":
        return "lab"
    if name == "dodo":
        return "apnoea"
    if name == "sleepedf" and night.startswith("SC4"):
        subject = int(night[3:5])
        if subject == 0:
            raise SystemExit(
                "SC4001 and SC4002 are test nights and may not enter the statistics: take them out of --data"
            )
        # By the set's own subject table: 25-34, 50-60, 66-74 years; those after 58 mix ages and stay out.
        if subject < 20:
            return "home_young"
        if subject < 40:
            return "home_middle"
        return "home_older" if subject <= 58 else None
    return None


def main_sleep(stages: NDArray[np.int8]) -> NDArray[np.int8]:
    """From the first to the last sleep epoch of the longest sleep without an hour's wake; unscored repeats."""
    filled = stages.copy()
    for k in range(1, filled.size):
        if filled[k] < 0:
            filled[k] = filled[k - 1]
    asleep = np.flatnonzero(filled > W)
    if asleep.size == 0:
        return filled[:0]
    parts = np.split(asleep, np.flatnonzero(np.diff(asleep) > GAP_EPOCHS) + 1)
    best = max(parts, key=len)
    return filled[best[0] : best[-1] + 1]


def parts_of(night: NDArray[np.int8]) -> list[tuple[bool, int, int]]:
    """(is REM, start, end) of the alternating NREM and REM parts, in order."""
    rem = np.flatnonzero(night == R)
    parts: list[tuple[bool, int, int]] = []
    at = 0
    for group in np.split(rem, np.flatnonzero(np.diff(rem) > MERGE_EPOCHS) + 1) if rem.size else []:
        start, end = int(group[0]), int(group[-1]) + 1
        if start > at:
            parts.append((False, at, start))
        parts.append((True, start, end))
        at = end
    if at < night.size:
        parts.append((False, at, night.size))
    return parts


def pool_statistics(nights: list[NDArray[np.int8]]) -> dict[str, object]:
    """Counts over a pool of nights, turned into the laws of ``NightLaws`` (lists, rounded)."""
    ages = len(AGE_EDGES) + 1
    risk = np.zeros((CONTEXTS, 5, ages))
    ended = np.zeros((CONTEXTS, 5, ages))
    follow = np.zeros((CONTEXTS, 5, 5))
    second = np.zeros((2, 5, 5, 5))
    nrem: list[list[int]] = [[] for _ in range(LENGTH_CYCLES)]
    rems: list[list[int]] = [[] for _ in range(LENGTH_CYCLES)]
    after = np.zeros(5)
    for night in nights:
        age, before = np.ones(night.size, dtype=int), np.zeros(night.size, dtype=int)
        for k in range(1, night.size):
            same = night[k] == night[k - 1]
            age[k] = age[k - 1] + 1 if same else 1
            before[k] = before[k - 1] if same else night[k - 1]
        cycle = 0
        for is_rem, start, end in parts_of(night):
            last = end == night.size
            length = end - start if not last else max(end - start, 180)
            if not last:
                (rems if is_rem else nrem)[min(cycle, LENGTH_CYCLES - 1)].append(length)
            for k in range(start, end - 1):
                where = context(is_rem, cycle, k - start, length - (k - start))
                stage, new = night[k], night[k + 1]
                risk[where, stage, age_bin(age[k])] += 1
                if new != stage:
                    ended[where, stage, age_bin(age[k])] += 1
                    follow[where, stage, new] += 1
                    second[int(is_rem), before[k], stage, new] += 1
            if is_rem:
                cycle += 1
                if not last:
                    after[night[end]] += 1
    return {
        "hazard": _rounded(_hazard(risk, ended)),
        "following": _rounded(_following(follow)),
        "memory": _rounded(_memory(second)),
        "nrem_epochs": _rounded(_lengths(nrem), 1),
        "rem_epochs": _rounded(_lengths(rems), 1),
        "after_rem": _rounded(_shares(after), 6),
    }


def _hazard(risk: NDArray[np.float64], ended: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shrunk towards the same part's pool (NREM or REM) with the weight of 25 epochs, that towards the age's mean."""
    out = np.zeros_like(risk)
    for kind in (slice(0, CONTEXTS - 2), slice(CONTEXTS - 2, CONTEXTS)):
        by_stage = ended[kind].sum((0, 2)) / np.maximum(risk[kind].sum((0, 2)), 1.0)
        pooled = (ended[kind].sum(0) + 10 * by_stage[:, None]) / (risk[kind].sum(0) + 10)
        out[kind] = (ended[kind] + 25 * pooled) / (risk[kind] + 25)
    return out


def _following(follow: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.zeros_like(follow)
    for kind in (slice(0, CONTEXTS - 2), slice(CONTEXTS - 2, CONTEXTS)):
        pooled = follow[kind].sum(0)
        pooled = pooled / np.maximum(pooled.sum(1, keepdims=True), 1.0)
        out[kind] = follow[kind] + 5 * pooled
    shares: NDArray[np.float64] = out / np.maximum(out.sum(2, keepdims=True), 1e-9)
    return shares


def _memory(second: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much likelier the stage after is for this stage before: ratio of shares, shrunk with ten transitions."""
    first = second.sum(1)
    first = first / np.maximum(first.sum(2, keepdims=True), 1.0)
    smooth = second + 10 * first[:, None]
    smooth = smooth / np.maximum(smooth.sum(3, keepdims=True), 1e-9)
    ratio: NDArray[np.float64] = np.where(first[:, None] > 0, smooth / np.maximum(first[:, None], 1e-9), 1.0)
    return ratio


def _lengths(parts: list[list[int]]) -> NDArray[np.float64]:
    return np.array([np.quantile(lengths, QUANTILES) for lengths in parts])


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    kept = counts.copy()
    kept[[N3, R]] = 0  # deep sleep never follows REM at once; R cannot by definition
    shares: NDArray[np.float64] = kept / kept.sum()
    return shares


def _rounded(values: NDArray[np.float64], digits: int = 4) -> object:
    return np.round(values, digits).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds hypnograms.npz")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    nights: dict[str, list[NDArray[np.int8]]] = {}
    with np.load(options.data / "hypnograms.npz") as archive:
        for key in sorted(archive.files):
            pool = pool_of(key)
            if pool is not None and (night := main_sleep(archive[key])).size >= 480:
                nights.setdefault(pool, []).append(night)
    document = {
        "source": "expert-scored nights: Sleep-EDF Expanded SC (Kemp 2000, PhysioNet, ODC-BY 1.0), DOD-H, DOD-O (MIT)",
        "command": "python -m models.training.statistics --data DIR",
        "nights": {pool: len(kept) for pool, kept in nights.items()},
        "pools": {pool: pool_statistics(kept) for pool, kept in nights.items()},
    }
    options.out.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{options.out.name}: " + ", ".join(f"{pool} {len(kept)} nights" for pool, kept in nights.items()))


if __name__ == "__main__":
    main()
