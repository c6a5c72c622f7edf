"""The room: temperature, humidity, light, CO2 and pressure from whichever I2C sensors answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

from drivers.environment.bme68x import Bme68x
from drivers.environment.bus import Bus, Wire, open_bus
from drivers.environment.climate import Aht20, Columns, Sht3x, Sht4x, cooler
from drivers.environment.co2 import Scd4x
from drivers.environment.light import Bh1750, Ltr329, Tsl2591, Veml7700
from drivers.environment.pressure import Bmx280
from drivers.readings import DriverError, EnvironmentReading

__all__ = ["Bus", "Environment", "open_bus"]

log = logging.getLogger(__name__)

# The better teller of a column first.  An SHT4x is tried before an SHT3x, which lives at the same address.
CHIPS = (Sht4x, Sht3x, Aht20, Bmx280, Bme68x, Scd4x, Veml7700, Bh1750, Tsl2591, Ltr329)
LIMITS = {
    "temperature_c": (-40.0, 85.0),
    "humidity_pct": (0.0, 100.0),
    "illuminance_lx": (0.0, 200_000.0),
    "co2_ppm": (1.0, 40_000.0),
    "pressure_hpa": (300.0, 1100.0),
}


class Sensor(Protocol):
    """One chip that answered."""

    @property
    def name(self) -> str:
        """As on its package."""

    def read(self) -> Columns:
        """What it could tell now.  Raises OSError when it is gone, DriverError when it talks nonsense."""


class Environment:
    """All sensors of one bus.  A chip that dies costs its own columns, and is looked for again at every reading."""

    def __init__(
        self,
        bus: Bus,
        clock: Callable[[], float],
        sleep: Callable[[float], None] = time.sleep,
        warmth_c: float = 0.0,
    ) -> None:
        """``warmth_c``: by how much the box warms the air at its sensors, and so what is taken off again."""
        self._warmth_c = warmth_c
        self._wire = Wire(bus, sleep)
        self._clock = clock
        self._sensors: dict[int, Sensor] = {}  # by address
        self._mourned: set[int] = set()

    @property
    def sensors(self) -> tuple[str, ...]:
        """What answered at the last reading, as "SHT4x at 0x44"."""
        return tuple(f"{sensor.name} at {address:#04x}" for address, sensor in sorted(self._sensors.items()))

    def read(self) -> EnvironmentReading:
        """One look at the room; columns that no sensor can tell are None.  Takes up to a few seconds."""
        self._probe()
        t_s = self._clock()
        told: Columns = {}
        for address in sorted(self._sensors, key=self._rank):
            for column, value in cooler(self._ask(address, told.get("pressure_hpa")), self._warmth_c).items():
                low, high = LIMITS[column]
                if low <= value <= high:
                    told.setdefault(column, value)
        return EnvironmentReading(t_s, **told)

    def _rank(self, address: int) -> int:
        return next(rank for rank, chip in enumerate(CHIPS) if isinstance(self._sensors[address], chip))

    def _ask(self, address: int, pressure_hpa: float | None) -> Columns:
        sensor = self._sensors[address]
        try:
            if isinstance(sensor, Scd4x) and pressure_hpa is not None:
                sensor.hear_pressure(pressure_hpa)
            return sensor.read()
        except DriverError as error:
            log.debug("%s at %#04x: %s", sensor.name, address, error)
        except OSError as error:
            # It may have lost its power, and with it what it was told at the start.
            del self._sensors[address]
            self._mourned.add(address)
            log.warning("%s at %#04x is gone (%s)", sensor.name, address, error.strerror or error)
        return {}

    def _probe(self) -> None:
        for chip in CHIPS:
            for address in chip.addresses:
                if address in self._sensors:
                    continue
                try:
                    sensor: Sensor = chip(self._wire, address)
                except (OSError, DriverError):
                    continue
                self._sensors[address] = sensor
                log.info("%s at %#04x %s", sensor.name, address, "is back" if address in self._mourned else "found")
                self._mourned.discard(address)
