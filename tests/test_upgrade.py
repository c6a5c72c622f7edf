"""A box of the version that knew a single alarm, renewed: its database, its settings and its copy, nothing lost."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.alarm import AlarmFacts, Phase
from appliance.alarm_copy import AlarmCopy
from appliance.alarm_setting import AlarmSetting
from appliance.box import remembered
from appliance.clock import Instant
from appliance.config import Config
from appliance.night import Night
from appliance.records import AlarmFactRecord, HabitsRecord
from appliance.schema import MIGRATIONS
from appliance.settings import ALARMS, ONE_ALARM, Settings, stored_alarms
from appliance.store import Role, Store
from appliance.turn import Inputs

ONE_ALARM_SCHEMA = 2
# A Thursday: 06:45 in Berlin (UTC+1) is 05:45 UTC.
DUE = int(datetime(2026, 11, 26, 5, 45, tzinfo=UTC).timestamp())
# As that version wrote them.
SETTING: dict[str, Any] = {
    "enabled": True,
    "hour": 6,
    "minute": 45,
    "weekdays": [0, 1, 2, 3, 4],
    "timezone": "Europe/Berlin",
    "dawn_min": 20,
    "dawn_brightness": 0.5,
    "snooze_min": 5,
    "snooze_count": 2,
    "ring_max_min": 45,
    "set_utc": DUE - 400_000,
}
RANG = {"due_utc": DUE - 86_400, "rang_utc": DUE - 86_400, "ringing_utc": None, "snoozed_utc": None} | {
    "snoozes": 1,
    "ended_utc": DUE - 86_000,
}
SNOOZED = {"due_utc": DUE, "rang_utc": DUE, "ringing_utc": None, "snoozed_utc": DUE + 60, "snoozes": 1} | {
    "ended_utc": None
}
MEANT = AlarmSetting(
    enabled=True,
    hour=6,
    minute=45,
    weekdays=frozenset(range(5)),
    timezone="Europe/Berlin",
    dawn_min=20,
    dawn_brightness=0.5,
    snooze_min=5,
    snooze_count=2,
    ring_max_min=45,
    set_utc=DUE - 400_000,
    window_min=0,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The old database, with a night, what became of two alarms, and what the page had kept."""
    path = tmp_path / "firstlight.db"
    db = sqlite3.connect(path)
    db.executescript("".join(MIGRATIONS[:ONE_ALARM_SCHEMA]))
    db.execute(f"PRAGMA user_version = {ONE_ALARM_SCHEMA}")
    db.execute("INSERT INTO session VALUES (7, 7, NULL, NULL, NULL, 900, NULL, 'small-1', '[]')")
    db.execute("INSERT INTO habits VALUES (1, '{\"bed\": 1}')")
    for facts in (RANG, SNOOZED):
        db.execute("INSERT INTO alarm_fact VALUES (?, ?)", (facts["due_utc"], json.dumps(facts)))
    for key, value in ((ONE_ALARM, SETTING), ("bed_side", "right")):
        db.execute("INSERT INTO setting VALUES (?, ?, ?)", (key, json.dumps(value), DUE - 400_000))
    db.execute("INSERT INTO request (utc_s, kind, value) VALUES (?, 'stop', NULL)", (DUE - 86_000,))
    db.commit()
    db.close()
    body = json.dumps({"setting": SETTING, "facts": SNOOZED, "standby": True, "bed_side": "right"})
    copy = {"sha256": hashlib.sha256(body.encode()).hexdigest(), "body": body}
    (tmp_path / "alarm.json").write_text(json.dumps(copy), encoding="utf-8")
    return path


def test_an_old_database_keeps_every_row(path: Path) -> None:
    with Store(path, Role.SUPERVISOR) as store:
        assert store.nights() == 1
        assert store.habits() == HabitsRecord({"bed": 1})
        assert store.alarm_facts(9) == [AlarmFactRecord(DUE, SNOOZED, 1), AlarmFactRecord(DUE - 86_400, RANG, 1)]
        assert store.rings(0, DUE + 86_400) == []  # that version kept no reports
        assert [request.kind for request in store.requests_after(0)] == ["stop"]
        alarms, complaints = stored_alarms(store.settings())
        assert (alarms, complaints) == ((MEANT,), [])
        store.write([AlarmFactRecord(DUE, SNOOZED, 2)])  # two alarms at one instant
        assert len(store.alarm_facts(9)) == 3


def test_an_old_copy_is_taken_up_in_mid_snooze_with_all_that_people_chose(path: Path) -> None:
    settings, bedside = remembered(AlarmCopy(path.parent), Config())
    assert settings == Settings((MEANT,), "right")
    assert bedside.standby
    assert bedside.morning.alarms.facts == {1: AlarmFacts(due_utc=DUE, rang_utc=DUE, snoozed_utc=DUE + 60, snoozes=1)}
    assert bedside.morning.alarms.phase(DUE + 359) is Phase.SNOOZED
    assert bedside.levels(DUE + 360.5).tone_hz is not None


def test_an_old_setting_row_rings_though_the_copy_is_lost(path: Path) -> None:
    (path.parent / "alarm.json").unlink()
    settings, bedside = remembered(AlarmCopy(path.parent), Config())
    with Store(path, Role.SUPERVISOR) as store:
        rows = store.settings()

    night = Night(settings, bedside, lambda *_: pytest.fail("there is no radar"))
    told = night.step(Inputs(settings=rows), Instant(0.0, DUE + 86_400.0 - 5.0))
    assert told.status is not None
    assert told.status.next_alarm_utc == DUE + 86_400  # a Friday
    assert night.levels(Instant(5.0, DUE + 86_400.0)).tone_hz is not None
    assert night.kept()["bed_side"] == "right"


def test_what_is_saved_anew_takes_the_place_of_the_old_row(path: Path) -> None:
    Store(path, Role.SUPERVISOR).close()
    with Store(path, Role.WEB) as page:
        page.put_settings({ALARMS: []}, DUE)
        assert stored_alarms(page.settings(), (MEANT,)) == ((), [])  # deleted stays deleted
