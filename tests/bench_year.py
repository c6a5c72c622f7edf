"""A year of made-up nights in the real store: ``python tests/bench_year.py [NIGHTS]`` (365).

Every night has 960 epochs with features and raw breathing that no packing makes smaller, the room each minute, a second
staging and an alarm that rang; raw breathing is let go of as the box does it.  Printed: the file's size, each table's
share where SQLite can tell, and how long the questions of the page take on it.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from appliance.disk import BREATHING_BYTES
from appliance.records import (
    AlarmFactRecord,
    BreathingRecord,
    EnvironmentRecord,
    EpochRecord,
    EventRecord,
    HabitsRecord,
    Record,
    RestagedEpochRecord,
    RestagedRecord,
    RingRecord,
    SessionRecord,
)
from appliance.settings import BREATHING_NIGHTS
from appliance.sleep import Hypnogram, SleepStatistics
from appliance.store import Role, Store
from appliance.terminal import Bar
from models.contract import STAGES, StageEstimate
from models.features import FEATURE_NAMES, pack

EPOCHS = 960
BEGAN_UTC = 1_767_650_400  # 2026-01-05 22:00
LIVE, MORNING = "firstlight-tcn", "firstlight-morning"
ESTIMATES = [StageEstimate(k, 30.0 * k, STAGES[1], (0.1, 0.7, 0.1, 0.1), 1.0) for k in range(EPOCHS)]
STATISTICS = SleepStatistics.of(Hypnogram.of(ESTIMATES, 0.0, 30.0 * EPOCHS)).as_dict()


def night(number: int, dice: np.random.Generator) -> list[Record]:
    """One night's records."""
    began = BEGAN_UTC + 86_400 * number
    got_up = began + 30 * EPOCHS
    records: list[Record] = [
        SessionRecord(began, began, None, began + 900, got_up - 300, got_up, STATISTICS, LIVE),
        RestagedRecord(began, MORNING, got_up + 60, began + 900, got_up - 300, STATISTICS),
        AlarmFactRecord(got_up - 600, {"due_utc": got_up - 600, "rang_utc": got_up - 600, "ended_utc": got_up - 580}),
        RingRecord(got_up - 600, 1, got_up - 600, "set time", 30, "light", 0.7, True),
        HabitsRecord({"bins": dice.random(60).tolist()}),
    ]
    records += [EventRecord(got_up - 600 + k, "alarm", "Alarm ringing: set time") for k in range(4)]
    for k in range(EPOCHS):
        start = began + 30 * k
        p = dice.dirichlet(np.ones(4))
        word = STAGES[int(p.argmax())].word
        records.append(
            EpochRecord(
                *(start, began, word, *(float(x) for x in p), 1.0, 14.0 + dice.random(), dice.random(), True, LIVE),
                features=pack(dice.random(len(FEATURE_NAMES))),
                distance_m=0.6 + 0.1 * dice.random(),
            )
        )
        records.append(BreathingRecord(start, dice.bytes(630)))
        records.append(RestagedEpochRecord(start, MORNING, word, *(float(x) for x in dice.dirichlet(np.ones(4)))))
        if k % 2 == 0:
            records.append(EnvironmentRecord(start, *(20.0 + dice.random(4)), 1013.0 + dice.random()))
    return records


def main() -> None:
    """The year."""
    nights = int(sys.argv[1]) if len(sys.argv) > 1 else 365
    dice = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "firstlight.db"
        with Store(path, Role.SUPERVISOR) as store, Bar(nights, "nights", not sys.stderr.isatty()) as bar:
            for number in range(nights):
                store.write(night(number, dice))
                store.let_go(BREATHING_NIGHTS, BREATHING_BYTES)
                bar.update(number + 1)
        print(f"{nights} nights: {path.stat().st_size / 1e6:.1f} MB")
        _shares(path)
        with Store(path, Role.GUEST) as store:
            for words, ask in (
                ("the latest 30 nights", lambda: store.sessions(30)),
                ("a night's epochs", lambda: store.epochs(store.sessions(1)[0])),
                ("a night's breathing", lambda: store.breathing(store.sessions(1)[0])),
            ):
                began = time.perf_counter()
                ask()
                print(f"{words}: {1e3 * (time.perf_counter() - began):.0f} ms")


def _shares(path: Path) -> None:
    db = sqlite3.connect(path)
    try:
        rows = db.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC").fetchall()
    except sqlite3.OperationalError:
        print("this SQLite has no dbstat to tell tables apart")
        return
    finally:
        db.close()
    print(", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in rows if size > 1e5))


if __name__ == "__main__":
    main()
