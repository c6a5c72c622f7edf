"""The radar's port: opened by name, probed, listened to in a thread of its own, and opened again when it is lost.

Everything that a protocol knows is in its ``Conversation``, which is given bytes and time; here are the port and the
clock that give them.
"""

from __future__ import annotations

import glob
import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import astuple
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import serial

from drivers import acconeer, micradar, tinyframe
from drivers.capture import Channel
from drivers.readings import DriverError, LinkCounters, Module, RadarSample

log = logging.getLogger(__name__)

PROTOCOLS: dict[Module, ModuleType] = {
    Module.TINYFRAME: tinyframe,
    Module.MICRADAR: micradar,
    Module.ACCONEER: acconeer,
}
RADAR_NAME, PI_PORT = "/dev/firstlight-radar", "/dev/serial0"  # of our udev rule, of Raspberry Pi OS
BAUDS = (115_200, 1_382_400)  # the second is that of the first HLK-LD6002 manual (V1.0, 2023)
QUIET_S = 0.1  # of real time: then the decoder gives up the frame that waits
SILENT_S = 5.0  # without a good frame: the port is opened again
SLACK_S = 2.0  # of real time, so that a busy computer is not taken for a silent module when a clock runs fast
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
BREAK_S, AFTER_BREAK_S = 0.25, 1.0
LISTEN_S, ANSWER_S, ENOUGH_FRAMES = 3.0, 1.5, 3
# Harmless to the other family: "is anybody there?" to a Micradar, "which firmware?" to a TinyFrame module.
QUESTIONS = micradar.encode(micradar.Frame(0x80, 0x81, b"\x0f")) + tinyframe.encode(
    tinyframe.Frame(1, tinyframe.VERSION, b"")
)
SERVER_QUESTION = acconeer.encode(acconeer.Frame({"cmd": "get_system_info"}))


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

    def run(self, stop: threading.Event) -> None:
        """Listens until ``stop``; a lost port is opened again after 1, 2, 4 ... 60 s."""
        while not stop.is_set():
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
                _break(port, self._speed, stop)
            talk = self._talk = self._converse(module)
            try:
                self._listen(port, module, talk, stop)
            finally:
                self._past, self._talk = _sum(self._past, talk.counters), None
                self._connected = False

    def _listen(self, port: Any, module: Module, talk: Conversation, stop: threading.Event) -> None:
        frames, frame_s, frame_real_s = talk.counters.frames, self._clock(), time.monotonic()
        while not stop.is_set():
            data = _read(port)
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


def ports() -> list[str]:
    """Serial ports by the names that stay the same over restarts: the one that install gave, adapters, the Pi's own."""
    names = [RADAR_NAME, *sorted(glob.glob("/dev/serial/by-id/*")), PI_PORT]
    return [name for name in names if os.path.exists(name)]


def find(
    name: str | None, clock: Callable[[], float], speed: float, stop: threading.Event, module: Module | None
) -> tuple[str, Module, int]:
    """The port on which a radar talks, among all when ``name`` is None, and what ``probe`` says of it."""
    names = ports() if name is None else [name]
    if not names:
        raise DriverError("there is no serial port: plug the radar in, or name its port in config.toml")
    troubles = []
    for candidate in names:
        try:
            return (candidate, *probe(candidate, clock, speed, stop, module))
        except DriverError as error:
            troubles.append(str(error))
    raise DriverError("; ".join(troubles))


def open_port(name: str, baud: int, flow_control: bool = False) -> Any:
    """An open ``serial.Serial`` that reads for ``QUIET_S`` at most.  Raises DriverError with one line."""
    try:
        return serial.Serial(name, baud, timeout=QUIET_S, write_timeout=1.0, rtscts=flow_control, exclusive=True)
    except (serial.SerialException, OSError) as error:
        if not os.path.exists(name):
            others = ", ".join(ports()) or "none"
            raise DriverError(
                f"no serial port {name}: plug the radar in, or name its port (there are: {others})"
            ) from None
        if isinstance(error, OSError) and error.errno == 13:
            raise DriverError(f"may not open {name}: join group dialout and log in again") from error
        raise DriverError(f"cannot open {name}: {error}") from error


def probe(
    name: str,
    clock: Callable[[], float],
    speed: float = 1.0,
    stop: threading.Event | None = None,
    module: Module | None = None,
) -> tuple[Module, int]:
    """Which module talks on the port, and at which speed; ``module`` restricts the search to one.

    It listens first.  Only a silent line is asked, with questions that are harmless to every family; the Acconeer
    server, which must be woken by a break, comes last.  Raises DriverError with one line when nobody is understood.
    """
    stop = stop or threading.Event()
    wanted = tuple(PROTOCOLS) if module is None else (module,)
    heard_any = False
    for baud in BAUDS if wanted != (Module.ACCONEER,) else ():
        with open_port(name, baud) as port:
            ear = _Ear(port, clock, stop, wanted)
            found = ear.listen(LISTEN_S)
            if found is None and not ear.heard:
                port.write(QUESTIONS)
                found = ear.listen(LISTEN_S)
            elif found is None and ear.best():
                found = ear.listen(LISTEN_S)
            if found is not None:
                return found, baud
            if ear.looks_old:
                raise DriverError(
                    "unsupported old firmware (0x55 stream): this module needs newer firmware from its maker"
                )
            heard_any = heard_any or ear.heard > 0
    if Module.ACCONEER in wanted and not heard_any:
        with open_port(name, BAUDS[0], flow_control=True) as port:
            _break(port, speed, stop)
            port.write(SERVER_QUESTION)
            ear = _Ear(port, clock, stop, (Module.ACCONEER,), enough=1)
            if (found := ear.listen(ANSWER_S)) is not None:
                return found, BAUDS[0]
    if heard_any:
        raise DriverError(f"what comes on {name} is no radar that is known: check the wiring and the kind of module")
    raise DriverError(f"nothing answers on {name}: check the radar's power and wiring")


class _Ear:
    """Every family's decoder on one port."""

    def __init__(
        self,
        port: Any,
        clock: Callable[[], float],
        stop: threading.Event,
        modules: tuple[Module, ...],
        enough: int = ENOUGH_FRAMES,
    ) -> None:
        self._port, self._clock, self._stop, self._enough = port, clock, stop, enough
        self._decoders = {module: PROTOCOLS[module].FrameDecoder() for module in modules}
        self.heard = self._old_heads = 0

    @property
    def looks_old(self) -> bool:
        """MR60BHA1 modules of 2022 speak another protocol, whose frames begin with 55."""
        return not self.best() and self._old_heads >= 10 and self._old_heads >= 0.03 * self.heard

    def best(self) -> int:
        """Good frames of the family that was understood best."""
        frames: int = max(decoder.counters.frames for decoder in self._decoders.values())
        return frames

    def listen(self, seconds: float) -> Module | None:
        """The family with enough good frames, as soon as there is one."""
        until_s = self._clock() + seconds
        while self._clock() < until_s and not self._stop.is_set():
            data = _read(self._port)
            self.heard += len(data)
            self._old_heads += data.count(0x55)
            for decoder in self._decoders.values():
                if data:
                    decoder.feed(data)
                else:
                    decoder.idle()
            if self.best() >= self._enough:
                return max(self._decoders, key=lambda module: self._decoders[module].counters.frames)
        return None


def _read(port: Any) -> bytes:
    """What comes within ``QUIET_S``, and all that waits behind it; empty means silence, not a lost port."""
    first: bytes = port.read(1)
    return first + port.read(port.in_waiting) if first else b""


def _break(port: Any, speed: float, stop: threading.Event) -> None:
    """Wakes the Acconeer server and throws away what it was in the middle of saying."""
    port.send_break(BREAK_S / speed)
    stop.wait(AFTER_BREAK_S / speed)
    port.reset_input_buffer()


def _sum(*parts: LinkCounters) -> LinkCounters:
    return LinkCounters(*map(sum, zip(*map(astuple, parts), strict=True)))
