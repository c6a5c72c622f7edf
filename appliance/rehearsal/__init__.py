"""Nights through the real supervisor, with faults, judged by what lamp and buzzer showed.

Real: the supervisor and its loop, night, alarm, disk, database, the alarm's copy and what a restart makes of it; the
modules' bytes and their decoders, the room's sensors, the button's detector; and in a whole night sensing and stager.

Something else stands in for: the clock, which is where the rehearsal has got to; the disk's thread, whose rounds are
run in between, one after each turn; the radar's thread and port, so that bytes come without a pseudo-terminal and
whatever the host says; lamp and buzzer; and systemd, by a new supervisor from what is on the disk.  The page's status
file is left out.  A killed process is abandoned between two steps of a turn.  Turns come every second, twice a second
from before the dawn on, and ten times a second wherever something happens.

A coarse night (``plan.COARSE``) begins 90 minutes before the window.  It takes turns as seldom as every half minute
where nothing happens, hears a message of the radar every 2.5 s, and has ``coarse.py`` for a signal chain.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from appliance.alarm import AlarmFacts
from appliance.alarm_copy import AlarmCopy
from appliance.bedside import Bedside
from appliance.box import remembered
from appliance.config import Config
from appliance.disk import Disk
from appliance.loading import load_policy, load_scorer, load_stager
from appliance.morning import Morning
from appliance.night import Night
from appliance.rehearsal.coarse import CoarseSensing
from appliance.rehearsal.faults import DATABASE, Conditions
from appliance.rehearsal.plan import Plan, plan_night
from appliance.rehearsal.senses import WorldSenses
from appliance.rehearsal.telling import FAILURES, FLAGS, line_of
from appliance.rehearsal.world import Killed, World
from appliance.sensing import Finding, Sensing
from appliance.settings import ALARMS, Settings
from appliance.smart import WakingPolicy
from appliance.store import Role, Store
from appliance.supervisor import Supervisor
from appliance.tracking import PrimaryUserTracker
from appliance.watchdog import ServiceManager
from drivers.readings import Module, RadarSample
from models.stager import Stager

DAY_S = 86_400
EAGER_SHARE = 0.1  # of a night's hours, of sleep that is enough to wake at a good moment
MEMORY = Path("/dev/shm")  # a folder without a disk below, where the host has one: power cuts of files are not played
AT_A_TIME = 8  # nights handed to a process


class PlannedBugError(Exception):
    """The bug in the signal chain that a fault asks for."""


def rehearse(
    nights: int,
    seed: int,
    faulty: bool,
    hours: float,
    say: Callable[[dict[str, Any]], None],
    progress: Callable[[float], None] = lambda done: None,
    coarse: bool = False,
    jobs: int = 1,
) -> bool:
    """Play nights with seeds from ``seed`` on; ``say`` is given a line for each, then the summary.

    True if none failed (``telling.FAILURES``).  Each night is counted in one of rang, silenced and missed.
    """
    total: Counter[str] = Counter()
    one = partial(_night, faulty=faulty, hours=hours, coarse=coarse)
    for number, line in enumerate(_lines(one, range(seed, seed + nights), jobs), 1):
        say(line)
        total[line["verdict"]] += 1
        total.update(name for name in FLAGS if line[name])
        total["starts"] += line["starts"]
        total["crashes"] += len(line["crashes"])
        progress(number)
    counts = dict.fromkeys(("rang", "silenced", *FAILURES, *FLAGS, "starts"))
    say({"kind": "summary", "nights": nights, "seed": seed, **{name: total[name] for name in counts}})
    return not any(total[name] for name in FAILURES)


def _lines(one: Callable[[int], dict[str, Any]], seeds: range, jobs: int) -> Iterator[dict[str, Any]]:
    if jobs == 1:
        yield from map(one, seeds)
        return
    # Not forked: a model that was loaded before would be shared with its threads gone.
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(one, seeds, AT_A_TIME)


def _night(seed: int, faulty: bool, hours: float, coarse: bool) -> dict[str, Any]:
    memory = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="firstlight-rehearsal-", dir=memory) as folder:
        return play(plan_night(seed, faulty, hours, coarse), Path(folder))


def play(plan: Plan, folder: Path) -> dict[str, Any]:
    """One night in ``folder``; what became of it as a JSON line."""
    _furnish(plan, folder)
    world = World(plan, folder)
    crashes: list[str] = []
    with ExitStack() as after:
        after.callback(world.conditions.go_home)
        world.pass_by(0.0, runs=False)
        while True:
            _live(world, crashes)
            if world.is_over:
                return line_of(world, crashes)
            world.rest()


def _live(world: World, crashes: list[str]) -> None:
    """One process from its start to its end, wired as the box is."""
    conditions = world.conditions
    copy, ledger = AlarmCopy(conditions.folder), conditions.open_ledger()
    disk = Disk(ledger, copy)
    try:
        settings, bedside = remembered(copy, Config())
        world.begin(disk)
        _wired(world, disk, settings, bedside).run(world.stop, ServiceManager(""))
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


def _wired(world: World, disk: Disk, settings: Settings, bedside: Bedside) -> Supervisor:
    conditions, plan = world.conditions, world.plan
    is_coarse = plan.pace.radar_s is not None
    stager, why_not, policy = (_models if is_coarse else _models.__wrapped__)(conditions.has_model)
    scorer = None if is_coarse else load_scorer()[0]

    def sense(module: Module, chosen: Settings) -> Sensing:
        tracker = PrimaryUserTracker(module, chosen.bed_side)
        sensing: _Buggy
        if is_coarse:
            rng = np.random.default_rng([plan.seed, 7, world.starts])
            sensing = _BuggyCoarse(module, tracker, stager is not None, rng)
        else:
            sensing = _Buggy(module, tracker, stager, scorer=scorer)
        sensing.conditions = conditions
        return sensing

    if policy is not None:
        # A short night has no hours of sleep, and the door before the set time is to be tried in it as well.
        policy = replace(policy, least_sleep_h=min(policy.least_sleep_h, EAGER_SHARE * plan.hours))
    return Supervisor(
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


@cache
def _models(has_model: bool) -> tuple[Stager | None, str | None, WakingPolicy | None]:
    """What the box loads at each start; where nothing is staged by it, once is enough."""
    stager, why_not = load_stager(None if has_model else Path("no-such-model.tflite"))
    return stager, why_not, None if stager is None else load_policy(None, stager)[0]


class _Buggy(Sensing):
    """The signal chain, with a bug now and then."""

    conditions: Conditions

    def update(self, samples: Iterable[RadarSample], now_s: float) -> list[Finding]:
        if self.conditions.has_bug:
            raise PlannedBugError
        return super().update(samples, now_s)


class _BuggyCoarse(_Buggy, CoarseSensing):
    """What stands in for it, with the same bug."""


def _furnish(plan: Plan, folder: Path) -> None:
    """A box that has rung before: the page's settings, and both copies of the alarm."""
    alarms = (plan.setting, *plan.others)
    Store(folder / DATABASE, Role.SUPERVISOR).close()
    with Store(folder / DATABASE, Role.WEB) as page:
        page.put_settings({ALARMS: [one.as_dict() for one in alarms], "bed_side": "left"}, int(plan.start_utc))
    rang = plan.due_utc - DAY_S
    ringing = AlarmFacts(due_utc=rang, rang_utc=rang, ringing_utc=rang)
    for facts in (ringing, ringing.ended(rang + 60, plan.setting)):
        bedside = Bedside(Morning(alarms, {plan.setting.id: facts}))
        AlarmCopy(folder).save({**bedside.document(), "bed_side": "left"})
