"""What commands share: one line of refusal, a bar of progress, which configuration file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, TypeVar

import click

T = TypeVar("T")
CONFIG = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("/etc/firstlight/config.toml"),
    show_default=True,
    help="Configuration file; where it is missing the defaults hold.",
)


class Refusal(click.ClickException):
    """One line on stderr and a status that is not zero."""

    def show(self, file: Any = None) -> None:
        """Print the line, without click's own heading."""
        click.echo(f"firstlight: {self.message}", err=True)


class ConfigRefusal(Refusal):
    """The configuration is wrong: the status of sysexits.h."""

    exit_code = 78


def load_config(path: Path) -> Any:
    """The configuration; ``ConfigRefusal`` in one line where it is wrong."""
    from appliance.config import ConfigError, load

    try:
        return load(path)
    except ConfigError as error:
        raise ConfigRefusal(str(error)) from error


class Bar:
    """A progress bar on a terminal, nothing in a pipe; told where it stands, not how far it went."""

    def __init__(self, length: int, label: str, hidden: bool) -> None:
        self._bar = click.progressbar(length=length, label=label, file=sys.stderr, hidden=hidden)
        self._at = 0

    def update(self, at: float) -> None:
        """Now at ``at`` of the length."""
        self._bar.update(int(at) - self._at)
        self._at = int(at)

    def __enter__(self) -> Bar:
        self._bar.__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._bar.__exit__(*exc)


def needed(loaded: tuple[T | None, str | None]) -> T:
    """A part that a command cannot do without, or a Refusal with the line that says why there is none."""
    part, why_not = loaded
    if part is None:
        raise Refusal(str(why_not))
    return part
