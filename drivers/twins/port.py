"""A twin behind a pseudo-terminal: real serial code on the host's end, a menu of faults on this one."""

from __future__ import annotations

import fcntl
import logging
import os
import select
import struct
import threading
import time
import tty
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from drivers.twins.scene import Scene, Twin

log = logging.getLogger(__name__)

TURN_S = 0.002  # real time between two looks at the clock: what leaves late looks like a jittery module
STUCK_S = 0.5  # real time for which the host may leave its buffer full before bytes are lost, as on a UART
TCGETS2, TERMIOS2 = 0x802C542A, struct.Struct("<4I20x2I")  # asm-generic/termbits.h: the last two are the speeds
NOISE = b"[00:04:17.120] wifi: state: run -> init (0x1)\r\n"


class Fault(Enum):
    """What goes wrong on a wire.  The first three strike what leaves next, the others last until they are ended."""

    CUT_FRAME = auto()  # its second half never comes
    FLIP_BYTE = auto()
    TEXT_NOISE = auto()  # another program's log line in between
    SILENCE = auto()
    FROZEN = auto()  # the module goes on talking, its chest signal does not
    UNPLUG = auto()
    WRONG_BAUD = auto()


ONCE = (Fault.CUT_FRAME, Fault.FLIP_BYTE, Fault.TEXT_NOISE)


def live(twin: Twin, scene: Scene, block_s: float = 0.5) -> Iterator[tuple[float, bytes]]:
    """What ``twin`` says of ``scene``, made up only ``block_s`` ahead, so that it can be spoken to meanwhile.

    Each stretch ends with an item of no bytes, which lets a port wait where the twin says nothing.
    """
    for block in scene.blocks(block_s):
        yield from twin.speak(block)
        yield float(block.t_s[-1]), b""


class PtyPort:
    """Plays ``stream`` in the time of ``clock`` under a name that outlives unplugging; use it in a ``with``.

    ``stream`` is what ``live`` or a twin's ``night`` gives, or bytes of a recording; the twin answers the host.
    """

    def __init__(
        self, link: Path, twin: Twin, stream: Iterable[tuple[float, bytes]], clock: Callable[[], float], seed: int = 0
    ) -> None:
        """``link``: where the port's stable name shall be; nothing may be there yet."""
        self.link = link
        self._twin = twin
        self._stream = iter(stream)
        self._clock = clock
        self._random = np.random.default_rng(seed)
        self._faults: set[Fault] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="twin", daemon=True)
        self._fds: tuple[int, int] | None = None  # the twin's end, and the host's, kept open so that it can be closed
        self._next: tuple[float, bytes] | None = None
        self._waiting = b""  # what the host's full buffer did not take
        self._took_s = 0.0

    def __enter__(self) -> Self:
        self._plug()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._unplug()

    def start(self, fault: Fault) -> None:
        """The fault is there from now on, or strikes what leaves next."""
        self._faults.add(fault)
        if fault is Fault.FROZEN:
            self._twin.frozen = True

    def end(self, fault: Fault) -> None:
        """The fault is gone."""
        self._faults.discard(fault)
        if fault is Fault.FROZEN:
            self._twin.frozen = False

    def _run(self) -> None:
        while not self._stop.is_set():
            if (Fault.UNPLUG in self._faults) != (self._fds is None):
                if self._fds is None:
                    self._twin.restart()
                    self._plug()
                else:
                    self._unplug()
            self._listen()
            self._say()

    def _listen(self) -> None:
        """Waits a turn, or shorter if the host speaks."""
        if self._fds is None:
            time.sleep(TURN_S)
            return
        if not select.select([self._fds[0]], [], [], TURN_S)[0]:
            return
        heard = os.read(self._fds[0], 4096)
        if self._fits() and Fault.SILENCE not in self._faults:
            self._send(self._twin.hear(self._clock(), heard))
        time.sleep(TURN_S)

    def _say(self) -> None:
        """Sends what is due."""
        now_s, due = self._clock(), [self._waiting]
        self._waiting = b""
        while True:
            if self._next is None:
                self._next = next(self._stream, None)
            if self._next is None or self._next[0] > now_s:
                break
            data, self._next = self._next[1], None
            if data:
                due.append(self._struck(data))
        if Fault.SILENCE not in self._faults:
            self._send(b"".join(due))

    def _struck(self, data: bytes) -> bytes:
        for fault in [fault for fault in ONCE if fault in self._faults]:
            self._faults.discard(fault)
            if fault is Fault.CUT_FRAME:
                data = data[: len(data) // 2]
            elif fault is Fault.FLIP_BYTE:
                at = int(self._random.integers(len(data)))
                data = data[:at] + bytes((data[at] ^ 0x5A,)) + data[at + 1 :]
            else:
                data = NOISE + data
        return data if self._fits() else self._random.bytes(len(data))

    def _send(self, data: bytes) -> None:
        if self._fds is None or not data:
            return
        sent = 0
        with suppress(BlockingIOError):
            sent = os.write(self._fds[0], data)
        real_s = time.monotonic()
        if sent:
            self._took_s = real_s
        self._waiting = data[sent:] if real_s - self._took_s < STUCK_S else b""

    def _fits(self) -> bool:
        """Does the host listen at the module's speed?  A pseudo-terminal carries bytes at any, but knows the host's."""
        if self._fds is None or Fault.WRONG_BAUD in self._faults:
            return False
        settings = fcntl.ioctl(self._fds[1], TCGETS2, bytes(TERMIOS2.size))
        return bool(TERMIOS2.unpack(settings)[-1] == self._twin.baud)

    def _plug(self) -> None:
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        self.link.symlink_to(os.ttyname(theirs))
        self._fds = (ours, theirs)
        self._took_s = time.monotonic()

    def _unplug(self) -> None:
        if self._fds is None:
            return
        self.link.unlink()
        for fd in self._fds:
            os.close(fd)
        self._fds = None
        self._waiting = b""
