"""The commands about what is wired: is it well, and put it to rest."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.terminal import CONFIG, Refusal, load_config

if TYPE_CHECKING:
    from appliance.doctor.verdict import Verdict

FILE = click.Path(dir_okay=False, path_type=Path)


def last_good() -> Path:
    """Beside the nights, so that a configuration that cannot be read need not be asked where that is."""
    return Path(os.environ.get("STATE_DIRECTORY", "/var/lib/firstlight")) / "config.last-good.toml"


def until_told() -> threading.Event:
    """Set by Ctrl-C, by systemd's SIGTERM, and by a terminal that is closed."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    return stop


@click.command()
@CONFIG
@click.option("--placement", is_flag=True, help="Live: does the box stand where it sees you breathe?  Ctrl-C ends it.")
@click.option("--seconds", type=click.FloatRange(1.0), default=None, help="With --placement: end after so many.")
@click.option(
    "--jumper", is_flag=True, help="Test port and pins by one wire: TX to RX, or a driven pin to the button's."
)
@click.option("--bundle", type=FILE, default=None, help="Write a report for a bug, without private data, to this file.")
def doctor(config_path: Path, placement: bool, seconds: float | None, jumper: bool, bundle: Path | None) -> None:
    """What is wired, what answers, what is wrong and how to mend it."""
    from appliance.doctor.parts import examine
    from appliance.doctor.placing import show_placement
    from drivers.readings import DriverError

    config = load_config(config_path)
    if sum((placement, jumper, bundle is not None)) > 1:
        raise Refusal("--placement, --jumper and --bundle are three things: ask for one of them")
    if placement:
        try:
            show_placement(config, until_told(), seconds, click.echo)
        except DriverError as error:
            raise Refusal(str(error)) from error
        return
    if seconds is not None:
        raise Refusal("--seconds goes with --placement")
    if bundle is not None:
        from appliance.doctor.bundle import write_bundle

        try:
            write_bundle(config, bundle)
        except OSError as error:
            raise Refusal(f"{bundle} cannot be written: {error.strerror or error}") from error
        click.echo(f"{bundle} is plain text: read it before you send it. It holds no nights, names or addresses.")
        return
    if jumper:
        from appliance.doctor.jumper import try_wire

        sys.exit(0 if any(found.is_well for found in _told(try_wire(config))) else 1)
    sys.exit(1 if any(found.is_well is False for found in _told(examine(config))) else 0)


@click.command()
@CONFIG
def rest(config_path: Path) -> None:
    """Lamp, buzzer and indicator off: what systemd runs after the service has ended, however that was."""
    from appliance.config import load_or_last_good
    from appliance.wiring import rest as put_to_rest

    config, _ = load_or_last_good(config_path, last_good(), keep=False)
    ill = 0
    for name, trouble in put_to_rest(config):
        if trouble is not None:
            logging.error("%s could not be put to rest: %s", name, trouble)
            ill += 1
    sys.exit(1 if ill else 0)


def _told(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Say each as it comes."""
    from appliance.doctor.verdict import lines

    found = []
    for verdict in verdicts:
        for text in lines(verdict):
            click.echo(text)
        found.append(verdict)
    return found
