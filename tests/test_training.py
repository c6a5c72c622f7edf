"""Training code: figures worked out by hand, nights that are sensed as the box senses them, and a network whose step by
step answer is its whole-night answer.
"""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sleeping import breathing_epochs

from appliance.evaluation.agreement import Agreement
from drivers.readings import Module
from models.contract import EPOCH_S, MIN_COVERAGE, SleepStage
from models.features import FEATURE_NAMES, FEATURES_VERSION
from models.restager import Restager
from models.sleeper import simulate_night
from models.stager import Stager
from models.training.baselines import BIN_EPOCHS, boosted, time_of_night, yoo_rules
from models.training.dataset import (
    NO_STAGE,
    Night,
    Order,
    epochs_of_night,
    make_nights,
    night_of_epochs,
    read_nights,
)
from models.training.evaluate import calibration_error, kappa_interval, stage_nights, stage_recording
from models.training.radar import MODULES, module_ticks
from models.training.recipe import RECIPE, RecipeError, load_recipe

W, L, D, R = SleepStage.WAKE, SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM


def test_agreement_by_hand() -> None:
    """Ten epochs: 8 agree.  By chance (2*3 + 5*5 + 2*1 + 1*1) / 100 = .34, so kappa = (.8 - .34) / .66."""
    truth = np.array([W, W, L, L, L, L, L, D, D, R, NO_STAGE, L])
    given = np.array([W, W, W, L, L, L, L, L, D, R, L, SleepStage.UNSCORED])
    # given: W 3, L 5, D 1, R 1; two differ: one light called wake, one deep called light
    agreement = Agreement.of(truth, given)
    assert agreement.confusion.sum() == 10
    assert agreement.unscored == 1
    assert agreement.accuracy == pytest.approx(0.8)
    assert agreement.kappa == pytest.approx((0.8 - 0.34) / 0.66)
    # F1 = 2 * both / (true + given)
    np.testing.assert_allclose(agreement.f1, [2 * 2 / 5, 2 * 4 / 10, 2 * 1 / 3, 1.0])
    assert agreement.as_dict()["macro_f1"] == pytest.approx((0.8 + 0.8 + 2 / 3 + 1.0) / 4, abs=5e-4)
    assert (agreement + agreement).kappa == pytest.approx(agreement.kappa)


def test_agreement_without_any_class_but_one() -> None:
    agreement = Agreement.of(np.array([L, L]), np.array([L, L]))
    assert np.isnan(agreement.kappa)
    assert agreement.as_dict()["f1"] == {"wake": None, "light": 1.0, "deep": None, "rem": None}


def test_weak_epochs_teach_nothing() -> None:
    epochs = breathing_epochs(4)
    epochs[2] = dataclasses.replace(epochs[2], coverage=MIN_COVERAGE - 0.01)
    night = night_of_epochs("x", epochs, np.array([W, L, L, D], np.int8))
    assert night.features.shape == (4, len(FEATURE_NAMES))
    assert night.stages.tolist() == [W, L, NO_STAGE, D]


@pytest.mark.parametrize("view", ["belt", "radar"])
def test_a_simulated_night_as_the_box_senses_it(view: str) -> None:
    truth = simulate_night(3, view, variant=True)  # type: ignore[arg-type]
    epochs, stages = epochs_of_night(Order(3, view, True))  # type: ignore[arg-type]
    assert len(epochs) == len(stages)
    assert len(epochs) >= 0.9 * truth.stage.size
    for epoch, stage in zip(epochs, stages, strict=True):
        assert stage == (truth.stage[epoch.index] if truth.in_bed[epoch.index] else NO_STAGE)
    rates = [60.0 / b.interval_s for e, s in zip(epochs, stages, strict=True) if s == D for b in e.breaths]
    # The breaths found are those that were drawn, up to what movement and noise hide.
    drawn = 60.0 / np.median(np.diff(truth.breaths.start_s))
    assert np.median(rates) == pytest.approx(drawn, rel=0.15)


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_every_kind_of_module_loses_nobody_in_bed(seed: int) -> None:
    night = simulate_night(seed, "radar", hours=6.0)
    ticks = list(module_ticks(night, seed))
    assert all(b.t_s - a.t_s == pytest.approx(0.1) for a, b in pairwise(ticks[:50]))
    seen = np.mean([np.isfinite(tick.displacement) for tick in ticks])
    assert seen > 0.8
    assert 0 < np.mean([tick.moving >= 0.5 for tick in ticks]) < 0.3
    assert {MODULES[s % len(MODULES)] for s in (3, 4, 5)} == {Module.TINYFRAME, Module.MICRADAR, Module.ACCONEER}


def test_an_acconeer_view_follows_slow_breaths_to_the_tenth_of_a_millimetre() -> None:
    """4 mm at 15 a minute peak at 3.1 mm/s: .4 rad a frame, far from the half turn at which the phase slips."""
    night = simulate_night(5, "radar", hours=1.0)
    wave = (2.0 * np.sin(2 * np.pi * 0.25 * night.t_s)).astype(np.float32)
    still = dataclasses.replace(
        night, displacement_mm=wave, moving=0 * night.moving, distance_m=np.full_like(night.distance_m, 0.6)
    )
    ticks = list(module_ticks(still, 5))
    told = np.array([tick.displacement for tick in ticks])
    truth = np.interp([tick.t_s for tick in ticks], still.t_s, wave)
    short = slice(100, 400)  # ten to forty seconds; later its own phase has wandered
    departure = told[short] - truth[short]
    assert np.std(departure) < 0.1
    assert max(tick.moving for tick in ticks) < 0.5
    assert not any(tick.broke for tick in ticks[10:400])


def test_nights_are_made_once_and_other_features_are_refused(tmp_path: Path) -> None:
    order = Order(7, "belt", False)
    assert list(make_nights(tmp_path, [order], 1)) == ["main-belt-000007"]
    path = tmp_path / "main-belt-000007.npz"
    made = path.stat().st_mtime_ns
    assert list(make_nights(tmp_path, [order], 1)) == ["main-belt-000007"]
    assert path.stat().st_mtime_ns == made
    (night,) = read_nights(tmp_path, lambda _: True)
    assert night.features.shape == (night.stages.size, len(FEATURE_NAMES))
    np.savez(path, version=FEATURES_VERSION + 1, features=night.features, stages=night.stages)
    with pytest.raises(ValueError, match="other features"):
        read_nights(tmp_path, lambda _: True)
    path.write_bytes(b"cut")
    with pytest.raises(ValueError, match="delete it"):
        read_nights(tmp_path, lambda _: True)


def test_a_recording_is_scored_around_its_sleep(tmp_path: Path) -> None:
    """Two hours awake, one asleep, two awake: 30 min before the sleep and after it count, 240 epochs in all."""
    fs = 10.0
    stages = np.repeat([0, 2, 0], [240, 120, 240])
    t_s = np.arange(stages.size * EPOCH_S * fs) / fs
    np.savez(tmp_path / "night.npz", resp=np.sin(2 * np.pi * 0.25 * t_s), fs=fs, stages=stages)
    night = stage_recording(Stager.load(), Restager.load(), tmp_path / "night.npz")
    for given in (night.live, night.morning):
        agreement = Agreement.of(night.truth, given)
        assert agreement.confusion.sum(axis=1).tolist() == [120, 120, 0, 0]
        assert agreement.unscored == 0
        assert "asleep or awake" in list(night.told(given))[-1]


def test_the_interval_of_one_nights_kappa() -> None:
    """Alike everywhere: 1 to 1.  Two of five half hours wrong: the whole's own kappa lies within."""
    truth = np.tile(np.repeat(np.array([W, L], np.int8), 30), 10)
    assert kappa_interval(truth, truth, 50) == (1.0, 1.0)
    given = truth.copy()
    given[:240] = R
    low, high = kappa_interval(truth, given)
    assert low < Agreement.of(truth, given).kappa < high < 1.0


def test_stages_of_prepared_nights_are_those_of_the_stager() -> None:
    epochs = breathing_epochs(30, cv=0.1)
    stager = Stager.load()
    given = np.array([stager.update(epoch).stage for epoch in epochs], np.int8)
    assert stage_nights(stager.network, [night_of_epochs("x", epochs, given)]).accuracy == 1.0


# --- calibration and simpler minds ------------------------------------------------------------------------------------


def test_calibration_error_by_hand() -> None:
    """Bins of 1/15: four epochs at .7 of which two are right (off by .2), one at .9, right (off by .1), one without a
    truth: (4 * .2 + .1) / 5.
    """
    p = np.array([[0.7, 0.1, 0.1, 0.1]] * 4 + [[0.9, 0.1, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    truth = np.array([W, W, L, D, W, NO_STAGE])
    assert calibration_error(truth, p) == pytest.approx((4 * 0.2 + 0.1) / 5)


def made_up(stages: list[int], **columns: list[float]) -> Night:
    features = np.full((len(stages), len(FEATURE_NAMES)), np.nan, np.float32)
    for name, values in columns.items():
        features[:, FEATURE_NAMES.index(name)] = values
    return Night("main-belt-000000", features, np.array(stages, np.int8))


def test_the_time_of_night_is_what_was_commonest_then() -> None:
    given = time_of_night(
        [made_up([W] * BIN_EPOCHS + [D] * BIN_EPOCHS), made_up([L] * BIN_EPOCHS + [D] * BIN_EPOCHS)] * 2
        + [made_up([L] * BIN_EPOCHS)]
    )
    night = made_up([W] * (2 * BIN_EPOCHS + 5))
    assert given(night).tolist() == [L] * BIN_EPOCHS + [D] * BIN_EPOCHS + [W] * 5  # nothing was seen so late


def test_published_rules_by_hand() -> None:
    """Moving: wake; still and breathing faster than the mean by more than its deviation: REM; unknown is not REM."""
    night = made_up([W] * 5, movement_1_z=[0.5, -0.5, -0.5, 0.5, np.nan], rate_60_z=[2.0, 2.0, 0.5, np.nan, np.nan])
    assert yoo_rules(night).tolist() == [W, R, L, W, L]


def test_boosting_sees_no_other_columns_than_it_is_given() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn comes with the train extra")
    nights = toy_nights(8)
    column = [0]
    given = boosted(nights, column, 1)
    hidden = dataclasses.replace(nights[0], features=nights[0].features.copy())
    hidden.features[:, 1:] = np.nan
    np.testing.assert_array_equal(given(nights[0]), given(hidden))
    assert Agreement.of(nights[0].stages, given(nights[0])).kappa > 0.3  # wake and deep stand in that column


# --- the recipe -------------------------------------------------------------------------------------------------------


def test_the_recipe_that_ships_keeps_to_the_budget() -> None:
    recipe = load_recipe()
    inputs = 2 * len(FEATURE_NAMES)
    for net in (recipe.live, recipe.morning):
        blocks = len(net.dilations) * (3 * net.width**2 + net.width)
        members = len(net.seeds) if net.ship == "mean" else 1
        assert members * (inputs * net.width + net.width + blocks + 4 * net.width + 4) <= 100_000


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("passes = 14", "passes = -1", r"training\.passes is -1"),
        ("passes = 14", "pases = 14", r"training\.pases is not known"),
        ("passes = 14", "", r"training\.passes is missing"),
        ('method = "none"', 'method = "magic"', "none, coral, cdan, alignment"),
        ("dilations = [1", "dilations = [0", "whole numbers"),
        ("[nights]", "[nigths]", "nigths is not known"),
        ("[nights]", "[nights", "cannot be read"),
        ("[training] ", "[other]\n[training]", "other is not known"),
    ],
)
def test_a_recipe_that_is_wrong_is_one_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "mine.toml"
    text = RECIPE.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RecipeError, match=says) as refused:
        load_recipe(path)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("mine.toml")


def toy_nights(count: int, kind: str = "belt", shift: float = 0.0) -> list[Night]:
    """Nights whose stage stands in two features, for a network to find; ``shift`` moves all of the features."""
    rng = np.random.default_rng(5)
    nights = []
    for k in range(count):
        stages = np.repeat(rng.integers(0, 4, 20), 10).astype(np.int8)
        features = rng.standard_normal((stages.size, len(FEATURE_NAMES))).astype(np.float32)
        features[:, 0] += 3.0 * (stages == D) - 3.0 * (stages == W)
        features[:, 5] += 3.0 * (stages == R)
        features = features + np.float32(shift)
        features[rng.random(features.shape) < 0.05] = np.nan
        nights.append(Night(f"main-{kind}-{k:06d}", features, stages))
    return nights
