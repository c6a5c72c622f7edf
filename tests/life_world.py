"""What is around a box that lives faster than its clock: time, the wire that a module speaks on, and a hand."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import IO, Any

from appliance.clock import Instant
from drivers.outputs import HOLD_S
from drivers.probing import QUIET_S
from drivers.readings import Module
from drivers.twins import AcconeerTwin, MicradarTwin, TinyFrameTwin

STARTED = "2026-01-06T22:00:00Z"
SPEED = 300.0  # what the threads for room and disk are told, which wait in real time
ANSWER_S, PRESS_S = 20.0, 0.4  # from the sound to the press; how long a short one is
LOOK_S = 0.0005  # of real time, between two looks of who waits
LOST_S = 60.0  # of real time, after which the radar's thread will not come any more
RECORD = struct.Struct("<dI")  # when, and how many bytes follow


class Steps:
    """The box's time: the loop lets it go on, the radar's thread walks through what is due, then the loop goes on."""

    speed = SPEED

    def __init__(self) -> None:
        self.mono_s = self.until_s = 0.0
        self._origin_utc = datetime.fromisoformat(STARTED).timestamp()
        self.ended = False
        self._go, self._done = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._done.acquire()

    def now(self) -> Instant:
        return Instant(self.mono_s, self._origin_utc + self.mono_s)

    def sleep(self, seconds: float) -> None:
        """Of the loop: the rest is the other's."""
        self.until_s += seconds
        self._go.release()
        if not self._done.acquire(timeout=LOST_S):
            raise SystemExit("the radar's thread listens no more")

    def wait(self, seconds: float) -> None:
        """Of the room's thread, while the others go on."""
        until_s = self.mono_s + seconds
        while self.mono_s < until_s and not self.ended:
            time.sleep(LOOK_S)

    def step_over(self, first: bool) -> None:
        """Of the radar's thread: what was due is done; waits for more."""
        if not first:
            self.mono_s = self.until_s
            self._done.release()
        self._go.acquire()

    def end(self) -> None:
        """Nobody waits any more."""
        self.ended = True
        if self._go.locked():
            self._go.release()


class Wire:
    """A serial port whose bytes come from a pipe, each when its time has come."""

    def __init__(self, clock: Steps, pipe: IO[bytes], module: Module, stop: threading.Event) -> None:
        self._clock, self._pipe, self._stop = clock, pipe, stop
        self._ear = TWINS[module](1)  # answers commands; what is said of itself comes through the pipe
        self._answer = self._waiting = b""
        self._heard_s = 0.0
        self._is_first = True
        self._next = self._spoken()

    def __call__(self, *_: object) -> Wire:
        """Opened."""
        return self

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, count: int) -> bytes:
        """So many bytes, once there are some; none after ``QUIET_S`` of silence."""
        while not self._waiting:
            if self._answer:
                self._waiting, self._answer = self._answer, b""
            elif self._next is not None and self._next[0] <= self._clock.until_s:
                self._clock.mono_s = self._heard_s = max(self._next[0], self._clock.mono_s)
                self._waiting, self._next = self._next[1], self._spoken()
            else:
                self._clock.step_over(self._is_first)
                self._is_first = False
                if self._stop.is_set():
                    return b""
                if self._clock.mono_s - self._heard_s >= QUIET_S:
                    self._heard_s = self._clock.mono_s
                    return b""
        data, self._waiting = self._waiting[:count], self._waiting[count:]
        return data

    @property
    def in_waiting(self) -> int:
        """What lies there."""
        return len(self._waiting)

    def write(self, data: bytes) -> None:
        """The host speaks."""
        self._answer += self._ear.hear(self._clock.mono_s, data)

    def send_break(self, seconds: float) -> None:
        """Nothing hears it."""

    def reset_input_buffer(self) -> None:
        """What lay there is gone."""
        self._waiting = self._answer = b""

    def _spoken(self) -> tuple[float, bytes] | None:
        head = self._pipe.read(RECORD.size)
        if len(head) < RECORD.size:
            return None
        t_s, length = RECORD.unpack(head)
        return t_s, self._pipe.read(length)


TWINS: dict[Module, Callable[[int], TinyFrameTwin | MicradarTwin | AcconeerTwin]] = {
    Module.TINYFRAME: TinyFrameTwin,
    Module.MICRADAR: MicradarTwin,
    Module.ACCONEER: AcconeerTwin,
}


class Hand:
    """The sleeper's: snoozes once on every second morning, stops by holding."""

    def __init__(self, pin: Any) -> None:
        self._pin = pin
        self._since_s: float | None = None
        self._release_s: float | None = None
        self._quiet_s = 0.0  # since when
        self.rings = self.presses = 0

    def feel(self, t_s: float, sounds: bool) -> None:
        """One turn."""
        if self._release_s is not None and t_s >= self._release_s:
            self._pin.drive_high()
            self._release_s = self._since_s = None
        if sounds:
            if self._since_s is None:
                self._since_s = t_s
                self.rings += self.rings == 0 or t_s - self._quiet_s > 3600.0
            self._quiet_s = t_s
        if self._since_s is not None and self._release_s is None and t_s - self._since_s >= ANSWER_S:
            self._pin.drive_low()
            self.presses += 1
            snoozes = self.rings % 2 == 0 and self.presses % 2 == 0
            self._release_s = t_s + (PRESS_S if snoozes else HOLD_S + PRESS_S)
