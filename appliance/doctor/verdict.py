"""What the doctor says of one part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Verdict(NamedTuple):
    """One part of the box; ``is_well`` None means that it could not be tried now."""

    part: str
    is_well: bool | None
    said: str  # what was found
    tried: str = ""
    cause: str = ""  # the likeliest
    step: str = ""  # what to do next


class PartError(Exception):
    """A part is not well: what was found, why most likely, and what to do next."""

    def __init__(self, found: str, cause: str = "", step: str = "") -> None:
        super().__init__(found)
        self.found, self.cause, self.step = found, cause, step


_MARKS = {True: "ok   ", False: "WRONG", None: "-    "}


def lines(verdict: Verdict, in_full: bool = False) -> Iterator[str]:
    """As text: one line where it is well, and what was tried, the likeliest cause and the next step where it is not."""
    yield f"{_MARKS[verdict.is_well]} {verdict.part}: {verdict.said}"
    is_ill = verdict.is_well is False
    if is_ill or in_full:
        for name, text in (("tried", verdict.tried), ("likeliest", verdict.cause), ("next", verdict.step)):
            if text and (is_ill or name == "tried"):
                yield f"        {name}: {text}"
