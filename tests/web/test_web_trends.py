"""The page of trends: nights beside each other in pictures, with a table behind each."""

from __future__ import annotations

import re

import plausible_nights
from plausible_nights import DAY_S, MORNING_UTC
from visitor import Visitor, text_of

from appliance.records import RestagedEpochRecord, RestagedRecord, SessionRecord


def test_without_a_night_it_says_so(page: Visitor) -> None:
    with page.store():
        pass
    for path in ("/trends", "/trends?span=month", "/trends?span=century"):
        assert "No night is kept yet that is over." in page.get(path)


def test_a_week_has_three_pictures_and_a_table_behind_each(page: Visitor) -> None:
    plausible_nights.fill(page.store_path, nights=10, tonight=0.5)
    html = page.get("/trends")
    text = text_of(html)
    assert html.count('role="img"') == 3
    assert html.count("<table>") == 3
    assert html.count(" as a table</summary>") == 3
    days = re.findall(r'<td><a href="/night/\d+">(\w+ \d+)', html)
    assert len(days) == 7  # of ten nights and one that is going on
    assert re.search(r"Regularity \d\d of 100, over 6 pairs of days", text)
    assert re.search(r"Usual for you: 1\d\.\d to 1\d\.\d, the mean of 10 nights", text)
    assert "not a diagnosis" in text
    month = page.get("/trends?span=month")
    assert len(re.findall(r'<td><a href="/night/\d+">', month)) == 10
    assert 'href="/trends"' in page.get("/nights")


def test_few_nights_are_shown_and_nothing_is_said_of_them(filled: Visitor) -> None:
    text = text_of(filled.get("/trends"))
    assert "Regularity needs five nights in a row." in text
    assert "What is usual for you is known from five nights on." in text
    assert "Worth knowing" not in text


def test_the_answer_of_the_morning_counts(filled: Visitor) -> None:
    with filled.store() as store:
        session = store.last_session()
        assert session is not None
        told = {**(session.statistics or {}), "tst_s": 4 * 3600 + 120, "deep_s": 600}
        rows = [RestagedEpochRecord(e.start_utc, "m 2", "deep", 0.1, 0.1, 0.7, 0.1) for e in store.epochs(session)]
        store.write([RestagedRecord(session.id, "m 2", MORNING_UTC, session.onset_utc, None, told), *rows])
    assert "4 h 2 min" in text_of(filled.get("/trends"))


def test_strange_nights_are_drawn(page: Visitor) -> None:
    """Without stages, figures or breathing; a nap; a stay of nothing; one that ends before it begins."""
    t = MORNING_UTC
    with page.store() as store:
        store.write([SessionRecord(t, t, left_utc=t + 30_000), SessionRecord(t + DAY_S, t + DAY_S, left_utc=t + DAY_S)])
        store.write([SessionRecord(t + 50_000, t + 50_000, left_utc=t + 49_000)])
    html = page.get("/trends")
    assert html.count('role="img"') == 2  # no breathing to draw
    assert "NaN" not in html
    assert "nan" not in text_of(html)
