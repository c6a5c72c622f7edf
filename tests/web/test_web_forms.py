"""The forms: what is typed is kept or comes back with a line beside it; trouble is one clear line."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any

import pytest
from plausible_nights import asleep
from visitor import Visitor, text_of

from appliance.alarm import next_due
from appliance.alarm_setting import AlarmSetting
from appliance.records import HandledRecord
from appliance.store import Role, Store

ALARM = {"enabled": "enabled", "time": "06:45", "weekdays": ["0", "2"], "dawn_min": "20"} | {
    "snooze_min": "5",
    "snooze_count": "2",
    "window_min": "15",
    "dawn_brightness": "80",
    "loudness": "60",
    "sound": "birds",
}


def stored(box: Visitor) -> list[dict[str, Any]]:
    with box.store() as store:
        alarms: list[dict[str, Any]] = store.settings()["alarms"]
    return alarms


def test_an_alarm_is_changed_and_shown_again(filled: Visitor) -> None:
    answer = filled.post("/alarm/1", **ALARM)
    assert answer.status_code == 303
    html = text_of(filled.get(answer.headers["Location"]))
    assert "Saved." in html
    assert "06:45 Mon, Wed. It rings" in html
    first, second = stored(filled)
    assert first | {"set_utc": 0} == {
        "enabled": True,
        "hour": 6,
        "minute": 45,
        "weekdays": [0, 2],
        "timezone": "Europe/Berlin",
        "dawn_min": 20,
        "dawn_brightness": 0.8,
        "snooze_min": 5,
        "snooze_count": 2,
        "ring_max_min": 60,
        "set_utc": 0,
        "id": 1,
        "once": None,
        "skip_utc": 0,
        "window_min": 15,
        "sound": "birds",
        "loudness": 0.6,
    }
    assert abs(first["set_utc"] - time.time()) < 60
    assert (second["id"], second["hour"]) == (2, 9)
    filled.post("/alarm/1", **{k: v for k, v in ALARM.items() if k != "enabled"})
    html = text_of(filled.get("/alarm"))
    assert "06:45 Mon, Wed. It is off." in html
    assert "No alarm will ring." in html


def test_alarms_are_added_up_to_eight_and_deleted(filled: Visitor) -> None:
    for _ in range(6):
        assert filled.post("/alarm/new", **ALARM).status_code == 303
    assert [alarm["id"] for alarm in stored(filled)] == list(range(1, 9))
    assert "There may be 8 alarms" in filled.get("/alarm")
    assert filled.post("/alarm/new", **ALARM).status_code == 409
    assert "delete one first" in text_of(filled.get("/alarm/new", 409))
    assert filled.post("/alarm/3/delete").status_code == 303
    assert [alarm["id"] for alarm in stored(filled)] == [1, 2, 4, 5, 6, 7, 8]
    filled.post("/alarm/new", **ALARM)
    assert stored(filled)[-1]["id"] == 9  # the number of a deleted one is not given again while others are above it
    assert filled.post("/alarm/3", **ALARM).status_code == 404
    assert filled.post("/alarm/3/delete").status_code == 404


def test_the_next_time_is_skipped_and_taken_back(filled: Visitor) -> None:
    now = int(time.time())
    one = AlarmSetting.from_dict(stored(filled)[0])
    due = next_due(one, now)
    assert filled.post("/alarm/1/skip").status_code == 303
    skipped = AlarmSetting.from_dict(stored(filled)[0])
    assert skipped.skip_utc == due
    later = next_due(skipped, now)
    assert due is not None
    assert later is not None
    assert later > due
    html = filled.get("/alarm")
    assert "Do not skip" in html
    assert "Skipped" in html
    assert filled.post("/alarm/1/skip", skip="off").status_code == 303
    assert next_due(AlarmSetting.from_dict(stored(filled)[0]), now) == due
    assert filled.post("/alarm/2/skip").status_code == 409  # it is off


def test_an_alarm_for_one_date(filled: Visitor) -> None:
    once = {k: v for k, v in ALARM.items() if k != "weekdays"}
    assert filled.post("/alarm/new", **once, once="2090-02-28").status_code == 303
    added = stored(filled)[-1]
    assert (added["once"], added["weekdays"]) == ("2090-02-28", list(range(7)))
    assert "06:45 Once, Tue 28 Feb. It rings Tue 28 Feb." in text_of(filled.get("/alarm"))
    answer = filled.post("/alarm/new", **once, once="2020-02-29")
    assert answer.status_code == 422
    assert "That moment is over: choose a later date or time." in answer.text
    assert "Must be a date such as 2026-12-24, not &#39;tomorrow&#39;." in filled.post("/alarm/1", once="tomorrow").text


def test_the_single_alarm_of_an_earlier_version_is_shown_and_kept_among_others(page: Visitor) -> None:
    old = {"enabled": True, "hour": 6, "minute": 15, "weekdays": [0, 1, 2, 3, 4, 5, 6], "timezone": "Europe/Berlin"}
    old |= {
        "dawn_min": 20,
        "dawn_brightness": 1.0,
        "snooze_min": 5,
        "snooze_count": 2,
        "ring_max_min": 60,
        "set_utc": 5,
    }
    with page.store():
        pass
    with Store(page.store_path, Role.WEB) as web:
        web.put_settings({"alarm": old, "timezone": "Europe/Berlin"}, 5)
    assert "06:15 Every day. It rings" in text_of(page.get("/alarm"))
    assert page.post("/alarm/new", **ALARM).status_code == 303
    assert [(alarm["id"], alarm["hour"]) for alarm in stored(page)] == [(1, 6), (2, 6)]


def test_the_light_to_read_by_is_asked_for(filled: Visitor) -> None:
    assert "Light to read by" in filled.get("/")
    assert filled.post("/light", light="on").status_code == 303
    assert filled.post("/light", light="dim").status_code == 400
    with filled.store() as store:
        assert [request.kind for request in store.requests_after(0)] == ["light_on"]
    filled.says(replace(asleep(time.time()), is_reading=True))
    assert "Light off" in filled.get("/")


def test_errors_stand_by_their_fields_and_nothing_typed_is_lost(filled: Visitor) -> None:
    with filled.store() as store:
        before = store.settings()
    typed = ALARM | {"time": "25:00", "weekdays": [], "dawn_min": "soon", "snooze_min": "99", "window_min": "46"}
    typed |= {"loudness": "5", "dawn_brightness": "bright", "sound": "siren"}
    answer = filled.post("/alarm/1", **typed)
    assert answer.status_code == 422
    html = answer.text
    for field, line in (
        ("time", "Write a time from 00:00 to 23:59."),
        ("weekdays", "Choose at least one day, from 0 (Monday) to 6 (Sunday)."),
        ("dawn_min", "Must be a whole number from 0 to 60, not &#39;soon&#39;."),
        ("snooze_min", "Must be a whole number from 1 to 30, not 99."),
        ("window_min", "Must be a whole number from 0 to 45, not 46."),
        ("loudness", "Must be a whole number from 20 to 100, not 5."),
        ("dawn_brightness", "Must be a whole number from 0 to 100, not &#39;bright&#39;."),
        ("sound", "Must be chord, birds or beacon, not &#39;siren&#39;."),
    ):
        assert f'<p class="error" id="{field}-error">{line}</p>' in html
        assert f'aria-invalid="true" aria-describedby="{field}-error"' in html
    assert 'id="snooze_count-error"' not in html
    for value in ('value="25:00"', 'value="soon"', 'value="99"', 'value="2"', 'value="bright"'):
        assert value in html
    with filled.store() as store:
        assert store.settings() == before


def test_bed_side_and_time_zone_change_together_with_the_alarm(filled: Visitor) -> None:
    assert filled.post("/settings", bed_side="right", timezone="America/New_York").status_code == 303
    with filled.store() as store:
        kept = store.settings()
    assert (kept["bed_side"], kept["timezone"], kept["alarms"][0]["timezone"]) == ("right", *["America/New_York"] * 2)
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
    alarm = {"id": 3, "enabled": True, "hour": 5, "minute": 15, "timezone": "UTC"}
    page.says(replace(asleep(time.time()), alarms=(alarm,)))
    assert ">05:15</h2>" in page.get("/alarm")
    assert 'value="05:15"' in page.get("/alarm/3")


@pytest.mark.parametrize(
    ("path", "fields", "kind"),
    [
        ("/alarm/stop", {}, "stop"),
        ("/alarm/snooze", {}, "snooze"),
        ("/standby", {"standby": "on"}, "standby_on"),
        ("/standby", {"standby": "off"}, "standby_off"),
        ("/light", {"light": "on"}, "light_on"),
        ("/light", {"light": "off"}, "light_off"),
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
    answer = filled.post("/alarm/1", **ALARM)
    assert answer.status_code == 503
    assert "Light sleep" in filled.get("/")


def test_a_damaged_database_is_one_clear_line(filled: Visitor) -> None:
    filled.store_path.write_bytes(b"\xff" * 4096)
    assert "record of nights is damaged: restart firstlight" in text_of(filled.get("/night", 503))


def test_unknown_pages_and_wrong_methods_are_answered_in_words(filled: Visitor) -> None:
    assert "There is no such page." in filled.get("/nowhere", 404)
    assert "use the button on the page" in filled.get("/alarm/stop", 405)
    assert filled.post("/alarm/1", time="x" * 40_000).status_code == 413
