"""I2C room sensors behind an object shaped like ``smbus2.SMBus``: what the drivers meet without any hardware.

Each chip keeps to its datasheet's commands, check bytes and waits; reading too early is not acknowledged.
"""

from __future__ import annotations

import errno
import math
import struct
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from drivers.environment.climate import crc8
from drivers.environment.light import VEML_RANGES, VemlRange, veml7700_lx
from drivers.environment.pressure import Calibration, bmx280_columns

I2C_M_RD = 0x0001


class Room(NamedTuple):
    """What there is to measure."""

    temperature_c: float = 20.0
    humidity_pct: float = 45.0
    illuminance_lx: float = 0.1
    co2_ppm: float = 800.0
    pressure_hpa: float = 1013.0


def bedroom(t_s: float) -> Room:
    """A closed bedroom ``t_s`` seconds after its door was shut: cooler, moister and staler, and dark after an hour."""
    hours = t_s / 3600
    return Room(
        temperature_c=18.0 + 2.5 * math.exp(-hours / 3) + 0.1 * math.sin(2 * math.pi * hours),
        humidity_pct=52.0 - 7.0 * math.exp(-hours / 2),
        illuminance_lx=0.05 + (40.0 if hours < 1 else 0.0),
        co2_ppm=1500.0 - 900.0 * math.exp(-hours / 4),
        pressure_hpa=1013.0 + math.sin(hours / 4),
    )


class Chip(Protocol):
    """One sensor: what is written to it, and what is read from it."""

    def write(self, t_s: float, data: bytes) -> None:
        """The host wrote ``data``; OSError is a missing acknowledge."""

    def read(self, t_s: float, n: int) -> bytes:
        """The host reads ``n`` bytes; OSError is a missing acknowledge."""


def nack() -> OSError:
    """What Linux says when no chip acknowledges."""
    return OSError(errno.EREMOTEIO, "Remote I/O error")


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
    }
    return TwinBus(dict(made[name] for name in chips), clock)


def words(*values: int) -> bytes:
    """16-bit words, each with its check byte."""
    return b"".join(pair + bytes((crc8(pair),)) for pair in (value.to_bytes(2, "big") for value in values))


def solve(function: Callable[[float], float], wanted: float, low: int, high: int) -> int:
    """The whole number between at which a monotonic ``function`` comes nearest to ``wanted``."""
    rising = function(high) > function(low)
    while high - low > 1:
        middle = (low + high) // 2
        if (function(middle) < wanted) == rising:
            low = middle
        else:
            high = middle
    return low


class Sht:
    """SHT4x (one-byte commands) or SHT3x (two bytes); they differ in commands and in the humidity formula."""

    def __init__(self, now: Callable[[], Room], commands: dict[bytes, float], offset: float, span: float) -> None:
        self._now, self._commands, self._offset, self._span = now, commands, offset, span
        self._reply, self._ready_s = b"", 0.0

    def write(self, t_s: float, data: bytes) -> None:
        if data not in self._commands:
            raise nack()
        self._ready_s = t_s + self._commands[data]
        if data in (b"\xfd", b"\x24\x00"):
            room = self._now()
            raw = (room.temperature_c + 45) / 175, (room.humidity_pct - self._offset) / self._span
            self._reply = words(*(round(65535 * min(1.0, max(0.0, share))) for share in raw))
        else:
            self._reply = words(0x0000, 0xBEEF)  # a serial number, or a status of nothing to report

    def read(self, t_s: float, n: int) -> bytes:
        if t_s < self._ready_s - 1e-9 or n > len(self._reply):
            raise nack()
        return self._reply[:n]


class Aht:
    """AHT20, calibrated at the factory."""

    def __init__(self, now: Callable[[], Room]) -> None:
        self._now, self._reply, self._ready_s = now, b"\x18", 0.0

    def write(self, t_s: float, data: bytes) -> None:
        if data == b"\xac\x33\x00":
            room = self._now()
            humidity, temperature = room.humidity_pct / 100, (room.temperature_c + 50) / 200
            both = round(humidity * 2**20) << 20 | round(temperature * 2**20)
            body = b"\x1c" + both.to_bytes(5, "big")
            self._reply, self._ready_s = body + bytes((crc8(body),)), t_s + 0.08

    def read(self, t_s: float, n: int) -> bytes:
        if t_s < self._ready_s - 1e-9:
            return (b"\x9c" + self._reply[1:])[:n]
        return self._reply[:n]


class Scd:
    """SCD40: answers little else while it measures."""

    def __init__(self, now: Callable[[], Room]) -> None:
        self._now, self._reply, self._ready_s = now, b"", 0.0
        self._next_s: float | None = None  # of the next measurement, None when stopped

    def write(self, t_s: float, data: bytes) -> None:
        busy = self._next_s is not None
        waits = {b"\x3f\x86": 0.5, b"\x36\x82": 0.001, b"\x21\xb1": 0.0, b"\xe4\xb8": 0.001, b"\xec\x05": 0.001}
        if data not in waits or t_s < self._ready_s or (busy and data in (b"\x36\x82", b"\x21\xb1")):
            raise nack()
        self._ready_s, self._reply = t_s + waits[data] - 1e-9, b""
        fresh = self._next_s is not None and t_s >= self._next_s
        if data == b"\x3f\x86":
            self._next_s = None
        elif data == b"\x21\xb1":
            self._next_s = t_s + 5.0
        elif data == b"\x36\x82":
            self._reply = words(0xF896, 0x9F07, 0x3BBE)
        elif data == b"\xe4\xb8":
            self._reply = words(0x8006 if fresh else 0x8000)
        elif fresh:
            room = self._now()
            temperature, humidity = (room.temperature_c + 45) / 175, room.humidity_pct / 100
            self._reply = words(round(room.co2_ppm), round(65535 * temperature), round(65535 * humidity))
            self._next_s = t_s + 5.0

    def read(self, t_s: float, n: int) -> bytes:
        if t_s < self._ready_s or n > len(self._reply):
            raise nack()
        return self._reply[:n]


class Bmx:
    """BME280 or BMP280 with one set of factory constants (those of pimoroni/bme280-python's tests)."""

    CONSTANTS = Calibration(
        (28009, 25654, 50),
        (39145, -10750, 3024, 5667, -120, -7, 15500, -14600, 6000),
        (75, 376, 0, 286, 50, 30),
    )

    def __init__(self, now: Callable[[], Room], identity: int) -> None:
        self._now, self._ready_s, self._pointer = now, 0.0, 0
        self._registers = bytearray(256)
        self._registers[0xD0] = identity
        self._registers[0x88:0xA2] = struct.pack("<Hhh", *self.CONSTANTS.t) + struct.pack(
            "<H8hxB", *self.CONSTANTS.p, 75
        )
        self._registers[0xE1:0xE8] = bytes.fromhex("78 01 00 11 2e 03 1e")
        self._registers[0xF7:0xFF] = bytes.fromhex("80 00 00 80 00 00 80 00")

    def write(self, t_s: float, data: bytes) -> None:
        self._pointer = data[0]
        if len(data) < 2:
            return
        self._registers[data[0]] = data[1]
        if data[0] == 0xF4 and data[1] & 3 == 1:
            self._measure()
            self._ready_s = t_s + 0.0093

    def read(self, t_s: float, n: int) -> bytes:
        self._registers[0xF3] = 0x08 if t_s < self._ready_s - 1e-9 else 0x00
        return bytes(self._registers[self._pointer : self._pointer + n])

    def _measure(self) -> None:
        room = self._now()
        t = solve(lambda raw: self._columns(raw, 0, 0)["temperature_c"], room.temperature_c, 1, 2**20 - 2)
        p = solve(lambda raw: self._columns(t, raw, 0)["pressure_hpa"], room.pressure_hpa, 1, 2**20 - 2)
        h = solve(lambda raw: self._columns(t, p, raw)["humidity_pct"], room.humidity_pct, 1, 2**16 - 2)
        self._registers[0xF7:0xFF] = self._burst(t, p, h)

    def _columns(self, t: float, p: float, h: float) -> dict[str, float]:
        told = bmx280_columns(self.CONSTANTS, self._burst(int(t), int(p), int(h)))
        return {"temperature_c": -300.0, "pressure_hpa": 0.0, "humidity_pct": 0.0} | told

    @staticmethod
    def _burst(t: int, p: int, h: int) -> bytes:
        return (p << 4).to_bytes(3, "big") + (t << 4).to_bytes(3, "big") + h.to_bytes(2, "big")


class Veml:
    """VEML7700: counts of the range that its configuration says."""

    def __init__(self, now: Callable[[], Room]) -> None:
        self._now, self._pointer, self.config = now, 0, 1  # shut down when power comes

    def write(self, t_s: float, data: bytes) -> None:
        self._pointer = data[0]
        if len(data) == 3 and data[0] == 0:
            self.config = int.from_bytes(data[1:], "little")

    def read(self, t_s: float, n: int) -> bytes:
        values = {0x00: self.config, 0x04: self._counts(), 0x07: 0xC481}
        return values.get(self._pointer, 0).to_bytes(2, "little")[:n]

    def _counts(self) -> int:
        if self.config & 1:
            return 0
        default = VemlRange(1.0, 100)
        gain, integration_ms = next((r for r in VEML_RANGES if r.config == self.config), default)
        return solve(
            lambda counts: veml7700_lx(int(counts), gain, integration_ms), self._now().illuminance_lx, 0, 65535
        )


class Bh:
    """BH1750: one-shot modes, and the measurement time that sets its sensitivity."""

    def __init__(self, now: Callable[[], Room]) -> None:
        self._now, self._time, self._counts, self._ready_s = now, 69, 0, 0.0

    def write(self, t_s: float, data: bytes) -> None:
        command = data[0]
        if command & 0xF8 == 0x40:
            self._time = (command & 7) << 5 | self._time & 31
        elif command & 0xE0 == 0x60:
            self._time = self._time & 0xE0 | command & 31
        elif command in (0x20, 0x21):
            scale = 1.2 * self._time / 69 * (2 if command == 0x21 else 1)
            self._counts = min(65535, round(self._now().illuminance_lx * scale))
            self._ready_s = t_s + 0.12 * self._time / 69

    def read(self, t_s: float, n: int) -> bytes:
        counts = 0 if t_s < self._ready_s - 1e-9 else self._counts
        return counts.to_bytes(2, "big")[:n]


class Tsl:
    """TSL2591 under a light with a fifth of infrared."""

    def __init__(self, now: Callable[[], Room]) -> None:
        self._now, self._pointer, self._registers = now, 0, {0x00: 0, 0x01: 0}

    def write(self, t_s: float, data: bytes) -> None:
        self._pointer = data[0] & 0x1F
        if len(data) == 2:
            self._registers[self._pointer] = data[1]

    def read(self, t_s: float, n: int) -> bytes:
        if self._pointer == 0x12:
            return b"\x50"
        gain = (1, 25, 428, 9876)[self._registers[0x01] >> 4 & 3]
        on = self._registers[0x00] == 0x03
        both = self._now().illuminance_lx * gain * 100 / 408 / 0.64 if on else 0.0
        return struct.pack("<HH", min(36863, round(both)), min(36863, round(both / 5)))[:n]
