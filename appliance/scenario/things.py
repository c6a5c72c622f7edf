"""Things that stir before the radar and are nobody: a fan, a curtain in a draught, a second radar."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from appliance.scenario.words import Thing
from drivers.twins import Body
from models.sleeper import SAMPLE_HZ

FAN_M, CURTAIN_M = 1.5, 2.0  # where they stand if the file does not say
FAN_X, CURTAIN_X = 0.3, 0.4  # across the radar's axis, of the distance
FAN_ECHO, CURTAIN_ECHO = 0.5, 0.3
FAN_MOVING = (0.04, 0.12)  # blades, as the head looks away and at the radar
BLADE_HZ, BLADE_MM = (15.0, 40.0), 0.06  # told at 20 Hz, so that they alias as they do in a module
FAN_NOISE_MM = 0.02
GUST_GAP_S, GUST_S = 90.0, (10.0, 90.0)
CURTAIN_HZ, CURTAIN_MM = (0.1, 1.0), (1.0, 10.0)  # peak to peak of its gusts
BURST_SHARE, BURST_NOISE = 0.08, (5.0, 30.0)  # of the instants, and times the noise floor


def fan_body(thing: Thing, t_s: NDArray[np.float64], rng: np.random.Generator) -> Body:
    """Its head swings with one period for ever; blades are noise on top."""
    distance_m = thing.distance_m if thing.distance_m is not None else FAN_M
    turn = 2.0 * np.pi * (thing.sweep_hz * t_s + rng.random())
    blade_hz = rng.uniform(*BLADE_HZ)
    blades = BLADE_MM * np.sin(2.0 * np.pi * blade_hz * t_s + np.cumsum(rng.normal(0.0, 0.05, len(t_s))))
    facing = 0.5 + 0.5 * np.cos(turn)
    mm = thing.mm / 2.0 * np.sin(turn) + blades + FAN_NOISE_MM * rng.standard_normal(len(t_s))
    low, high = FAN_MOVING
    return _placed(thing, t_s, mm, low + (high - low) * facing, distance_m, FAN_X, FAN_ECHO * (0.6 + 0.4 * facing))


def curtain_body(thing: Thing, t_s: NDArray[np.float64], rng: np.random.Generator) -> Body:
    """Broadband sway in gusts, with no period of its own."""
    distance_m = thing.distance_m if thing.distance_m is not None else CURTAIN_M
    spectrum = np.fft.rfft(rng.standard_normal(len(t_s)))
    hz = np.fft.rfftfreq(len(t_s), 1.0 / SAMPLE_HZ)
    spectrum[(hz < CURTAIN_HZ[0]) | (hz > CURTAIN_HZ[1])] = 0.0
    sway = np.fft.irfft(spectrum, len(t_s))
    sway /= max(float(np.std(sway)), 1e-9)
    gust_mm = np.full(len(t_s), CURTAIN_MM[0] / 10.0)
    at_s = float(rng.exponential(GUST_GAP_S))
    while at_s < t_s[-1]:
        until_s = at_s + float(rng.uniform(*GUST_S))
        gust_mm[(t_s >= at_s) & (t_s < until_s)] = rng.uniform(*CURTAIN_MM)
        at_s = until_s + float(rng.exponential(GUST_GAP_S))
    soft = np.ones(4 * SAMPLE_HZ) / (4 * SAMPLE_HZ)
    gust_mm = np.convolve(gust_mm, soft, mode="same")
    moving = 0.35 * gust_mm / CURTAIN_MM[1]
    # A sine of amplitude 1 has a standard deviation of 0.71, and swings by 2 from peak to peak.
    mm = gust_mm * sway * (0.71 / 2.0)
    return _placed(thing, t_s, mm, moving, distance_m, CURTAIN_X, np.full(len(t_s), CURTAIN_ECHO))


def bursts(thing: Thing, t_s: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Another radar's chirps cross ours now and then: times the noise floor at each instant, 0 mostly."""
    struck = _on(thing, t_s) & (rng.random(len(t_s)) < BURST_SHARE)
    return np.where(struck, rng.uniform(*BURST_NOISE, len(t_s)), 0.0)


def _placed(
    thing: Thing,
    t_s: NDArray[np.float64],
    mm: NDArray[np.float64],
    moving: NDArray[np.float64],
    distance_m: float,
    across: float,
    echo: NDArray[np.float64],
) -> Body:
    on = _on(thing, t_s)
    x_m = np.full(len(t_s), across * distance_m)
    return Body(np.where(on, mm, np.nan), np.where(on, distance_m, np.nan), np.where(on, moving, 0.0), x_m, echo)


def _on(thing: Thing, t_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    until = np.inf if thing.minutes is None else thing.at + thing.minutes
    on: NDArray[np.bool_] = (t_s >= thing.at * 60.0) & (t_s < until * 60.0)
    return on
