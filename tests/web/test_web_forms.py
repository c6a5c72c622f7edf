"""The forms: what is typed is kept or comes back with a line beside it; trouble is one clear line."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest
from plausible_nights import asleep
from visitor import Visitor, text_of

from appliance.records import HandledRecord

ALARM = {"enabled": "enabled", "time": "06:45", "weekdays": ["0", "2"], "dawn_min": "20"} | {
    "snooze_min": "5",
    "snooze_count": "2",
}


def test_the_alarm_is_set_and_shown_again(filled: Visitor) -> None:
    answer = filled.post("/alarm", **ALARM)
    assert answer.status_code == 303
    html = filled.get(answer.headers["Location"])
    assert "Saved." in html
    with filled.store() as store:
        alarm = store.settings()["alarm"]
    assert alarm | {"set_utc": 0} == {
        "enabled": True,
        "hour": 6,
        "minute": 45,
        "weekdays": [0, 2],
        "timezone": "Europe/Berlin",
        "dawn_min": 20,
        "dawn_brightness": 1.0,
        "snooze_min": 5,
        "snooze_count": 2,
        "ring_max_min": 60,
        "set_utc": 0,
    }
    assert abs(alarm["set_utc"] - time.time()) < 60
    filled.post("/alarm", **{k: v for k, v in ALARM.items() if k != "enabled"})
    assert "It is off." in filled.get("/alarm")


def test_errors_stand_by_their_fields_and_nothing_typed_is_lost(filled: Visitor) -> None:
    with filled.store() as store:
        before = store.settings()
    typed = ALARM | {"time": "25:00", "weekdays": [], "dawn_min": "soon", "snooze_min": "99"}
    answer = filled.post("/alarm", **typed)
    assert answer.status_code == 422
    html = answer.text
    for field, line in (
        ("time", "Write a time from 00:00 to 23:59."),
        ("weekdays", "Choose at least one day, from 0 (Monday) to 6 (Sunday)."),
        ("dawn_min", "Must be a whole number from 0 to 60, not &#39;soon&#39;."),
        ("snooze_min", "Must be a whole number from 1 to 30, not 99."),
    ):
        assert f'<p class="error" id="{field}-error">{line}</p>' in html
        assert f'aria-invalid="true" aria-describedby="{field}-error"' in html
    assert 'id="snooze_count-error"' not in html
    for value in ('value="25:00"', 'value="soon"', 'value="99"', 'value="2"'):
        assert value in html
    with filled.store() as store:
        assert store.settings() == before


def test_bed_side_and_time_zone_change_together_with_the_alarm(filled: Visitor) -> None:
    assert filled.post("/settings", bed_side="right", timezone="America/New_York").status_code == 303
    with filled.store() as store:
        kept = store.settings()
    assert (kept["bed_side"], kept["timezone"], kept["alarm"]["timezone"]) == ("right", *["America/New_York"] * 2)
    answer = filled.post("/settings", bed_side="middle", timezone="Mars/Olympus")
    assert answer.status_code == 422
    assert "Choose the side on which you sleep." in answer.text
    assert "is no time zone; write one like Europe/Berlin." in answer.text
    assert 'value="Mars/Olympus"' in answer.text


def test_a_zone_set_before_any_alarm_makes_no_alarm(page: Visitor) -> None:
    with page.store() as store:
        page.post("/settings", bed_side="left", timezone="Europe/Paris")
        assert "alarm" not in store.settings()


def test_the_alarm_in_force_is_shown_when_its_record_is_lost(page: Visitor) -> None:
    with page.store():
        pass
    page.says(replace(asleep(time.time()), alarm={"enabled": True, "hour": 5, "minute": 15, "timezone": "UTC"}))
    assert 'value="05:15"' in page.get("/alarm")


@pytest.mark.parametrize(
    ("path", "fields", "kind"),
    [
        ("/alarm/stop", {}, "stop"),
        ("/alarm/snooze", {}, "snooze"),
        ("/standby", {"standby": "on"}, "standby_on"),
        ("/standby", {"standby": "off"}, "standby_off"),
    ],
)
def test_buttons_ask_the_box_and_say_so_until_it_is_done(
    filled: Visitor, path: str, fields: dict[str, str], kind: str
) -> None:
    answer = filled.post(path, **fields)
    assert answer.status_code == 303
    with filled.store() as store:
        (asked,) = store.requests_after(0)
        assert asked.kind == kind
        assert abs(asked.utc_s - time.time()) < 60
        assert "was asked for; the box takes it up in a moment" in filled.get("/")
        store.write([HandledRecord(asked.id, asked.utc_s)])
    assert "was asked for" not in filled.get("/")


def test_standby_is_a_switch_that_shows_what_the_box_does(filled: Visitor) -> None:
    assert 'role="switch" aria-checked="false"' in filled.get("/settings")
    filled.says(replace(asleep(time.time()), standby=True))
    assert 'role="switch" aria-checked="true"' in filled.get("/settings")
    assert filled.post("/standby", standby="perhaps").status_code == 400


def test_settings_say_what_is_stored_and_where(filled: Visitor) -> None:
    text = text_of(filled.get("/settings"))
    assert str(filled.store_path) in text
    assert re.search(r"Nights 3, \d\.\d MB", text)


def test_a_database_of_a_newer_schema_is_one_clear_line_and_now_still_works(filled: Visitor) -> None:
    with filled.store() as store:
        store._db.execute("PRAGMA user_version = 99")
    assert "was written by a newer Firstlight" in filled.get("/night", 503)
    answer = filled.post("/alarm", **ALARM)
    assert answer.status_code == 503
    assert "Light sleep" in filled.get("/")


def test_a_damaged_database_is_one_clear_line(filled: Visitor) -> None:
    filled.store_path.write_bytes(b"\xff" * 4096)
    assert "record of nights is damaged: restart firstlight" in text_of(filled.get("/night", 503))


def test_unknown_pages_and_wrong_methods_are_answered_in_words(filled: Visitor) -> None:
    assert "There is no such page." in filled.get("/nowhere", 404)
    assert "use the button on the page" in filled.get("/alarm/stop", 405)
    assert filled.post("/alarm", time="x" * 40_000).status_code == 413
