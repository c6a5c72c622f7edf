"""What a sensor sees of the sleeper: a belt round the body, or a radar beside the bed."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.sleeper.body import AWAY_FROM, BACK, LARGE, Moves, move_signals
from models.sleeper.noise import drift, wander
from models.sleeper.parameters import SAMPLE_HZ, Parameters
from models.sleeper.person import Person
from models.sleeper.plan import Doing, Timeline

WAVELENGTH_MM = 4.96  # at 60.5 GHz


class Recorder(NamedTuple):
    """What a laboratory records breathing with."""

    sensor: str  # belt or airflow
    kept_hz: float


class Signals(NamedTuple):
    """(samples,) each, at SAMPLE_HZ."""

    displacement_mm: NDArray[np.float32]
    distance_m: NDArray[np.float32]
    moving: NDArray[np.float32]
    sensor: str  # radar, belt or airflow
    kept_hz: float  # nothing above half of it is left in the signal


def belt_view(
    person: Person,
    timeline: Timeline,
    chest: NDArray[np.float64],
    belly: NDArray[np.float64],
    moves: Moves,
    lies_s: NDArray[np.int8],
    rng: np.random.Generator,
    p: Parameters,
    recorder: Recorder | None = None,
) -> Signals:
    """What laboratories record: a belt on chest, belly or between, or airflow; one sign, artefacts in movement."""
    samples = chest.size
    mix = float(rng.choice([0.0, 1.0, rng.random()]))
    breath = mix * chest + (1.0 - mix) * belly
    sensor = "airflow" if rng.random() < p.one("airflow") else "belt"
    if recorder is not None:
        sensor = recorder.sensor
    if sensor == "airflow":
        # A thermistor: flow, blurred by its own half second, brought to about a belt's size.
        breath = _smooth(np.gradient(0.5 * (chest + belly), 1.0 / SAMPLE_HZ), 0.5)
    else:
        breath = breath + p.draw("belt_heart_mm", rng) * heartbeat(person, samples, rng)
    gain = _belt_gain(moves, samples, rng, p)
    moving, artefact = move_signals(moves, samples, p.all("belt_move_mm"), p.all("belt_small_mm"), rng)
    signal = breath * gain + artefact + _belt_steps(moves, samples, rng, p)
    signal += 0.2 * _slowly(rng, samples, 60.0) + drift(rng, samples, SAMPLE_HZ, 0.05)
    low, high = p.all("belt_noise_mm")
    signal += low * (high / low) ** rng.random() * rng.standard_normal(samples)
    share, low, high = p.all("belt_clip_mm")
    if rng.random() < share:
        rail = rng.uniform(low, high)
        signal = np.clip(signal, -rail, rail)
    kept_hz = float(rng.choice(p.all(f"{sensor}_hz"))) if recorder is None else recorder.kept_hz
    signal = _sampled(signal, kept_hz)
    away = _away(timeline, samples)
    signal[away] = 0.0
    distance = np.where(away, np.nan, math.hypot(person.lateral_m, person.height_m))
    return Signals(signal.astype(np.float32), distance.astype(np.float32), moving, sensor, kept_hz)


def _belt_gain(moves: Moves, samples: int, rng: np.random.Generator, p: Parameters) -> NDArray[np.float64]:
    """(samples,) how much of the breath a belt tells: another share after every shift, creeping in between."""
    shifted, jogged = p.all("belt_gain_ln")
    slide, slide_s = p.all("belt_slide_ln")
    large = np.flatnonzero(moves.size >= LARGE)
    ln = np.zeros(samples)
    level = shifted * rng.standard_normal()
    at = 0
    for event in large:
        middle = min(max(round((moves.start_s[event] + moves.length_s[event] / 2.0) * SAMPLE_HZ), at), samples)
        ln[at:middle] = level
        at = middle
        if moves.shift[event]:
            level = shifted * rng.standard_normal()
        else:
            level += jogged * rng.standard_normal()
    ln[at:] = level
    gain: NDArray[np.float64] = np.exp(_smooth(ln, 3.0) + slide * _slowly(rng, samples, slide_s))
    return gain


def _belt_steps(moves: Moves, samples: int, rng: np.random.Generator, p: Parameters) -> NDArray[np.float64]:
    """(samples,) mm: the level that each large move leaves a belt at, and how it comes back."""
    size_mm, back_s = p.all("belt_step_mm")
    level = np.zeros(samples)
    back = np.exp(-np.arange(round(6.0 * back_s * SAMPLE_HZ)) / (back_s * SAMPLE_HZ))
    for event in np.flatnonzero(moves.size >= LARGE):
        at = max(round((moves.start_s[event] + moves.length_s[event] / 2.0) * SAMPLE_HZ), 0)
        level[at : at + back.size] += size_mm * rng.standard_normal() * back[: max(samples - at, 0)]
    return _smooth(level, 1.0)


def _sampled(signal: NDArray[np.float64], hz: float) -> NDArray[np.float64]:
    """(samples,) what is left of a signal that was kept at ``hz``: nothing above 0.45 of it, down from 0.35."""
    f_hz = np.fft.rfftfreq(signal.size, 1.0 / SAMPLE_HZ)
    kept = np.clip((0.45 - f_hz / hz) / 0.1, 0.0, 1.0)
    y: NDArray[np.float64] = np.fft.irfft(np.fft.rfft(signal) * kept, signal.size)
    return y


def radar_view(
    person: Person,
    timeline: Timeline,
    chest: NDArray[np.float64],
    belly: NDArray[np.float64],
    moves: Moves,
    lies_s: NDArray[np.int8],
    pulse: NDArray[np.float64],
    rng: np.random.Generator,
    p: Parameters,
) -> Signals:
    """Along the line of sight: aim, posture, scatterers that change with every move, sway, drift, hops."""
    samples = chest.size
    away = _away(timeline, samples)
    aim, harmonic, position = _geometry(person, timeline, moves, lies_s, samples, rng, p)
    chest_share = rng.uniform(0.2, 0.8)
    breath = chest_share * chest + (1.0 - chest_share) * belly
    blanket = 1.0 + p.draw("blanket", rng) * _slowly(rng, samples, 15.0)
    seen = aim * blanket * (breath + harmonic * (breath * np.abs(breath) / 6.0 - breath / 2.0))
    heart = np.abs(aim) * p.draw("heart_mm", rng) * pulse
    moving, motion = move_signals(moves, samples, p.all("move_mm"), p.all("small_mm"), rng)
    body = _smooth(seen, 0.15) + heart + motion + position
    body += p.draw("sway_mm", rng) * _slowly(rng, samples, p.one("sway_tau_s"))
    body[away] = p.one("empty_um") / 1000.0 * rng.standard_normal(int(away.sum()))
    body += drift(rng, samples, SAMPLE_HZ, p.one("drift_um") / 1000.0)
    body += p.draw("noise_mm", rng) * rng.standard_normal(samples)
    body += _hops(samples, rng, p)
    moving[away] = 0.0
    distance = math.hypot(person.lateral_m, person.height_m) + position / 1000.0
    for at, into in timeline.passages:  # walking up or away: more than a metre in three seconds
        step = round(at * SAMPLE_HZ)
        span = slice(step, step + 3 * SAMPLE_HZ) if into else slice(max(step - 3 * SAMPLE_HZ, 0), step)
        walk = np.linspace(1.2, 0.0, distance[span].size)
        distance[span] += walk if into else walk[::-1]
        body[span] += 1000.0 * (walk if into else walk[::-1])
    distance[away] = np.nan
    return Signals(
        body.astype(np.float32), np.maximum(distance, 0.15).astype(np.float32), moving, "radar", float(SAMPLE_HZ)
    )


def _geometry(
    person: Person,
    timeline: Timeline,
    moves: Moves,
    lies_s: NDArray[np.int8],
    samples: int,
    rng: np.random.Generator,
    p: Parameters,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(samples,) signed gain on the breath, second harmonic, and where the body lies (mm), constant between moves."""
    least, most = p.all("scatter_gain")
    facing = np.array(p.all("facing"))
    facing[BACK] = person.height_m / math.hypot(person.lateral_m, person.height_m)
    large = np.flatnonzero(moves.size >= LARGE)
    starts = np.round((moves.start_s[large] + moves.length_s[large] / 2.0) * SAMPLE_HZ).astype(int)
    order = np.argsort(starts, kind="stable")
    edges = np.concatenate(([0], starts[order], [samples])).clip(0, samples)
    targets = {round(at): to_m for at, to_m in timeline.turns if to_m is not None}
    gain, place, sign, mixture = 1.0, 0.0, 1.0 if rng.random() < 0.5 else -1.0, 0.0
    aim, harmonic, position = np.empty(samples), np.empty(samples), np.empty(samples)
    home_m = math.hypot(person.lateral_m, person.height_m)
    own, centre = place, 0.0  # mm
    for k in range(edges.size - 1):
        event = large[order[k - 1]] if k else -1
        if k == 0 or moves.shift[event]:
            gain = p.draw("scatter_gain", rng)
            mixture = p.draw("harmonic", rng)
            own = centre + float(np.clip(own - centre + 40.0 * rng.standard_normal(), -120.0, 120.0)) if k else 0.0
            asked = targets.get(round(moves.start_s[event])) if k else None
            if asked is not None:
                own = centre = 1000.0 * (asked - home_m)  # who has rolled over stays there
        else:
            gain = min(max(gain * math.exp(0.15 * rng.standard_normal()), least), most)
            own += 5.0 * rng.standard_normal()
        if k and rng.random() < p.one("flip"):
            sign = -sign
        span = slice(edges[k], edges[k + 1])
        lies = lies_s[np.minimum(edges[k] // SAMPLE_HZ, lies_s.size - 1)]
        # The back moves less than the front and mostly by the ribs: one signed number stands for it.
        aim[span] = sign * gain * facing[lies] * (-1.0 if lies == AWAY_FROM else 1.0)
        harmonic[span] = mixture
        position[span] = own
    return _smooth(aim, 1.0), harmonic, _smooth(position, 3.0)


def heartbeat(person: Person, samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(samples,) the pulse at the chest wall, 1 peak to peak: two harmonics of a wandering rate."""
    rate_hz = person.heart_bpm / 60.0 * (1.0 + 0.06 * _slowly(rng, samples, 120.0) + 0.03 * _slowly(rng, samples, 4.0))
    phase = 2.0 * math.pi * np.cumsum(rate_hz) / SAMPLE_HZ
    pulse: NDArray[np.float64] = 0.4 * np.sin(phase) + 0.2 * np.sin(2.0 * phase + 1.0)
    return pulse


def _hops(samples: int, rng: np.random.Generator, p: Parameters) -> NDArray[np.float64]:
    """(samples,) steps of up to half a wavelength's worth of phase, where the module turns to another range bin."""
    steps = np.zeros(samples)
    for at in np.flatnonzero(rng.random(samples // SAMPLE_HZ) < 1.0 / (60.0 * p.one("hop_min"))):
        steps[at * SAMPLE_HZ] = rng.uniform(-WAVELENGTH_MM / 4.0, WAVELENGTH_MM / 4.0)
    return np.cumsum(steps)


def _away(timeline: Timeline, samples: int) -> NDArray[np.bool_]:
    return np.repeat(timeline.doing == Doing.AWAY, SAMPLE_HZ)[:samples]


def _slowly(rng: np.random.Generator, samples: int, tau_s: float) -> NDArray[np.float64]:
    """(samples,) unit wander, drawn at 2 Hz and joined by straight lines."""
    every = SAMPLE_HZ // 2
    knots = samples // every + 2
    return np.interp(np.arange(samples), np.arange(knots) * float(every), wander(rng, knots, 2.0 * tau_s))


def _smooth(values: NDArray[np.float64], width_s: float) -> NDArray[np.float64]:
    """(samples,) a centred moving average over an odd number of samples, the ends held."""
    half = max(round(width_s * SAMPLE_HZ / 2.0), 1)
    padded = np.concatenate((np.full(half + 1, values[0]), values, np.full(half, values[-1])))
    total = np.cumsum(padded)
    mean: NDArray[np.float64] = (total[2 * half + 1 :] - total[: -2 * half - 1]) / (2 * half + 1)
    return mean
