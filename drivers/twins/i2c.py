"""I2C room sensors behind an object shaped like ``smbus2.SMBus``: what the drivers meet without any hardware.

Each chip keeps to its datasheet's commands, check bytes and waits; reading too early is not acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from drivers.twins.air_chips import Aht, Bme68, Bmx, Scd, Sht
from drivers.twins.light_chips import Bh, Ltr, Tsl, Veml
from drivers.twins.room import Room, bedroom, nack

I2C_M_RD = 0x0001


class Chip(Protocol):
    """One sensor: what is written to it, and what is read from it."""

    def write(self, t_s: float, data: bytes) -> None:
        """The host wrote ``data``; OSError is a missing acknowledge."""

    def read(self, t_s: float, n: int) -> bytes:
        """The host reads ``n`` bytes; OSError is a missing acknowledge."""


class TwinBus:
    """Chips by address, and their faults: ``dead`` ones do not answer, ``noisy`` ones answer with a flipped bit."""

    def __init__(self, chips: dict[int, Chip], clock: Callable[[], float]) -> None:
        self.chips = chips
        self.dead: set[int] = set()
        self.noisy: set[int] = set()
        self._clock = clock

    def i2c_rdwr(self, *messages: Any) -> None:
        """Runs ``smbus2.i2c_msg`` messages in their order."""
        for message in messages:
            if message.addr not in self.chips or message.addr in self.dead:
                raise nack()
            chip = self.chips[message.addr]
            if not message.flags & I2C_M_RD:
                chip.write(self._clock(), bytes(message))
                continue
            data = bytearray(chip.read(self._clock(), message.len))
            if message.addr in self.noisy:
                data[0] ^= 0x10
            for at, value in enumerate(data):
                message.buf[at] = bytes((value,))


def room_bus(
    clock: Callable[[], float],
    room: Callable[[float], Room] = bedroom,
    chips: Iterable[str] = ("SHT4x", "SCD4x", "BME280", "VEML7700"),
) -> TwinBus:
    """A bus with the named chips at their first addresses, all in the room that ``room`` tells of a clock's second."""

    def now() -> Room:
        return room(clock())

    made: dict[str, tuple[int, Chip]] = {
        "SHT4x": (0x44, Sht(now, {b"\x89": 0.001, b"\xfd": 0.0083}, -6, 125)),
        "SHT3x": (0x45, Sht(now, {b"\xf3\x2d": 0.0, b"\x24\x00": 0.0155, b"\x30\x93": 0.0}, 0, 100)),
        "AHT20": (0x38, Aht(now)),
        "SCD4x": (0x62, Scd(now)),
        "BME280": (0x76, Bmx(now, 0x60)),
        "BMP280": (0x77, Bmx(now, 0x58)),
        "VEML7700": (0x10, Veml(now)),
        "BH1750": (0x23, Bh(now)),
        "TSL2591": (0x29, Tsl(now)),
        "BME680": (0x77, Bme68(now, 0)),
        "BME688": (0x77, Bme68(now, 1)),
        "LTR-329": (0x29, Ltr(now)),
    }
    return TwinBus(dict(made[name] for name in chips), clock)
