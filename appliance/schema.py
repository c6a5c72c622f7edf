"""The database's shape and its history: migration n takes schema n to schema n + 1.  A shipped one stays as it is."""

from __future__ import annotations

# STRICT: a text in a number column is refused when it is written, not met years later when it is read.
_FIRST = """
CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    entered_utc INTEGER NOT NULL,
    began_trying_utc INTEGER,
    onset_utc INTEGER,
    final_awakening_utc INTEGER,
    left_utc INTEGER,
    statistics TEXT,
    model TEXT,
    absences TEXT NOT NULL
) STRICT;
CREATE INDEX session_entered ON session (entered_utc);

CREATE TABLE epoch (
    start_utc INTEGER PRIMARY KEY,
    session_id INTEGER,
    stage TEXT NOT NULL,
    p_wake REAL,
    p_light REAL,
    p_deep REAL,
    p_rem REAL,
    coverage REAL NOT NULL,
    rate_brpm REAL,
    motion REAL,
    is_primary INTEGER NOT NULL,
    model TEXT
) STRICT;

CREATE TABLE environment (
    utc_s INTEGER PRIMARY KEY,
    temperature_c REAL,
    humidity_pct REAL,
    illuminance_lx REAL,
    co2_ppm REAL,
    pressure_hpa REAL
) STRICT;

CREATE TABLE alarm_fact (
    due_utc INTEGER PRIMARY KEY,
    facts TEXT NOT NULL
) STRICT;

CREATE TABLE event (
    utc_s INTEGER NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (utc_s, kind, text)
) STRICT, WITHOUT ROWID;

CREATE TABLE handled (
    request_id INTEGER PRIMARY KEY,
    utc_s INTEGER NOT NULL
) STRICT;

CREATE TABLE setting (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    changed_utc INTEGER NOT NULL
) STRICT;

CREATE TABLE request (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    utc_s INTEGER NOT NULL,
    kind TEXT NOT NULL,
    value TEXT
) STRICT;
"""

_HABITS = """
CREATE TABLE habits (
    id INTEGER PRIMARY KEY,
    learnt TEXT NOT NULL
) STRICT;
"""

# Two alarms may be due at one instant.
_ALARMS = """
ALTER TABLE alarm_fact RENAME TO one_alarm_fact;
CREATE TABLE alarm_fact (
    due_utc INTEGER NOT NULL,
    alarm INTEGER NOT NULL,
    facts TEXT NOT NULL,
    PRIMARY KEY (due_utc, alarm)
) STRICT, WITHOUT ROWID;
INSERT INTO alarm_fact (due_utc, alarm, facts) SELECT due_utc, 1, facts FROM one_alarm_fact;
DROP TABLE one_alarm_fact;
CREATE TABLE ring (
    due_utc INTEGER NOT NULL,
    alarm INTEGER NOT NULL,
    rang_utc INTEGER NOT NULL,
    reason TEXT NOT NULL,
    window_min INTEGER NOT NULL,
    stage TEXT,
    stage_probability REAL,
    present INTEGER,
    PRIMARY KEY (due_utc, alarm)
) STRICT, WITHOUT ROWID;
"""

_RESTAGED = """
ALTER TABLE epoch ADD COLUMN features BLOB;
CREATE TABLE restaged (
    session_id INTEGER NOT NULL,
    model TEXT NOT NULL,
    made_utc INTEGER NOT NULL,
    onset_utc INTEGER,
    final_awakening_utc INTEGER,
    statistics TEXT NOT NULL,
    PRIMARY KEY (session_id, model)
) STRICT, WITHOUT ROWID;
CREATE TABLE restaged_epoch (
    start_utc INTEGER NOT NULL,
    model TEXT NOT NULL,
    stage TEXT NOT NULL,
    p_wake REAL,
    p_light REAL,
    p_deep REAL,
    p_rem REAL,
    PRIMARY KEY (start_utc, model)
) STRICT, WITHOUT ROWID;
"""

# Raw breathing lies beside the epochs, so that letting go of it after some nights leaves them alone.
_KEPT = """
ALTER TABLE epoch ADD COLUMN distance_m REAL;
CREATE TABLE breathing (
    start_utc INTEGER PRIMARY KEY,
    samples BLOB NOT NULL
) STRICT;
CREATE TABLE correction (
    session_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    utc_s INTEGER NOT NULL,
    end_utc INTEGER,
    made_utc INTEGER NOT NULL,
    PRIMARY KEY (session_id, kind, utc_s)
) STRICT, WITHOUT ROWID;
"""

_INTENT = """
ALTER TABLE session ADD COLUMN intent TEXT;
ALTER TABLE epoch ADD COLUMN p_trying REAL;
ALTER TABLE epoch ADD COLUMN p_asleep REAL;
ALTER TABLE epoch ADD COLUMN p_trying_ago REAL;
ALTER TABLE epoch ADD COLUMN p_asleep_ago REAL;
ALTER TABLE epoch ADD COLUMN not_you TEXT;
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _HABITS, _ALARMS, _RESTAGED, _KEPT, _INTENT)

# Each table has exactly one writing process; the store makes SQLite itself refuse the other.
SUPERVISOR_TABLES = frozenset(
    {
        *("session", "epoch", "breathing", "restaged", "restaged_epoch", "environment"),
        *("alarm_fact", "ring", "event", "handled", "habits"),
    }
)
WEB_TABLES = frozenset({"setting", "request", "correction"})
