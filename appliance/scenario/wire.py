"""A simulated night as a module's wire bytes, and what was true of it."""

from __future__ import annotations

import csv
import gzip
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from appliance.scenario.before import scene_of, simulate_scenario
from appliance.scenario.words import Scenario, ScenarioError
from drivers.acconeer import SensorConfig
from drivers.capture import CaptureHeader, CaptureWriter, Channel
from drivers.readings import Module
from drivers.twins import AcconeerTwin, MicradarTwin, TinyFrameTwin
from models.contract import EPOCH_S, SleepStage
from models.sleeper import SimulatedNight

TRUTH_COLUMNS = ("epoch", "start_s", "stage", "in_bed", "intent", "person")


def wire_of(
    scenario: Scenario, nights: list[SimulatedNight], module: Module, seed: int
) -> tuple[CaptureHeader, Iterator[tuple[float, bytes]]]:
    """The capture's first line, and (seconds, bytes) as they leave the module; an unplugged module says nothing."""
    extra: dict[str, object] = {"scenario": scenario.name, "seed": seed}
    twin: TinyFrameTwin | MicradarTwin | AcconeerTwin
    if module is Module.TINYFRAME:
        twin = TinyFrameTwin(seed)
    elif module is Module.MICRADAR:
        twin = MicradarTwin(seed)
    else:
        twin = AcconeerTwin(seed, sensor_config=SensorConfig().as_json())
        extra["sensor_config"] = twin.sensor_config
    spoken = twin.night(scene_of(scenario, nights, seed))
    silent = [(f.at * 60.0, f.at * 60.0 + f.seconds) for f in scenario.faults if f.what == "unplug"]
    heard = (item for item in spoken if not any(start <= item[0] < end for start, end in silent))
    return CaptureHeader(module, scenario.night.started_utc, extra), heard if silent else spoken


def truth_rows(nights: list[SimulatedNight]) -> Iterator[tuple[int, int, str, int, int, str]]:
    """TRUTH_COLUMNS of every epoch, person by person; ``in_bed`` and ``intent`` are 0 or 1."""
    for night in nights:
        facts = zip(night.stage.tolist(), night.in_bed.tolist(), night.intent.tolist(), strict=True)
        for epoch, (stage, in_bed, intent) in enumerate(facts):
            yield epoch, epoch * EPOCH_S, SleepStage(stage).word, int(in_bed), int(intent), night.person


def write_simulation(
    scenario: Scenario,
    seed: int,
    module: Module,
    capture: Path,
    truth: Path,
    progress: Callable[[float], None] = lambda share: None,
) -> None:
    """Play a scenario into a capture file (gzip where its name ends in .gz) and what was true into a CSV.

    The same scenario and seed give the same bytes.  ``progress`` hears the share done, 0-1, about once a simulated
    quarter of an hour.  Raises ScenarioError in one line where a file cannot be written.
    """
    nights = simulate_scenario(scenario, seed)
    header, spoken = wire_of(scenario, nights, module, seed)
    try:
        with truth.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(TRUTH_COLUMNS)
            rows.writerows(truth_rows(nights))
        with capture.open("wb") as raw:
            if capture.suffix == ".gz":
                with gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:  # no name and no date: same seed, same bytes
                    _write(cast(BinaryIO, packed), header, spoken, scenario.night.hours, progress)
            else:
                _write(raw, header, spoken, scenario.night.hours, progress)
    except OSError as error:
        raise ScenarioError(f"{error.filename or capture}: cannot be written ({error.strerror})") from None


def _write(
    stream: BinaryIO,
    header: CaptureHeader,
    spoken: Iterator[tuple[float, bytes]],
    hours: float,
    progress: Callable[[float], None],
) -> None:
    writer = CaptureWriter(stream, header)
    for quarter, items in itertools.groupby(spoken, key=lambda item: int(item[0] // 900.0)):
        for t_s, data in items:
            writer.write(t_s, Channel.RADAR_RX, data)
        progress(min((quarter + 1) * 900.0 / (hours * 3600.0), 1.0))
