"""Who is in bed, told from what a second shows: places, bodies, movement."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.habits import LEARNT_S, STEPS, Habits
from appliance.targets import Targets
from appliance.tracking import PrimaryUser, PrimaryUserTracker, Sighting, Who
from drivers.readings import Module, Target


class Bed:
    """A tracker and the time in it."""

    def __init__(self, module: Module = Module.TINYFRAME, habits: Habits | None = None) -> None:
        self.tracker = PrimaryUserTracker(module, "left", habits)
        self.t_s = 0.0

    def shows(self, seconds: int, *metres: float, moving: bool = False, rate: float | None = 14.0) -> PrimaryUser:
        """So many seconds of bodies at these distances, the first of them the chest; none is nobody."""
        for _ in range(seconds):
            self.t_s += 1.0
            seen = [Sighting(m, 0.97, k == 0, rate if k == 0 else None, moving) for k, m in enumerate(metres)]
            user = self.tracker.update(self.t_s, bool(metres), seen)
        return user

    def comes(self, *metres: float) -> PrimaryUser:
        return self.shows(5, *metres, moving=True)


def test_nobody_is_nobody() -> None:
    user = Bed().shows(60)
    assert (user.who, user.is_primary, user.confidence) == (Who.NOBODY, False, 1.0)


def test_the_nearest_on_the_box_side_is_the_sleeper() -> None:
    bed = Bed()
    bed.comes(0.6)
    user = bed.shows(60, 0.6)
    assert user.who is Who.YOU
    assert user.confidence > 0.9
    assert user.chest == 0
    assert user.distance_m == 0.6


def test_whoever_lies_on_the_far_side_alone_is_somebody_else() -> None:
    bed = Bed()
    bed.comes(1.4)
    assert bed.shows(600, 1.4).who is Who.OTHER


def test_a_partner_is_told_apart_and_stays_so_while_you_are_away() -> None:
    bed = Bed()
    bed.comes(1.4)
    bed.shows(600, 1.4)
    bed.comes(0.6, 1.4)
    assert bed.shows(600, 0.6, 1.4).who is Who.BOTH
    bed.comes(0.6, 1.4)  # you get up
    user = bed.shows(20, 1.4, rate=18.0)
    assert user.who is Who.OTHER
    assert not user.is_primary
    assert "distance 0.6 -> 1.4 m" in user.reason
    assert "rate 14 -> 18" in user.reason
    for centimetres in range(140, 95, -5):  # and rolls to the middle of the bed
        bed.shows(1, centimetres / 100, moving=True)
    assert bed.shows(300, 0.95).who is Who.OTHER
    bed.comes(0.6, 0.95)
    assert bed.shows(60, 0.6, 0.95).who is Who.BOTH


def test_you_may_roll_over_to_the_other_side() -> None:
    bed = Bed()
    bed.comes(0.6)
    bed.shows(600, 0.6)
    for centimetres in range(60, 125, 20):
        bed.shows(1, centimetres / 100, moving=True)
    assert bed.shows(3600, 1.2).is_primary


def test_nobody_comes_or_goes_without_a_movement() -> None:
    """A second body that flickers for seconds on end, as echoes do, changes nothing."""
    bed = Bed()
    bed.comes(0.6)
    bed.shows(600, 0.6)
    for _ in range(60):
        assert bed.shows(1, 0.6, 1.1).who is Who.YOU
        assert bed.shows(30, 0.6).who is Who.YOU


def test_a_short_absence_is_remembered() -> None:
    bed = Bed()
    bed.comes(0.6)
    bed.shows(600, 0.6)
    bed.shows(240)
    assert bed.comes(0.9).who is Who.YOU


def test_a_module_with_one_target_says_what_it_cannot_know() -> None:
    bed = Bed(Module.MICRADAR)
    assert "one body at a time" in bed.comes(0.6).reason


def test_without_a_distance_whoever_is_there_counts() -> None:
    user = Bed().shows(5, math.nan)
    assert user.is_primary
    assert user.reason == "no distance to tell people by"
    assert user.confidence == pytest.approx(0.6)


def test_what_was_learnt_moves_the_border() -> None:
    """Somebody who always lies at 1.0 m is found there from the first second; a stranger's place is nobody's."""
    habits = Habits()
    for _ in range(round(LEARNT_S)):
        habits.lies(1.05, yours=True, rate_brpm=14.0)
        habits.lies(1.75, yours=False)
    bed = Bed(habits=habits)
    assert bed.comes(1.05).confidence > 0.9
    assert Bed(habits=habits).comes(1.75).who is Who.OTHER


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.lists(
                st.tuples(st.floats(0.2, 3.0) | st.just(math.nan), st.floats(0.0, 1.0), st.booleans()), max_size=4
            ),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_whatever_is_seen_the_answer_is_an_answer(
    seconds: Sequence[tuple[bool, Sequence[tuple[float, float, bool]]]],
) -> None:
    tracker = PrimaryUserTracker(Module.ACCONEER)
    for k, (present, bodies) in enumerate(seconds):
        user = tracker.update(float(k), present, [Sighting(m, p, True, 15.0, moving) for m, p, moving in bodies])
        assert (user.who is Who.NOBODY) is not present
        assert 0.0 <= user.confidence <= 1.0
        assert user.reason
        assert user.chest is None or user.chest < len(bodies)


def test_habits_know_the_bed_after_two_hours() -> None:
    habits = Habits()
    for _ in range(3600):
        habits.lies(0.55, yours=True, rate_brpm=14.0)
        habits.lies(1.35, yours=False)
    assert habits.bed_m is not None
    near_m, far_m = habits.bed_m
    # The seconds of a step of 0.1 m are spread evenly in it; 1 % is left out at either end.
    assert near_m == pytest.approx(0.5 + 0.1 * 0.02)
    assert far_m == pytest.approx(1.3 + 0.1 * 0.98)
    assert habits.usual_m is None  # an hour of one's own is not yet two
    for _ in range(3600):
        habits.lies(0.55, yours=True, rate_brpm=16.0)
    assert habits.usual_m == pytest.approx(0.55)
    assert habits.rate_brpm == pytest.approx(15.0)
    assert habits.other_m is None


def test_habits_outlive_a_restart_and_refuse_nonsense() -> None:
    habits = Habits()
    for _ in range(100):
        habits.lies(0.55, yours=True, rate_brpm=14.0)
    document = habits.as_dict()
    habits.recall(document)
    assert habits.as_dict() == document
    for wrong in ({}, {**document, "yours_s": [1.0]}, {**document, "rated_s": -1.0}, {**document, "rate_brpm": "x"}):
        with pytest.raises(ValueError, match=r"^what was learnt of the bed cannot be read"):
            habits.recall(wrong)
    assert habits.as_dict() == document


@given(st.lists(st.floats(-1.0, 5.0) | st.just(math.nan), max_size=200))
def test_habits_count_no_more_than_they_saw(places: Sequence[float]) -> None:
    habits = Habits()
    for place in places:
        habits.lies(place, yours=True)
    assert habits.learnt_s == sum(0.0 <= place < 0.1 * STEPS for place in places)


def test_targets_are_followed_and_fade() -> None:
    targets = Targets()
    for k in range(80):
        targets.update(k / 8, [Target(0.0, 0.6, 0.0), Target(0.1, 1.4, 0.0)])
    ((distance_m, confidence),) = targets.besides(10.0, chest_m=0.6)
    assert distance_m == pytest.approx(math.hypot(0.1, 1.4))
    assert confidence == pytest.approx(0.95)
    for k in range(80, 160):
        targets.update(k / 8, [Target(0.0, 0.6, 0.0)])
    ((_, missed),) = targets.besides(20.0, chest_m=0.6)
    # Last seen at 9.875 s: a second of grace, then a sixth of a time constant a second.
    assert missed == pytest.approx(0.95 * math.exp(-(20.0 - 9.875 - 1.0) / 6.0))


def test_one_who_rolls_over_and_is_seen_twice_for_a_while_is_one() -> None:
    """An A121 sees the old place fade for some ten seconds after the new one has begun."""
    bed = Bed(Module.ACCONEER)
    bed.comes(0.6)
    bed.shows(600, 0.6)
    bed.comes(0.6, 1.2)
    bed.shows(20, 0.6, 1.2)
    user = bed.shows(120, 1.2)
    assert user.who is Who.YOU
    bed = Bed(Module.ACCONEER)  # but one who lay there for a while is somebody else
    bed.comes(0.6)
    bed.shows(600, 0.6)
    bed.comes(0.6, 1.2)
    bed.shows(200, 0.6, 1.2)
    bed.comes(0.6, 1.2)
    assert bed.shows(120, 1.2).who is Who.OTHER


def test_one_who_jumps_to_the_far_side_while_alone_has_not_been_replaced() -> None:
    alone = Bed(Module.MICRADAR)
    alone.comes(0.6)
    alone.shows(1200, 0.6)
    alone.shows(1, 0.6, moving=True)  # and lies there at the next word of a module that tells distances now and then
    assert alone.shows(1200, 1.25).who is Who.YOU
    # Where two have been seen, the one who is left may be either.
    shared = Bed(Module.MICRADAR)
    shared.comes(1.25)
    shared.shows(600, 1.25)
    shared.comes(0.6)
    shared.shows(1200, 0.6)
    shared.shows(1, 1.25, moving=True)
    assert shared.shows(1200, 1.25).who is Who.OTHER
