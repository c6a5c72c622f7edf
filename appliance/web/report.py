"""The morning report: when and why an alarm rang, what the box knew then, and what was around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from appliance.records import AlarmFactRecord, EpochRecord, RingRecord
from appliance.web import words
from appliance.web.speech import heard, say
from appliance.web.words import UNKNOWN, clock

AROUND_S = 600  # of the night before the ring that the report looks at
AWAKE_WITHIN_S = 1800
EPOCH_S = 30


class Report(NamedTuple):
    """One ring: its title, and its lines as (name, value)."""

    title: str
    lines: tuple[tuple[str, str], ...]


def report(ring: RingRecord, record: AlarmFactRecord | None, epochs: Sequence[EpochRecord], zone: ZoneInfo) -> Report:
    """What there is to say of one ring; ``epochs`` are the night's."""
    given_up_s = max(ring.due_utc - ring.rang_utc, 0)
    stage = say("report.not_known")
    if ring.stage in words.STAGES:
        stage = words.stage(ring.stage)
        if ring.stage_probability is not None:
            stage = say("report.stage_sure", stage=stage, share=words.percent(ring.stage_probability))
    lines = [
        (say("report.set_for"), clock(ring.due_utc, zone)),
        (say("report.why"), words.sentence_case(heard(ring.reason))),
        (say("report.stage"), stage),
        (say("report.given_up"), words.duration(given_up_s)),
        (say("report.before", minutes=AROUND_S // 60), _before(ring, epochs)),
        (say("report.awake"), _awake(ring, epochs)),
    ]
    if ring.present is False:
        lines.insert(2, (say("report.in_bed"), say("report.nobody")))
    lines += _answer(record, zone)
    return Report(say("report.title", time=clock(ring.rang_utc, zone)), tuple(lines))


def _before(ring: RingRecord, epochs: Sequence[EpochRecord]) -> str:
    """Stages of the last minutes before the ring, the longest first, and how much of it moved."""
    near = [e for e in epochs if ring.rang_utc - AROUND_S <= e.start_utc and e.start_utc + EPOCH_S <= ring.rang_utc]
    if not near:
        return UNKNOWN
    seconds = Counter(e.stage if e.is_primary else "other" for e in near)
    told = [f"{words.stage(stage)} {words.span(EPOCH_S * n)}" for stage, n in seconds.most_common()]
    moved = sum(1 for e in near if (e.motion or 0.0) >= 0.1)
    return say("report.before_moved", stages=", ".join(told), moved=moved, count=len(near))


def _awake(ring: RingRecord, epochs: Sequence[EpochRecord]) -> str:
    """When the radar saw the sleeper awake after the ring."""
    ends = ring.rang_utc + AWAKE_WITHIN_S
    for epoch in epochs:
        if ring.rang_utc - EPOCH_S < epoch.start_utc < ends and epoch.stage == "wake" and epoch.is_primary:
            return say("report.awake_after", length=words.span(max(epoch.start_utc - ring.rang_utc, 0)))
    return say("report.not_seen")


def _answer(record: AlarmFactRecord | None, zone: ZoneInfo) -> list[tuple[str, str]]:
    if record is None:
        return []
    told = []
    snoozes = record.facts.get("snoozes")
    if isinstance(snoozes, int) and snoozes:
        often = say("report.once") if snoozes == 1 else say("report.times", count=snoozes)
        told.append((say("report.snoozed"), often))
    ended = record.facts.get("ended_utc")
    told.append((say("report.ended"), clock(ended, zone) if isinstance(ended, int) else say("report.not_yet")))
    return told
