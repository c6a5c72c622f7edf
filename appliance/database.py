"""The database's file, brought up to date or put aside when it is broken; and how values stand in its columns."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)

PAGE_BYTES = 1024
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class Connection(sqlite3.Connection):
    """SQLite quotes a damaged schema in its own message, and Python then fails at decoding the message."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        try:
            return super().execute(sql, parameters)
        except UnicodeDecodeError as error:
            damage = sqlite3.DatabaseError(f"malformed database: {error}")
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damage from error


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken, as against a disk that is full, busy or away."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _CORRUPT


def move_aside(path: Path) -> str:
    """Rename a corrupt database with its WAL, and say so in one line, which is logged and returned."""
    kept = path.with_name(f"{path.name}.broken-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    for ending in ("-wal", "-shm", ""):
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(kept.with_name(kept.name + ending))
    line = f"{path.name} was damaged: it is kept as {kept.name} and a new one was begun"
    _log.error(line)
    return line


def migrate(db: sqlite3.Connection, version: int, steps: Sequence[str]) -> None:
    """Bring an older schema up to date; every step with its version in one transaction, so all of it or nothing."""
    db.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # heeded only while the file is empty
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("BEGIN IMMEDIATE")
    try:
        for step in steps[version:]:
            for statement in step.split(";\n"):  # not executescript, which commits by itself
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(steps)}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def column(value: Any) -> Any:
    """A record's value as SQLite takes it."""
    if isinstance(value, Mapping | tuple):
        return json.dumps(value)
    item = getattr(value, "item", None)  # a numpy scalar, which SQLite does not know
    return item() if item is not None else value


def from_json(value: str | None) -> Any:
    """What a column says in JSON; None where that is damaged."""
    if value is None:
        return None
    try:
        return json.loads(value)
    except (ValueError, TypeError):  # of a damaged page, what its column forbids
        return None


def _pairs(value: str) -> tuple[tuple[int, int], ...]:
    return tuple((start, end) for start, end in from_json(value) or ())


DECODERS: dict[str, Callable[[Any], Any]] = {
    "statistics": from_json,
    "intent": from_json,
    "absences": _pairs,
    "facts": from_json,
    "learnt": from_json,
    "is_primary": bool,
    "present": lambda value: None if value is None else bool(value),
}
