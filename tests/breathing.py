"""Samples of a made-up chest, as each module would hand them on: what the signal rooms' tests are fed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from appliance.displacement import TINYFRAME_MM_PER_RAD, Bodies, Tick
from drivers.readings import Module, RadarSample

Motion = Callable[[float], float]  # seconds -> mm


def breath(brpm: float, depth_mm: float = 4.0) -> Motion:
    """An even breath, ``depth_mm`` from peak to trough."""
    return lambda t_s: depth_mm / 2 * math.sin(2 * math.pi * brpm / 60 * t_s)


def human(brpm: float, seconds: float, cv: float = 0.08, depth_mm: float = 4.0, seed: int = 1) -> Motion:
    """Breaths whose lengths vary by ``cv``."""
    rng = np.random.default_rng(seed)
    lengths = 60 / brpm * np.exp(cv * rng.standard_normal(int(seconds * brpm / 60 * 1.5) + 8))
    starts = np.concatenate(([0.0], np.cumsum(lengths)))
    count = np.arange(starts.size)
    return lambda t_s: depth_mm / 2 * math.cos(2 * math.pi * float(np.interp(t_s, starts, count)))


def lungs(brpm: float, depth_mm: float = 4.0, deeper: dict[int, float] | None = None) -> Motion:
    """Breaths as a chest makes them, rising from 0 to ``depth_mm``: 40 % in, 40 % out, 20 % at rest.

    ``deeper`` are breaths, by number, of another depth: times the usual one.
    """
    period_s = 60.0 / brpm

    def at(t_s: float) -> float:
        number, part = divmod(t_s / period_s, 1.0)
        depth = depth_mm * (deeper or {}).get(int(number), 1.0)
        return depth * (0.5 - 0.5 * math.cos(math.pi * part / 0.4)) if part < 0.8 else 0.0

    return at


def phases(
    motion: Motion,
    start_s: float,
    end_s: float,
    *,
    noise_rad: float = 0.01,
    distance_m: float | None = 0.6,
    seed: int = 0,
) -> list[RadarSample]:
    """TinyFrame: 16 phases and 8 distances a second; ``distance_m`` None is no lock, without phases."""
    rng = np.random.default_rng(seed)
    samples = []
    for k in range(math.ceil(start_s * 16), math.ceil(end_s * 16)):
        t_s = k / 16
        if distance_m is not None:
            phase = motion(t_s) / TINYFRAME_MM_PER_RAD + noise_rad * float(rng.standard_normal())
            samples.append(RadarSample(t_s, phase_rad=phase))
        if k % 2 == 0:
            samples.append(RadarSample(t_s, distance_m=distance_m, no_target=distance_m is None))
    return samples


def waves(motion: Motion, start_s: float, end_s: float, movement_pct: int = 1) -> list[RadarSample]:
    """Micradar: five whole waveform bytes and one body movement a second."""
    samples = []
    for second in range(round(start_s), round(end_s)):
        samples += [RadarSample(t, wave=float(round(20 * motion(t)))) for t in (second + k / 5 for k in range(5))]
        samples.append(RadarSample(second + 0.9, movement_pct=movement_pct, distance_m=0.8))
    return samples


def echoes(
    motion: Motion, start_s: float, end_s: float, *, reflection: float = 600.0, leak: float = 3000.0, seed: int = 0
) -> list[RadarSample]:
    """Acconeer: 20 frames a second of four points; a leak that stands at the first, a body at the other three."""
    rng = np.random.default_rng(seed)
    turns = np.exp(1j * rng.uniform(-np.pi, np.pi, 3))
    samples = []
    for k in range(math.ceil(start_s * 20), math.ceil(end_s * 20)):
        body = reflection * np.exp(4j * np.pi * motion(k / 20) / 4.955) * turns * (1.0, 0.6, 0.2)
        noise = 6.0 * (rng.standard_normal(4) + 1j * rng.standard_normal(4)) / math.sqrt(2)
        iq = (np.concatenate(([leak], body)) + noise).astype(np.complex64)
        samples.append(RadarSample(k / 20, iq=iq, sweep_spread=np.full(4, 24.0, np.float32)))
    return samples


def ticks_of(module: Module, samples: Iterable[RadarSample]) -> list[Tick]:
    """All ticks of a stream."""
    bodies = Bodies(module)
    return [tick for sample in samples for row in bodies.update(sample) for tick in row[:1] if tick is not None]
