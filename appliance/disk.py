"""The disk's thread: all that is slow about a card happens here, behind bounded queues, so the loop never waits."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.alarm_copy import AlarmCopy
from appliance.ledger import Ledger
from appliance.records import (
    AlarmFactRecord,
    EpochRecord,
    HandledRecord,
    Record,
    Request,
    RingRecord,
    SessionRecord,
)
from appliance.settings import Settings

_log = logging.getLogger(__name__)

QUEUED_BATCHES = 4096
LOOK_S = 1.0  # between two looks for settings and requests of the page
WRITE_S = 30.0  # between two transactions, unless a record is urgent
VERIFY_S = 60.0  # between two looks whether the alarm's copy is still what it should be
# A finished epoch is: then a power cut costs the running one alone, and what else there is goes with it at no cost.
_URGENT = (AlarmFactRecord, EpochRecord, HandledRecord, RingRecord, SessionRecord)
BREATHING_BYTES = 100_000_000  # of the database, at most, whatever number of nights is wanted
LOOKED_BACK = 3  # nights that a box which begins stages again, where the one before did not come to it
Restage = Callable[[SessionRecord, Sequence[EpochRecord]], Sequence[Record]]


@dataclass(frozen=True, slots=True)
class News:
    """What the disk thread has read for the loop."""

    settings: Mapping[str, Any] | None = None  # all of them, when any changed
    requests: tuple[Request, ...] = ()
    complaint: str | None = None
    unfinished: tuple[SessionRecord, list[EpochRecord]] | None = None  # what an earlier process left open
    learnt: Mapping[str, Any] | None = None  # of the bed, by earlier processes


class Disk:
    """Takes records and the alarm's copy without ever blocking its caller; brings settings and requests.

    A session that is over is staged again here by ``restage``, from the disk, where the loop need not wait for it.
    """

    def __init__(self, ledger: Ledger, copy: AlarmCopy, speed: float = 1.0, restage: Restage | None = None) -> None:
        self._ledger = ledger
        self._copy = copy
        self._restage = restage
        self._over: list[int] = []  # sessions to be staged again
        self._write_s = WRITE_S / speed
        self._in: queue.Queue[Sequence[Record] | Mapping[str, Any]] = queue.Queue(QUEUED_BATCHES)
        self._out: queue.Queue[News] = queue.Queue(64)
        self._batch: list[Record] = []
        self._document: Mapping[str, Any] | None = None  # the alarm's, as its copy should hold it
        self._verify_s = -math.inf  # when it is to be seen again whether it does
        self._written_s: float | None = None
        self._settings: Mapping[str, Any] | None = None
        self._offered = 0  # the greatest request id that the loop was given
        self._complaint: str | None = None
        self.dropped = 0  # batches that found the queue full: a disk that stalled for very long

    def put(self, records: Sequence[Record]) -> None:
        """Hand over records; never waits."""
        if records:
            self._put(records)

    def put_alarm(self, document: Mapping[str, Any]) -> None:
        """Hand over the alarm's settings and facts for their copy beside the database; never waits."""
        self._put(document)

    def news(self) -> list[News]:
        """What was read since the last call; never waits."""
        found: list[News] = []
        while True:
            try:
                found.append(self._out.get_nowait())
            except queue.Empty:
                return found

    def run(self, stop: threading.Event) -> None:
        """The thread's body: until ``stop``, and then until everything is written that can be."""
        self.begin()
        while not stop.is_set():
            self.serve(time.monotonic(), LOOK_S)
        self.end()

    def begin(self) -> None:
        """Before the first round: what an earlier process left open."""
        habits = self._ledger.habits()
        learnt = None if habits is None else habits.learnt
        self._out.put_nowait(News(unfinished=self._ledger.unfinished(), learnt=learnt))
        if self._restage is not None:
            self._over = self._ledger.not_restaged(LOOKED_BACK)

    def serve(self, now_s: float, patience_s: float = 0.0) -> None:
        """One round at ``now_s`` (monotonic seconds): take what waits, write what is due, look what the page wants."""
        if self._written_s is None:
            self._written_s = now_s
        urgent = self._collect(patience_s)
        self._save(now_s)
        if urgent or now_s - self._written_s >= self._write_s:
            self._flush()
            self._written_s = now_s
            self._stage_again()
        self._look()

    def end(self) -> None:
        """Write everything that can be written, and let go of the file."""
        self._collect(0.0)
        self._save(math.inf)
        self._flush()
        self._stage_again()
        self._ledger.close()

    def _put(self, batch: Sequence[Record] | Mapping[str, Any]) -> None:
        try:
            self._in.put_nowait(batch)
        except queue.Full:
            self.dropped += 1
            if self.dropped == 1:
                _log.error("the disk has stalled for so long that records are being lost")

    def _collect(self, patience_s: float) -> bool:
        """Take what is queued, waiting at most so long for the first of it; True if anything of it is urgent."""
        urgent = False
        try:
            batch = self._in.get(timeout=patience_s) if patience_s else self._in.get_nowait()
            while True:
                if isinstance(batch, Mapping):
                    self._document, self._verify_s = batch, -math.inf
                else:
                    self._batch.extend(batch)
                    urgent = urgent or any(isinstance(record, _URGENT) for record in batch)
                batch = self._in.get_nowait()
        except queue.Empty:
            return urgent

    def _save(self, now_s: float) -> None:
        if self._document is not None and now_s >= self._verify_s and self._copy.save(self._document):
            self._verify_s = now_s + VERIFY_S  # else it is tried again at the next round: a full disk may have room

    def _flush(self) -> None:
        self._ledger.write(self._batch)  # which keeps what it cannot write
        over = [r.id for r in self._batch if isinstance(r, SessionRecord) and r.left_utc is not None]
        self._over += over
        self._batch.clear()
        if over and not self._ledger.pending:
            self._let_go()

    def _stage_again(self) -> None:
        if self._restage is None or self._ledger.pending:
            return  # what a failing disk has not taken cannot be read from it
        while self._over:
            found = self._ledger.over(self._over.pop(0))
            if found is not None:
                self._ledger.write(self._restage(*found))

    def _let_go(self) -> None:
        """Of raw breathing, what is more than is wanted."""
        nights = Settings().changed(self._settings or {})[0].breathing_nights
        self._ledger.let_go(nights, BREATHING_BYTES)

    def _look(self) -> None:
        settings = self._ledger.settings()
        changed = settings is not None and settings != self._settings
        requests = tuple(request for request in self._ledger.requests() if request.id > self._offered)
        complaint = self._ledger.complaint
        if not changed and not requests and complaint == self._complaint:
            return
        try:
            self._out.put_nowait(News(settings if changed else None, requests, complaint))
        except queue.Full:
            return  # the loop is busy; the same news is found again
        self._complaint = complaint
        if changed:
            self._settings = settings
            self._let_go()
        if requests:
            self._offered = requests[-1].id
