"""Corrections: which instant a time of day is, what cannot be said of a night, and nothing measured is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.corrections import (
    CorrectionError,
    Stretch,
    has_hour_twice,
    not_me,
    out_of_order,
    read_clock,
    stretch,
    times,
)
from appliance.records import CorrectionRecord, SessionRecord

BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


# 25 Nov 2026 23:10 to 26 Nov 06:50 in Berlin.
NIGHT = SessionRecord(
    1,
    utc("2026-11-25T22:10"),
    began_trying_utc=utc("2026-11-25T22:20"),
    onset_utc=utc("2026-11-25T22:40"),
    left_utc=utc("2026-11-26T05:50"),
)
AROUND = stretch(NIGHT, None, None)


def test_a_time_of_day_is_the_instant_within_the_night() -> None:
    assert Stretch(utc("2026-11-25T19:10"), utc("2026-11-26T08:50")) == AROUND
    assert read_clock("23:40", AROUND, BERLIN) == utc("2026-11-25T22:40")
    assert read_clock(" 0:05 ", AROUND, BERLIN) == utc("2026-11-25T23:05")
    assert read_clock("06:30:15", AROUND, BERLIN) == utc("2026-11-26T05:30:15")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Write a time such as 23:40."),
        ("noon", "Write a time such as 23:40."),
        ("1:2:3:4", "Write a time such as 23:40."),
        ("٢٣:٤٠", "Write a time such as 23:40."),
        ("-1:00", "Write a time such as 23:40."),
        ("24:00", "Write a time from 00:00 to 23:59."),
        ("12:60", "Write a time from 00:00 to 23:59."),
        ("15:00", "15:00 is outside this night: write a time from 20:10 to 09:50."),
    ],
)
def test_what_is_no_time_of_that_night_is_one_line(text: str, said: str) -> None:
    with pytest.raises(CorrectionError) as caught:
        read_clock(text, AROUND, BERLIN)
    assert str(caught.value) == said


def test_the_hour_that_did_not_come() -> None:
    """29 March 2026: at 01:00 UTC 02:00 becomes 03:00."""
    around = Stretch(utc("2026-03-28T22:00"), utc("2026-03-29T05:00"))
    with pytest.raises(CorrectionError, match=r"02:30 did not come that night: the clocks went forward over it\."):
        read_clock("02:30", around, BERLIN)
    assert read_clock("01:59", around, BERLIN) == utc("2026-03-29T00:59")
    assert read_clock("03:00", around, BERLIN) == utc("2026-03-29T01:00")
    assert not has_hour_twice(around, BERLIN)


def test_the_hour_that_came_twice() -> None:
    """25 October 2026: at 01:00 UTC 03:00 becomes 02:00."""
    around = Stretch(utc("2026-10-24T22:00"), utc("2026-10-25T05:00"))
    assert has_hour_twice(around, BERLIN)
    with pytest.raises(CorrectionError, match="showed 02:30 twice that night: say which of the two"):
        read_clock("02:30", around, BERLIN)
    assert read_clock("02:30", around, BERLIN, second=False) == utc("2026-10-25T00:30")
    assert read_clock("02:30", around, BERLIN, second=True) == utc("2026-10-25T01:30")
    assert read_clock("03:30", around, BERLIN, second=False) == utc("2026-10-25T02:30")


@given(st.integers(utc("2026-01-01T00:00"), utc("2026-12-31T00:00")), st.integers(0, 8 * 3600))
def test_every_minute_of_every_night_can_be_said(start_utc: int, into_s: int) -> None:
    """What the clock shows, and where it shows it twice which of the two, leads back to the instant."""
    around = Stretch(start_utc, start_utc + 8 * 3600)
    instant = start_utc + into_s
    wall = datetime.fromtimestamp(instant, UTC).astimezone(BERLIN)
    assert read_clock(f"{wall:%H:%M:%S}", around, BERLIN, second=bool(wall.fold)) == instant


def test_a_night_ends_where_the_next_begins() -> None:
    before = SessionRecord(0, utc("2026-11-25T12:00"), left_utc=utc("2026-11-25T21:00"))
    after = SessionRecord(2, utc("2026-11-26T06:30"))
    assert stretch(NIGHT, before, after) == Stretch(utc("2026-11-25T21:00"), utc("2026-11-26T06:30"))


def test_a_correction_stands_beside_what_was_measured() -> None:
    said = [CorrectionRecord(1, "asleep", utc("2026-11-25T23:05"), None, 0), CorrectionRecord(1, "not_me", 5, 9, 0)]
    assert times(NIGHT, said) == {
        "in_bed": NIGHT.entered_utc,
        "trying": NIGHT.began_trying_utc,
        "asleep": utc("2026-11-25T23:05"),
        "up": NIGHT.left_utc,
    }
    assert times(NIGHT, [])["asleep"] == NIGHT.onset_utc


def test_times_are_in_order() -> None:
    wanted = times(NIGHT, []) | {"asleep": utc("2026-11-25T22:15")}
    assert out_of_order(wanted, ["asleep"], BERLIN) == {"asleep": "That is before trying to sleep, 23:20."}
    wanted = times(NIGHT, []) | {"in_bed": utc("2026-11-26T06:00")}
    assert out_of_order(wanted, ["in_bed"], BERLIN) == {"in_bed": "That is after trying to sleep, 23:20."}
    assert out_of_order(wanted, [], BERLIN) == {}  # what nobody touched is nobody's mistake


def test_minutes_of_somebody_else_do_not_overlap() -> None:
    standing = [CorrectionRecord(1, "not_me", utc("2026-11-26T01:00"), utc("2026-11-26T01:30"), 0)]

    def said(start: str, end: str) -> CorrectionRecord:
        day = "2026-11-26T"
        return not_me(utc(day + start), utc(day + end), standing, 1, 7, BERLIN)

    assert said("01:30", "02:00") == CorrectionRecord(1, "not_me", utc("2026-11-26T01:30"), utc("2026-11-26T02:00"), 7)
    with pytest.raises(CorrectionError, match="overlaps what was corrected already, 02:00 to 02:30"):
        said("00:30", "01:01")
    with pytest.raises(CorrectionError, match="end before they begin"):
        said("03:00", "03:00")
