"""Why a night is said to begin, fall asleep and end when it does: what changed there, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from appliance.records import EpochRecord, SessionRecord
from appliance.web.nights import EPOCH_S
from appliance.web.speech import heard, say
from appliance.web.words import clock, number, percent

LEAST_LX = 1.0  # a change of less is no reason
LEAST_MOTION = 0.02


def reasons(session: SessionRecord, zone: ZoneInfo) -> list[str]:
    """A sentence for each of the night's turns that the change points told."""
    told = [] if session.intent is None else session.intent.get("reasons", [])
    return [_sentence(reason, zone) for reason in told]


def not_you(epochs: Sequence[EpochRecord], zone: ZoneInfo) -> list[str]:
    """A sentence for each stretch of epochs that were somebody else's, with what told so at its beginning."""
    found: list[tuple[int, int, str]] = []
    before = None
    for epoch in epochs:
        if epoch.not_you is not None:
            goes_on = before is not None and before.not_you is not None
            start_utc, why = found.pop()[::2] if goes_on else (epoch.start_utc, epoch.not_you)
            found.append((start_utc, epoch.start_utc + EPOCH_S, why))
        before = epoch
    return [
        say("reason.not_you", **{"from": clock(start, zone), "to": clock(end, zone), "why": heard(why)})
        for start, end, why in found
    ]


def said_live(session: SessionRecord, zone: ZoneInfo) -> str:
    """What was said in the night itself, which the morning may have revised; empty where nothing was."""
    told = [] if session.intent is None else session.intent.get("said", [])
    parts = [say(f"reason.said_{what}", time=clock(at, zone), at=clock(said, zone)) for what, at, said in told]
    return say("reason.said", what=", ".join(parts)) if parts else ""


def _sentence(reason: Mapping[str, Any], zone: ZoneInfo) -> str:
    what = reason["what"]
    clues = []
    if what != "awake" and reason["still_since_s"] is not None:
        clues.append(say("reason.still", time=clock(reason["still_since_s"], zone)))
    before, after = reason["motion"]
    if before is not None and after is not None and abs(after - before) >= LEAST_MOTION:
        clues.append(_from_to("motion_rose" if after > before else "motion_fell", before, after))
    before, after = reason["breath_cv"]
    if before is not None and after is not None and f"{before:.0%}" != f"{after:.0%}":
        clues.append(_from_to("uneven" if after > before else "steadied", before, after))
    before, after = reason["light_lx"]
    if before is not None and after is not None and abs(after - before) >= LEAST_LX:
        clues.append(say("reason.light", before=number(before, "lx"), after=number(after, "lx")))
    before, after = reason["score"]
    if after is not None:
        clues.append(_from_to(f"{'was' if before is None else 'score'}_{what}", before, after))
    return say(f"reason.{what}", time=clock(reason["at_s"], zone), clues=", ".join(clues))


def _from_to(clue: str, before: float | None, after: float) -> str:
    return say(f"reason.{clue}", before=percent(before), after=percent(after))
