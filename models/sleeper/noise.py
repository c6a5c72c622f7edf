"""Random processes that the sleeper is made of, as compiled loops over numbers drawn beforehand."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def _recursion(white: NDArray[np.float64], keep: float) -> NDArray[np.float64]:
    out = np.empty_like(white)
    gain = math.sqrt(1.0 - keep * keep)
    state = white[0] if white.size else 0.0
    for k in range(white.size):
        out[k] = state
        state = keep * state + gain * white[k]
    return out


def wander(rng: np.random.Generator, steps: int, tau: float) -> NDArray[np.float64]:
    """(steps,) Ornstein-Uhlenbeck noise of unit variance that forgets in ``tau`` steps."""
    white: NDArray[np.float64] = rng.standard_normal(steps)
    out: NDArray[np.float64] = _recursion(white, math.exp(-1.0 / tau))
    return out


def drift(rng: np.random.Generator, samples: int, sample_hz: float, density_at_tenth_hz: float) -> NDArray[np.float64]:
    """(samples,) noise with a 1/f power spectrum, ``density_at_tenth_hz`` being its amplitude density at 0.1 Hz.

    A sum of processes an octave and a half apart: within 10 % of 1/f between 1 mHz and 1 Hz, and linear in time.
    """
    out = np.zeros(samples)
    steps = max(samples // 4, 2)  # nothing here is faster than a second or so
    # One process of variance v and each octave holds the power of density^2 * f * ln 2 = v.
    sd = density_at_tenth_hz * math.sqrt(0.1 * math.log(4.0))
    for octave in range(5):
        out += np.interp(
            np.arange(samples), np.arange(steps) * 4.0, sd * wander(rng, steps, sample_hz / 4.0 * 0.25 * 4.0**octave)
        )
    return out


def flickers(rng: np.random.Generator, seconds: int, on_s: float, off_s: float) -> NDArray[np.bool_]:
    """(seconds,) a switch that stays on for ``on_s`` and off for ``off_s`` seconds on average (exponential)."""
    out = np.zeros(seconds, dtype=np.bool_)
    at = rng.exponential(off_s)
    while at < seconds:
        end = at + rng.exponential(on_s)
        out[round(at) : max(round(end), round(at) + 1)] = True
        at = end + rng.exponential(off_s)
    return out
