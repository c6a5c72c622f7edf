"""What is called flat of a long life, by series made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flatness import Mark, dearer, drift, grown, table, verdict

MARK = Mark(
    rss=100_000_000,
    pss=80_000_000,
    objects=90_000,
    descriptors=10,
    threads=5,
    cpu_s=0.0,
    database=1_000_000,
    status=1000,
    copies=1000,
    page_rss=40_000_000,
    page_pss=30_000_000,
    page_descriptors=7,
    page_threads=3,
)
FLAT = [replace(MARK, cpu_s=10.0 * hour) for hour in range(73)]


def test_a_daily_course_is_no_drift_and_a_ramp_is_its_slope() -> None:
    course = [float(hour % 24) for hour in range(73)]
    assert drift(course) == pytest.approx(0.0)
    assert drift([value + 2.0 * hour for hour, value in enumerate(course)]) == pytest.approx(2.0)
    assert drift([500.0] * 24 + [7.0] * 49) == pytest.approx(0.0)  # the first day is for caches


def test_what_is_there_for_a_moment_has_not_grown() -> None:
    assert grown([5.0] * 24 + [6.0, *[5.0] * 23] + [5.0, *[9.0] * 24]) == 4.0
    assert grown([5.0] * 72 + [9.0]) == 0.0


def test_like_hours_are_held_against_each_other() -> None:
    cost = [20.0 if hour % 24 < 8 else 10.0 for hour in range(72)]
    cost[48:] = [1.5 * value for value in cost[48:]]
    adding = [sum(cost[:hour]) for hour in range(73)]
    assert dearer(adding) == pytest.approx(1.5)


def test_what_stands_still_is_flat() -> None:
    assert verdict(FLAT) == []
    assert verdict([replace(mark, rss=MARK.rss + 80_000 * hour) for hour, mark in enumerate(FLAT)]) == []  # 1.9 %


@pytest.mark.parametrize(
    ("name", "an_hour", "line"),
    [
        ("rss", 90_000, "resident memory grows by"),  # 2.2 % a day
        ("objects", 100, "Python's objects grows by"),
        ("database", 200_000, "database grows by 4.8e+06 a day, more than 4e+06"),
        ("page_pss", 30_000, "the page's memory (PSS) grows by"),
    ],
)
def test_what_grows_is_named(name: str, an_hour: int, line: str) -> None:
    marks = [replace(mark, **{name: getattr(MARK, name) + an_hour * hour}) for hour, mark in enumerate(FLAT)]
    (found,) = verdict(marks)
    assert found.startswith(line)


def test_a_descriptor_that_stays_open_and_an_hour_that_costs_more_are_named() -> None:
    leaking = [replace(mark, descriptors=10 + hour // 24) for hour, mark in enumerate(FLAT)]
    assert verdict(leaking) == ["descriptors: 1 more than on the second day"]
    dear = [replace(mark, cpu_s=mark.cpu_s + max(hour - 48, 0) * 2.0) for hour, mark in enumerate(FLAT)]
    assert verdict(dear) == ["an hour costs 1.20 times what the same one did on the second day"]


def test_the_table_has_a_row_every_six_hours_and_says_how_much_each_grows() -> None:
    rows = list(table(FLAT))
    assert len(rows) == 1 + 13 + 8
    assert rows[1].split("|")[1].split() == ["100.0", "80.0", "90000", "10", "5", "0.00"]
    assert rows[2].split("|")[1].split()[-1] == "10.00"  # CPU seconds of an hour
    assert rows[-1] == "the page's memory (PSS): +0.000 thousand an hour, +0.00% of its mean a day"
