"""What is let go of: raw breathing after some nights, and a night that somebody wants deleted."""

from __future__ import annotations

import sqlite3

NIGHT_S = 3600  # a shorter stay in bed does not count where nights are counted
FOREVER_UTC = 1 << 62
AFTERWARDS_S = 2 * 3600  # after getting up, in which an alarm still belongs to the night


def let_go(db: sqlite3.Connection, nights: int, most_rows: int) -> None:
    """Keep the raw breathing of the latest ``nights`` nights, and of them the latest ``most_rows`` epochs."""
    begun = "SELECT entered_utc FROM session WHERE coalesce(left_utc, ?) - entered_utc >= ? ORDER BY 1 DESC LIMIT ?"
    found = db.execute(begun, (FOREVER_UTC, NIGHT_S, nights)).fetchall()
    first_utc = FOREVER_UTC if nights == 0 else found[-1][0] - 30 if len(found) == nights else 0
    db.execute("DELETE FROM breathing WHERE start_utc < ?", (first_utc,))
    oldest = "SELECT start_utc FROM breathing ORDER BY start_utc DESC LIMIT 1 OFFSET ?"
    db.execute(f"DELETE FROM breathing WHERE start_utc <= ({oldest})", (most_rows,))


def delete_night(db: sqlite3.Connection, session_id: int) -> None:
    """Every row of a stay in bed that is over: stages however often told, breathing, the room; not its corrections,
    which are the page's to delete.  That the alarm rang stays, what it rang into does not.
    """
    found = db.execute("SELECT entered_utc, left_utc FROM session WHERE id = ?", (session_id,)).fetchone()
    if found is None or found[1] is None:
        return
    entered_utc, left_utc = found
    for table in ("epoch", "breathing", "restaged_epoch"):
        db.execute(f"DELETE FROM {table} WHERE start_utc > ? AND start_utc < ?", (entered_utc - 30, left_utc))
    db.execute("DELETE FROM environment WHERE utc_s >= ? AND utc_s < ?", (entered_utc // 60 * 60, left_utc))
    db.execute("DELETE FROM ring WHERE rang_utc >= ? AND rang_utc < ?", (entered_utc, left_utc + AFTERWARDS_S))
    db.execute("DELETE FROM restaged WHERE session_id = ?", (session_id,))
    db.execute("DELETE FROM session WHERE id = ?", (session_id,))
