"""The statistics that the framework needs and numpy has not: t, a straight line, Shapiro-Wilk, a bootstrap."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Interval = tuple[float, float]

LEVEL = 0.95
RESAMPLES = 10_000, 100_000  # the framework's, and the most
SEED = 2021
DRAWN = 1_400_000  # values: with 10 000 draws of 14 nights the end of an intercept moves by two minutes between seeds
BLOCK = 1_000_000  # values drawn at once, so that a thousand nights fit a small box


def t_central(t: float, df: int) -> float:
    """Probability between -t and t of Student's t with whole ``df`` >= 1 (Abramowitz and Stegun 26.7.3, 26.7.4)."""
    angle = math.atan2(t, math.sqrt(df))
    sine, cosine = math.sin(angle), math.cos(angle)
    if df == 1:
        return 2.0 * angle / math.pi
    odd = df % 2
    term = total = cosine if odd else 1.0
    for k in range(2 + odd, df, 2):
        term *= (k - 1) / k * cosine**2
        total += term
    return 2.0 / math.pi * (angle + sine * total) if odd else sine * total


@cache
def t_quantile(df: int, level: float = LEVEL) -> float:
    """The t with ``level`` of the probability between -t and t, by halving."""
    low, high = 0.0, 1.0
    while t_central(high, df) < level:
        high *= 2.0
    for _ in range(80):
        middle = (low + high) / 2.0
        low, high = (middle, high) if t_central(middle, df) < level else (low, middle)
    return high


def line(x: NDArray[Any], y: NDArray[Any]) -> tuple[Array, Array]:
    """Intercept and slope of y on x by least squares, over the last axis; NaN where x does not vary."""
    from_x = x - x.mean(axis=-1, keepdims=True)
    from_y = y - y.mean(axis=-1, keepdims=True)
    square = (from_x**2).sum(axis=-1)
    cross = (from_x * from_y).sum(axis=-1)
    slope: Array = np.divide(cross, square, out=np.full(np.shape(cross), np.nan), where=square > 0)
    return y.mean(axis=-1) - slope * x.mean(axis=-1), slope


def line_intervals(x: Array, y: Array) -> tuple[Interval, Interval]:
    """Classic t intervals of intercept and slope, n - 2 degrees of freedom; n >= 3."""
    n = len(x)
    intercept, slope = (float(value) for value in line(x, y))
    square = float(((x - x.mean()) ** 2).sum())
    if square == 0.0:
        return (math.nan, math.nan), (math.nan, math.nan)
    error = math.sqrt(float(((y - intercept - slope * x) ** 2).sum()) / (n - 2))
    of_slope = t_quantile(n - 2) * error / math.sqrt(square)
    of_intercept = t_quantile(n - 2) * error * math.sqrt(1.0 / n + float(x.mean()) ** 2 / square)
    return (intercept - of_intercept, intercept + of_intercept), (slope - of_slope, slope + of_slope)


def resamples(n: int) -> int:
    """How often n people are drawn: the framework's number, and more of few people, whose intervals are wide."""
    return min(max(DRAWN // n, RESAMPLES[0]), RESAMPLES[1])


def basic_bootstrap(statistic: Callable[..., Array], *columns: Array) -> Interval:
    """Basic bootstrap interval (Davison and Hinkley 1997, eq. 5.6): twice the estimate less the resampled quantiles.

    ``statistic`` takes the columns, whose last axis is people, drawn together, and gives a number for each row.  The
    draws are the same at every call.  NaN where fewer than half of the resamples have a value.
    """
    n = len(columns[0])
    rng = np.random.default_rng(SEED)
    found: list[Array] = []
    left = wanted = resamples(n)
    while left:
        rows = rng.integers(0, n, (min(left, max(BLOCK // n, 1)), n))
        found.append(np.asarray(statistic(*(column[rows] for column in columns))))
        left -= len(rows)
    drawn = np.concatenate(found)
    drawn = drawn[np.isfinite(drawn)]
    if 2 * len(drawn) < wanted:
        return math.nan, math.nan
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="weibull")
    estimate = float(statistic(*columns))
    return 2.0 * estimate - float(high), 2.0 * estimate - float(low)


def mean_sd(values: Array) -> tuple[float, float]:
    """Mean and sample standard deviation; NaN where there are too few values."""
    mean = float(values.mean()) if len(values) else math.nan
    return mean, float(values.std(ddof=1)) if len(values) > 1 else math.nan


def shapiro_wilk(values: Array) -> tuple[float, float]:
    """W and p of Shapiro and Wilk's test of normality (Royston 1995, AS R94), 3 to 5000 values; else NaN, NaN."""
    n = len(values)
    x = np.sort(values)
    square = float(((x - x.mean()) ** 2).sum()) if n else 0.0
    if not 3 <= n <= 5000 or square == 0.0:
        return math.nan, math.nan
    weights = _shapiro_weights(n)
    w = min(float(weights @ x) ** 2 / square, 1.0)
    if n == 3:
        return w, max(6.0 / math.pi * (math.asin(math.sqrt(w)) - math.asin(math.sqrt(0.75))), 0.0)
    if w == 1.0:
        return w, 1.0
    y = math.log(1.0 - w)
    if n <= 11:
        ceiling = -2.273 + 0.459 * n
        if y >= ceiling:
            return w, 0.0
        y = -math.log(ceiling - y)
        mean = _polynomial((0.544, -0.39978, 0.025054, -0.0006714), n)
        spread = math.exp(_polynomial((1.3822, -0.77857, 0.062767, -0.0020322), n))
    else:
        mean = _polynomial((-1.5861, -0.31082, -0.083751, 0.0038915), math.log(n))
        spread = math.exp(_polynomial((-0.4803, -0.082676, 0.0030302), math.log(n)))
    return w, 1.0 - NormalDist(mean, spread).cdf(y)


def _shapiro_weights(n: int) -> Array:
    if n == 3:
        return np.array([-math.sqrt(0.5), 0.0, math.sqrt(0.5)])
    normal = NormalDist()
    expected = np.array([normal.inv_cdf((k - 0.375) / (n + 0.25)) for k in range(1, n + 1)])
    square = float(expected @ expected)
    root = 1.0 / math.sqrt(n)
    last = expected[-1] / math.sqrt(square) + _polynomial((0, 0.221157, -0.147981, -2.07119, 4.434685, -2.706056), root)
    if n <= 5:
        weights = expected / math.sqrt((square - 2 * expected[-1] ** 2) / (1 - 2 * last**2))
    else:
        before = expected[-2] / math.sqrt(square)
        before += _polynomial((0, 0.042981, -0.293762, -1.752461, 5.682633, -3.582633), root)
        over = square - 2 * expected[-1] ** 2 - 2 * expected[-2] ** 2
        weights = expected / math.sqrt(over / (1 - 2 * last**2 - 2 * before**2))
        weights[1], weights[-2] = -before, before
    weights[0], weights[-1] = -last, last
    return weights


def _polynomial(coefficients: tuple[float, ...], x: float) -> float:
    return sum(factor * x**power for power, factor in enumerate(coefficients))
