"""The loop: the alarm first, nothing waited for, and a process that would rather end than go on half dead."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from appliance.alarm import AlarmFacts
from appliance.alarm_copy import AlarmCopy
from appliance.alarm_setting import AlarmSetting
from appliance.bedside import Bedside
from appliance.clock import CaptureClock, Instant
from appliance.disk import QUEUED_BATCHES, VERIFY_S, Disk
from appliance.ledger import Ledger
from appliance.morning import Levels, Morning
from appliance.night import Night
from appliance.records import EventRecord
from appliance.settings import Settings
from appliance.status import read_status
from appliance.store import Role, Store
from appliance.supervisor import Pins, Supervisor
from appliance.turn import Inputs
from appliance.watchdog import ServiceManager
from drivers.outputs import HOLD_S, ButtonPress
from drivers.readings import DriverError, Module

SIX = 1_767_679_200  # 2026-01-06 06:00 UTC
ALARM = AlarmSetting(enabled=True, hour=7, timezone="UTC")


class Silence:
    """Senses that bring nothing, or break."""

    def __init__(self, broken: bool = False) -> None:
        self.broken = broken

    def take(self, now: Instant) -> Inputs:
        if self.broken:
            raise ZeroDivisionError("a bug in the signal chain")
        return Inputs()


class Shown:
    """Effectors that remember."""

    def __init__(self) -> None:
        self.levels: list[Levels] = []

    def show(self, levels: Levels, indicator: bool) -> None:
        self.levels.append(levels)


def _disk(folder: Path) -> Disk:
    return Disk(Ledger(folder / "firstlight.db"), AlarmCopy(folder))


def _supervisor(folder: Path, senses: Any = None, **options: Any) -> tuple[Supervisor, Shown, Disk]:
    shown, disk = Shown(), _disk(folder)
    night = Night(Settings((ALARM,)), Bedside(Morning((ALARM,))), lambda module, settings: None)  # type: ignore[arg-type,return-value]
    clock = options.pop("clock", CaptureClock(SIX))
    return Supervisor(night, senses or Silence(), shown, disk, clock, **options), shown, disk


def _rings(shown: Shown) -> bool:
    return any(levels.tone_hz is not None for levels in shown.levels)


def test_the_alarm_is_shown_before_anything_that_can_break(tmp_path: Path) -> None:
    supervisor, shown, _ = _supervisor(tmp_path, Silence(broken=True))
    for tenth in range(30):
        with pytest.raises(ZeroDivisionError):
            supervisor.turn(Instant(3600.0 + tenth / 10, SIX + 3600.0 + tenth / 10))
    assert _rings(shown)


def test_a_bug_does_not_cost_what_was_pressed_in_its_turn(tmp_path: Path) -> None:
    class Broken:
        trace = ()
        change_rules = None

        def feel(self, readings: object) -> None:
            """Light says nothing here."""

        def update(self, samples: object, now_s: float) -> None:
            raise ZeroDivisionError("a bug in the signal chain")

    class Pressed:
        def take(self, now: Instant) -> Inputs:
            if now.mono_s < 3610.0:
                return Inputs()
            return Inputs(module=Module.TINYFRAME, presses=[ButtonPress(now.mono_s - HOLD_S, HOLD_S)])

    ringing = AlarmFacts(due_utc=SIX + 3600, rang_utc=SIX + 3600, ringing_utc=SIX + 3600)
    night = Night(Settings((ALARM,)), Bedside(Morning((ALARM,), {1: ringing})), lambda module, settings: Broken())  # type: ignore[arg-type,return-value]
    disk = _disk(tmp_path)
    supervisor = Supervisor(night, Pressed(), Shown(), disk, CaptureClock(SIX))
    supervisor.turn(Instant(3609.9, SIX + 3609.9))
    with pytest.raises(ZeroDivisionError):
        supervisor.turn(Instant(3610.0, SIX + 3610.0))
    disk.end()  # as a process that ends by itself still does
    kept = AlarmCopy(tmp_path).load()
    assert kept is not None
    assert kept["facts"]["1"]["ended_utc"] == SIX + 3610


def test_the_alarms_copy_is_tried_again_until_the_disk_takes_it(tmp_path: Path) -> None:
    disk = _disk(tmp_path)
    in_its_way = tmp_path / "alarm.json.new"
    in_its_way.mkdir()
    disk.put_alarm({"standby": True})
    disk.serve(0.0)
    assert AlarmCopy(tmp_path).load() is None
    in_its_way.rmdir()
    disk.serve(1.0)
    assert AlarmCopy(tmp_path).load() == {"standby": True}
    disk.end()


def test_the_alarms_copy_is_looked_at_every_minute_and_made_good(tmp_path: Path) -> None:
    disk = _disk(tmp_path)
    disk.put_alarm({"standby": True})
    disk.serve(0.0)
    for name in ("alarm.json", "alarm.previous.json"):
        (tmp_path / name).write_bytes(b"{")
    disk.serve(VERIFY_S - 1.0)
    assert AlarmCopy(tmp_path).load() is None
    disk.serve(VERIFY_S)
    assert AlarmCopy(tmp_path).load() == {"standby": True}
    disk.end()


def test_a_disk_that_stands_still_stops_no_turn(tmp_path: Path) -> None:
    supervisor, shown, disk = _supervisor(tmp_path)
    for _ in range(QUEUED_BATCHES + 10):  # nobody takes anything off the queue
        disk.put([EventRecord(SIX, "test", "a line")])
    assert disk.dropped == 10
    for tenth in range(50):
        supervisor.turn(Instant(3600.0 + tenth / 10, SIX + 3600.0 + tenth / 10))
    assert _rings(shown)


def test_a_dead_thread_ends_the_process(tmp_path: Path) -> None:
    supervisor, _, _ = _supervisor(tmp_path)
    dead = threading.Thread(target=lambda: None, name="radar")
    dead.start()
    dead.join()
    with pytest.raises(RuntimeError, match="radar thread"):
        supervisor.run(threading.Event(), ServiceManager(""), [dead])


def test_systemd_hears_of_finished_turns_only(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(address)
        ear.setblocking(False)
        stop = threading.Event()
        clock = CaptureClock(SIX)
        supervisor, shown, _ = _supervisor(tmp_path, clock=clock)
        heard: list[bytes] = []

        class Counting(ServiceManager):
            def _send(self, message: bytes) -> None:
                super()._send(message)
                heard.append(ear.recv(64))
                if len(heard) == 3:
                    stop.set()

        manager = Counting(address)
        supervisor.run(stop, manager)
        manager.stopping()
    assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"STOPPING=1"]
    assert shown.levels  # the first of them came after a turn


def test_the_status_is_replaced_once_a_second(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    supervisor, _, _ = _supervisor(tmp_path, status_path=path, simulated=True, complaints=["No stages: a test"])
    supervisor.turn(Instant(0.0, SIX))
    status = read_status(path)
    assert status is not None
    assert status.complaints == ("No stages: a test",)
    assert status.next_alarm_utc == SIX + 3600
    assert status.simulated
    supervisor.turn(Instant(0.5, SIX + 0.5))
    later = read_status(path)
    assert later is not None
    assert later.utc_s == SIX


def test_a_status_that_cannot_be_written_is_said_once_and_the_night_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor, shown, _ = _supervisor(tmp_path, status_path=tmp_path / "no" / "such" / "folder" / "status.json")
    for second in range(3600, 3606):
        supervisor.turn(Instant(float(second), SIX + second))
    assert _rings(shown)
    assert len(caplog.records) == 1


def test_a_lamp_and_an_indicator_that_fail_do_not_silence_the_buzzer_and_are_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[float | None] = []

    def broken(_: object) -> None:
        raise DriverError("not today")

    pins = Pins(broken, lambda levels: heard.append(levels.tone_hz), broken)
    for _ in range(3):
        pins.show(Levels(tone_hz=880.0), True)
    assert heard == [880.0] * 3
    assert [record.message for record in caplog.records] == [
        f"the {name} failed and is tried again at every turn: not today" for name in ("lamp", "indicator")
    ]
    assert pins.trouble == ("The lamp does not work: not today", "The indicator does not work: not today")


def test_a_bug_in_the_lamps_driver_costs_the_lamp_and_not_the_ring(tmp_path: Path) -> None:
    heard: list[float | None] = []
    pins = Pins(lambda levels: 1 / 0, lambda levels: heard.append(levels.tone_hz), None)
    night = Night(Settings((ALARM,)), Bedside(Morning((ALARM,))), lambda module, settings: None)  # type: ignore[arg-type,return-value]
    disk = _disk(tmp_path)
    supervisor = Supervisor(night, Silence(), pins, disk, CaptureClock(SIX), trouble=lambda: pins.trouble)
    for tenth in range(100):
        outcome = supervisor.turn(Instant(3600.0 + tenth / 10, SIX + 3600.0 + tenth / 10))
    assert any(tone is not None for tone in heard)
    assert outcome.indicator is True


def test_records_alarm_settings_and_requests_pass_through_the_disk_thread(tmp_path: Path) -> None:
    disk = _disk(tmp_path)
    stop = threading.Event()
    thread = threading.Thread(target=disk.run, args=(stop,))
    disk.put([EventRecord(SIX, "test", "a line")])
    disk.put_alarm({"setting": {}, "facts": {}, "standby": True})
    stop.set()
    thread.start()
    thread.join()
    assert AlarmCopy(tmp_path).load() == {"setting": {}, "facts": {}, "standby": True}
    with Store(tmp_path / "firstlight.db", Role.WEB) as page:
        event = page.last_event("test")
        assert event is not None
        assert event.text == "a line"
        page.put_settings({"bed_side": "right"}, SIX)
        page.put_request("stop", SIX)
    stop = threading.Event()
    again = _disk(tmp_path)
    thread = threading.Thread(target=again.run, args=(stop,))
    thread.start()
    try:
        news = _until_news(again)
    finally:
        stop.set()
        thread.join()
    assert news.settings == {"bed_side": "right"}
    assert [request.kind for request in news.requests] == ["stop"]


def _until_news(disk: Disk) -> Any:
    for _ in range(100):
        for news in disk.news():
            if news.settings is not None:
                return news
        threading.Event().wait(0.1)
    raise AssertionError("the disk thread brought nothing within 10 s")
