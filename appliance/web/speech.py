"""What the page says, in the language of whoever asks; every text stands in ``texts/``, a file a language.

How something is said (language, 12 or 24 h, °C or °F) holds for one request and its thread.  Sentences that the box
itself wrote are English; ``heard`` gives them in the page's language where its file has them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

FOLDER = Path(__file__).with_name("texts")
DEFAULT = "en"
LANGUAGES = (DEFAULT, *sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem != DEFAULT))
CLOCKS = ("24", "12")
DEGREES = ("C", "F")
TINTS = ("amber", "red")
_OF_TWELVE_HOURS = frozenset({"US", "CA", "AU", "NZ", "IN", "PH"})  # Unicode CLDR 45, timeData
_OF_FAHRENHEIT = frozenset({"US"})  # Unicode CLDR 45, unitPreferenceData, of those who have such browsers


class Manner(NamedTuple):
    """How things are said."""

    language: str = DEFAULT
    clock: str = CLOCKS[0]
    degrees: str = DEGREES[0]
    tint: str = TINTS[0]


_manner: ContextVar[Manner] = ContextVar("manner", default=Manner())  # noqa: B039 - a tuple cannot change


def speak(manner: Manner) -> None:
    """Say everything so from now on, in this thread."""
    _manner.set(manner)


def manner() -> Manner:
    """How things are said now."""
    return _manner.get()


def manner_of(wanted: Mapping[str, Any], accepted: str) -> Manner:
    """As the settings want it; what they leave open is as the browser's ``Accept-Language`` has it."""
    ranges = re.findall(r"([A-Za-z]{2,3})(?:-[A-Za-z]{4})?(?:-([A-Za-z]{2}))?(?=[,;]|\s|$)", accepted[:200])
    spoken = [language.lower() for language, _ in ranges]
    region = ranges[0][1].upper() if ranges else ""
    found = Manner(
        language=next((one for one in spoken if one in LANGUAGES), DEFAULT),
        clock="12" if region in _OF_TWELVE_HOURS else "24",
        degrees="F" if region in _OF_FAHRENHEIT else "C",
    )
    choices = {"language": LANGUAGES, "clock": CLOCKS, "degrees": DEGREES, "tint": TINTS}
    return found._replace(**{key: wanted[key] for key, values in choices.items() if wanted.get(key) in values})


def say(key: str, **values: object) -> str:
    """The text of ``key`` (``section.name``) with its values in place; Markup where one of them is Markup."""
    text = _texts(_manner.get().language)[key]
    if any(isinstance(value, Markup) for value in values.values()):
        return Markup(text).format(**values)
    return text.format(**values) if values else text


def names(key: str) -> list[str]:
    """A list of texts, such as the weekdays."""
    return _lists(_manner.get().language)[key]


def says(key: str) -> bool:
    """Whether there is such a text."""
    return key in _texts(_manner.get().language)


def heard(text: str) -> str:
    """A sentence that the box wrote, in the page's language where that has it."""
    for pattern, said in _heard(_manner.get().language):
        found = pattern.fullmatch(text)
        if found is not None:
            return said.format(*(heard(part) if len(part) > 3 else part for part in found.groups()))
    return text


@lru_cache(maxsize=8)
def document(language: str) -> dict[str, dict[str, Any]]:
    """The whole file of a language."""
    return tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=8)
def _texts(language: str) -> dict[str, str]:
    sections = document(language).items()
    return {f"{s}.{k}": v for s, texts in sections if s != "heard" for k, v in texts.items() if isinstance(v, str)}


@lru_cache(maxsize=8)
def _lists(language: str) -> dict[str, list[str]]:
    return {f"{s}.{k}": v for s, texts in document(language).items() for k, v in texts.items() if isinstance(v, list)}


@lru_cache(maxsize=8)
def _heard(language: str) -> list[tuple[re.Pattern[str], str]]:
    told = document(language).get("heard", {})
    return [(re.compile("(.+)".join(re.escape(part) for part in key.split("{}"))), said) for key, said in told.items()]
