"""The lamp's other drivers: bytes and registers against their datasheets, and a bus that hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.lamp import WARM_WHITE, LampLevel
from drivers.lamp_channels import (
    Background,
    Duties,
    HardwarePwm,
    LedStrip,
    Pca9685,
    open_spi,
    pca9685_counts,
    strip_frame,
)
from drivers.outputs import SunriseLamp
from drivers.readings import DriverError
from drivers.twins.i2c import TwinBus
from drivers.twins.lamps import PcaTwin, StripTwin


def soon(is_true: Callable[[], bool]) -> bool:
    """Whether it becomes true while another thread works."""
    for _ in range(1000):
        if is_true():
            return True
        time.sleep(0.01)
    return False


# PCA9685


@pytest.mark.parametrize(
    ("duty", "registers"),
    [
        (0.0, "00 00 00 10"),  # full off
        (1.0, "00 10 00 00"),  # full on
        (0.5, "00 00 00 08"),  # off at 2048
        (1 / 4096, "00 00 01 00"),
        (819 / 4096, "00 00 33 03"),  # 819 = 0x333: the datasheet's 20 %
        (-1.0, "00 00 00 10"),
        (2.0, "00 10 00 00"),
    ],
)
def test_counts_of_a_pca9685(duty: float, registers: str) -> None:
    assert pca9685_counts(duty) == bytes.fromhex(registers)


class Listening:
    """A bus that notes what is written."""

    def __init__(self, bus: TwinBus) -> None:
        self.bus, self.heard = bus, list[str]()

    def i2c_rdwr(self, *messages: object) -> None:
        self.heard += [bytes(m).hex(" ") for m in messages if not m.flags & 1]  # type: ignore[call-overload,attr-defined]
        self.bus.i2c_rdwr(*messages)


def pca() -> tuple[Listening, PcaTwin]:
    twin = PcaTwin()
    return Listening(TwinBus({0x40: twin}, lambda: 0.0)), twin


def test_a_pca9685_is_woken_dark_at_200_hz_and_shows_its_duties() -> None:
    bus, twin = pca()
    twin.registers[0x06 + 4 * 3 : 0x0A + 4 * 3] = bytes.fromhex("00 10 00 00")  # what a process that died left
    lamp = Pca9685(bus, 0x40, (0, 1, 15), lambda seconds: None)
    # Asleep, divider 30 (25 MHz / (4096 x 31) = 197 Hz), totem pole, all off, awake with auto-increment.
    assert bus.heard == ["00 30", "fe 1e", "01 04", "fd 10", "00 20"]
    assert [twin.duty(output) for output in range(16)] == [0.0] * 16
    lamp.set((1.0, 0.25, 0.0))
    assert [twin.duty(output) for output in (0, 1, 15)] == [1.0, 0.25, 0.0]
    lamp.close()
    assert [twin.duty(output) for output in range(16)] == [0.0] * 16


def test_a_pca9685_that_lost_its_power_is_woken_again() -> None:
    bus, twin = pca()
    lamp = Pca9685(bus, 0x40, (0,), lambda seconds: None)
    twin.lose_power()
    lamp.set((0.5,))
    assert twin.duty(0) == 0.5


@given(st.floats(0.0, 1.0))
def test_a_pca9685_shows_a_duty_to_half_a_count(duty: float) -> None:
    bus, twin = pca()
    lamp = Pca9685(bus, 0x40, (7,), lambda seconds: None)
    lamp.set((duty,))
    assert abs(twin.duty(7) - duty) <= 0.5 / 4096 + 1e-12


def test_a_pca9685_that_is_not_there_is_no_surprise() -> None:
    with pytest.raises(OSError, match="Remote I/O"):
        Pca9685(TwinBus({}, lambda: 0.0), 0x40, (0,), lambda seconds: None)


# A strip


def test_the_bytes_of_a_strip() -> None:
    # Red full, green half, blue off: brightness 31, so ff; 127.5 of 255 is shared, 127 and 128; two LEDs need one
    # clock more, a byte of it.
    assert strip_frame((1.0, 0.5, 0.0), 2) == bytes.fromhex("00000000 ff007fff ff0080ff 00000000 00")
    assert strip_frame((0.0, 0.0, 0.0), 1) == bytes.fromhex("00000000 e0000000 00000000 00")
    # A thirty-first part: brightness 1, and all 255 steps are left.
    assert strip_frame((1 / 31, 0.0, 0.0), 1) == bytes.fromhex("00000000 e10000ff 00000000 00")
    assert len(strip_frame((1.0, 1.0, 1.0), 300)) == 4 + 1200 + 4 + 19


@given(st.tuples(*(st.floats(0.0, 1.0),) * 3), st.integers(1, 300))
def test_a_strip_gives_the_light_that_was_asked_for(duties: Duties, leds: int) -> None:
    """Mean over the strip: to a step of 1/255 of the common brightness, shared among the LEDs."""
    twin = StripTwin(leds)
    LedStrip(leds, twin.write).set(duties)
    strongest = max(duties)
    step = min(1.0, strongest + 1 / 31) / 255 / leds
    assert all(abs(seen - wanted) <= step + 1e-9 for seen, wanted in zip(twin.mean(), duties, strict=True))


def test_a_dawn_on_a_strip_has_no_step_that_an_8_bit_strip_has() -> None:
    """From a thousandth of full on: each fiftieth more of light is more, where 8 bits have 4 levels below 1/64."""
    twin, seen = StripTwin(30), list[float]()
    strip = LedStrip(30, twin.write)
    level = 0.001
    while level < 1.0:
        strip.set((level, level, level))
        seen.append(twin.mean()[0])
        level *= 1.02
    assert seen == sorted(set(seen))


def test_a_strip_goes_dark_when_it_is_closed() -> None:
    twin = StripTwin(5)
    strip = LedStrip(5, twin.write)
    strip.set((1.0, 1.0, 1.0))
    strip.close()
    assert twin.mean() == (0.0, 0.0, 0.0)


def test_an_spi_device_that_is_not_there_is_one_line() -> None:
    with pytest.raises(DriverError, match="switch SPI on with raspi-config and join group spi"):
        open_spi("/dev/spidev97.0")


# Hardware PWM


def pwm_files(root: Path, address: str, chip: str = "pwmchip0", channels: int = 2) -> Path:
    """The kernel's files of one PWM chip with its channels exported."""
    device = root / "devices" / address
    device.mkdir(parents=True)
    folder = root / "class" / chip
    folder.mkdir(parents=True)
    (folder / "device").symlink_to(device)
    (folder / "export").write_text("")
    for channel in range(channels):
        (folder / f"pwm{channel}").mkdir()
        for name in ("period", "duty_cycle", "enable"):
            (folder / f"pwm{channel}" / name).write_text("0")
    return folder


def read(folder: Path, channel: int) -> list[int]:
    return [int((folder / f"pwm{channel}" / name).read_text()) for name in ("period", "duty_cycle", "enable")]


def test_hardware_pwm_of_a_pi_4_and_of_a_pi_5(tmp_path: Path) -> None:
    pi4 = pwm_files(tmp_path / "4", "fe20c000.pwm")
    HardwarePwm((12, 13), tmp_path / "4/class").set((0.5, 0.001))
    assert [read(pi4, channel) for channel in (0, 1)] == [[1_000_000, 500_000, 1], [1_000_000, 1_000, 1]]
    pwm_files(tmp_path / "5", "107d517a80.pwm", "pwmchip0")  # another chip comes first
    pi5 = pwm_files(tmp_path / "5", "1f00098000.pwm", "pwmchip2", channels=4)
    lamp = HardwarePwm((18, 19, 12), tmp_path / "5/class")
    lamp.set((1.0, 0.25, 0.0))
    assert [read(pi5, channel)[1] for channel in (2, 3, 0)] == [1_000_000, 250_000, 0]
    lamp.close()
    assert [read(pi5, channel)[1] for channel in range(4)] == [0, 0, 0, 0]


def test_two_pins_of_one_channel_are_refused(tmp_path: Path) -> None:
    pwm_files(tmp_path, "3f20c000.pwm")
    with pytest.raises(DriverError, match="GPIO 12 and 18 are one channel"):
        HardwarePwm((12, 18), tmp_path / "class")


def test_a_channel_that_is_not_there_yet_is_asked_for_and_waited_for(tmp_path: Path) -> None:
    chip = pwm_files(tmp_path, "fe20c000.pwm", channels=0)

    def kernel(seconds: float) -> None:
        assert (chip / "export").read_text() == "1"
        if not (chip / "pwm1").exists():
            (chip / "pwm1").mkdir()
            for name in ("period", "duty_cycle", "enable"):
                (chip / "pwm1" / name).write_text("0")

    HardwarePwm((13,), tmp_path / "class", kernel)
    assert read(chip, 1) == [1_000_000, 0, 1]


def test_a_computer_without_pwm_is_told_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="dtoverlay=pwm-2chan"):
        HardwarePwm((12,), tmp_path)


# A thread of its own


class Slow:
    """Channels whose bus can hang or fail."""

    def __init__(self) -> None:
        self.shown: list[Duties] = []
        self.free = threading.Event()
        self.free.set()
        self.fails = False
        self.is_closed = False

    def set(self, duties: Duties) -> None:
        self.free.wait()
        if self.fails:
            raise OSError(121, "Remote I/O error")
        self.shown.append(duties)

    def close(self) -> None:
        self.is_closed = True


def test_the_newest_duties_are_shown_and_nobody_waits() -> None:
    slow = Slow()
    slow.free.clear()
    lamp = Background(lambda: slow)
    began_s = time.monotonic()
    for step in range(1000):
        lamp.set((step / 1000,))
    assert time.monotonic() - began_s < 1.0
    slow.free.set()
    assert soon(lambda: slow.shown[-1:] == [(0.999,)])
    assert len(slow.shown) <= 3
    lamp.close()
    assert slow.is_closed


def test_a_bus_that_hangs_is_told_and_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.lamp_channels.STUCK_S", 0.1)
    slow = Slow()
    slow.free.clear()
    lamp = Background(lambda: slow)
    lamp.set((0.5,))
    time.sleep(0.2)
    with pytest.raises(DriverError, match="its bus hangs"):
        lamp.set((0.5,))
    slow.free.set()
    assert soon(lambda: slow.shown[-1:] == [(0.5,)])
    lamp.set((0.5,))
    lamp.close()


def test_a_chip_that_fails_is_told_at_the_next_level_and_tried_again() -> None:
    slow = Slow()
    slow.fails = True
    lamp = SunriseLamp(Background(lambda: slow), 1)

    def is_told() -> bool:
        try:
            lamp.set(WARM_WHITE)
        except DriverError as error:
            return "Remote I/O error" in str(error)
        return False

    assert soon(is_told)
    slow.fails = False
    assert soon(lambda: slow.shown != [] and not is_told())
    assert slow.shown[-1] == pytest.approx((1.0,))
    lamp.set(LampLevel(0.0, 0.0, 0.0))
    assert soon(lambda: slow.shown[-1] == (0.0,))
    lamp.close()


def test_a_lamp_that_comes_later_is_found() -> None:
    slow, there = Slow(), threading.Event()

    def make() -> Slow:
        if not there.is_set():
            raise OSError(121, "Remote I/O error")
        return slow

    lamp = Background(make)
    lamp.set((0.25,))
    there.set()
    assert soon(lambda: slow.shown[-1:] == [(0.25,)])
    lamp.close()


def test_what_lost_its_power_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.lamp_channels.REFRESH_S", 0.05)
    slow = Slow()
    lamp = Background(lambda: slow)
    lamp.set((0.5,))
    assert soon(lambda: slow.shown[:3] == [(0.5,)] * 3)
    lamp.close()
