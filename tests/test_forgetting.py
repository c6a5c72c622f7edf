"""What is deleted is gone, from the file's very bytes, and nothing else is; raw breathing is kept for a while alone."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from test_export import T0, a_night
from test_night import Box

from appliance.alarm_copy import AlarmCopy
from appliance.disk import Disk
from appliance.ledger import Ledger
from appliance.records import (
    BreathingRecord,
    CorrectionRecord,
    DeletionRecord,
    EnvironmentRecord,
    EpochRecord,
    HandledRecord,
    Request,
    RestagedEpochRecord,
    RestagedRecord,
    RingRecord,
    SessionRecord,
)
from appliance.store import Role, Store

DAY_S = 86_400
TABLES = ("session", "epoch", "breathing", "restaged", "restaged_epoch", "environment", "ring")
SECRET = b"a model that is nowhere else"


def counts(store: Store) -> dict[str, int]:
    return {t: int(store._db.execute(f"SELECT count(*) FROM {t}").fetchone()[0]) for t in TABLES}


def two_nights(path: Path) -> None:
    with Store(path, Role.SUPERVISOR) as store:
        store.write(a_night())
        store.write([RestagedRecord(T0, "again 7", T0, None, None, {})])
        store.write([RestagedEpochRecord(T0 + 30, "again 7", "rem", 0.1, 0.1, 0.2, 0.6)])
        later = T0 + DAY_S
        store.write([SessionRecord(later, later, left_utc=later + 7200, model=SECRET.decode())])
        store.write([BreathingRecord(later + 30, b"x" * 630), EnvironmentRecord(later, 20.0)])
        store.write([RestagedRecord(later, "again 7", T0, None, None, {})])
        rings = [RingRecord(at + 300, 1, at + 300, "the set time", 0, "light", 0.7, True) for at in (T0, later)]
        store.write(rings)


def test_a_deleted_night_is_gone_and_its_neighbour_whole(tmp_path: Path) -> None:
    two_nights(tmp_path / "n.db")
    with Store(tmp_path / "n.db", Role.SUPERVISOR) as store:
        assert counts(store) == {
            "session": 2, "epoch": 8, "breathing": 3, "restaged": 2, "restaged_epoch": 1, "environment": 2,
            "ring": 2,
        }  # fmt: skip
        store.write([DeletionRecord(T0)])
        assert counts(store) == {
            "session": 1, "epoch": 0, "breathing": 1, "restaged": 1, "restaged_epoch": 0, "environment": 1,
            "ring": 1,
        }  # fmt: skip
        store.write([DeletionRecord(T0)])  # twice is once
        assert store.sessions(9)[0].id == T0 + DAY_S


def test_a_deleted_night_leaves_no_bytes_behind(tmp_path: Path) -> None:
    path = tmp_path / "n.db"
    two_nights(path)
    with Store(path, Role.SUPERVISOR) as store:
        assert SECRET in path.read_bytes()
        store.write([DeletionRecord(T0 + DAY_S)])
        for part in tmp_path.iterdir():
            assert SECRET not in part.read_bytes(), part


def test_a_night_that_is_going_on_is_not_deleted(tmp_path: Path) -> None:
    with Store(tmp_path / "n.db", Role.SUPERVISOR) as store:
        store.write([SessionRecord(T0, T0), DeletionRecord(T0), DeletionRecord(17)])
        assert counts(store)["session"] == 1


def test_the_page_asks_and_the_disks_thread_deletes(tmp_path: Path) -> None:
    """By a request of the page, which the loop turns into a record."""
    path = tmp_path / "n.db"
    two_nights(path)
    with Store(path, Role.WEB) as page:
        request = page.put_request("delete_night", T0, T0)
        disk = Disk(Ledger(path), AlarmCopy(tmp_path))
        disk.begin()
        disk.serve(0.0)
        (asked,) = [news.requests for news in disk.news() if news.requests]
        assert (asked[0].kind, asked[0].value) == ("delete_night", T0)
        disk.put([DeletionRecord(T0), HandledRecord(request, T0)])
        disk.serve(1.0)
        assert page.session(T0) is None
        assert page.requests_after(page.last_handled()) == []
        disk.end()


def test_the_loop_turns_the_request_into_a_deletion() -> None:
    box = Box()
    outcome = box.turn(requests=[Request(3, T0, "delete_night", T0), Request(4, T0, "delete_night", "all of them")])
    assert [r for r in outcome.records if isinstance(r, DeletionRecord)] == [DeletionRecord(T0)]
    assert [r.request_id for r in outcome.records if isinstance(r, HandledRecord)] == [3, 4]


def test_neither_a_command_nor_the_page_may_delete_a_night(tmp_path: Path) -> None:
    two_nights(tmp_path / "n.db")
    for role in (Role.WEB, Role.GUEST):
        with Store(tmp_path / "n.db", role) as store, pytest.raises(sqlite3.DatabaseError, match="not authorized"):
            store.write([DeletionRecord(T0)])
    with Store(tmp_path / "n.db", Role.SUPERVISOR) as store, pytest.raises(sqlite3.DatabaseError, match="not auth"):
        store.put_corrections([CorrectionRecord(T0, "asleep", T0, None, T0)])


# Raw breathing


def many_nights(path: Path, nights: int = 5, epochs: int = 4) -> None:
    with Store(path, Role.SUPERVISOR) as store:
        for k in range(nights):
            start = T0 + k * DAY_S
            store.write([SessionRecord(start, start + 5, left_utc=start + 7200)])
            store.write([BreathingRecord(start + 30 * i, bytes(630)) for i in range(epochs)])
            nap = start + 40_000
            store.write([SessionRecord(nap, nap, left_utc=nap + 900), BreathingRecord(nap, bytes(630))])


@pytest.mark.parametrize(
    ("nights", "kept"),
    [
        (9, 25),  # all
        (2, 10),  # two nights of four epochs, and the naps after each, which are no nights
        (1, 5),
        (0, 0),
    ],
)
def test_raw_breathing_is_kept_of_so_many_nights(tmp_path: Path, nights: int, kept: int) -> None:
    many_nights(tmp_path / "n.db")
    with Store(tmp_path / "n.db", Role.SUPERVISOR) as store:
        store.let_go(nights, 1 << 30)
        assert counts(store)["breathing"] == kept
        assert counts(store)["session"] == 10


def test_raw_breathing_never_takes_more_than_so_many_bytes(tmp_path: Path) -> None:
    many_nights(tmp_path / "n.db")
    with Store(tmp_path / "n.db", Role.SUPERVISOR) as store:
        store.let_go(30, 7 * 1024)
        left = [row[0] for row in store._db.execute("SELECT start_utc FROM breathing ORDER BY 1")]
        nap = T0 + 4 * DAY_S + 40_000
        assert len(left) == 7
        assert left[-2:] == [T0 + 4 * DAY_S + 90, nap]  # the latest stay


def test_the_disks_thread_lets_go_when_a_night_is_over_and_when_less_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "n.db"
    many_nights(path)
    disk = Disk(Ledger(path), AlarmCopy(tmp_path))
    with Store(path, Role.WEB) as page:
        page.put_settings({"breathing_nights": 3}, T0)
        disk.begin()
        disk.serve(0.0)
        assert counts(page)["breathing"] == 15
        page.put_settings({"breathing_nights": 2}, T0)
        disk.serve(1.0)
        assert counts(page)["breathing"] == 10
        new = SessionRecord(T0 + 6 * DAY_S, T0 + 6 * DAY_S, left_utc=T0 + 6 * DAY_S + 7200)
        disk.put([replace(new, left_utc=None), BreathingRecord(new.id + 30, bytes(630))])
        disk.serve(2.0)
        disk.put([new])
        disk.serve(3.0)
        assert counts(page)["breathing"] == 6  # one of the new night, five of the one before
    disk.end()


def test_epochs_are_kept_when_their_breathing_is_not(tmp_path: Path) -> None:
    with Store(tmp_path / "n.db", Role.SUPERVISOR) as store:
        night = a_night()
        store.write(night)
        store.let_go(0, 0)
        assert counts(store)["epoch"] == sum(isinstance(one, EpochRecord) for one in night)
        assert counts(store)["breathing"] == 0
