"""What is around the process in a rehearsed night: time that passes while its loop sleeps, and who watches its pins."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from appliance.clock import Instant
from appliance.disk import Disk
from appliance.morning import Levels
from appliance.rehearsal.faults import FOREVER_S, Conditions, Mishaps
from appliance.rehearsal.hand import Hand
from appliance.rehearsal.judge import PATIENCE_S, TAKEN_S, Expected, Judge
from appliance.rehearsal.page import Page
from appliance.rehearsal.plan import Plan
from appliance.rehearsal.wire import CoarseWire, Wire

RESTART_S = 1.0  # what systemd waits after a process that ended by itself
FINE_S = 0.1  # between two turns where something happens
OLD_RING_S = 120.0  # from when a ring is only looked at now and then
DOUBT_BEFORE_S = 5.0
LINGER_S = 900.0  # of quiet after the end of an alarm in which nothing may sound


class Killed(BaseException):
    """The process is no more; nothing of it may run on."""


class World:
    """One night around the process: time, bytes, the sleeper's hand and the disk, with faults in all of them."""

    speed = 1.0

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.conditions = Conditions(folder, np.random.default_rng([plan.seed, 1]))
        alarms = zip((plan.setting, *plan.others), (plan.due_utc, *plan.other_dues_utc), strict=True)
        expected = [Expected(due, 60.0 * one.window_min, 60.0 * one.dawn_min) for one, due in alarms]
        self.judge = Judge(expected, 60.0 * plan.setting.snooze_min)
        self.hand = Hand(plan, self.conditions, self.judge)
        self.page = Page(plan, self.conditions, self.judge)
        self.wire = Wire(plan, self.conditions) if plan.pace.radar_s is None else CoarseWire(plan, self.conditions)
        self.stop = threading.Event()
        self.starts = 0
        self.wrongs = set[str]()  # what the judge saw,
        self.lost = set[str]()  # and where the box could not know better
        self._mishaps = Mishaps(plan.faults)
        self._started_s = 0.0
        self._fine_until_s = 0.0
        self._disk: Disk | None = None  # of the process that runs
        self._disk_begun = False
        self._steps_to_live: int | None = None

    # -- the clock of the process

    def now(self) -> Instant:
        """As the process sees it."""
        return Instant(self.conditions.t_s - self._started_s, self.utc_s)

    def sleep(self, seconds: float) -> None:
        """The world goes on while the loop sleeps."""
        self.step()
        self.pass_by(self.turn_s)
        self._serve_disk()
        if self.is_over:
            self.stop.set()

    @property
    def utc_s(self) -> float:
        """The box's clock."""
        return self.plan.start_utc + self.conditions.t_s + self.conditions.clock_error_s

    @property
    def turn_s(self) -> float:
        """Until the next turn: a short one where something happens, and none beyond the next that will."""
        t_s, utc_s, pace, judge = self.conditions.t_s, self.utc_s, self.plan.pace, self.judge
        aways_s = [one.due_utc - utc_s for one in judge.alarms]
        if t_s < self._fine_until_s or any(abs(away_s) < pace.nearly_due_s for away_s in aways_s):
            return FINE_S
        until = [self._mishaps.next_s() - t_s, self.hand.next_s - t_s, self.page.next_s - t_s]
        until += [away_s - pace.nearly_due_s + FINE_S for away_s in aways_s if away_s > 0.0]
        if judge.snoozed_s is not None:
            until.append(max(judge.snoozed_s + judge.snooze_s - 1.5 - t_s, FINE_S))
        return max(FINE_S, min(self._cruise_s(), *until))

    def _cruise_s(self) -> float:
        """Between two turns where nothing happens."""
        pace, judge = self.plan.pace, self.judge
        if judge.active is not None and judge.snoozed_s is None:
            # Of a ring that a start or a jump of the clock made young again, long turns would meet the pauses alone.
            since_s = min(self.utc_s - judge.rings_utc, self.conditions.t_s - self._fine_until_s)
            is_old = since_s > OLD_RING_S
            return pace.unanswered_s if is_old and self.hand.next_s == FOREVER_S else pace.ringing_s
        coming = (one for one in judge.alarms if one.is_coming)
        nears = any(one.due_utc - self.utc_s < max(one.dawn_s, one.window_s) + 60.0 for one in coming)
        return pace.dawn_s if nears else pace.quiet_s

    @property
    def is_over(self) -> bool:
        """Whether nothing more can be learnt of this night."""
        if self.conditions.t_s < self.plan.hours * 3600.0:
            return False
        hushed_s = self.judge.hushed_s
        if hushed_s is not None:
            return self.conditions.t_s > hushed_s + LINGER_S
        last_utc = max(one.due_utc for one in self.judge.alarms if one.hushed_s is None)
        return self.utc_s > last_utc + PATIENCE_S + LINGER_S

    def pass_by(self, seconds: float, runs: bool = True) -> None:
        """Let true time pass, stopping wherever something happens."""
        world = self.conditions
        end_s = world.t_s + seconds
        while True:
            to_s = max(world.t_s, min(end_s, self._mishaps.next_s()))
            if runs:
                self.judge.running(world.t_s, to_s, self.utc_s)
            world.t_s = to_s
            error_s = world.clock_error_s
            if self._mishaps.happen(world):
                self._happens(to_s)
                if world.clock_error_s != error_s:
                    self.judge.disturbed(to_s, set_forward=world.clock_error_s > error_s)
            if to_s >= end_s:
                break
        if world.kill_for_s is not None and self._steps_to_live is None:
            self._steps_to_live = int(world.rng.integers(4))
        held_until_s = self.hand.go_on(self.starts if runs else None, self.utc_s)
        if held_until_s:
            self._happens(held_until_s)
        if self.page.go_on(runs, self.utc_s):
            self._happens(world.t_s)

    def _happens(self, at_s: float) -> None:
        """Something does; turns are short until a while later."""
        self._fine_until_s = max(self._fine_until_s, at_s + self.plan.pace.happening_s)

    def step(self) -> None:
        """One step of a turn was made; a doomed process ends between any two of them."""
        if self._steps_to_live is not None:
            self._steps_to_live -= 1
            if self._steps_to_live < 0:
                raise Killed

    # -- the effectors of the process

    def show(self, levels: Levels, indicator: bool) -> None:
        """Lamp and buzzer now."""
        self.step()
        now_s = self.conditions.t_s
        self.judge.running(now_s, now_s, self.utc_s)
        before = self.judge.wrongs
        self.judge.shown(now_s, self.utc_s, levels.tone_hz is not None)
        if self.judge.wrongs > before:
            self._weigh(self.judge.wrongs - before)
        self.hand.notice(now_s, levels)

    def _weigh(self, wrongs: set[str]) -> None:
        """Whether the box could have known better: what it was told, or did, may have been lost with a disk."""
        told_s = self.judge.changed_s if wrongs == {"too_early"} else self.judge.told_s
        was_kept = told_s is None or self.conditions.doubt_s < told_s - DOUBT_BEFORE_S
        (self.wrongs if was_kept else self.lost).update(wrongs)

    # -- its life

    def begin(self, disk: Disk) -> None:
        """A process starts."""
        self._disk, self._disk_begun = disk, False
        self.starts += 1
        self._started_s = self.conditions.t_s
        self.judge.disturbed(self._started_s)
        self._happens(self._started_s)
        self._steps_to_live = None
        self.conditions.kill_for_s = None

    def rest(self) -> None:
        """A process has ended; time passes until the next."""
        t_s = self.conditions.t_s
        self.judge.disturbed(t_s)
        if any(one.hushed_s is not None and t_s - one.hushed_s <= TAKEN_S for one in self.judge.alarms):
            self.conditions.doubt_s = t_s  # whether the press was written down by then
        seconds, self.conditions.kill_for_s = self.conditions.kill_for_s or RESTART_S, None
        self.pass_by(seconds, runs=False)

    def _serve_disk(self) -> None:
        if self.conditions.disk_stalls or self._disk is None:
            return
        if not self._disk_begun:
            self._disk.begin()
            self._disk_begun = True
        self._disk.serve(self.now().mono_s)
