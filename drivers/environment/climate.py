"""Temperature and humidity: Sensirion SHT4x and SHT3x, Aosong AHT20.

Commands and conversions: the makers' datasheets.
"""

from __future__ import annotations

import math

from drivers.environment.bus import Wire
from drivers.readings import DriverError

Columns = dict[str, float]  # fields of EnvironmentReading that a chip could tell


def saturation_hpa(temperature_c: float) -> float:
    """The vapour pressure at which air over water is full, by Magnus' formula as in WMO-No. 8, Annex 4.B."""
    return 6.112 * math.exp(17.62 * temperature_c / (243.12 + temperature_c))


def cooler(columns: Columns, warmth_c: float) -> Columns:
    """What a chip would have told in air that the box does not warm by ``warmth_c``: cooler, and so relatively moister.

    The same water is in it, so relative humidity grows as the vapour pressure at which air is full shrinks.
    """
    warm_c = columns.get("temperature_c")
    if warm_c is None or not warmth_c:
        return columns
    told = columns | {"temperature_c": warm_c - warmth_c}
    if "humidity_pct" in columns:
        share = saturation_hpa(warm_c) / saturation_hpa(warm_c - warmth_c)
        told["humidity_pct"] = min(100.0, max(0.0, columns["humidity_pct"] * share))
    return told


def crc8(data: bytes) -> int:
    """Sensirion's check byte: polynomial 31, start FF, not reflected (SHT4x datasheet: BE EF gives 92)."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x31) & 0xFF if crc & 0x80 else crc << 1
    return crc


def sensirion_words(data: bytes) -> list[int]:
    """The 16-bit words of a reply, each followed by its check byte.  Raises DriverError when one is wrong."""
    words = []
    for at in range(0, len(data) - 2, 3):
        if crc8(data[at : at + 3]) != 0:
            raise DriverError(f"bad check byte in {data.hex(' ')}")
        words.append(data[at] << 8 | data[at + 1])
    return words


def sensirion_temperature_c(word: int) -> float:
    """SHT3x, SHT4x and SCD4x alike."""
    return -45 + 175 * word / 65535


def sht4x_columns(data: bytes) -> Columns:
    """A 6-byte measurement.  Humidity may leave 0-100 by the formula and is clipped, as the datasheet says."""
    temperature, humidity = sensirion_words(data)
    return {
        "temperature_c": sensirion_temperature_c(temperature),
        "humidity_pct": min(100.0, max(0.0, -6 + 125 * humidity / 65535)),
    }


def sht3x_columns(data: bytes) -> Columns:
    """A 6-byte measurement."""
    temperature, humidity = sensirion_words(data)
    return {"temperature_c": sensirion_temperature_c(temperature), "humidity_pct": 100 * humidity / 65535}


def aht20_columns(data: bytes) -> Columns:
    """A 7-byte measurement: status, 20 bits of humidity, 20 bits of temperature, check byte."""
    if crc8(data) != 0:
        raise DriverError(f"bad check byte in {data.hex(' ')}")
    if data[0] & 0x80:
        raise DriverError("the measurement was not ready in time")
    both = int.from_bytes(data[1:6], "big")
    humidity, temperature = both >> 20, both & 0xFFFFF
    return {"temperature_c": 200 * temperature / 2**20 - 50, "humidity_pct": 100 * humidity / 2**20}


class Sht4x:
    """SHT40, SHT41, SHT45: measures when asked, at high precision."""

    name = "SHT4x"
    addresses = (0x44, 0x45)

    def __init__(self, wire: Wire, address: int) -> None:
        """OSError or DriverError where no such chip answers; an SHT3x does not know the one-byte serial command."""
        self._wire, self._address = wire, address
        sensirion_words(wire.ask(address, b"\x89", 0.01, 6))

    def read(self) -> Columns:
        """Temperature and humidity."""
        return sht4x_columns(self._wire.ask(self._address, b"\xfd", 0.01, 6))


class Sht3x:
    """SHT30, SHT31, SHT35: single shots at high repeatability, without clock stretching."""

    name = "SHT3x"
    addresses = (0x44, 0x45)

    def __init__(self, wire: Wire, address: int) -> None:
        """OSError or DriverError where no such chip answers."""
        self._wire, self._address = wire, address
        wire.write(address, b"\x30\x93")  # an earlier program may have left it in periodic mode
        wire.sleep(0.001)
        sensirion_words(wire.ask(address, b"\xf3\x2d", 0.001, 3))

    def read(self) -> Columns:
        """Temperature and humidity."""
        return sht3x_columns(self._wire.ask(self._address, b"\x24\x00", 0.016, 6))


class Aht20:
    """AHT20: the cheapest; its check byte is read too, which many libraries leave out."""

    name = "AHT20"
    addresses = (0x38,)

    def __init__(self, wire: Wire, address: int) -> None:
        """OSError where no such chip answers."""
        self._wire, self._address = wire, address
        if not wire.ask(address, b"\x71", 0.0, 1)[0] & 0x08:  # not calibrated
            wire.write(address, b"\xbe\x08\x00")
            wire.sleep(0.01)

    def read(self) -> Columns:
        """Temperature and humidity."""
        return aht20_columns(self._wire.ask(self._address, b"\xac\x33\x00", 0.08, 7))
