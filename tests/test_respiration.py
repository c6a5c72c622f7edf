"""Breaths, rate and epochs of signals whose breathing is known."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable

import numpy as np
import pytest
from breathing import Motion, breath, echoes, human, phases, ticks_of, waves
from hypothesis import given
from hypothesis import strategies as st

from appliance.breaths import KEPT_QUALITY
from appliance.displacement import Tick
from appliance.kernels import compiled, repetitions, warm
from appliance.pace import pace
from appliance.respiration import Breathing, Respiration, epochs_of
from drivers.readings import Module
from models.contract import Breath, Epoch

NAN = math.nan


def ticks(
    motion: Motion, seconds: float, noise_mm: float = 0.0, moving: float = 0.0, start_s: float = 0.0
) -> list[Tick]:
    rng = np.random.default_rng(0)
    times = [k / 10 for k in range(round(start_s * 10), round((start_s + seconds) * 10))]
    return [Tick(t, motion(t) + noise_mm * float(rng.standard_normal()), moving) for t in times]


def breathe(stream: list[Tick]) -> tuple[list[Breathing], list[Epoch], list[Breath]]:
    respiration = Respiration()
    reports = [report for tick in stream if (report := respiration.update(tick)) is not None]
    epochs = respiration.take_epochs()
    return reports, epochs, [one for epoch in epochs for one in epoch.breaths]


@pytest.mark.parametrize("brpm", [6, 8, 12, 15, 20, 25, 30])
def test_known_rate(brpm: float) -> None:
    reports, _, breaths = breathe(ticks(breath(brpm), 90.0, noise_mm=0.05))
    last = reports[-1]
    assert last.rate_brpm == pytest.approx(brpm, abs=0.1)
    assert last.quality > 0.8
    assert np.median([one.interval_s for one in breaths]) == pytest.approx(60 / brpm, rel=0.01)


def test_breaths_have_their_times_and_depths() -> None:
    """15/min turns at 1 s + 2 k.  The pole a = 1 / (1 + 2 pi 0.1 / 10) = 0.941 at w = 2 pi 0.25 / 10 = 0.157 leads by
    atan(0.1/0.25) / (2 pi 0.25) = 0.24 s and leaves a |1 - e^-iw| / |1 - a e^-iw| = 0.941 x 0.157 / 0.163 = 0.905;
    two means of five leave (sin(5 w/2) / (5 sin(w/2)))^2 = 0.952."""
    _, _, breaths = breathe(ticks(breath(15, 4.0), 120.0))
    for one in breaths[4:]:
        assert (one.t_s + 0.24 - (1.0 if one.rising else 3.0) + 2.0) % 4.0 == pytest.approx(2.0, abs=0.06)
        assert one.interval_s == pytest.approx(4.0, abs=0.01)
        assert one.amplitude == pytest.approx(4.0 * 0.905 * 0.952, rel=0.01)
    assert {one.rising for one in breaths} == {True, False}


def test_sign_and_unit_do_not_matter() -> None:
    stream = ticks(human(14, 130), 120.0)
    _, _, plain = breathe(stream)
    _, _, turned = breathe([tick._replace(displacement=-3.0 * tick.displacement) for tick in stream])
    settled = [(one.t_s, one.interval_s, one.rising) for one in plain if one.t_s > 15]
    flipped = [(one.t_s, one.interval_s, not one.rising) for one in turned if one.t_s > 15]
    np.testing.assert_allclose(np.array(settled, float), np.array(flipped, float), atol=1e-6)


def test_breath_by_breath_intervals_follow_the_sleeper() -> None:
    """A breath's maxima lie where ``human`` changes its length, its minima half-way between them."""
    lengths = 4.0 * np.exp(0.1 * np.random.default_rng(1).standard_normal(200))  # as human(15, cv=0.1) draws them
    _, _, breaths = breathe(ticks(human(15, 700, cv=0.10), 600.0, noise_mm=0.03))
    for rising, drawn in ((True, lengths), (False, (lengths[1:] + lengths[:-1]) / 2)):
        intervals = np.array([one.interval_s for one in breaths if one.rising is rising])
        drawn = drawn[: intervals.size]
        assert intervals.size == pytest.approx(570 / 4.02, abs=5)  # the last epoch is not closed yet
        assert intervals.std() == pytest.approx(drawn.std(), rel=0.15)
        assert max(np.corrcoef(intervals, np.roll(drawn, -lag))[0, 1] for lag in range(4)) > 0.9


def test_noise_has_no_rate() -> None:
    rng = np.random.default_rng(3)
    white = [Tick(k / 10, float(rng.normal(0, 0.5)), 0.0) for k in range(6000)]
    reports, _, _ = breathe(white)
    assert sum(report.rate_brpm is not None for report in reports) <= 6  # of 600 seconds
    assert np.mean([report.quality for report in reports]) < 0.25


def test_flat_and_tiny_signals_have_no_breaths() -> None:
    reports, _, breaths = breathe(ticks(breath(15, 0.02), 60.0))
    assert not breaths
    assert all(report.rate_brpm is None and report.amplitude is None for report in reports)


def test_no_rate_without_quality() -> None:
    reports, _, _ = breathe(ticks(human(14, 330, cv=0.5), 300.0, noise_mm=0.3))
    assert all(report.quality >= KEPT_QUALITY for report in reports if report.rate_brpm is not None)
    assert any(report.rate_brpm is None for report in reports)


def test_held_breath_ends_the_rate_and_is_one_long_interval() -> None:
    held = lambda t: breath(15)(min(t, 61.0) + max(0.0, t - 101.0))  # noqa: E731  40 s at the top of a breath
    reports, _, breaths = breathe(ticks(held, 180.0, noise_mm=0.005))
    assert next(report for report in reports if report.t_s == 95.0).rate_brpm is None
    assert reports[-1].rate_brpm == pytest.approx(15.0, abs=0.2)
    assert max(one.interval_s for one in breaths) == pytest.approx(44.0, abs=1.0)


def test_missing_signal_breaks_intervals_and_costs_coverage() -> None:
    stream = ticks(breath(15), 90.0)
    stream = [tick._replace(displacement=NAN) if 40 <= tick.t_s < 50 else tick for tick in stream]
    reports, epochs, breaths = breathe(stream)
    assert [epoch.coverage for epoch in epochs] == [1.0, pytest.approx(2 / 3)]
    assert np.isnan(epochs[1].displacement[100:200]).all()
    assert np.isfinite(epochs[1].displacement[:100]).all()
    assert max(one.interval_s for one in breaths) < 4.2
    assert reports[-1].rate_brpm == pytest.approx(15.0, abs=0.1)


def test_a_jump_neither_makes_nor_joins_breaths() -> None:
    samples = phases(breath(15), 0, 40, noise_rad=0.0) + phases(lambda t: breath(15)(t) + 2.0, 40, 80, noise_rad=0.0)
    _, _, breaths = breathe(ticks_of(Module.TINYFRAME, samples))
    assert all(abs(one.interval_s - 4.0) < 0.1 and one.amplitude < 4.0 for one in breaths)


def test_a_flip_of_the_sign_leaves_the_rate() -> None:
    samples = phases(breath(15), 0, 40) + phases(lambda t: 3.0 - breath(15)(t), 40, 80)
    reports, _, _ = breathe(ticks_of(Module.TINYFRAME, samples))
    assert reports[-1].rate_brpm == pytest.approx(15.0, abs=0.2)


def test_movement_is_no_breathing() -> None:
    rng = np.random.default_rng(1)
    stream = ticks(breath(15), 120.0)
    stream = [
        tick._replace(displacement=tick.displacement + 30 * float(rng.standard_normal()), moving=0.9)
        if 60 <= tick.t_s < 72
        else tick
        for tick in stream
    ]
    reports, epochs, breaths = breathe(stream)
    assert all(one.amplitude < 4.0 for one in breaths)
    assert epochs[2].motion[:12].tolist() == [np.float32(0.9)] * 12
    assert epochs[2].motion[12:].max() == 0.0
    assert next(report.motion for report in reports if report.t_s == 65.0) == 0.9
    assert reports[-1].rate_brpm == pytest.approx(15.0, abs=0.2)


def test_epochs_lie_on_the_stream_clock() -> None:
    _, epochs, _ = breathe(ticks(breath(15), 100.0, start_s=47.0))
    assert [(epoch.index, epoch.start_s) for epoch in epochs] == [(1, 30.0), (2, 60.0), (3, 90.0)]
    assert np.isnan(epochs[0].displacement[:170]).all()
    assert np.isfinite(epochs[0].displacement[170:]).all()
    assert np.isnan(epochs[0].motion[:17]).all()
    assert epochs[0].coverage == pytest.approx(130 / 300)
    assert epochs[1].displacement.shape == (300,)
    assert epochs[1].displacement.dtype == np.float32


def test_whole_missing_epochs_are_told() -> None:
    stream = [tick for tick in ticks(breath(15), 200.0) if not 40 <= tick.t_s < 160]
    _, epochs, breaths = breathe(stream)
    assert [(epoch.index, epoch.coverage) for epoch in epochs[2:5]] == [(2, 0.0), (3, 0.0), (4, 0.0)]
    assert [epoch.index for epoch in epochs] == [0, 1, 2, 3, 4, 5]
    assert max(one.interval_s for one in breaths) < 4.2


def test_epochs_alone_are_the_same_epochs() -> None:
    """Movement, a hole and a change of pace: what is told of each second takes nothing away and adds nothing."""
    stream = ticks(breath(14), 100.0, noise_mm=0.2) + ticks(breath(22), 200.0, noise_mm=0.2, start_s=100.0)
    stream[400:450] = [tick._replace(moving=0.9) for tick in stream[400:450]]
    del stream[1200:1500]
    reported, alone = Respiration(), Respiration(seconds=False)
    told = [(reported.update(tick), alone.update(tick)) for tick in stream]
    assert any(report is not None for report, _ in told)
    assert all(nothing is None for _, nothing in told)
    for one, other in zip(reported.take_epochs(), alone.take_epochs(), strict=True):
        assert one.breaths or one.index == 4  # of which nothing is left
        assert (one.index, one.breaths, one.coverage) == (other.index, other.breaths, other.coverage)
        np.testing.assert_array_equal(one.displacement, other.displacement)
        np.testing.assert_array_equal(one.motion, other.motion)
    assert reported.take_epochs() == []


def test_reset_keeps_nothing() -> None:
    respiration, fresh = Respiration(), Respiration()
    for tick in ticks(human(20, 100), 100.0):
        respiration.update(tick)
    respiration.reset()
    later = ticks(human(14, 300), 100.0, start_s=200.0)
    assert [respiration.update(tick) for tick in later] == [fresh.update(tick) for tick in later]
    assert pickle.dumps(respiration.take_epochs()) == pickle.dumps(fresh.take_epochs())


def test_epochs_of_closes_a_full_last_epoch() -> None:
    assert [epoch.index for epoch in epochs_of(ticks(breath(15), 60.0))] == [0, 1]
    assert [epoch.index for epoch in epochs_of(ticks(breath(15), 59.9))] == [0]


@pytest.mark.parametrize(
    ("module", "samples"),
    [
        (Module.MICRADAR, waves(human(14, 100), 0, 90)),
        (Module.ACCONEER, echoes(human(14, 100), 0, 90)),
        (Module.TINYFRAME, phases(human(14, 100), 0, 90)),
    ],
)
def test_every_module_tells_the_same_breathing(module: Module, samples: list) -> None:  # type: ignore[type-arg]
    """``human(14)`` draws the same lengths for each: the rates of the last 30 s agree."""
    reports, _, _ = breathe(ticks_of(module, samples))
    truth, _, _ = breathe(ticks(human(14, 100), 90.0))
    assert reports[-1].rate_brpm == pytest.approx(truth[len(reports) - 1].rate_brpm, abs=0.3)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=8))
def test_results_do_not_depend_on_when_they_are_asked_for(cuts: list[int]) -> None:
    """Taking epochs in any portions gives the same reports and epochs to the last bit."""
    stream = ticks(human(13, 100, cv=0.2), 95.0, noise_mm=0.05)
    whole = breathe(stream)
    respiration, reports, epochs, at = Respiration(), [], [], 0
    for size in [*cuts, len(stream)]:
        told = [respiration.update(tick) for tick in stream[at : at + size]]
        reports += [report for report in told if report is not None]
        epochs += respiration.take_epochs()
        at += size
    assert pickle.dumps((reports, epochs)) == pickle.dumps(whole[:2])


def test_memory_is_constant() -> None:
    respiration = Respiration()
    sizes = []
    for hour in range(2):
        for tick in ticks(human(14, 700), 600.0, start_s=3600.0 * hour):
            respiration.update(tick)
        respiration.take_epochs()
        sizes.append(len(pickle.dumps(respiration)))
    assert sizes[1] <= sizes[0] * 1.05


def test_repetitions_of_a_sine_and_of_nothing() -> None:
    """A period of 4 s is 20 lags at 5 Hz; twice and three times that repeat it too."""
    warm()
    t_s = np.arange(150) / 5
    sine = np.sin(2 * np.pi * t_s / 4.0)
    np.testing.assert_allclose(repetitions(sine, 8, 65), [(20, 1), (40, 1), (60, 1)], rtol=0.005, atol=0.02)
    gappy = np.where((t_s > 8) & (t_s < 14), np.nan, sine)
    assert repetitions(gappy, 8, 60)[0] == pytest.approx((20.0, 1.0), abs=0.1)
    assert repetitions(np.full(150, np.nan), 8, 60).shape == (0, 2)
    assert repetitions(np.zeros(150), 8, 60).shape == (0, 2)


@pytest.mark.parametrize("brpm", [7, 15, 30])
def test_pace_of_a_sine_is_sure(brpm: float) -> None:
    window = np.sin(2 * np.pi * brpm / 60 * np.arange(150) / 5)
    told, quality = pace(window, np.full(round(brpm / 2), 60 / brpm))
    assert told == pytest.approx(brpm, abs=0.15)
    assert quality > 0.9


def test_pace_takes_the_breath_and_not_every_second_one() -> None:
    """Breaths that are deep and shallow by turns repeat best at 7.5 a minute; their intervals say 15."""
    count = np.arange(150) / 5 / 4.0
    window = np.cos(2 * np.pi * count) * (1.0 + 0.2 * np.cos(np.pi * count))
    assert pace(window, np.full(7, 4.0))[0] == pytest.approx(15.0, abs=0.2)


def test_pace_needs_every_witness() -> None:
    sine = np.sin(2 * np.pi * np.arange(150) / 20)
    assert pace(sine, np.array([4.0, 4.0]))[1] == 0.0  # too few breaths
    assert pace(sine, np.full(7, 2.5))[1] == 0.0  # breaths of another kind
    assert pace(np.zeros(150), np.full(7, 4.0))[1] == 0.0
    assert pace(np.full(150, np.nan), np.full(7, 4.0))[1] == 0.0


def test_a_shift_of_the_body_does_not_hide_a_shallow_breath() -> None:
    """1 mm at 15 a minute on a seat; now and then the body settles by 3 mm in half a second."""

    def shifting(t_s: float) -> float:
        return breath(15, 1.0)(t_s) - 3.0 * sum(min(max(2.0 * (t_s - at), 0.0), 1.0) for at in (31, 57, 64, 90, 103))

    reports, _, _ = breathe(ticks(shifting, 120.0, noise_mm=0.02))
    late = [report.rate_brpm for report in reports if report.t_s > 40]
    assert np.mean([rate is not None for rate in late]) > 0.5
    assert all(rate == pytest.approx(15.0, abs=1.0) for rate in late if rate is not None)


@given(st.integers(6, 30), st.floats(0.2, 20.0), st.booleans())
def test_size_and_sign_change_no_pace(brpm: int, size: float, turned: bool) -> None:
    rng = np.random.default_rng(brpm)
    window = np.sin(2 * np.pi * brpm / 60 * np.arange(150) / 5) + 0.2 * rng.standard_normal(150)
    intervals = 60 / brpm * np.exp(0.1 * rng.standard_normal(brpm // 2))
    assert pace(window * (-size if turned else size), intervals) == pytest.approx(pace(window, intervals), rel=1e-6)


def test_kernels_run_where_no_cache_can_be_kept() -> None:
    """A function without a file has no place for its cache, like a read-only install without a home."""
    scope: dict[str, Callable[[float], float]] = {}
    exec("def twice(x):\n    return 2.0 * x", scope)
    assert compiled(scope["twice"])(21.0) == 42.0
