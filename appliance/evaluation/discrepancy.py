"""Device less reference, night by night: bias and limits of agreement as the standardised framework has them.

Menghini et al. 2021, SLEEP 44(2) zsaa170, after Bland and Altman (1999) and, for logarithms, Euser et al. (2008).  The
x-axis is the reference and not the mean of both.  Where its published code departs from the text we follow the code, so
that its figures come out; with ``bootstrap``

- the interval of constant limits draws the bias anew and leaves the SD as it is, and
- the slope of the absolute residuals is drawn without its residuals, so that its interval lies about twice the slope
  and finds heteroscedasticity too often.  Read that flag from the t intervals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from appliance.evaluation.inference import (
    Array,
    Interval,
    basic_bootstrap,
    line,
    line_intervals,
    mean_sd,
    shapiro_wilk,
    t_quantile,
)

Intervals = Literal["t", "bootstrap"]
FEWEST = 3  # nights below which there is no line
NORMAL = 1.96
OF_ABSOLUTE = 2.46  # 1.96 sqrt(pi / 2): a mean absolute residual to a 95 % limit
ABOVE_ZERO = 0.0001  # added before a logarithm, as the framework has it
NORMAL_P = 0.05
ROUNDING = 1e-9  # a slope that is not more than this is none


@dataclass(frozen=True, slots=True)
class _Nights:
    """One measure of n nights, both ways, and which intervals are wanted."""

    reference: Array
    device: Array
    intervals: Intervals

    @property
    def difference(self) -> Array:
        return self.device - self.reference

    @property
    def logs(self) -> Array:
        found: Array = np.log(self.device + ABOVE_ZERO) - np.log(self.reference + ABOVE_ZERO)
        return found


def discrepancy(reference: Array, device: Array, intervals: Intervals = "t", in_logs: bool = False) -> dict[str, Any]:
    """Everything about one measure of n nights, reference (n,) and device (n,), finite and not negative.

    Figures that need more nights, or a reference that varies, are NaN and their flags None.  ``limits`` has the kind
    of limits that the two flags choose: ``constant``, ``residual`` (about the line of the bias), ``heteroscedastic``
    (widening with the reference) or ``logarithmic`` (in proportion to the reference).
    """
    nights = _Nights(reference, device, intervals)
    d = nights.difference
    n = len(d)
    mean, sd = mean_sd(d)
    found: dict[str, Any] = {"nights": n}
    found["reference_mean"], found["reference_sd"] = mean_sd(reference)
    found["device_mean"], found["device_sd"] = mean_sd(device)
    found |= {"bias": mean, "sd": sd, "bias_ci": _of_bias(nights)}
    found |= {
        "mae": float(np.abs(d).mean()),
        "rmse": math.sqrt(float((d**2).mean())),
        "correlation": _correlation(nights),
    }
    w, p = shapiro_wilk(nights.logs if in_logs else d)
    found |= {"shapiro_w": w, "shapiro_p": p, "normal": None if math.isnan(p) else p >= NORMAL_P}

    intercept, slope = (float(value) for value in line(reference, d))
    left: Array = d - intercept - slope * reference
    residuals: Array = left.round(9)  # a perfect line leaves nothing, not rounding
    of_line = _of_line(nights) if n >= FEWEST else (_NONE, _NONE)
    found |= {"intercept": intercept, "intercept_ci": of_line[0], "slope": slope, "slope_ci": of_line[1]}
    found |= {"residual_sd": mean_sd(residuals)[1], "proportional_bias": _excludes_zero(of_line[1])}

    x = np.log(reference + ABOVE_ZERO) if in_logs else reference
    at_zero, widening = (float(value) for value in line(x, np.abs(residuals)))
    of_spread = _of_spread(x, np.abs(residuals), intervals) if n >= FEWEST else (_NONE, _NONE)
    found |= {"spread_intercept": at_zero, "spread_intercept_ci": of_spread[0]}
    found |= {"spread_slope": widening, "spread_slope_ci": of_spread[1]}
    found["heteroscedastic"] = _excludes_zero(of_spread[1])
    found["limits"] = _limits(nights, found, in_logs)
    return found


_NONE: Interval = (math.nan, math.nan)


def _limits(nights: _Nights, found: dict[str, Any], in_logs: bool) -> dict[str, Any]:
    if in_logs:
        log_sd = mean_sd(nights.logs)[1]
        return {"kind": "logarithmic", "share": _share(NORMAL * log_sd), "share_ci": _of_share(nights, log_sd)}
    if found["heteroscedastic"]:
        keys = ("spread_intercept", "spread_intercept_ci", "spread_slope", "spread_slope_ci")
        return {"kind": "heteroscedastic", "times": OF_ABSOLUTE} | {key: found[key] for key in keys}
    if found["proportional_bias"]:
        half = NORMAL * found["residual_sd"]
        return {"kind": "residual", "half_width": half, "half_width_ci": _of_half_width(nights)}
    half = NORMAL * found["sd"]
    lower, upper = found["bias"] - half, found["bias"] + half
    if nights.intervals == "bootstrap":
        below, above = (end - found["bias"] for end in found["bias_ci"])
    else:
        n = len(nights.reference)
        above = t_quantile(n - 1) * found["sd"] * math.sqrt(3.0 / n) if n > 1 else math.nan
        below = -above
    return {
        "kind": "constant",
        "lower": lower,
        "lower_ci": (lower + below, lower + above),
        "upper": upper,
        "upper_ci": (upper + below, upper + above),
    }


def _of_bias(nights: _Nights) -> Interval:
    d = nights.difference
    if len(d) < 2:
        return _NONE
    if nights.intervals == "bootstrap":
        return basic_bootstrap(lambda values: values.mean(axis=-1), d)
    half = t_quantile(len(d) - 1) * float(d.std(ddof=1)) / math.sqrt(len(d))
    return float(d.mean()) - half, float(d.mean()) + half


def _of_line(nights: _Nights) -> tuple[Interval, Interval]:
    x, d = nights.reference, nights.difference
    if nights.intervals == "t":
        return line_intervals(x, d)
    return basic_bootstrap(lambda a, b: line(a, b)[0], x, d), basic_bootstrap(lambda a, b: line(a, b)[1], x, d)


def _of_spread(x: Array, residuals: Array, intervals: Intervals) -> tuple[Interval, Interval]:
    if intervals == "t":
        return line_intervals(x, residuals)
    # The residuals stay where they are while x is drawn: what the framework's code does, see the top.
    return (
        basic_bootstrap(lambda drawn: line(drawn, residuals)[0], x),
        basic_bootstrap(lambda drawn: line(drawn, residuals)[1], x),
    )


def _of_half_width(nights: _Nights) -> Interval:
    """By bootstrap whatever the other intervals are: there is no classic one in the framework."""

    def half_width(x: Array, d: Array) -> Array:
        intercept, slope = line(x, d)
        residuals = d - intercept[..., None] - slope[..., None] * x
        width: Array = NORMAL * residuals.std(axis=-1, ddof=1)
        return width

    return basic_bootstrap(half_width, nights.reference, nights.difference)


def _share(z: Any) -> Any:
    """Euser's 2 (e^z - 1) / (e^z + 1)."""
    return 2.0 * np.tanh(z / 2.0)


def _of_share(nights: _Nights, log_sd: float) -> Interval:
    n = len(nights.reference)
    if n < 2:
        return _NONE
    if nights.intervals == "bootstrap":
        return basic_bootstrap(lambda logs: _share(NORMAL * logs.std(axis=-1, ddof=1)), nights.logs)
    half = t_quantile(n - 1) * log_sd * math.sqrt(3.0 / n)
    return float(_share(NORMAL * log_sd - half)), float(_share(NORMAL * log_sd + half))


def _correlation(nights: _Nights) -> float:
    x, y = nights.reference - nights.reference.mean(), nights.device - nights.device.mean()
    size = math.sqrt(float((x**2).sum()) * float((y**2).sum()))
    return float((x * y).sum()) / size if size else math.nan


def _excludes_zero(interval: Interval) -> bool | None:
    low, high = interval
    return None if math.isnan(low) else low > ROUNDING or high < -ROUNDING
