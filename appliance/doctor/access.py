"""Whether this user may use a device file: is it there, whose is it, and which group has to be joined."""

from __future__ import annotations

import grp
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from appliance.doctor.verdict import PartError

# Kind of device: how Raspberry Pi OS switches it on.
SWITCHED_ON = {
    "i2c": ("I2C is switched off", "sudo raspi-config nonint do_i2c 0, then start the Pi again"),
    "spi": ("SPI is switched off", "sudo raspi-config nonint do_spi 0, then start the Pi again"),
    "serial": (
        "the radar is not plugged in, or the Pi's serial port is switched off",
        "plug it in, or sudo raspi-config nonint do_serial_hw 0 and do_serial_cons 1, then start the Pi again",
    ),
    "gpio": (
        "the kernel shows no GPIO",
        "look whether this is a Raspberry Pi, and whether its kernel is Raspberry Pi OS's",
    ),
}


class Entry(NamedTuple):
    """What is known of a device file."""

    is_there: bool
    is_allowed: bool  # to read and write
    group: str | None  # which it belongs to


def look(path: Path) -> Entry:
    """The file as this user meets it."""
    try:
        group_id = path.stat().st_gid
    except OSError:
        return Entry(False, False, None)
    try:
        group: str | None = grp.getgrgid(group_id).gr_name
    except KeyError:
        group = None
    return Entry(True, os.access(path, os.R_OK | os.W_OK), group)


def check(path: Path, kind: str, looked: Callable[[Path], Entry] = look) -> str:
    """Words for a file that may be used; raises ``PartError`` with the likeliest cause where it may not."""
    entry = looked(path)
    if not entry.is_there:
        raise PartError(f"there is no {path}", *SWITCHED_ON[kind])
    if not entry.is_allowed:
        group = entry.group or "its group"
        raise PartError(
            f"this user may not use {path}",
            f"it belongs to group {group}, and this user is not in it, or has not logged in since",
            f"sudo usermod -aG {group} $USER and log in again, or try as the service's user: "
            "sudo -u firstlight firstlight doctor",
        )
    return f"{path} may be used"
