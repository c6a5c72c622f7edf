"""Which radar is where: serial ports by their names, opened, and listened to until a family is understood."""

from __future__ import annotations

import glob
import os
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import serial

from drivers import acconeer, micradar, tinyframe
from drivers.readings import DriverError, Module

PROTOCOLS: dict[Module, ModuleType] = {
    Module.TINYFRAME: tinyframe,
    Module.MICRADAR: micradar,
    Module.ACCONEER: acconeer,
}
RADAR_NAME, PI_PORT = "/dev/firstlight-radar", "/dev/serial0"  # of our udev rule, of Raspberry Pi OS
BAUDS = (115_200, 1_382_400)  # the second is that of the first HLK-LD6002 manual (V1.0, 2023)
QUIET_S = 0.1  # of real time: then the decoder gives up the frame that waits
BREAK_S, AFTER_BREAK_S = 0.25, 1.0
LISTEN_S, ANSWER_S, ENOUGH_FRAMES = 3.0, 1.5, 3
# Harmless to the other family: "is anybody there?" to a Micradar, "which firmware?" to a TinyFrame module.
QUESTIONS = micradar.encode(micradar.Frame(0x80, 0x81, b"\x0f")) + tinyframe.encode(
    tinyframe.Frame(1, tinyframe.VERSION, b"")
)
SERVER_QUESTION = acconeer.encode(acconeer.Frame({"cmd": "get_system_info"}))


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
            wake(port, speed, stop)
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
            data = read_waiting(self._port)
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


def read_waiting(port: Any) -> bytes:
    """What comes within ``QUIET_S``, and all that waits behind it; empty means silence, not a lost port."""
    first: bytes = port.read(1)
    return first + port.read(port.in_waiting) if first else b""


def wake(port: Any, speed: float, stop: threading.Event) -> None:
    """Wakes the Acconeer server and throws away what it was in the middle of saying."""
    port.send_break(BREAK_S / speed)
    stop.wait(AFTER_BREAK_S / speed)
    port.reset_input_buffer()
