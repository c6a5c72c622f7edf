"""Intervals, sighs, pauses and the way in, of breaths drawn by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from breathing import Motion, breath, lungs
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.displacement import Tick
from appliance.orientation import Orientation, dwelling
from appliance.respiration import Breathing, Respiration
from appliance.rhythm import PAUSE_S, SIGH

NAN = math.nan
RESTS = [0.0] * 61 + [k / 20 for k in range(1, 21)] + [k / 20 for k in range(19, -1, -1)]


def ticks(motion: Motion, seconds: float) -> list[Tick]:
    rng = np.random.default_rng(0)
    return [Tick(k / 10, motion(k / 10) + 0.01 * float(rng.standard_normal()), 0.0) for k in range(round(10 * seconds))]


def reports(stream: list[Tick]) -> list[Breathing]:
    respiration = Respiration()
    return [report for tick in stream if (report := respiration.update(tick)) is not None]


def at(told: list[Breathing], t_s: float) -> Breathing:
    return next(report for report in told if report.t_s == t_s)


def test_one_deep_breath_is_one_sigh() -> None:
    """15/min; the breath from 60 to 64 s is 2.5 times as deep: its way out ends at 64 s and is seen within three."""
    deep = lambda t: 2.0 * (2.5 if 60.0 <= t < 64.0 else 1.0) * (1.0 - math.cos(2 * math.pi * t / 4.0))  # noqa: E731
    assert [64.0 <= report.t_s <= 67.0 for report in reports(ticks(deep, 120.0)) if report.sigh] == [True]


@pytest.mark.parametrize("times", [1.0, 0.85 * SIGH])
def test_what_is_less_than_twice_as_deep_is_no_sigh(times: float) -> None:
    assert not any(report.sigh for report in reports(ticks(lungs(15, deeper={15: times}), 120.0)))


def test_a_shift_of_the_body_is_no_sigh() -> None:
    """From 60 to 63 s the chest comes 12 mm nearer, and stays: what looks like a deep breath does not go out again."""
    shifting = lambda t: lungs(15)(t) + 12.0 * min(max((t - 60.0) / 3.0, 0.0), 1.0)  # noqa: E731
    assert not any(report.sigh for report in reports(ticks(shifting, 120.0)))


@pytest.mark.parametrize("held_at_s", [61.6, 64.0])
def test_a_held_breath_is_a_pause_that_grows_and_ends(held_at_s: float) -> None:
    """40 s at the full or at the empty end of a breath; nothing is under way from there on."""
    held = lambda t: lungs(15)(min(t, held_at_s) + max(0.0, t - held_at_s - 40.0))  # noqa: E731
    told = reports(ticks(held, 150.0))
    for t_s in (80.0, 90.0, 100.0):
        assert at(told, t_s).pause_s == pytest.approx(t_s - held_at_s, abs=1.5)
        assert at(told, t_s).interval_s is None
    assert max(report.pause_s for report in told if report.pause_s is not None) == pytest.approx(40.0, abs=2.0)
    assert all(report.pause_s < 3.0 for report in told if report.t_s > held_at_s + 44.0 and report.pause_s is not None)
    assert at(told, 130.0).interval_s == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize("brpm", [7, 15, 25])
def test_even_breathing_has_intervals_and_no_pause(brpm: int) -> None:
    told = [report for report in reports(ticks(lungs(brpm), 120.0)) if report.t_s > 50.0]
    assert all(report.interval_s == pytest.approx(60 / brpm, abs=0.2) for report in told)
    assert all(report.pause_s is not None and report.pause_s < 0.6 * 60 / brpm for report in told)


def test_a_gap_leaves_nothing_known_until_breaths_are_there_again() -> None:
    stream = [
        tick._replace(displacement=NAN, moving=NAN) if 60 <= tick.t_s < 75 else tick for tick in ticks(lungs(15), 120.0)
    ]
    told = reports(stream)
    for t_s in (61.0, 70.0, 76.0):
        assert (at(told, t_s).interval_s, at(told, t_s).pause_s) == (None, None)
    assert at(told, 110.0).interval_s == pytest.approx(4.0, abs=0.1)
    assert not any(report.sigh for report in told)


def test_moving_has_no_pause() -> None:
    stream = [tick._replace(moving=0.9) if 60 <= tick.t_s < 80 else tick for tick in ticks(lungs(15), 100.0)]
    assert all(report.pause_s is None for report in reports(stream) if 61 <= report.t_s <= 80)


def test_the_sign_follows_a_flip() -> None:
    """The body turns over at 120 s, and the signal with it: shown times its sign it rises with the breath in."""
    chest = lungs(15)
    flipped = lambda t: chest(t) if t < 123.0 else -chest(t)  # noqa: E731
    stream = [tick._replace(moving=0.9) if 120 <= tick.t_s < 126 else tick for tick in ticks(flipped, 240.0)]
    told = reports(stream)
    assert at(told, 119.0).inhaling_sign == 1
    assert at(told, 128.0).sign_confidence < at(told, 119.0).sign_confidence
    assert at(told, 239.0).inhaling_sign == -1


def test_an_even_sine_has_no_way_in() -> None:
    assert all(report.inhaling_sign is None for report in reports(ticks(breath(15), 120.0)))


def test_dwelling_of_known_shapes() -> None:
    """RESTS is at 0 for 60 % of its time: its tenth and fiftieth percentiles are both 0, so it only dwells."""
    assert dwelling(RESTS) == 1.0
    assert dwelling([-value for value in RESTS]) == -1.0
    assert dwelling([3.0 * value + 0.1 * k for k, value in enumerate(RESTS)]) == pytest.approx(1.0)
    assert dwelling([math.sin(2 * math.pi * k / 100) for k in range(101)]) == pytest.approx(0.0, abs=0.05)
    assert dwelling([1.0] * 20) == 0.0


def test_a_movement_takes_from_a_sign_and_a_break_takes_less() -> None:
    """After a movement at most 75 % are left, which is no sign; after a break 95 %."""
    sure, moved, broke = Orientation(), Orientation(), Orientation()
    for one in (sure, moved, broke):
        for _ in range(100):
            one.update(RESTS)
    moved.interrupt(moved=True)
    broke.interrupt(moved=False)
    assert sure.confidence == pytest.approx(1 / (1 + math.exp(-4.0)))
    assert (sure.sign, moved.sign, broke.sign) == (1, None, 1)
    assert moved.confidence == pytest.approx(0.75 * sure.confidence + 0.25 * (1 - sure.confidence))
    assert broke.confidence == pytest.approx(0.95 * sure.confidence + 0.05 * (1 - sure.confidence))


@settings(max_examples=12, deadline=None)
@given(st.integers(7, 25), st.sampled_from([0.25, 0.5, 2.0, 4.0]), st.booleans())
def test_size_and_sign_change_nothing_but_the_way_in(brpm: int, size: float, turned: bool) -> None:
    """Powers of two leave every digit of a number alone."""
    factor = -size if turned else size
    stream = ticks(lungs(brpm, deeper={12: 2.6}), 90.0)
    plain = reports(stream)
    scaled = reports([tick._replace(displacement=factor * tick.displacement) for tick in stream])
    for one, other in zip(plain, scaled, strict=True):
        if one.t_s < 3 * PAUSE_S:
            continue  # the first turns are of a signal that has no depth yet
        assert one.rate_brpm == pytest.approx(other.rate_brpm, rel=1e-6)
        assert one.interval_s == pytest.approx(other.interval_s, abs=1e-6)
        assert one.pause_s == pytest.approx(other.pause_s, abs=1e-6)
        assert one.sigh == other.sigh
        if turned and one.inhaling_sign is not None:
            assert other.inhaling_sign == -one.inhaling_sign


def test_another_body_brings_its_own_way_in_and_its_own_rhythm() -> None:
    """What one chest had told says nothing of the next one that is followed."""
    respiration = Respiration()
    stream = ticks(lungs(15), 90.0)
    told = [report for tick in stream if (report := respiration.update(tick)) is not None]
    assert told[-1].inhaling_sign is not None
    assert told[-1].interval_s is not None
    respiration.turn_away()
    after = next(
        report for tick in stream if (report := respiration.update(tick._replace(t_s=tick.t_s + 90.0))) is not None
    )
    assert (after.inhaling_sign, after.sign_confidence, after.interval_s, after.pause_s) == (None, 0.5, None, None)
