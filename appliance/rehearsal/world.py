"""What is around the process in a rehearsed night: time that passes while its loop sleeps, and who watches its pins."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from appliance.clock import Instant
from appliance.disk import Disk
from appliance.morning import Levels
from appliance.rehearsal.faults import Conditions, Mishaps
from appliance.rehearsal.hand import Hand
from appliance.rehearsal.judge import PATIENCE_S, TAKEN_S, Judge
from appliance.rehearsal.plan import Plan
from appliance.rehearsal.wire import Wire

RESTART_S = 1.0  # what systemd waits after a process that ended by itself
COARSE_S, DAWN_S, FINE_S = 1.0, 0.5, 0.1  # between two turns
FINE_FOR_S = 10.0
LINGER_S = 900.0  # of quiet after the end of an alarm in which nothing may sound


class Killed(BaseException):
    """The process is no more; nothing of it may run on."""


class World:
    """One night around the process: time, bytes, the sleeper's hand and the disk, with faults in all of them."""

    speed = 1.0

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.conditions = Conditions(folder, np.random.default_rng([plan.seed, 1]))
        self.judge = Judge(plan.due_utc, 60.0 * plan.setting.snooze_min, 60.0 * plan.setting.window_min)
        self.hand = Hand(plan, self.conditions, self.judge)
        self.wire = Wire(plan, self.conditions)
        self.stop = threading.Event()
        self.starts = 0
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
        """Until the next turn."""
        away_s = self.utc_s - self.plan.due_utc
        if self.conditions.t_s < self._fine_until_s or abs(away_s) < 2 * FINE_FOR_S:
            return FINE_S
        hushed_s = self.judge.hushed_s
        if hushed_s is not None and self.conditions.t_s > hushed_s + FINE_FOR_S:
            return COARSE_S
        return (
            COARSE_S
            if away_s < -60.0 * max(self.plan.setting.dawn_min, self.plan.setting.window_min) - 60.0
            else DAWN_S
        )

    @property
    def is_over(self) -> bool:
        """Whether nothing more can be learnt of this night."""
        end_s = self.plan.hours * 3600.0
        hushed_s = self.judge.hushed_s
        if self.conditions.t_s < end_s:
            return False
        rung_out = self.utc_s > self.plan.due_utc + PATIENCE_S + LINGER_S
        return rung_out or (hushed_s is not None and self.conditions.t_s > hushed_s + LINGER_S)

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
                self._fine_until_s = to_s + FINE_FOR_S
                if world.clock_error_s != error_s:
                    self.judge.disturbed(to_s)
            if to_s >= end_s:
                break
        if world.kill_for_s is not None and self._steps_to_live is None:
            self._steps_to_live = int(world.rng.integers(4))
        held_until_s = self.hand.go_on(self.starts if runs else None, self.utc_s)
        self._fine_until_s = max(self._fine_until_s, held_until_s + FINE_FOR_S)

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
        self.judge.shown(now_s, self.utc_s, levels.tone_hz is not None)
        self.hand.notice(now_s, levels)

    # -- its life

    def begin(self, disk: Disk) -> None:
        """A process starts."""
        self._disk, self._disk_begun = disk, False
        self.starts += 1
        self._started_s = self.conditions.t_s
        self._fine_until_s = self.conditions.t_s + FINE_FOR_S
        self._steps_to_live = None
        self.conditions.kill_for_s = None

    def rest(self) -> None:
        """A process has ended; time passes until the next."""
        t_s, hushed_s = self.conditions.t_s, self.judge.hushed_s
        self.judge.disturbed(t_s)
        if hushed_s is not None and t_s - hushed_s <= TAKEN_S:
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
