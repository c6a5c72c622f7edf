"""Evenings to learn intent from, and how the intent model's change points are judged and chosen."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from drivers.readings import Module
from models.sleeper import Doing, simulate
from models.sleeper.person import Person, random_person
from models.sleeper.plan import Activity
from models.training.evenings import BEFORE, distance_of, light_of, random_evening, random_plan
from models.training.heard import heard_ticks

SEEDS = range(40)


def test_plans_are_possible_and_show_everything() -> None:
    seen: set[str] = set()
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        plan = random_plan(rng, random_person(rng), 8.0)
        words = [activity.what for activity in plan]
        assert words[0] == "enter"
        assert words[-1] == "leave"
        assert "try_to_sleep" in words
        assert all(a.at_min <= b.at_min for a, b in pairwise(plan))
        assert plan[-1].at_min < 480.0
        seen.update(words)
    assert set(BEFORE) <= seen


def test_the_same_seed_is_the_same_evening() -> None:
    one, other = random_evening(3, hours=3.0), random_evening(3, hours=3.0)
    np.testing.assert_array_equal(one.night.displacement_mm, other.night.displacement_mm)
    np.testing.assert_array_equal(one.light_lx, other.light_lx)


def test_the_lamp_mostly_goes_with_reading_and_not_with_sleep() -> None:
    plan = [Activity(1.0, "enter"), Activity(2.0, "read"), Activity(40.0, "try_to_sleep"), Activity(119.0, "leave")]
    night = simulate(random_person(np.random.default_rng(1)), plan, 2.0, 1)
    brighter, sensors = 0, 0
    for seed in SEEDS:
        light = light_of(night, np.random.default_rng(seed))
        if np.isnan(light).all():
            continue
        sensors += 1
        reading, trying = (np.median(light[night.doing == what]) for what in (Doing.READ, Doing.TRY_TO_SLEEP))
        brighter += bool(reading > 3.0 * trying)
    assert 10 < sensors < len(SEEDS)  # some nights have no sensor
    assert 0.6 * sensors < brighter < sensors  # mostly, not always
    assert any(np.isnan(distance_of(night, np.random.default_rng(seed))).all() for seed in SEEDS)


def test_who_talks_breathes_slowly_and_unevenly() -> None:
    def intervals(what: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        plan = [Activity(0.5, "enter"), Activity(1.0, what), Activity(119.0, "leave")]
        night = simulate(Person(), plan, 2.0, 4)
        kept: np.ndarray[tuple[int], np.dtype[np.float64]] = night.breaths.interval_s[night.breaths.start_s < 7000.0]
        return kept

    talk, read = intervals("talk"), intervals("read")
    assert 8.0 <= 60.0 / np.median(talk) <= 14.0
    assert np.median(talk) > 1.2 * np.median(read)
    assert talk.std() / talk.mean() > read.std() / read.mean()


@pytest.mark.parametrize("module", list(Module))
def test_an_evening_is_heard_through_each_modules_bytes(module: Module) -> None:
    """Ten instants a second; the sleeper's chest is where the sleeper is, and the empty bed before has none."""
    plan = [Activity(5.0, "enter"), Activity(6.0, "try_to_sleep"), Activity(19.5, "leave")]
    night = simulate(Person(), plan, 20 / 60, 7)
    told = list(heard_ticks(night, module, 7))
    instants = np.array([tick.t_s for tick in told])
    np.testing.assert_allclose(np.diff(instants), 0.1, atol=1e-6)
    assert instants[-1] > 1190.0
    asleep = [tick for tick in told if 600.0 < tick.t_s < 1100.0]
    metres = np.array([tick.distance_m for tick in asleep if tick.distance_m == tick.distance_m])
    assert abs(np.median(metres) - np.median(night.distance_m[12_000:22_000])) < 0.15
    chest = np.array([tick.displacement for tick in asleep])
    assert np.isfinite(chest).mean() > 0.95
    empty, entry = (
        np.nan_to_num([tick.moving for tick in told if begin < tick.t_s < end])
        for begin, end in ((60, 240), (297, 320))
    )
    assert entry.max() > 2.0 * empty.max()


def test_errors_by_hand() -> None:
    pytest.importorskip("tensorflow", reason="comes with the train extra")
    from models.stager import ChangeRules
    from models.training.intent import AGO_EPOCHS, errors_of, settled

    rules = ChangeRules(3.0, 0.0, 8.0, 5.0, 20)
    truth = np.array([-1] * 4 + [0] * 40 + [1] * 20 + [2] * 60 + [1] * 10, np.int8)
    told = np.array([0] * 50 + [1] * 20 + [2] * 60 + [1] * 4)
    p = np.eye(3)[told] * 0.85 + 0.05
    # Told trying from epoch 50 for 44, asleep from 70 for 64, awake from 130 for 124: 3 min late each.
    assert errors_of(p, truth, rules) == pytest.approx((3.0, 3.0, 0.0, 3.0, 0.0, 20.0))
    # Five of twenty minutes of reading told as sleep, which begins twenty minutes early.
    truth = np.array([0] * 40 + [2] * 60, np.int8)
    p = np.eye(3)[[2] * 10 + [0] * 30 + [2] * 60] * 0.85 + 0.05
    assert errors_of(p, truth, rules) == pytest.approx((-20.0, -20.0, 0.0, 0.0, 5.0, 20.0))
    # What comes eight epochs late stands for the epoch that it is about, but for the last eight.
    both = np.zeros((20, 6))
    both[:, 0], both[:, 5] = 0.5, 0.5
    np.testing.assert_allclose(settled(both).argmax(axis=1), [2] * (20 - AGO_EPOCHS) + [0] * AGO_EPOCHS)
