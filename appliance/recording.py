"""A breathing recording of any kind (belt, airflow, radar) as the ticks that a radar would have given.

Used offline alone, by ``stage FILE`` and by training, so it may look at the whole recording to scale it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from appliance.displacement import HALF_ACCELERATION_MM_S2, NAN, Tick
from models.contract import SIGNAL_HZ

TYPICAL_BREATH_MM = 4.0  # peak to trough, to which the median breath of a recording is scaled
MAX_GAP_S = 0.55  # holes up to this are interpolated, or up to two sampling intervals of a slow recording
SCALE_S = 20  # a window that holds some breaths
KERNEL = 8  # half width of the interpolating kernel, in samples of a slow recording
BLOCK = 1 << 17  # samples weighed at a time
NOISE_MARGIN = 8.0
SWING = 2.5  # an excursion of so many typical breaths is a body movement
RECENT = 15  # windows, five minutes, whose median breath is what movement is measured against
FEW = 5  # windows below which the whole recording's breath is the measure
MOST_GAIN = 4.0  # times the whole recording's breath, that movement is measured against


def ticks_from_recording(resp: ArrayLike, fs: float) -> Iterator[Tick]:
    """Resample a recording to 10 Hz and scale it so that its median breath measures 4 mm.

    ``resp`` is (n,), any unit and sign, NaN where missing; ``fs`` its rate, 1-256 Hz.  The first sample is time 0.
    Raises ``ValueError`` in one line when the two do not make a recording.
    """
    x = np.asarray(resp, dtype=np.float64)
    if x.ndim != 1 or x.size == 0:
        raise ValueError("resp must be a one-dimensional array with samples in it")
    if not 1.0 <= fs <= 256.0:
        raise ValueError(f"fs must be 1 to 256 Hz, not {fs:g}")
    x = np.where(np.isfinite(x), x, np.nan)
    y = _resample(x, float(fs))
    y = y - (np.nanmedian(y) if np.isfinite(y).any() else 0.0)
    breath = _typical_breath(y)
    gain = TYPICAL_BREATH_MM / breath if breath > 0.0 else 0.0
    y *= gain if np.isfinite(gain) else 0.0  # what is smaller than numbers can tell is no breath
    moving = _moving(y)
    broke = True
    for k, value in enumerate(y.tolist()):
        missing = value != value
        yield Tick(k / SIGNAL_HZ, value, moving[k], broke=broke and not missing)
        broke = missing
    # The last sample lasts as long as every other: without its end the last epoch would be lost.
    for k in range(y.size, math.floor(x.size / fs * SIGNAL_HZ + 1e-9)):
        yield Tick(k / SIGNAL_HZ, NAN, NAN)


def _resample(x: NDArray[np.float64], fs: float) -> NDArray[np.float64]:
    """Onto k / 10 s: a Hann-windowed sinc, cut off below both Nyquist frequencies; holes keep their place."""
    size = math.floor((x.size - 1) / fs * SIGNAL_HZ + 1e-9) + 1
    place = np.arange(size) * (fs / SIGNAL_HZ)
    missing = np.isnan(x)
    if missing.all():
        return np.full(size, np.nan)
    filled = x
    if missing.any():
        there = np.flatnonzero(~missing)
        filled = x.copy()
        filled[missing] = np.interp(np.flatnonzero(missing), there, x[there])
    step = max(1.0, fs / SIGNAL_HZ)  # the kernel widens when samples are many
    half = math.ceil(KERNEL * step)
    offsets = np.arange(-half + 1, half + 1)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(filled, half, mode="edge"), 2 * half)
    nearest = np.floor(place + 1e-9).astype(np.int64)
    # Few rates leave more than a handful of places between two samples, and each place has one kernel.
    phases, phase_of = np.unique(np.round(place - nearest, 9), return_inverse=True)
    y = np.empty(size)
    for k, phase in enumerate(phases.tolist()):
        distance = (offsets - phase) / step
        kernel = np.sinc(distance) * np.cos(0.5 * np.pi * np.clip(distance / KERNEL, -1.0, 1.0)) ** 2
        kernel /= kernel.sum()
        places = np.flatnonzero(phase_of == k)
        for first in range(0, places.size, BLOCK // half):  # a window may be hundreds of samples: not all at once
            some = places[first : first + BLOCK // half]
            y[some] = windows[nearest[some] + 1] @ kernel
    hole = _long_holes(missing, max(MAX_GAP_S * fs, 2.0))
    y[hole[np.clip(np.rint(place).astype(np.int64), 0, x.size - 1)]] = np.nan
    return y


def _long_holes(missing: NDArray[np.bool_], longest: float) -> NDArray[np.bool_]:
    """The missing samples of runs longer than ``longest`` samples."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], missing, [False])).astype(np.int8)))
    holes = np.zeros(missing.size, dtype=np.bool_)
    for start, end in edges.reshape(-1, 2):
        holes[start:end] = end - start > longest
    return holes


def _typical_breath(y: NDArray[np.float64]) -> float:
    """The median over windows of 20 s of the span between the 5th and 95th percentile; 0 when there is none."""
    window = SCALE_S * SIGNAL_HZ
    windows = y[None, :] if y.size < window else y[: y.size // window * window].reshape(-1, window)
    spans = _spans(windows)
    return float(np.nanmedian(spans)) if np.isfinite(spans).any() else 0.0


def _spans(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """(windows,) between the 5th and 95th percentile of each; NaN where half of the signal is missing or it is flat."""
    spans = np.full(len(windows), np.nan)
    known = np.isfinite(windows).mean(axis=1) > 0.5
    if known.any():
        low, high = np.nanpercentile(windows[known], (5.0, 95.0), axis=1)
        spans[known] = np.where(high > low, high - low, np.nan)
    return spans


def _recent_breath(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) the median breath of the five minutes before, in typical breaths of the whole recording, where it is larger.

    A belt's gain changes with posture: where a breath has grown threefold, regular breathing must not look like
    movement.  Where it has shrunk, the whole recording's measure holds: noise has not shrunk with the breath.
    """
    window = SCALE_S * SIGNAL_HZ
    spans = _spans(y[: y.size // window * window].reshape(-1, window)) / TYPICAL_BREATH_MM
    recent = np.ones(len(spans) + 1)
    for k in range(FEW, len(recent)):
        past = spans[max(k - RECENT, 0) : k]
        past = past[np.isfinite(past)]
        if past.size >= FEW:
            recent[k] = np.median(past)
    recent = np.clip(recent, 1.0, MOST_GAIN)
    return np.repeat(recent, window)[: y.size]


def _moving(y: NDArray[np.float64]) -> list[float]:
    """The moving index of a scaled recording: fast changes as in a radar, or excursions far beyond a breath of late."""
    breath = _recent_breath(y)
    acceleration = np.full(y.size, np.nan)
    acceleration[4:] = np.abs(y[4:] - 2.0 * y[2:-2] + y[:-4]) * (SIGNAL_HZ / 2) ** 2 / breath[4:]
    # A noisy belt accelerates all the time: what stands out of its own noise is movement.
    usual = float(np.nanmedian(acceleration)) if np.isfinite(acceleration).any() else 0.0
    half = max(HALF_ACCELERATION_MM_S2, NOISE_MARGIN * usual)
    index = np.nan_to_num(acceleration / (2.0 * half), nan=0.0)
    # Against the mean of the last ten seconds, so that slow drift and a new resting level do not count for long.
    swing = np.abs(y - _past_mean(y, 10 * SIGNAL_HZ)) / (SWING * TYPICAL_BREATH_MM * breath)
    index = np.fmax(index, 0.5 * swing * (swing >= 1.0))
    index[np.isnan(y)] = np.nan
    moving: list[float] = np.minimum(index, 1.0).tolist()
    return moving


def _past_mean(y: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    valid = np.isfinite(y)
    total = np.concatenate((np.zeros(size), np.cumsum(np.where(valid, y, 0.0))))
    count = np.concatenate((np.zeros(size), np.cumsum(valid)))
    counted = np.maximum(count[size:] - count[:-size], 1.0)
    mean: NDArray[np.float64] = (total[size:] - total[:-size]) / counted
    return mean
