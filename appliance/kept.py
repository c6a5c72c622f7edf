"""The commands about nights that are kept."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import click

from appliance.terminal import CONFIG, Refusal, load_config

FORMATS = ("csv", "json", "edf", "figures", "diary")


@click.command()
@CONFIG
@click.argument("night", required=False)
@click.option("--all", "every", is_flag=True, help="Every night that is over; of EDF a file each, into a folder.")
@click.option("--format", "form", type=click.Choice(FORMATS), required=True)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The file, or with EDF and --all the folder."
)
@click.option("--live", is_flag=True, help="The stages as they were told live, and not those of the morning.")
def export(config_path: Path, night: str | None, every: bool, form: str, out: Path, live: bool) -> None:
    """Nights out of the box: epochs as CSV, named intervals as JSON, a recording as EDF+.

    NIGHT is "last", the date of a morning (2026-11-26) or an id.  "figures" are the measures of whole nights and
    "diary" what was corrected by hand, both as CSV for `evaluate`.
    """
    if (night is None) is not every:
        raise Refusal("say which night, or --all")
    from appliance.box import database
    from appliance.export.files import write
    from appliance.export.night import ExportError
    from appliance.store import Role, Store, StoreError

    config = load_config(config_path)
    try:
        with Store(database(config), Role.GUEST) as store:
            written = write(store, night, form, out, config.timezone, live)
    except (ExportError, StoreError) as error:
        raise Refusal(str(error)) from error
    except (sqlite3.Error, OSError) as error:
        raise Refusal(f"{out}: {getattr(error, 'strerror', None) or error}") from error
    click.echo(f"{out}: {written} night{'' if written == 1 else 's'}", err=True)
