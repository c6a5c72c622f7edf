"""The disk thread's side of the store: what a failing disk may do to it, and what it then keeps in memory."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from appliance.database import is_corrupt, move_aside
from appliance.records import (
    AlarmFactRecord,
    BreathingRecord,
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
from appliance.store import Role, Store, StoreError

_log = logging.getLogger(__name__)

PENDING_RECORDS = 6144  # more than two nights (960 epochs with their breathing, 480 minutes), about 4 MB of memory
T = TypeVar("T")


class Ledger:
    """A ``Store`` that never raises for what a disk can do: it keeps, retries, and says once lost and once back.

    A record that the schema refuses is a bug and does raise (``sqlite3.IntegrityError`` and its like).
    """

    def __init__(self, path: Path, open_store: Callable[[Path, Role], Store] = Store) -> None:
        self.path = path
        self._open_store = open_store
        self.dropped = 0  # records that no longer fitted into memory
        self._store: Store | None = None
        self._file = self._wal = -1  # the inodes that it is open on
        self._trouble: str | None = None
        self._notice: str | None = None
        self._pending: dict[tuple[object, ...], Record] = {}

    @property
    def complaint(self) -> str | None:
        """One line for the page while something is wrong with the record of nights, else None."""
        return self._trouble or self._notice

    @property
    def pending(self) -> int:
        """Records that wait in memory for the disk."""
        return len(self._pending)

    def write(self, records: Sequence[Record]) -> bool:
        """Write these and whatever waited before them, in one transaction; False when they have to wait."""
        for record in records:
            key = _key(record)
            self._pending.pop(key, None)  # the latest word on a key is the one that counts
            self._pending[key] = record
        while len(self._pending) > PENDING_RECORDS:
            self._pending.pop(next(iter(self._pending)))
            self.dropped += 1
        if not self._pending:
            return True
        batch = list(self._pending.values())

        def put(store: Store) -> bool:
            store.write(batch)
            return True

        written = self._attempt(put) or False
        if written:
            self._pending.clear()
        return written

    def settings(self) -> dict[str, Any] | None:
        """The page's settings, or None when they cannot be read now: then the last ones hold."""
        return self._attempt(lambda store: store.settings())

    def requests(self) -> list[Request]:
        """What the page asked for and was not done yet, in order; none while the disk fails."""
        return self._attempt(lambda store: store.requests_after(store.last_handled())) or []

    def unfinished(self) -> tuple[SessionRecord, list[EpochRecord]] | None:
        """The session that an earlier process left open, with its epochs, or None."""

        def find(store: Store) -> tuple[SessionRecord, list[EpochRecord]] | None:
            last = store.last_session()
            return None if last is None or last.left_utc is not None else (last, store.epochs(last))

        return self._attempt(find)

    def over(self, session_id: int) -> tuple[SessionRecord, list[EpochRecord]] | None:
        """A session that is over, with its epochs; None while it lasts or cannot be read."""

        def find(store: Store) -> tuple[SessionRecord, list[EpochRecord]] | None:
            session = store.session(session_id)
            return None if session is None or session.left_utc is None else (session, store.epochs(session))

        return self._attempt(find)

    def not_restaged(self, latest: int) -> list[int]:
        """Which of the latest sessions are over and were never staged again: ids, earliest first."""

        def find(store: Store) -> list[int]:
            return [s.id for s in store.sessions(latest) if s.left_utc is not None and store.restaged(s.id) is None]

        return (self._attempt(find) or [])[::-1]

    def let_go(self, nights: int, most_bytes: int) -> None:
        """Keep the raw breathing of so many nights, and of so many bytes, and no more."""
        self._attempt(lambda store: store.let_go(nights, most_bytes))

    def habits(self) -> HabitsRecord | None:
        """What earlier processes learnt of the bed, or None."""
        return self._attempt(lambda store: store.habits())

    def close(self) -> None:
        """Let go of the file."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _attempt(self, action: Callable[[Store], T]) -> T | None:
        try:
            result = self._act(action)
        except (sqlite3.OperationalError, OSError, StoreError) as error:
            self.close()  # a disk that came back may have another file under the same name
            self._lost(error)
            return None
        self._back()
        return result

    def _act(self, action: Callable[[Store], T]) -> T:
        try:
            return action(self._opened())
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
            self.close()
            self._notice = move_aside(self.path)
            return action(self._opened())

    def _opened(self) -> Store:
        wal = self.path.with_name(f"{self.path.name}-wal")
        if self._store is not None and _inode(self.path) != self._file:
            _log.error("%s was taken away, or another was put in its place: it is opened anew", self.path.name)
            is_old = _inode(wal) == self._wal
            self.close()
            if is_old:  # SQLite leaves the WAL of a file that was moved, and would play it into the new one
                wal.unlink(missing_ok=True)
        if self._store is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._store = self._open_store(self.path, Role.SUPERVISOR)
            self._file = _inode(self.path)
            self._notice = self._store.complaint or self._notice
        self._wal = _inode(wal)
        return self._store

    def _lost(self, error: Exception) -> None:
        trouble = str(error) if isinstance(error, StoreError) else f"{self.path.name}: {error}; free or mend the disk"
        if self._trouble is None:
            _log.error("the night cannot be recorded and is kept in memory: %s", trouble)
        self._trouble = f"The night cannot be recorded and is kept in memory: {trouble}"

    def _back(self) -> None:
        if self._trouble is not None:
            _log.info("the night is recorded again (%d waited, %d were lost)", self.pending, self.dropped)
        self._trouble = None


def _inode(path: Path) -> int:
    """-1 where there is no such file."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return -1


def _key(record: Record) -> tuple[object, ...]:
    match record:
        case SessionRecord():
            return SessionRecord, record.id
        case EpochRecord():
            return EpochRecord, record.start_utc
        case BreathingRecord():
            return BreathingRecord, record.start_utc
        case RestagedRecord():
            return RestagedRecord, record.session_id, record.model
        case RestagedEpochRecord():
            return RestagedEpochRecord, record.start_utc, record.model
        case EnvironmentRecord():
            return EnvironmentRecord, record.utc_s
        case AlarmFactRecord():
            return AlarmFactRecord, record.due_utc, record.alarm
        case RingRecord():
            return RingRecord, record.due_utc, record.alarm
        case HandledRecord():
            return HandledRecord, record.request_id
        case DeletionRecord():
            return DeletionRecord, record.session_id
        case HabitsRecord():
            return HabitsRecord, record.id
        case EventRecord():
            return EventRecord, record.utc_s, record.kind, record.text
