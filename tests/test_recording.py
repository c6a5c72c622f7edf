"""Recordings of any rate, unit and sign become the same ticks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.recording import _resample, ticks_from_recording
from appliance.respiration import Respiration


def belt(fs: float, seconds: float = 120.0, brpm: float = 15.0) -> np.ndarray:  # type: ignore[type-arg]
    return np.asarray(np.sin(2 * np.pi * brpm / 60 * np.arange(round(seconds * fs)) / fs))


def rate(resp: np.ndarray, fs: float) -> float | None:  # type: ignore[type-arg]
    respiration, last = Respiration(), None
    for tick in ticks_from_recording(resp, fs):
        report = respiration.update(tick)
        last = report or last
    assert last is not None
    return last.rate_brpm


@pytest.mark.parametrize("fs", [1.0, 2.0, 5.0, 10.0, 12.5, 32.0, 100.0, 256.0])
def test_any_rate(fs: float) -> None:
    ticks = list(ticks_from_recording(belt(fs), fs))
    assert [tick.t_s for tick in ticks[:3]] == [0.0, 0.1, 0.2]
    assert len(ticks) == 1200  # two minutes, the last sample's own length included
    middle = np.array([tick.displacement for tick in ticks[200:1000]])
    # 4 mm between the 5th and 95th percentile of a sine: its span is 2 sin(0.45 pi) = 1.975 of 2.
    assert np.ptp(middle) == pytest.approx(4.0 / 0.988, rel=0.02)
    expected = 2.025 * np.sin(2 * np.pi * 0.25 * np.arange(200, 1000) / 10)
    assert np.abs(middle - expected).max() < 0.1
    assert rate(belt(fs), fs) == pytest.approx(15.0, abs=0.1)
    assert np.nanmax([tick.moving for tick in ticks]) < 0.5


@pytest.mark.parametrize(("gain", "level"), [(1e-6, 0.0), (1000.0, 11000.0), (-30.0, -5.0)])
def test_unit_level_and_sign_do_not_matter(gain: float, level: float) -> None:
    plain = [abs(tick.displacement) for tick in ticks_from_recording(belt(10.0), 10.0)]
    other = [abs(tick.displacement) for tick in ticks_from_recording(level + gain * belt(10.0), 10.0)]
    np.testing.assert_allclose(other, plain, atol=0.01)


@pytest.mark.parametrize("fs", [3.7, 32.0, 125.0])
def test_every_sample_is_a_windowed_sinc_of_its_neighbours(fs: float) -> None:
    """Sample 57 and the first one (beyond the ends the ends go on), worked out from the definition in doubles."""
    x = np.random.default_rng(1).standard_normal(round(30 * fs))
    y = _resample(x, fs)
    step = max(1.0, fs / 10)
    for k in (0, 57):
        n = np.arange(-600, 1200)
        d = (n - k * fs / 10) / step
        kernel = np.where(np.abs(d) < 8, np.sinc(d) * np.cos(np.pi * np.clip(d, -8, 8) / 16) ** 2, 0.0)
        assert y[k] == pytest.approx((kernel * x[np.clip(n, 0, x.size - 1)]).sum() / kernel.sum(), abs=1e-6)


def test_holes_stay_missing_and_short_ones_are_bridged() -> None:
    resp = belt(10.0)
    resp[300:350] = np.nan
    resp[500:504] = np.nan
    ticks = list(ticks_from_recording(resp, 10.0))
    missing = [k for k, tick in enumerate(ticks) if math.isnan(tick.displacement)]
    assert missing == list(range(300, 350))
    assert [k for k, tick in enumerate(ticks) if tick.broke] == [0, 350]
    assert math.isnan(ticks[310].moving)


def test_an_excursion_far_beyond_a_breath_is_movement() -> None:
    resp = belt(10.0, 240.0)
    resp[1200:1280] += 12.0 * np.sin(np.arange(80) / 5.0)
    ticks = list(ticks_from_recording(resp, 10.0))
    assert np.mean([tick.moving >= 0.5 for tick in ticks[1200:1280]]) > 0.5
    assert not any(tick.moving >= 0.5 for tick in ticks[:1190])


def test_breathing_behind_a_changed_gain_is_not_movement() -> None:
    """A belt that grows sixfold: its excursions pass 2.5 breaths of the hour before only until the gain is known."""
    resp = belt(10.0, 3600.0)
    resp[24000:] *= 6.0
    moving = np.array([tick.moving >= 0.5 for tick in ticks_from_recording(resp, 10.0)])
    assert not moving[:24000].any()
    assert not moving[24000 + 3000 :].any()


def test_breathing_behind_a_lowered_gain_is_no_sooner_movement() -> None:
    """A jerk of three breaths there is less than one usual breath, and may as well be the noise of the belt."""
    resp = belt(10.0, 3600.0)
    resp[24000:] *= 0.2
    resp[30000:30080] += 0.2 * 6.0 * np.sin(np.arange(80) / 5.0)
    assert not any(tick.moving >= 0.5 for tick in ticks_from_recording(resp, 10.0))


def test_movement_is_causal() -> None:
    """What comes later changes nothing but the scale of the whole, which is the same here."""
    one, other = belt(10.0, 1800.0), belt(10.0, 1800.0)
    other[15000:] = other[15000:] * np.sign(np.sin(np.arange(3000)))
    early = [[tick.moving for tick in ticks_from_recording(resp, 10.0)][:14990] for resp in (one, other)]
    np.testing.assert_allclose(early[0], early[1], rtol=0.01, atol=1e-9)


def test_flat_empty_and_wrong_recordings() -> None:
    flat = list(ticks_from_recording(np.full(300, 7.0), 10.0))
    assert {tick.displacement for tick in flat} == {0.0}
    nothing = list(ticks_from_recording(np.full(300, np.nan), 10.0))
    assert len(nothing) == 300
    assert all(math.isnan(tick.displacement) for tick in nothing)
    for resp, fs in ((np.zeros((3, 3)), 10.0), (np.zeros(0), 10.0), (np.zeros(10), 0.5), (np.zeros(10), math.nan)):
        with pytest.raises(ValueError, match=r"^(resp|fs) must be"):
            list(ticks_from_recording(resp, fs))


@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(math.nan), st.just(math.inf)), min_size=1, max_size=200),
    st.sampled_from([1.0, 3.7, 10.0, 33.3, 256.0]),
)
def test_nothing_breaks_it(resp: list[float], fs: float) -> None:
    ticks = list(ticks_from_recording(resp, fs))
    assert all(math.isnan(tick.displacement) or abs(tick.displacement) < 1e9 for tick in ticks)
    assert all(not tick.moving > 1.0 for tick in ticks)
