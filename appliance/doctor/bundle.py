"""A report for a bug, as one plain text that can be read before it is sent: no nights, no names, no addresses."""

from __future__ import annotations

import os
import platform
import pwd
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from appliance.config import Config
from appliance.doctor.access import look
from appliance.doctor.parts import examine
from appliance.doctor.private import scrub, told_configuration, told_status, words_of
from appliance.doctor.service import fresh
from appliance.doctor.verdict import Verdict, lines

UNITS = ("firstlight", "firstlight-web")
JOURNAL_LINES = 300
COMMAND_S = 20.0
PACKAGES = (
    *("firstlight", "numpy", "numba", "tflite-runtime", "ai-edge-litert"),
    *("gpiozero", "lgpio", "smbus2", "pyserial", "flask", "waitress"),
)
DEVICES = ("firstlight-radar", "serial*", "ttyAMA*", "ttyS0", "ttyUSB*", "ttyACM*", "i2c-*", "spidev*", "gpiochip*")


def run(command: Sequence[str]) -> str:
    """What a command prints, or a line that says why nothing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return f"({command[0]} cannot be asked: {type(error).__name__})"
    return done.stdout.rstrip() or f"({command[0]} says nothing: {done.stderr.strip() or 'no lines'})"


def write_bundle(config: Config, path: Path) -> None:
    """Write the report.  Raises ``OSError``."""
    text = report(config, examine(config), run)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def report(
    config: Config,
    verdicts: Iterator[Verdict],
    run: Callable[[Sequence[str]], str],
    root: Path = Path("/"),
    hostname: str | None = None,
    users: Sequence[str] | None = None,
) -> str:
    """The whole text; all that comes from outside this program's own words is scrubbed."""
    host = platform.node() if hostname is None else hostname
    people = [entry.pw_name for entry in pwd.getpwall() if entry.pw_uid >= 1000] if users is None else users
    units = [argument for unit in UNITS for argument in ("-u", unit)]
    sections = {
        "Versions": list(_versions(root)),
        "Configuration": told_configuration(config),
        "Status": told_status(fresh(config)),
        "Parts": [line for verdict in verdicts for line in lines(_without_values(verdict), in_full=True)],
        "Devices": list(_devices(root)),
        "Units": [run(["systemctl", "show", *UNITS, "-p", "Id,ActiveState,SubState,Result,NRestarts,ExecMainStatus"])],
        "Journal (seconds since the machine started)": [
            run(
                ["journalctl", *units, "-n", str(JOURNAL_LINES), "-o", "short-monotonic", "--no-hostname", "--no-pager"]
            )
        ],
    }
    text = "\n\n".join(f"## {name}\n" + "\n".join(body) for name, body in sections.items())
    return "# Firstlight: a report for a bug\n\n" + scrub(text, words_of(config, host, people)) + "\n"


def _without_values(verdict: Verdict) -> Verdict:
    """Which sensors there are, and not how light or stale the air of somebody's bedroom is."""
    return verdict._replace(said=verdict.said.partition(": ")[0]) if verdict.part == "room" else verdict


def _versions(root: Path) -> Iterator[str]:
    yield f"board: {_text(root / 'proc/device-tree/model') or 'no device tree'}"
    release = _text(root / "etc/os-release") or ""
    name = [line.partition("=")[2].strip('"') for line in release.splitlines() if line.startswith("PRETTY_NAME=")]
    yield f"system: {name[0] if name else 'unknown'}, kernel {platform.release()}, {platform.machine()}"
    yield f"python {platform.python_version()} at {sys.prefix}"
    for package in PACKAGES:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            yield f"{package}: not installed"


def _devices(root: Path) -> Iterator[str]:
    for pattern in DEVICES:
        for path in sorted((root / "dev").glob(pattern)):
            entry = look(path)
            yield f"{path.name}: group {entry.group}, {'may' if entry.is_allowed else 'may not'} be used by this user"
    for path in sorted((root / "sys/bus/usb/devices").glob("*")):
        vendor, product = _text(path / "idVendor"), _text(path / "idProduct")
        if vendor and product:  # not its serial number
            yield f"USB {vendor}-{product} {_text(path / 'product') or ''}".rstrip()


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return None
