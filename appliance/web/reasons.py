"""Why a night is said to begin, fall asleep and end when it does: what changed there, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from appliance.records import EpochRecord, SessionRecord
from appliance.web.nights import EPOCH_S
from appliance.web.words import clock

_BEGINS = {"trying": "Trying to sleep from", "asleep": "Asleep from", "awake": "Awake for good from"}
_SCORES = {
    "trying": "the score for trying",
    "asleep": "the score for being asleep",
    "awake": "the score for being awake",
}
_SAID = {"trying": "trying to sleep from", "asleep": "asleep from"}
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
    return [f"Not you from {clock(start, zone)} to {clock(end, zone)}: {why}." for start, end, why in found]


def said_live(session: SessionRecord, zone: ZoneInfo) -> str:
    """What was said in the night itself, which the morning may have revised; empty where nothing was."""
    told = [] if session.intent is None else session.intent.get("said", [])
    parts = [f"{_SAID[what]} {clock(at, zone)} (at {clock(said, zone)})" for what, at, said in told]
    return f"Said in the night: {', '.join(parts)}." if parts else ""


def _sentence(reason: Mapping[str, Any], zone: ZoneInfo) -> str:
    what = reason["what"]
    clues = []
    if what != "awake" and reason["still_since_s"] is not None:
        clues.append(f"the last body movement before it ended at {clock(reason['still_since_s'], zone)}")
    before, after = reason["motion"]
    if before is not None and after is not None and abs(after - before) >= LEAST_MOTION:
        clues.append(
            f"movement {'rose' if after > before else 'fell'} from {before:.0%} to {after:.0%} of its full scale"
        )
    before, after = reason["breath_cv"]
    if before is not None and after is not None and f"{before:.0%}" != f"{after:.0%}":
        how = "became uneven" if after > before else "steadied"
        clues.append(f"breathing {how} (its intervals varied by {before:.0%} before and {after:.0%} after)")
    before, after = reason["light_lx"]
    if before is not None and after is not None and abs(after - before) >= LEAST_LX:
        clues.append(f"the light went from {before:.0f} lx to {after:.0f} lx")
    before, after = reason["score"]
    if after is not None:
        path = f"went from {before:.0%} to {after:.0%}" if before is not None else f"was {after:.0%}"
        clues.append(f"{_SCORES[what]} {path}")
    return f"{_BEGINS[what]} {clock(reason['at_s'], zone)}: {', '.join(clues)}."
