"""What a value of ``config.toml`` may be: each takes what TOML holds and returns what the box uses.

Each raises ``ValueError``, "must be ..., not ...", to which the key is written by whoever knows it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from reprlib import repr as short
from zoneinfo import ZoneInfo

from drivers.lamp import CHANNELS
from drivers.readings import Module

AUTO = "auto"


def _must(be: str, value: object) -> ValueError:
    return ValueError(f"must be {be}, not {json.dumps(value) if isinstance(value, bool) else short(value)}")


def flag(value: object) -> bool:
    """A switch: true or false."""
    if not isinstance(value, bool):
        raise _must("true or false", value)
    return value


def whole(low: int, high: int, otherwise: str = "") -> Callable[[object], int]:
    """A whole number from ``low`` to ``high``; ``otherwise`` names what else may stand there."""

    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise _must(f"{otherwise}a whole number from {low} to {high}", value)
        return value

    return check


def word(*words: str) -> Callable[[object], str]:
    """One of these words."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise _must(f"{', '.join(words[:-1])} or {words[-1]}", value)
        return value

    return check


def module(value: object) -> Module | None:
    """A radar's module; None for ``auto``."""
    named = word(AUTO, *Module)(value)
    return None if named == AUTO else Module(named)


def baud(value: object) -> int | None:
    """A rate in bits a second; None for ``auto``."""
    return None if value == AUTO else whole(9_600, 4_000_000, "auto or ")(value)


def bus(value: object) -> int | str:
    """The number of an I2C bus, or ``twin``."""
    return "twin" if value == "twin" else whole(0, 31, "twin or ")(value)


def _is_path(value: object) -> bool:
    # Absolute, because the pin library changes the process's working directory when it is imported.
    return isinstance(value, str) and value.startswith("/") and value.isprintable()


def port(value: object) -> str:
    """A device, or ``auto``."""
    if value != AUTO and not _is_path(value):
        raise _must("auto or a device such as /dev/serial0", value)
    return str(value)


def path(value: object) -> Path:
    """An absolute path."""
    if not _is_path(value):
        raise _must("a path that begins with /", value)
    return Path(str(value))


def path_or_auto(value: object) -> Path | None:
    """An absolute path; None for ``auto``."""
    return None if value == AUTO else path(value)


def host(value: object) -> str:
    """An address or host name to listen at."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9A-Za-z.:_-]+", value):
        raise _must("an address such as 127.0.0.1, or 0.0.0.0 for the whole local network", value)
    return value


def names(value: object) -> tuple[str, ...]:
    """Host names."""
    if not isinstance(value, list) or not all(isinstance(n, str) and re.fullmatch(r"[0-9A-Za-z.-]+", n) for n in value):
        raise _must('a list of host names such as ["bedside.home"], or an empty one', value)
    return tuple(value)


def pin(value: object) -> int:
    """One GPIO (BCM) number that is free for use."""
    # GPIO 0 to 3 are the I2C buses, 14 and 15 the serial port.
    if not isinstance(value, int) or isinstance(value, bool) or not 4 <= value <= 27 or value in (14, 15):
        raise _must("a GPIO (BCM) number from 4 to 27, without 14 and 15", value)
    return value


def lamp_outputs(value: object) -> tuple[int, ...]:
    """As many GPIO numbers, or outputs of a chip, as a lamp may have channels."""
    if not isinstance(value, list) or len(value) not in CHANNELS:
        raise _must("a list of 1 (white), 2 (warm, cold), 3 (red, green, blue) or 4 (and white) numbers", value)
    if len(set(map(repr, value))) < len(value):
        raise _must("a list of different numbers", value)
    return tuple(whole(0, 27)(item) for item in value)


def pin_if_any(value: object) -> tuple[int, ...]:
    """At most one GPIO number."""
    if isinstance(value, list) and len(value) < 2:
        return tuple(pin(item) for item in value)
    raise _must("a list of one GPIO number, or an empty one", value)


def number(low: float, high: float) -> Callable[[object], float]:
    """A number from ``low`` to ``high``."""

    def check(value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise _must(f"a number from {low:g} to {high:g}", value)
        return float(value)

    return check


def gains(value: object) -> tuple[float, ...]:
    """Each channel's share of full duty, from 0.05 to 1; empty for all full."""
    if not isinstance(value, list) or len(value) not in (0, *CHANNELS):
        raise _must("a list of as many numbers as the lamp has channels, or an empty one", value)
    return tuple(number(0.05, 1.0)(item) for item in value)


def zone(value: object) -> str:
    """A time zone's name."""
    try:
        ZoneInfo(str(value))
    except (KeyError, ValueError, OSError):  # unknown, malformed, or a folder of zones
        raise _must("a time zone such as Europe/Berlin", value) from None
    return str(value)
