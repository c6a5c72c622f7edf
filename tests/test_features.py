"""The feature vector: what it must not depend on, what it must say of breathing whose numbers are known."""

from __future__ import annotations

import dataclasses
import tracemalloc
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sleeping import breathing_epochs

from models.contract import EPOCH_S, EPOCH_SAMPLES, Epoch
from models.features import CLIP, FEATURE_NAMES, MEASURES, PRIOR_EPOCHS, WINDOWS_S, FeatureExtractor

AT = {name: i for i, name in enumerate(FEATURE_NAMES)}
TYPICAL = {measure.name: measure for measure in MEASURES}


def features_of(epochs: list[Epoch]) -> NDArray[np.float32]:
    extractor = FeatureExtractor()
    return np.array([extractor.update(epoch) for epoch in epochs])


def scaled(epoch: Epoch, factor: float) -> Epoch:
    """The same breathing seen with another gain, or from the other side: maxima become minima."""
    breaths = tuple(
        b._replace(amplitude=b.amplitude * abs(factor), rising=b.rising == (factor > 0)) for b in epoch.breaths
    )
    return dataclasses.replace(epoch, displacement=epoch.displacement * np.float32(factor), breaths=breaths)


def nothing(index: int) -> Epoch:
    blank = np.full(EPOCH_SAMPLES, np.nan, np.float32)
    return Epoch(index, float(index * EPOCH_S), blank, np.full(EPOCH_S, np.nan, np.float32), (), 0.0)


def test_names_are_unique_and_fit_the_vector() -> None:
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES)
    vectors = features_of(breathing_epochs(3))
    assert vectors.shape == (3, len(FEATURE_NAMES))
    assert vectors.dtype == np.float32


def test_sign_of_the_displacement_changes_nothing() -> None:
    epochs = breathing_epochs(40, cv=0.15, moving_share=0.05)
    np.testing.assert_array_equal(features_of(epochs), features_of([scaled(e, -1.0) for e in epochs]))


@settings(max_examples=8, deadline=None)
@given(factor=st.floats(1e-3, 1e3).flatmap(lambda x: st.sampled_from([x, -x])))
def test_scale_of_the_displacement_changes_nothing(factor: float) -> None:
    epochs = breathing_epochs(24, cv=0.1)
    np.testing.assert_allclose(features_of(epochs), features_of([scaled(e, factor) for e in epochs]), atol=2e-3)


def test_future_changes_nothing() -> None:
    epochs = breathing_epochs(30, cv=0.1)
    other = breathing_epochs(30, cv=0.3, brpm=20.0)
    np.testing.assert_array_equal(features_of(epochs)[:20], features_of(epochs[:20] + other[20:])[:20])


def test_posture_offset_changes_nothing_once_the_step_has_left_the_window() -> None:
    epochs = breathing_epochs(20, cv=0.1)
    moved = [dataclasses.replace(e, displacement=e.displacement + np.float32(100.0)) for e in epochs]
    np.testing.assert_allclose(features_of(epochs), features_of(moved), atol=1e-2)


def test_rate_of_regular_breathing() -> None:
    """At exactly 15 breaths a minute every rate is ln 15; the running mean moves there from the prior."""
    n = 30
    vectors = features_of(breathing_epochs(n, brpm=15.0))
    rate = TYPICAL["rate_270"]
    known = int(np.isfinite(vectors[:, AT["rate_270_z"]]).sum())  # not before MIN_BREATHS have come
    running = (PRIOR_EPOCHS * rate.typical + known * np.log(15.0)) / (PRIOR_EPOCHS + known)
    expected = (np.log(15.0) - running) / rate.spread
    assert vectors[-1, AT["rate_270_vs_night"]] == pytest.approx(expected, abs=1e-4)
    assert vectors[-1, AT["rate_60_vs_600"]] == pytest.approx(0.0, abs=1e-5)


def test_irregular_breathing_stands_out_against_a_regular_night() -> None:
    regular, irregular = breathing_epochs(60, cv=0.03), breathing_epochs(80, cv=0.25)
    vectors = features_of(regular + irregular[60:])
    for window_s in WINDOWS_S[1:3]:
        for measure in ("interval_cv", "interval_sdsd"):
            column = vectors[:, AT[f"{measure}_{window_s}_z"]]
            assert column[75] > column[59] + 2.0
    assert vectors[75, AT["autocorrelation_150_z"]] < vectors[59, AT["autocorrelation_150_z"]] - 1.0


def test_movement_counts_seconds_and_stillness_grows() -> None:
    still = breathing_epochs(12)
    motion = np.zeros(EPOCH_S, np.float32)
    motion[:6] = 0.9
    moved = dataclasses.replace(still[4], motion=motion)
    vectors = features_of([*still[:4], moved, *still[5:]])
    movement, stillness = vectors[:, AT["movement_1_z"]], vectors[:, AT["still_min_z"]]
    assert movement[4] > movement[3] + 2.0
    assert movement[5] == pytest.approx(movement[3], abs=0.5)
    assert stillness[4] < stillness[3]
    assert all(np.diff(stillness[4:]) > 0)
    # One moving epoch of ten, 6 s of 300: the ten-epoch share still knows of it, the four-epoch one does not.
    assert vectors[11, AT["movement_10_z"]] > vectors[3, AT["movement_10_z"]] + 0.5
    assert vectors[11, AT["movement_4_z"]] == pytest.approx(vectors[3, AT["movement_4_z"]], abs=0.5)


def test_missing_is_nan_and_not_zero() -> None:
    vectors = features_of([nothing(k) for k in range(5)])
    known = {"hours", "still_min_z"}
    for name, column in zip(FEATURE_NAMES, vectors.T, strict=True):
        assert np.isfinite(column).all() == (name in known), name


def test_features_come_back_after_a_hole() -> None:
    epochs = breathing_epochs(60, cv=0.1)
    vectors = features_of(epochs[:10] + [nothing(k) for k in range(10, 34)] + epochs[34:])
    assert np.isnan(vectors[33, AT["interval_cv_600_z"]])
    assert np.isfinite(vectors[55]).all()


def test_frozen_signal_has_no_waveform_features() -> None:
    frozen = [dataclasses.replace(nothing(k), displacement=np.ones(EPOCH_SAMPLES, np.float32)) for k in range(6)]
    assert np.isnan(features_of(frozen)[:, AT["spectral_peak_150_z"]]).all()


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_epochs_give_bounded_features(data: st.DataObject) -> None:
    extractor = FeatureExtractor()
    epochs = breathing_epochs(8, cv=0.3)
    values = st.floats(-1e6, 1e6, width=32) | st.just(float("nan"))
    for epoch in epochs:
        level, gain = data.draw(values), data.draw(values)
        motion = np.full(EPOCH_S, data.draw(st.floats(0, 1, width=32) | st.just(float("nan"))), np.float32)
        changed = dataclasses.replace(epoch, displacement=epoch.displacement * gain + level, motion=motion)
        vector = extractor.update(changed)
        assert not np.isinf(vector).any()
        assert np.nanmax(np.abs(vector)) <= CLIP


def test_a_long_night_costs_no_more_memory_or_time_at_its_end() -> None:
    epochs = breathing_epochs(2880, cv=0.1)  # a day
    extractor = FeatureExtractor()

    def cost_s(hour: int) -> float:
        started = process_time()
        for epoch in epochs[120 * hour : 120 * (hour + 1)]:
            extractor.update(epoch)
        return process_time() - started

    costs_s = [cost_s(hour) for hour in range(12)]
    tracemalloc.start()
    features_of(epochs[:3])  # what numpy itself allocates once
    before = tracemalloc.get_traced_memory()[0]
    costs_s += [cost_s(hour) for hour in range(12, 14)]
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    costs_s += [cost_s(hour) for hour in range(14, 24)]
    assert grown < 40_000  # the arrays are new objects each time, of the size of the old ones
    assert min(costs_s[-5:]) < 1.5 * min(costs_s[1:6])
