"""Chips that tell temperature, humidity, CO2 and pressure, from the other end of the bus."""

from __future__ import annotations

import struct
from collections.abc import Callable

from drivers.environment.bme68x import bme68x_columns, calibration68x
from drivers.environment.climate import crc8
from drivers.environment.pressure import Calibration, bmx280_columns
from drivers.twins.room import Room, nack, solve, words


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
        self.pressure_hpa = 1013  # that it was told last

    def write(self, t_s: float, data: bytes) -> None:
        busy = self._next_s is not None
        if data[:2] == b"\xe0\x00" and len(data) == 5 and crc8(data[2:]) == 0:
            self.pressure_hpa = int.from_bytes(data[2:4], "big")
            return
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


class Bme68:
    """BME680 (variant 0) or BME688 (1) with invented constants, those of the formulas' test."""

    LOW = struct.pack("<hbxHhbxhhbbxxhhB", 26300, 3, 36100, -10420, 88, 8200, -140, 40, 30, -2900, -2500, 30)
    HIGH = bytes.fromhex("3f 24 2e 00 2d 14 78 9c") + (26180).to_bytes(2, "little")

    def __init__(self, now: Callable[[], Room], variant: int) -> None:
        self._now, self._ready_s, self._pointer = now, 0.0, 0
        self._constants = calibration68x(self.LOW, self.HIGH)
        self._registers = bytearray(256)
        self._registers[0xD0], self._registers[0xF0] = 0x61, variant
        self._registers[0x8A:0xA1] = self.LOW
        self._registers[0xE1:0xEB] = self.HIGH
        self._registers[0x1D:0x27] = bytes.fromhex("00 00 80 00 00 80 00 00 80 00")

    def write(self, t_s: float, data: bytes) -> None:
        self._pointer = data[0]
        if len(data) < 2:
            return
        self._registers[data[0]] = data[1]
        if data[0] == 0x71 and data[1] & 0x30:
            raise nack()  # nobody asked for gas, whose heater warms the room's air
        if data[0] == 0x74 and data[1] & 3 == 1:
            self._measure()
            self._ready_s = t_s + 0.0103

    def read(self, t_s: float, n: int) -> bytes:
        self._registers[0x1D] = 0x00 if t_s < self._ready_s - 1e-9 else 0x80
        return bytes(self._registers[self._pointer : self._pointer + n])

    def _measure(self) -> None:
        room = self._now()
        t = solve(lambda raw: self._columns(0, raw, 0)["temperature_c"], room.temperature_c, 1, 2**20 - 2)
        p = solve(lambda raw: self._columns(raw, t, 0)["pressure_hpa"], room.pressure_hpa, 1, 2**20 - 2)
        h = solve(lambda raw: self._columns(p, t, raw)["humidity_pct"], room.humidity_pct, 1, 2**16 - 2)
        self._registers[0x1D:0x27] = self._field(p, t, h)

    def _columns(self, p: float, t: float, h: float) -> dict[str, float]:
        told = bme68x_columns(self._constants, self._field(int(p), int(t), int(h)))
        return {"temperature_c": -300.0, "pressure_hpa": 0.0, "humidity_pct": 0.0} | told

    @staticmethod
    def _field(p: int, t: int, h: int) -> bytes:
        return b"\x80\x00" + (p << 4).to_bytes(3, "big") + (t << 4).to_bytes(3, "big") + h.to_bytes(2, "big")
