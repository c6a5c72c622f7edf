"""How fast something breathes, from half a minute of its displacement: three witnesses, and what they agree upon.

A body that shifts on its seat swings further than its chest does, so no witness is believed alone.  The repetition of
the signal or of its slope says how alike successive breaths are, but is as high at every second breath; the slope's
spectrum says at which rate the movement lies, but noise has a highest peak too; the intervals between breaths say
neither, but miss and invent breaths where the others do not.  Quality is the geometric mean of the three: 1 for a
sine, about 0.3 for noise, and 0 where one of them is silent.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from appliance.kernels import agree, repetitions

WINDOW_S = 30
WINDOW_HZ = 5
WINDOW = WINDOW_S * WINDOW_HZ
MIN_RATE_BRPM = 5.0
MAX_RATE_BRPM = 34.0
MIN_LAG, MAX_LAG = int(60 * WINDOW_HZ / MAX_RATE_BRPM), int(60 * WINDOW_HZ / MIN_RATE_BRPM)
FULL_SHARE = 0.6  # of the window, from which on missing signal costs no quality
MIN_BREATHS = 3
AGREEMENT = 0.2  # relative difference of a breath's interval from the repetition that still agrees
CLIP = 2.5  # medians of the slope, beyond which a shift of the body is not a better breath
WIDTH_BRPM = 2.5  # to either side of a rate: the resolution of a tapered half minute
HARMONIC = 0.5  # of the power at twice the rate speaks for it: at half the true rate that is all there is
LINES = 1024  # of the transform, so that a line is 0.3 a minute
LINE_BRPM = 60.0 * WINDOW_HZ / LINES
BAND_BRPM = (3.0, 70.0)  # what may count against a rate: slow sway to the harmonic of the fastest
_LOWEST, _HIGHEST = (round(brpm / LINE_BRPM) for brpm in BAND_BRPM)
_TAPER: NDArray[np.float64] = np.hanning(WINDOW - 1)


def pace(window: NDArray[np.float64], interval_s: NDArray[np.float64]) -> tuple[float, float]:
    """(breaths a minute, quality 0-1), NaN and 0 where there are none.

    ``window`` is (WINDOW,), oldest first, NaN where missing; ``interval_s`` (breaths,) those between its breaths.
    """
    share = float(np.count_nonzero(~np.isnan(window))) / WINDOW
    if interval_s.size < MIN_BREATHS or share < 0.5 * FULL_SHARE:
        return math.nan, 0.0
    slope: NDArray[np.float64] = np.diff(window)
    known = ~np.isnan(slope)
    if not known.any():
        return math.nan, 0.0
    limit = CLIP * float(np.median(np.abs(slope[known])))
    slope = np.clip(slope, -limit, limit)
    filled = np.where(known, slope - slope[known].mean(), 0.0)
    power: NDArray[np.float64] = np.square(np.abs(np.fft.rfft(filled * _TAPER, LINES)))
    power[:_LOWEST] = power[_HIGHEST:] = 0.0
    # The slope plays a slow sway down, the signal itself plays noise down.
    peaks = np.concatenate((repetitions(window, MIN_LAG, MAX_LAG), repetitions(slope, MIN_LAG, MAX_LAG)))
    peaks[:, 0] /= WINDOW_HZ
    rate_brpm, quality = agree(peaks, interval_s, power, LINE_BRPM, WIDTH_BRPM, AGREEMENT, HARMONIC)
    return rate_brpm, quality * min(1.0, share / FULL_SHARE)
