"""A simulated radar night as three kinds of module would hand it on: cheaply, as samples without their bytes.

Enough to learn from: the module's rate, noise and lost lock; for Micradar a waveform that is band-passed, gains itself
and has 8 bits, with movement as a number of its own (R60ABD1 manual V3.4: 5 values a second around 128; movement 0 to
100); for Acconeer what the echo of one body says frame by frame (appliance/echo.py): steps of the phase between -pi and
pi, so that fast movement slips whole turns, a new level where movement shows another part of the body, and how far a
frame's sweeps disagree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.displacement import TINYFRAME_MM_PER_RAD, Displacement, Tick
from appliance.echo import JUMP_RAD, LIVELY, MM_PER_RAD, STIRRED, EchoStep
from drivers.readings import Module, RadarSample
from models.sleeper import SAMPLE_HZ, SimulatedNight

TINYFRAME_HZ = 16.0
MICRADAR_HZ = 5.0
ACCONEER_HZ = 20.0
MODULES = (Module.TINYFRAME, Module.MICRADAR, Module.ACCONEER)
PHASE_NOISE_RAD = 0.02
GAIN_TAU_S = (5.0, 30.0)  # of the automatic gain, assumed
LOST_PER_HOUR = (0.0, 2.0)
LOST_S = (10.0, 60.0)
# Acconeer, by the settings of its twin: a chest of 1200 counts at 0.6 m over a sweep's noise of 20.
CHEST_OVER_NOISE = (15.0, 60.0)
BREATHING_STIR = (0.06, 0.13)  # sweeps of a frame disagree so far while a chest breathes (appliance/echo.py)
TURN_RAD = 4.0  # within a frame of a body that moves at full size
LEVELS_HZ = 2.0  # while moving: how often another part of the body is the strongest
WANDER_RAD = 0.002  # a frame


def module_ticks(night: SimulatedNight, seed: int) -> Iterator[Tick]:
    """The night through one of ``MODULES``, each in turn with the seed."""
    random = np.random.default_rng((seed, 0x7A))
    module = MODULES[seed % len(MODULES)]
    displacement = Displacement(module)
    if module is Module.ACCONEER:
        for t_s, step in _acconeer(night, random):
            yield from displacement.update(RadarSample(t_s), step)
        return
    samples = _micradar(night, random) if module is Module.MICRADAR else _tinyframe(night, random)
    for sample in samples:
        yield from displacement.update(sample)


def _instants(night: SimulatedNight, rate_hz: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Sampling times of a module whose clock runs a little wrong, without those at which it has lost its target."""
    t_s = np.arange(0.0, night.t_s[-1], 1.0 / (rate_hz * random.uniform(0.98, 1.02)))
    kept = np.ones(t_s.size, bool)
    for _ in range(random.poisson(random.uniform(*LOST_PER_HOUR) * t_s[-1] / 3600)):
        start = random.uniform(0.0, t_s[-1])
        kept &= (t_s < start) | (t_s > start + random.uniform(*LOST_S))
    kept &= np.isfinite(night.distance_m[_at(t_s, night)])
    seen: NDArray[np.float64] = t_s[kept]
    return seen


def _at(t_s: NDArray[np.float64], night: SimulatedNight) -> NDArray[np.int64]:
    at: NDArray[np.int64] = np.minimum(np.rint(t_s * SAMPLE_HZ).astype(np.int64), night.t_s.size - 1)
    return at


def _tinyframe(night: SimulatedNight, random: np.random.Generator) -> Iterator[RadarSample]:
    t_s = _instants(night, TINYFRAME_HZ, random)
    phase = np.interp(t_s, night.t_s, night.displacement_mm) / TINYFRAME_MM_PER_RAD
    phase += PHASE_NOISE_RAD * random.standard_normal(t_s.size)
    for t, value in zip(t_s.tolist(), phase.tolist(), strict=True):
        yield RadarSample(t, phase_rad=value)


def _acconeer(night: SimulatedNight, random: np.random.Generator) -> Iterator[tuple[float, EchoStep]]:
    t_s = _instants(night, ACCONEER_HZ, random)
    moving = night.moving[_at(t_s, night)].astype(np.float64)
    over_noise = random.uniform(*CHEST_OVER_NOISE)
    shown = (moving >= 0.5) & (random.random(t_s.size) < LEVELS_HZ / ACCONEER_HZ)
    levels = np.concatenate(([0.0], random.uniform(-np.pi, np.pi, np.count_nonzero(shown))))[np.cumsum(shown)]
    phase = np.interp(t_s, night.t_s, night.displacement_mm) / MM_PER_RAD + levels
    phase += np.cumsum(random.normal(0.0, WANDER_RAD, t_s.size))
    phase += random.standard_normal(t_s.size) / (4.0 * over_noise)  # the mean of sixteen sweeps
    advance = np.diff(phase, prepend=phase[:1])
    advance -= 2.0 * np.pi * np.rint(advance / (2.0 * np.pi))
    position = MM_PER_RAD * np.cumsum(advance)
    jumped = np.abs(advance) > JUMP_RAD
    # A phase that turns evenly by `turn` within a frame departs from its mean by turn / sqrt(12).
    turn = moving * np.abs(random.normal(0.0, TURN_RAD, t_s.size)) / np.sqrt(12.0)
    stir = np.hypot(random.uniform(*BREATHING_STIR, t_s.size) * (moving < 0.5), turn)
    index = 0.5 * np.minimum(stir, 1.0) / STIRRED
    # A chest that turns by a radian deviates by about its whole size.
    alive = max(0.7 * over_noise, LIVELY)
    distance = night.distance_m[_at(t_s, night)]
    rows = zip(t_s.tolist(), position.tolist(), jumped.tolist(), index.tolist(), distance.tolist(), strict=True)
    for t, mm, jump, move, metres in rows:
        yield t, EchoStep(mm, jump, alive, move, metres)


def _micradar(night: SimulatedNight, random: np.random.Generator) -> Iterator[RadarSample]:
    t_s = _instants(night, MICRADAR_HZ, random)
    at = _at(t_s, night)
    x = np.interp(t_s, night.t_s, _band_passed(night.displacement_mm))
    wave = _gained(x, random.uniform(*GAIN_TAU_S) * MICRADAR_HZ)
    movement = _movement_pct(night.moving, random)
    second = -1
    for t, value, k in zip(t_s.tolist(), wave.tolist(), at.tolist(), strict=True):
        pct = None
        if int(t) != second:
            second = int(t)
            pct = int(movement[k])
        yield RadarSample(t, wave=value, movement_pct=pct)


def _band_passed(x: NDArray[Any]) -> NDArray[np.float64]:
    """.1 to .6 Hz by the Fourier transform, edges a third of an octave wide."""
    f_hz = np.fft.rfftfreq(x.size, 1.0 / SAMPLE_HZ)
    with np.errstate(divide="ignore"):
        octaves = np.log2(f_hz)
    pass_low = 1 / (1 + np.exp(-(octaves - np.log2(0.1)) * 9))
    pass_high = 1 / (1 + np.exp((octaves - np.log2(0.6)) * 9))
    y: NDArray[np.float64] = np.fft.irfft(np.fft.rfft(np.nan_to_num(x)) * pass_low * pass_high, x.size)
    return y


def _gained(x: NDArray[np.float64], tau: float) -> NDArray[np.float64]:
    """Brought to about 50 counts by a gain that follows the depth over ``tau`` samples; whole counts, clipped."""
    wave = np.empty(x.size)
    size, decay = float(np.median(np.abs(x))), 1.0 / tau
    for k, value in enumerate(x.tolist()):
        size += (abs(value) - size) * decay
        wave[k] = 32.0 * value / max(size, 1e-3)
    return np.clip(np.rint(wave), -128, 127)


def _movement_pct(moving: NDArray[Any], random: np.random.Generator) -> NDArray[np.int64]:
    """Body movement as the module words it: 1 breathing only, to 30 a limb, above that the body."""
    level = np.where(moving < 0.05, 1.0, np.where(moving < 0.5, 2 + 56 * moving, 31 + 138 * (moving - 0.5)))
    wobble = np.where(level > 1, 3 * random.standard_normal(level.size), 0.0)
    pct: NDArray[np.int64] = np.clip(np.rint(level + wobble), 1, 100).astype(np.int64)
    return pct
