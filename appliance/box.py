"""The wiring diagram: one function builds the whole box from its configuration, in the open."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from appliance.alarm_copy import AlarmCopy
from appliance.bedside import Bedside
from appliance.clock import Clock, WallClock
from appliance.clock_trust import ClockSource
from appliance.config import Config
from appliance.disk import Disk
from appliance.habits import Habits
from appliance.ledger import Ledger
from appliance.loading import load_policy, load_restager, load_scorer, load_stager
from appliance.morning import Morning
from appliance.night import Night
from appliance.raw import RawRecorder
from appliance.records import EpochRecord, Record, SessionRecord
from appliance.restaging import restage
from appliance.senses import LiveSenses, Tee
from appliance.sensing import Sensing
from appliance.settings import Settings
from appliance.supervisor import Pins, Supervisor
from appliance.timekeeper import Timekeeper
from appliance.tracking import PrimaryUserTracker
from appliance.watchdog import ServiceManager
from appliance.wiring import bus_of, lamp_of, pins_of, port_of
from drivers.environment import Environment
from drivers.outputs import BUZZERS, Button, Indicator, RadarPower, SunriseLamp, open_pins
from drivers.radar import Radar
from drivers.readings import DriverError, Module
from models.intent import IntentScorer
from models.stager import Stager

_log = logging.getLogger(__name__)

JOIN_S = 10.0  # of patience with a thread at the end: a dying card must not hold up a restart
T = TypeVar("T")


@dataclass
class Box:
    """A supervisor and the threads that it stands on."""

    supervisor: Supervisor
    threads: list[threading.Thread]
    close: Callable[[], None]

    def run(self, stop: threading.Event) -> None:
        """Until ``stop``; then what was learnt is on the disk and the pins are at rest."""
        manager = ServiceManager()
        for thread in self.threads:
            thread.start()
        try:
            self.supervisor.run(stop, manager, self.threads)
        finally:
            manager.stopping()
            stop.set()
            self.close()
            for thread in self.threads:
                thread.join(JOIN_S)


def database(config: Config) -> Path:
    """Where the nights are."""
    return config.paths.state / "firstlight.db"


def status_file(config: Config) -> Path:
    """Where the present second is."""
    return config.paths.run / "status.json"


def sense_with(
    stager: Stager | None, habits: Habits | None = None, scorer: IntentScorer | None = None
) -> Callable[[Module, Settings], Sensing]:
    """How sensing is begun once it is known which radar there is; what was learnt of the bed outlives standby."""
    habits = habits or Habits()
    return lambda module, settings: Sensing(
        module, PrimaryUserTracker(module, settings.bed_side, habits), stager, scorer=scorer
    )


def build(
    config: Config,
    clock: Clock,
    stop: threading.Event,
    complaint: str | None = None,
    raw: Path | None = None,
    simulated: bool = False,
    timekeeper: Timekeeper | None = None,
) -> Box:
    """The box.  A part that cannot be had is a complaint on the page and never the end of the alarm."""
    complaints = [] if complaint is None else [complaint]
    rest = ExitStack()

    def had(make: Callable[[], T], otherwise: str) -> T | None:
        try:
            return make()
        except (DriverError, OSError) as error:
            complaints.append(f"{otherwise}: {error}")
            _log.error(complaints[-1])
            return None

    def told(loaded: tuple[T | None, str | None]) -> T | None:
        part, why_not = loaded
        if why_not is not None:
            complaints.append(why_not)
            _log.error(why_not)
        return part

    copy = AlarmCopy(config.paths.state)
    ledger = Ledger(database(config))
    settings, bedside = remembered(copy, config)

    habits = Habits()
    stager = told(load_stager(config.model.path))
    restager = scorer = policy = None
    if stager is not None:
        restager = told(load_restager(config.model.path))
        scorer = told(load_scorer(config.model.path))
        policy = told(load_policy(config.model.path, stager))

    def stage_again(session: SessionRecord, epochs: Sequence[EpochRecord]) -> Sequence[Record]:
        return [] if restager is None else restage(restager, session, epochs, int(clock.now().utc_s))

    def seconds() -> float:
        return clock.now().mono_s

    factory = had(lambda: open_pins(pins_of(config)), "No pins")
    out = config.outputs
    lamp = buzzer = indicator = power = None
    make_button: Callable[[Callable[[float, bool], None]], Button] | None = None
    if factory is not None:
        lamp = had(
            lambda: SunriseLamp(lamp_of(config, factory), out.lamp_channels, out.lamp_gamma, out.lamp_gains), "No lamp"
        )
        buzzer = had(lambda: BUZZERS[out.buzzer_kind](out.buzzer, factory), "No buzzer")
        indicator = had(lambda: Indicator(out.indicator, factory), "No indicator")
        for pin in out.radar_power:
            power = had(lambda pin=pin: RadarPower(pin, factory), "No power pin of the radar")  # type: ignore[misc]
        for part in (lamp, buzzer, indicator, power):
            if part is not None:
                rest.callback(part.close)

        def make_button(tee: Callable[[float, bool], None]) -> Button:
            return Button(out.button, factory, seconds, tee)

    def make_radar(deliver: Callable[[Any], None], tee: Tee) -> Radar:
        radar = config.radar
        return Radar(port_of(config), radar.module, radar.baud, seconds, deliver, tee, clock.speed)

    def make_room() -> Environment:
        return Environment(bus_of(config, seconds), seconds, warmth_c=config.environment.warmth_c)

    recorder = None
    raw_path = raw or (_raw_path(config, clock) if config.capture.keep_raw else None)
    if raw_path is not None:
        recorder = RawRecorder(raw_path, _iso(clock), lambda: senses.health().module, habits.as_dict)
    tee = None if recorder is None else recorder.tee
    senses = LiveSenses(
        make_radar,
        make_room if config.environment.enabled else None,
        make_button,
        clock,
        tee,
        None if power is None else power.set,
        (lambda: ClockSource.NETWORK) if timekeeper is None else (lambda: timekeeper.source),
    )
    senses.rest(bedside.standby)
    pins = Pins(
        None if lamp is None else lambda levels: lamp.set(levels.lamp),
        None if buzzer is None else lambda levels: buzzer.set(levels.tone_hz, levels.loudness),
        None if indicator is None else indicator.set,
    )
    disk = Disk(ledger, copy, clock.speed, stage_again)
    night = Night(
        settings,
        bedside,
        sense_with(stager, habits, scorer),
        None if stager is None else stager.name,
        policy,
        None if scorer is None else scorer.rules,
    )
    supervisor = Supervisor(
        night,
        senses,
        pins,
        disk,
        clock,
        status_file(config),
        simulated,
        complaints,
        listen=lambda outcome, now: senses.rest(outcome.standby),
        trouble=lambda: pins.trouble,
    )
    threads = senses.threads(stop)
    threads.append(threading.Thread(target=disk.run, args=(stop,), name="disk"))
    if timekeeper is not None:
        threads.append(threading.Thread(target=timekeeper.run, args=(stop,), name="clock"))
    if recorder is not None:
        threads.append(threading.Thread(target=recorder.run, args=(stop,), name="raw"))
    return Box(supervisor, threads, rest.close)


def record_radar(config: Config, out: Path, stop: threading.Event, say: Callable[[str], None]) -> RawRecorder:
    """The live radar's bytes into a capture until ``stop``; ``say`` hears a line about once a second."""
    clock = WallClock()
    radar = config.radar
    recorder = RawRecorder(out, _iso(clock), lambda: radar_link.health().module)

    def seconds() -> float:
        return clock.now().mono_s

    radar_link = Radar(
        port_of(config),
        radar.module,
        radar.baud,
        seconds,
        lambda chunk: None,
        recorder.tee,
    )
    threads = [threading.Thread(target=body, args=(stop,)) for body in (radar_link.run, recorder.run)]
    for thread in threads:
        thread.start()
    told = ""
    while not stop.wait(1.0):
        health = radar_link.health()
        now = health.fault or f"{health.module} {health.firmware or ''}: recording, Ctrl-C ends it"
        if now != told:
            say(now)
            told = now
    for thread in threads:
        thread.join(JOIN_S)
    return recorder


def remembered(copy: AlarmCopy, config: Config) -> tuple[Settings, Bedside]:
    """What a restart goes on from: the copy beside the database, whose own settings follow with the first news."""
    fresh = Settings((), config.bed.side)
    document = copy.load()
    if document is None:
        return fresh, Bedside(Morning(()))
    try:
        bedside = Bedside.from_document(document)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        _log.error("the alarm's copy cannot be understood (%s): no alarm holds until the record is read", error)
        return fresh, Bedside(Morning(()))
    kept = Settings(bedside.morning.alarms.settings, config.bed.side)
    settings, _ = kept.changed({"bed_side": document.get("bed_side", config.bed.side)})
    return settings, bedside


def _raw_path(config: Config, clock: Clock) -> Path:
    folder = config.paths.state / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{_iso(clock).replace(':', '')}.flcap"


def _iso(clock: Clock) -> str:
    """When this clock's monotonic time was 0."""
    now = clock.now()
    return datetime.fromtimestamp(now.utc_s - now.mono_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
