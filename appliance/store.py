"""One SQLite database in WAL mode between two processes; each table has exactly one of them for a writer.

Durability: ``synchronous=FULL``, because with NORMAL a power cut may lose everything since the last checkpoint, and a
bedside box is unplugged by hand.  It costs one flush a transaction, so the supervisor writes about one transaction
every 30 s, into pages of 1 KiB (four of them fit the block that a card writes anyway): well under 1 MB an hour.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from appliance.database import DECODERS, PAGE_BYTES, Connection, column, from_json, is_corrupt, migrate, move_aside
from appliance.forgetting import delete_night, let_go
from appliance.records import (
    AlarmFactRecord,
    BreathingRecord,
    CorrectionRecord,
    DeletionRecord,
    EnvironmentRecord,
    EpochRecord,
    EventRecord,
    HabitsRecord,
    HandledRecord,
    Record,
    Request,
    RestagedEpochRecord,
    RestagedRecord,
    RingRecord,
    SessionRecord,
)
from appliance.schema import MIGRATIONS, SUPERVISOR_TABLES, WEB_TABLES

_log = logging.getLogger(__name__)

CHECKPOINT_PAGES = 1024  # the WAL starts again at its beginning after about 1 MB
BUSY_S = 5.0
FOREVER_UTC = 1 << 62

_TABLES: dict[type, str] = {
    SessionRecord: "session",
    EpochRecord: "epoch",
    BreathingRecord: "breathing",
    RestagedRecord: "restaged",
    RestagedEpochRecord: "restaged_epoch",
    EnvironmentRecord: "environment",
    AlarmFactRecord: "alarm_fact",
    RingRecord: "ring",
    EventRecord: "event",
    HandledRecord: "handled",
    HabitsRecord: "habits",
    CorrectionRecord: "correction",
}
_INSERTS = {
    kind: f"INSERT OR REPLACE INTO {table} ({', '.join(f.name for f in fields(kind))})"
    f" VALUES ({', '.join('?' * len(fields(kind)))})"
    for kind, table in _TABLES.items()
}
_WITHIN = "WHERE start_utc > ? AND start_utc < ? ORDER BY start_utc"
_WRITES = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})

R = TypeVar("R", bound=Record | CorrectionRecord)


class StoreError(Exception):
    """The database cannot be used as it is; one line that says what to do."""


class Role(Enum):
    """Which process this is, and so which tables are its own to write."""

    SUPERVISOR = SUPERVISOR_TABLES
    WEB = WEB_TABLES
    GUEST = frozenset[str]()  # a command that only reads
    RESTAGER = frozenset({"restaged", "restaged_epoch"})  # a command; of another model than the supervisor's


class Store:
    """One connection, for one thread at a time.  The supervisor makes and migrates the database; others wait.

    A corrupt database is moved aside by the supervisor and begun anew (``complaint`` says so); the page raises
    ``StoreError``, as either does on a newer schema, which is left untouched.
    """

    def __init__(self, path: Path, role: Role) -> None:
        self.path = path
        self.role = role
        self.complaint: str | None = None
        try:
            self._db = self._open()
        except sqlite3.DatabaseError as error:
            if role is not Role.SUPERVISOR or not is_corrupt(error):
                raise
            self.complaint = move_aside(path)
            self._db = self._open()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the supervisor writes

    def write(self, records: Sequence[Record]) -> None:
        """All of ``records`` in one transaction.  Raises ``sqlite3.Error`` and then has written none of them."""
        with self._transaction():
            for record in records:
                if isinstance(record, DeletionRecord):
                    delete_night(self._db, record.session_id)
                else:
                    self._db.execute(_INSERTS[type(record)], [column(value) for value in astuple(record)])
        if any(isinstance(record, DeletionRecord) for record in records):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the WAL would hold the night for a while yet

    def let_go(self, nights: int, most_bytes: int) -> None:
        """Keep the raw breathing of the latest ``nights`` nights, and of them the latest that takes ``most_bytes``."""
        with self._transaction():
            let_go(self._db, nights, most_bytes // PAGE_BYTES)  # each row lies in a page of its own

    # -- the page writes

    def put_settings(self, settings: Mapping[str, Any], utc_s: int) -> None:
        """Keep these settings (values that JSON can say), all or none."""
        with self._transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO setting (key, value, changed_utc) VALUES (?, ?, ?)",
                [(key, json.dumps(value), utc_s) for key, value in settings.items()],
            )

    def put_request(self, kind: str, utc_s: int, value: Any = None) -> int:
        """Ask the supervisor for something; returns the request's id."""
        with self._transaction():
            cursor = self._db.execute(
                "INSERT INTO request (utc_s, kind, value) VALUES (?, ?, ?)",
                (utc_s, kind, None if value is None else json.dumps(value)),
            )
        return int(cursor.lastrowid or 0)

    def put_corrections(self, corrections: Sequence[CorrectionRecord]) -> None:
        """Keep these, all or none; of one kind that has one instant the latest word stands."""
        with self._transaction():
            for one in corrections:
                if one.end_utc is None:
                    where = "DELETE FROM correction WHERE session_id = ? AND kind = ?"
                    self._db.execute(where, (one.session_id, one.kind))
                self._db.execute(_INSERTS[CorrectionRecord], astuple(one))

    def drop_corrections(self, session_id: int, kind: str | None = None, utc_s: int | None = None) -> None:
        """Take back all corrections of a session, or those of one kind, or one of them."""
        with self._transaction():
            self._db.execute(
                "DELETE FROM correction WHERE session_id = ? AND kind = ifnull(?, kind) AND utc_s = ifnull(?, utc_s)",
                (session_id, kind, utc_s),
            )

    # -- both read

    def settings(self) -> dict[str, Any]:
        """Every setting; one that was damaged is left out."""
        found: dict[str, Any] = {}
        for key, value in self._db.execute("SELECT key, value FROM setting"):
            try:
                found[key] = json.loads(value)
            except (ValueError, TypeError):  # a damaged page may hold what its column forbids
                _log.warning("the setting %s is damaged and is not used", key)
        return found

    def requests_after(self, request_id: int) -> list[Request]:
        """Requests with greater ids, in order."""
        rows = self._db.execute("SELECT id, utc_s, kind, value FROM request WHERE id > ? ORDER BY id", (request_id,))
        return [Request(i, utc_s, kind, from_json(value)) for i, utc_s, kind, value in rows]

    def last_handled(self) -> int:
        """The greatest id of a request that was done; 0 before the first."""
        return int(self._db.execute("SELECT coalesce(max(request_id), 0) FROM handled").fetchone()[0])

    def last_session(self) -> SessionRecord | None:
        """The latest stay in bed, open or closed."""
        return next(iter(self.sessions(1)), None)

    def sessions(self, limit: int, before_utc: int = FOREVER_UTC) -> list[SessionRecord]:
        """At most ``limit`` stays in bed that began before ``before_utc``, latest first."""
        return self._read(SessionRecord, "WHERE entered_utc < ? ORDER BY entered_utc DESC LIMIT ?", before_utc, limit)

    def sessions_from(self, from_utc: int, limit: int) -> list[SessionRecord]:
        """At most ``limit`` stays in bed that began at or after ``from_utc``, earliest first."""
        return self._read(SessionRecord, "WHERE entered_utc >= ? ORDER BY entered_utc LIMIT ?", from_utc, limit)

    def session(self, session_id: int) -> SessionRecord | None:
        """The stay in bed of this id."""
        return next(iter(self._read(SessionRecord, "WHERE id = ?", session_id)), None)

    def epochs(self, session: SessionRecord) -> list[EpochRecord]:
        """The session's epochs in order of time: those that touch it, even if they were written before it was known."""
        end_utc = session.left_utc
        if end_utc is None:
            later = self.sessions_from(session.entered_utc + 1, 1)
            end_utc = later[0].entered_utc if later else FOREVER_UTC
        return self._read(EpochRecord, _WITHIN, session.entered_utc - 30, end_utc)

    def slept(self, session: SessionRecord) -> list[tuple[int, str, float | None]]:
        """(start, stage, breaths a minute) of the sleeper's own epochs: what trends need of a night that is over."""
        columns = "SELECT start_utc, stage, rate_brpm FROM epoch"
        where = "WHERE start_utc > ? AND start_utc < ? AND is_primary ORDER BY start_utc"
        return list(self._db.execute(f"{columns} {where}", (session.entered_utc - 30, session.left_utc or 0)))

    def restaged(self, session_id: int) -> RestagedRecord | None:
        """The session as it was last staged again, or None."""
        return next(iter(self.restagings(session_id)), None)

    def restagings(self, session_id: int) -> list[RestagedRecord]:
        """Every time that the session was staged again, latest first."""
        return self._read(RestagedRecord, "WHERE session_id = ? ORDER BY made_utc DESC, model", session_id)

    def restaged_epochs(self, session: SessionRecord, model: str) -> list[RestagedEpochRecord]:
        """The session's epochs as ``model`` staged them again, in order of time."""
        end_utc = FOREVER_UTC if session.left_utc is None else session.left_utc
        where = "WHERE start_utc > ? AND start_utc < ? AND model = ? ORDER BY start_utc"
        return self._read(RestagedEpochRecord, where, session.entered_utc - 30, end_utc, model)

    def breathing(self, session: SessionRecord) -> list[BreathingRecord]:
        """The raw breathing that is still kept of a session that is over, in order of time."""
        return self._read(BreathingRecord, _WITHIN, session.entered_utc - 30, session.left_utc or 0)

    def corrections(self, session_id: int) -> list[CorrectionRecord]:
        """What the sleeper has corrected of a session, in order of time."""
        return self._read(CorrectionRecord, "WHERE session_id = ? ORDER BY utc_s, kind", session_id)

    def environment(self, start_utc: int, end_utc: int) -> list[EnvironmentRecord]:
        """The room, minute by minute, over ``[start_utc, end_utc)``."""
        return self._read(EnvironmentRecord, "WHERE utc_s >= ? AND utc_s < ? ORDER BY utc_s", start_utc, end_utc)

    def room(self, start_utc: int, end_utc: int) -> tuple[float | None, float | None]:
        """Mean temperature (°C) and highest CO2 (ppm) over ``[start_utc, end_utc)``: what trends need of a room."""
        columns = "SELECT avg(temperature_c), max(co2_ppm) FROM environment"
        warmth, air = self._db.execute(f"{columns} WHERE utc_s >= ? AND utc_s < ?", (start_utc, end_utc)).fetchone()
        return warmth, air

    def alarm_facts(self, limit: int) -> list[AlarmFactRecord]:
        """What became of the latest alarms, latest first."""
        return self._read(AlarmFactRecord, "ORDER BY due_utc DESC LIMIT ?", limit)

    def rings(self, start_utc: int, end_utc: int) -> list[tuple[RingRecord, AlarmFactRecord | None]]:
        """The alarms that rang over ``[start_utc, end_utc)`` in order of time, each with what became of it."""
        rings = self._read(RingRecord, "WHERE rang_utc >= ? AND rang_utc < ? ORDER BY rang_utc", start_utc, end_utc)
        found = []
        for ring in rings:
            facts = self._read(AlarmFactRecord, "WHERE due_utc = ? AND alarm = ?", ring.due_utc, ring.alarm)
            found.append((ring, facts[0] if facts else None))
        return found

    def last_event(self, *kinds: str) -> EventRecord | None:
        """The latest event of one of these kinds."""
        marks = ", ".join("?" * len(kinds))
        found = self._read(EventRecord, f"WHERE kind IN ({marks}) ORDER BY utc_s DESC LIMIT 1", *kinds)
        return next(iter(found), None)

    def habits(self) -> HabitsRecord | None:
        """What was learnt of the bed."""
        return next(iter(self._read(HabitsRecord, "LIMIT 1")), None)

    def nights(self) -> int:
        """How many stays in bed are kept."""
        return int(self._db.execute("SELECT count(*) FROM session").fetchone()[0])

    # -- within

    def _read(self, kind: type[R], where: str, *values: Any) -> list[R]:
        columns = [f.name for f in fields(kind)]
        decoders = [(i, DECODERS[name]) for i, name in enumerate(columns) if name in DECODERS]
        found: list[R] = []
        for row in self._db.execute(f"SELECT {', '.join(columns)} FROM {_TABLES[kind]} {where}", values):
            decoded = list(row)
            for i, decode in decoders:
                decoded[i] = decode(decoded[i])
            found.append(kind(*decoded))
        return found

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # SQLite has rolled back by itself when the disk is full
                self._db.execute("ROLLBACK")
            raise

    def _open(self) -> sqlite3.Connection:
        if self.role is not Role.SUPERVISOR and not self.path.exists():
            raise StoreError(f"there is no record of nights at {self.path} yet: start firstlight")
        if self.role is Role.SUPERVISOR:
            # SQLite would make it 0644, but the page runs as another user of the group; the umask has the last word.
            os.close(os.open(self.path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o660))
        db = sqlite3.connect(
            self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False, factory=Connection
        )
        try:
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            if version > len(MIGRATIONS):
                raise StoreError(
                    f"{self.path} was written by a newer Firstlight (schema {version}, this one knows"
                    f" {len(MIGRATIONS)}): install that version again, or move the file away"
                )
            if version < len(MIGRATIONS):
                if self.role is not Role.SUPERVISOR:
                    raise StoreError(
                        f"{self.path} has an older schema ({version}): restart firstlight, which renews it"
                    )
                migrate(db, version, MIGRATIONS)
            db.execute("SELECT count(*) FROM session").fetchone()  # meets a damaged file now, while nobody waits
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA secure_delete = ON")  # a deleted night leaves no bytes behind in the file
            db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            db.execute(f"PRAGMA journal_size_limit = {CHECKPOINT_PAGES * PAGE_BYTES}")
            db.set_authorizer(self._authorize)
        except BaseException:
            db.close()
            raise
        return db

    def _authorize(self, action: int, table: str | None, *_: str | None) -> int:
        if action in _WRITES and table not in self.role.value and not (table or "").startswith("sqlite_"):
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK
