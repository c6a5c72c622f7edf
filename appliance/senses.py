"""The supervisor's ears: the radar's and the I2C bus's threads behind bounded queues, and the button."""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from appliance.clock import Clock, Instant
from appliance.clock_trust import ClockSource
from appliance.status import RadarStatus
from appliance.turn import Inputs
from drivers.capture import Channel
from drivers.environment import Environment
from drivers.outputs import Button
from drivers.radar import Radar, RadarChunk, RadarHealth
from drivers.readings import DriverError, EnvironmentReading, Module

_log = logging.getLogger(__name__)

QUEUED_CHUNKS = 4096  # minutes of radar: the loop would have to stand still for so long
QUEUED_READINGS = 64
LOOK_AT_ROOM_S = 20.0
LOOK_FOR_BUS_S = 60.0
HUNG_S = 60.0  # a look at every address of a slow bus takes some seconds
T = TypeVar("T")
Tee = Callable[[float, Channel, bytes], None]


class LiveSenses:
    """Real devices, each in its own thread; ``take`` never waits for any of them."""

    def __init__(
        self,
        make_radar: Callable[[Callable[[RadarChunk], None], Tee], Radar],
        make_room: Callable[[], Environment] | None,
        make_button: Callable[[Callable[[float, bool], None]], Button] | None,
        clock: Clock,
        tee: Tee | None = None,
        power: Callable[[bool], None] | None = None,
        clock_source: Callable[[], ClockSource] = lambda: ClockSource.NETWORK,
    ) -> None:
        """The makers are given where to deliver and what to tell of every byte; a button that cannot be had is None.

        ``power`` switches the radar's supply where a pin for it is wired; it may raise ``DriverError``.
        ``clock_source`` says who has told this machine the time.
        """
        self._clock_source = clock_source
        self._clock = clock
        self._tee = tee or (lambda t_s, channel, data: None)
        self._chunks: queue.Queue[RadarChunk] = queue.Queue(QUEUED_CHUNKS)
        self._readings: queue.Queue[EnvironmentReading] = queue.Queue(QUEUED_READINGS)
        self._radar = make_radar(self._chunks.put_nowait, self._tee)
        self._make_room = make_room
        self._button = None if make_button is None else make_button(self._tee_button)
        self._module: Module | None = None
        self._room_trouble: str | None = None
        self._asked_s: float | None = None  # since when the room's sensors are being read
        self._power = power
        self._power_trouble: str | None = None

    def rest(self, rests: bool) -> None:
        """In standby the radar's port is closed, and its power is off where a pin switches it; said at every turn."""
        self._radar.rest(rests)
        if self._power is None:
            return
        try:
            self._power(not rests)
            self._power_trouble = None
        except DriverError as error:
            if self._power_trouble is None:
                _log.error("%s", error)
            self._power_trouble = str(error)

    def threads(self, stop: threading.Event) -> list[threading.Thread]:
        """The threads to be started, which end with ``stop``."""
        bodies = {"radar": lambda: self._radar.run(stop)}
        if self._make_room is not None:
            bodies["room"] = lambda: self._watch_room(stop)
        return [threading.Thread(target=body, name=name, daemon=True) for name, body in bodies.items()]

    def take(self, now: Instant) -> Inputs:
        """What has come since the last turn."""
        chunks = _drain(self._chunks)
        health = self._radar.health()
        if chunks:
            self._module = health.module or self._module
        return Inputs(
            module=self._module,
            radar=[sample for chunk in chunks for sample in chunk.samples],
            room=_drain(self._readings),
            presses=[] if self._button is None else self._button.presses(),
            link=status_of(health),
            clock=self._clock_source(),
            complaints=tuple(line for line in (self._hung(now), self._room_trouble, self._power_trouble) if line),
        )

    def health(self) -> RadarHealth:
        """The radar's, for those who want all of it."""
        return self._radar.health()

    def _watch_room(self, stop: threading.Event) -> None:
        assert self._make_room is not None
        while (room := self._open_room(self._make_room)) is None:
            if stop.wait(LOOK_FOR_BUS_S / self._clock.speed):
                return
        while not stop.is_set():
            self._asked_s = self._clock.now().mono_s
            reading = room.read()
            self._asked_s = None
            self._tee(reading.t_s, Channel.ENVIRONMENT, json.dumps(reading._asdict()).encode())
            try:
                self._readings.put_nowait(reading)
            except queue.Full:
                _log.debug("the loop has no room for a reading")
            stop.wait(LOOK_AT_ROOM_S / self._clock.speed)

    def _hung(self, now: Instant) -> str | None:
        """The bus has swallowed the thread that reads it: nothing but power off and on frees some chips."""
        asked_s = self._asked_s
        if asked_s is None or now.mono_s - asked_s < HUNG_S * self._clock.speed:
            return None
        return "The I2C bus hangs: check the sensors' wires, then switch the box off and on"

    def _open_room(self, make: Callable[[], Environment]) -> Environment | None:
        try:
            room = make()
        except DriverError as error:
            if self._room_trouble is None:
                self._room_trouble = f"No room sensors: {error}"
                _log.warning(self._room_trouble)
            return None
        self._room_trouble = None
        return room

    def _tee_button(self, t_s: float, down: bool) -> None:
        self._tee(t_s, Channel.BUTTON, b"1" if down else b"0")


def status_of(health: RadarHealth) -> RadarStatus:
    """The link as the page shows it."""
    return RadarStatus(
        connected=health.connected,
        module=None if health.module is None else health.module.value,
        firmware=health.firmware,
        fault=health.fault,
    )


def _drain(waiting: queue.Queue[T]) -> list[T]:
    found: list[T] = []
    while True:
        try:
            found.append(waiting.get_nowait())
        except queue.Empty:
            return found
