"""Live, whether the box stands where it sees a breath well: told by the running service, or by the radar itself."""

from __future__ import annotations

import logging
import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from appliance.bedside import Bedside
from appliance.box import sense_with
from appliance.clock import WallClock
from appliance.config import Config
from appliance.doctor.service import fresh
from appliance.morning import Morning
from appliance.night import Night
from appliance.placement import Advice, Placement, line, lines
from appliance.senses import LiveSenses
from appliance.settings import Settings
from appliance.status import Status
from appliance.wiring import port_of
from drivers.radar import Radar
from drivers.readings import DriverError

LOOK_S = 0.25
JOIN_S = 5.0


def show_placement(config: Config, stop: threading.Event, seconds: float | None, say: Callable[[str], None]) -> None:
    """What ``watch`` tells, as text: on a terminal bars that are drawn again in place, into a pipe a line a second."""
    advice, drawn = None, 0
    logging.disable(logging.WARNING)  # what is wrong with the radar stands in the sentence
    try:
        for advice in watch(config, stop, seconds):
            if not sys.stdout.isatty():
                say(line(advice))
                continue
            columns = shutil.get_terminal_size().columns
            text = [part for row in lines(advice) for part in textwrap.wrap(row, columns, drop_whitespace=False)]
            say((f"\x1b[{drawn}A\x1b[J" if drawn else "") + "\n".join(text))
            drawn = len(text)
    finally:
        logging.disable(logging.NOTSET)
    say("Nothing was told." if advice is None else f"Last: {line(advice)}")


def watch(config: Config, stop: threading.Event, seconds: float | None = None) -> Iterator[Advice]:
    """About once a second, what to do next for a better place, until ``stop`` or for so many seconds."""
    end_s = None if seconds is None else time.monotonic() + seconds
    placement = Placement()
    told_s = -1.0
    source = _service(config) if fresh(config) is not None else _own_radar(config)
    with source as look:
        while not stop.is_set() and (end_s is None or time.monotonic() < end_s):
            status = look()
            if status is not None and time.monotonic() - told_s >= 1.0:
                told_s = time.monotonic()
                yield placement.update(status)
            stop.wait(LOOK_S)


@contextmanager
def _service(config: Config) -> Iterator[Callable[[], Status | None]]:
    """The word of the service, which holds the port."""

    def look() -> Status | None:
        status = fresh(config)
        if status is None:
            raise DriverError("the service has stopped: run this again, and the radar is listened to from here")
        return status

    yield look


@contextmanager
def _own_radar(config: Config) -> Iterator[Callable[[], Status | None]]:
    """No service runs: the radar is opened here, and the night that it tells of is kept nowhere."""
    clock = WallClock()
    radar = config.radar
    senses = LiveSenses(
        lambda deliver, tee: Radar(
            port_of(config), radar.module, radar.baud, lambda: clock.now().mono_s, deliver, tee, clock.speed
        ),
        make_room=None,
        make_button=None,
        clock=clock,
    )
    night = Night(Settings((), config.bed.side), Bedside(Morning(())), sense_with(None))
    done = threading.Event()
    threads = senses.threads(done)
    for thread in threads:
        thread.start()

    def look() -> Status | None:
        if not all(thread.is_alive() for thread in threads):
            raise DriverError("the radar's thread has ended: this is a mistake of the program, so please report it")
        now = clock.now()
        return night.step(senses.take(now), now).status

    try:
        yield look
    finally:
        done.set()
        for thread in threads:
            thread.join(JOIN_S)
