"""What is wired, what answers, what is wrong and what to do about it: one line for each part.

And, live, whether the box stands where it sees a breath well: told by the running service, or by the radar itself.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from appliance.bedside import Bedside
from appliance.box import database, sense_with, status_file
from appliance.clock import WallClock
from appliance.config import Config
from appliance.loading import load_policy, load_stager
from appliance.morning import Morning
from appliance.night import Night
from appliance.placement import Advice, Placement, line, lines
from appliance.senses import LiveSenses
from appliance.settings import Settings
from appliance.status import STALE_S, Status, read_status, status_age_s
from appliance.store import Role, Store, StoreError
from appliance.wiring import bus_of, pins_of, port_of
from drivers.environment import Environment
from drivers.outputs import open_pins
from drivers.probing import find
from drivers.radar import Radar
from drivers.readings import DriverError

LEAST_FREE_MB = 200
LOOK_S = 0.25
JOIN_S = 5.0


class Verdict(NamedTuple):
    """One part of the box; ``is_well`` None means that it could not be tried now."""

    part: str
    is_well: bool | None
    said: str


def examine(config: Config) -> Iterator[Verdict]:
    """Try every part in turn; a part that answers slowly takes up to half a minute."""
    running = _running(config)
    for part, look in (
        ("model", _model),
        ("nights", _nights),
        ("radar", _radar if running is None else None),
        ("room", _room),
        ("pins", _pins if running is None else None),
    ):
        if look is None:
            assert running is not None
            yield running if part == "radar" else Verdict(part, None, "held by the service; stop it to try them here")
            continue
        try:
            yield Verdict(part, True, look(config))
        except (DriverError, StoreError, OSError) as error:
            yield Verdict(part, False, str(error))


def show_placement(config: Config, stop: threading.Event, seconds: float | None, say: Callable[[str], None]) -> None:
    """What ``watch`` tells, as text: on a terminal bars that are drawn again in place, into a pipe a line a second."""
    advice, drawn = None, 0
    logging.disable(logging.WARNING)  # what is wrong with the radar stands in the sentence
    try:
        for advice in watch(config, stop, seconds):
            if not sys.stdout.isatty():
                say(line(advice))
                continue
            columns = shutil.get_terminal_size().columns
            text = [part for row in lines(advice) for part in textwrap.wrap(row, columns, drop_whitespace=False)]
            say((f"\x1b[{drawn}A\x1b[J" if drawn else "") + "\n".join(text))
            drawn = len(text)
    finally:
        logging.disable(logging.NOTSET)
    say("Nothing was told." if advice is None else f"Last: {line(advice)}")


def watch(config: Config, stop: threading.Event, seconds: float | None = None) -> Iterator[Advice]:
    """About once a second, what to do next for a better place, until ``stop`` or for so many seconds."""
    end_s = None if seconds is None else time.monotonic() + seconds
    placement = Placement()
    told_s = -1.0
    source = _service(config) if _fresh(config) is not None else _own_radar(config)
    with source as look:
        while not stop.is_set() and (end_s is None or time.monotonic() < end_s):
            status = look()
            if status is not None and time.monotonic() - told_s >= 1.0:
                told_s = time.monotonic()
                yield placement.update(status)
            stop.wait(LOOK_S)


@contextmanager
def _service(config: Config) -> Iterator[Callable[[], Status | None]]:
    """The word of the service, which holds the port."""

    def look() -> Status | None:
        status = _fresh(config)
        if status is None:
            raise DriverError("the service has stopped: run this again, and the radar is listened to from here")
        return status

    yield look


@contextmanager
def _own_radar(config: Config) -> Iterator[Callable[[], Status | None]]:
    """No service runs: the radar is opened here, and the night that it tells of is kept nowhere."""
    clock = WallClock()
    radar = config.radar
    senses = LiveSenses(
        lambda deliver, tee: Radar(
            port_of(config), radar.module, radar.baud, lambda: clock.now().mono_s, deliver, tee, clock.speed
        ),
        make_room=None,
        make_button=None,
        clock=clock,
    )
    night = Night(Settings((), config.bed.side), Bedside(Morning(())), sense_with(None))
    done = threading.Event()
    threads = senses.threads(done)
    for thread in threads:
        thread.start()

    def look() -> Status | None:
        if not all(thread.is_alive() for thread in threads):
            raise DriverError("the radar's thread has ended: this is a mistake of the program, so please report it")
        now = clock.now()
        return night.step(senses.take(now), now).status

    try:
        yield look
    finally:
        done.set()
        for thread in threads:
            thread.join(JOIN_S)


def _fresh(config: Config) -> Status | None:
    """What the service says this second, or None when it is not running."""
    path = status_file(config)
    age_s = status_age_s(path, time.time())
    return read_status(path) if age_s is not None and age_s <= STALE_S else None


def _running(config: Config) -> Verdict | None:
    """What the service says of the radar, when it is running and so holds the port."""
    status = _fresh(config)
    if status is None:
        return None
    if status.standby:
        return Verdict("radar", None, "off, since the box is in standby")
    link = status.radar
    if link.fault is not None or not link.connected:
        return Verdict("radar", False, link.fault or "the service has not heard from it yet")
    return Verdict("radar", True, f"{link.module}, firmware {link.firmware or 'unknown'}, heard by the running service")


def _model(config: Config) -> str:
    stager, complaint = load_stager(config.model.path)
    if stager is None:
        raise DriverError(str(complaint))
    policy, complaint = load_policy(config.model.path, stager)
    if policy is None:
        raise DriverError(str(complaint))
    return f"{stager.name} loads and fits its manifest, and so does {policy.name}, which finds good moments to wake"


def _nights(config: Config) -> str:
    folder = config.paths.state
    if not folder.is_dir():
        raise DriverError(f"there is no folder {folder}: make it, or name another as paths.state")
    if not os.access(folder, os.W_OK):
        raise DriverError(f"{folder} cannot be written by this user: run as the service's user, or mend its rights")
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    if free_mb < LEAST_FREE_MB:
        raise DriverError(f"only {free_mb} MB are free for {folder}: a year of nights takes about {LEAST_FREE_MB} MB")
    path: Path = database(config)
    if not path.exists():
        return f"{folder} can be written, {free_mb} MB free; no night yet"
    with Store(path, Role.WEB) as store:
        return f"{store.nights()} nights in {path}, {free_mb} MB free"


def _radar(config: Config) -> str:
    radar = config.radar
    clock: Callable[[], float] = time.monotonic
    name, module, baud = find(port_of(config), clock, 1.0, threading.Event(), radar.module)
    return f"{module} answers on {name} at {baud} baud"


def _room(config: Config) -> str:
    if not config.environment.enabled:
        return "switched off in the configuration"
    room = Environment(bus_of(config, time.monotonic), time.monotonic)
    reading = room.read()
    if not room.sensors:
        raise DriverError("no sensor answers on the I2C bus: check 3.3 V, ground, SDA and SCL; or set enabled = false")
    told = [f"{reading.temperature_c:.1f} °C"] if reading.temperature_c is not None else []
    told += [f"{reading.humidity_pct:.0f} % humidity"] if reading.humidity_pct is not None else []
    told += [f"{reading.illuminance_lx:.1f} lx"] if reading.illuminance_lx is not None else []
    return f"{', '.join(room.sensors)}: {', '.join(told)}"


def _pins(config: Config) -> str:
    word = pins_of(config)
    open_pins(word).close()
    return "made-up pins, since this is no Raspberry Pi" if word == "mock" else "the GPIO pins can be had"
