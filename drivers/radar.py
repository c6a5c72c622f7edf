"""The radar's port: opened by name, probed, listened to in a thread of its own, and opened again when it is lost.

Everything that a protocol knows is in its ``Conversation``, which is given bytes and time; here are the port and the
clock that give them.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import astuple
from typing import Any, NamedTuple, Protocol

import serial

from drivers.capture import Channel
from drivers.probing import PROTOCOLS, find, open_port, read_waiting, wake
from drivers.readings import DriverError, LinkCounters, Module, RadarSample

log = logging.getLogger(__name__)

SILENT_S = 5.0  # without a good frame: the port is opened again
SLACK_S = 2.0  # of real time, so that a busy computer is not taken for a silent module when a clock runs fast
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
REST_LOOK_S = 0.2  # of real time, between two looks whether it is still to rest


class RadarChunk(NamedTuple):
    """Samples that arrived together, at ``t_s`` of the radar's clock."""

    t_s: float
    samples: list[RadarSample]


class RadarHealth(NamedTuple):
    """How the radar is, for status and ``doctor``."""

    connected: bool  # the port is open and a good frame came since
    module: Module | None  # None while it is not known
    baud: int | None
    firmware: str | None
    fault: str | None  # one line that says what to do, None when well
    counters: LinkCounters  # since the start, over all reopenings
    last_frame_s: float | None
    dropped_chunks: int  # that the receiver had no room for
    refused_commands: int  # forbidden ones that were not sent


class Conversation(Protocol):
    """Our side of the talk with one module; each protocol has its own."""

    firmware: str | None

    @property
    def counters(self) -> LinkCounters:
        """What its decoder has met."""

    def receive(self, t_s: float, data: bytes) -> list[RadarSample]:
        """Bytes that were read at ``t_s``."""

    def idle(self, t_s: float) -> list[RadarSample]:
        """Nothing came for ``QUIET_S``."""

    def transmit(self, t_s: float) -> bytes:
        """What to write now."""

    def fault(self, t_s: float) -> str | None:
        """One line, or None when well."""


class Radar:
    """One module on one port.  ``run`` is the body of its thread; the rest may be called from any."""

    def __init__(
        self,
        port: str | None,
        module: Module | None,
        baud: int | None,
        clock: Callable[[], float],
        deliver: Callable[[RadarChunk], None],
        tee: Callable[[float, Channel, bytes], None] | None = None,
        speed: float = 1.0,
        converse: Callable[[Module], Conversation] | None = None,
    ) -> None:
        """``port``, ``module`` and ``baud`` None are found by listening.

        ``clock`` runs ``speed`` times as fast as real time.  ``deliver`` may raise ``queue.Full``, which is counted; it
        must not wait.  ``tee`` is given every byte, either way.  ``converse`` makes a conversation with settings of
        one's own.
        """
        self._port = port
        self._name = port or "the radar's port"  # that was opened last
        self._wanted = (module, baud)
        self._clock = clock
        self._deliver = deliver
        self._tee = tee or (lambda t_s, channel, data: None)
        self._speed = speed
        self._converse = converse or (lambda module: PROTOCOLS[module].Conversation())
        self._found: tuple[Module | None, int | None] = self._wanted
        self._talk: Conversation | None = None
        self._past = LinkCounters()
        self._trouble: str | None = None  # one line while something is wrong
        self._connected = False
        self._last_frame_s: float | None = None
        self._dropped = self._refused = 0
        self._wait_s = FIRST_WAIT_S
        self._rests = False

    def rest(self, rests: bool) -> None:
        """With True the port is closed and stays so, and that is no fault; with False it is opened again."""
        self._rests = rests

    def run(self, stop: threading.Event) -> None:
        """Listens until ``stop``; a lost port is opened again after 1, 2, 4 ... 60 s."""
        while not stop.is_set():
            if self._rests:
                self._trouble, self._wait_s = None, FIRST_WAIT_S
                stop.wait(REST_LOOK_S)
                continue
            try:
                self._session(stop)
            except (DriverError, serial.SerialException, OSError) as error:
                # A pulled plug is a SerialException from a read and an OSError from a look at what waits.
                self._connected = False
                self._ail(str(error) if isinstance(error, DriverError) else f"{self._name} was lost ({error})")
                stop.wait(self._wait_s / self._speed)
                self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)

    def health(self) -> RadarHealth:
        """How it is now."""
        talk, (module, baud) = self._talk, self._found
        counters = _sum(self._past, talk.counters) if talk else _sum(self._past)
        return RadarHealth(
            self._connected,
            module,
            baud,
            talk.firmware if talk else None,
            self._trouble,
            counters,
            self._last_frame_s,
            self._dropped,
            self._refused,
        )

    def _session(self, stop: threading.Event) -> None:
        """From opening to the end of the line or of ``stop``."""
        module, baud = self._wanted
        name = self._port
        if name is None or module is None or baud is None:
            name, module, baud = find(name, self._clock, self._speed, stop, module)
        self._found, self._name = (module, baud), name
        with open_port(name, baud, module is Module.ACCONEER) as port:
            if module is Module.ACCONEER:
                wake(port, self._speed, stop)
            talk = self._talk = self._converse(module)
            try:
                self._listen(port, module, talk, stop)
            finally:
                self._past, self._talk = _sum(self._past, talk.counters), None
                self._connected = False

    def _listen(self, port: Any, module: Module, talk: Conversation, stop: threading.Event) -> None:
        frames, frame_s, frame_real_s = talk.counters.frames, self._clock(), time.monotonic()
        while not (stop.is_set() or self._rests):
            data = read_waiting(port)
            t_s = self._clock()
            if data:
                self._tee(t_s, Channel.RADAR_RX, data)
            self._hand_on(t_s, talk.receive(t_s, data) if data else talk.idle(t_s))
            if talk.counters.frames != frames:
                frames, frame_s, frame_real_s = talk.counters.frames, t_s, time.monotonic()
                self._last_frame_s = t_s
                self._connected = True
                self._wait_s = FIRST_WAIT_S
            self._say(port, module, talk.transmit(t_s), t_s)
            fault = talk.fault(t_s)
            if t_s - frame_s >= SILENT_S and time.monotonic() - frame_real_s >= SLACK_S:
                raise DriverError(fault or f"silent for {int(t_s - frame_s)} s: check the module's power and wiring")
            if frame_s != t_s or not self._connected:
                continue
            # Judged when a frame has just come: a module that talks and is unwell stays connected.
            if fault is None:
                self._heal(module)
            else:
                self._ail(fault)

    def _say(self, port: Any, module: Module, data: bytes, t_s: float) -> None:
        """Writes, but never a command that would cost the module its firmware."""
        if not data:
            return
        protocol = PROTOCOLS[module]
        if any(protocol.is_forbidden(frame) for frame in protocol.FrameDecoder().feed(data)):
            self._refused += 1
            log.error("refused to send a forbidden command to the radar: %s", data.hex(" "))
            return
        port.write(data)
        self._tee(t_s, Channel.RADAR_TX, data)

    def _hand_on(self, t_s: float, samples: list[RadarSample]) -> None:
        if not samples:
            return
        try:
            self._deliver(RadarChunk(t_s, samples))
        except queue.Full:
            self._dropped += 1

    def _ail(self, trouble: str) -> None:
        """Said once, whatever follows, until it is well again."""
        if self._trouble is None:
            log.warning("radar: %s", trouble)
        self._trouble = trouble

    def _heal(self, module: Module) -> None:
        if self._trouble is not None:
            log.info("radar: %s on %s is back", module, self._name)
        self._trouble = None


def _sum(*parts: LinkCounters) -> LinkCounters:
    return LinkCounters(*map(sum, zip(*map(astuple, parts), strict=True)))
