"""Each module's signal on one 10 Hz grid: exact values, gaps, jumps, and no difference however samples arrive."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from breathing import breath, echoes, human, phases, ticks_of, waves
from hypothesis import given
from hypothesis import strategies as st

from appliance.displacement import MAX_FILL_S, Displacement, Tick, movement_index
from drivers.readings import Module, RadarSample, Target


def phase_mm(t_s: float, mm: float) -> RadarSample:
    return RadarSample(t_s, phase_rad=mm / 0.398)  # lambda / 4 pi at 60 GHz


def test_phase_is_interpolated_onto_tenths_of_a_second() -> None:
    ticks = ticks_of(Module.TINYFRAME, [phase_mm(0.0, 1.0), phase_mm(0.25, 1.1), phase_mm(0.4, 1.25)])
    assert [tick.t_s for tick in ticks] == [0.0, 0.1, 0.2, 0.3, 0.4]
    # 0.1 mm in 0.25 s, then 0.15 mm in 0.15 s; levels mean nothing, so the first tick stands at 0.
    np.testing.assert_allclose([tick.displacement for tick in ticks], [0.0, 0.04, 0.08, 0.15, 0.25], atol=1e-9)
    assert [tick.broke for tick in ticks] == [True, False, False, False, False]


def test_a_gap_over_half_a_second_is_missing() -> None:
    ticks = ticks_of(Module.TINYFRAME, [phase_mm(0.0, 1.0), phase_mm(0.1, 1.0), phase_mm(0.8, 1.2), phase_mm(0.9, 1.3)])
    values = [tick.displacement for tick in ticks]
    assert [math.isnan(value) for value in values] == [False] * 2 + [True] * 6 + [False] * 2
    assert ticks[8].broke
    assert values[8:] == pytest.approx([0.0, 0.1])


def test_a_jump_of_more_than_one_radian_breaks_and_moves() -> None:
    samples = [RadarSample(k / 16, phase_rad=0.5 if k < 16 else 2.0) for k in range(32)]
    ticks = ticks_of(Module.TINYFRAME, samples)
    broken = [tick for tick in ticks if tick.broke]
    assert [tick.t_s for tick in broken] == [0.0, 1.0]
    assert broken[1].moving == 1.0
    # A segment goes on from the level where the one before it ended: no step of our own making.
    assert all(tick.displacement == pytest.approx(0.0) for tick in ticks)


def test_a_radian_a_frame_is_followed() -> None:
    ticks = ticks_of(Module.TINYFRAME, [RadarSample(k / 16, phase_rad=5.0 + 0.9 * (k % 2)) for k in range(1, 32)])
    assert not any(tick.broke for tick in ticks[1:])


def test_a_deep_breath_in_is_followed_beyond_a_radian_a_frame() -> None:
    """8 mm at 20/min passes the middle at 8.4 mm/s, 1.3 rad in a sixteenth of a second; no step differs by much."""
    ticks = ticks_of(Module.TINYFRAME, phases(breath(20, 8.0), 0.75, 30))
    assert not any(tick.broke for tick in ticks[1:])
    assert np.ptp([tick.displacement for tick in ticks]) == pytest.approx(8.0, rel=0.02)


def test_phases_of_exactly_zero_are_no_lock() -> None:
    ticks = ticks_of(Module.TINYFRAME, [RadarSample(k / 16, phase_rad=0.0, distance_m=0.6) for k in range(32)])
    assert ticks
    assert all(math.isnan(tick.displacement) and math.isnan(tick.moving) for tick in ticks)
    assert ticks[-1].distance_m == 0.6


def test_breathing_is_still_and_a_limb_moves() -> None:
    sleeping = ticks_of(Module.TINYFRAME, phases(breath(15), 0, 60))
    assert max(tick.moving for tick in sleeping) < 0.3
    shaking = ticks_of(Module.TINYFRAME, phases(lambda t: 2 * math.sin(2 * math.pi * 1.5 * t), 0, 10))
    assert np.mean([tick.moving >= 0.5 for tick in shaking]) > 0.5  # 2 mm at 1.5 Hz: 178 mm/s2 at its peak


def test_a_fast_target_moves() -> None:
    samples = phases(breath(15), 0, 10)
    samples += [RadarSample(5.01, targets=(Target(0.0, 0.6, -0.35),)), RadarSample(6.01, targets=())]
    ticks = ticks_of(Module.TINYFRAME, sorted(samples, key=lambda sample: sample.t_s))
    assert [tick.t_s for tick in ticks if tick.moving >= 0.5] == pytest.approx([5.1, 5.2, 5.3, 5.4, 5.5])


def test_distance_is_held_for_three_seconds_and_not_longer() -> None:
    samples = [RadarSample(0.0, distance_m=0.5)] + [phase_mm(k / 10, 1.0) for k in range(60)]
    ticks = ticks_of(Module.TINYFRAME, sorted(samples, key=lambda sample: sample.t_s))
    held = [tick.t_s for tick in ticks if not math.isnan(tick.distance_m)]
    assert max(held) == pytest.approx(2.9)
    gone = ticks_of(Module.TINYFRAME, [phase_mm(0.0, 1), RadarSample(0.05, no_target=True), phase_mm(0.1, 1)])
    assert gone[-1].no_target
    assert math.isnan(gone[-1].distance_m)


@pytest.mark.parametrize(
    ("pct", "index"), [(0, 0.0), (1, 0.0), (2, 0.05), (16, 0.25), (30, 0.45), (31, 0.5), (100, 1.0)]
)
def test_micradar_movement_scale(pct: int, index: float) -> None:
    """MR24HPB1 manual: 1 breathing only, 2-30 limb or head, 31-60 slow body, 61-100 fast."""
    assert movement_index(pct) == pytest.approx(index)


def test_micradar_five_hertz_wave_becomes_ten() -> None:
    ticks = ticks_of(Module.MICRADAR, waves(breath(12), 0, 30))
    values = np.array([tick.displacement for tick in ticks])
    t_s = np.array([tick.t_s for tick in ticks])
    # 20 counts a mm times 0.04 mm a count; rounding to whole counts and straight lines between the samples.
    expected = 0.8 * np.array([breath(12)(t) for t in t_s])
    assert np.abs(values - values[0] - expected + expected[0]).max() < 0.06
    assert {tick.moving for tick in ticks[15:]} == {0.0}
    assert {tick.activity for tick in ticks[15:]} == {1.0}


def test_micradar_log_without_a_waveform_still_ticks() -> None:
    samples = [RadarSample(float(k), movement_pct=40, distance_m=0.7) for k in range(10)]
    ticks = ticks_of(Module.MICRADAR, samples)
    assert [tick.t_s for tick in ticks] == pytest.approx([k / 10 for k in range(85)])
    assert all(math.isnan(tick.displacement) for tick in ticks)
    assert ticks[20].moving == pytest.approx(0.5 + 0.5 * 9 / 69)


def test_acconeer_echo_gives_millimetres_and_forgets_what_stands() -> None:
    ticks = ticks_of(Module.ACCONEER, echoes(breath(15, 3.0), 0, 40))
    settled = np.array([tick.displacement for tick in ticks if tick.t_s >= 15])
    assert np.ptp(settled) == pytest.approx(3.0, rel=0.05)
    assert ticks[-1].activity > 6.5
    assert max(tick.moving for tick in ticks if tick.t_s >= 5) < 0.3


def test_acconeer_empty_seat_is_not_lively() -> None:
    ticks = ticks_of(Module.ACCONEER, echoes(breath(15), 0, 20, reflection=0.0))
    assert max(tick.activity for tick in ticks if tick.t_s >= 1) < 1.0
    assert not any(tick.moving >= 0.5 for tick in ticks if tick.t_s >= 5)


def test_long_silence_is_filled_for_a_minute_and_then_stepped_over() -> None:
    ticks = ticks_of(Module.TINYFRAME, [phase_mm(0.0, 1.0), phase_mm(1000.0, 2.0)])
    times = [tick.t_s for tick in ticks]
    assert times[-2] == pytest.approx(MAX_FILL_S - 0.6)
    assert times[-1] == 1000.0
    assert ticks[-1].broke


def same(left: list[Tick], right: list[Tick]) -> bool:
    return len(left) == len(right) and repr(left) == repr(right)


@given(st.lists(st.floats(0.01, 1.4), min_size=2, max_size=60), st.data())
def test_advancing_never_changes_which_ticks_come(gaps: list[float], data: st.DataObject) -> None:
    """Whatever the arrival times, and however often the caller says that time has passed."""
    times = np.cumsum(gaps)
    samples = [
        RadarSample(float(t), phase_rad=math.sin(t)) if k % 3 else RadarSample(float(t), distance_m=0.5 + 0.01 * k)
        for k, t in enumerate(times)
    ]
    plain = ticks_of(Module.TINYFRAME, samples)
    displacement = Displacement(Module.TINYFRAME)
    told: list[Tick] = []
    for before, after in pairwise([RadarSample(0.0), *samples]):
        share = data.draw(st.floats(0.0, 1.0))
        told += displacement.advance(before.t_s + share * (after.t_s - before.t_s))
        told += displacement.update(after)
    assert same(plain, told)


def test_ticks_lie_on_the_grid_without_holes() -> None:
    for module, samples in (
        (Module.TINYFRAME, phases(human(14, 30), 3.3, 30)),
        (Module.MICRADAR, waves(human(14, 30), 3, 30)),
        (Module.ACCONEER, echoes(human(14, 30), 3.3, 30)),
    ):
        ticks = ticks_of(module, samples)
        assert [round(tick.t_s * 10) for tick in ticks] == list(
            range(round(ticks[0].t_s * 10), len(ticks) + round(ticks[0].t_s * 10))
        )
