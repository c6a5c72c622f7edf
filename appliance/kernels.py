"""Window arithmetic that plain Python would be too slow for, compiled by numba.

Compiled at the first call (0.2 s from the cache, more without), so importing this module costs the import of numba
alone; ``warm`` compiles at install or start-up.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def periodicity(window: NDArray[np.float64], min_lag: int, max_lag: int) -> tuple[float, float, float, float]:
    """Strength and period of the strongest repetition in a window.

    ``window`` is (n,), oldest first, NaN where missing.  Returns (correlation, lag, deviation, share): the normalised
    autocorrelation at its best peak between ``min_lag`` and ``max_lag`` samples (0 where there is none), that lag with
    a fraction, the standard deviation of the valid samples and their share.  Of peaks nearly as high as the highest the
    shortest lag wins: the others are its multiples.
    """
    n = window.size
    valid = 0
    mean = 0.0
    for i in range(n):
        if not math.isnan(window[i]):
            valid += 1
            mean += window[i]
    share = valid / n
    if valid < 2 * min_lag:
        return 0.0, math.nan, math.nan, share
    mean /= valid
    x = np.empty(n)
    power = 0.0
    for i in range(n):
        x[i] = 0.0 if math.isnan(window[i]) else window[i] - mean
        power += x[i] * x[i]
    deviation = math.sqrt(power / valid)
    if deviation == 0.0:
        return 0.0, math.nan, 0.0, share
    lags = max_lag - min_lag + 3  # one more on either side, for the peaks' shape
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
    highest = 0.0
    for j in range(1, lags - 1):
        if r[j] >= r[j - 1] and r[j] > r[j + 1] and r[j] > highest:
            highest = r[j]
    for j in range(1, lags - 1):
        if r[j] >= r[j - 1] and r[j] > r[j + 1] and r[j] > 0.0 and r[j] >= 0.85 * highest:
            bend = r[j - 1] - 2.0 * r[j] + r[j + 1]
            shift = 0.5 * (r[j - 1] - r[j + 1]) / bend if bend < 0.0 else 0.0
            return r[j], min_lag - 1 + j + shift, deviation, share
    return 0.0, math.nan, deviation, share


def warm() -> None:
    """Compile everything now (or load it from the cache), so that the first night does not wait."""
    periodicity(np.zeros(40), 4, 10)
