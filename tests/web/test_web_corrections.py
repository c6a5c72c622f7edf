"""The night's page corrected and deleted, as a browser without scripts does it."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plausible_nights import DAY_S, MORNING_UTC
from visitor import Visitor, text_of

from appliance.records import SessionRecord
from appliance.store import Role, Store

# Times of the latest made-up night as the page shows them.
FIELDS = ("in_bed", "trying", "asleep", "up")


@pytest.fixture
def night(filled: Visitor) -> SessionRecord:
    with filled.store() as store:
        session = store.last_session()
    assert session is not None
    return session


def shown(html: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="time" id="(\w+)" name="\w+" value="([^"]*)"', html))


def test_a_time_is_corrected_shown_as_such_and_taken_back(filled: Visitor, night: SessionRecord) -> None:
    path = f"/night/{night.id}"
    before = shown(filled.get(path))
    measured = before["asleep"]
    figures = text_of(filled.get(path)).partition("Figures")[2].partition("You know better")[0]
    later = f"{measured[:2]}:{int(measured[3:]) + 2 if int(measured[3:]) < 58 else 59:02d}"
    answer = filled.post(f"{path}/times", **{key: before[key] for key in FIELDS} | {"asleep": later})
    assert answer.status_code == 303
    html = filled.get(path)
    assert f"Fell asleep {later} by you; measured {measured}" in text_of(html)
    assert f"Fell asleep, {later} instead of {measured}" in text_of(html)
    assert shown(html)["asleep"] == later
    assert text_of(html).partition("Figures")[2].partition("You know better")[0] == figures
    with filled.store() as store:
        assert store.session(night.id) == night  # what was measured is as it was
        (one,) = store.corrections(night.id)
    assert one.kind == "asleep"
    answer = filled.post(f"{path}/take-back", kind=one.kind, utc_s=one.utc_s)
    assert answer.status_code == 303
    assert shown(filled.get(path)) == before
    assert "by you" not in text_of(filled.get(path))


def test_an_emptied_field_takes_a_correction_back_and_only_that(filled: Visitor, night: SessionRecord) -> None:
    path = f"/night/{night.id}"
    before = {key: shown(filled.get(path))[key] for key in FIELDS}
    filled.post(f"{path}/times", **before | {"up": "09:01"})
    assert shown(filled.get(path))["up"] == "09:01"
    filled.post(f"{path}/times", **before | {"up": ""})
    assert shown(filled.get(path))["up"] == before["up"]


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"asleep": "15:00"}, "asleep", "15:00 is outside this night: write a time from "),
        ({"asleep": "soon"}, "asleep", "Write a time such as 23:40."),
        ({"trying": "07:00"}, "trying", "That is after falling asleep, "),
        ({"up": "23:59"}, "up", "That is before falling asleep, "),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_nothing_typed_is_lost(
    filled: Visitor, night: SessionRecord, changes: dict[str, str], field: str, said: str
) -> None:
    path = f"/night/{night.id}"
    before = {key: shown(filled.get(path))[key] for key in FIELDS}
    answer = filled.post(f"{path}/times", **before | changes | {"in_bed": "01:00"})
    assert answer.status_code == 422
    line = re.search(rf'<p class="error" id="{field}-error">([^<]+)</p>', answer.text)
    assert line
    assert said in line[1]
    assert f'aria-describedby="{field}-error"' in answer.text
    assert shown(answer.text)["in_bed"] == "01:00"
    assert shown(answer.text)[field] == changes[field]
    with filled.store() as store:
        assert store.corrections(night.id) == []


def test_minutes_that_were_not_me(filled: Visitor, night: SessionRecord) -> None:
    path = f"/night/{night.id}"
    assert filled.post(f"{path}/not-me", **{"from": "02:10", "to": "02:40"}).status_code == 303
    html = filled.get(path)
    assert "Not you 02:10 to 02:40 by you" in text_of(html)
    (left, width) = map(float, re.findall(r'class="not-me" x="([\d.]+)%" width="([\d.]+)%"', html)[0])
    assert night.left_utc is not None
    hours = (night.left_utc - night.entered_utc) / 3600
    assert width == pytest.approx(100 * 0.5 / hours, abs=0.02)
    assert 0 < left < 100 - width
    again = filled.post(f"{path}/not-me", **{"from": "02:30", "to": "03:00"})
    assert again.status_code == 422
    assert "That overlaps what was corrected already, 02:10 to 02:40." in again.text
    assert (shown(again.text)["from"], shown(again.text)["to"]) == ("02:30", "03:00")
    wrong = filled.post(f"{path}/not-me", **{"from": "05:00", "to": "04:00"})
    assert "These minutes end before they begin." in wrong.text
    with filled.store() as store:
        assert [one.kind for one in store.corrections(night.id)] == ["not_me"]


def test_the_whole_night_at_one_tap(filled: Visitor, night: SessionRecord) -> None:
    assert filled.post(f"/night/{night.id}/not-me", whole="1").status_code == 303
    with filled.store() as store:
        (one,) = store.corrections(night.id)
    assert (one.utc_s, one.end_utc) == (night.entered_utc, night.left_utc)


def test_a_night_of_two_hours_alike_asks_which(page: Visitor) -> None:
    """25 October 2026 in Berlin: 02:30 came at 00:30 and at 01:30 UTC."""
    entered = 1_792_881_000  # 2026-10-24 22:30 UTC
    with page.store() as store:
        store.write([SessionRecord(entered, entered, entered, entered, entered + 25_000, entered + 25_200)])
    html = page.get(f"/night/{entered}")
    assert "Where the clock showed a time twice" in html
    fields = {key: shown(html)[key] for key in FIELDS} | {"asleep": "02:30"}
    answer = page.post(f"/night/{entered}/times", **fields, which="")
    assert "The clock showed 02:30 twice that night: say which of the two." in answer.text
    assert page.post(f"/night/{entered}/times", **fields, which="second").status_code == 303
    with page.store() as store:
        assert [one.utc_s for one in store.corrections(entered)] == [entered + 3 * 3600]


def test_a_night_that_is_going_on_is_neither_corrected_nor_deleted(filled: Visitor) -> None:
    tonight = MORNING_UTC + DAY_S
    with filled.store() as store:
        store.write([SessionRecord(tonight, tonight)])
    assert "You know better" not in filled.get(f"/night/{tonight}")
    for what in ("times", "not-me", "delete"):
        answer = filled.post(f"/night/{tonight}/{what}")
        assert answer.status_code == 409
        assert "still going on" in answer.text
    assert filled.post("/night/17/times").status_code == 404


def test_deleting_asks_once_more_and_then_asks_the_box(filled: Visitor, night: SessionRecord) -> None:
    filled.post(f"/night/{night.id}/not-me", whole="1")
    assert f'href="/night/{night.id}/delete"' in filled.get(f"/night/{night.id}")
    html = filled.get(f"/night/{night.id}/delete")
    assert "are deleted for good" in html
    assert "<script" not in html
    with filled.store() as store:
        assert store.requests_after(store.last_handled()) == []  # looking deletes nothing
    assert filled.post(f"/night/{night.id}/delete").status_code == 303
    assert "being deleted" in filled.get("/nights")
    with filled.store() as store:
        (request,) = store.requests_after(store.last_handled())
        assert (request.kind, request.value) == ("delete_night", night.id)
        assert store.corrections(night.id) == []


def test_how_long_raw_breathing_is_kept_is_set_on_the_page(filled: Visitor) -> None:
    assert '<option value="30" selected>30</option>' in filled.get("/settings")
    assert filled.post("/settings/breathing", nights="7").status_code == 303
    assert '<option value="7" selected>7</option>' in filled.get("/settings")
    assert filled.post("/settings/breathing", nights="-3").status_code == 400
    assert filled.post("/settings/breathing", nights="many").status_code == 400
    with Store(filled.store_path, Role.GUEST) as store:
        assert store.settings()["breathing_nights"] == 7


def test_a_damaged_number_of_nights_shows_the_page_all_the_same(filled: Visitor) -> None:
    with Store(filled.store_path, Role.WEB) as store:
        store.put_settings({"breathing_nights": "seven"}, 0)
    assert '<option value="30" selected>30</option>' in filled.get("/settings")


ANYTHING = st.text(max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.dictionaries(st.sampled_from(["in_bed", "trying", "asleep", "up", "which", "from", "to", "whole"]), ANYTHING))
def test_no_form_breaks_the_page(filled: Visitor, night: SessionRecord, fields: dict[str, str]) -> None:
    for what in ("times", "not-me"):
        assert filled.post(f"/night/{night.id}/{what}", **fields).status_code in (303, 422)
    assert filled.post(f"/night/{night.id}/take-back", kind=fields.get("which", ""), utc_s="x").status_code == 303
