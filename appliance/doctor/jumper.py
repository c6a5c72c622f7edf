"""A self-test with one jumper wire: from a pin that the box drives to the button's, or from the port's TX to its RX.

It finds out by itself where the wire is.  Nothing else may be on the pins that it joins.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import gpiozero

from appliance.config import Config
from appliance.doctor.verdict import Verdict
from appliance.wiring import pins_of, port_of
from drivers.outputs import open_pins
from drivers.probing import open_port, ports
from drivers.readings import DriverError

TURNS = 4  # low and high: that a pin follows by chance every time is one in 2^8
SETTLE_S = 0.01
BAUD, ANSWER_S = 115_200, 1.0
PATTERN = bytes(range(256))  # every byte, and so every bit pattern that a frame can hold


def driven(config: Config) -> dict[int, str]:
    """The GPIO pins that the box drives itself, and what is on each."""
    out = config.outputs
    pins = {pin: f"lamp, channel {n}" for n, pin in enumerate(out.lamp, 1)} if out.lamp_driver == "pins" else {}
    return pins | {out.buzzer: "buzzer", out.indicator: "indicator"} | dict.fromkeys(out.radar_power, "radar's supply")


def try_wire(config: Config, settle: Callable[[float], None] = time.sleep) -> Iterator[Verdict]:
    """Everything that the wire may join, and whether it does; ``is_well`` None means that it does not."""
    yield _port(config)
    try:
        factory = open_pins(pins_of(config))
    except DriverError as error:
        yield Verdict("pins", False, str(error))
        return
    try:
        for pin, what in driven(config).items():
            yield _pin(pin, what, config.outputs.button, factory, settle)
    finally:
        factory.close()


def _pin(pin: int, what: str, button: int, factory: Any, settle: Callable[[float], None]) -> Verdict:
    part, tried = f"GPIO {pin} ({what})", f"driving it low and high, and looking at GPIO {button} (button)"
    try:
        with (
            gpiozero.DigitalInputDevice(button, pull_up=True, pin_factory=factory) as ear,
            gpiozero.DigitalOutputDevice(pin, pin_factory=factory) as mouth,
        ):
            heard = []
            for turn in range(2 * TURNS):
                mouth.value = turn % 2
                settle(SETTLE_S)
                heard.append(bool(ear.pin.state))
            mouth.off()
    except Exception as error:  # gpiozero's and lgpio's own ways, which have no common parent
        return Verdict(part, False, str(error), tried, "another program holds it", "sudo systemctl stop firstlight")
    if heard == [bool(turn % 2) for turn in range(2 * TURNS)]:
        return Verdict(part, True, f"reaches GPIO {button} (button)", tried)
    if not any(heard):
        cause = "the button is pressed, or its pin is wired to ground"
        return Verdict(part, False, f"GPIO {button} (button) stays low", tried, cause, "take the button's wires off")
    return Verdict(part, None, f"is not joined to GPIO {button} (button)", tried)


def _port(config: Config) -> Verdict:
    name = port_of(config) or next(iter(ports()), None)
    if name is None:
        return Verdict("serial port", None, "there is none to test")
    part, tried = f"{name} TX", f"sending every byte once at {BAUD} baud and reading what comes back"
    try:
        with open_port(name, BAUD) as port:
            port.reset_input_buffer()
            port.write(PATTERN)
            heard, until_s = b"", time.monotonic() + ANSWER_S
            while len(heard) < len(PATTERN) and time.monotonic() < until_s:
                heard += port.read(len(PATTERN) - len(heard))
    except (DriverError, OSError) as error:
        return Verdict(part, False, str(error), tried, "another program holds it", "sudo systemctl stop firstlight")
    if heard == PATTERN:
        return Verdict(part, True, f"reaches its RX, {len(PATTERN)} bytes unchanged", tried)
    if not heard:
        return Verdict(part, None, "is not joined to its RX (pins 8 and 10 of the Pi): nothing came back", tried)
    return Verdict(
        part,
        False,
        f"{len(heard)} bytes came back, and not the {len(PATTERN)} that were sent",
        tried,
        "the radar or a console still talks on this port, or the wire is loose",
        "take the radar off, sudo raspi-config nonint do_serial_cons 1, and start the Pi again",
    )
