"""A simulated night through the real supervisor and its disk, and the page's hand in it, so that writes can be seen.

    python tests/recorded_night.py FOLDER NOTES HOURS SEED [--careless]

The state folder FOLDER is used as the box uses it.  NOTES tells in JSON lines what the box has promised by then: which
epochs the core has handed to the disk, which settings the page has saved, and when the disk's round was over.  There
is no thread here: the disk's rounds are run between turns, so that the notes stand in order.  ``--careless`` switches
SQLite's syncing off, which must be noticed by whoever looks at the disk.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance import database
from appliance.alarm_copy import AlarmCopy
from appliance.alarm_setting import AlarmSetting
from appliance.box import load_restager, load_stager, remembered, sense_with
from appliance.clock import CaptureClock, Instant
from appliance.config import Config, load_or_last_good
from appliance.disk import Disk
from appliance.ledger import Ledger
from appliance.night import Night, Outcome
from appliance.records import EpochRecord, Record, SessionRecord
from appliance.replay import CaptureSenses, NoEffectors
from appliance.restaging import restage
from appliance.scenario import load_scenario, simulate_scenario, wire_of
from appliance.settings import ALARMS
from appliance.store import Role, Store
from appliance.supervisor import Supervisor
from drivers.capture import CaptureHeader, Channel
from drivers.capture import Record as Recorded
from drivers.readings import Module

DATABASE = "firstlight.db"
TURN_S = 1.0  # as in a replay
AFTER_MIN = 40.0  # of an empty bed at the end: a stay is over after 30
ROOM_S = 20.0
PAGE_S = 900.0  # between two visits of somebody to the page, on average
STAY = """
[night]
hours = {hours}
started_utc = "2026-11-23T22:10:00Z"
[[person]]
name = "Ada"
[[person.does]]
at = 2
what = "enter"
[[person.does]]
at = 9
what = "try_to_sleep"
[[person.does]]
at = {leaves}
what = "leave"
"""


class Spoken:
    """The module's bytes and the room's readings, as a capture would hold them."""

    def __init__(self, scenario: Path, seed: int) -> None:
        words = load_scenario(scenario)
        self.header: CaptureHeader
        self.header, self._spoken = wire_of(words, simulate_scenario(words, seed), Module.TINYFRAME, seed)

    def __iter__(self) -> Iterator[Recorded]:
        looked_s = 0.0
        for t_s, data in self._spoken:
            if t_s >= looked_s:
                room = {"t_s": t_s, "temperature_c": 18.5, "humidity_pct": 52.0 + looked_s % 7, "illuminance_lx": 0.2}
                yield Recorded(t_s, Channel.ENVIRONMENT, json.dumps(room).encode())
                looked_s += ROOM_S
            yield Recorded(t_s, Channel.RADAR_RX, data)


class Page:
    """Somebody who changes an alarm now and then, and stops it when it rings; each save is told before and after."""

    def __init__(self, path: Path, notes: int, alarm: AlarmSetting, seed: int) -> None:
        self._path, self._notes = path, notes
        self._alarm = alarm
        self._dice = random.Random(seed)
        self._saves = 0
        self._next_s = 1.0
        self._stop_utc: float | None = None

    def visit(self, now: Instant, phase: str) -> None:
        """One look, in which something may be saved."""
        if phase == "ringing" and self._stop_utc is None:
            self._stop_utc = now.utc_s + 20.0
        if self._stop_utc is not None and now.utc_s >= self._stop_utc > 0.0:
            self._stop_utc = 0.0
            with Store(self._path, Role.WEB) as store:
                store.put_request("stop", int(now.utc_s))
        if now.mono_s < self._next_s or not self._path.exists():
            return
        self._next_s = now.mono_s + self._dice.expovariate(1.0 / PAGE_S)
        self._saves += 1
        self._alarm = replace(self._alarm, snooze_min=1 + self._saves % 15, loudness=1.0 - self._saves % 8 / 10)
        alarms = [self._alarm.as_dict()]
        say(self._notes, saving=alarms)
        with Store(self._path, Role.WEB) as store:
            store.put_settings({ALARMS: alarms, "bed_side": "left"}, int(now.utc_s))
        say(self._notes, saved=alarms)


def say(notes: int, **words: Any) -> None:
    """One line, in one write."""
    os.write(notes, json.dumps(words, sort_keys=True).encode() + b"\n")


def live(folder: Path, notes: int, hours: float, seed: int) -> None:
    """The whole night."""
    scenario = folder.parent / "scenario.toml"
    leaves = hours * 60.0 - AFTER_MIN
    scenario.write_text(STAY.format(hours=hours, leaves=leaves), encoding="utf-8")
    load_or_last_good(folder.parent / "none.toml", folder / "config.last-good.toml")
    spoken = Spoken(scenario, seed)
    began = datetime.fromisoformat(spoken.header.started_utc).replace(tzinfo=UTC)
    due = datetime.fromtimestamp(began.timestamp() + (leaves - 10.0) * 60.0, UTC)
    alarm = AlarmSetting(enabled=True, hour=due.hour, minute=due.minute, timezone="UTC")
    copy, path = AlarmCopy(folder), folder / DATABASE
    stager, _ = load_stager(None)
    restager, _ = load_restager(None)
    assert stager is not None
    assert restager is not None

    def stage_again(session: SessionRecord, epochs: Sequence[EpochRecord]) -> Sequence[Record]:
        return restage(restager, session, epochs, int(clock.now().utc_s))

    def listen(outcome: Outcome, now: Instant) -> None:
        told = [record.start_utc for record in outcome.records if isinstance(record, EpochRecord)]
        if told or outcome.kept is not None:
            say(notes, utc_s=now.utc_s, told=told, kept=outcome.kept)

    settings, bedside = remembered(copy, Config())
    night = Night(settings, bedside, sense_with(stager), stager.name)
    senses, clock = CaptureSenses(spoken), CaptureClock(began.timestamp())
    disk = Disk(Ledger(path), copy, restage=stage_again)
    supervisor = Supervisor(night, senses, NoEffectors(), disk, clock, listen=listen)
    page = Page(path, notes, alarm, seed)
    disk.begin()
    while not senses.ended:
        supervisor.turn(clock.now())
        page.visit(clock.now(), bedside.morning.phase.value)
        disk.serve(clock.mono_s)
        say(notes, served=clock.now().utc_s)
        clock.sleep(TURN_S)


def main() -> None:
    """One night."""
    if len(sys.argv) not in (5, 6):
        raise SystemExit(__doc__)
    if "--careless" in sys.argv:
        carefully = database.Connection.execute

        def carelessly(self: database.Connection, sql: str, parameters: Any = (), /) -> Any:
            return carefully(self, sql.replace("synchronous = FULL", "synchronous = OFF"), parameters)

        database.Connection.execute = carelessly  # type: ignore[method-assign]
    notes = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    live(Path(sys.argv[1]), notes, float(sys.argv[3]), int(sys.argv[4]))


if __name__ == "__main__":
    main()
