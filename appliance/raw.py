"""The radar's own bytes, kept beside the nights when asked for: a capture written by a thread of its own."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from drivers.acconeer import SensorConfig
from drivers.capture import CaptureHeader, CaptureWriter, Channel, Record
from drivers.readings import Module

_log = logging.getLogger(__name__)

QUEUED = 1 << 16
LOOK_S = 0.5


class RawRecorder:
    """Takes bytes without ever waiting; the file begins with the first that come from a radar whose kind is known."""

    def __init__(
        self,
        path: Path,
        started_utc: str,
        module: Callable[[], Module | None],
        learnt: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        self.path = path
        self.lost = 0  # records that found the queue full or the disk failing
        self.kept_bytes = 0
        self._started_utc = started_utc
        self._module = module
        self._learnt = learnt
        self._queue: queue.Queue[Record] = queue.Queue(QUEUED)

    def tee(self, t_s: float, channel: Channel, data: bytes) -> None:
        """Bytes that passed at ``t_s``."""
        try:
            self._queue.put_nowait(Record(t_s, channel, data))
        except queue.Full:
            self.lost += 1

    def run(self, stop: threading.Event) -> None:
        """The thread's body; ends once ``stop`` is set and everything that waited is written."""
        while (module := self._module()) is None:
            if stop.wait(LOOK_S):
                return
        extra: dict[str, Any] = {}
        if module is Module.ACCONEER:
            extra["sensor_config"] = SensorConfig().as_json()
        if self._learnt is not None:
            extra["learnt"] = self._learnt()  # of the bed: a replay must know what the box knew
        try:
            with self.path.open("wb") as stream:
                writer = CaptureWriter(stream, CaptureHeader(module, self._started_utc, extra))
                while not (stop.is_set() and self._queue.empty()):
                    try:
                        record = self._queue.get(timeout=LOOK_S)
                    except queue.Empty:
                        stream.flush()
                        continue
                    writer.write(*record)
                    self.kept_bytes += len(record.data)
        except OSError as error:
            _log.error("the radar's bytes cannot be kept in %s (%s)", self.path, error.strerror or error)
            while not stop.wait(LOOK_S):  # the night goes on without them
                self._discard()

    def _discard(self) -> None:
        while True:
            try:
                self._queue.get_nowait()
                self.lost += 1
            except queue.Empty:
                return
