"""Every part of the box in turn: what was tried, what was found, the likeliest cause and the next step."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from appliance.box import database
from appliance.clock_trust import ClockSource
from appliance.config import Config
from appliance.doctor.access import check
from appliance.doctor.service import fresh
from appliance.doctor.verdict import PartError, Verdict
from appliance.loading import load_policy, load_stager
from appliance.status import RoomStatus, Status
from appliance.store import Role, Store, StoreError
from appliance.timekeeper import Timekeeper
from appliance.wiring import bus_of, open_channels, pins_of, port_of
from drivers.environment import Environment
from drivers.environment.bus import Scan, scan
from drivers.lamp_channels import SPI_DEVICE
from drivers.outputs import is_held_low, open_pins
from drivers.probing import PI_PORT, find, ports
from drivers.readings import DriverError, EnvironmentReading

LEAST_FREE_MB = 200
LOOKS, LOOK_S = 10, 0.05  # at the button, so that a press of the moment is no fault


class Part(NamedTuple):
    """One part of the box: how it is tried, here or by asking the service that holds it."""

    name: str
    tried: Callable[[Config], str]
    look: Callable[[Config], str]
    ask: Callable[[Status], Verdict] | None = None  # where the running service holds it
    cause: str = ""  # unless ``look`` knows better
    step: str = ""


def examine(config: Config, timekeeper: Callable[[Path], Timekeeper] = Timekeeper) -> Iterator[Verdict]:
    """Try every part in turn; a part that answers slowly takes up to half a minute."""
    status = fresh(config)
    yield _service(status)
    yield _clock(timekeeper(config.paths.state).source)
    for part in PARTS:
        if status is not None and part.ask is not None:
            yield part.ask(status)._replace(tried="asking the running service")
            continue
        told = Verdict(part.name, False, "", part.tried(config), part.cause, part.step)
        try:
            yield told._replace(is_well=True, said=part.look(config))
        except PartError as error:
            yield told._replace(said=error.found, cause=error.cause or part.cause, step=error.step or part.step)
        except (DriverError, StoreError, OSError) as error:
            yield told._replace(said=str(error))


def _service(status: Status | None) -> Verdict:
    tried = "looking at the status file"
    if status is None:
        step = "systemctl status firstlight, if it should be running"
        return Verdict("service", None, "is not running, so everything is tried from here", tried, step=step)
    if status.complaints:
        return Verdict("service", False, "complains: " + "; ".join(status.complaints), tried, step="see below")
    return Verdict("service", True, "is running and has nothing to complain of", tried)


def _clock(source: ClockSource) -> Verdict:
    tried = "systemd-timesyncd's file, the kernel, and a clock module that agrees with the clock"
    if source is ClockSource.NOBODY:
        return Verdict(
            "clock",
            False,
            "nobody has told this machine the time since it started, so alarms may ring late",
            tried,
            "no network, or no time server answers in it",
            "timedatectl timesync-status says what is tried; without a network fit a clock module (RTC)",
        )
    if source is ClockSource.UNKNOWN:
        step = "timedatectl says whether the clock is synchronised"
        return Verdict("clock", None, "whether it is right cannot be told from here", tried, step=step)
    return Verdict(
        "clock", True, f"set by {'the network' if source is ClockSource.NETWORK else 'a clock module'}", tried
    )


# -- each part, tried from here


def _model(config: Config) -> str:
    stager, complaint = load_stager(config.model.path)
    if stager is None:
        raise PartError(str(complaint))
    policy, complaint = load_policy(config.model.path, stager)
    if policy is None:
        raise PartError(str(complaint))
    return f"{stager.name} loads and fits its manifest, and so does {policy.name}, which finds good moments to wake"


def _nights(config: Config) -> str:
    folder = config.paths.state
    if not folder.is_dir():
        raise PartError(
            f"there is no folder {folder}", "the installation is not whole", "make it, or name another as paths.state"
        )
    if not os.access(folder, os.W_OK):
        raise PartError(
            f"{folder} cannot be written by this user",
            "it belongs to the service's user",
            "try as that user: sudo -u firstlight firstlight doctor",
        )
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    if free_mb < LEAST_FREE_MB:
        raise PartError(
            f"only {free_mb} MB are free for {folder}",
            f"a year of nights takes about {LEAST_FREE_MB} MB, and others fill the card",
            "sudo du -xh / --max-depth 2 | sort -h | tail, and remove what is not needed",
        )
    path: Path = database(config)
    if not path.exists():
        return f"{folder} can be written, {free_mb} MB free; no night yet"
    with Store(path, Role.WEB) as store:
        store.nights()
    return f"the record of nights opens and can be read, {free_mb} MB free"


def _radar(config: Config) -> str:
    name = port_of(config)
    known = ports() if name is None else [name]
    check(Path(known[0] if known else PI_PORT), "serial")
    try:
        name, module, baud = find(name, time.monotonic, 1.0, threading.Event(), config.radar.module)
    except DriverError as error:
        if "nothing answers" in str(error):
            raise PartError(
                str(error),
                "TX and RX are swapped (the radar's TX goes to the Pi's RX, pin 10), or the radar has no supply",
                "swap the two wires; then take the radar off, join pins 8 and 10, and run firstlight doctor --jumper",
            ) from error
        raise
    return f"{module} answers on {name} at {baud} baud"


def _room(config: Config) -> str:
    if not config.environment.enabled:
        return "switched off in the configuration"
    if config.environment.bus != "twin":
        check(Path(f"/dev/i2c-{config.environment.bus}"), "i2c")
    bus = bus_of(config, time.monotonic)
    room = Environment(bus, time.monotonic, warmth_c=config.environment.warmth_c)
    reading = room.read()
    if not room.sensors:
        raise nobody(scan(bus))
    return f"{', '.join(room.sensors)}: {', '.join(_climate(reading))}"


def _climate(room: EnvironmentReading | RoomStatus) -> list[str]:
    told = [f"{room.temperature_c:.1f} °C"] if room.temperature_c is not None else []
    told += [f"{room.humidity_pct:.0f} % humidity"] if room.humidity_pct is not None else []
    return told + ([f"{room.illuminance_lx:.1f} lx"] if room.illuminance_lx is not None else [])


def nobody(found: Scan) -> PartError:
    """What it means that no sensor answers, by who else does."""
    if found.is_held:
        return PartError(
            "a line of the I2C bus is held down, so that nobody can answer",
            "SDA or SCL touches ground, or a chip hangs in the middle of an answer",
            "switch the box off and on; if that does not help, take one chip off after the other",
        )
    if found.answers:
        where = ", ".join(f"{address:#04x}" for address in found.answers)
        return PartError(
            f"somebody answers at {where}, but no sensor that is known",
            "the chip is of another kind, or its address pin is wired otherwise",
            "look for the chip's name in the README's list of parts",
        )
    return PartError("nobody answers on the I2C bus")


def _pins(config: Config) -> str:
    word = pins_of(config)
    if word == "lgpio":
        check(Path("/dev/gpiochip0"), "gpio")
    open_pins(word).close()
    return "made-up pins, since this is no Raspberry Pi" if word == "mock" else "the GPIO pins can be had"


def _lamp(config: Config) -> str:
    out = config.outputs
    outputs = ", ".join(map(str, out.lamp))
    match out.lamp_driver:
        case "pins":
            return f"software PWM on GPIO {outputs}; run firstlight doctor --jumper to test the pins"
        case "pca9685":
            if config.environment.bus != "twin":
                check(Path(f"/dev/i2c-{config.environment.bus}"), "i2c")
            try:
                open_channels(config).close()
            except OSError as error:
                raise PartError(
                    f"no PCA9685 answers at {out.lamp_address:#04x} ({error.strerror})",
                    "its VCC has no 3.3 V, SDA and SCL are swapped, or its address is another",
                    f"i2cdetect -y {config.environment.bus} shows who answers; outputs.lamp_address names it",
                ) from error
            return f"a PCA9685 answers at {out.lamp_address:#04x}; its outputs {outputs} were put out"
        case "strip":
            check(Path(SPI_DEVICE), "spi")
            open_channels(config).close()
            return (
                f"{out.lamp_leds} LEDs on {SPI_DEVICE} were put out; a strip does not answer: look whether it is dark"
            )
    open_channels(config).close()
    return f"hardware PWM on GPIO {outputs} was put out"


def _button(config: Config) -> str:
    factory = open_pins(pins_of(config))
    try:
        for _ in range(LOOKS):
            if not is_held_low(config.outputs.button, factory):
                return f"up, on GPIO {config.outputs.button}"
            time.sleep(LOOK_S)
    finally:
        factory.close()
    raise PartError(
        f"GPIO {config.outputs.button} is held low all the time",
        "the button is turned by a quarter, so that both wires end on the same contact, or it is a normally closed one",
        "turn it, or take one of its wires off: this line must then say up",
    )


# -- each part that the service holds, as it says


def _ask_radar(status: Status) -> Verdict:
    if status.standby:
        return Verdict("radar", None, "off, since the box is in standby")
    link = status.radar
    if link.fault is not None or not link.connected:
        step = "stop the service (sudo systemctl stop firstlight) and run this again: it then tries the port from here"
        return Verdict("radar", False, link.fault or "the service has not heard from it yet", step=step)
    return Verdict("radar", True, f"{link.module}, firmware {link.firmware or 'unknown'}, heard by the running service")


def _ask_room(status: Status) -> Verdict:
    room = status.room
    told = _climate(room)
    told += [f"{room.co2_ppm:.0f} ppm CO2"] if room.co2_ppm is not None else []
    if not told:
        return Verdict("room", None, "the service hears of no sensor; stop it to try them from here")
    return Verdict("room", True, f"told by the running service: {', '.join(told)}")


def _ask_lamp(status: Status) -> Verdict:
    found = [line for line in status.complaints if "lamp" in line]
    if found:
        return Verdict("lamp", False, found[0], step="stop the service and run this again: it then tries it from here")
    return Verdict("lamp", True, "the service has nothing to complain of")


def _held(part: str) -> Callable[[Status], Verdict]:
    return lambda status: Verdict(part, None, "held by the service; stop it to try them here")


PARTS = (
    Part(
        "model",
        lambda config: "loading the models and their manifests",
        _model,
        cause="a file of the installation is missing or damaged",
        step="install again",
    ),
    Part(
        "nights",
        lambda config: f"opening the record in {config.paths.state}",
        _nights,
        cause="the database is damaged, or written by a newer version",
        step="restart the service: it puts a damaged record aside and begins a new one",
    ),
    Part(
        "radar",
        lambda config: f"listening and asking on {port_of(config) or ', '.join(ports()) or 'every serial port'}",
        _radar,
        _ask_radar,
        cause="a loose wire or ground, another program on the port, or another kind of module",
        step="check 5 V or 3.3 V, ground, TX and RX against the module's own drawing",
    ),
    Part(
        "room",
        lambda config: f"asking at every known address of I2C bus {config.environment.bus}",
        _room,
        _ask_room,
        cause="a sensor has no 3.3 V or ground, or SDA (pin 3) and SCL (pin 5) are swapped",
        step="check the four wires; without sensors write enabled = false into [environment]",
    ),
    Part(
        "pins",
        lambda config: "opening the GPIO pins",
        _pins,
        _held("pins"),
        cause="python3-lgpio is missing, or another program holds the pins",
        step="sudo apt install python3-lgpio",
    ),
    Part(
        "lamp",
        lambda config: f"opening outputs.lamp_driver {config.outputs.lamp_driver}",
        _lamp,
        _ask_lamp,
        cause="the driver's bus or overlay is not switched on, or its wires are loose",
        step="do what the line above says",
    ),
    Part("button", lambda config: f"looking at GPIO {config.outputs.button}", _button, _held("button")),
)
