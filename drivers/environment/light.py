"""Illuminance: Vishay VEML7700, Rohm BH1750, ams TSL2591, Lite-On LTR-329 and LTR-303.

Commands and conversions: the makers' datasheets.  Each finds its own range, from a dark bedroom to a sunlit window.
"""

from __future__ import annotations

from typing import NamedTuple

from drivers.environment.bus import Wire
from drivers.environment.climate import Columns
from drivers.readings import DriverError


class VemlRange(NamedTuple):
    """One sensitivity of a VEML7700."""

    gain: float
    integration_ms: int

    @property
    def config(self) -> int:
        """The configuration register, powered on."""
        gain = {1.0: 0, 2.0: 1, 1 / 8: 2, 1 / 4: 3}[self.gain]
        integration = {25: 12, 50: 8, 100: 0, 200: 1, 400: 2, 800: 3}[self.integration_ms]
        return gain << 11 | integration << 6


# From the least sensitive to the most: gain first, then time (Vishay's application note "Designing the VEML7700").
VEML_RANGES = (
    VemlRange(1 / 8, 25),
    VemlRange(1 / 8, 50),
    VemlRange(1 / 8, 100),
    VemlRange(1 / 4, 100),
    VemlRange(1.0, 100),
    VemlRange(2.0, 100),
    VemlRange(2.0, 200),
    VemlRange(2.0, 400),
    VemlRange(2.0, 800),
)
VEML_START = 2
VEML_FEW, VEML_MANY, SATURATED = 100, 10_000, 0xFFFF
VEML_CONFIG, VEML_ALS, VEML_ID = 0x00, 0x04, 0x07


def veml7700_lx(counts: int, gain: float, integration_ms: int) -> float:
    """Lux by the resolution of 0.0042 lx a count at gain 2, 800 ms (documents before 2022 print 0.0036).

    Bright light at the two small gains is corrected by Vishay's polynomial.
    """
    lx = counts * 0.0042 * (800 / integration_ms) * (2 / gain)
    return veml7700_corrected_lx(lx) if gain <= 1 / 4 and lx > 1000 else lx


def veml7700_corrected_lx(lx: float) -> float:
    """Vishay's polynomial for bright light, where the chip's answer is no longer a line."""
    return 6.0135e-13 * lx**4 - 9.3924e-9 * lx**3 + 8.1488e-5 * lx**2 + 1.0023 * lx


class Veml7700:
    """VEML7700: eye response, and fine enough for a dark bedroom."""

    name = "VEML7700"
    addresses = (0x10,)

    def __init__(self, wire: Wire, address: int) -> None:
        """OSError where nobody answers, DriverError where another chip does."""
        self._wire, self._address = wire, address
        if self._word(VEML_ID) & 0xFF != 0x81:
            raise DriverError(f"the chip at {address:#04x} is no VEML7700")
        self._range = VEML_START
        self._sense()

    def read(self) -> Columns:
        """Illuminance, with the range moved one way until it fits; it stays there for the next look."""
        if self._word(VEML_CONFIG) != VEML_RANGES[self._range].config:  # it was without power for a while
            self._sense()
        counts, way = self._word(VEML_ALS), 0
        while True:
            step = 1 if counts <= VEML_FEW else -1 if counts > VEML_MANY else 0
            if step == 0 or step == -way or not 0 <= self._range + step < len(VEML_RANGES):
                break
            way = step
            self._range += step
            self._sense()
            counts = self._word(VEML_ALS)
        if counts == SATURATED:
            return {}
        return {"illuminance_lx": veml7700_lx(counts, *VEML_RANGES[self._range])}

    def _sense(self) -> None:
        now = VEML_RANGES[self._range]
        self._wire.write(self._address, bytes((VEML_CONFIG, now.config & 0xFF, now.config >> 8)))
        self._wire.sleep(0.004 + 2 * now.integration_ms / 1000)

    def _word(self, register: int) -> int:
        return int.from_bytes(self._wire.register(self._address, register, 2), "little")


BH_ON, BH_ONCE_H, BH_ONCE_H2 = 0x01, 0x20, 0x21
BH_TYPICAL, BH_MOST, BH_LEAST = 69, 254, 31  # measurement time register


def bh1750_lx(counts: int, half: bool = False, measurement_time: int = BH_TYPICAL) -> float:
    """Lux of a raw reading; ``half`` is the mode of half-lux resolution (H2)."""
    return counts / 1.2 * BH_TYPICAL / measurement_time / (2 if half else 1)


class Bh1750:
    """BH1750: 0.11 lx a count in the dark, and the coarsest range where that is too bright."""

    name = "BH1750"
    addresses = (0x23, 0x5C)

    def __init__(self, wire: Wire, address: int) -> None:
        """OSError where nobody answers (it has no identity to ask for)."""
        self._wire, self._address = wire, address
        wire.write(address, bytes((BH_ON,)))

    def read(self) -> Columns:
        """Illuminance."""
        for half, time in ((True, BH_MOST), (False, BH_LEAST)):
            counts = self._counts(half, time)
            if counts != SATURATED:
                return {"illuminance_lx": bh1750_lx(counts, half, time)}
        return {}

    def _counts(self, half: bool, time: int) -> int:
        for setting in (BH_ON, 0x40 | time >> 5, 0x60 | time & 31):
            self._wire.write(self._address, bytes((setting,)))
        once = bytes((BH_ONCE_H2 if half else BH_ONCE_H,))
        return int.from_bytes(self._wire.ask(self._address, once, 0.18 * time / BH_TYPICAL, 2), "big")


TSL_COMMAND, TSL_ENABLE, TSL_CONTROL, TSL_ID, TSL_DATA = 0xA0, 0x00, 0x01, 0x12, 0x14
TSL_RANGES = ((0, 1), (1, 25), (2, 428), (3, 9876))  # (code, gain), all at 100 ms
TSL_MS, TSL_FULL = 100, 36_863


def tsl2591_lx(both: int, infrared: int, gain: float, integration_ms: int) -> float:
    """Lux of the two channels by the formula of the maker's newer library; approximate, as every one of them is."""
    if both == 0:
        return 0.0
    return max(0.0, (both - infrared) * (1 - infrared / both) * 408 / (integration_ms * gain))


class Tsl2591:
    """TSL2591: two channels, four gains."""

    name = "TSL2591"
    addresses = (0x29,)

    def __init__(self, wire: Wire, address: int) -> None:
        """OSError where nobody answers, DriverError where another chip (an LTR-329) does."""
        self._wire, self._address = wire, address
        if wire.register(address, TSL_COMMAND | TSL_ID, 1)[0] != 0x50:
            raise DriverError(f"the chip at {address:#04x} is no TSL2591")

    def read(self) -> Columns:
        """Illuminance, at the highest gain that is not full."""
        self._wire.write(self._address, bytes((TSL_COMMAND | TSL_ENABLE, 0x03)))  # lost with its power
        for code, gain in reversed(TSL_RANGES):
            self._wire.write(self._address, bytes((TSL_COMMAND | TSL_CONTROL, code << 4)))
            self._wire.sleep(2.2 * TSL_MS / 1000)  # the cycle that was running, and a whole one
            data = self._wire.register(self._address, TSL_COMMAND | TSL_DATA, 4)
            both, infrared = int.from_bytes(data[:2], "little"), int.from_bytes(data[2:], "little")
            if max(both, infrared) < TSL_FULL:
                return {"illuminance_lx": tsl2591_lx(both, infrared, gain, TSL_MS)}
        return {}


LTR_CONTROL, LTR_RATE, LTR_PART, LTR_MAKER, LTR_DATA, LTR_STATUS = 0x80, 0x85, 0x86, 0x87, 0x88, 0x8C
LTR_RANGES = ((0, 1), (1, 2), (2, 4), (3, 8), (6, 48), (7, 96))  # (code, gain), all at 100 ms
LTR_MS, LTR_EVERY_100_MS, LTR_INVALID = 100, 0x01, 0x80


def ltr329_lx(both: int, infrared: int, gain: float, integration_ms: int) -> float:
    """Lux of the two channels by the maker's table of their ratio (LTR-303/329, Appendix A)."""
    if both + infrared == 0:
        return 0.0
    share = infrared / (both + infrared)
    if share < 0.45:
        lx = 1.7743 * both + 1.1059 * infrared
    elif share < 0.64:
        lx = 4.2785 * both - 1.9548 * infrared
    elif share < 0.85:
        lx = 0.5926 * both + 0.1185 * infrared
    else:
        lx = 0.0
    return max(0.0, lx) / gain / (integration_ms / 100)


class Ltr329:
    """LTR-329, LTR-303: two channels, six gains."""

    name = "LTR-329"
    addresses = (0x29,)

    def __init__(self, wire: Wire, address: int) -> None:
        """OSError where nobody answers, DriverError where another chip (a TSL2591) does."""
        self._wire, self._address = wire, address
        part, maker = (wire.register(address, register, 1)[0] for register in (LTR_PART, LTR_MAKER))
        if part & 0xF0 != 0xA0 or maker != 0x05:
            raise DriverError(f"the chip at {address:#04x} is no LTR-329 or LTR-303")

    def read(self) -> Columns:
        """Illuminance, at the highest gain that is not full."""
        self._wire.write(self._address, bytes((LTR_RATE, LTR_EVERY_100_MS)))
        for code, gain in reversed(LTR_RANGES):
            self._wire.write(self._address, bytes((LTR_CONTROL, code << 2 | 0x01)))
            self._wire.sleep(0.01 + 2.2 * LTR_MS / 1000)  # to wake, the cycle that was running, and a whole one
            data = self._wire.register(self._address, LTR_DATA, 4)  # in one burst, which locks both channels
            invalid = self._wire.register(self._address, LTR_STATUS, 1)[0] & LTR_INVALID
            infrared, both = int.from_bytes(data[:2], "little"), int.from_bytes(data[2:], "little")
            if not invalid and max(both, infrared) < SATURATED:
                return {"illuminance_lx": ltr329_lx(both, infrared, gain, LTR_MS)}
        return {}
