"""The first visit, a dawn to look at, and nights taken along."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from dataclasses import replace

import pytest
from plausible_nights import asleep
from visitor import Visitor, text_of

from appliance.status import TRACE_HZ
from appliance.store import Role, Store
from appliance.web import charts


@pytest.fixture
def new(page: Visitor) -> Visitor:
    """A box that runs and was never set up."""
    with page.store():
        pass
    page.says(replace(asleep(time.time()), alarms=()))
    return page


def settings(visitor: Visitor) -> dict[str, object]:
    with Store(visitor.store_path, Role.WEB) as store:
        return store.settings()


def test_three_steps_and_the_box_is_set_up(new: Visitor) -> None:
    assert 'href="/first"' in new.get("/")
    assert "Step 1 of 3" in text_of(new.get("/first"))
    assert new.post("/first", bed_side="right").headers["Location"] == "/first/place"
    place = new.get("/first/place")
    assert "Step 2 of 3" in text_of(place)
    assert 'data-stream="/live/first"' in place
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in place
    assert "14.1 breaths per minute" in text_of(place)
    alarm = new.get("/first/alarm")
    assert alarm.count(" checked") == 7  # every day, until somebody says otherwise
    done = new.post("/first/alarm", time="06:40", weekdays=["0", "1"])
    assert done.headers["Location"] == "/"
    found = settings(new)
    assert found["bed_side"] == "right"
    assert isinstance(found["alarms"], list)
    assert [(a["hour"], a["minute"], a["weekdays"], a["enabled"]) for a in found["alarms"]] == [(6, 40, [0, 1], True)]
    assert 'href="/first"' not in new.get("/")


def test_a_step_that_was_not_answered_is_asked_again_and_any_can_be_left_out(new: Visitor) -> None:
    answer = new.post("/first")
    assert answer.status_code == 422
    assert "Choose the side on which you sleep." in answer.text
    answer = new.post("/first/alarm", time="25:00", weekdays="0")
    assert answer.status_code == 422
    assert "Write a time from 00:00 to 23:59." in answer.text
    assert 'value="25:00"' in answer.text
    assert "alarms" not in settings(new)
    assert new.post("/first/done").headers["Location"] == "/"
    assert 'href="/first"' not in new.get("/")


def test_who_has_an_alarm_is_not_asked_for_the_first_steps(filled: Visitor) -> None:
    assert 'href="/first"' not in filled.get("/")


@pytest.mark.parametrize(("which", "where"), [("new", "/first"), ("filled", "/")])
def test_a_newcomer_is_shown_the_first_step_after_pairing(
    request: pytest.FixtureRequest, which: str, where: str
) -> None:
    visitor: Visitor = request.getfixturevalue(which)
    visitor.client.delete_cookie("firstlight_browser")
    visitor.says(replace(asleep(time.time()), pairing_until_utc=int(time.time()) + 90))
    assert visitor.post("/pair").headers["Location"] == where


def test_the_breath_is_a_circle_that_moves_as_the_chest_did() -> None:
    svg = charts.breath([0.0, 1.0, None, -1.0, 0.0, 1.0] * 4, last_s=1.0)
    values = re.search(r'<animate attributeName="r" values="([^"]+)" dur="1s" fill="freeze"/>', svg)
    assert values is not None
    radii = [float(text) for text in values[1].split(";")]
    assert radii == [62.0, 84.0, 84.0, 40.0, 62.0, 84.0][-TRACE_HZ - 1 :]
    assert 'class="still" cx="100" cy="90" r="84.0"' in svg  # for whoever wants no motion
    assert charts.breath([None, None], 1.0) == ""


def asked(visitor: Visitor) -> list[tuple[str, object]]:
    with visitor.store() as store:
        return [(one.kind, one.value) for one in store.requests_after(0)]


def test_a_dawn_to_look_at_is_asked_for_and_nothing_typed_is_lost_or_saved(filled: Visitor) -> None:
    before = settings(filled)
    answer = filled.post("/alarm/preview", alarm_id="1", time="05:55", dawn_brightness="40", weekdays=["2"])
    assert answer.status_code == 200
    assert "Look at the lamp" in answer.text
    assert 'value="05:55"' in answer.text
    assert 'action="/alarm/1"' in answer.text
    assert asked(filled) == [("preview_on", 0.4)]
    assert settings(filled) == before
    assert "A dawn was asked for" in filled.get("/")
    assert filled.post("/alarm/preview/off").status_code == 303
    assert asked(filled)[1:] == [("preview_off", None)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"standby": True}, "In standby the lamp shows no dawn"),
        ({"alarm_phase": "ringing"}, "An alarm is at work"),
        ({"alarm_phase": "dawn"}, "An alarm is at work"),
    ],
)
def test_a_dawn_that_cannot_be_shown_is_not_asked_for(filled: Visitor, changes: dict[str, object], said: str) -> None:
    filled.says(replace(asleep(time.time()), **changes))  # type: ignore[arg-type]
    assert said in filled.post("/alarm/preview", dawn_brightness="40").text
    assert asked(filled) == []


def test_a_dawn_of_no_brightness_that_can_be_is_refused_beside_its_field(filled: Visitor) -> None:
    answer = filled.post("/alarm/preview", alarm_id="1", dawn_brightness="140")
    assert answer.status_code == 422
    assert "Must be a whole number from 0 to 100" in answer.text
    assert asked(filled) == []


def test_now_says_that_the_lamp_shows_a_dawn_and_can_end_it(filled: Visitor) -> None:
    filled.says(replace(asleep(time.time()), is_previewing=True, lamp=(0.3, 0.1, 0.0)))
    html = filled.get("/")
    assert "The lamp shows a dawn to look at." in html
    assert 'action="/alarm/preview/off"' in html


def latest(visitor: Visitor) -> int:
    with visitor.store() as store:
        session = store.last_session()
        assert session is not None
        return session.id


def test_a_night_is_taken_along_as_csv_and_json(filled: Visitor) -> None:
    night = latest(filled)
    answer = filled.client.get(f"/night/{night}/night.csv")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="firstlight-2026-11-26.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    with filled.store() as store:
        session = store.session(night)
        assert session is not None
        assert len(rows) == len(store.epochs(session)) > 600
    assert {row["stage"] for row in rows} == {"wake", "light", "deep", "rem", "unscored"}
    told = json.loads(filled.client.get(f"/night/{night}/night.json").text)
    assert (told["format"], told["id"], told["timezone"]) == ("firstlight-night", night, "Europe/Berlin")


def test_all_nights_are_taken_along_a_row_a_night(filled: Visitor) -> None:
    rows = list(csv.DictReader(io.StringIO(filled.get("/nights/figures.csv"))))
    assert len(rows) == 3
    assert float(rows[0]["tst_min"]) > 300
    assert filled.get("/nights/diary.csv").splitlines() == ["subject,tib_min,sol_min"]  # nothing was corrected
    filled.get("/nights/passwd.csv", 404)
    filled.get("/nights/..%2F..%2Fetc%2Fpasswd.csv", 404)
    filled.get("/night/5/night.csv", 404)


def test_settings_and_privacy_say_what_is_true(filled: Visitor) -> None:
    text = text_of(filled.get("/settings"))
    assert "Stages by made-up-1" in text
    assert "Radar TinyFrame 1.6.4" in text
    text = text_of(filled.get("/privacy"))
    for told in ("3, ", "MB", str(filled.store_path), str(filled.status_path), "browsers.json", "unencrypted"):
        assert told in text, told
    assert "Raw breathing of the last 30 nights" in text
    filled.post("/settings/breathing", nights="0")
    assert "No raw breathing is kept." in text_of(filled.get("/privacy"))


def test_the_page_can_be_put_on_a_home_screen(filled: Visitor) -> None:
    html = filled.get("/")
    (path,) = re.findall(r'<link rel="manifest" href="([^"]+)">', html)
    with filled.client.get(path) as answer:
        manifest = json.loads(answer.text)
    assert (manifest["display"], manifest["start_url"]) == ("standalone", "/")
    assert manifest["background_color"] == "#0c0b0f"  # dark before the style sheet has come
    for icon in manifest["icons"]:
        with filled.client.get(f"/static/{icon['src']}") as answer:
            assert answer.status_code == 200
            data = answer.data
        if icon["type"] == "image/png":
            side = int(icon["sizes"].partition("x")[0])
            assert data[:8] == b"\x89PNG\r\n\x1a\n"
            assert int.from_bytes(data[16:20], "big") == int.from_bytes(data[20:24], "big") == side
