"""What is taken out of a text before it leaves the box: addresses, names, days and times of day, serial numbers.

Pure, and rather too much than too little: a colon between two numbers may be a time or an address, and both go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any

from appliance.config import Config
from appliance.status import Status

OUT = "[left out]"
_PATTERNS = [
    re.compile(pattern)
    for pattern in (
        r"/dev/serial/by-(?:id|path)/\S+",  # has the adapter's serial number in it
        r"/(?:home|Users|media|mnt)/[^\s:;,'\"]+",
        r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)*",  # mail, and user@host
        r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:?\d\d(?::?\d\d(?:\.\d+)?)?Z?)?",
        r"\b(?:https?|wss?)://\S+",
        r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){1,7}[0-9A-Fa-f]{0,4}(?:\d*(?:\.\d{1,3}){3})?(?:%\w+)?(?![\w:])(?<!:)",
        r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}(?![\w])",  # an IPv6 address that ends in ::
        r"\b(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}\b",
        r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\d)",
        r"\b[0-9A-Fa-f]{16,}\b",
    )
]
# Keys of the configuration that say nothing of anybody; of the others only whether they were changed is told.
_TOLD = {
    *("radar.module", "radar.baud", "environment.enabled", "environment.bus", "environment.warmth_c"),
    *("web.port", "web.pairing", "capture.keep_raw"),
}
_PARTS_OF_STATUS = ("clock", "standby", "simulated", "speed")  # and the radar's link


def scrub(text: str, words: Iterable[str] = ()) -> str:
    """``text`` without what the patterns know and without ``words`` (names of people, hosts and folders)."""
    for pattern in _PATTERNS:
        text = pattern.sub(OUT, text)
    for word in sorted({word for word in words if len(word) > 1}, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", OUT, text, flags=re.IGNORECASE)
    return text


def told_configuration(config: Config) -> list[str]:
    """The configuration, a line a key, without what is anybody's own."""
    usual = _keys(Config())
    lines = []
    for key, value in _keys(config).items():
        if key in _TOLD or key.startswith("outputs."):
            lines.append(f"{key} = {value}")
        else:
            lines.append(f"{key}: {'as it comes' if value == usual[key] else 'changed'}")
    return lines


def _keys(config: Config) -> dict[str, Any]:
    """Every key as the file names it; one without a section is a key itself."""
    found: dict[str, Any] = {}
    for field in fields(config):
        section = getattr(config, field.name)
        if is_dataclass(section):
            found |= {f"{field.name}.{key.name}": getattr(section, key.name) for key in fields(section)}
        else:
            found[field.name] = section
    return found


def told_status(status: Status | None) -> list[str]:
    """How the service is, without anything that it saw of anybody."""
    if status is None:
        return ["the service is not running"]
    room = status.room
    seen = [field.name for field in fields(room) if getattr(room, field.name) is not None]
    return [
        *(f"{name} = {getattr(status, name)}" for name in _PARTS_OF_STATUS),
        f"radar: connected = {status.radar.connected}, {status.radar.module}, firmware {status.radar.firmware}",
        f"radar: fault = {status.radar.fault}",
        f"room tells {', '.join(seen) or 'nothing'}",
        *(f"complains: {line}" for line in status.complaints),
    ]


def words_of(config: Config, hostname: str, users: Iterable[str]) -> set[str]:
    """Names that must not leave the box: of its host, its users, and what the configuration calls it."""
    host = hostname.split(".")[0]
    generic = {"localhost", "raspberrypi", "firstlight", "firstlight-web", "pi", "root", "nobody"}
    return ({hostname, host, *users, *config.web.names, config.timezone} - generic) - {"UTC", ""}
