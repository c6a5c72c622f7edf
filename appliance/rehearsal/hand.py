"""The sleeper in the morning."""

from __future__ import annotations

import sqlite3
from collections import deque

import numpy as np

from appliance.morning import Levels
from appliance.rehearsal.faults import DATABASE, Conditions
from appliance.rehearsal.judge import Judge
from appliance.rehearsal.plan import Plan
from appliance.settings import ALARMS
from appliance.store import Role, Store, StoreError
from drivers.outputs import HOLD_S

PRESS_AGAIN_S = 8.0
GONE_S = 5.0  # without light or sound


class Hand:
    """Sees light, hears the ring, and presses or not; tells the judge only of what the box cannot have missed."""

    def __init__(self, plan: Plan, conditions: Conditions, judge: Judge) -> None:
        rng = np.random.default_rng([plan.seed, 2])
        self.edges: deque[tuple[float, bool]] = deque()
        self._manner = plan.manner
        self._conditions = conditions
        self._judge = judge
        self._delay_s = float(rng.uniform(1.0, 90.0))
        self._snoozes = int(rng.integers(1, plan.setting.snooze_count + 1))
        self._off_s = plan.due_utc - plan.start_utc + float(rng.uniform(-3600.0, 120.0))
        self._off_setting = [{**plan.setting.as_dict(), "enabled": False}]
        self._since_s: float | None = None  # light, or sound, that is to be answered
        self._heard_s = 0.0
        self._press: tuple[float, bool, int | None] | None = None  # its end, if it is a stop, in which process
        self._again_s = 0.0

    def notice(self, t_s: float, levels: Levels) -> None:
        """What is seen and heard."""
        sounds = levels.tone_hz is not None
        if sounds or (self._manner == "skips" and levels.lamp.red > 0.0):
            self._heard_s = t_s
            if self._since_s is None:
                self._since_s = t_s
        elif t_s - self._heard_s > GONE_S:
            self._since_s = None

    def go_on(self, process: int | None, utc_s: float) -> float:
        """Press, let go, or go to the page; returns when (true seconds) it will let go, 0 if it holds nothing.

        ``process`` is the number of the one that runs, None while there is none.
        """
        t_s = self._conditions.t_s
        if self._press is not None and t_s >= self._press[0] + 0.2:
            end_s, is_stop, pressed_in = self._press
            self._press = None
            if process is not None and process == pressed_in:
                if is_stop:
                    self._judge.stopped(end_s)
                else:
                    self._snoozes -= 1
                    self._judge.snoozed(end_s)
                self._since_s = None
        if self._manner == "switches off" and t_s >= self._off_s and self._judge.hushed_s is None:
            self._switch_off(process is not None, utc_s)
        if self._manner not in ("stops", "snoozes", "skips") or self._since_s is None or self._press is not None:
            return 0.0
        if t_s < max(self._since_s + self._delay_s, self._again_s):
            return 0.0
        is_stop = self._manner != "snoozes" or self._snoozes <= 0
        end_s = t_s + (HOLD_S + 0.2 if is_stop else 0.3)
        self.edges += [(t_s, True), (end_s, False)]
        self._press = (end_s, is_stop, process)
        self._again_s = end_s + PRESS_AGAIN_S
        return end_s

    def _switch_off(self, runs: bool, utc_s: float) -> None:
        """On the page; later, if the page cannot write now or the box cannot hear it."""
        conditions = self._conditions
        self._off_s = conditions.t_s + 30.0
        if not runs or conditions.disk_is_full or conditions.disk_stalls:
            return
        try:
            with Store(conditions.folder / DATABASE, Role.WEB) as page:
                page.put_settings({ALARMS: self._off_setting}, int(utc_s))
        except (StoreError, OSError, sqlite3.Error):
            return
        self._judge.stopped(conditions.t_s)
