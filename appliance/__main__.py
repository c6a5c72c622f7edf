"""The command line.  Each command imports only what it needs, so that the page never loads the signal chain."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from appliance.kept import export, restage
from appliance.terminal import CONFIG, Bar, Refusal, load_config, needed
from appliance.wired import doctor, last_good, rest, until_told

MODULES = click.Choice(["micradar", "tinyframe", "acconeer"])
FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
DATABASE = "firstlight.db"
STATUS = "status.json"
CHUNK = 1 << 16


def _say(line: dict[str, Any]) -> None:
    click.echo(json.dumps(line, allow_nan=False))


def _progress(length: int, label: str, quiet: bool = False) -> Bar:
    return Bar(length, label, quiet or not sys.stderr.isatty())


def _alarms(at: str | None) -> Any:
    from appliance.alarm_setting import AlarmSetting, SettingError

    if at is None:
        return ()
    try:
        hour, minute = (int(part) for part in at.split(":"))
        return (AlarmSetting(enabled=True, hour=hour, minute=minute),)
    except (ValueError, SettingError) as error:
        raise Refusal(f"--alarm {at}: write a time of day such as 06:30") from error


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="firstlight")
def main() -> None:
    """Firstlight: a bedside sleep tracker and wake-up light.  Everything stays on the box."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)


@main.command()
@CONFIG
@click.option("--speed", type=click.FloatRange(0.1, 1000.0), default=1.0, hidden=True)
@click.option("--start-utc", default=None, hidden=True, help="A simulated clock that begins then.")
@click.option("--raw", type=FILE, default=None, help="Keep the radar's bytes in this capture.")
def run(config_path: Path, speed: float, start_utc: str | None, raw: Path | None) -> None:
    """The supervisor: senses, decides, lights, rings, records."""
    from appliance.box import build
    from appliance.clock import WallClock
    from appliance.config import load_or_last_good
    from appliance.timekeeper import Timekeeper

    stop = until_told()
    config, complaint = load_or_last_good(config_path, last_good())
    if complaint is not None:
        logging.error(complaint)
    start_utc_s = None if start_utc is None else datetime.fromisoformat(start_utc).timestamp()
    timekeeper = None if start_utc_s is not None else Timekeeper(config.paths.state)
    clock = WallClock(speed, start_utc_s) if timekeeper is None else WallClock(speed, least_utc=timekeeper.least_utc)
    build(config, clock, stop, complaint, raw, start_utc is not None, timekeeper).run(stop)


@main.command()
@CONFIG
def web(config_path: Path) -> None:
    """The page."""
    from appliance.config import load_or_last_good
    from appliance.web import ServeError, serve

    config, complaint = load_or_last_good(config_path, last_good(), keep=False)
    if complaint is not None:
        logging.error(complaint)
    try:
        serve(
            config.paths.state / DATABASE,
            config.paths.run / STATUS,
            host=config.web.host,
            port=config.web.port,
            timezone=config.timezone,
            hosts=config.web.names,
            is_open=not config.web.pairing,
        )
    except ServeError as error:
        raise Refusal(str(error)) from error


@main.command()
@CONFIG
def pair(config_path: Path) -> None:
    """Let one browser pair within two minutes, as holding the button for five seconds does."""
    from appliance.web.allowing import PairingError, allow

    try:
        for line in allow(load_config(config_path), DATABASE, STATUS):
            click.echo(line)
    except PairingError as error:
        raise Refusal(str(error)) from error


@main.command()
@click.option("--speed", type=click.FloatRange(1.0, 240.0), default=60.0, show_default=True, help="Times life.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Of the page.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another night.")
def demo(speed: float, port: int, seed: int) -> None:
    """Both services on a simulated night."""
    from appliance.demo import demo as play

    sys.exit(play(speed, port, seed, click.echo))


@main.command()
@click.option("--module", type=MODULES, required=True)
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
def decode(module: str, file: str) -> None:
    """Every frame in a raw byte file (or -) as JSON lines."""
    from drivers.decode import decode_stream
    from drivers.readings import Module

    try:
        with click.open_file(file, "rb") as stream:
            for fields in decode_stream(Module(module), iter(lambda: stream.read(CHUNK), b"")):
                _say(fields)
    except OSError as error:
        raise Refusal(f"{file} cannot be read: {error.strerror or error}") from error


@main.command()
@CONFIG
@click.option("--out", type=FILE, required=True, help="The capture to write.")
def record(config_path: Path, out: Path) -> None:
    """The live radar into a capture, until Ctrl-C."""
    from appliance.box import record_radar

    stop = until_told()
    if out.exists():
        raise Refusal(f"{out} exists already: choose another name, so that no night is written over")
    recorder = record_radar(load_config(config_path), out, stop, lambda text: click.echo(text, err=True))
    click.echo(f"{out}: {recorder.kept_bytes} bytes from the radar, {recorder.lost} records lost", err=True)


@main.command()
@click.argument("capture", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout and nothing else.")
@click.option("--at", type=click.Choice(["max", "realtime"]), default="max", show_default=True)
@click.option("--alarm", metavar="HH:MM", default=None, help="Set an alarm for every day at this time (UTC).")
@click.option("--model", type=FILE, default=None, help="A stager other than the shipped one.")
def replay(capture: Path, as_json: bool, at: str, alarm: str | None, model: Path | None) -> None:
    """The whole supervisor over a capture, into a temporary database."""
    from appliance.box import sense_with
    from appliance.loading import load_policy, load_scorer, load_stager
    from appliance.replay import replay as play
    from appliance.replay import summary
    from appliance.settings import Settings
    from drivers.capture import CaptureError

    stager = needed(load_stager(model))
    scorer, complaint = load_scorer(model)
    if complaint is not None:
        click.echo(complaint, err=True)
    policy, complaint = load_policy(model, stager)
    if complaint is not None and alarm is not None:
        click.echo(complaint, err=True)
    lines: list[dict[str, Any]] = []
    try:
        with _progress(capture.stat().st_size if capture.exists() else 0, "replaying", as_json) as bar:
            play(
                capture,
                Settings(_alarms(alarm)),
                sense_with(stager, scorer=scorer),
                _say if as_json else lines.append,
                speed=None if at == "max" else 1.0,
                model=stager.name,
                progress=bar.update,
                policy=policy,
            )
    except CaptureError as error:
        raise Refusal(str(error)) from error
    if not as_json:
        for text in summary(lines):
            click.echo(text)


@main.command()
@click.argument("file", type=FILE)
@click.option("--signal", default=None, metavar="NAME", help="Of an EDF file; else chest, abdomen or flow.")
@click.option("--out", type=FILE, required=True, help="The CSV to write.")
@click.option("--morning", is_flag=True, help="The re-staged answer, which knows what came after each epoch.")
@click.option("--model", type=FILE, default=None, help="A stager other than the shipped one.")
def stage(file: Path, signal: str | None, out: Path, morning: bool, model: Path | None) -> None:
    """Stage a breathing recording (.npz or EDF), one row per whole epoch: the live, causal answer, or the morning's."""
    from appliance.loading import load_restager, load_stager
    from appliance.staging import RecordingError, stage_recording

    stager = needed(load_stager(model))
    restager = needed(load_restager(model)) if morning else None
    try:
        staged = stage_recording(file, signal, stager, out, restager)
    except RecordingError as error:
        raise Refusal(str(error)) from error
    click.echo(f"{out}: {staged.epochs} epochs of {staged.signal}", err=True)


@main.command()
@click.argument("file", type=FILE)
@click.argument("reference", type=FILE, required=False)
@click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout and nothing else.")
@click.option(
    "--intervals", type=click.Choice(["t", "bootstrap"]), default="t", show_default=True, help="Which decide the flags."
)
@click.option("--log", "in_logs", is_flag=True, help="Limits in proportion to the reference, from logarithms.")
@click.option("--common", is_flag=True, help="Compare only the epochs that both have, where one night is longer.")
@click.option("--out", type=FOLDER, default=None, help="A folder for every table as CSV, JSON and a page of plots.")
def evaluate(
    file: Path, reference: Path | None, as_json: bool, intervals: Any, in_logs: bool, common: bool, out: Path | None
) -> None:
    """A device against a sleep laboratory or a diary, epoch by epoch and night by night.

    FILE is a CSV with subject,epoch,reference,device; or it and REFERENCE have subject,epoch,stage, or figures of whole
    nights (subject,tst_min,sol_min,...).  Stages are words or 0 wake, 1 light, 2 deep, 3 REM.
    """
    from appliance.evaluation.files import read, write
    from appliance.evaluation.paper import as_text
    from appliance.evaluation.reading import EvaluationError
    from appliance.evaluation.report import compare

    try:
        truth = None if reference is None else read(reference)
        records = compare(read(file), truth, intervals, in_logs, common)
        if out is not None:
            write(records, out)
    except EvaluationError as error:
        raise Refusal(str(error)) from error
    for text in [json.dumps(record, allow_nan=False) for record in records] if as_json else as_text(records):
        click.echo(text)


@main.command()
@click.option("--scenario", type=FILE, required=True, help="A night in words.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--module", type=MODULES, default="tinyframe", show_default=True)
@click.option("--out", type=FILE, required=True, help="The capture to write.")
@click.option("--truth", type=FILE, required=True, help="What was true, epoch by epoch, as CSV.")
def simulate(scenario: Path, seed: int, module: str, out: Path, truth: Path) -> None:
    """A night of a simulated sleeper as wire bytes, and what was true."""
    from appliance.scenario import ScenarioError, load_scenario, write_simulation
    from drivers.readings import Module

    try:
        with _progress(1000, "simulating") as bar:
            write_simulation(
                load_scenario(scenario), seed, Module(module), out, truth, lambda share: bar.update(round(1000 * share))
            )
    except ScenarioError as error:
        raise Refusal(str(error)) from error


@main.command()
@click.option("--nights", type=click.IntRange(1), default=10, show_default=True)
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the first; the next has the next."
)
@click.option("--faults", is_flag=True, help="Let things go wrong: radar, disk, files, clock, process.")
@click.option("--hours", type=click.FloatRange(1.0, 12.0), default=8.0, show_default=True, help="Of each whole night.")
@click.option("--coarse", is_flag=True, help="From 90 minutes before the window, with few turns and a coarse radar.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that play nights.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout and nothing else.")
def rehearse(nights: int, seed: int, faults: bool, hours: float, coarse: bool, jobs: int, as_json: bool) -> None:
    """Nights through the real supervisor: does it ring?  With --nights 1 --seed N a single one is played again."""
    from appliance.rehearsal import rehearse as play
    from appliance.rehearsal.telling import table

    lines: list[dict[str, Any]] = []
    logging.disable(logging.CRITICAL)  # what goes wrong is the point, and stands in the table
    try:
        with _progress(nights, "rehearsing", as_json) as bar:
            well = play(nights, seed, faults, hours, _say if as_json else lines.append, bar.update, coarse, jobs)
    finally:
        logging.disable(logging.NOTSET)
    for text in table(lines, nights) if lines else ():
        click.echo(text)
    sys.exit(0 if well else 1)


@main.command("config")
@CONFIG
def show_config(config_path: Path) -> None:
    """Print the configuration in force."""
    from appliance.config import render

    click.echo(render(load_config(config_path)), nl=False)


main.add_command(export)
main.add_command(restage)
main.add_command(doctor)
main.add_command(rest)


if __name__ == "__main__":
    main(prog_name="firstlight")
