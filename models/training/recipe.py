"""The recipe: one TOML file that decides a model, and one line for whatever is wrong in it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

RECIPE = Path(__file__).with_name("recipe.toml")
Method = Literal["none", "coral", "cdan", "alignment"]
Target = Literal["radar", "belts"]
Ship = Literal["mean", "best"]


class RecipeError(Exception):
    """The recipe cannot be followed; one line that names the key."""


@dataclass(frozen=True)
class Nights:
    """How many nights are simulated, and how many real ones learnt from beside them."""

    train: int
    held_out: int
    variant: int
    real: int
    jobs: int


@dataclass(frozen=True)
class Net:
    """A network's sizes and the seeds of its trainings."""

    seeds: tuple[int, ...]
    ship: Ship
    width: int
    dilations: tuple[int, ...]


@dataclass(frozen=True)
class Training:
    """How a network learns; shares and deviations as recipe.toml explains them."""

    passes: int
    batch: int
    peak_rate: float
    weight_decay: float
    dropout: float
    label_smoothing: float
    class_weight_power: float
    offset_sd: float
    gain_sd: float
    drop_amplitude: float
    drop_waveform: float
    drop_movement: float
    drop_hours: float


@dataclass(frozen=True)
class Adaptation:
    """What unlabelled nights of another kind add to the training."""

    method: Method
    target: Target
    weight: float


@dataclass(frozen=True)
class Recipe:
    """The whole file."""

    nights: Nights
    live: Net
    morning: Net
    training: Training
    adaptation: Adaptation


def load_recipe(path: Path = RECIPE) -> Recipe:
    """Read a recipe, in which every key stands.  Raises RecipeError in one line."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        recipe: Recipe = _section(Recipe, document, "")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"{path.name} cannot be read: {error}") from None
    except RecipeError as error:
        raise RecipeError(f"{path.name}: {error}") from None
    return recipe


def _section(kind: Any, values: Any, section: str) -> Any:
    hints = get_type_hints(kind)
    if not isinstance(values, dict):
        raise RecipeError(f"{section} is a table of keys")
    name = f"{section}." if section else ""
    for key in values:
        if key not in hints:
            raise RecipeError(f"{name}{key} is not known; there are {', '.join(hints)}")
    for key in hints:
        if key not in values:
            raise RecipeError(f"{name}{key} is missing")
    return kind(**{key: _value(values[key], hint, f"{name}{key}") for key, hint in hints.items()})


def _value(value: Any, hint: Any, key: str) -> Any:
    if is_dataclass(hint):
        return _section(hint, value, key)
    choices = get_args(hint)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    if hint is int and isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if hint == tuple[int, ...] and isinstance(value, list) and value and all(type(n) is int and n > 0 for n in value):
        return tuple(value)
    if choices and value in choices and hint != tuple[int, ...]:
        return value
    wanted = {
        float: "a number, 0 or more",
        int: "a whole number, 0 or more",
        tuple[int, ...]: "a list of whole numbers",
    }
    raise RecipeError(f"{key} is {value!r}; it must be {wanted.get(hint) or 'one of ' + ', '.join(choices)}")
