"""Looks whether anybody has told this machine the time, and keeps the last time on the disk for the next start."""

from __future__ import annotations

import ctypes
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from appliance.atomic import replace_file
from appliance.clock_trust import ClockSource, Told, judge

_log = logging.getLogger(__name__)

LOOK_S = 10.0
KEEP_S = 600.0  # between two times kept: six small writes an hour
FILE = "last-good-time"
_TIMESYNC = "run/systemd/timesync"
_STATUS_AT, _STA_UNSYNC, _TIME_ERROR = 40, 0x0040, 5  # of struct timex on 64 bits; linux/timex.h


def kernel_says() -> bool | None:
    """Whether the kernel's clock is disciplined by anybody (adjtimex(2), asked and not set).

    None where that may not be asked: systemd's ProtectClock= forbids the call altogether.
    """
    timex = ctypes.create_string_buffer(256)
    state = ctypes.CDLL(None, use_errno=True).adjtimex(timex)
    if state < 0:
        return None
    status = int.from_bytes(timex.raw[_STATUS_AT : _STATUS_AT + 4], "little")
    return state != _TIME_ERROR and not status & _STA_UNSYNC


class Timekeeper:
    """Who told the time, looked at every few seconds in a thread of its own."""

    def __init__(
        self,
        folder: Path,
        root: Path = Path("/"),
        kernel: Callable[[], bool | None] = kernel_says,
        wall: Callable[[], float] = time.time,
        mono: Callable[[], float] = time.monotonic,
    ) -> None:
        """``folder`` is where the time is kept; ``root`` and the rest are the machine's own."""
        self._path = folder / FILE
        self._root = root
        self._kernel = kernel
        self._wall = wall
        self._mono = mono
        self._began_s = mono()
        self._kept_at_s: float | None = None
        self._failed = False
        self._kept_utc = self._read()  # by an earlier start
        self._rtc_utc = self._ask_rtc()  # once: a clock module hangs on the I2C bus, which may hang itself
        self.source = ClockSource.UNKNOWN
        self.look()

    def least_utc(self) -> float:
        """Before what the clock cannot be, in UTC seconds: the time that was kept, and what has passed since the start.

        0 as soon as somebody has told the time, who knows better.
        """
        if self.source in (ClockSource.NETWORK, ClockSource.RTC):
            return 0.0
        return self._kept_utc + (self._mono() - self._began_s)

    def look(self) -> None:
        """See who has told the time by now."""
        timesync = self._root / _TIMESYNC
        told = Told((timesync / "synchronized").exists(), timesync.is_dir(), self._kernel(), self._rtc_utc)
        if told.rtc_utc is not None:
            told = told._replace(rtc_utc=round(told.rtc_utc + self._mono() - self._began_s))
        self.source = judge(told, self._wall(), self._kept_utc)

    def keep(self) -> None:
        """Write the time down, if it was long ago that it was or the source is new."""
        utc = int(max(self._wall(), self.least_utc()))
        try:
            replace_file(self._path, f"{utc}\n".encode(), durable=True)
            self._failed = False
        except OSError as error:
            if not self._failed:
                _log.error("%s cannot be written (%s): a power cut may set the clock back", self._path, error)
            self._failed = True
        self._kept_at_s = self._mono()

    def run(self, stop: threading.Event) -> None:
        """The thread's body."""
        while not stop.wait(LOOK_S):
            self.serve()
        self.keep()

    def serve(self) -> None:
        """One round: look, and keep the time where that is due."""
        before = self.source
        self.look()
        if self._kept_at_s is None or self.source is not before or self._mono() - self._kept_at_s >= KEEP_S:
            self.keep()

    def _read(self) -> int:
        try:
            return int(self._path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0

    def _ask_rtc(self) -> int | None:
        """What the clock module tells, if there is one; who sets the clock from it, kernel or udev, is the system's."""
        for rtc in sorted((self._root / "sys/class/rtc").glob("rtc*")):
            try:
                return int((rtc / "since_epoch").read_text(encoding="ascii"))
            except (OSError, ValueError):
                continue
        return None
