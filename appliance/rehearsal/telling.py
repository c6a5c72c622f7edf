"""What became of a rehearsed night: as a JSON line, and as a row for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from appliance.rehearsal.judge import AT_ONCE_S
from appliance.rehearsal.world import World

FAILURES = ("late", "missed", "too_early", "again", "fell_silent", "crashes")
FLAGS = ("late", "too_early", "again", "fell_silent", "at_good_moment", "several", "lost_with_disk", "held_up")
MOST_ROWS = 100  # of nights; of more, those alone in which something went wrong


def line_of(world: World, crashes: list[str]) -> dict[str, Any]:
    """One night.

    ``lost_with_disk``: it sounded again or too early, or fell silent, where a fault had taken its memory;
    ``held_up``: a fault left no running process, or no true clock, at a set time;
    ``crashes``: of the process, by bugs that no fault asked for.
    """
    plan, judge = world.plan, world.judge
    start_utc = plan.start_utc
    return {
        "kind": "night",
        "seed": plan.seed,
        "module": plan.module.value,
        "timezone": plan.setting.timezone,
        "due": datetime.fromtimestamp(plan.due_utc, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "alarms": len(judge.alarms),
        "manner": plan.manner,
        "faults": [{"what": f.what, "at_s": round(f.at_s, 1), "seconds": round(f.seconds, 1)} for f in plan.faults],
        "due_s": judge.alarms[0].due_utc - start_utc,
        "starts": world.starts,
        "verdict": judge.word,
        "rang_s": None if judge.first_s is None else round(judge.first_s, 2),
        "delay_s": None if judge.delay_s is None else round(judge.delay_s, 2),
        "late": judge.is_late,
        **{name: name in world.wrongs for name in ("too_early", "again", "fell_silent")},
        "at_good_moment": any(one.is_ahead for one in judge.alarms),
        "several": len(judge.alarms) > 1,
        "lost_with_disk": bool(world.lost),
        "held_up": any(
            one.could_s is not None and one.first_s is not None and one.could_s > one.due_utc - start_utc + AT_ONCE_S
            for one in judge.alarms
        ),
        "crashes": crashes,
    }


def table(lines: Iterable[dict[str, Any]], nights: int) -> Iterator[str]:
    """The lines of a rehearsal of so many nights for people."""
    yield f"{'seed':>6}  {'module':9}  {'sleeper':12}  {'starts':>6}  {'verdict':8}  {'delay':>6}  faults"
    for line in lines:
        if line["kind"] != "night":
            yield ", ".join(f"{name.replace('_', ' ')} {line[name]}" for name in line if name != "kind")
            continue
        wrong = [name for name in FAILURES if line.get(name) or line["verdict"] == name]
        if nights > MOST_ROWS and not wrong:
            continue
        delay = "-" if line["delay_s"] is None else f"{line['delay_s']:.1f} s"
        faults = ", ".join(fault["what"] for fault in line["faults"]) or "none"
        yield (
            f"{line['seed']:>6}  {line['module']:9}  {line['manner']:12}  {line['starts']:>6}"
            f"  {line['verdict']:8}  {delay:>6}  {faults}{' <-- ' if wrong else ''}{', '.join(wrong)}"
        )
        yield from (f"        a bug at {crash}" for crash in line["crashes"])
