"""Where models are made, with TensorFlow: learning, adapting, converting, and the same bytes twice."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from test_training import toy_nights

from models.contract import SleepStage
from models.features import FEATURE_NAMES, pack
from models.restager import KeptEpoch, Restager
from models.stager import StepNetwork, network_input
from models.training.dataset import Night
from models.training.evaluate import Agreement, stage_nights
from models.training.recipe import Adaptation, Net, Recipe, load_recipe

tf = pytest.importorskip("tensorflow", reason="TensorFlow comes with the train extra")
from models.training import adapt, export, fit, make  # noqa: E402
from models.training.network import CausalNetwork, Committee, Shape  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")

W, L, D, R = SleepStage.WAKE, SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM
TRAINING = dataclasses.replace(load_recipe().training, passes=24, offset_sd=0.1)
NET = Net(seeds=(1, 2), ship="mean", width=12, dilations=(1, 2, 4))


def kappa(network: Committee | CausalNetwork, nights: list[Night], backward: bool = False) -> float:
    given = [z.argmax(axis=1) for z in fit.logits_of(network, nights, backward)]
    return Agreement.of(np.concatenate([night.stages for night in nights]), np.concatenate(given)).kappa


@pytest.fixture(scope="module")
def learnt() -> CausalNetwork:
    return fit.fit(fit.Lesson(toy_nights(24)), NET, TRAINING, 1)


def test_learning_finds_what_there_is_and_twice_alike(learnt: CausalNetwork) -> None:
    losses: list[float] = []
    again = fit.fit(fit.Lesson(toy_nights(24)), NET, TRAINING, 1, progress=losses.append)
    for one, other in zip(learnt.trainable_variables, again.trainable_variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert losses[-1] < 0.7 * losses[0]
    assert len(losses) == fit.batches(24, TRAINING)
    assert kappa(learnt, toy_nights(30)[24:]) > 0.5


def test_a_backward_network_reads_the_night_from_its_end() -> None:
    """The stage stands in the feature two epochs later, which only the backward one can know."""
    rng = np.random.default_rng(2)
    late = []
    for k in range(30):
        stages = rng.integers(0, 4, 200).astype(np.int8)
        features = np.zeros((200, len(FEATURE_NAMES)), np.float32)
        features[2:, 0] = 2.0 * stages[:-2] - 3.0
        late.append(Night(f"main-belt-{k:06d}", features, stages))
    back = fit.fit(fit.Lesson(late[:24], backward=True), NET, TRAINING, 1)
    ahead = fit.fit(fit.Lesson(late[:24]), NET, TRAINING, 1)
    assert kappa(back, late[24:], backward=True) > 0.5
    assert kappa(ahead, late[24:]) < 0.1


def test_a_committee_steps_as_it_reads_whole_nights(learnt: CausalNetwork) -> None:
    other = CausalNetwork(learnt.shape, 7)
    both = Committee([learnt, other])
    night = toy_nights(1)
    mean = (fit.logits_of(learnt, night)[0] + fit.logits_of(other, night)[0]) / 2
    np.testing.assert_allclose(fit.logits_of(both, night)[0], mean, atol=1e-5)
    states = [tf.zeros(shape) for shape in both.state_shapes()]
    for x, expected in zip(network_input(night[0].features), mean, strict=True):
        stepped, states = both.step(tf.constant(x[None]), states)
        np.testing.assert_allclose(stepped.numpy()[0], expected, atol=1e-4)
    assert both.parameters == 2 * learnt.parameters


def test_int8_that_departs_from_float_is_refused() -> None:
    export.hold_to(0.600, 0.591, "x")
    with pytest.raises(export.ExportError, match=r"x: int8 has kappa 0\.580, float 0\.600"):
        export.hold_to(0.600, 0.580, "x")
    with pytest.raises(export.ExportError):
        export.hold_to(0.600, float("nan"), "x")


def tiny() -> tuple[Recipe, make.Nights]:
    recipe = dataclasses.replace(load_recipe(), live=NET, morning=NET, training=TRAINING)
    made = toy_nights(48)
    nights = [
        dataclasses.replace(n, name=n.name.replace("belt", "belt" if k % 2 else "radar")) for k, n in enumerate(made)
    ]
    real = [dataclasses.replace(n, name=f"real-belt-ST7{k:03d}J") for k, n in enumerate(made[:12])]
    return recipe, make.Nights(nights[:24], nights[24:36], nights[36:], real=real[:8], real_held_out=real[10:])


def test_a_recipe_makes_a_pair_and_the_same_bytes_twice(tmp_path: Path) -> None:
    recipe, nights = tiny()
    said: list[str] = []
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        ticks: list[float] = []
        make.make(recipe, nights, tmp_path / folder, "toy", "9", said.append, ticks.append)
        assert len(ticks) == 4 * fit.batches(24 + 8, TRAINING)
    names = [f"toy-{kind}.{end}" for kind in ("tcn", "morning") for end in ("tflite", "json", "golden.npz")]
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted(names)
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()

    restager = Restager.load(tmp_path / "one" / "toy-morning.tflite", tmp_path / "one" / "toy-tcn.tflite")
    live = StepNetwork.load(tmp_path / "one" / "toy-tcn.tflite")
    night = nights.variant[0]
    kept = [KeptEpoch(30.0 * k, 1.0, pack(row)) for k, row in enumerate(night.features)]
    given = np.array([one.stage for one in restager.restage(kept)])
    morning = Agreement.of(night.stages, given).kappa
    assert morning > 0.5
    fields = json.loads((tmp_path / "one" / "toy-morning.json").read_text(encoding="utf-8"))
    assert "real, people kept back, 2 nights" in fields["metrics"]
    # ST7 and two figures are the person: all eight are nights of person 00.
    real = {"set": "Sleep-EDF Expanded", "nights": 8, "people": 1, "real_people": 1}
    assert fields["training"][-1] == real
    assert sum(entry["nights"] for entry in fields["training"]) == 24 + 8
    for figures in fields["metrics"].values():
        assert abs(figures["kappa"] - figures["kappa_float"]) <= export.MAX_DEPARTURE
    assert stage_nights(live, nights.variant).kappa > 0.5


def test_the_best_of_its_seeds_may_ship() -> None:
    recipe, nights = tiny()
    alone = dataclasses.replace(NET, ship="best")
    nights = dataclasses.replace(nights, real=())
    chosen = make._trained(recipe, alone, nights, False, lambda _: None, lambda _: None)
    scores = [kappa(fit.fit(fit.Lesson(nights.train), NET, TRAINING, seed), list(nights.variant)) for seed in NET.seeds]
    assert len(chosen.members) == 1
    assert kappa(chosen, list(nights.variant)) == pytest.approx(max(scores))


# --- disturbing and weighing ------------------------------------------------------------------------------------------


def test_disturbing_a_night_loses_groups_and_keeps_the_rest_known() -> None:
    rng = np.random.default_rng(1)
    features = toy_nights(1)[0].features
    always = dataclasses.replace(TRAINING, drop_amplitude=1.0, drop_waveform=0.0, drop_movement=0.0, drop_hours=0.0)
    disturbed = fit.disturb(features, always, rng)
    amplitude = np.array([name.startswith("amplitude") for name in FEATURE_NAMES])
    assert np.isnan(disturbed[:, amplitude]).all()
    assert np.isfinite(disturbed[:, ~amplitude]).mean() > 0.5
    assert np.nanmax(np.abs(disturbed)) <= 5.0


def test_class_weights_are_mild() -> None:
    stages = np.repeat(np.array([W, L, D, R], np.int8), [16, 64, 4, 16])
    weights = fit.class_weights([Night("x", np.empty((0, 0), np.float32), stages)], 0.5)
    # frequency ** -.5 as 2.5 : 1.25 : 5 : 2.5; their mean over the epochs, .4 + .8 + .2 + .4 = 1.8, is brought to 1
    np.testing.assert_allclose(weights, np.array([2.5, 1.25, 5.0, 2.5]) / 1.8, rtol=1e-6)


def test_a_product_leans_on_the_side_that_knows() -> None:
    """One side knows the stage and says so as surely as it is right, the other says nothing: power 1 and 0."""
    rng = np.random.default_rng(3)
    stages = rng.integers(0, 4, 3000).astype(np.int8)
    said = np.where(rng.random(3000) < 0.7, stages, (stages + 1) % 4)  # right in 70 of 100
    sure = np.log(0.1 + 0.6 * np.eye(4)[said]).astype(np.float32)
    noise = rng.standard_normal((3000, 4)).astype(np.float32)
    night = Night("x", np.empty((0, 0), np.float32), stages)
    assert fit.fit_product([sure], [noise], [night])[0] >= 0.5
    power, temperature = fit.fit_product([noise], [sure], [night])
    assert power <= 0.1
    assert temperature < 3.0


# --- adapting ---------------------------------------------------------------------------------------------------------


def side(hidden: list[list[float]], there: list[float]) -> adapt.Side:
    return adapt.Side(tf.constant(hidden), tf.zeros((len(hidden), 4)), tf.constant(there))


def test_coral_by_hand() -> None:
    """Covariances diag(2, 0) and diag(0, 2): |difference|^2 = 8, over 4 * 2^2.  A row without signal does not count."""
    one = side([[1.0, 0.0], [-1.0, 0.0], [9.0, 9.0]], [1.0, 1.0, 0.0])
    other = side([[5.0, 1.0], [5.0, -1.0]], [1.0, 1.0])
    assert float(adapt.coral(one, other)) == pytest.approx(8 / 16)
    assert float(adapt.coral(one, one)) == 0.0


def test_what_tells_kinds_apart_is_taught_the_opposite_of_what_it_learns() -> None:
    judge = adapt.Discriminator(2, 1)
    hidden = tf.Variable([[1.0, 0.5], [0.5, 1.0]])
    other = side([[-1.0, 0.5], [-0.5, 1.0]], [1.0, 1.0])
    here = adapt.Side(hidden, tf.zeros((2, 4)), tf.ones(2))
    with tf.GradientTape(persistent=True) as tape:
        surprise = judge(adapt.Side(hidden, here.logits, here.there), other)
    before = float(surprise)
    to_judge = tape.gradient(surprise, judge.trainable_variables)
    to_hidden = tape.gradient(surprise, hidden)
    hidden.assign_sub(0.01 * to_hidden)  # as an optimizer would: and the judge must be more surprised, not less
    assert float(judge(adapt.Side(hidden, here.logits, here.there), other)) > before
    hidden.assign_add(0.01 * to_hidden)
    for variable, gradient in zip(judge.trainable_variables, to_judge, strict=True):
        variable.assign_sub(0.01 * gradient)
    assert float(judge(here._replace(hidden=hidden), other)) < before


def test_alignment_undoes_a_shift_of_all_features() -> None:
    """A network that learnt on one kind stages another whose features lie two spreads off."""
    belts, radar = toy_nights(24), toy_nights(30, "radar", shift=3.0)
    plain = fit.fit(fit.Lesson(belts), NET, TRAINING, 1)
    lesson = fit.Lesson(belts, radar[:24])
    adapted = fit.fit(lesson, NET, TRAINING, 1, Adaptation("alignment", "radar", 1.0))
    assert kappa(adapted, radar[24:]) > kappa(plain, radar[24:]) + 0.1
    assert kappa(adapted, radar[24:]) > 0.5


def test_folding_moments_into_the_weights_changes_no_answer() -> None:
    night = toy_nights(1, shift=1.5)
    moments = adapt.Moments.of(night)
    network = CausalNetwork(Shape(2 * len(FEATURE_NAMES), 8, (1, 2)), 3)
    expected = fit.logits_of(network, [moments.applied(night[0])])[0]
    network.standardise(*moments)
    np.testing.assert_allclose(fit.logits_of(network, night)[0], expected, atol=1e-4)


@pytest.mark.parametrize("method", ["coral", "cdan"])
def test_adapting_still_learns(method: str) -> None:
    lesson = fit.Lesson(toy_nights(24), toy_nights(24, "radar", shift=0.5))
    network = fit.fit(lesson, NET, TRAINING, 1, Adaptation(method, "radar", 0.3))  # type: ignore[arg-type]
    assert kappa(network, toy_nights(30)[24:]) > 0.5
