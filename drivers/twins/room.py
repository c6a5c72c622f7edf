"""A made-up room, and what the twins of its sensors share."""

from __future__ import annotations

import errno
import math
from collections.abc import Callable
from typing import NamedTuple

from drivers.environment.climate import crc8


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


def nack() -> OSError:
    """What Linux says when no chip acknowledges."""
    return OSError(errno.EREMOTEIO, "Remote I/O error")


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
