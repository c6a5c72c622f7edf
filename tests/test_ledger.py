"""The ledger: a full, failing or foreign disk never raises, never loses what fits into memory, and is said once."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from appliance.ledger import PENDING_RECORDS, Ledger
from appliance.records import EnvironmentRecord, EpochRecord, EventRecord, HandledRecord, SessionRecord
from appliance.store import Role, Store

T0 = 1_795_644_600


def minute(k: int, temperature_c: float = 19.5) -> EnvironmentRecord:
    return EnvironmentRecord(T0 + 60 * k, temperature_c)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "nights.sqlite3"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    ledger = Ledger(path)
    yield ledger
    ledger.close()


def rows(path: Path) -> list[EnvironmentRecord]:
    with Store(path, Role.WEB) as store:
        return store.environment(0, 1 << 40)


def test_a_file_that_is_taken_away_or_replaced_is_opened_anew_and_said(
    path: Path, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    assert ledger.write([minute(0)])
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    assert ledger.write([minute(1)])
    assert rows(path) == [minute(1)]
    other = path.with_name("other.sqlite3")
    with Store(other, Role.SUPERVISOR) as store:
        store.write([minute(5)])
    with Store(other, Role.WEB) as page:
        page.put_settings({"bed_side": "right"}, T0)
    whole = path.with_name("whole.sqlite3")
    with closing(sqlite3.connect(other)) as source, closing(sqlite3.connect(whole)) as copy:
        source.backup(copy)  # one file, as somebody keeps one
    whole.replace(path)
    assert ledger.settings() == {"bed_side": "right"}
    assert ledger.write([minute(6)])
    assert rows(path) == [minute(5), minute(6)]
    assert caplog.text.count("was taken away, or another was put in its place") == 2


def test_a_full_disk_is_said_once_and_nothing_is_lost(
    path: Path, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert ledger.write([minute(0)])
    opened = Store.__init__

    def open_full(self: Store, at: Path, role: Role) -> None:
        # SQLite's own limit on the file's size gives the very error (SQLITE_FULL) of a disk without room.
        opened(self, at, role)
        self._db.execute("PRAGMA max_page_count = 1")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "__init__", open_full)
        ledger.close()
        notes = [EventRecord(T0 + k, "note", "x" * 2000) for k in range(40)]  # each needs pages of its own
        for k in range(40):
            assert not ledger.write([minute(k + 1), notes[k]])
        assert ledger.pending == 80
        assert ledger.complaint is not None
        assert "database or disk is full" in ledger.complaint
        assert "\n" not in ledger.complaint
    ledger.close()
    assert ledger.write([minute(41)])
    assert ledger.complaint is None
    assert rows(path) == [minute(k) for k in range(42)]
    assert caplog.text.count("cannot be recorded") == 1
    assert caplog.text.count("is recorded again") == 1


def test_what_waits_is_bounded_and_the_oldest_goes_first(path: Path, ledger: Ledger) -> None:
    path.parent.write_bytes(b"")  # a file where the folder should be: nothing can be opened
    assert not ledger.write([minute(k) for k in range(PENDING_RECORDS)])
    assert not ledger.write([minute(PENDING_RECORDS + 1), minute(7, 21.0)])
    assert (ledger.pending, ledger.dropped) == (PENDING_RECORDS, 1)
    path.parent.unlink()
    assert ledger.write([])
    read = rows(path)
    assert read[0] == minute(1)
    assert minute(7, 21.0) in read
    assert minute(7) not in read
    assert len(read) == PENDING_RECORDS


def test_a_newer_database_is_left_alone_and_its_line_reaches_the_page(path: Path, ledger: Ledger) -> None:
    path.parent.mkdir()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    assert not ledger.write([minute(0)])
    assert ledger.settings() is None
    assert ledger.requests() == []
    assert ledger.complaint is not None
    assert "newer Firstlight" in ledger.complaint
    assert ledger.pending == 1


def test_damage_met_at_night_moves_the_file_aside_and_goes_on(path: Path, ledger: Ledger) -> None:
    assert ledger.write([minute(k) for k in range(500)])
    ledger.close()
    data = bytearray(path.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)  # the first pages are sound: it opens, and breaks later
    path.write_bytes(data)
    assert ledger.write([minute(k) for k in range(500, 502)])
    assert ledger.complaint is not None
    assert "was damaged: it is kept as" in ledger.complaint
    assert rows(path) == [minute(500), minute(501)]
    assert list(path.parent.glob("*.broken-*Z"))


def test_settings_and_requests_reach_the_supervisor(path: Path, ledger: Ledger) -> None:
    assert ledger.settings() == {}
    with Store(path, Role.WEB) as web:
        web.put_settings({"bed_side": "left"}, T0)
        ids = [web.put_request(kind, T0) for kind in ("snooze", "stop", "standby_on")]
    assert ledger.settings() == {"bed_side": "left"}
    assert [r.kind for r in ledger.requests()] == ["snooze", "stop", "standby_on"]
    ledger.write([HandledRecord(ids[1], T0)])
    assert [r.kind for r in ledger.requests()] == ["standby_on"]


def test_a_record_that_the_schema_refuses_is_a_bug_and_ends_the_process(ledger: Ledger) -> None:
    bad = EpochRecord(T0, T0, None, None, None, None, None, 1.0, None, None, True)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):
        ledger.write([SessionRecord(T0, T0), bad])
