"""One night for the page: runs of one stage each, with the holes that a night has, and one axis for all its charts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from appliance.records import EnvironmentRecord, EpochRecord, SessionRecord

EPOCH_S = 30
GROWING_S = 8 * 3600  # while somebody is in bed the axis is a whole night long, and the night grows into it
MIN_NIGHT_S = 3600  # a shorter stay in bed does not take the place of last night
NIGHT_GAP_S = 86_400
QUARTER_S = 900
ROOM_GAP_S = 180  # of a room that is looked at each minute: a longer silence is a gap

Series = Sequence[tuple[int, float | None]]  # (utc_s, value), None where it is missing


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive epochs of one stage, ``[start_utc, end_utc)``; also ``away`` and ``other`` (somebody else's)."""

    start_utc: int
    end_utc: int
    stage: str
    rate_brpm: float | None  # mean of the epochs that have one

    @property
    def length_s(self) -> int:
        """Whole seconds."""
        return self.end_utc - self.start_utc


def runs(
    epochs: Sequence[EpochRecord], start_utc: int, end_utc: int, absences: Sequence[tuple[int, int]] = ()
) -> list[Run]:
    """The night from ``start_utc`` to ``end_utc`` without a hole.

    Where no epoch was recorded it is ``away`` if the bed is known to have been empty, else ``unscored``.
    """
    found: list[Run] = []
    rates: list[float] = []

    def add(begin: int, end: int, stage: str, rate: float | None) -> None:
        begin, end = max(begin, start_utc), min(end, end_utc)
        if end <= begin:
            return
        if found and found[-1].stage == stage:
            begin = found.pop().start_utc
        else:
            rates.clear()
        if rate is not None:
            rates.append(rate)
        found.append(Run(begin, end, stage, sum(rates) / len(rates) if rates else None))

    def add_hole(begin: int, end: int) -> None:
        for left, back in absences:
            left, back = max(left, begin), min(back, end)
            if left < back:
                add(begin, left, "unscored", None)
                add(left, back, "away", None)
                begin = back
        add(begin, end, "unscored", None)

    reached = start_utc
    for epoch in epochs:
        add_hole(reached, epoch.start_utc)
        stage = epoch.stage if epoch.is_primary or epoch.stage == "unscored" else "other"
        add(max(epoch.start_utc, reached), epoch.start_utc + EPOCH_S, stage, epoch.rate_brpm)
        reached = max(reached, epoch.start_utc + EPOCH_S)
    add_hole(reached, end_utc)
    return found


def series(epochs: Sequence[EpochRecord], of: Callable[[EpochRecord], float | None]) -> Series:
    """One measurement through the night, with None at the beginning of every hole in it."""
    found: list[tuple[int, float | None]] = []
    reached: int | None = None
    for epoch in epochs:
        if reached is not None and epoch.start_utc > reached:
            found.append((reached, None))
        found.append((epoch.start_utc, of(epoch)))
        reached = epoch.start_utc + EPOCH_S
    return found


class Quarter(NamedTuple):
    """A quarter of an hour of a night: means, None where nothing was measured."""

    start_utc: int
    rate_brpm: float | None
    motion: float | None
    room: dict[str, float | None]


def quarters(epochs: Sequence[EpochRecord], room: Sequence[EnvironmentRecord], columns: Sequence[str]) -> list[Quarter]:
    """What the charts show, as figures; ``columns`` of the room.  Quarters without any are left out."""
    by_epoch: dict[int, list[EpochRecord]] = {}
    for epoch in epochs:
        by_epoch.setdefault(epoch.start_utc // QUARTER_S * QUARTER_S, []).append(epoch)
    by_minute: dict[int, list[EnvironmentRecord]] = {}
    for minute in room:
        by_minute.setdefault(minute.utc_s // QUARTER_S * QUARTER_S, []).append(minute)
    return [
        Quarter(
            start,
            _mean([one.rate_brpm for one in by_epoch.get(start, ())]),
            _mean([one.motion for one in by_epoch.get(start, ())]),
            {column: _mean([getattr(one, column) for one in by_minute.get(start, ())]) for column in columns},
        )
        for start in sorted(by_epoch.keys() | by_minute.keys())
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def room_series(room: Sequence[EnvironmentRecord], column: str) -> Series:
    """One sensor through the night, with None where the room was silent."""
    found: list[tuple[int, float | None]] = []
    for minute in room:
        if found and minute.utc_s - found[-1][0] > ROOM_GAP_S:
            found.append((found[-1][0] + 60, None))
        found.append((minute.utc_s, getattr(minute, column)))
    return found


def middle_range(values: Series) -> tuple[int, int] | None:
    """Whole numbers between which all but a few of the values lie; None where there are none."""
    told = sorted(value for _, value in values if value is not None)
    if not told:
        return None
    few = len(told) // 50
    return math.floor(told[few]) - 1, math.ceil(told[-1 - few]) + 1


def totals(found: Sequence[Run]) -> dict[str, int]:
    """Seconds of each stage."""
    lengths: dict[str, int] = {}
    for run in found:
        lengths[run.stage] = lengths.get(run.stage, 0) + run.length_s
    return lengths


def last_night(latest: Sequence[SessionRecord]) -> SessionRecord | None:
    """Of the latest stays in bed, latest first: the one in progress, else the last long one of a day, else the last."""
    if not latest:
        return None
    newest = latest[0]
    if newest.left_utc is None:
        return newest
    for session in latest:
        if session.left_utc is None or newest.left_utc - session.left_utc > NIGHT_GAP_S:
            break
        if session.left_utc - session.entered_utc >= MIN_NIGHT_S:
            return session
    return newest
