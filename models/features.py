"""Thirty seconds of breathing and movement as a vector for the stager: shared, line for line, by training and the box.

Every feature is causal, looks back over 60 to 600 s, and is unchanged when the displacement is multiplied by any
constant, negative ones included: a radar knows neither which way a chest moves nor, behind an automatic gain, how far.
Measures are taken in the logarithm and told relative to this night so far, which carries over between people and
sensors better than absolute values do.  The choice of windows and of interval measures follows what lifted published
respiration models: robust coefficient of variation over 150-270 s, successive differences, movement over minutes
(mad-lab-fau/sleep_analysis).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.contract import EPOCH_S, SIGNAL_HZ, Epoch

FEATURES_VERSION = 1

Floats = NDArray[np.float64]

WINDOWS_S = (60, 150, 270, 600)
MOVEMENT_EPOCHS = (1, 4, 10, 20)
MOVING = 0.5  # motion index from which a second counts as a body movement (contract.Epoch)
PRIOR_EPOCHS = 60.0  # weight of the typical sleeper in the running mean: half an hour
CLIP = 5.0
MIN_BREATHS = 5  # per window; the 60 s window holds 9-20
MIN_VALID = 0.6  # share of a waveform window that must hold signal
MAX_BREATHS = 1024  # maxima and minima of 600 s at 50 breaths a minute


class Measure(NamedTuple):
    """A logarithmic quantity, with the mean and the spread over nights with which the running statistics begin."""

    name: str
    typical: float
    spread: float


# Typical values: rounded means over simulated nights (models.training dataset prints them); interval CV about as in
# MESA (mad-lab-fau/sleep_analysis: .06 in deep, .08 in light, .13 in REM, .15 awake).
MEASURES = (
    *(Measure(f"interval_cv_{w}", -2.2, 0.45) for w in WINDOWS_S),
    *(Measure(f"interval_sdsd_{w}", -1.9, 0.55) for w in WINDOWS_S),
    *(Measure(f"interval_longest_{w}", 0.35, 0.25) for w in WINDOWS_S),
    *(Measure(f"rate_{w}", 2.73, 0.12) for w in WINDOWS_S),
    *(Measure(f"amplitude_cv_{w}", -1.6, 0.5) for w in WINDOWS_S[1:]),
    Measure("amplitude_sigh_270", 0.7, 0.4),
    Measure("autocorrelation_60", 0.9, 0.4),
    Measure("autocorrelation_150", 0.7, 0.4),
    Measure("spectral_peak_150", 0.3, 0.9),
    Measure("spectral_entropy_150", 0.2, 0.6),
    *(Measure(f"movement_{n}", -3.4, 0.8) for n in MOVEMENT_EPOCHS),
    Measure("still_min", 1.8, 0.9),
)
_INDEX = {measure.name: i for i, measure in enumerate(MEASURES)}
_TYPICAL = np.array([m.typical for m in MEASURES])
_SPREAD = np.array([m.spread for m in MEASURES])

# Against the mean of the night so far in units of the typical spread: how far, where the z-score says how unusual.
_DRIFTS = ("interval_cv_270", "interval_sdsd_270", "rate_270", "amplitude_cv_270", "autocorrelation_150")
# Now against the last ten minutes.
_CONTRASTS = (
    ("rate_60", "rate_600"),
    ("rate_150", "rate_600"),
    ("interval_cv_60", "interval_cv_600"),
    ("interval_cv_150", "interval_cv_600"),
)
_DRIFT_AT = np.array([_INDEX[name] for name in _DRIFTS])
_NEAR_AT, _FAR_AT = (np.array([_INDEX[pair[side]] for pair in _CONTRASTS]) for side in (0, 1))

FEATURE_NAMES: tuple[str, ...] = (
    *(f"{measure.name}_z" for measure in MEASURES),
    *(f"{name}_vs_night" for name in _DRIFTS),
    *(f"{near}_vs_600" for near, _ in _CONTRASTS),
    "amplitude_60_vs_600",
    "hours",
)


class FeatureExtractor:
    """Epochs of one sleeper in, one feature vector each out; constant memory and cost however long the night."""

    def __init__(self) -> None:
        self._signal: Floats = np.full(WINDOWS_S[1] * SIGNAL_HZ, np.nan)
        self._breaths: Floats = np.empty((0, 4))  # columns as in contract.Breath
        self._moving: Floats = np.full((MOVEMENT_EPOCHS[-1], 2), 0.0)  # seconds moving, seconds known
        self._still_s = 0.0
        self._first_index: int | None = None
        self.measures: Floats = np.full(len(MEASURES), np.nan)  # of the last epoch, as they are
        self._weight: Floats = np.full(len(MEASURES), PRIOR_EPOCHS)
        self._mean: Floats = _TYPICAL.copy()
        self._squares: Floats = PRIOR_EPOCHS * _SPREAD**2

    def update(self, epoch: Epoch) -> NDArray[np.float32]:
        """Take the next epoch and give its features: shape (len(FEATURE_NAMES),), within +-CLIP, NaN where unknown.

        Epochs come in order, those without signal too.  A new sleeper or session takes a new extractor.
        """
        if self._first_index is None:
            self._first_index = epoch.index
        self._push_waveform(epoch.displacement, epoch.motion)
        end_s = epoch.start_s + EPOCH_S
        recent = np.concatenate((self._breaths, np.array(epoch.breaths, dtype=float).reshape(-1, 4)))[-MAX_BREATHS:]
        self._breaths = recent[recent[:, 0] > end_s - WINDOWS_S[-1]]

        measures, amplitude_contrast = self._measure(end_s)
        self.measures = measures
        self._learn(measures)
        spread = np.sqrt(self._squares / self._weight)
        hours = (epoch.index - self._first_index) * EPOCH_S / 3600
        features = np.concatenate(
            (
                (measures - self._mean) / spread,
                ((measures - self._mean) / _SPREAD)[_DRIFT_AT],
                (measures[_NEAR_AT] - measures[_FAR_AT]) / _SPREAD[_NEAR_AT],
                (amplitude_contrast / 0.3, hours / 2.5 - 1.6),
            )
        )
        return np.clip(features, -CLIP, CLIP).astype(np.float32)

    def _push_waveform(self, displacement: NDArray[Any], motion: NDArray[Any]) -> None:
        self._signal = np.concatenate((self._signal[displacement.size :], displacement))
        known = np.isfinite(motion)
        moved = np.flatnonzero(motion[known] >= MOVING)
        self._moving = np.vstack((self._moving[1:], (moved.size, int(np.count_nonzero(known)))))
        if moved.size:
            self._still_s = float(EPOCH_S - 1 - np.flatnonzero(known)[moved[-1]])
        else:
            self._still_s += EPOCH_S

    def _learn(self, measures: Floats) -> None:
        """Expanding mean and sum of squares (Welford), begun by the typical sleeper with a weight of PRIOR_EPOCHS."""
        seen = np.isfinite(measures)
        self._weight += seen
        delta = np.where(seen, measures - self._mean, 0.0)
        self._mean += delta / self._weight
        self._squares += delta * np.where(seen, measures - self._mean, 0.0)

    def _measure(self, end_s: float) -> tuple[Floats, float]:
        """All of MEASURES for the windows that end at ``end_s``, and ln(breath depth over 60 s / over 600 s)."""
        t_s, _, amplitude, _ = self._breaths.T
        intervals = [_intervals(self._breaths[t_s > end_s - w]) for w in WINDOWS_S]
        depths = [_sorted(amplitude[t_s > end_s - w]) for w in WINDOWS_S]
        near, far = _median(depths[0]), _median(depths[-1])
        breathing = np.array(intervals).T.ravel()  # measure by measure, as MEASURES has them
        depth = [_log_cv(d) for d in depths[1:]]
        sigh = np.log(depths[2][-1] / _median(depths[2])) if depths[2].size else np.nan
        slope = _slope(self._signal)
        minute = 60 * SIGNAL_HZ
        waveform = (_autocorrelation(slope[-minute:]), _autocorrelation(slope), *_spectrum(slope))
        measures = np.concatenate((breathing, depth, (sigh,), waveform, self._movement()))
        return measures, float(np.log(near / far))

    def _movement(self) -> Floats:
        moved, known = np.array([self._moving[-n:].sum(axis=0) for n in MOVEMENT_EPOCHS]).T
        share = np.divide(moved, known, out=np.full(len(moved), np.nan), where=known > 0)
        still = np.log(0.5 + min(self._still_s, 3600.0) / 60)
        return np.append(np.log(share + 0.02), still)


def breath_cv(measures: Floats) -> float | None:
    """Robust coefficient of variation of breath intervals over 150 s; None where there were too few breaths."""
    logarithm = float(measures[_INDEX["interval_cv_150"]])
    return None if np.isnan(logarithm) else float(np.exp(logarithm)) - 0.02


def pack(features: NDArray[Any]) -> bytes:
    """An epoch's features as they are kept for the morning: a version and half-precision numbers, 81 bytes."""
    return bytes((FEATURES_VERSION,)) + features.astype("<f2").tobytes()


def unpack(kept: bytes) -> NDArray[np.float32] | None:
    """What was packed; None where another version of this program had packed it."""
    if len(kept) != 1 + 2 * len(FEATURE_NAMES) or kept[0] != FEATURES_VERSION:
        return None
    return np.frombuffer(kept, "<f2", offset=1).astype(np.float32)


def _sorted(values: Floats) -> Floats:
    """The finite positive values in order; empty where there are too few to say anything."""
    values = np.sort(values[values > 0])
    return values if values.size >= MIN_BREATHS else values[:0]


def _median(ordered: Floats) -> float:
    """Median of an ordered array; NaN of none.  (np.median costs ten times as much on so few values.)"""
    n = ordered.size
    return float((ordered[(n - 1) // 2] + ordered[n // 2]) / 2) if n else np.nan


def _log_cv(ordered: Floats) -> float:
    """Logarithm of the robust coefficient of variation, 1.4826 MAD / median (NeuroKit MCVBB), floored near .02."""
    median = _median(ordered)
    return float(np.log(0.02 + 1.4826 * _median(np.sort(np.abs(ordered - median))) / median))


def _intervals(breaths: Floats) -> Floats:
    """Log robust CV, SDSD / median, longest / median and rate of breath intervals: (4,), maxima and minima averaged.

    Each kind forms its own series; a breath that spans a gap of signal is not a breath and is left out.
    """
    usable = breaths[(breaths[:, 1] > 1.0) & (breaths[:, 1] < 60.0)]
    rising = usable[:, 3] > 0.5
    maxima, minima = _series(usable[rising, 1]), _series(usable[~rising, 1])
    return (maxima + minima) / 2


def _series(interval_s: Floats) -> Floats:
    if interval_s.size < MIN_BREATHS:
        return np.full(4, np.nan)
    ordered = np.sort(interval_s)
    median = _median(ordered)
    sdsd = float(np.diff(interval_s).std())
    return np.array([_log_cv(ordered), np.log(0.02 + sdsd / median), np.log(ordered[-1] / median), np.log(60 / median)])


def _slope(signal: Floats) -> Floats:
    """Change over one second, limited to four times its typical size and scaled to it; zero mean by construction.

    It forgets offsets and drift (a radar has a new one after every turn of the body) and is blind at 1 Hz, where the
    heart is.
    """
    slope = signal[SIGNAL_HZ:] - signal[:-SIGNAL_HZ]
    size = np.abs(slope)
    ordered = np.sort(size[np.isfinite(size)])
    scale = _median(ordered)
    if ordered.size < MIN_VALID * slope.size or not scale > 0:
        return np.full(slope.size, np.nan)
    return np.clip(slope / scale, -4.0, 4.0)


def _autocorrelation(slope: Floats) -> float:
    """Fisher z of the highest autocorrelation up to 10 s after its first zero: how alike successive breaths are."""
    known = np.isfinite(slope)
    if np.count_nonzero(known) < MIN_VALID * slope.size or not np.nansum(slope**2) > 0:
        return np.nan
    lags = 10 * SIGNAL_HZ
    size = 1 << (slope.size + lags - 1).bit_length()
    both = np.fft.rfft((np.where(known, slope, 0.0), known.astype(float)), size)
    products, pairs = np.fft.irfft(np.abs(both) ** 2, size)[:, :lags]
    r = products / np.maximum(pairs, 1.0) * pairs[0] / products[0]
    crossed = int(np.argmax(r < 0))
    return float(np.arctanh(np.clip(r[crossed:].max(), 0.0, 0.98))) if crossed else np.nan


def _spectrum(slope: Floats) -> tuple[float, float]:
    """Logit of the share of power within .025 Hz of the peak, and of the spectral entropy, in .05 to .8 Hz."""
    known = np.isfinite(slope)
    if np.count_nonzero(known) < MIN_VALID * slope.size:
        return np.nan, np.nan
    size = 2048
    power = np.abs(np.fft.rfft(np.where(known, slope, 0.0) * _HANN, size)) ** 2
    step_hz = SIGNAL_HZ / size
    band = power[int(0.05 / step_hz) : int(0.8 / step_hz)]
    share = band / band.sum()
    peak, reach = int(share.argmax()), int(0.025 / step_hz)
    beside = share[max(peak - reach, 0) : peak + reach + 1].sum()
    entropy = -np.sum(share * np.log(share + 1e-12)) / np.log(share.size)
    return _logit(float(beside)), _logit(float(entropy))


def _logit(share: float) -> float:
    return float(np.log((share + 0.01) / (1.01 - share)))


_HANN: Floats = np.hanning((WINDOWS_S[1] - 1) * SIGNAL_HZ)
