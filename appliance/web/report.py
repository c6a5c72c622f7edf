"""The morning report: when and why an alarm rang, what the box knew then, and what was around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from appliance.records import AlarmFactRecord, EpochRecord, RingRecord
from appliance.web import words
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
    stage = words.STAGES.get(ring.stage or "", "Not known")
    if ring.stage in words.STAGES and ring.stage_probability is not None:
        stage += f", {words.percent(ring.stage_probability)} sure"
    lines = [
        ("Set for", clock(ring.due_utc, zone)),
        ("Why then", words.sentence_case(ring.reason)),
        ("Stage at the ring", stage),
        ("Sleep given up", words.duration(given_up_s)),
        (f"The {AROUND_S // 60} min before", _before(ring, epochs)),
        ("Awake", _awake(ring, epochs)),
    ]
    if ring.present is False:
        lines.insert(2, ("In bed", "Nobody, as far as the radar could tell"))
    lines += _answer(record, zone)
    return Report(f"The alarm rang at {clock(ring.rang_utc, zone)}", tuple(lines))


def _before(ring: RingRecord, epochs: Sequence[EpochRecord]) -> str:
    """Stages of the last minutes before the ring, the longest first, and how much of it moved."""
    near = [e for e in epochs if ring.rang_utc - AROUND_S <= e.start_utc and e.start_utc + EPOCH_S <= ring.rang_utc]
    if not near:
        return UNKNOWN
    seconds = Counter(e.stage if e.is_primary else "other" for e in near)
    told = [f"{words.STAGES.get(stage, stage)} {words.span(EPOCH_S * n)}" for stage, n in seconds.most_common()]
    moved = sum(1 for e in near if (e.motion or 0.0) >= 0.1)
    return f"{', '.join(told)}; movement in {moved} of {len(near)} half minutes"


def _awake(ring: RingRecord, epochs: Sequence[EpochRecord]) -> str:
    """When the radar saw the sleeper awake after the ring."""
    ends = ring.rang_utc + AWAKE_WITHIN_S
    for epoch in epochs:
        if ring.rang_utc - EPOCH_S < epoch.start_utc < ends and epoch.stage == "wake" and epoch.is_primary:
            return f"{words.span(max(epoch.start_utc - ring.rang_utc, 0))} after it began"
    return "Not seen before you got up"


def _answer(record: AlarmFactRecord | None, zone: ZoneInfo) -> list[tuple[str, str]]:
    if record is None:
        return []
    told = []
    snoozes = record.facts.get("snoozes")
    if isinstance(snoozes, int) and snoozes:
        told.append(("Snoozed", "once" if snoozes == 1 else f"{snoozes} times"))
    ended = record.facts.get("ended_utc")
    told.append(("Ended", clock(ended, zone) if isinstance(ended, int) else "Not yet"))
    return told
