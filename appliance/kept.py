"""The commands about nights that are kept."""

from __future__ import annotations

import sqlite3
import sys
import time
from pathlib import Path

import click

from appliance.terminal import CONFIG, Bar, Refusal, load_config, needed

FILE = click.Path(dir_okay=False, path_type=Path)
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


@click.command()
@CONFIG
@click.option("--nights", type=click.IntRange(1), default=None, help="The latest so many; else all that are kept.")
@click.option(
    "--model",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="A live model, with its morning beside it.",
)
def restage(config_path: Path, nights: int | None, model: Path | None) -> None:
    """A newer model over nights that are kept; the old answers stay beside the new one.

    The model is the one in force, with its morning beside it, or another.  Nights that it has staged are left alone.
    """
    from appliance.box import database
    from appliance.loading import load_restager
    from appliance.restaging import restage as stage_again
    from appliance.store import Role, Store, StoreError

    config = load_config(config_path)
    restager = needed(load_restager(model or config.model.path))
    done = left = 0
    try:
        with Store(database(config), Role.RESTAGER) as store:
            over = [session for session in store.sessions(-1) if session.left_utc is not None][:nights]
            with Bar(len(over), "staging", not sys.stderr.isatty()) as bar:
                for k, session in enumerate(over):
                    if any(one.model == restager.name for one in store.restagings(session.id)):
                        continue
                    epochs, breathing = store.epochs(session), store.breathing(session)
                    records = stage_again(restager, session, epochs, int(time.time()), breathing)
                    store.write(records)
                    done += bool(records)
                    left += not records
                    bar.update(k + 1)
    except (StoreError, sqlite3.Error) as error:
        raise Refusal(str(error)) from error
    click.echo(f"{done} of {len(over)} nights staged by {restager.name}", err=True)
    if left:
        click.echo(f"{left} had nothing kept to stage them from", err=True)
