"""The sleeper's hand in the morning, and a button whose contacts may bounce."""

from __future__ import annotations

from collections import deque

import numpy as np

from appliance.morning import Levels
from appliance.rehearsal.faults import FOREVER_S, Conditions
from appliance.rehearsal.judge import TWICE_S, Judge
from appliance.rehearsal.plan import Plan
from drivers.outputs import HOLD_S

PRESS_AGAIN_S = 8.0
GONE_S = 15.0  # without light or sound, longer than a ring's pauses can look like
NEARLY_DUE_S = 4.0  # before a set time a hand waits: nobody could say which alarm it meant
DOUBTFUL_S = 2.0  # about TWICE_S a hand waits too: the box counts it from a whole second
BOUNCE_S = 0.004  # from contact to contact; five of them are shorter than what the box takes for a press
GLITCH_EVERY_S = 7.0  # between two contacts that nobody made
_PRESSING = ("stops", "snoozes", "skips")


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
        self._since_s: float | None = None  # light, or sound, that is to be answered
        self._heard_s = 0.0
        self._press: tuple[float, bool, int | None] | None = None  # its end, if it is a stop, in which process
        self._again_s = self._glitch_s = 0.0

    @property
    def next_s(self) -> float:
        """When it presses, or lets go, next; as far as can be said."""
        if self._press is not None:
            return self._press[0] + 0.2
        if self._since_s is None or self._manner not in _PRESSING:
            return FOREVER_S
        return max(self._since_s + self._delay_s, self._again_s)

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
        """Press, or let go; returns when (true seconds) it will let go, 0 if it holds nothing.

        ``process`` is the number of the one that runs, None while there is none.
        """
        t_s = self._conditions.t_s
        if self._press is not None and t_s >= self._press[0] + 0.2:
            self._let_go(process, utc_s)
        if self._press is None and self._conditions.button_chatters and t_s >= self._glitch_s:
            self._glitch_s = t_s + GLITCH_EVERY_S
            self.edges += [(t_s, True), (t_s + BOUNCE_S, False)]
        if self._press is not None or t_s < self.next_s:
            return 0.0
        if any(-1.0 < one.due_utc - utc_s < NEARLY_DUE_S for one in self._judge.alarms if one.is_coming):
            self._again_s = t_s + 1.0
            return 0.0
        is_stop = self._manner != "snoozes" or self._snoozes <= 0
        end_s = t_s + (HOLD_S + 0.4 if is_stop else 0.3)
        hushed = [one.hushed_s for one in self._judge.alarms if one.hushed_s is not None]
        if is_stop and any(abs(end_s - hushed_s - TWICE_S) < DOUBTFUL_S for hushed_s in hushed):
            self._again_s = t_s + DOUBTFUL_S
            return 0.0
        self.edges += self._contacts(t_s, end_s)
        self._press = (end_s, is_stop, process)
        self._again_s = end_s + PRESS_AGAIN_S
        return end_s

    def _let_go(self, process: int | None, utc_s: float) -> None:
        assert self._press is not None
        (end_s, is_stop, pressed_in), self._press = self._press, None
        if process is None or process != pressed_in:
            self._judge.unsure()
            return
        if is_stop:
            self._judge.stopped(end_s, utc_s)
        else:
            self._snoozes -= 1
            self._judge.snoozed(end_s)
        self._since_s = None

    def _contacts(self, from_s: float, to_s: float) -> list[tuple[float, bool]]:
        """One press as the pin shows it: where the contacts chatter, bouncing at both ends and once in between."""
        if not self._conditions.button_chatters:
            return [(from_s, True), (to_s, False)]
        middle_s = (from_s + to_s) / 2
        began = [(from_s + k * BOUNCE_S, k % 2 == 0) for k in range(5)]
        ended = [(to_s + k * BOUNCE_S, k % 2 == 1) for k in range(5)]
        return [*began, (middle_s, False), (middle_s + BOUNCE_S, True), *ended]
