"""Bytes over I2C: the few moves that every room sensor needs, over anything shaped like ``smbus2.SMBus``."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import smbus2

from drivers.readings import DriverError


class Bus(Protocol):
    """What is used of ``smbus2.SMBus``: plain messages do everything that these sensors want."""

    def i2c_rdwr(self, *messages: Any) -> None:
        """Runs the messages (``smbus2.i2c_msg``) with repeated starts; OSError when nobody answers."""


def open_bus(number: int) -> Bus:
    """The I2C bus of this computer (1 on a Raspberry Pi).  Raises DriverError with one line."""
    try:
        bus: Bus = smbus2.SMBus(number)
        return bus
    except OSError as error:
        raise DriverError(
            f"cannot open I2C bus {number} ({error.strerror}): switch I2C on with raspi-config and join group i2c"
        ) from error


class Scan(NamedTuple):
    """Who is on a bus: the addresses that answer, and whether a line is held down so that nobody can."""

    answers: tuple[int, ...]
    is_held: bool


def scan(bus: Bus) -> Scan:
    """Ask at every address that a chip may have (08 to 77) for a byte.

    The Pi's driver gives up after a second where a line is held down (ETIMEDOUT); a missing answer is something else.
    """
    answers = []
    for address in range(0x08, 0x78):
        try:
            bus.i2c_rdwr(smbus2.i2c_msg.read(address, 1))
            answers.append(address)
        except OSError as error:
            if error.errno == errno.ETIMEDOUT:
                return Scan(tuple(answers), True)
    return Scan(tuple(answers), False)


class Wire:
    """One bus and the patience between a question and its answer."""

    def __init__(self, bus: Bus, sleep: Callable[[float], None]) -> None:
        self._bus = bus
        self.sleep = sleep

    def write(self, address: int, data: bytes) -> None:
        """Sends ``data``; OSError when nobody acknowledges."""
        self._bus.i2c_rdwr(smbus2.i2c_msg.write(address, data))

    def read(self, address: int, n: int) -> bytes:
        """Takes ``n`` bytes."""
        answer = smbus2.i2c_msg.read(address, n)
        self._bus.i2c_rdwr(answer)
        return bytes(answer)

    def ask(self, address: int, command: bytes, wait_s: float, n: int) -> bytes:
        """Sends a command, gives the chip its time, takes ``n`` bytes.

        Never by clock stretching, which the Pi's own I2C mishandles.
        """
        self.write(address, command)
        self.sleep(wait_s)
        return self.read(address, n)

    def register(self, address: int, register: int, n: int) -> bytes:
        """``n`` bytes from ``register`` on, by a repeated start."""
        answer = smbus2.i2c_msg.read(address, n)
        self._bus.i2c_rdwr(smbus2.i2c_msg.write(address, [register]), answer)
        return bytes(answer)
