"""A machine without a clock of its own: what is believed, what is said, and that the alarm rings in every case."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.alarm_copy import AlarmCopy
from appliance.alarm_setting import AlarmSetting
from appliance.bedside import Bedside
from appliance.clock import Instant, WallClock
from appliance.clock_trust import LEAST_UTC, ClockSource, ClockWatch, Told, judge
from appliance.morning import Morning
from appliance.night import Night
from appliance.records import EventRecord, Record, RingRecord
from appliance.settings import Settings
from appliance.timekeeper import FILE, KEEP_S, Timekeeper, kernel_says
from appliance.turn import Inputs
from drivers.outputs import HOLD_S, ButtonPress

MIDNIGHT = 1_767_657_600  # 2026-01-06 00:00 UTC
SEVEN = MIDNIGHT + 7 * 3600
ALARM = AlarmSetting(enabled=True, hour=7, timezone="UTC", window_min=0, dawn_min=0)


class Machine:
    """A machine's own clocks, and the files in which it says who set them."""

    def __init__(self, root: Path, utc_s: float, kernel: bool | None = None) -> None:
        self.root, self.utc_s, self.mono_s, self.kernel = root, utc_s, 0.0, kernel
        self.state = root / "state"
        self.state.mkdir(parents=True, exist_ok=True)

    def timesyncd(self, has_synchronised: bool) -> None:
        folder = self.root / "run/systemd/timesync"
        folder.mkdir(parents=True, exist_ok=True)
        if has_synchronised:
            (folder / "synchronized").touch()

    def rtc(self, utc: int) -> None:
        folder = self.root / "sys/class/rtc/rtc0"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "since_epoch").write_text(f"{utc}\n")

    def keeps(self, text: str) -> None:
        (self.state / FILE).write_text(text)

    def kept(self) -> int:
        return int((self.state / FILE).read_text())

    def passes(self, seconds: float) -> None:
        self.utc_s += seconds
        self.mono_s += seconds

    def start(self) -> Timekeeper:
        return Timekeeper(self.state, self.root, lambda: self.kernel, lambda: self.utc_s, lambda: self.mono_s)


# Who told the time


@pytest.mark.parametrize(
    ("told", "source"),
    [
        (Told(has_file=True, has_timesyncd=True), ClockSource.NETWORK),
        (Told(kernel=True), ClockSource.NETWORK),  # another time service
        (Told(has_timesyncd=True), ClockSource.NOBODY),  # inside the unit, where the kernel may not be asked
        (Told(kernel=False), ClockSource.NOBODY),
        (Told(), ClockSource.UNKNOWN),
        (Told(has_timesyncd=True, rtc_utc=SEVEN - 100), ClockSource.RTC),
        (Told(has_timesyncd=True, rtc_utc=SEVEN - 130), ClockSource.NOBODY),  # they disagree
        (Told(rtc_utc=SEVEN), ClockSource.RTC),
    ],
)
def test_who_told_the_time(told: Told, source: ClockSource) -> None:
    assert judge(told, SEVEN, MIDNIGHT) is source


def test_a_module_with_an_empty_battery_is_not_believed() -> None:
    in_2000 = 946_684_800 + 50  # and no timesyncd has lifted the system above it
    assert judge(Told(kernel=False, rtc_utc=in_2000), in_2000, 0) is ClockSource.NOBODY
    assert judge(Told(kernel=False, rtc_utc=SEVEN), SEVEN, SEVEN + 3600) is ClockSource.NOBODY  # before what was kept


def test_the_machine_is_asked(tmp_path: Path) -> None:
    machine = Machine(tmp_path, SEVEN)
    assert machine.start().source is ClockSource.UNKNOWN
    machine.timesyncd(has_synchronised=False)
    keeper = machine.start()
    assert keeper.source is ClockSource.NOBODY
    machine.timesyncd(has_synchronised=True)
    keeper.look()
    assert keeper.source is ClockSource.NETWORK


def test_a_clock_module_is_believed_where_the_system_s_clock_was_set_from_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path, SEVEN)
    machine.timesyncd(has_synchronised=False)
    machine.rtc(SEVEN)
    keeper = machine.start()
    machine.passes(8 * 3600.0)
    keeper.look()  # the module is not asked again
    assert keeper.source is ClockSource.RTC
    machine.rtc(SEVEN)  # eight hours behind by now: the system's clock is from elsewhere
    assert machine.start().source is ClockSource.NOBODY
    machine.rtc(1000)  # a Pi 5 without a battery: its own clock module begins at 1970
    assert machine.start().source is ClockSource.NOBODY


def test_the_kernel_of_this_computer_can_be_asked() -> None:
    assert kernel_says() in (True, False, None)


# The time that is kept


def test_the_clock_does_not_run_before_the_time_that_was_kept(tmp_path: Path) -> None:
    machine = Machine(tmp_path, 0.0)  # 1970
    machine.timesyncd(has_synchronised=False)
    machine.keeps(f"{SEVEN}\n")
    keeper = machine.start()
    assert keeper.least_utc() == SEVEN
    machine.passes(30.0)
    assert keeper.least_utc() == SEVEN + 30
    keeper.keep()
    assert machine.kept() == SEVEN + 30
    machine.utc_s = MIDNIGHT  # the network knows better, even that it is earlier
    machine.timesyncd(has_synchronised=True)
    keeper.serve()
    assert keeper.least_utc() == 0.0
    assert machine.kept() == MIDNIGHT


def test_the_wall_clock_takes_the_later_of_the_two() -> None:
    assert WallClock(least_utc=lambda: 4e9).now().utc_s == 4e9
    assert LEAST_UTC < WallClock(least_utc=lambda: 0.0).now().utc_s < 4e9


def test_the_time_is_kept_six_times_an_hour_and_when_somebody_tells_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path, SEVEN)
    machine.timesyncd(has_synchronised=False)
    keeper = machine.start()
    written = set()
    for _ in range(360):
        machine.passes(10.0)
        keeper.serve()
        written.add(machine.kept())
    assert len(written) == 3600 / KEEP_S
    machine.timesyncd(has_synchronised=True)
    machine.passes(10.0)
    keeper.serve()
    assert machine.kept() == machine.utc_s


@pytest.mark.parametrize("text", ["", "yesterday", "12.5"])
def test_a_damaged_time_is_no_time(tmp_path: Path, text: str) -> None:
    machine = Machine(tmp_path, SEVEN)
    machine.keeps(text)
    assert machine.start().least_utc() == 0.0


def test_a_full_disk_is_said_once_and_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    machine = Machine(tmp_path, SEVEN)
    (machine.state / f"{FILE}.new").mkdir()  # in the way
    keeper = machine.start()
    keeper.keep()
    keeper.keep()
    assert [record.getMessage().count("cannot be written") for record in caplog.records] == [1]


def test_the_thread_ends_and_keeps_the_time(tmp_path: Path) -> None:
    machine = Machine(tmp_path, SEVEN)
    keeper, stop = machine.start(), threading.Event()
    stop.set()
    keeper.run(stop)
    assert machine.kept() == SEVEN


# What is said


@given(st.lists(st.tuples(st.floats(0.01, 60.0), st.floats(-1.9, 1.9)), max_size=20))
def test_a_clock_that_only_runs_is_not_mentioned(turns: list[tuple[float, float]]) -> None:
    watch, mono_s, notes = ClockWatch(), 0.0, list[EventRecord]()
    off_s = 0.0
    for seconds, drift_s in turns:
        mono_s += seconds
        off_s = drift_s if abs(drift_s - off_s) <= 1.9 else off_s
        notes += watch.update(ClockSource.NETWORK, Instant(mono_s, MIDNIGHT + mono_s + off_s))
    assert notes == []


@pytest.mark.parametrize(
    ("moved_s", "said"),
    [
        (2.5, "Clock set forward by 2 s"),
        (-59.0, "Clock set back by 59 s"),
        (150.0, "Clock set forward by 2 min 30 s"),
        (-8_100.0, "Clock set back by 2 h 15 min"),
    ],
)
def test_a_step_is_kept_in_the_night_s_record(moved_s: float, said: str) -> None:
    watch = ClockWatch()
    watch.update(ClockSource.NETWORK, Instant(10.0, MIDNIGHT + 10.0))
    (note,) = watch.update(ClockSource.NETWORK, Instant(10.1, MIDNIGHT + 10.1 + moved_s))
    assert (note.kind, note.text) == ("clock", said)


class Mornings:
    """The alarm of seven o'clock on a box whose clock is wrong by ``error_s``, lived turn by turn of a second."""

    def __init__(self, error_s: float, source: ClockSource, night: Night | None = None) -> None:
        self.error_s, self.source = error_s, source
        self.night = night or Night(Settings((ALARM,)), Bedside(Morning((ALARM,))), lambda m, s: None)  # type: ignore[arg-type,return-value]
        self.records: list[Record] = []
        self.rang: list[float] = []  # true seconds at which it sounded

    def live(self, from_utc: float, to_utc: float) -> Any:
        for utc in range(int(from_utc), int(to_utc)):
            now = Instant(float(utc - MIDNIGHT), utc + self.error_s)
            outcome = self.night.step(Inputs(clock=self.source), now)
            self.records += outcome.records
            self.rang += [utc] if outcome.levels.tone_hz is not None else []
        return outcome

    def reasons(self) -> list[str]:
        return [record.reason for record in self.records if isinstance(record, RingRecord)]


def test_an_unset_clock_is_told_on_page_and_indicator_and_the_alarm_rings_by_it() -> None:
    """A power cut of 40 minutes, no network, no module: the box rings 40 minutes late, and has said that it may."""
    box = Mornings(-40 * 60.0, ClockSource.NOBODY)
    outcome = box.live(SEVEN - 60, SEVEN)
    assert outcome.indicator is True
    assert outcome.status is not None
    assert outcome.status.clock == "nobody"
    assert ["The clock is not set" in line for line in outcome.status.complaints] == [True]
    box.live(SEVEN, SEVEN + 40 * 60 + 5)
    assert box.rang[0] == SEVEN + 40 * 60
    assert box.reasons() == ["set time"]


def test_a_network_that_comes_back_in_time_rings_at_once_and_the_sentence_goes() -> None:
    box = Mornings(-40 * 60.0, ClockSource.NOBODY)
    box.live(SEVEN - 60, SEVEN + 600)
    assert box.rang == []
    box.error_s, box.source = 0.0, ClockSource.NETWORK
    outcome = box.live(SEVEN + 600, SEVEN + 605)
    assert box.rang[0] == SEVEN + 600
    assert box.reasons() == ["10 min after the set time, as soon as the box ran and its clock was right"]
    assert outcome.indicator is False
    said = [record.text for record in box.records if isinstance(record, EventRecord) and record.kind == "clock"]
    assert said == ["Clock not known to be right", "Clock set forward by 40 min 0 s", "Clock set by the network"]


def test_a_ring_in_the_dark_goes_on_when_the_network_comes() -> None:
    """A power cut in mid-ring: the box rings on by a clock five hours behind, and two minutes later it is right."""
    rung = Morning((ALARM,))
    rung.settle(0.0, SEVEN)
    night = Night(Settings((ALARM,)), Bedside(Morning((ALARM,), rung.alarms.facts)), lambda m, s: None)  # type: ignore[arg-type,return-value]
    box = Mornings(-5 * 3600.0, ClockSource.NOBODY, night)
    box.live(SEVEN + 300, SEVEN + 420)
    assert box.rang != []
    box.error_s, box.source = 0.0, ClockSource.NETWORK
    at = Instant(float(SEVEN + 420 - MIDNIGHT), float(SEVEN + 420))
    night.levels(at)  # as the supervisor does first
    noted = [one.text for one in night.step(Inputs(clock=box.source), at).records if isinstance(one, EventRecord)]
    assert noted.count("Clock set forward by 5 h 0 min") == 1  # though levels saw it first
    box.live(SEVEN + 421, SEVEN + 500)
    assert any(utc > SEVEN + 421 for utc in box.rang)
    assert box.reasons() == []  # it is the same ring


def test_a_network_that_comes_back_an_hour_late_does_not_ring_yesterday_s_alarm() -> None:
    box = Mornings(-5 * 3600.0, ClockSource.NOBODY)
    box.live(SEVEN + 3600, SEVEN + 3610)
    box.error_s, box.source = 0.0, ClockSource.NETWORK
    box.live(SEVEN + 3610, SEVEN + 3620)
    assert box.rang == []


def test_a_network_that_sets_the_clock_back_does_not_ring_twice() -> None:
    """A clock that was ahead, as of a module gone wrong: it rang early and was stopped, and seven is told already."""
    box = Mornings(1800.0, ClockSource.NOBODY)
    box.live(SEVEN - 1805, SEVEN - 1790)
    assert box.rang[0] == SEVEN - 1800
    box.night.step(
        Inputs(clock=box.source, presses=[ButtonPress(0.0, HOLD_S)]), Instant(SEVEN - MIDNIGHT, SEVEN + 10.0)
    )
    box.error_s, box.source, box.rang = 0.0, ClockSource.NETWORK, []
    box.live(SEVEN - 1790, SEVEN + 60)
    assert box.rang == []


def test_a_clock_module_carries_the_alarm_over_a_power_cut_without_a_word() -> None:
    box = Mornings(0.0, ClockSource.RTC)
    outcome = box.live(SEVEN - 5, SEVEN + 2)
    assert box.rang[0] == SEVEN
    assert outcome.indicator is False
    assert outcome.status is None or outcome.status.complaints == ()


def test_a_power_cut_whole_from_disk_to_ring(tmp_path: Path) -> None:
    """The box dies at 06:50 with its alarm kept, comes back ten minutes later with a clock of 1970, and rings."""
    machine = Machine(tmp_path, SEVEN - 600.0)
    machine.timesyncd(has_synchronised=True)
    machine.start().keep()
    AlarmCopy(machine.state).save(Bedside(Morning((ALARM,))).document())
    (machine.root / "run/systemd/timesync/synchronized").unlink()
    machine.utc_s = 0.0
    keeper = machine.start()
    document = AlarmCopy(machine.state).load()
    assert document is not None
    night = Night(Settings(()), Bedside.from_document(document), lambda m, s: None)  # type: ignore[arg-type,return-value]
    rang_s = None
    for _ in range(700):
        machine.passes(1.0)
        now = Instant(machine.mono_s, max(machine.utc_s, keeper.least_utc()))
        outcome = night.step(Inputs(clock=keeper.source), now)
        if outcome.levels.tone_hz is not None and rang_s is None:
            rang_s = machine.mono_s
    assert rang_s == 600.0  # ten minutes by the kept clock: as late as the power was off
