"""The simulated sleeper beside real sleepers' breathing belts, through the same signal chain, measure by measure.

    python -m models.training.belts --data DIR [--nights N]      (DIR holds overnight_belts/)

Forty nights of sixteen people without stages (figshare 26013157).  Those rows of the sleeper's table that were fitted
to them say so; for the rest this is a check.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from appliance.recording import ticks_from_recording
from appliance.respiration import epochs_of
from models.contract import EPOCH_S, MIN_COVERAGE
from models.sleeper import SAMPLE_HZ, simulate_night

WINDOW_EPOCHS = 9  # 270 s, as the published interval variability
QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
MEASURES = (
    "breaths a minute",
    "robust CV of intervals",
    "robust CV of depth",
    "longest interval / median",
    "lag-1 correlation of intervals",
    "lag-1 correlation of depth",
    "moving seconds a minute",
    "minutes since moving",
)


def measures_of(resp: ArrayLike, fs: float) -> NDArray[np.float64]:
    """(windows, MEASURES) of one night: non-overlapping 270 s windows with signal and at least twenty breaths."""
    epochs = list(epochs_of(ticks_from_recording(resp, fs)))
    rows = []
    still_s = np.nan
    for first in range(0, len(epochs) - WINDOW_EPOCHS + 1, WINDOW_EPOCHS):
        window = epochs[first : first + WINDOW_EPOCHS]
        motion = np.concatenate([epoch.motion for epoch in window]) >= 0.5
        breaths = [breath for epoch in window for breath in epoch.breaths if breath.rising]
        still_s = float(motion[::-1].argmax()) if motion.any() else still_s + WINDOW_EPOCHS * EPOCH_S
        if min(epoch.coverage for epoch in window) >= MIN_COVERAGE and len(breaths) >= 20:
            interval = np.array([breath.interval_s for breath in breaths])
            depth = np.array([breath.amplitude for breath in breaths])
            middle = float(np.median(interval))
            rows.append(
                (
                    60.0 / middle,
                    _robust_cv(interval),
                    _robust_cv(depth),
                    float(interval.max()) / middle,
                    _lag_one(interval),
                    _lag_one(depth),
                    float(motion.mean()) * 60.0,
                    still_s / 60.0,
                )
            )
    return np.array(rows, dtype=np.float64).reshape(-1, len(MEASURES))


def _robust_cv(values: NDArray[np.float64]) -> float:
    middle = np.median(values)
    return float(1.4826 * np.median(np.abs(values - middle)) / middle)


def _lag_one(values: NDArray[np.float64]) -> float:
    ranks = np.argsort(np.argsort(values)).astype(np.float64)  # ranks, so that one sigh does not decide
    return float(np.corrcoef(ranks[:-1], ranks[1:])[0, 1])


def real_nights(folder: Path) -> Iterator[NDArray[np.float64]]:
    """The measures of every belt night of a folder, in the order of their names."""
    for path in sorted(folder.glob("*_resp.npz")):
        with np.load(path) as file:
            yield measures_of(file["resp"], float(file["fs"]))


def simulated_nights(count: int) -> Iterator[NDArray[np.float64]]:
    """The measures of random people's nights in the belt view, the time in bed alone."""
    for seed in range(count):
        night = simulate_night(seed, "belt")
        there = np.flatnonzero(np.isfinite(night.distance_m))
        yield measures_of(night.displacement_mm[there[0] : there[-1] + 1], SAMPLE_HZ)


def told_apart(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Area under the curve of one measure as the only evidence: 0.5 alike, 1 or 0 apart (Mann-Whitney)."""
    both = np.concatenate((one, other))
    order = np.argsort(both, kind="stable")
    ranks = np.empty(both.size)
    ranks[order] = np.arange(1, both.size + 1)
    return float((ranks[: one.size].sum() - one.size * (one.size + 1) / 2) / (one.size * other.size))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Compare the simulated sleeper with real belt nights.")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds overnight_belts/")
    parser.add_argument("--nights", type=int, default=40, help="simulated nights")
    options = parser.parse_args()
    real = list(real_nights(options.data / "overnight_belts"))
    made = list(simulated_nights(options.nights))
    print(f"{len(real)} real and {len(made)} simulated nights; windows of 270 s; quantiles 5, 25, 50, 75, 95 %")
    for k, measure in enumerate(MEASURES):
        columns = [np.concatenate([night[:, k] for night in nights]) for nights in (real, made)]
        columns = [column[np.isfinite(column)] for column in columns]
        rows = ("  ".join(f"{q:6.3f}" for q in np.quantile(column, QUANTILES)) for column in columns)
        print(f"{measure:32}  real {next(rows)}   simulated {next(rows)}   AUC {told_apart(*columns):.2f}")


if __name__ == "__main__":
    main()
