"""A night in words: a scenario file, the simulated night that comes of it, and that night as a module's wire bytes.

The file's form is described in tests/scenarios/alone.toml.  What is written is simulated or refused, never ignored.
"""

from __future__ import annotations

import csv
import gzip
import itertools
import math
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from drivers.capture import CaptureHeader, CaptureWriter, Channel
from drivers.readings import Module
from drivers.twins import AcconeerTwin, MicradarTwin, Scene, TinyFrameTwin
from models.contract import EPOCH_S, SleepStage
from models.sleeper import SAMPLE_HZ, WORDS, Activity, Person, SimulatedNight, simulate

ROLES = ("primary", "partner", "child")
SIDES = ("left", "right")
FAULTS = ("drop_out", "unplug")
NEAR_M, FAR_M = 0.6, 1.4  # radar to chest on the box's own side of the bed and on the other
EMPTY_ROOM_MM = 0.015
TRUTH_COLUMNS = ("epoch", "start_s", "stage", "in_bed", "intent", "person")


class ScenarioError(Exception):
    """The scenario cannot be played; one line that names the file, the place in it and what to do."""


@dataclass(frozen=True)
class NightFacts:
    """``[night]``: how long, and where the box stands."""

    hours: float = 8.0
    side: str = "left"  # of the bed at which the box stands
    height_m: float = 0.3  # of the radar above a chest
    started_utc: str = "2026-01-15T22:00:00Z"


@dataclass(frozen=True)
class Sleeper:
    """``[[person]]``: who is in it and what they do."""

    name: str
    does: tuple[Activity, ...]
    role: str = "primary"
    side: str | None = None  # None: the box's side for the primary user, the other one for the rest
    distance_m: float | None = None  # from the radar; None: as the side says
    breaths_per_minute: float = 15.4
    age_years: float = 40.0
    apnoea_per_h: float = 1.0
    falls_asleep_min: float = 12.0  # median
    chest_mm: float = 5.0
    belly_mm: float = 6.0


@dataclass(frozen=True)
class Fault:
    """``[[fault]]``: from ``at`` minutes on for ``seconds``, the module loses its target or its wire."""

    at: float
    what: str
    seconds: float = 30.0


@dataclass(frozen=True)
class Knows:
    """``[knows]``: the modules that can tell what happens here."""

    modules: tuple[str, ...] = tuple(Module)


@dataclass(frozen=True)
class Scenario:
    """One night as its file tells it."""

    name: str
    night: NightFacts
    people: tuple[Sleeper, ...]
    faults: tuple[Fault, ...]
    knows: Knows


@dataclass(frozen=True)
class _Line:
    """``[[person.does]]`` as it stands in the file."""

    at: float
    what: str
    to_m: float | None = None


_Facts = TypeVar("_Facts", NightFacts, Sleeper, Fault, Knows, _Line)


def load_scenario(path: Path) -> Scenario:
    """Read a scenario file.  Raises ScenarioError in one line for anything that it does not understand."""
    try:
        with path.open("rb") as file:
            document = tomllib.load(file)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: not TOML ({error})") from None
    try:
        return _scenario(path.stem, document)
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from None


def _scenario(name: str, document: dict[str, Any]) -> Scenario:
    for key in document:
        if key not in ("night", "person", "pet", "thing", "fault", "knows"):
            raise ScenarioError(f"unknown key {key!r}; known are night, person, pet, thing, fault, knows")
    for key in ("pet", "thing"):
        if document.get(key):
            raise ScenarioError(f"[[{key}]] is not simulated yet: take it out to play the rest")
    night = _facts(NightFacts, document.get("night", {}), "[night]")
    _within(night.hours, 0.1, 24.0, "[night] hours")
    _within(night.height_m, 0.0, 2.0, "[night] height_m")
    _one_of(night.side, SIDES, "[night] side")
    people = tuple(_sleeper(table, night) for table in _tables(document, "person"))
    names = [person.name for person in people]
    if len(set(names)) < len(names):
        raise ScenarioError("two [[person]] have the same name; give each their own")
    faults = tuple(_facts(Fault, table, "[[fault]]") for table in _tables(document, "fault"))
    for fault in faults:
        _one_of(fault.what, FAULTS, "[[fault]] what")
        _within(fault.at, 0.0, night.hours * 60.0, "[[fault]] at")
        _within(fault.seconds, 0.1, night.hours * 3600.0, "[[fault]] seconds")
    knows = document.get("knows", {})
    if isinstance(knows, dict) and isinstance(knows.get("modules"), list):
        knows = {**knows, "modules": tuple(knows["modules"])}
    known = _facts(Knows, knows, "[knows]")
    for module in known.modules:
        _one_of(module, tuple(Module), "[knows] modules")
    return Scenario(name, night, people, faults, known)


def _sleeper(table: dict[str, Any], night: NightFacts) -> Sleeper:
    where = f"[[person]] {table.get('name', '')}".strip()
    does = tuple(_activity(line, where, night) for line in _tables(table, "does", where))
    person = _facts(Sleeper, {**table, "does": does}, where)
    _one_of(person.role, ROLES, f"{where} role")
    if person.side is not None:
        _one_of(person.side, SIDES, f"{where} side")
    if person.distance_m is not None:
        _within(person.distance_m, 0.2, 5.0, f"{where} distance_m")
    _within(person.breaths_per_minute, 4.0, 40.0, f"{where} breaths_per_minute")
    _within(person.age_years, 0.0, 120.0, f"{where} age_years")
    for key in ("apnoea_per_h", "falls_asleep_min", "chest_mm", "belly_mm"):
        _within(getattr(person, key), 0.0, 150.0, f"{where} {key}")
    return person


def _activity(table: dict[str, Any], where: str, night: NightFacts) -> Activity:
    where = f"{where} does"
    line = _facts(_Line, table, where)
    _one_of(line.what, WORDS, f"{where} what")
    _within(line.at, 0.0, night.hours * 60.0, f"{where} at")
    if (line.to_m is None) == (line.what == "roll_to"):
        raise ScenarioError(f"{where}: to_m, the new distance in metres, goes with roll_to and with nothing else")
    if line.to_m is not None:
        _within(line.to_m, 0.2, 5.0, f"{where} to_m")
    return Activity(line.at, line.what, line.to_m)


def _tables(document: dict[str, Any], key: str, where: str = "") -> list[dict[str, Any]]:
    tables = document.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ScenarioError(f"{where} {key}: write it as [[{key}]]".strip())
    return tables


def _facts(kind: type[_Facts], table: object, where: str) -> _Facts:
    """A frozen value from a TOML table: unknown and missing keys and wrong types refused."""
    if not isinstance(table, dict):
        raise ScenarioError(f"{where} is not a table")
    known = {field.name: str(field.type) for field in fields(kind)}
    for key, value in table.items():
        if key not in known:
            raise ScenarioError(f"{where}: unknown key {key!r}; known are {', '.join(known)}")
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if "float" in known[key] and not number:
            raise ScenarioError(f"{where}: {key} must be a number, not {value!r}")
        if "str" in known[key] and not isinstance(value, str | tuple):
            raise ScenarioError(f"{where}: {key} must be text, not {value!r}")
    for name in known:
        if name not in table and not hasattr(kind, name):  # a default stands on the class
            raise ScenarioError(f"{where}: {name} is missing")
    return kind(**table)


def _within(value: float, low: float, high: float, where: str) -> None:
    if not low <= value <= high:
        raise ScenarioError(f"{where} must be from {low:g} to {high:g}, not {value:g}")


def _one_of(value: str, words: tuple[str, ...], where: str) -> None:
    if value not in words:
        raise ScenarioError(f"{where} must be one of {', '.join(words)}, not {value!r}")


def simulate_scenario(scenario: Scenario, seed: int) -> list[SimulatedNight]:
    """One night per person, in the file's order, as a radar on the box's side of the bed sees each alone."""
    seeds = np.random.SeedSequence(seed).generate_state(max(len(scenario.people), 1))
    return [
        simulate(_body(person, scenario.night), list(person.does), scenario.night.hours, int(own_seed))
        for person, own_seed in zip(scenario.people, seeds, strict=False)
    ]


def _body(person: Sleeper, night: NightFacts) -> Person:
    near = person.side == night.side if person.side is not None else person.role == "primary"
    distance_m = person.distance_m if person.distance_m is not None else NEAR_M if near else FAR_M
    age = person.age_years
    return Person(
        name=person.name,
        age_years=age,
        breaths_brpm=person.breaths_per_minute,
        apnoea_per_h=person.apnoea_per_h,
        pool="home_young" if age < 42 else "home_middle" if age < 63 else "home_older",
        sol_min=person.falls_asleep_min,
        chest_mm=person.chest_mm,
        belly_mm=person.belly_mm,
        height_m=min(night.height_m, 0.9 * distance_m),
        lateral_m=math.sqrt(distance_m**2 - min(night.height_m, 0.9 * distance_m) ** 2),
    )


def scene_of(scenario: Scenario, nights: list[SimulatedNight], seed: int) -> Scene:
    """What stands before the radar: the nearest body's displacement and distance, and where the others are."""
    samples = round(scenario.night.hours * 3600) * SAMPLE_HZ
    t_s = np.arange(samples) / SAMPLE_HZ
    if not nights:
        still = EMPTY_ROOM_MM * np.random.default_rng(seed).standard_normal(samples)
        return Scene(t_s, still, np.full(samples, np.nan), np.zeros(samples))
    distances = np.stack([night.distance_m for night in nights]).astype(np.float64)  # (people, samples)
    nearest = np.argmin(np.where(np.isnan(distances), np.inf, distances), axis=0)[None]
    displacement = np.stack([night.displacement_mm for night in nights]).astype(np.float64)
    moving = np.stack([night.moving for night in nights]).astype(np.float64)
    others = None
    if len(nights) > 1:
        away = distances.copy()
        np.put_along_axis(away, nearest, np.nan, axis=0)
        others = np.stack([np.where(np.isnan(away), np.nan, 0.0), away], axis=-1).transpose(1, 0, 2)
    scene = Scene(t_s, _pick(displacement, nearest), _pick(distances, nearest), _pick(moving, nearest), others)
    for fault in scenario.faults:
        if fault.what == "drop_out":
            scene.distance_m[_span(t_s, fault)] = np.nan
    return scene


def _pick(rows: NDArray[np.float64], nearest: NDArray[np.int64]) -> NDArray[np.float64]:
    picked: NDArray[np.float64] = np.take_along_axis(rows, nearest, axis=0)[0]
    return picked


def _span(t_s: NDArray[np.float64], fault: Fault) -> NDArray[np.bool_]:
    return np.logical_and(t_s >= fault.at * 60.0, t_s < fault.at * 60.0 + fault.seconds)


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
        twin = AcconeerTwin(seed)
        extra["sensor_config"] = twin.sensor_config
    scene = scene_of(scenario, nights, seed)
    spoken = twin.night(scene.t_s, scene.displacement_mm, scene.distance_m, scene.moving, scene.others_m)
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
