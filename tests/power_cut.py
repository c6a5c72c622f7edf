"""The power cut at random moments of a night: is the database whole, is an epoch lost, does the alarm stand?

    python tests/power_cut.py [--cuts 500] [--hours 8.7] [--seed 1] [--whole-sectors] [--careless]

A simulated night (recorded_night.py: 8 h in bed, then an empty one) runs once under strace, which tells each write and
fsync.  At each cut, which follows a random one of these calls, the disk is rebuilt from what was synced and a random
part of what was written since (disk_trace.py), and opened as the box opens it.  Printed: what the night costs the card,
and what the cuts lost.  ``--whole-sectors`` turns the torn sector to garbage, synced bytes beside it included;
``--careless`` switches syncing off in the recorded night and must be found out.  Ends with 1 where something was lost.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import sys
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from disk_trace import Disk, Event, can_trace, figures, record
from recorded_night import AFTER_MIN, DATABASE

from appliance.alarm_copy import AlarmCopy
from appliance.box import remembered
from appliance.config import Config
from appliance.settings import ALARMS
from appliance.store import Role, Store, StoreError
from appliance.terminal import Bar

NIGHT = Path(__file__).with_name("recorded_night.py")


@dataclass
class Promises:
    """What the box has said by the moment of a cut."""

    told: list[int] = field(default_factory=list)  # epochs that the disk's round was over with
    telling: list[int] = field(default_factory=list)  # handed over, the round still running
    kept: list[Any] = field(default_factory=list)  # the alarm's document: the last that was saved, and later ones
    is_kept: bool = False  # whether the first of these was saved
    settings: list[Any] = field(default_factory=list)  # the page's: the last that was saved, and one being saved
    is_saved: bool = False

    def hear(self, note: dict[str, Any]) -> None:
        """One note more."""
        if "saving" in note:
            self.settings.append(note["saving"])
        elif "saved" in note:
            self.settings, self.is_saved = [note["saved"]], True
        elif "served" in note:
            self.told += self.telling
            self.telling = []
            if self.kept:
                self.kept, self.is_kept = self.kept[-1:], True
        else:
            self.telling += note["told"]
            self.kept += [] if note["kept"] is None else [note["kept"]]


def recorded(folder: Path, hours: float, seed: int, careless: bool = False) -> list[Event]:
    """The night, call by call."""
    state, notes = folder / "state", folder / "notes"
    state.mkdir()
    command = [sys.executable, str(NIGHT), str(state), str(notes), str(hours), str(seed)]
    return record([*command, *(["--careless"] if careless else [])], folder / "trace", state, notes)


def cut_up(
    done: list[Event], cuts: int, seed: int, whole_sectors: bool, bar: Bar | None = None
) -> tuple[Counter[str], int]:
    """What was lost, as words and how often; and how many epochs at most."""
    dice = random.Random(seed)
    calls = [k for k, event in enumerate(done) if event.what != "note"]
    moments = sorted(dice.choice(calls) for _ in range(cuts))
    disk, promises, lost, most = Disk(), Promises(), Counter[str](), 0
    at = 0
    for number, moment in enumerate(moments):
        while at <= moment:
            if done[at].what == "note":
                promises.hear(json.loads(done[at].data))
            else:
                disk.do(done[at])
            at += 1
        with tempfile.TemporaryDirectory(prefix="firstlight-cut-") as name:
            for file, content in disk.after_cut(dice, whole_sectors).items():
                (Path(name) / file).write_bytes(content)
            try:
                words, epochs = judge(Path(name), promises)
            except (sqlite3.Error, StoreError) as error:  # found while it was used, after it had opened
                words, epochs = [f"the database cannot be used: {error}"], len(promises.told)
        lost.update(words)
        most = max(most, epochs)
        if bar is not None:
            bar.update(number + 1)
    return lost, most


def judge(folder: Path, promises: Promises) -> tuple[list[str], int]:
    """What does not hold of the box that starts on this disk, and how many finished epochs it lacks."""
    path, lost = folder / DATABASE, list[str]()
    with Store(path, Role.SUPERVISOR) as store:
        if store.complaint is not None:
            lost.append("the database does not open")
        found = store.settings().get(ALARMS)
        if found not in promises.settings and (promises.is_saved or found is not None):
            lost.append("the page's settings are not those that were saved")
    with closing(sqlite3.connect(path)) as db:
        if db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            lost.append("integrity_check is not ok")
        there = {start for (start,) in db.execute("SELECT start_utc FROM epoch")}
    missing = len(set(promises.told) - there)
    if missing:
        lost.append("a finished epoch is lost")
    document = AlarmCopy(folder).load()
    if document not in promises.kept and (promises.is_kept or document is not None):
        lost.append("the alarm's copy is not one that was kept")
    settings, _ = remembered(AlarmCopy(folder), Config())
    if document is not None and [alarm.as_dict() for alarm in settings.alarms] != document["alarms"]:
        lost.append("the alarms are not those of their copy")
    return lost, missing


def main() -> int:
    """The night, then the cuts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=500)
    parser.add_argument("--hours", type=float, default=8.0 + AFTER_MIN / 60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--whole-sectors", action="store_true")
    parser.add_argument("--careless", action="store_true")
    chosen = parser.parse_args()
    if not can_trace():
        print("strace is not there or may not watch processes here: apt install strace", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="firstlight-power-") as name:
        done = recorded(Path(name), chosen.hours, chosen.seed, chosen.careless)
    cost = figures(done)
    print(f"{chosen.hours:.2f} h, {sum(event.what != 'note' for event in done)} calls")
    for what, counted, unit in (
        ("written in calls", cost.written, 1e6),
        ("in blocks of 4 KiB", cost.blocks, 1e6),
        ("fsync and fdatasync", cost.syncs, 1),
    ):
        parts = ", ".join(f"{file} {count / unit:.4g}" for file, count in counted.most_common())
        print(f"{what}: {sum(counted.values()) / unit:.4g}{' MB' if unit > 1 else ''} ({parts})")
    with Bar(chosen.cuts, "cutting", not sys.stderr.isatty()) as bar:
        lost, most = cut_up(done, chosen.cuts, chosen.seed, chosen.whole_sectors, bar)
    for words, count in sorted(lost.items()):
        print(f"{words}: {count} of {chosen.cuts} cuts")
    print(f"{chosen.cuts} cuts: {'nothing lost' if not lost else f'at most {most} finished epochs lost'}")
    return bool(lost)


if __name__ == "__main__":
    sys.exit(main())
