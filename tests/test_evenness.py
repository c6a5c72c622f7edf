"""A machine swings with one length and one depth for ever; a chest never does for long."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_bodies import frames

from appliance.displacement import Bodies, Tick
from appliance.echo import LIVELY
from appliance.evenness import SWINGS, Evenness
from appliance.presence import Presence, PresenceGate
from drivers.readings import Module

SETTLE_SWINGS = 4  # until there is a whole one and the middle is found, and from the last crest to its end


def fan(sweep_hz: float, depth_mm: float, seconds: float, seed: int = 0, start_s: float = 0.0) -> list[Tick]:
    """A head that swings, in the noise that an A121 has of one 1.1 m away; now and then it counts as moving."""
    rng = np.random.default_rng(seed)
    t_s = np.arange(round(seconds * 10)) / 10
    mm = depth_mm / 2 * np.sin(2 * np.pi * (sweep_hz * t_s + rng.random())) + 0.022 * rng.standard_normal(t_s.size)
    moving = np.where(rng.random(t_s.size) < 0.05, 1.0, 0.1)
    return ticks(t_s + start_s, mm, moving)


def sleeper(brpm: float, seconds: float, cv: float, depth_cv: float, seed: int, start_s: float = 0.0) -> list[Tick]:
    """Breaths of 4 mm, whose lengths vary by ``cv`` and their depths by ``depth_cv``."""
    rng = np.random.default_rng(seed)
    lengths_s = 60 / brpm * np.exp(cv * rng.standard_normal(int(seconds * brpm / 60 * 1.3) + 8))
    starts_s = np.concatenate(([0.0], np.cumsum(lengths_s)))
    depths_mm = 4.0 * np.exp(depth_cv * rng.standard_normal(starts_s.size))
    t_s = np.arange(round(seconds * 10)) / 10
    count = np.interp(t_s, starts_s, np.arange(starts_s.size))
    mm = depths_mm[count.astype(int)] * (0.5 - 0.5 * np.cos(2 * np.pi * count)) + 0.02 * rng.standard_normal(t_s.size)
    return ticks(t_s + start_s, mm, np.full(t_s.size, 0.1))


def ticks(t_s: np.ndarray, mm: np.ndarray, moving: np.ndarray) -> list[Tick]:
    """Of an A121 that sees something alive at 0.6 m."""
    columns = zip(t_s.tolist(), mm.tolist(), moving.tolist(), strict=True)
    return [Tick(t, x, m, distance_m=0.6, activity=1.4 * LIVELY) for t, x, m in columns]


def judge(told: list[Tick]) -> list[Presence]:
    gate = PresenceGate(Module.ACCONEER)
    return [verdict for tick in told if (verdict := gate.update(tick)) is not None]


def machine_s(told: list[Tick]) -> float:
    """For how long these were a machine's."""
    evenness, count = Evenness(), 0
    for tick in told:
        evenness.update(tick)
        count += evenness.is_machine(tick.t_s, False)
    return count / 10


@given(st.floats(0.05, 0.15), st.floats(3.0, 20.0), st.integers(0, 2**32))
def test_a_fan_is_nobody_as_soon_as_it_has_swung_ten_times(sweep_hz: float, depth_mm: float, seed: int) -> None:
    """And 15 s: -0.4 nats a second from +4 to -1 are 13."""
    known_s = (SWINGS + SETTLE_SWINGS) / sweep_hz + 15.0
    verdicts = judge(fan(sweep_hz, depth_mm, known_s + 300.0, seed))
    assert not any(verdict.present for verdict in verdicts if verdict.t_s > known_s)
    assert "machine" in verdicts[-1].reason


@pytest.mark.parametrize(("range_m", "counts"), [(0.6, 900.0), (1.1, 200.0), (1.4, 120.0)])
@pytest.mark.parametrize(("sweep_hz", "depth_mm"), [(0.06, 16.0), (0.15, 8.0), (0.1, 4.0)])
def test_a_fan_in_the_range_profile_is_nobody(range_m: float, counts: float, sweep_hz: float, depth_mm: float) -> None:
    """Near and far, strong and weak: from ten swings and 15 s on."""
    known_s = 10.0 / sweep_hz + 15.0
    swings = lambda t_s: depth_mm / 2 * math.sin(2 * math.pi * sweep_hz * t_s)  # noqa: E731
    bodies, told = Bodies(Module.ACCONEER), []
    for sample in frames(known_s + 60.0, (range_m, counts, swings)):
        told += [row[0] for row in bodies.update(sample) if row[0] is not None]
    assert max(tick.activity for tick in told if tick.activity == tick.activity) > LIVELY  # it is seen
    verdicts = judge(told)
    assert any(verdict.present for verdict in verdicts)  # and taken for somebody at first
    assert not any(verdict.present for verdict in verdicts if verdict.t_s > known_s)


@pytest.mark.parametrize("brpm", [6.0, 7.0, 13.0, 20.0])
@pytest.mark.parametrize("seed", range(5))
def test_an_even_sleeper_is_somebody(brpm: float, seed: int) -> None:
    """Of deep sleep's least variation: 0.03 of the lengths (MESA), 0.10 of the depths."""
    told = sleeper(brpm, 900.0, 0.03, 0.1, seed)
    assert all(verdict.present for verdict in judge(told) if verdict.t_s > 60.0)


def test_even_sleepers_are_hardly_ever_machines() -> None:
    """Twenty of 13 breaths a minute, of CV 0.03 and depths of CV 0.10, for half an hour each: below 0.3 %."""
    seconds = [machine_s(sleeper(13.0, 1800.0, 0.03, 0.1, seed)) for seed in range(20)]
    assert sum(seconds) < 0.003 * 20 * 1800


@pytest.mark.parametrize("depth_cv", [0.0, 0.15])
def test_lengths_alone_make_no_machine_and_nor_do_depths(depth_cv: float) -> None:
    """Breathing to a metronome keeps its lengths, a shaken bed its depths: either alone is somebody's."""
    told = sleeper(10.0, 600.0, 0.15 - depth_cv, depth_cv, 5)
    assert machine_s(told) == 0.0
    assert machine_s(sleeper(10.0, 600.0, 0.0, 0.0, 5)) > 450.0  # but both


def test_who_comes_where_a_fan_swings_is_seen_within_half_a_minute() -> None:
    told = fan(0.12, 8.0, 300.0) + sleeper(14.0, 300.0, 0.06, 0.15, 2, start_s=300.0)
    verdicts = judge(told)
    assert not any(verdict.present for verdict in verdicts if 150.0 < verdict.t_s < 300.0)
    assert all(verdict.present for verdict in verdicts if verdict.t_s > 330.0)


def test_a_fan_that_stops_is_a_machine_no_more() -> None:
    evenness = Evenness()
    for tick in fan(0.1, 8.0, 200.0):
        evenness.update(tick)
    assert evenness.is_machine(200.0, True)
    assert not evenness.is_machine(216.0, False)


def test_a_gap_makes_no_swing() -> None:
    """Seconds that nobody heard are no part of an interval: the next is judged with those before the gap."""
    whole = fan(0.1, 8.0, 400.0)
    gone = [tick._replace(displacement=math.nan) if 200.0 < tick.t_s < 214.0 else tick for tick in whole]
    assert machine_s(whole) - machine_s(gone) == pytest.approx(25.0, abs=15.0)


def test_memory_is_constant() -> None:
    evenness, sizes = Evenness(), []
    told = fan(0.1, 8.0, 900.0)
    for half in (told[:4500], told[4500:]):
        for tick in half:
            evenness.update(tick)
        sizes.append(len(pickle.dumps(evenness)))
    assert sizes[1] <= sizes[0] * 1.05
