"""What goes wrong around the box in a rehearsal: a seeded menu, each item done to files, bytes, clock and process."""

from __future__ import annotations

import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from appliance.ledger import Ledger
from appliance.records import Record
from appliance.store import Role, Store

DATABASE = "firstlight.db"
FOREVER_S = 1e9
MOST_KILLS = 3
DAWN_S = 1800.0
MOST_BEHIND_S = 6 * 3600.0  # a clock after a power cut: it never reaches yesterday's alarm
LOCKED_SHARE = 0.5  # of a hammered page's time in which it holds the database
CHANGE, MOVE_ZONE, HAMMER = "alarm changed", "alarms moved to another zone", "page hammered"  # done on the page
ZONES = ("Pacific/Kiritimati", "America/Los_Angeles", "Asia/Kathmandu")  # of the host: far from any alarm's


class Fault(NamedTuple):
    """One thing that goes wrong: from ``at_s`` (true seconds since the evening) for ``seconds``; ``size`` is 0 to 1."""

    at_s: float
    what: str
    seconds: float
    size: float


@dataclass
class Conditions:
    """How things stand around the process; faults change it, and what stands in for the world reads it."""

    folder: Path  # of the database and the alarm's copy
    rng: np.random.Generator
    t_s: float = 0.0  # true seconds since the evening
    clock_error_s: float = 0.0  # the box's clock less the true one
    is_plugged: bool = True  # the radar
    is_silent: bool = False
    is_garbled: bool = False
    is_frozen: bool = False
    has_room: bool = True
    bus_fails: bool = False  # its sensors do not answer
    bus_hangs: bool = False  # a reading never comes back
    has_model: bool = True
    disk_is_full: bool = False
    disk_stalls: bool = False
    was_corrupted: bool = False  # the database, at some time
    has_bug: bool = False
    button_chatters: bool = False
    is_hammered: bool = False  # the page
    host_zone: str | None = field(default_factory=lambda: os.environ.get("TZ"))
    wishes: deque[str] = field(default_factory=deque)  # what is to be done on the page
    kill_for_s: float | None = None  # the process is to be killed, and to be started again so much later
    doubt_s: float = field(default=-FOREVER_S)  # until when the alarm's facts may not have been where they are kept

    def go_home(self) -> None:
        """The host's zone as it was."""
        os.environ.pop("TZ", None)
        if self.host_zone is not None:
            os.environ["TZ"] = self.host_zone
        time.tzset()

    def open_store(self, path: Path, role: Role) -> Store:
        """The database on a disk that may be full."""
        return _Store(path, role, self)

    def open_ledger(self) -> Ledger:
        """The supervisor's side of it."""
        return Ledger(self.folder / DATABASE, self.open_store)

    def garble(self, data: bytes) -> bytes:
        """What a bad wire makes of a message: a flipped bit, a lost part, noise before it, or the message itself."""
        at = int(self.rng.integers(len(data)))
        match int(self.rng.integers(4)):
            case 0:
                return data[:at] + bytes([data[at] ^ 1 << int(self.rng.integers(8))]) + data[at + 1 :]
            case 1:
                return data[:at]
            case 2:
                return self.rng.bytes(int(self.rng.integers(1, 40))) + data
        return data


class _Store(Store):
    """A store whose disk has no room now and then, or whose other side keeps it."""

    def __init__(self, path: Path, role: Role, conditions: Conditions) -> None:
        super().__init__(path, role)
        self._conditions = conditions

    def write(self, records: Sequence[Record]) -> None:
        if self._conditions.disk_is_full:
            raise sqlite3.OperationalError("database or disk is full")
        if self._conditions.is_hammered and self._conditions.rng.random() < LOCKED_SHARE:
            raise sqlite3.OperationalError("database is locked")  # as it says after five seconds of waiting
        super().write(records)


# Each fault is a generator: what it does up to ``yield`` begins it, and what follows ends it.
_Deed = Callable[[Conditions, Fault], Iterator[None]]


def _switch(name: str, there: bool) -> _Deed:
    def deed(world: Conditions, fault: Fault) -> Iterator[None]:
        setattr(world, name, there)
        yield
        setattr(world, name, not there)

    return deed


def _disk_stalls(world: Conditions, fault: Fault) -> Iterator[None]:
    world.disk_stalls = True
    yield
    world.disk_stalls = False
    world.doubt_s = world.t_s + 2.0


def _disk_full(world: Conditions, fault: Fault) -> Iterator[None]:
    world.disk_is_full = True
    # The copy is gathered in a file of this name; a folder there makes the real write fail as a full disk does.
    blocks = [world.folder / f"{name}.new" for name in ("alarm.json", "alarm.previous.json")]
    for block in blocks:
        block.mkdir(exist_ok=True)
    yield
    world.disk_is_full = False
    world.doubt_s = world.t_s + 2.0
    for block in blocks:
        block.rmdir()


def _database_corrupt(world: Conditions, fault: Fault) -> Iterator[None]:
    path = world.folder / DATABASE
    if path.exists():
        data = bytearray(path.read_bytes())
        start = int(fault.size * len(data) / 2) if fault.size > 0.3 else 0  # the header, or pages further on
        data[start : start + 4096] = world.rng.bytes(len(data[start : start + 4096]))
        path.write_bytes(bytes(data))
        world.was_corrupted = True
    yield


def _database_deleted(world: Conditions, fault: Fault) -> Iterator[None]:
    for ending in ("", "-wal", "-shm"):
        (world.folder / (DATABASE + ending)).unlink(missing_ok=True)
    yield


def _copy_damaged(world: Conditions, fault: Fault) -> Iterator[None]:
    """One file of two: the other holds the same."""
    path = world.folder / str(world.rng.choice(["alarm.json", "alarm.previous.json"]))
    data = path.read_bytes()
    path.write_bytes(data[: int(fault.size * len(data))])
    yield


def _killed(world: Conditions, fault: Fault) -> Iterator[None]:
    world.kill_for_s = 1.0 + fault.seconds
    yield


def _power_cut(world: Conditions, fault: Fault) -> Iterator[None]:
    """No clock on battery: it goes on where it was last written down, now or hours ago, until the network tells it."""
    down_s = 20.0 + 0.7 * fault.seconds
    behind_s = down_s + MOST_BEHIND_S * max(0.0, 2.0 * fault.size - 1.0)
    world.kill_for_s = down_s
    world.clock_error_s -= behind_s
    yield
    world.clock_error_s += behind_s


def _host_zone(world: Conditions, fault: Fault) -> Iterator[None]:
    """The computer is told that it lives elsewhere."""
    os.environ["TZ"] = ZONES[int(fault.size * len(ZONES)) % len(ZONES)]
    time.tzset()
    yield
    world.go_home()


def _wish(what: str) -> _Deed:
    def deed(world: Conditions, fault: Fault) -> Iterator[None]:
        world.wishes.append(what)
        yield

    return deed


def _hammered(world: Conditions, fault: Fault) -> Iterator[None]:
    world.is_hammered = True
    world.wishes.append(HAMMER)
    yield
    world.is_hammered = False
    world.doubt_s = max(world.doubt_s, world.t_s + 2.0)


def _clock_step(sign: float) -> _Deed:
    def deed(world: Conditions, fault: Fault) -> Iterator[None]:
        step_s = sign * (20.0 + 1780.0 * fault.size)
        world.clock_error_s += step_s
        yield
        world.clock_error_s -= step_s

    return deed


class _Item(NamedTuple):
    deed: _Deed
    least_s: float
    most_s: float
    all_night: bool = False


MENU: dict[str, _Item] = {
    "radar unplugged": _Item(_switch("is_plugged", False), 60.0, 3 * 3600.0),
    "radar silent": _Item(_switch("is_silent", True), 60.0, 3 * 3600.0),
    "radar garbled": _Item(_switch("is_garbled", True), 10.0, 3600.0),
    "radar frozen": _Item(_switch("is_frozen", True), 60.0, 3600.0),
    "no radar": _Item(_switch("is_plugged", False), FOREVER_S, FOREVER_S, all_night=True),
    "no room sensors": _Item(_switch("has_room", False), FOREVER_S, FOREVER_S, all_night=True),
    "bus fails": _Item(_switch("bus_fails", True), 60.0, 3 * 3600.0),
    "bus hangs": _Item(_switch("bus_hangs", True), 60.0, 3 * 3600.0),
    "no model": _Item(_switch("has_model", False), FOREVER_S, FOREVER_S, all_night=True),
    "killed": _Item(_killed, 0.1, 10.0),
    "power cut": _Item(_power_cut, 10.0, 1500.0),
    "database corrupt": _Item(_database_corrupt, 1.0, 1.0),
    "database deleted": _Item(_database_deleted, 1.0, 1.0),
    "copy damaged": _Item(_copy_damaged, 1.0, 1.0),
    "disk full": _Item(_disk_full, 10.0, 2 * 3600.0),
    "disk stalls": _Item(_disk_stalls, 10.0, 3600.0),
    "clock forward": _Item(_clock_step(1.0), 60.0, 4 * 3600.0),
    "clock back": _Item(_clock_step(-1.0), 60.0, 4 * 3600.0),
    "bug": _Item(_switch("has_bug", True), 1.0, 60.0),
    "button chatters": _Item(_switch("button_chatters", True), 60.0, 3 * 3600.0),
    "host's zone changed": _Item(_host_zone, 60.0, 3 * 3600.0),
    CHANGE: _Item(_wish(CHANGE), 1.0, 1.0),
    MOVE_ZONE: _Item(_wish(MOVE_ZONE), 1.0, 1.0),
    HAMMER: _Item(_hammered, 5.0, 60.0),
}
_CLOCKS = ("clock forward", "clock back")


def draw_faults(rng: np.random.Generator, due_s: float) -> list[Fault]:
    """Several for one night, half of them around the alarm, which is due at ``due_s``; at most one steps the clock."""
    names = [str(name) for name in rng.choice(list(MENU), int(rng.integers(2, 7)), replace=False)]
    if all(clock in names for clock in _CLOCKS):
        names.remove(_CLOCKS[int(rng.integers(2))])
    names += ["killed"] * int(rng.integers(0, MOST_KILLS))
    return sorted(_draw(rng, name, due_s) for name in names)


def _draw(rng: np.random.Generator, name: str, due_s: float) -> Fault:
    item = MENU[name]
    windows = ((0.0, due_s), (due_s - DAWN_S, due_s), (due_s - 15.0, due_s + 15.0), (due_s, due_s + 600.0))
    low, high = windows[int(rng.choice(4, p=(0.5, 0.15, 0.15, 0.2)))]
    at_s = 0.0 if item.all_night else float(rng.uniform(max(low, 0.0), high))
    seconds = float(np.exp(rng.uniform(np.log(item.least_s), np.log(item.most_s))))
    return Fault(at_s, name, seconds, float(rng.random()))


class Mishaps:
    """Begins and ends a night's faults as its time passes."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._coming = sorted(faults)
        self._lasting: list[tuple[float, Iterator[None]]] = []

    def next_s(self) -> float:
        """When something begins or ends."""
        return min([fault.at_s for fault in self._coming[:1]] + [end for end, _ in self._lasting], default=FOREVER_S)

    def happen(self, world: Conditions) -> bool:
        """What is due by ``world.t_s``; True if there was anything."""
        ended = [pair for pair in self._lasting if pair[0] <= world.t_s]
        for pair in ended:
            self._lasting.remove(pair)
            next(pair[1], None)
        begun = 0
        while self._coming and self._coming[0].at_s <= world.t_s:
            fault = self._coming.pop(0)
            deed = MENU[fault.what].deed(world, fault)
            next(deed)
            self._lasting.append((fault.at_s + fault.seconds, deed))
            begun += 1
        if world.disk_is_full or world.disk_stalls:
            world.doubt_s = max(world.doubt_s, world.t_s)
        return bool(ended or begun)
