"""Pressure, temperature and humidity of Bosch's BME680 and BME688; their gas sensor stays off.

Registers: datasheet BST-BME680-DS001.  Compensation: its integer form, which Bosch's own driver has.  The heater of the
gas sensor would warm chip and air, and the index of air quality that is made of it is closed.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from drivers.environment.bus import Wire
from drivers.environment.climate import Columns
from drivers.environment.pressure import ID, SKIPPED_16, SKIPPED_20
from drivers.readings import DriverError

BME68X, VARIANT = 0x61, 0xF0
FIELD, GAS_HEATER, GAS_RUN, CTRL_HUM, CTRL_MEAS, CONFIG = 0x1D, 0x70, 0x71, 0x72, 0x74, 0x75
NEW = 0x80
PATIENCE = 5  # looks for a measurement, which takes 10 ms


class Calibration68x(NamedTuple):
    """The factory's constants."""

    t: tuple[int, int, int]  # T1-T3
    p: tuple[int, ...]  # P1-P10
    h: tuple[int, ...]  # H1-H7


def calibration68x(low: bytes, high: bytes) -> Calibration68x:
    """From the bytes at 8A-A0 and at E1-EA."""
    t2, t3, p1, p2, p3, p4, p5, p7, p6, p8, p9, p10 = struct.unpack("<hbxHhbxhhbbxxhhB", low)
    e1, e2, e3, h3, h4, h5, h6, h7, t1 = struct.unpack("<BBBbbbBbH", high)
    h1, h2 = e3 << 4 | e2 & 15, e1 << 4 | e2 >> 4
    return Calibration68x((t1, t2, t3), (p1, p2, p3, p4, p5, p6, p7, p8, p9, p10), (h1, h2, h3, h4, h5, h6, h7))


def bme68x_columns(constants: Calibration68x, data: bytes) -> Columns:
    """Field 0 from 1D on (10 bytes); channels that were skipped are left out."""
    raw_p, raw_t = (data[at] << 12 | data[at + 1] << 4 | data[at + 2] >> 4 for at in (2, 5))
    raw_h = data[8] << 8 | data[9]
    if raw_t == SKIPPED_20:
        return {}
    t1, t2, t3 = constants.t
    v = (raw_t >> 3) - (t1 << 1)
    fine = (v * t2 >> 11) + (((v >> 1) ** 2 >> 12) * (t3 << 4) >> 14)
    columns = {"temperature_c": (fine * 5 + 128 >> 8) / 100}
    pascal = _pascal(constants.p, fine, raw_p)
    if raw_p != SKIPPED_20 and pascal is not None:
        columns["pressure_hpa"] = pascal / 100
    if raw_h != SKIPPED_16:
        columns["humidity_pct"] = _humidity_pct(constants.h, fine, raw_h)
    return columns


def _pascal(constants: tuple[int, ...], fine: int, raw: int) -> int | None:
    p1, p2, p3, p4, p5, p6, p7, p8, p9, p10 = constants
    a = (fine >> 1) - 64000
    b = (((a >> 2) ** 2 >> 11) * p6 >> 2) + (a * p5 << 1)
    b = (b >> 2) + (p4 << 16)
    a = (((a >> 2) ** 2 >> 13) * (p3 << 5) >> 3) + (p2 * a >> 1) >> 18
    a = (32768 + a) * p1 >> 15
    if a == 0:
        return None
    p = (1048576 - raw - (b >> 12)) * 3125
    p = (p // a) << 1 if p >= 1 << 31 else (p << 1) // a
    c = p9 * ((p >> 3) ** 2 >> 13) >> 12
    d = (p >> 2) * p8 >> 13
    e = (p >> 8) ** 3 * p10 >> 17
    return p + (c + d + e + (p7 << 7) >> 4)


def _humidity_pct(constants: tuple[int, ...], fine: int, raw: int) -> float:
    h1, h2, h3, h4, h5, h6, h7 = constants
    s = fine * 5 + 128 >> 8
    a = raw - h1 * 16 - (s * h3 // 100 >> 1)
    b = h2 * (s * h4 // 100 + ((s * (s * h5 // 100) >> 6) // 100) + 16384) >> 10
    c = a * b
    d = (h6 << 7) + s * h7 // 100 >> 4
    e = (c >> 14) ** 2 >> 10
    return min(100.0, max(0.0, ((c + (d * e >> 1) >> 10) * 1000 >> 12) / 1000))


class Bme68x:
    """One forced measurement at single oversampling whenever asked, without gas."""

    addresses = (0x76, 0x77)

    def __init__(self, wire: Wire, address: int) -> None:
        """OSError where nobody answers, DriverError where another chip does."""
        self._wire, self._address = wire, address
        if wire.register(address, ID, 1)[0] != BME68X:
            raise DriverError(f"the chip at {address:#04x} is no BME680 or BME688")
        self.name = "BME688" if wire.register(address, VARIANT, 1)[0] == 1 else "BME680"
        self._calibration = calibration68x(wire.register(address, 0x8A, 23), wire.register(address, 0xE1, 10))

    def read(self) -> Columns:
        """Pressure, temperature and humidity."""
        # Told anew every time: after a loss of power it has forgotten.
        for register, value in (
            (GAS_HEATER, 0x08),
            (GAS_RUN, 0x00),
            (CONFIG, 0x00),
            (CTRL_HUM, 0x01),
            (CTRL_MEAS, 0x25),
        ):
            self._wire.write(self._address, bytes((register, value)))
        for _ in range(PATIENCE):
            self._wire.sleep(0.01)
            data = self._wire.register(self._address, FIELD, 10)
            if data[0] & NEW:
                return bme68x_columns(self._calibration, data)
        raise DriverError("the measurement was not ready in time")
