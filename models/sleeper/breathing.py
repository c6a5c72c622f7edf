"""Breath by breath: when each breath begins, how long and deep it is, and what chest and belly make of it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.sleeper.hypnogram import N1, N2, R, W
from models.sleeper.noise import flickers, wander
from models.sleeper.parameters import SAMPLE_HZ, Parameters
from models.sleeper.person import Cues, Person
from models.sleeper.plan import Doing, Timeline

# What a night's stages weigh in the middle that cue strengths pull towards: W, N1, N2, N3, R.
_TYPICAL = np.array([0.08, 0.08, 0.48, 0.15, 0.21])
# Bursts, sighs and slow wander widen intervals beyond the noise itself; these bring the whole back to the table.
MOST_DEPTH_CV = 0.8  # a breath is seldom twice the last
_OWN_NOISE = np.array([1.10, 1.0, 0.98, 0.94, 1.08])

_LN_INTERVAL, _SIGMA, _LONG, _LN_DEPTH, _DEPTH_SIGMA, _INSPIRED, _PAUSE, _SIGH, _HOLD, _RIB, _COLUMNS = range(11)


class Breaths(NamedTuple):
    """The breaths of a night; every array is (breaths,)."""

    start_s: NDArray[np.float64]
    interval_s: NDArray[np.float64]
    depth: NDArray[np.float64]  # tidal volume, 1 in quiet NREM sleep
    inspired: NDArray[np.float64]  # Ti/Ttot
    pause: NDArray[np.float64]  # share of the breath spent at its end, still
    rib: NDArray[np.float64]  # the rib cage's share of the volume, negative in paradox
    sigh: NDArray[np.bool_]


class Disturbances(NamedTuple):
    """What breaks into quiet breathing, per second, and the moments at which it wakes the body."""

    depth: NDArray[np.float64]
    rate: NDArray[np.float64]
    hold_s: NDArray[np.float64]
    paradox: NDArray[np.float64]  # multiplies the rib share
    arousals_s: list[float]


def pull(values: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """Five positive values by stage, their contrast in the logarithm scaled by a cue's strength."""
    ln = np.log(values)
    middle = float(ln @ _TYPICAL)
    pulled: NDArray[np.float64] = np.exp(middle + strength * (ln - middle))
    return pulled


def draw_phasic(stage_s: NDArray[np.int8], rng: np.random.Generator, p: Parameters) -> NDArray[np.bool_]:
    """(seconds,) the bursts of REM sleep."""
    bout_s, gap_s = p.all("phasic")
    bursts = flickers(rng, stage_s.size, bout_s, gap_s * rng.uniform(0.6, 1.4))
    phasic: NDArray[np.bool_] = np.logical_and(bursts, stage_s == R)
    return phasic


def draw_disturbances(
    person: Person,
    stage_s: NDArray[np.int8],
    phasic: NDArray[np.bool_],
    supine_s: NDArray[np.bool_],
    rng: np.random.Generator,
    p: Parameters,
) -> Disturbances:
    """What REM bursts do to breathing, apnoeas and hypopnoeas, and the periodic breathing of falling asleep."""
    seconds = stage_s.size
    depth, rate = np.ones(seconds), np.ones(seconds)
    hold, paradox = np.zeros(seconds), np.ones(seconds)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], phasic, [False])).astype(np.int8)))
    chance, low_s, high_s = p.all("phasic_pause")
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        depth[start:end] = p.draw("phasic_depth", rng)
        rate[start:end] = p.draw("phasic_rate", rng)
        if rng.random() < chance:
            hold[start] = rng.uniform(low_s, high_s)
        paradox[start:end] = -0.5 if rng.random() < p.one("phasic_paradox") else 0.5
    cycle_s, swing = p.all("periodic")
    light = (stage_s == N1) | (stage_s == N2)
    fades = np.where(stage_s == N1, 1.0, 0.2) * light
    phase = 2.0 * math.pi * np.cumsum(1.0 + 0.2 * wander(rng, seconds, 120.0)) / cycle_s
    depth *= 1.0 + swing * fades * np.sin(phase)
    arousals = _apnoeas(person, stage_s, supine_s, depth, hold, paradox, rng, p)
    return Disturbances(depth, rate, hold, paradox, arousals)


def _apnoeas(
    person: Person,
    stage_s: NDArray[np.int8],
    supine_s: NDArray[np.bool_],
    depth: NDArray[np.float64],
    hold: NDArray[np.float64],
    paradox: NDArray[np.float64],
    rng: np.random.Generator,
    p: Parameters,
) -> list[float]:
    """Write events into the arrays given; the seconds at which they end with a start."""
    supine, other = p.all("apnoea_supine")
    # They come in trains, so half of them follow the one before after a short recovery.
    risk = person.apnoea_per_h / 3600.0 * p.by_stage("apnoea_stage")[stage_s] * np.where(supine_s, supine, other) * 0.5
    starts = np.flatnonzero(rng.random(stage_s.size) < risk)
    mean_s, sd_s, least_s = p.all("apnoea_s")
    low, high = p.all("arousal_breaths")
    central_share = rng.uniform(0.05, 0.4)
    arousals: list[float] = []
    busy_until = 0
    for first in starts:
        at = int(first)
        while busy_until <= at < stage_s.size - 60 and stage_s[at] != W:
            length = round(max(mean_s + sd_s * rng.standard_normal(), least_s))
            end = at + length
            if rng.random() < central_share:
                hold[at] = length
            else:
                hypopnoea = rng.random() < 0.6
                floor = rng.uniform(0.3, 0.65) if hypopnoea else rng.uniform(0.15, 0.35)
                depth[at:end] *= floor * np.linspace(0.8, 1.4, length)  # effort grows against the closed airway
                paradox[at:end] *= 0.6 if hypopnoea else -0.8
            recovery = round(rng.uniform(6.0, 14.0))
            depth[end : end + recovery] *= rng.uniform(low, high)
            if rng.random() < 0.5:
                arousals.append(float(end))
            busy_until = end + recovery
            at = busy_until + round(rng.exponential(15.0)) if rng.random() < 0.5 else stage_s.size
    return arousals


def draw_breaths(
    person: Person,
    timeline: Timeline,
    stage_s: NDArray[np.int8],
    breaks: Disturbances,
    moved_s: NDArray[np.bool_],
    cues: Cues,
    rng: np.random.Generator,
    p: Parameters,
) -> Breaths:
    """Every breath of the night.  ``moved_s`` (seconds,) marks body movements, after which breathing is deeper."""
    seconds = stage_s.size
    laws = np.empty((seconds, _COLUMNS))
    awake = stage_s == W
    doing = np.clip(timeline.doing, 0, None)
    reading = awake & (timeline.doing != Doing.TRY_TO_SLEEP)

    rate = pull(p.by_stage("rate_stage"), cues.rate)[stage_s] * np.exp(np.array(person.stage_rate_ln))[stage_s]
    talking = awake & (timeline.doing == Doing.TALK)
    talk_rate, talk_inspired = p.all("talking")
    rate = np.where(talking, talk_rate * rate, rate)
    slow = wander(rng, seconds, p.one("interval_slow_tau_s")) * p.by_stage("interval_slow_sd_ln")[stage_s]
    ago_s = np.arange(seconds) - (timeline.passages[0][0] if timeline.passages else 0.0)
    slow -= person.rate_evening_ln * np.exp(-np.maximum(ago_s, 0.0) / p.all("rate_evening_ln")[2])
    hours = person.rate_wander_ln * wander(rng, seconds, p.all("rate_wander_ln")[2])
    slow += hours * np.where(awake, p.one("rate_wander_awake"), 1.0)
    night = p.one("rate_night_sd_ln") * rng.standard_normal()
    laws[:, _LN_INTERVAL] = np.log(60.0 / person.breaths_brpm) - np.log(rate * breaks.rate) + slow - night

    old = float(np.clip((person.age_years - 30.0) / 40.0, 0.0, 1.0))
    young_cv, old_cv = p.by_stage("interval_cv"), p.by_stage("interval_cv_old")
    cv = pull(young_cv if p.variant else young_cv ** (1.0 - old) * old_cv**old, cues.interval)
    ln_cv = np.where(reading, np.log(np.array(p.all("awake_cv")) * cv[W] / young_cv[W])[doing], np.log(cv)[stage_s])
    width = p.by_stage("interval_window_sd_ln")[stage_s] * wander(rng, seconds, p.one("interval_window_tau_s"))
    laws[:, _SIGMA] = np.clip(np.exp(ln_cv + person.interval_ln + width) * _OWN_NOISE[stage_s], 0.01, 0.5)
    laws[:, _LONG] = p.by_stage("interval_long_range")[stage_s]

    of_night, of_minutes = p.all("amplitude_spread_sd_ln")
    spread = of_night * rng.standard_normal() + of_minutes * wander(rng, seconds, p.one("interval_window_tau_s"))
    depth_cv = pull(p.by_stage("amplitude_cv"), cues.amplitude)[stage_s] * np.exp(spread)
    depth_cv = np.minimum(depth_cv, MOST_DEPTH_CV)
    settled = np.convolve(moved_s, np.ones(10), mode="full")[:seconds] > 0
    deeper = np.where(settled & ~moved_s, p.draw("arousal_breaths", rng), 1.0)
    volume = pull(p.by_stage("tidal_volume"), cues.amplitude) / p.by_stage("tidal_volume")[N2]
    slow_sd, slow_tau_s = p.all("amplitude_slow")
    slow_depth = slow_sd * wander(rng, seconds, slow_tau_s)
    laws[:, _LN_DEPTH] = np.log(volume[stage_s] * np.maximum(breaks.depth, 0.02) * deeper) + slow_depth
    laws[:, _DEPTH_SIGMA] = depth_cv
    laws[:, _INSPIRED] = np.where(talking, talk_inspired, p.by_stage("inspired_share")[stage_s])
    laws[:, _PAUSE] = p.by_stage("pause_share")[stage_s] * rng.uniform(0.3, 1.7)
    laws[:, _SIGH] = pull(p.by_stage("sighs"), cues.sighs)[stage_s] / 3600.0
    laws[:, _HOLD] = breaks.hold_s
    laws[:, _RIB] = np.clip(p.by_stage("rib_share")[stage_s] + person.rib_share, 0.1, 0.9) * breaks.paradox

    most = seconds  # nobody breathes faster than once a second for a whole night
    low, high = p.all("sigh_size")
    chance, still_low, still_high = p.all("sigh_pause")
    sighs = np.array([low, high, chance, still_low, still_high, p.one("amplitude_ar")])
    table = _breathe(laws, rng.standard_normal((most, 8)), rng.random((most, 4)), sighs)
    start, interval, depth, inspired, pause, rib, sigh = table.T.copy()
    return Breaths(start, interval, depth, inspired, pause, rib, sigh > 0.5)


@njit(cache=True)
def _breathe(
    laws: NDArray[np.float64], normal: NDArray[np.float64], uniform: NDArray[np.float64], sighs: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(breaths, 7): start, interval, depth, inspired, pause, rib, sigh."""
    seconds = laws.shape[0]
    out = np.empty((normal.shape[0], 7))
    # Four processes two octaves apart make 1/f noise out of breaths.
    keep = np.exp(-1.0 / np.array([2.0, 8.0, 32.0, 128.0]))
    gain = np.sqrt(1.0 - keep * keep) * 0.5
    long_range = normal[0, :4] * 0.5
    depth_noise, shallow = 0.0, 0
    t = 0.0
    n = 0
    while t < seconds and n < normal.shape[0]:
        s = int(t)
        law = laws[s]
        z, u = normal[n], uniform[n]
        for k in range(4):
            long_range[k] = keep[k] * long_range[k] + gain[k] * z[k]
        persistent = long_range.sum()
        # Inspiration and expiration vary by themselves: breaths counted from peak to peak are as independent as those
        # counted from trough to trough.  1.4 makes their sum vary as the law says.
        middle = math.exp(law[0] + law[1] * math.sqrt(law[2]) * persistent)
        own = 1.4 * law[1] * math.sqrt(1.0 - law[2])
        inhale = law[5] * middle * math.exp(own * z[4])
        interval = inhale + (1.0 - law[5]) * middle * math.exp(own * z[7])
        inspired = min(max(inhale / interval, 0.2), 0.7)
        # Volume: short memory everywhere, long where intervals have it.
        depth_noise = sighs[5] * depth_noise + math.sqrt(1.0 - sighs[5] ** 2) * z[5]
        mixed = (
            math.sqrt(law[2]) * (0.8 * long_range[1] + 0.8 * long_range[2] + 1.1 * z[6] * 0.7)
            + math.sqrt(1.0 - law[2]) * depth_noise
        )
        depth = math.exp(law[3] + law[4] * mixed)
        pause, still = min(law[6], 0.9 - inspired), 0.0
        sigh = u[0] < law[7] * interval
        if sigh:
            depth = max(depth, 0.7) * (sighs[0] + (sighs[1] - sighs[0]) * u[1])
            interval *= 1.2 + 0.3 * u[1]
            inspired = min(inspired + 0.05, 0.7)
            shallow = 1 + int(3 * u[2])
            if u[3] < sighs[2]:
                still = sighs[3] + (sighs[4] - sighs[3]) * u[3] / sighs[2]
        elif shallow > 0:
            depth *= 0.7
            shallow -= 1
        interval = min(max(interval, 1.5), 12.0)
        # A pause that begins anywhere in this breath lengthens its end.
        for k in range(s, min(int(t + interval) + 1, seconds)):
            still = max(still, laws[k, 8])
            laws[k, 8] = 0.0
        whole = interval + still
        out[n, 0], out[n, 1], out[n, 2] = t, whole, depth
        out[n, 3] = inspired * interval / whole
        out[n, 4] = (pause * interval + still) / whole
        out[n, 5], out[n, 6] = law[9], 1.0 if sigh else 0.0
        t += whole
        n += 1
    return out[:n]


def chest_and_belly(breaths: Breaths, person: Person, samples: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(samples,) each, mm outwards at SAMPLE_HZ: inspiration half a cosine, expiration passive, then stillness."""
    signals: tuple[NDArray[np.float64], NDArray[np.float64]] = _render(
        breaths.start_s,
        breaths.interval_s,
        breaths.inspired,
        breaths.pause,
        breaths.depth * person.chest_mm * breaths.rib / 0.54,
        breaths.depth * person.belly_mm * (1.0 - breaths.rib) / 0.46,
        person.expiration_tau_s,
        samples,
        float(SAMPLE_HZ),
    )
    return signals


@njit(cache=True)
def _render(
    start_s: NDArray[np.float64],
    interval_s: NDArray[np.float64],
    inspired: NDArray[np.float64],
    pause: NDArray[np.float64],
    chest_mm: NDArray[np.float64],
    belly_mm: NDArray[np.float64],
    tau_s: float,
    samples: int,
    hz: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    chest, belly = np.zeros(samples), np.zeros(samples)
    for i in range(start_s.size):
        inhale = inspired[i] * interval_s[i]
        exhale = max(interval_s[i] * (1.0 - inspired[i] - pause[i]), 0.3)
        floor = math.exp(-exhale / tau_s)
        first = math.ceil(start_s[i] * hz)
        last = min(math.ceil((start_s[i] + interval_s[i]) * hz), samples)
        for k in range(first, last):
            x = k / hz - start_s[i]
            if x < inhale:
                level = 0.5 - 0.5 * math.cos(math.pi * x / inhale)
            elif x < inhale + exhale:
                level = (math.exp(-(x - inhale) / tau_s) - floor) / (1.0 - floor)
            else:
                level = 0.0
            chest[k] = chest_mm[i] * level
            belly[k] = belly_mm[i] * level
    return chest, belly
