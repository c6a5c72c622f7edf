"""Pressure, temperature and humidity: Bosch BME280 and BMP280 (often sold under the other's name).

Registers and compensation: datasheets BST-BME280-DS002 and BST-BMP280-DS001, in double precision.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from drivers.environment.bus import Wire
from drivers.environment.climate import Columns
from drivers.readings import DriverError

ID, CTRL_HUM, STATUS, CTRL_MEAS, CONFIG, DATA = 0xD0, 0xF2, 0xF3, 0xF4, 0xF5, 0xF7
BME280, BMP280 = 0x60, 0x58
SKIPPED_20, SKIPPED_16 = 0x80000, 0x8000  # what a channel says that was not measured


class Calibration(NamedTuple):
    """The factory's constants; ``h`` is None on a BMP280, which has no humidity."""

    t: tuple[int, ...]  # T1-T3
    p: tuple[int, ...]  # P1-P9
    h: tuple[int, ...] | None  # H1-H6


def calibration(low: bytes, high: bytes | None) -> Calibration:
    """From the bytes at 88-A1 (24 are enough without humidity) and at E1-E7 (None without humidity)."""
    t = struct.unpack_from("<Hhh", low, 0)
    p = struct.unpack_from("<H8h", low, 6)
    if high is None:
        return Calibration(t, p, None)
    h2, h3, e4, e5, e6, h6 = struct.unpack("<hBbBbb", high)
    # H4 and H5 share a byte; their high parts are signed, which some libraries miss.
    return Calibration(t, p, (low[25], h2, h3, e4 * 16 + (e5 & 15), e6 * 16 + (e5 >> 4), h6))


def bmx280_columns(constants: Calibration, data: bytes) -> Columns:
    """A burst from F7 (8 bytes, or 6 without humidity); channels that were skipped are left out."""
    raw_p, raw_t = (data[at] << 12 | data[at + 1] << 4 | data[at + 2] >> 4 for at in (0, 3))
    if raw_t == SKIPPED_20:
        return {}
    t1, t2, t3 = constants.t
    fine = (raw_t / 16384 - t1 / 1024) * t2 + (raw_t / 131072 - t1 / 8192) ** 2 * t3
    columns = {"temperature_c": fine / 5120}
    pascal = _pascal(constants.p, fine, raw_p)
    if raw_p != SKIPPED_20 and pascal is not None:
        columns["pressure_hpa"] = pascal / 100
    if constants.h is not None and len(data) >= 8 and (raw_h := data[6] << 8 | data[7]) != SKIPPED_16:
        columns["humidity_pct"] = _humidity_pct(constants.h, fine, raw_h)
    return columns


def _pascal(p: tuple[int, ...], fine: float, raw: int) -> float | None:
    p1, p2, p3, p4, p5, p6, p7, p8, p9 = p
    a = fine / 2 - 64000
    b = a * a * p6 / 32768 + a * p5 * 2
    b = b / 4 + p4 * 65536
    a = (p3 * a * a / 524288 + p2 * a) / 524288
    a = (1 + a / 32768) * p1
    if a == 0:
        return None
    pascal = ((1048576 - raw) - b / 4096) * 6250 / a
    return pascal + (p9 * pascal * pascal / 2147483648 + pascal * p8 / 32768 + p7) / 16


def _humidity_pct(h: tuple[int, ...], fine: float, raw: int) -> float:
    h1, h2, h3, h4, h5, h6 = h
    x = fine - 76800
    x = (raw - (h4 * 64 + h5 / 16384 * x)) * (h2 / 65536 * (1 + h6 / 67108864 * x * (1 + h3 / 67108864 * x)))
    x *= 1 - h1 * x / 524288
    return min(100.0, max(0.0, x))


class Bmx280:
    """One forced measurement at single oversampling whenever asked: the least self-heating."""

    addresses = (0x76, 0x77)

    def __init__(self, wire: Wire, address: int) -> None:
        """OSError where nobody answers, DriverError where another chip does."""
        self._wire, self._address = wire, address
        identity = wire.register(address, ID, 1)[0]
        if identity not in (BME280, BMP280):
            raise DriverError(f"the chip at {address:#04x} says that it is {identity:#04x}, neither BME280 nor BMP280")
        self._humid = identity == BME280
        self.name = "BME280" if self._humid else "BMP280"
        low = wire.register(address, 0x88, 26 if self._humid else 24)
        self._calibration = calibration(low, wire.register(address, 0xE1, 7) if self._humid else None)
        wire.write(address, bytes((CONFIG, 0x00)))

    def read(self) -> Columns:
        """Pressure, temperature and (BME280) humidity."""
        if self._humid:
            self._wire.write(self._address, bytes((CTRL_HUM, 0x01)))
        self._wire.write(self._address, bytes((CTRL_MEAS, 0x25)))  # x1, x1, forced; takes CTRL_HUM over
        self._wire.sleep(0.011)
        if self._wire.register(self._address, STATUS, 1)[0] & 0x08:
            raise DriverError("the measurement was not ready in time")
        return bmx280_columns(self._calibration, self._wire.register(self._address, DATA, 8 if self._humid else 6))
