"""Window arithmetic that plain Python would be too slow for, compiled by numba.

Compiled at the first call (0.2 s from the cache, more without), so importing this module costs the import of numba
alone; ``warm`` compiles at install or start-up.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """``function`` compiled at its first call; kept on disk where there is a place for it (NUMBA_CACHE_DIR)."""
    try:
        kernel: Callable[P, R] = njit(cache=True)(function)
    except (
        RuntimeError
    ):  # "no locator available": a read-only install without a home; the alarm must start all the same
        kernel = njit(cache=False)(function)
    return kernel


@compiled
def repetitions(window: NDArray[np.float64], min_lag: int, max_lag: int) -> NDArray[np.float64]:
    """(peaks, 2): lag and correlation of every peak of a window's autocorrelation, shortest lag first.

    ``window`` is (n,), oldest first, NaN where missing: such samples take no part.  Lags lie between ``min_lag`` and
    ``max_lag`` samples, with a fraction; correlations are normalised and above 0.
    """
    n = window.size
    valid = 0
    mean = 0.0
    for i in range(n):
        if not math.isnan(window[i]):
            valid += 1
            mean += window[i]
    lags = max_lag - min_lag + 3  # one more on either side, for the peaks' shape
    peaks = np.empty((lags, 2))
    if valid < 2 * min_lag:
        return peaks[:0]
    mean /= valid
    x = np.empty(n)
    for i in range(n):
        x[i] = 0.0 if math.isnan(window[i]) else window[i] - mean
    r = np.zeros(lags)
    for j in range(lags):
        lag = min_lag - 1 + j
        cross = 0.0
        early = 0.0
        late = 0.0
        for i in range(lag, n):
            # Missing samples are exact zeros and take no part, on either side.
            if x[i] != 0.0 and x[i - lag] != 0.0:
                cross += x[i] * x[i - lag]
                early += x[i - lag] * x[i - lag]
                late += x[i] * x[i]
        if early > 0.0 and late > 0.0:
            r[j] = cross / math.sqrt(early * late)
    count = 0
    for j in range(1, lags - 1):
        if r[j] >= r[j - 1] and r[j] > r[j + 1] and r[j] > 0.0:
            bend = r[j - 1] - 2.0 * r[j] + r[j + 1]
            peaks[count, 0] = min_lag - 1 + j + (0.5 * (r[j - 1] - r[j + 1]) / bend if bend < 0.0 else 0.0)
            peaks[count, 1] = r[j]
            count += 1
    return peaks[:count]


@compiled
def agree(
    peaks: NDArray[np.float64],
    interval_s: NDArray[np.float64],
    power: NDArray[np.float64],
    line_brpm: float,
    width_brpm: float,
    agreement: float,
    harmonic: float,
) -> tuple[float, float]:
    """(breaths a minute, quality 0-1) upon which repetition, intervals and spectrum agree best; NaN and 0 without.

    ``peaks`` is (n, 2): a period in s and its correlation; ``interval_s`` (breaths,); ``power`` (lines,), at
    ``line_brpm`` apart.  A peak's quality is the geometric mean of its correlation, the share of intervals within
    ``agreement`` of its period, and the share of power within ``width_brpm`` of its rate, that at twice the rate
    counting ``harmonic``.
    """
    whole = power.sum()
    rate_brpm, quality = math.nan, 0.0
    if whole <= 0.0:
        return rate_brpm, quality
    for k in range(peaks.shape[0]):
        period_s = peaks[k, 0]
        brpm = 60.0 / period_s
        agreeing, total_s = 0, 0.0
        for interval in interval_s:
            if abs(interval - period_s) <= agreement * period_s:
                agreeing += 1
                total_s += interval
        near, moment, again = 0.0, 0.0, 0.0
        for line in range(power.size):
            at_brpm = line * line_brpm
            if abs(at_brpm - brpm) <= width_brpm:
                near += power[line]
                moment += power[line] * at_brpm
            elif abs(at_brpm - 2.0 * brpm) <= width_brpm:
                again += power[line]
        alike = min(1.0, (near + harmonic * again) / whole)
        strength = (peaks[k, 1] * alike * agreeing / max(interval_s.size, 1)) ** (1.0 / 3.0)
        if strength > quality and near > 0.0:
            quality = strength
            # Each alone is a little off where breaths vary; their mean came nearest to belts.
            rate_brpm = (brpm + 60.0 * agreeing / total_s + moment / near) / 3.0
    return rate_brpm, quality


@compiled
def follow_echo(
    before: NDArray[np.complex128],
    mean: NDArray[np.complex128],
    variance: NDArray[np.float64],
    noise: NDArray[np.float64],
    iq: NDArray[np.complex64],
    spread: NDArray[np.float32],
    settle: float,
    slowly: float,
    owner: NDArray[np.int64],
    alive: NDArray[np.float64],
    bodies: int,
) -> NDArray[np.float64]:
    """Take one frame of an Acconeer range profile into the running state; all arrays are (points,).

    ``before`` is the last frame, ``mean`` and ``variance`` run over the last seconds, ``noise`` is the power of one
    sweep's noise; ``settle`` and ``slowly`` are this frame's weights in the former two and in the latter.  ``owner``
    tells which body each point belongs to, and ``alive`` is filled with each point's running deviation in units of its
    noise.  Returns (bodies, 3): advance, the phase in rad by which a body's points turned since the last frame;
    activity, the largest of its points' ``alive``; stir, how far the sweeps of its liveliest point disagree (0 to 1).
    """
    turn = np.zeros(bodies, np.complex128)
    out = np.zeros((bodies, 3))
    for k in range(iq.size):
        z = complex(iq[k])
        mean[k] += settle * (z - mean[k])
        away = z - mean[k]
        variance[k] += settle * (away.real**2 + away.imag**2 - variance[k])
        disagreement = float(spread[k]) ** 2
        # The floor of the spread is the sensor's noise: down soon, up by a share, since movement lifts the spread far.
        noise[k] = (
            min(disagreement, noise[k] * (1.0 + slowly))
            if disagreement > noise[k]
            else (noise[k] + 0.1 * (disagreement - noise[k]))
        )
        power = mean[k].real ** 2 + mean[k].imag ** 2
        alive[k] = 0.0
        if variance[k] <= 0.0 or noise[k] <= 0.0:
            before[k] = z
            continue
        # What moves counts, what stands (leakage, furniture) does not, each point by its signal over its noise.
        body = owner[k]
        turn[body] += z * before[k].conjugate() * (variance[k] / ((power + variance[k]) * noise[k]))
        before[k] = z
        alive[k] = math.sqrt(variance[k] / noise[k])
        if alive[k] > out[body, 1]:
            out[body, 1] = alive[k]
            excess = max(disagreement - noise[k], 0.0)
            out[body, 2] = math.sqrt(excess / (z.real**2 + z.imag**2 + disagreement))
    for body in range(bodies):
        out[body, 0] = math.atan2(turn[body].imag, turn[body].real)
    return out


def warm() -> None:
    """Compile everything now (or load it from the cache), so that the first night does not wait."""
    peaks = repetitions(np.zeros(40), 4, 10)
    agree(peaks, np.zeros(1), np.zeros(8), 1.0, 1.0, 0.2, 0.5)
    one, real = np.zeros(1, np.complex128), np.ones(1)
    frame, spread = np.ones(1, np.complex64), np.ones(1, np.float32)
    follow_echo(one, one, np.zeros(1), real, frame, spread, 0.1, 0.1, np.zeros(1, np.int64), real, 1)
