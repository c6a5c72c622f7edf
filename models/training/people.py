"""What real people's nights say of the models without any truth of ours: belts without stages, and scorers' agreement.

Belt nights have no stages, so only the make-up of what is given can be judged: whether shares, periods and course are
those of people.  Scorers of one night show how far any stager could come.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.evaluation.agreement import Agreement
from appliance.recording import ticks_from_recording
from appliance.respiration import epochs_of
from models.contract import SleepStage, StageEstimate
from models.restager import KeptEpoch, Restager
from models.stager import Stager
from models.training.evaluate import FOUR_CLASSES
from models.training.statistics import MERGE_EPOCHS, main_sleep

MEASURES = ("wake % of SPT", "light % of TST", "deep % of TST", "REM % of TST")
LEVEL = {SleepStage.WAKE: 4, SleepStage.REM: 14, SleepStage.LIGHT: 24, SleepStage.DEEP: 34}  # of a picture's lines
Stages = NDArray[np.int8]  # of one night's main sleep, SleepStage values


@dataclass(frozen=True)
class BeltNight:
    """A real night without stages, as both models staged it."""

    name: str
    live: Stages
    morning: Stages


def belt_nights(folder: Path, stager: Stager, restager: Restager) -> Iterator[BeltNight]:
    """Every belt night of a folder, staged as the box would."""
    for path in sorted(folder.glob("*_resp.npz")):
        with np.load(path) as file:
            resp, fs = file["resp"], float(file["fs"])
        stager.reset()
        kept, live = [], []
        for epoch in epochs_of(ticks_from_recording(resp, fs)):
            live.append(stager.update(epoch))
            kept.append(KeptEpoch(epoch.start_s, epoch.coverage, stager.kept))
        yield BeltNight(path.stem.removesuffix("_resp"), _stages(live), _stages(restager.restage(kept)))


def _stages(estimates: Sequence[StageEstimate]) -> Stages:
    return np.array([int(one.stage) if one.probabilities is not None else -1 for one in estimates], np.int8)


def four(codes: NDArray[Any]) -> Stages:
    """W N1 N2 N3 R of a scorer, -1 unscored, as SleepStage values."""
    return np.where(codes >= 0, FOUR_CLASSES[np.maximum(codes, 0)], -1).astype(np.int8)


def shares(stages: Stages) -> NDArray[np.float64]:
    """MEASURES of a night, from its first to its last sleep; NaN without sleep."""
    asleep = np.flatnonzero(stages > SleepStage.WAKE)
    if not asleep.size:
        return np.full(len(MEASURES), np.nan)
    period = stages[asleep[0] : asleep[-1] + 1]
    known, sleep = np.count_nonzero(period >= 0), np.count_nonzero(period > SleepStage.WAKE)
    wake = 100.0 * np.count_nonzero(period == SleepStage.WAKE) / known
    kinds = (SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM)
    return np.array([wake, *(100.0 * np.count_nonzero(period == kind) / sleep for kind in kinds)])


def course(stages: Stages) -> tuple[float, float, int]:
    """Share of the deep sleep that lies in the first third of the sleep period, REM of its last third less that of its
    first (share of their epochs), and REM periods (REM less than 15 min apart is one).
    """
    asleep = np.flatnonzero(stages > SleepStage.WAKE)
    period = stages[asleep[0] : asleep[-1] + 1]
    thirds = np.array_split(period, 3)
    deep, rem = ([float(np.mean(third == kind)) for third in thirds] for kind in (SleepStage.DEEP, SleepStage.REM))
    at = np.flatnonzero(period == SleepStage.REM)
    periods = int(at.size > 0) + int(np.count_nonzero(np.diff(at) > MERGE_EPOCHS))
    return (deep[0] / sum(deep) if sum(deep) else float("nan")), rem[2] - rem[0], periods


def usual(hypnograms: Path) -> NDArray[np.float64]:
    """(2, MEASURES): the 5th and 95th percentile over the real hypnograms that one scorer or a consensus gave."""
    with np.load(hypnograms, allow_pickle=False) as file:
        nights = [main_sleep(file[key]) for key in file.files if not key.split("__")[0].endswith("5")]
    found = np.array([shares(four(night)) for night in nights if night.size > 240])
    return np.nanquantile(found, (0.05, 0.95), axis=0)


def belts_told(nights: Sequence[BeltNight], range_pct: NDArray[np.float64]) -> Iterator[str]:
    """Lines for people: each model's shares, how many nights lie in the usual range, and the night's course."""
    yield "real hypnograms, 5-95 %: " + "   ".join(
        f"{name} {low:.0f}-{high:.0f}" for name, low, high in zip(MEASURES, *range_pct, strict=True)
    )
    for answer in ("live", "morning"):
        stages: list[Stages] = [getattr(night, answer) for night in nights]
        found = np.array([shares(one) for one in stages])
        inside = (found >= range_pct[0]) & (found <= range_pct[1])
        early, rising, periods = zip(*(course(one) for one in stages), strict=True)
        middle = ", ".join(
            f"{name} {low:.0f} {half:.0f} {high:.0f}"
            for name, low, half, high in zip(MEASURES, *np.quantile(found, (0.1, 0.5, 0.9), axis=0), strict=True)
        )
        yield f"{answer}: {middle} (10, 50, 90 % of {len(stages)} nights)"
        within = ", ".join(f"{name} {int(n)}" for name, n in zip(MEASURES, inside.sum(axis=0), strict=True))
        yield f"{answer}: nights in the range: {within}; all four {int(inside.all(axis=1).sum())} of {len(stages)}"
        deep_early = int(np.sum(np.array(early) > 0.5))
        usual_rem = sum(3 <= n <= 6 for n in periods)
        yield (
            f"{answer}: most of the deep sleep in the first third: {deep_early}; "
            f"REM rising: {sum(r > 0 for r in rising)}; 3-6 REM periods: {usual_rem} of {len(stages)}"
        )


def picture(nights: Sequence[BeltNight]) -> str:
    """SVG: the morning's answer of every night, wake on top, REM, light and deep below."""
    width, height, per_row = 190, 46, 4
    rows = -(-len(nights) // per_row)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {per_row * width} {rows * height}" role="img" '
        'font-family="sans-serif" font-size="7"><title>Forty belt nights as the morning stages them: wake, REM, light, '
        f'deep from top to bottom</title><rect width="{per_row * width}" height="{rows * height}" fill="#111"/>'
    ]
    for k, night in enumerate(nights):
        left, top = (k % per_row) * width + 4, (k // per_row) * height + 4
        path = _steps(night.morning, left, top, (width - 10) / max(len(night.morning), 1))
        parts.append(f'<path d="{path}" fill="none" stroke="#c96" stroke-width=".7"/>')
        parts.append(
            f'<text x="{left}" y="{top + 41}" fill="#876">{night.name}, {len(night.morning) / 120:.1f} h</text>'
        )
    return "".join(parts) + "</svg>\n"


def _steps(stages: Stages, left: float, top: float, step: float) -> str:
    """A hypnogram's line as SVG path data; a gap where nothing was scored."""
    edges = [0, *(np.flatnonzero(np.diff(stages)) + 1).tolist(), len(stages)]
    path, connected = [], False
    for first, last in pairwise(edges):
        if last > first and stages[first] >= 0:
            y = top + LEVEL[SleepStage(stages[first])]
            path.append(f"{'L' if connected else 'M'}{left + first * step:.1f} {y}H{left + last * step:.1f}")
        connected = last > first and stages[first] >= 0
    return "".join(path)


def scorers(hypnograms: Path) -> Iterator[str]:
    """How far experts agree with one another on the same nights, four classes."""
    try:
        with np.load(hypnograms, allow_pickle=False) as file:
            sets: Mapping[str, list[NDArray[Any]]] = {
                name: [file[key] for key in file.files if key.startswith(f"{name}__")] for name in ("dodh5", "dodo5")
            }
    except (OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{hypnograms}: {error}") from None
    for name, nights in sets.items():
        pairs, against = [], []
        for night in nights:
            each = [four(one) for one in night]
            pairs += [_kappa(one, other) for one, other in combinations(each, 2)]
            for k, one in enumerate(each):
                rest = np.array(each[:k] + each[k + 1 :])
                votes = np.array([(rest == stage).sum(axis=0) for stage in range(4)])
                against.append(_kappa(np.where(votes.max(axis=0) > 0, votes.argmax(axis=0), -1).astype(np.int8), one))
        yield (
            f"{name}: {len(nights)} nights, five scorers: pairs kappa {np.nanmean(pairs):.3f} "
            f"(10-90 % {np.nanquantile(pairs, 0.1):.2f}-{np.nanquantile(pairs, 0.9):.2f}); "
            f"each against the others' majority {np.nanmean(against):.3f} "
            f"({np.nanquantile(against, 0.1):.2f}-{np.nanquantile(against, 0.9):.2f})"
        )


def _kappa(truth: Stages, given: Stages) -> float:
    both = Agreement.of(truth, given)
    return both.kappa if both.confusion.sum() else float("nan")
