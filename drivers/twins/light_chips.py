"""Chips that tell light, from the other end of the bus."""

from __future__ import annotations

import struct
from collections.abc import Callable

from drivers.environment.light import VEML_RANGES, VemlRange, veml7700_lx
from drivers.twins.room import Room, solve


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


class Ltr:
    """LTR-329 under a light with a quarter of infrared."""

    def __init__(self, now: Callable[[], Room]) -> None:
        self._now, self._pointer, self._control, self._ready_s = now, 0, 0, 0.0

    def write(self, t_s: float, data: bytes) -> None:
        self._pointer = data[0]
        if len(data) == 2 and data[0] == 0x80:
            self._control, self._ready_s = data[1], t_s + 0.01 + 0.1

    def read(self, t_s: float, n: int) -> bytes:
        both = infrared = 0
        if self._control & 1 and t_s >= self._ready_s - 1e-9:
            gain = {0: 1, 1: 2, 2: 4, 3: 8, 6: 48, 7: 96}[self._control >> 2 & 7]
            counts = self._now().illuminance_lx * gain / (1.7743 + 1.1059 / 4)
            both, infrared = min(65535, round(counts)), min(65535, round(counts / 4))
        registers = {0x86: b"\xa0", 0x87: b"\x05", 0x88: struct.pack("<HH", infrared, both), 0x8C: b"\x04"}
        return registers.get(self._pointer, bytes(n))[:n]
