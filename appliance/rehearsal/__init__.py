"""Whole nights through the real supervisor, with faults, judged by what lamp and buzzer showed.

Real: the supervisor and its loop, night, sensing, stager, alarm, disk, database, the alarm's copy and what a restart
makes of it; the modules' bytes and their decoders, the room's sensors, the button's detector.

Something else stands in for: the clock, which is where the rehearsal has got to; the disk's thread, whose rounds are
run in between, one after each turn; the radar's thread and port, so that bytes come without a pseudo-terminal and
whatever the host says; lamp and buzzer; and systemd, by a new supervisor from what is on the disk.  The page's status
file is left out.  A killed process is abandoned between two steps of a turn.  Turns come every second, twice a second
from before the dawn on, and ten times a second wherever something happens.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.alarm import AlarmFacts
from appliance.alarm_copy import AlarmCopy
from appliance.bedside import Bedside
from appliance.box import remembered
from appliance.config import Config
from appliance.disk import Disk
from appliance.loading import load_policy, load_scorer, load_stager
from appliance.morning import Morning
from appliance.night import Night
from appliance.rehearsal.faults import DATABASE, FOREVER_S, Conditions
from appliance.rehearsal.judge import AT_ONCE_S
from appliance.rehearsal.plan import Plan, plan_night
from appliance.rehearsal.senses import WorldSenses
from appliance.rehearsal.world import Killed, World
from appliance.sensing import Finding, Sensing
from appliance.settings import ALARMS, Settings
from appliance.store import Role, Store
from appliance.supervisor import Supervisor
from appliance.tracking import PrimaryUserTracker
from appliance.watchdog import ServiceManager
from drivers.readings import Module, RadarSample
from models.intent import IntentScorer
from models.stager import Stager

FAILURES = ("late", "missed", "too_early", "again")
DAY_S = 86_400
DOUBT_BEFORE_S = 5.0
EAGER_SHARE = 0.1  # of a night's hours, of sleep that is enough to wake at a good moment


class PlannedBugError(Exception):
    """The bug in the signal chain that a fault asks for."""


def rehearse(
    nights: int,
    seed: int,
    faulty: bool,
    hours: float,
    say: Callable[[dict[str, Any]], None],
    progress: Callable[[float], None] = lambda done: None,
) -> bool:
    """Play nights with seeds from ``seed`` on; ``say`` is given a line for each, then the summary.

    True if none was late, missed, too early or rung again.  Each night is counted in one of rang, silenced and missed.
    """
    total: Counter[str] = Counter()
    for number in range(nights):
        with tempfile.TemporaryDirectory(prefix="firstlight-rehearsal-") as folder:
            line = play(plan_night(seed + number, faulty, hours), Path(folder))
        say(line)
        total[line["verdict"]] += 1
        total.update(
            name
            for name in ("late", "too_early", "again", "at_good_moment", "again_after_loss", "held_up")
            if line[name]
        )
        total["starts"] += line["starts"]
        total["crashes"] += len(line["crashes"])
        progress(number + 1)
    counts = ("rang", "silenced", *FAILURES, "at_good_moment", "again_after_loss", "held_up", "starts", "crashes")
    say({"kind": "summary", "nights": nights, **{name: total[name] for name in counts}})
    return not any(total[name] for name in FAILURES)


def play(plan: Plan, folder: Path) -> dict[str, Any]:
    """One night in ``folder``; what became of it as a JSON line."""
    _furnish(plan, folder)
    world = World(plan, folder)
    crashes: list[str] = []
    world.pass_by(0.0, runs=False)
    while True:
        _live(world, crashes)
        if world.is_over:
            return _line(world, crashes)
        world.rest()


def _live(world: World, crashes: list[str]) -> None:
    """One process from its start to its end, wired as the box is."""
    conditions = world.conditions
    copy, ledger = AlarmCopy(conditions.folder), conditions.open_ledger()
    disk = Disk(ledger, copy)
    settings, bedside = remembered(copy, Config())
    stager, why_not = load_stager(None if conditions.has_model else conditions.folder / "none.tflite")
    scorer, _ = load_scorer()

    def sense(module: Module, chosen: Settings) -> Sensing:
        return _Sensing(conditions, module, PrimaryUserTracker(module, chosen.bed_side), stager, scorer)

    policy = None if stager is None else load_policy(None, stager)[0]
    if policy is not None:
        # A short night has no hours of sleep, and the door before the set time is to be tried in it as well.
        policy = replace(policy, least_sleep_h=min(policy.least_sleep_h, EAGER_SHARE * world.plan.hours))
    world.begin(disk)
    supervisor = Supervisor(
        Night(
            settings,
            bedside,
            sense,
            None if stager is None else stager.name,
            policy,
            None if scorer is None else scorer.rules,
        ),
        WorldSenses(world),
        world,
        disk,
        world,
        complaints=() if why_not is None else (why_not,),
    )
    try:
        supervisor.run(world.stop, ServiceManager(""))
    except Killed:
        ledger.close()
        return
    except Exception as error:  # a bug: the process ends in good order, and systemd starts it again
        if not isinstance(error, PlannedBugError):
            crashes.append(f"{conditions.t_s:.1f} s: {error!r}")
    if conditions.disk_stalls:
        ledger.close()
    else:
        disk.end()


class _Sensing(Sensing):
    """The signal chain, with a bug now and then."""

    def __init__(
        self,
        conditions: Conditions,
        module: Module,
        tracker: PrimaryUserTracker,
        stager: Stager | None,
        scorer: IntentScorer | None,
    ) -> None:
        super().__init__(module, tracker, stager, scorer=scorer)
        self._conditions = conditions

    def update(self, samples: Iterable[RadarSample], now_s: float) -> list[Finding]:
        if self._conditions.has_bug:
            raise PlannedBugError
        return super().update(samples, now_s)


def _furnish(plan: Plan, folder: Path) -> None:
    """A box that has rung before: the page's settings, and both copies of the alarm."""
    Store(folder / DATABASE, Role.SUPERVISOR).close()
    with Store(folder / DATABASE, Role.WEB) as page:
        page.put_settings({ALARMS: [plan.setting.as_dict()], "bed_side": "left"}, int(plan.start_utc))
    rang = plan.due_utc - DAY_S
    ringing = AlarmFacts(due_utc=rang, rang_utc=rang, ringing_utc=rang)
    for facts in (ringing, ringing.ended(rang + 60)):
        bedside = Bedside(Morning((plan.setting,), {plan.setting.id: facts}))
        AlarmCopy(folder).save({**bedside.document(), "bed_side": "left"})


def _line(world: World, crashes: list[str]) -> dict[str, Any]:
    plan, judge = world.plan, world.judge
    due_s = plan.due_utc - plan.start_utc
    told_s = min(moment for moment in (judge.first_s, judge.hushed_s, FOREVER_S) if moment is not None)
    lost = judge.is_again and world.conditions.doubt_s >= told_s - DOUBT_BEFORE_S
    return {
        "kind": "night",
        "seed": plan.seed,
        "module": plan.module.value,
        "timezone": plan.setting.timezone,
        "due": datetime.fromtimestamp(plan.due_utc, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "manner": plan.manner,
        "faults": [{"what": f.what, "at_s": round(f.at_s, 1), "seconds": round(f.seconds, 1)} for f in plan.faults],
        "due_s": due_s,
        "starts": world.starts,
        "verdict": judge.word,
        "rang_s": None if judge.first_s is None else round(judge.first_s, 2),
        "delay_s": None if judge.delay_s is None else round(judge.delay_s, 2),
        "late": judge.is_late,
        "too_early": judge.is_early,
        "at_good_moment": judge.is_ahead,
        "again": judge.is_again and not lost,
        "again_after_loss": lost,
        "held_up": judge.could_s is not None and judge.first_s is not None and judge.could_s > due_s + AT_ONCE_S,
        "crashes": crashes,
    }


def table(lines: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The lines of a rehearsal for people."""
    yield f"{'seed':>6}  {'module':9}  {'sleeper':12}  {'starts':>6}  {'verdict':8}  {'delay':>6}  faults"
    for line in lines:
        if line["kind"] == "night":
            wrong = [name for name in ("late", "too_early", "again") if line[name]]
            delay = "-" if line["delay_s"] is None else f"{line['delay_s']:.1f} s"
            faults = ", ".join(fault["what"] for fault in line["faults"]) or "none"
            yield (
                f"{line['seed']:>6}  {line['module']:9}  {line['manner']:12}  {line['starts']:>6}"
                f"  {line['verdict']:8}  {delay:>6}  {faults}{' <-- ' if wrong else ''}{', '.join(wrong)}"
            )
            yield from (f"        a bug at {crash}" for crash in line["crashes"])
        else:
            yield ", ".join(f"{name.replace('_', ' ')} {line[name]}" for name in line if name != "kind")
