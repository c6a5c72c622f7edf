"""Where the box should stand: each sentence from a case worked out by hand, calm bars, and laws of the levels."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.placement import (
    REACH_M,
    Figures,
    Placement,
    axis_level,
    bars,
    distance_level,
    hands,
    line,
    lines,
    next_step,
    stillness,
)
from appliance.status import TRACE_HZ, TRACE_S, RadarStatus, Status

MODULES = st.sampled_from([*REACH_M, None])
POINTS = TRACE_HZ * TRACE_S


def breath(depth_mm: float = 3.0) -> tuple[float | None, ...]:
    """Twenty quiet seconds at 15 breaths a minute."""
    return tuple(depth_mm / 2.0 * math.sin(2.0 * math.pi * 0.25 * k / TRACE_HZ) for k in range(POINTS))


LYING = Status(
    utc_s=100.0,
    present=True,
    distance_m=0.7,
    angle_deg=4.0,
    depth_mm=2.5,
    breathing_quality=0.8,
    radar=RadarStatus(True, "tinyframe"),
    trace=breath(),
)


@pytest.mark.parametrize(
    ("module", "figures", "sentence"),
    [
        ("tinyframe", Figures(0.7, 4.0, 2.5, 0.8), "Good: leave it there."),
        ("acconeer", Figures(0.7, None, 2.5, 0.8), "Good: leave it there."),
        ("micradar", Figures(1.4, None, 0.1, 0.6), "Good: leave it there."),  # whose depth means nothing
        # 1.8 m is beyond TinyFrame's 1.5 m, and 0.8 m beyond the ideal; Micradar reaches 2 m.
        ("tinyframe", Figures(1.8, 0.0, 2.5, 0.8), "Move it 0.8 m nearer to your chest."),
        ("micradar", Figures(1.8, 0.0, None, 0.8), "Good: leave it there."),
        ("micradar", Figures(1.3, 0.0, None, 0.3), "Move it 3 hand's breadths (30 cm) nearer to your chest."),
        ("tinyframe", Figures(0.35, 0.0, 2.5, 0.8), "Move it 2 hand's breadths (20 cm) further from your chest."),
        ("acconeer", Figures(0.35, None, 2.5, 0.8), "Good: leave it there."),  # which sees from 0.3 m on
        # The middle third of 60 degrees is 20; 30 degrees is where the level has fallen to 0.75.
        ("tinyframe", Figures(0.7, 29.0, 2.5, 0.8), "Good: leave it there."),
        ("tinyframe", Figures(0.7, -33.0, 2.5, 0.8), "Turn it to the left, as it looks, by about 35°."),
        ("micradar", Figures(0.7, 22.0, None, 0.8), "Turn it to the right, as it looks, by about 20°."),
        # Of 6 mm upwards 1 mm is seen: a sixth, where a half is wanted; two sixths of 0.6 m are 0.2 m.
        (
            "tinyframe",
            Figures(0.6, 0.0, 1.0, 0.5),
            "Put it 2 hand's breadths (20 cm) higher, and aim it at your chest.",
        ),
        ("acconeer", Figures(0.4, None, 1.4, 0.5), "Put it a hand's breadth (10 cm) higher, and aim it at your chest."),
        ("tinyframe", Figures(0.6, 0.0, 1.0, 0.9), "Good: leave it there."),  # shallow, and clear all the same
        # Of 0.9 m a share of (3 - 0.3) / 6 is lacking: 0.4 m, but three hand's breadths are enough at once.
        (
            "tinyframe",
            Figures(0.9, 0.0, 0.3, 0.9),
            "Put it 3 hand's breadths (30 cm) higher, and aim it at your chest.",
        ),
        (
            "micradar",
            Figures(0.7, None, None, 0.2),
            "Put it a hand's breadth (10 cm) higher, and aim it at your chest.",
        ),
        (None, Figures(), "Put it a hand's breadth (10 cm) higher, and aim it at your chest."),
        (
            "tinyframe",
            Figures(0.7, 0.0, 4.0, 0.2),
            "Breathe quietly, and keep fans and curtains out of its sight: something besides your chest moves.",
        ),
    ],
)
def test_one_thing_to_do_next(module: str | None, figures: Figures, sentence: str) -> None:
    assert next_step(module, figures) == (sentence, sentence.startswith("Good"))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"standby": True}, "Leave standby first: the radar is not listened to."),
        ({"radar": RadarStatus(fault="silent: check its cable")}, "Mend the radar first: silent: check its cable."),
        ({"present": None}, "Wait a moment: the radar has not told anything yet."),
        ({"present": False}, "Lie down as you sleep, on your back, and breathe quietly."),
        ({"trace": (*breath()[:-5], 9.0, 0.0, 9.0, 0.0, 0.0)}, "Lie still for half a minute."),
        ({"trace": (9.0, 0.0, *breath()[2:])}, "Listening: stay as you are."),
        ({"trace": (None, *breath()[1:])}, "Listening: stay as you are."),
        ({"trace": ()}, "Listening: stay as you are."),
        ({}, "Good: leave it there."),
    ],
)
def test_what_must_be_first(changes: dict[str, object], sentence: str) -> None:
    advice = Placement().update(replace(LYING, **changes))  # type: ignore[arg-type]
    assert advice.sentence == sentence
    assert advice.is_good is (changes == {})


def test_nobody_has_no_figures() -> None:
    found = Placement().update(replace(LYING, present=False)).bars
    assert [(bar.level, bar.said) for bar in found] == [(None, "not known")] * 3


def test_stillness_is_counted_from_the_end() -> None:
    assert stillness(breath(8.0)) == (TRACE_S, False)
    # The third value from the end stands 4 mm out: 2 x 4 mm x 25 / s2 is a movement, also for its neighbours.
    assert stillness((*[0.0] * 50, 4.0, 0.0, 0.0)) == (pytest.approx(1 / TRACE_HZ), True)
    assert stillness((0.0, None, 0.0, 0.0)) == (2 / TRACE_HZ, False)
    assert stillness(()) == (0.0, False)


def test_bars_have_figures_with_units() -> None:
    told = bars("tinyframe", Figures(0.7, -12.0, 2.1, 0.8))
    assert [bar.said for bar in told] == [
        "0.70 m to your chest",
        "12° left, breath 2.1 mm deep",
        "80 % clear",
    ]
    assert [bar.level for bar in told] == [1.0, pytest.approx(0.7), 0.8]
    assert bars("acconeer", Figures(0.7, None, 1.5, 0.8))[1] == ("Aim", 0.5, "no angle, breath 1.5 mm deep")
    assert bars("micradar", Figures(0.7, None, 1.5, 0.8))[1] == ("Aim", None, "this module does not tell")


def test_a_sentence_changes_only_when_another_has_held() -> None:
    placement = Placement()

    def said(k: int, angle_deg: float) -> str:
        return placement.update(replace(LYING, utc_s=100.0 + k, angle_deg=angle_deg)).sentence

    assert {said(k, -40.0 if k == 2 else 0.0) for k in range(5)} == {"Good: leave it there."}
    # The smoothed angle goes from about 0 to -40 with 4 s: it is beyond -30 after 4 s x ln(4), about 6 s, and beyond
    # -37.5 (which is said as 40) after 4 s x ln(16), about 11 s; each must hold for 5 s.
    later = [said(k, -40.0) for k in range(5, 30)]
    assert later[:10] == ["Good: leave it there."] * 10
    assert later[-1] == "Turn it to the left, as it looks, by about 40°."
    assert sum(before != after for before, after in pairwise(later)) <= 2


def test_the_same_second_seen_twice_changes_nothing() -> None:
    placement = Placement()
    first = placement.update(LYING)
    assert placement.update(replace(LYING, distance_m=3.0)) is first
    # One second later the distance has gone 1 - exp(-1 / 4) = 22 % of the way from 0.7 to 1.7 m.
    assert placement.update(replace(LYING, utc_s=101.0, distance_m=1.7)).bars[0].said == "0.92 m to your chest"


def test_what_is_not_told_any_more_is_forgotten_after_ten_seconds() -> None:
    placement = Placement()
    placement.update(LYING)
    silent = [placement.update(replace(LYING, utc_s=100.0 + k, distance_m=None)).bars[0] for k in range(1, 12)]
    assert [bar.level for bar in silent] == [1.0] * 10 + [None]


def test_a_new_look_and_a_clock_set_back_begin_afresh() -> None:
    for utc_s in (160.0, 40.0):
        placement = Placement()
        placement.update(replace(LYING, distance_m=2.0))
        assert placement.update(replace(LYING, utc_s=utc_s)).bars[0].said == "0.70 m to your chest"


def test_lengths_in_hand_s_breadths() -> None:
    assert [hands(m) for m in (0.0, 0.14, 0.16, 0.6, 0.81)] == [
        "a hand's breadth (10 cm)",
        "a hand's breadth (10 cm)",
        "2 hand's breadths (20 cm)",
        "6 hand's breadths (60 cm)",
        "0.8 m",
    ]


def test_the_terminal_s_lines() -> None:
    advice = Placement().update(replace(LYING, angle_deg=None, depth_mm=None, breathing_quality=0.5))
    assert lines(advice) == [
        "Distance  ████████████████████  0.70 m to your chest",
        "Aim       ····················  this module does not tell",
        "Breathing ██████████░░░░░░░░░░  50 % clear",
        "Good: leave it there.",
    ]
    assert line(advice) == (
        "distance █████ 0.70 m to your chest, aim ····· this module does not tell, breathing ███░░ 50 % clear: "
        "Good: leave it there."
    )


def test_an_unclear_breath_is_listened_to_for_longer() -> None:
    placement = Placement()
    said = [
        placement.update(replace(LYING, utc_s=100.0 + k, breathing_quality=0.0, depth_mm=None)).sentence
        for k in range(17)
    ]
    assert said[:15] == ["Listening: stay as you are."] * 15
    assert said[15:] == ["Put it a hand's breadth (10 cm) higher, and aim it at your chest."] * 2


@given(MODULES, st.floats(0.0, 8.0), st.floats(0.0, 8.0))
def test_nearer_to_the_ideal_distance_never_lowers_the_bar(module: str | None, a_m: float, b_m: float) -> None:
    def beyond(m: float) -> float:
        return max(0.5 - m, m - 1.0, 0.0)

    same_side = (a_m < 0.75) is (b_m < 0.75)
    if same_side and beyond(a_m) <= beyond(b_m):
        assert distance_level(module, a_m) >= distance_level(module, b_m)
    assert 0.0 <= distance_level(module, a_m) <= 1.0


@given(MODULES, st.floats(-90, 90), st.floats(-90, 90))
def test_nearer_to_the_axis_never_lowers_the_bar(module: str | None, a_deg: float, b_deg: float) -> None:
    near, far = sorted((a_deg, b_deg), key=abs)
    assert 1.0 >= axis_level(module, near) >= axis_level(module, far) >= 0.0


def test_the_edges_of_what_a_module_reaches_are_half_a_bar() -> None:
    for module, edges in REACH_M.items():
        assert [distance_level(module, m) for m in edges] == [pytest.approx(0.5)] * 2
    assert axis_level("tinyframe", 60.0) == pytest.approx(0.0)
    assert axis_level("micradar", -40.0) == pytest.approx(0.0)


_NUMBER = st.none() | st.floats(0.0, 10.0)


@given(MODULES, st.builds(Figures, _NUMBER, st.none() | st.floats(-90, 90), _NUMBER, st.none() | st.floats(0.0, 1.0)))
def test_there_is_always_one_sentence_and_a_clearer_breath_never_spoils_a_good_place(
    module: str | None, figures: Figures
) -> None:
    sentence, is_good = next_step(module, figures)
    assert sentence.endswith(".")
    assert "probably" not in sentence
    if is_good:
        assert next_step(module, figures._replace(quality=1.0))[1]
    for bar in bars(module, figures):
        assert bar.level is None or 0.0 <= bar.level <= 1.0
