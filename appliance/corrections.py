"""What the sleeper knows better: times of a night as typed, held against what was measured and replacing nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from appliance.records import CorrectionRecord, SessionRecord

NOT_ME = "not_me"
MEASURED = {"in_bed": "entered_utc", "trying": "began_trying_utc", "asleep": "onset_utc", "up": "left_utc"}
NAMES = {"in_bed": "In bed", "trying": "Trying to sleep", "asleep": "Fell asleep", "up": "Got up"}
_ACTS = {"in_bed": "going to bed", "trying": "trying to sleep", "asleep": "falling asleep", "up": "getting up"}
BEYOND_S = 3 * 3600  # so long before and after what was measured somebody may have been in bed unnoticed


class CorrectionError(Exception):
    """What was typed cannot be; one line that says why."""


class Stretch(NamedTuple):
    """From when until when corrections of a night may lie, UTC seconds."""

    start_utc: int
    end_utc: int


def stretch(session: SessionRecord, before: SessionRecord | None, after: SessionRecord | None) -> Stretch:
    """Of a night that is over: some hours around it, up to the stays in bed before and after."""
    start, end = session.entered_utc - BEYOND_S, (session.left_utc or session.entered_utc) + BEYOND_S
    if before is not None and before.left_utc is not None:
        start = max(start, before.left_utc)
    return Stretch(start, end if after is None else min(end, after.entered_utc))


def measured(session: SessionRecord) -> dict[str, int | None]:
    """The four times as the box has them."""
    return {kind: getattr(session, name) for kind, name in MEASURED.items()}


def times(session: SessionRecord, corrections: Iterable[CorrectionRecord]) -> dict[str, int | None]:
    """The four times as far as anybody knows: as corrected, else as measured."""
    told = {one.kind: one.utc_s for one in corrections if one.kind in MEASURED}
    return measured(session) | told


def has_hour_twice(within: Stretch, zone: ZoneInfo) -> bool:
    """Whether the clock goes back within it, so that a time of day may mean two instants."""
    offsets = [datetime.fromtimestamp(t, UTC).astimezone(zone).utcoffset() for t in within]
    return (offsets[1] or timedelta()) < (offsets[0] or timedelta())


def read_clock(text: str, within: Stretch, zone: ZoneInfo, second: bool | None = None) -> int:
    """The instant of a time of day such as 23:40; ``second`` says which, where the clock showed it twice.

    Raises ``CorrectionError`` outside of ``within``, in the gap of a clock change, and where two are meant.
    """
    parts = text.strip().split(":")
    if not (2 <= len(parts) <= 3 and all(part.isascii() and part.isdigit() and len(part) <= 2 for part in parts)):
        raise CorrectionError("Write a time such as 23:40.")
    hour, minute, sec, *_ = [int(part) for part in parts] + [0]
    if hour > 23 or minute > 59 or sec > 59:
        raise CorrectionError("Write a time from 00:00 to 23:59.")
    begin, end = (datetime.fromtimestamp(t, UTC).astimezone(zone) for t in within)
    shown = f"{hour:02d}:{minute:02d}"
    found: list[int] = []
    skipped = None
    for ahead in range((end.date() - begin.date()).days + 1):
        day = begin.date() + timedelta(days=ahead)
        wall = datetime(day.year, day.month, day.day, hour, minute, sec)
        for fold in (0, 1):
            instant = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
            utc_s = int(instant.timestamp())
            there = instant.astimezone(zone).replace(tzinfo=None, fold=0) == wall
            if within.start_utc <= utc_s <= within.end_utc:
                if not there:
                    skipped = wall
                elif utc_s not in found:
                    found.append(utc_s)
    if len(found) == 2 and found[1] - found[0] < 12 * 3600:
        if second is None:
            raise CorrectionError(f"The clock showed {shown} twice that night: say which of the two.")
        return found[second]
    if found:
        return found[0]
    if skipped is not None:
        raise CorrectionError(f"{shown} did not come that night: the clocks went forward over it.")
    raise CorrectionError(f"{shown} is outside this night: write a time from {begin:%H:%M} to {end:%H:%M}.")


def out_of_order(wanted: Mapping[str, int | None], changed: Iterable[str], zone: ZoneInfo) -> dict[str, str]:
    """One line for each of the ``changed`` times that would stand before an earlier or after a later one."""
    known = [(kind, utc_s) for kind in MEASURED if (utc_s := wanted[kind]) is not None]
    errors: dict[str, str] = {}
    for k, (kind, utc_s) in enumerate(known):
        if kind not in changed:
            continue
        for other, other_s in known[:k]:
            if other_s > utc_s:
                errors[kind] = f"That is before {_ACTS[other]}, {_shown(other_s, zone)}."
        for other, other_s in known[k + 1 :]:
            if other_s < utc_s:
                errors.setdefault(kind, f"That is after {_ACTS[other]}, {_shown(other_s, zone)}.")
    return errors


def not_me(
    start_utc: int, end_utc: int, standing: Iterable[CorrectionRecord], session_id: int, made_utc: int, zone: ZoneInfo
) -> CorrectionRecord:
    """Minutes that were somebody else's.  Raises ``CorrectionError`` where they end too soon or overlap others."""
    if end_utc <= start_utc:
        raise CorrectionError("These minutes end before they begin.")
    for one in standing:
        if one.kind == NOT_ME and one.end_utc is not None and one.utc_s < end_utc and start_utc < one.end_utc:
            raise CorrectionError(
                f"That overlaps what was corrected already, {_shown(one.utc_s, zone)} to {_shown(one.end_utc, zone)}."
            )
    return CorrectionRecord(session_id, NOT_ME, start_utc, end_utc, made_utc)


def _shown(utc_s: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(utc_s, UTC).astimezone(zone):%H:%M}"
