"""The store: what is written is read, each table has one writer, and no schema, crash or damage loses a night."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance import schema
from appliance import store as store_module
from appliance.records import (
    AlarmFactRecord,
    BreathingRecord,
    EnvironmentRecord,
    EpochRecord,
    EventRecord,
    HandledRecord,
    Record,
    Request,
    RingRecord,
    SessionRecord,
)
from appliance.store import Role, Store, StoreError

T0 = 1_795_644_600  # 2026-11-25 22:10:00 UTC, divisible by 30


def epoch(start_utc: int, **changes: object) -> EpochRecord:
    values: dict[str, object] = {
        "start_utc": start_utc,
        "session_id": T0,
        "stage": "light",
        "p_wake": 0.125,
        "p_light": 0.5,
        "p_deep": 0.25,
        "p_rem": 0.125,
        "coverage": 1.0,
        "rate_brpm": 14.5,
        "motion": 0.03125,
        "is_primary": True,
        "model": "small-1",
    }
    return EpochRecord(**(values | changes))  # type: ignore[arg-type]


def count(store: Store, table: str) -> int:
    return int(store._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "nights.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path, Role.SUPERVISOR) as store:
        yield store


def test_every_record_comes_back_as_it_was_written(store: Store) -> None:
    session = SessionRecord(
        T0, T0, T0 + 600, T0 + 1200, None, None, {"tst_s": 3600, "se": 0.5, "sol_s": None}, "small-1"
    )
    lost = epoch(T0 + 30, stage="unscored", p_wake=None, p_light=None, p_deep=None, p_rem=None, coverage=0.0)
    room = EnvironmentRecord(T0, 19.5, None, 0.0, 800.0, None)
    fact = AlarmFactRecord(T0 + 7200, {"rang_utc": None, "snoozes": [1, 2]}, 2)
    ring = RingRecord(T0 + 7200, 2, T0 + 7000, "set time", 30, "rem", 0.5, False)
    unknown = RingRecord(T0 + 7200, 1, T0 + 7100, "set time", 0)
    event = EventRecord(T0, "radar_lost", "the radar went silent")
    store.write([session, epoch(T0), lost, room, fact, ring, unknown, event, HandledRecord(3, T0)])
    assert store.last_session() == session
    assert store.session(T0) == session
    assert store.epochs(session) == [epoch(T0), lost]
    assert store.environment(T0, T0 + 60) == [room]
    assert store.alarm_facts(9) == [fact]
    assert store.rings(T0 + 7000, T0 + 7101) == [(ring, fact), (unknown, None)]
    assert store.rings(T0 + 7001, T0 + 7100) == []
    assert store.last_event("radar_back", "radar_lost") == event
    assert store.last_event("radar_back") is None
    assert store.last_handled() == 3


def test_a_room_is_told_by_what_was_measured_in_it(store: Store) -> None:
    assert store.room(T0, T0 + 180) == (None, None)
    rows = ((0, 18.0, 700.0), (60, None, 900.0), (120, 19.0, None), (180, 30.0, 2000.0))
    store.write([EnvironmentRecord(T0 + s, warmth, None, None, air, None) for s, warmth, air in rows])
    assert store.room(T0, T0 + 180) == (18.5, 900.0)  # the last row lies after it


def test_writing_twice_changes_nothing_and_a_later_word_replaces_an_earlier(store: Store) -> None:
    records: list[Record] = [SessionRecord(T0, T0), epoch(T0), EventRecord(T0, "a", "b"), HandledRecord(1, T0)]
    store.write(records)
    store.write(records)
    store.write([SessionRecord(T0, T0 - 60, left_utc=T0 + 90)])
    assert [count(store, table) for table in ("session", "epoch", "event", "handled")] == [1, 1, 1, 1]
    assert store.nights() == 1
    assert store.last_session() == SessionRecord(T0, T0 - 60, left_utc=T0 + 90)


def test_a_batch_is_written_whole_or_not_at_all(store: Store) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        store.write([epoch(T0), epoch(T0 + 30, stage=None)])
    assert count(store, "epoch") == 0
    store.write([epoch(T0)])
    assert count(store, "epoch") == 1


def test_a_text_in_a_number_column_is_refused_when_written(store: Store) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        store.write([epoch(T0, coverage="most of it")])


def test_nan_is_missing_and_numpy_scalars_are_numbers(store: Store) -> None:
    numpy = pytest.importorskip("numpy")
    store.write([epoch(T0, rate_brpm=numpy.float32("nan"), motion=numpy.float32(0.25))])
    (read,) = store.epochs(SessionRecord(T0, T0))
    assert read.rate_brpm is None
    assert read.motion == 0.25


def test_a_session_has_the_epochs_that_touch_it(store: Store) -> None:
    # Entered 10 s into an epoch and left 10 s into another: epochs 0 to 3 touch it.
    first = SessionRecord(T0, T0 + 10, left_utc=T0 + 100)
    second = SessionRecord(T0 + 600, T0 + 600)
    starts = [-30, 0, 30, 60, 90, 120, 570, 600, 630]
    store.write([first, second, *(epoch(T0 + s) for s in starts)])
    assert [e.start_utc - T0 for e in store.epochs(first)] == [0, 30, 60, 90]
    assert [e.start_utc - T0 for e in store.epochs(second)] == [600, 630]  # 570 ended as it began
    # A night that a crash left open ends where the next begins.
    store.write([SessionRecord(T0, T0 + 10)])
    assert [e.start_utc - T0 for e in store.epochs(SessionRecord(T0, T0 + 10))] == [0, 30, 60, 90, 120, 570]


def test_nights_page_backwards_and_forwards(store: Store) -> None:
    store.write([SessionRecord(T0 + day * 86400, T0 + day * 86400) for day in range(10)])
    assert [(s.id - T0) // 86400 for s in store.sessions(3)] == [9, 8, 7]
    assert [(s.id - T0) // 86400 for s in store.sessions(3, before_utc=T0 + 7 * 86400)] == [6, 5, 4]
    assert [(s.id - T0) // 86400 for s in store.sessions_from(T0 + 7 * 86400, 9)] == [7, 8, 9]


def test_settings_and_requests_go_from_the_page_to_the_supervisor(path: Path, store: Store) -> None:
    assert store.settings() == {}
    with Store(path, Role.WEB) as web:
        web.put_settings({"bed_side": "left", "alarm": {"hour": 7, "weekdays": [0, 4]}}, T0)
        web.put_settings({"bed_side": "right"}, T0 + 1)
        first = web.put_request("snooze", T0)
        second = web.put_request("standby_on", T0 + 5, {"minutes": 3})
    assert store.settings() == {"bed_side": "right", "alarm": {"hour": 7, "weekdays": [0, 4]}}
    assert store.requests_after(0) == [
        Request(first, T0, "snooze"),
        Request(second, T0 + 5, "standby_on", {"minutes": 3}),
    ]
    assert [r.id for r in store.requests_after(first)] == [second]


def test_a_damaged_setting_is_left_out_alone(path: Path, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    db = sqlite3.connect(path)
    db.execute("INSERT INTO setting VALUES ('alarm', '{\"hour\":', 1), ('bed_side', '\"left\"', 1)")
    db.commit()
    db.close()
    assert store.settings() == {"bed_side": "left"}
    assert "the setting alarm is damaged" in caplog.text


def test_a_setting_that_its_column_forbids_is_left_out_too(path: Path, store: Store) -> None:
    with Store(path, Role.WEB) as page:
        page.put_settings({"bed_side": "left", "alarms": []}, T0)
    store.close()
    with sqlite3.connect(path) as db:  # what a page of the file that was torn may say
        db.execute("PRAGMA writable_schema = ON")
        db.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, 'value TEXT NOT NULL', 'value ANY') WHERE name = 'setting'"
        )
    with sqlite3.connect(path) as db:
        db.execute("UPDATE setting SET value = NULL WHERE key = 'alarms'")
    db.close()
    with Store(path, Role.GUEST) as guest:
        assert guest.settings() == {"bed_side": "left"}


def test_each_table_has_exactly_one_writing_process(path: Path, store: Store) -> None:
    assert not schema.SUPERVISOR_TABLES & schema.WEB_TABLES
    tables = set(re.findall(r"CREATE TABLE (\w+)", "".join(schema.MIGRATIONS)))
    assert tables == schema.SUPERVISOR_TABLES | schema.WEB_TABLES
    with Store(path, Role.WEB) as web:
        for record in (SessionRecord(T0, T0), epoch(T0), HandledRecord(1, T0)):
            with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
                web.write([record])
    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        store.put_settings({"bed_side": "left"}, T0)
    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        store.put_request("stop", T0)


def test_the_page_waits_for_the_supervisor_to_make_the_database(path: Path) -> None:
    with pytest.raises(StoreError, match="start firstlight"):
        Store(path, Role.WEB)
    assert not path.exists()
    path.touch()
    with pytest.raises(StoreError, match="restart firstlight"):
        Store(path, Role.WEB)
    assert path.stat().st_size == 0


def test_the_page_may_write_as_another_user_of_the_same_group(path: Path) -> None:
    before = os.umask(0o007)  # as the services run
    try:
        with Store(path, Role.SUPERVISOR) as store:
            store.write([SessionRecord(T0, T0)])
            modes = {f.name: f.stat().st_mode & 0o777 for f in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {path.name: 0o660, f"{path.name}-wal": 0o660, f"{path.name}-shm": 0o660}


@pytest.mark.parametrize("role", list(Role))
def test_a_newer_schema_is_refused_in_one_line_and_untouched(path: Path, store: Store, role: Role) -> None:
    store.write([epoch(T0)])
    store.close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"newer Firstlight \(schema 99, this one knows \d+\): install") as caught:
        Store(path, role)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert [f.name for f in path.parent.iterdir()] == [path.name]


def test_an_older_schema_is_brought_forward_with_its_rows(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write([SessionRecord(T0, T0), epoch(T0)])
    store.close()
    later = (*schema.MIGRATIONS, "ALTER TABLE session ADD COLUMN note TEXT;\n", "CREATE TABLE x (y INTEGER) STRICT;\n")
    monkeypatch.setattr(store_module, "MIGRATIONS", later)
    with Store(path, Role.SUPERVISOR) as renewed:
        assert renewed.last_session() == SessionRecord(T0, T0)
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (len(later),)
    assert db.execute("SELECT note FROM session").fetchall() == [(None,)]
    db.close()


def test_a_migration_that_fails_leaves_the_old_schema_whole(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write([SessionRecord(T0, T0)])
    store.close()
    later = (*schema.MIGRATIONS, "ALTER TABLE session ADD COLUMN note TEXT;\nALTER TABLE absent ADD COLUMN x TEXT;\n")
    monkeypatch.setattr(store_module, "MIGRATIONS", later)
    with pytest.raises(sqlite3.OperationalError, match="absent"):
        Store(path, Role.SUPERVISOR)
    monkeypatch.undo()
    with Store(path, Role.SUPERVISOR) as old:
        assert old.last_session() == SessionRecord(T0, T0)


def test_a_corrupt_database_is_moved_aside_and_a_new_one_begun(
    path: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.write([epoch(T0)])
    store.close()
    data = bytearray(path.read_bytes())
    data[:100] = b"this is no database ".ljust(100, b"!")
    path.write_bytes(data)
    with pytest.raises(sqlite3.DatabaseError):  # the page may not move what is not its own
        Store(path, Role.WEB)
    with Store(path, Role.SUPERVISOR) as new:
        assert new.complaint is not None
        assert re.fullmatch(
            r"nights\.sqlite3 was damaged: it is kept as nights\.sqlite3\.broken-\d{8}T\d{6}Z and a new one was begun",
            new.complaint,
        )
        assert new.last_session() is None
        new.write([epoch(T0)])
    (kept,) = path.parent.glob("*.broken-*Z")
    assert kept.read_bytes() == bytes(data)
    assert caplog.text.count("was damaged") == 1


def test_a_schema_that_no_message_can_quote_is_damage_like_any_other(path: Path, store: Store) -> None:
    """SQLite's message holds the broken statement, and 0xb9 begins no letter of UTF-8."""
    store.close()
    data = path.read_bytes()
    path.write_bytes(data.replace(b"CREATE TABLE session", b"CREATE T\xb9BLE session"))
    with pytest.raises(sqlite3.DatabaseError, match="malformed"):
        Store(path, Role.WEB)
    with Store(path, Role.SUPERVISOR) as new:
        assert new.complaint is not None
        assert new.last_session() is None


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0, 1)), max_size=40))
def test_the_last_word_on_an_epoch_is_what_is_read(tmp_path_factory: pytest.TempPathFactory, words: list) -> None:  # type: ignore[type-arg]
    with Store(tmp_path_factory.mktemp("s") / "n.sqlite3", Role.SUPERVISOR) as store:
        for index, coverage in words:
            store.write([epoch(T0 + 30 * index, coverage=coverage)])
        read = {(e.start_utc - T0) // 30: e.coverage for e in store.epochs(SessionRecord(T0, T0))}
    assert read == dict(words)


def test_an_hour_asleep_costs_less_than_a_megabyte_of_writes(store: Store) -> None:
    def written_bytes() -> int:
        lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
        return int(lines["wchar"])

    if not Path("/proc/self/io").exists():
        pytest.skip("needs /proc/self/io to count what is written")
    before = written_bytes()
    for k in range(120):
        records: list[Record] = [epoch(T0 + 30 * k), BreathingRecord(T0 + 30 * k, os.urandom(630))]
        if k % 2 == 0:
            records.append(EnvironmentRecord(T0 + 30 * k, 19.5, 45.0, 0.1, 800.0, 1013.2))
        if k % 10 == 0:
            records.append(SessionRecord(T0, T0, T0, T0, None, None, {"tst_s": 30 * k}, "small-1"))
        store.write(records)
    assert written_bytes() - before < 1_000_000
