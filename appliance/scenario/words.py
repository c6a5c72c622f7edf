"""The words of a scenario file: what may stand in it, and one line for whatever may not."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from drivers.readings import Module
from models.sleeper import WORDS, Activity
from models.sleeper.body import POSTURES

ROLES = ("primary", "partner", "child")
SIDES = ("left", "right")
LIES = ("free", *POSTURES)
BREATHS_OF = {"cat": 24.0, "dog": 16.0}
KINDS = tuple(BREATHS_OF)
PET_WORDS = ("enter", "walk_over", "sleep", "move", "leave")
THINGS = ("fan", "curtain", "second_radar")
FAULTS = ("drop_out", "unplug", "knock")
# Keys whose values are words of the file's own: a dash or a space may stand for the low line.
SPOKEN = ("what", "kind", "role", "side", "lies")


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
    lies: str = "free"  # or one posture all night


@dataclass(frozen=True)
class PetLine:
    """``[[pet.does]]``."""

    at: float
    what: str
    to_m: float | None = None  # for move: its new place


@dataclass(frozen=True)
class Pet:
    """``[[pet]]``: where it lies and what it does; it breathes faster than people."""

    name: str
    kind: str
    does: tuple[PetLine, ...]
    distance_m: float = 1.2
    on_bed: bool | None = None  # None: a cat is, a dog is not
    breaths_per_minute: float = 0.0  # asleep; 0: as its kind does

    @property
    def is_on_bed(self) -> bool:
        return self.kind == "cat" if self.on_bed is None else self.on_bed


@dataclass(frozen=True)
class Thing:
    """``[[thing]]``: it is on from ``at`` minutes for ``minutes``, or to the end."""

    what: str
    at: float = 0.0
    minutes: float | None = None
    distance_m: float | None = None
    sweep_hz: float = 0.1  # of a fan
    mm: float = 5.0  # of a fan, peak to peak
    name: str = ""


@dataclass(frozen=True)
class Fault:
    """``[[fault]]``: from ``at`` minutes on for ``seconds``, the module loses its target or its wire, or is jolted."""

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
    pets: tuple[Pet, ...]
    things: tuple[Thing, ...]
    faults: tuple[Fault, ...]
    knows: Knows


@dataclass(frozen=True)
class _Line:
    """``[[person.does]]`` as it stands in the file."""

    at: float
    what: str
    to_m: float | None = None


_Facts = TypeVar("_Facts", NightFacts, Sleeper, Pet, PetLine, Thing, Fault, Knows, _Line)


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
    night = _facts(NightFacts, document.get("night", {}), "[night]")
    _within(night.hours, 0.1, 24.0, "[night] hours")
    _within(night.height_m, 0.0, 2.0, "[night] height_m")
    _one_of(night.side, SIDES, "[night] side")
    people = tuple(_sleeper(table, night) for table in _tables(document, "person"))
    names = [person.name for person in people]
    if len(set(names)) < len(names):
        raise ScenarioError("two [[person]] have the same name; give each their own")
    pets = tuple(_pet(table, night) for table in _tables(document, "pet"))
    things = tuple(_thing(table, night) for table in _tables(document, "thing"))
    faults = tuple(_facts(Fault, table, "[[fault]]") for table in _tables(document, "fault"))
    for fault in faults:
        _one_of(fault.what, FAULTS, "[[fault]] what")
        _within(fault.at, 0.0, night.hours * 60.0, "[[fault]] at")
        _within(fault.seconds, 0.1, night.hours * 3600.0, "[[fault]] seconds")
    knows = document.get("knows", {})
    if isinstance(knows, dict) and isinstance(knows.get("modules"), list):
        knows = {**knows, "modules": tuple(map(_spoken, knows["modules"]))}
    known = _facts(Knows, knows, "[knows]")
    for module in known.modules:
        _one_of(module, tuple(Module), "[knows] modules")
    return Scenario(name, night, people, pets, things, faults, known)


def _sleeper(table: dict[str, Any], night: NightFacts) -> Sleeper:
    where = f"[[person]] {table.get('name', '')}".strip()
    does = tuple(_activity(line, where, night) for line in _tables(table, "does", where))
    person = _facts(Sleeper, {**table, "does": does}, where)
    _one_of(person.role, ROLES, f"{where} role")
    _one_of(person.lies, LIES, f"{where} lies")
    if person.side is not None:
        _one_of(person.side, SIDES, f"{where} side")
    if person.distance_m is not None:
        _within(person.distance_m, 0.2, 5.0, f"{where} distance_m")
    _within(person.breaths_per_minute, 4.0, 40.0, f"{where} breaths_per_minute")
    _within(person.age_years, 0.0, 120.0, f"{where} age_years")
    for key in ("apnoea_per_h", "falls_asleep_min", "chest_mm", "belly_mm"):
        _within(getattr(person, key), 0.0, 150.0, f"{where} {key}")
    return person


def _pet(table: dict[str, Any], night: NightFacts) -> Pet:
    where = f"[[pet]] {table.get('name', '')}".strip()
    does = tuple(_facts(PetLine, line, f"{where} does") for line in _tables(table, "does", where))
    pet = _facts(Pet, {"name": table.get("kind", ""), **table, "does": does}, where)
    _one_of(pet.kind, KINDS, f"{where} kind")
    _within(pet.distance_m, 0.2, 5.0, f"{where} distance_m")
    for line in does:
        _one_of(line.what, PET_WORDS, f"{where} does what")
        _within(line.at, 0.0, night.hours * 60.0, f"{where} does at")
        if line.to_m is not None:
            if line.what != "move":
                raise ScenarioError(f"{where} does: to_m, the new distance in metres, goes with move alone")
            _within(line.to_m, 0.2, 5.0, f"{where} does to_m")
    if pet.breaths_per_minute == 0.0:
        return replace(pet, breaths_per_minute=BREATHS_OF[pet.kind])
    _within(pet.breaths_per_minute, 4.0, 60.0, f"{where} breaths_per_minute")
    return pet


def _thing(table: dict[str, Any], night: NightFacts) -> Thing:
    where = f"[[thing]] {table.get('what', '')}".strip()
    thing = _facts(Thing, table, where)
    _one_of(thing.what, THINGS, "[[thing]] what")
    _within(thing.at, 0.0, night.hours * 60.0, f"{where} at")
    if thing.minutes is not None:
        _within(thing.minutes, 0.0, night.hours * 60.0, f"{where} minutes")
    if thing.distance_m is not None:
        _within(thing.distance_m, 0.2, 5.0, f"{where} distance_m")
    if thing.what != "fan" and not {"sweep_hz", "mm"}.isdisjoint(table):
        raise ScenarioError(f"{where}: sweep_hz and mm go with a fan alone")
    _within(thing.sweep_hz, 0.05, 0.15, f"{where} sweep_hz")
    _within(thing.mm, 0.1, 50.0, f"{where} mm")
    return thing


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
        if "bool" in known[key] and not isinstance(value, bool):
            raise ScenarioError(f"{where}: {key} must be true or false, not {value!r}")
    for name in known:
        if name not in table and not hasattr(kind, name):  # a default stands on the class
            raise ScenarioError(f"{where}: {name} is missing")
    return kind(**{key: _spoken(value) if key in SPOKEN else value for key, value in table.items()})


def _spoken(word: Any) -> Any:
    return word.strip().lower().replace("-", "_").replace(" ", "_") if isinstance(word, str) else word


def _within(value: float, low: float, high: float, where: str) -> None:
    if not low <= value <= high:
        raise ScenarioError(f"{where} must be from {low:g} to {high:g}, not {value:g}")


def _one_of(value: str, words: tuple[str, ...], where: str) -> None:
    if value not in words:
        raise ScenarioError(f"{where} must be one of {', '.join(words)}, not {value!r}")
