"""Nights beside each other: regularity by hand and by its laws, what is usual, and sentences that are earned."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.insights import insights
from appliance.trends import TrendNight, band, one_a_day, regularity, since_noon_min, spread_min

BERLIN = ZoneInfo("Europe/Berlin")
DAY_S = 86_400
T0 = 1_795_644_000  # 2026-11-25 22:00 UTC, 23:00 in Berlin


def a_night(day: int, late_min: float = 0.0, hours: float = 8.0, **changes: Any) -> TrendNight:
    """In bed and asleep from 23:00, or so many minutes later, on the given day."""
    start = T0 + day * DAY_S + round(60 * late_min)
    end = start + round(3600 * hours)
    values: dict[str, Any] = {
        "id": start,
        "entered_utc": start,
        "left_utc": end,
        "trying_utc": start,
        "onset_utc": start,
        "final_utc": end,
        "told": {"counted_from": "trying", "sol_s": 900},
        "asleep": range(start, end, 30),
        "rate_brpm": 14.0,
    }
    return TrendNight(**(values | changes))


def test_the_same_every_night_is_a_hundred() -> None:
    assert regularity([a_night(k) for k in range(6)], BERLIN) == (100.0, 5)


def test_regularity_by_hand() -> None:
    """Every other night an hour later: of each two days two hours of 24 differ, so 1 - 2/24 of the time is alike."""
    nights = [a_night(k, late_min=60 * (k % 2)) for k in range(5)]
    told = regularity(nights, BERLIN)
    assert told is not None
    assert told == (pytest.approx(200 * (22 / 24) - 100), 4)


def test_too_few_pairs_tell_nothing() -> None:
    assert regularity([a_night(k) for k in range(4)], BERLIN) is None
    assert regularity([a_night(2 * k) for k in range(9)], BERLIN) is None  # no two days in a row
    assert regularity([], BERLIN) is None


@given(st.lists(st.tuples(st.integers(-120, 120), st.floats(1.0, 10.0)), min_size=5, max_size=10))
def test_regularity_is_at_most_a_hundred_and_the_same_for_all_moved_alike(nights: list[tuple[int, float]]) -> None:
    def told(shift_min: int) -> float:
        found = regularity([a_night(k, late + shift_min, hours) for k, (late, hours) in enumerate(nights)], BERLIN)
        assert found is not None
        return found[0]

    assert -100.0 <= told(0) <= 100.0
    assert told(0) == pytest.approx(told(30))


def test_one_night_a_day_and_no_naps() -> None:
    short = a_night(0, late_min=-120, hours=1.5)
    nap = a_night(1, late_min=14 * 60, hours=0.5)  # at 13:00
    found = one_a_day([a_night(1), nap, short, a_night(0)], BERLIN)
    assert [(one.day(BERLIN), one.left_utc - one.entered_utc) for one in found] == [
        (date(2026, 11, 26), 8 * 3600),
        (date(2026, 11, 27), 8 * 3600),
    ]


def test_the_usual_band_by_hand() -> None:
    """13, 14, 15, 14, 14: mean 14, variance 2 / 4, so two standard deviations are the root of 2."""
    found = band([13.0, 14.0, 15.0, 14.0, None, 14.0])
    assert found == (pytest.approx(14 - 2**0.5), 14.0, pytest.approx(14 + 2**0.5), 5)
    assert band([13.0, 14.0, 15.0, 14.0, None]) is None


def test_midnight_is_in_the_middle() -> None:
    assert since_noon_min(T0, BERLIN) == 11 * 60
    assert since_noon_min(T0 + 2 * 3600, BERLIN) == 13 * 60
    # 23:00 and 01:00 by turns: 12 h from noon on average, and an hour to either side.
    nights = [a_night(k, late_min=120 * (k % 2)) for k in range(6)]
    assert spread_min(nights, BERLIN) == pytest.approx((6 * 60**2 / 5) ** 0.5)


# Insights


def test_nothing_is_said_of_fewer_than_five_nights() -> None:
    told = {"counted_from": "trying", "sol_s": 5400}
    bad = [a_night(k, 90 * (k % 2), told=told, temperature_c=29.0, co2_ppm=2000.0) for k in range(4)]
    assert insights(bad, BERLIN) == []


def test_nothing_is_said_of_ordinary_nights() -> None:
    late = (0, 60, 0, 60, 30, 30)  # a standard deviation of 27 min
    nights = [a_night(k, late[k], temperature_c=19.0, co2_ppm=900.0) for k in range(6)]
    assert insights(nights, BERLIN) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"told": {"counted_from": "trying", "sol_s": 2700}},
            "Falling asleep took 45 min at the median of 6 nights (45 to 45 min); up to 30 min is common.",
        ),
        ({"told": {"counted_from": "trying", "sol_s": 120}}, "took 2 min at the median of 6 nights"),
        ({"temperature_c": 25.5}, "The room was warm: 25.5 °C at the median of 6 nights, where 18 to 24 °C suits most"),
        ({"temperature_c": 15.0}, "The room was cool: 15.0 °C"),
        ({"co2_ppm": 1500.0}, "Carbon dioxide went above 1150 ppm in 6 of 6 nights, up to 1500 ppm."),
    ],
)
def test_each_sentence_has_its_numbers(changes: dict[str, Any], said: str) -> None:
    late = (0, 60, 0, 60, 30, 30)
    (line,) = insights([a_night(k, late[k], **changes) for k in range(6)], BERLIN)
    assert said in line


def test_times_that_are_alike_or_not_are_told_with_their_spread() -> None:
    (same,) = insights([a_night(k, late_min=10 * (k % 2)) for k in range(6)], BERLIN)
    assert "at much the same time: between 23:00 and 23:10, with a standard deviation of 5 min over 6 nights" in same
    (other,) = insights([a_night(k, late_min=120 * (k % 2)) for k in range(6)], BERLIN)
    assert "at very different times: between 23:00 and 01:00" in other


def test_time_to_fall_asleep_is_not_told_where_trying_is_not_known() -> None:
    late = (0, 60, 0, 60, 30, 30)
    told = {"counted_from": "entering", "sol_s": 7200}
    assert insights([a_night(k, late[k], told=told) for k in range(6)], BERLIN) == []


def test_at_most_three_sentences() -> None:
    told = {"counted_from": "trying", "sol_s": 5400}
    nights = [a_night(k, 120 * (k % 2), told=told, temperature_c=29.0, co2_ppm=2000.0) for k in range(6)]
    assert len(insights(nights, BERLIN)) == 3
