"""The shell around ``Night``: one loop, ten turns a second, that owns the hardware and never waits for it.

Three slow things live in threads of their own behind bounded queues: the radar's port, the I2C bus, the disk.  If one
of these ends, the process ends and systemd starts it again; the alarm goes on from its stored facts.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from appliance.clock import Clock, Instant
from appliance.disk import Disk, News
from appliance.morning import Levels
from appliance.night import Night
from appliance.status import write_status
from appliance.turn import Inputs, Outcome
from appliance.watchdog import ServiceManager
from drivers.readings import DriverError

_log = logging.getLogger(__name__)

TURN_S = 0.1
LEAST_PAUSE_S = 0.02  # of real time: a hurried clock takes fewer turns and not more of the processor
T = TypeVar("T")


class Senses(Protocol):
    """Where inputs come from: threads and a button, or a capture."""

    def take(self, now: Instant) -> Inputs:
        """What has come since the last turn; never waits."""
        ...


class Effectors(Protocol):
    """Lamp, buzzer and indicator, or whatever stands in for them."""

    def show(self, levels: Levels, indicator: bool) -> None:
        """Show these levels until others are shown."""
        ...


class Supervisor:
    """Takes turns."""

    def __init__(
        self,
        night: Night,
        senses: Senses,
        effectors: Effectors,
        disk: Disk,
        clock: Clock,
        status_path: Path | None = None,
        simulated: bool = False,
        complaints: Sequence[str] = (),
        listen: Callable[[Outcome, Instant], None] | None = None,
        trouble: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """``trouble`` is what the effectors complain of now, a line each."""
        self._trouble = trouble
        self._night = night
        self._senses = senses
        self._effectors = effectors
        self._disk = disk
        self._clock = clock
        self._status_path = status_path
        self._simulated = simulated
        self._complaints = tuple(complaints)
        self._listen = listen
        self._indicator = False
        self._disk_complaint: str | None = None
        self._status_failed = False

    def run(self, stop: threading.Event, manager: ServiceManager, threads: Sequence[threading.Thread] = ()) -> None:
        """Turn after turn until ``stop``; raises ``RuntimeError`` when one of ``threads`` has died."""
        alive_s = -1.0
        pause_s = max(TURN_S, LEAST_PAUSE_S * self._clock.speed)
        manager_started = False
        while not stop.is_set():
            started = self._clock.now()
            self.turn(started)
            for thread in threads:
                if not thread.is_alive() and not stop.is_set():
                    raise RuntimeError(f"the {thread.name} thread has ended")
            if not manager_started:
                manager.ready()
                manager_started = True
            elif started.mono_s - alive_s >= self._clock.speed:
                manager.alive()
                alive_s = started.mono_s
            self._clock.sleep(pause_s - (self._clock.now().mono_s - started.mono_s))

    def turn(self, now: Instant) -> Outcome:
        """One turn, in the order that matters: the alarm first, so that nothing below can prevent it."""
        self._effectors.show(self._night.levels(now), self._indicator)
        inputs = self._heard(self._senses.take(now), self._disk.news())
        try:
            outcome = self._night.step(inputs, now)
        except Exception:
            self._disk.put_alarm(self._night.kept())  # a bug ends the process, but not what was pressed in this turn
            raise
        self._indicator = outcome.indicator
        self._effectors.show(outcome.levels, outcome.indicator)
        self._disk.put(outcome.records)
        if outcome.kept is not None:
            self._disk.put_alarm(outcome.kept)
        if outcome.status is not None and self._status_path is not None:
            status = replace(outcome.status, simulated=self._simulated, speed=self._clock.speed)
            try:
                write_status(self._status_path, status)
                self._status_failed = False
            except OSError as error:
                if not self._status_failed:
                    _log.error("%s cannot be written (%s): the page will say that the box is silent", *error.args[:2])
                self._status_failed = True
        if self._listen is not None:
            self._listen(outcome, now)
        return outcome

    def _heard(self, inputs: Inputs, news: Sequence[News]) -> Inputs:
        settings = unfinished = learnt = None
        requests = list(inputs.requests)
        for item in news:
            settings = settings if item.settings is None else item.settings
            requests += item.requests
            unfinished = item.unfinished or unfinished
            learnt = item.learnt or learnt
            self._disk_complaint = item.complaint
        complaints = [*self._complaints, *inputs.complaints, *self._trouble()]
        if self._disk_complaint is not None:
            complaints.append(self._disk_complaint)
        return replace(
            inputs,
            settings=settings,
            requests=tuple(requests),
            complaints=tuple(complaints),
            unfinished=unfinished,
            learnt=learnt or inputs.learnt,
        )


class Pins:
    """The real effectors; each that cannot be had is said once and done without, since the others may still wake."""

    def __init__(
        self,
        lamp: Callable[[Levels], None] | None,
        buzzer: Callable[[Levels], None] | None,
        indicator: Callable[[bool], None] | None,
    ) -> None:
        self._lamp = lamp
        self._buzzer = buzzer
        self._indicator = indicator
        self._failed: dict[str, str] = {}

    @property
    def trouble(self) -> tuple[str, ...]:
        """What does not obey, a line each."""
        return tuple(f"The {name} does not work: {why}" for name, why in self._failed.items())

    def show(self, levels: Levels, indicator: bool) -> None:
        """Each pin on its own: a lamp or an indicator that fails must not silence the buzzer."""
        self._try("buzzer", self._buzzer, levels)
        self._try("lamp", self._lamp, levels)
        self._try("indicator", self._indicator, indicator)

    def _try(self, name: str, show: Callable[[T], None] | None, value: T) -> None:
        if show is None:
            return
        try:
            show(value)
            self._failed.pop(name, None)
        except Exception as error:  # even a bug in the lamp's driver must not cost the ring
            is_bug = not isinstance(error, DriverError | OSError)
            if name not in self._failed:
                _log.error("the %s failed and is tried again at every turn: %s", name, error, exc_info=is_bug)
            self._failed[name] = str(error) or type(error).__name__
