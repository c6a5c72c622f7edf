"""Learning when to wake: windows and ways to wake by hand, and a policy that reckons in training as on the box."""

from __future__ import annotations

import json
import math
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.smart import DEEP, EVIDENCE, GOOD, REM, WakingPolicy
from models.contract import EPOCH_S, SleepStage
from models.features import FEATURE_NAMES
from models.training import pictures, waking
from models.training.dataset import NO_STAGE
from models.training.mornings import Morning, Senses, dressed, morning_of
from models.training.windows import (
    WINDOW_S,
    Outcome,
    Windows,
    at_a_fixed_time,
    at_first_light,
    gain,
    price_for,
    with_true_stages,
)

W, L, D, R = (int(s) for s in (SleepStage.WAKE, SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM))
LIGHT_AT = EVIDENCE.index("log_light")


def _morning(*runs: tuple[int, int], evidence: float = 0.0) -> Morning:
    """So many minutes of each kind, of which the evidence is all alike but for one piece that tells them apart."""
    kind = np.concatenate([np.full(60 * minutes, kind, np.int8) for kind, minutes in runs])
    rows = np.full((kind.size, len(EVIDENCE)), evidence, np.float32)
    rows[:, LIGHT_AT] = np.where(kind == GOOD, 0.0, np.where(kind == REM, -2.0, -4.0))
    return Morning("made up", 0, rows, kind, 0, kind.size)


def _windows(*mornings: Morning) -> Windows:
    """One window of each, before its end."""
    rows = np.array([morning.kind.size - 1 for morning in mornings])
    return Windows(mornings, np.arange(len(mornings)), rows)


def _outcome(good: list[int], deep: list[int], of: int) -> Outcome:
    """Nights of so many windows each, of which so many rang in light and in deep sleep."""
    nights = [[GOOD] * g + [DEEP] * d + [REM] * (of - g - d) for g, d in zip(good, deep, strict=True)]
    person = np.repeat(np.arange(len(nights)), of)
    return Outcome(np.concatenate(nights).astype(np.int8), np.zeros(person.size), person)


def test_set_times_lie_from_five_and_a_half_hours_of_the_night_on_and_before_the_last_sleep_ends() -> None:
    """Onset after ten minutes, up after six hours: 5:40 to 5:55 in steps of five minutes."""
    first_s = round(4.5 * 3600) + 600
    size = 6 * 3600 - first_s
    blank = np.zeros((size, len(EVIDENCE)), np.float32)
    morning = Morning("made up", first_s, blank, np.zeros(size, np.int8), 600, 6 * 3600)
    assert [row + first_s for row in morning.set_times()] == [round(5.5 * 3600) + 600 + 300 * k for k in range(4)]


def test_ways_to_wake_by_hand() -> None:
    """Half an hour: REM for twenty minutes and a second, light for five, deep to the end."""
    windows = _windows(_morning((REM, 21), (GOOD, 5), (DEEP, 5)))
    fixed = at_a_fixed_time(windows)
    assert (fixed.good, fixed.deep, fixed.minutes) == (0.0, 1.0, 0.0)
    first = at_first_light(windows)
    assert (first.good, first.minutes) == (1.0, pytest.approx(10.0, abs=0.02))
    advantage = np.where(windows.mornings[0].kind[-WINDOW_S - 1 : -1] == GOOD, 0.3, -0.3).astype(np.float32)
    # .3 pays for 7.5 minutes at .04 each: in the middle of the light ones
    rung = windows.rung([advantage], 0.04)
    assert (rung.good, rung.minutes) == (1.0, pytest.approx(7.5, abs=0.02))
    assert windows.rung([advantage], 0.07).deep == 1.0  # five minutes cost .35
    assert windows.rung([np.full(WINDOW_S, np.nan, np.float32)], 0.0).minutes == 0.0  # doubt


def test_a_price_is_found_at_which_so_many_minutes_are_given_up() -> None:
    assert price_for(lambda price: 10.0 * (1.0 - price), 4.0) == pytest.approx(0.6)


def test_true_stages_take_the_last_light_minutes_before_deep_sleep_and_meet_the_minutes() -> None:
    """Of two mornings one ends in light sleep, where waiting costs nothing, and one in deep sleep after light."""
    ends_light, ends_deep = _morning((REM, 21), (GOOD, 10)), _morning((REM, 21), (GOOD, 5), (DEEP, 5))
    best = with_true_stages(_windows(*[ends_light, ends_deep] * 20), 4.0)
    assert best.minutes == pytest.approx(4.0, abs=0.5)
    assert best.good > at_a_fixed_time(_windows(ends_light, ends_deep)).good


def test_a_gain_by_hand() -> None:
    """Of 40 windows 20 are good at the fixed time, 28 by the policy and 36 at best: 8 of 40, and 8 of 16 of the way."""
    fixed = _outcome([5, 5, 5, 5], [2, 2, 2, 2], 10)
    ours, best = _outcome([7, 7, 7, 7], [1, 1, 1, 1], 10), _outcome([9, 9, 9, 9], [0, 0, 0, 0], 10)
    told = gain(ours, fixed, best, draws=50)
    assert told.good == pytest.approx((0.2, 0.2, 0.2))  # all nights are alike, so the interval is a point
    assert told.deep == pytest.approx((-0.1, -0.1, -0.1))
    assert told.of_the_way == pytest.approx((0.5, 0.5, 0.5))
    unlike = gain(_outcome([10, 4, 10, 4], [0] * 4, 10), fixed, best, draws=400)
    assert unlike.of_the_way[0] == pytest.approx(0.5)
    # Every night of a draw is at 1.25 or at -.25 of the way.
    assert -0.25 <= unlike.of_the_way[1] < 0.2
    assert 0.8 < unlike.of_the_way[2] <= 1.25


# -- learning


def _learnt() -> tuple[dict[str, object], Windows]:
    """From mornings that end well or badly; what kind a moment is, one piece of evidence tells."""
    mornings = [_morning((REM, 14 + k % 9), (GOOD, 10), (DEEP if k % 2 else REM, 9 - k % 9)) for k in range(24)]
    windows = _windows(*mornings)
    numbers = waking.learn(windows)
    numbers["minute"] = waking.price_of_a_minute(windows, 6.0)
    return numbers, windows


def test_what_can_be_told_apart_is_learnt() -> None:
    numbers, windows = _learnt()
    told = waking.figures(numbers, windows)
    assert told["fixed time"]["light_or_wake"] == 0.0
    assert told["policy"]["light_or_wake"] > 0.5
    assert told["policy"]["deep"] < told["fixed time"]["deep"]
    assert told["policy"]["given_up_min"] == pytest.approx(6.0, abs=1.0)
    assert any("of the way from the fixed time" in line for line in waking.lines("made up", told))


def test_without_events_nothing_of_them_is_left_and_doubt_remains() -> None:
    morning = _morning((GOOD, 40), evidence=3.0)
    morning.evidence[7] = np.nan
    (blind,) = waking.without_events(_windows(morning)).mornings
    assert blind.evidence[0, EVIDENCE.index("moved_5_s")] == 0.0
    assert blind.evidence[0, EVIDENCE.index("uncertainty")] == 3.0
    assert np.isnan(blind.evidence[7]).all()
    assert morning.evidence[0, EVIDENCE.index("moved_5_s")] == 3.0


def _policy(numbers: dict[str, object]) -> WakingPolicy:
    head = {"format": "firstlight-waking", "format_version": 1, "name": "made up", "version": "1"}
    return WakingPolicy.parse(json.dumps(head | {"model": {"sha256": "0"}} | numbers), "0")


@given(seed=st.integers(0, 2**32 - 1))
def test_training_reckons_as_the_box_does(seed: int) -> None:
    """What a second is better than the set time, by arrays and by the policy itself."""
    random = np.random.default_rng(seed)
    columns = 1 + len(EVIDENCE)
    numbers: dict[str, object] = {
        "evidence": [
            {"name": name, "mean": float(random.normal()), "spread": float(random.uniform(0.5, 2.0))}
            for name in EVIDENCE
        ],
        "now": random.normal(size=(3, columns)).tolist(),
        "fades_min": list(waking.FADES_MIN),
        "later": (0.2 * random.normal(size=(3, columns))).tolist(),
        "margin": 0.04,
        "most_deep": 0.3,
        "least_sleep_h": 3.0,
        "minute": 0.02,
    }
    morning = _morning((GOOD, 40))
    morning.evidence[:] = random.normal(size=morning.evidence.shape)
    windows = _windows(morning)
    (advantage,) = waking.advantages(numbers, windows)
    policy = _policy(numbers)
    for left_s in random.integers(1, WINDOW_S + 1, size=20).tolist():
        evidence = morning.evidence[windows.row[0] - left_s].astype(float).tolist()
        moment = policy.moment(evidence)
        if moment.deep >= policy.most_deep:
            assert math.isnan(advantage[WINDOW_S - left_s])
        else:
            better = moment.worth - policy.at_the_set_time(evidence, left_s) - policy.margin
            assert advantage[WINDOW_S - left_s] == pytest.approx(better, abs=1e-4)


# -- mornings


def _senses(*runs: tuple[int, int]) -> Senses:
    """So many half minutes of each stage; the features tell the stage, and half a minute moves where it is wake."""
    stages = np.concatenate([np.full(count, stage, np.int8) for stage, count in runs])
    features = np.repeat(stages[:, None].astype(np.float32), len(FEATURE_NAMES), axis=1)
    motion = np.where(stages[:, None] == W, 1.0, 0.0) * np.ones((1, EPOCH_S))
    return Senses("made up", features, motion.astype(np.float16), stages)


def test_a_morning_knows_an_epoch_when_it_is_over_and_a_movement_in_its_second() -> None:
    """Asleep for six hours from the start, then deep for ten minutes, then awake for five and light to the end."""
    morning = morning_of(None, _senses((L, 720), (D, 20), (W, 10), (L, 30)))
    assert morning is not None
    assert (morning.onset_s, morning.final_s) == (0, 780 * EPOCH_S)
    deep_s, wake_s = 720 * EPOCH_S - morning.first_s, 740 * EPOCH_S - morning.first_s
    assert [morning.kind[at] for at in (deep_s - 1, deep_s, wake_s - 1, wake_s)] == [GOOD, DEEP, DEEP, GOOD]
    deep, moved = morning.evidence[:, EVIDENCE.index("log_deep")], morning.evidence[:, EVIDENCE.index("moved_5_s")]
    known = deep > math.log(0.5)
    assert not known[deep_s + EPOCH_S - 1]
    assert known[deep_s + EPOCH_S]  # a row is what is known when its second begins
    assert moved[wake_s] == 0.0
    assert moved[wake_s + 1] == pytest.approx(math.log(2.0))


def test_a_night_without_a_morning_is_none() -> None:
    assert morning_of(None, _senses((W, 900))) is None
    assert morning_of(None, _senses((L, 300))) is None


def test_a_hypnogram_is_dressed_bout_by_bout_in_its_own_stages() -> None:
    donors = [_senses((W, 9), (L, 30), (D, 12), (L, 5), (R, 20), (NO_STAGE, 3))]
    stages = _senses((W, 4), (L, 50), (D, 30), (R, 7), (NO_STAGE, 2), (L, 3)).stages
    night = dressed("real", stages, donors, np.random.default_rng(1))
    np.testing.assert_array_equal(night.features[:, 0], stages)
    np.testing.assert_array_equal(night.motion[:, 0] > 0.5, stages == W)
    hours = night.features[:, FEATURE_NAMES.index("hours")]
    np.testing.assert_allclose(np.diff(hours), EPOCH_S / 3600 / 2.5, atol=1e-5)


# -- pictures


def test_pictures_hold_a_line_for_each_and_are_whole() -> None:
    numbers, windows = _learnt()
    asked = pictures.asked(_policy(numbers), {"awake": [0.0] * len(EVIDENCE), "deep & still": [0.0] * len(EVIDENCE)})
    frontier = waking.frontier(numbers, windows, "nights made up")
    for text, said in ((asked, "deep & still"), (frontier, "fixed time")):
        words = "".join(ElementTree.fromstring(text).itertext())
        assert said in words
