"""What is wired, what answers, what is wrong and what to do about it: one line for each part."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from appliance.box import bus_of, database, load_stager, pins_of, port_of, status_file
from appliance.config import Config
from appliance.status import STALE_S, read_status, status_age_s
from appliance.store import Role, Store, StoreError
from drivers.environment import Environment
from drivers.outputs import open_pins
from drivers.probing import find
from drivers.readings import DriverError

LEAST_FREE_MB = 200


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


def _running(config: Config) -> Verdict | None:
    """What the service says of the radar, when it is running and so holds the port."""
    path = status_file(config)
    age_s = status_age_s(path, time.time())
    status = read_status(path) if age_s is not None and age_s <= STALE_S else None
    if status is None:
        return None
    link = status.radar
    if link.fault is not None or not link.connected:
        return Verdict("radar", False, link.fault or "the service has not heard from it yet")
    return Verdict("radar", True, f"{link.module}, firmware {link.firmware or 'unknown'}, heard by the running service")


def _model(config: Config) -> str:
    stager, complaint = load_stager(config.model.path)
    if stager is None:
        raise DriverError(str(complaint))
    return f"{stager.name} loads and fits its manifest"


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
