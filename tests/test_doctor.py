"""``doctor``: what answers is named, what does not is told with the next step."""

from __future__ import annotations

import errno
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from appliance.__main__ import main
from appliance.clock_trust import ClockSource
from appliance.config import Config, parse, render
from appliance.doctor.access import Entry, check, look
from appliance.doctor.parts import examine, nobody
from appliance.doctor.placing import watch
from appliance.doctor.verdict import PartError, Verdict
from appliance.status import RadarStatus, Status, write_status
from drivers.environment.bus import scan
from drivers.outputs import is_held_low, open_pins
from drivers.readings import DriverError
from drivers.twins import MicradarTwin, Scene, TinyFrameTwin
from drivers.twins.port import PtyPort, live


def _config(folder: Path, port: Path, room: bool = False) -> Config:
    """A box in ``folder``; with ``room`` every chip is there, and to read them all takes four seconds."""
    (folder / "state").mkdir(exist_ok=True)
    return parse(
        f"""
        [radar]
        port = "{port}"
        [environment]
        enabled = {str(room).lower()}
        bus = "twin"
        [outputs]
        pins = "mock"
        [paths]
        state = "{folder / "state"}"
        run = "{folder}"
        """
    )


class SetClock:
    """Stands where the machine's time keeping is looked at."""

    def __init__(self, folder: Path, source: ClockSource = ClockSource.NETWORK) -> None:
        self.source = source


def _by_part(config: Config, source: ClockSource = ClockSource.NETWORK) -> dict[str, Verdict]:
    found = examine(config, lambda folder: SetClock(folder, source))  # type: ignore[arg-type,return-value]
    return {verdict.part: verdict for verdict in found}


def test_a_well_box_is_well(tmp_path: Path) -> None:
    t_s = np.arange(0.0, 600.0, 0.05)
    scene = Scene.of_one(t_s, np.zeros(len(t_s)), np.full(len(t_s), 0.6), np.zeros(len(t_s)))
    origin_s = time.monotonic()
    twin = MicradarTwin(1)
    with PtyPort(tmp_path / "radar", twin, live(twin, scene), lambda: (time.monotonic() - origin_s) * 10.0):
        found = _by_part(_config(tmp_path, tmp_path / "radar", room=True))
    assert [verdict.part for verdict in found.values() if verdict.is_well is not True] == ["service"]
    assert list(found) == ["service", "clock", "model", "nights", "radar", "room", "pins", "lamp", "button"]
    assert "micradar answers" in found["radar"].said
    assert "SHT4x" in found["room"].said


def test_a_radar_that_is_not_there_is_told(tmp_path: Path) -> None:
    radar = _by_part(_config(tmp_path, tmp_path / "radar"))["radar"]
    assert radar.is_well is False
    assert radar.said == f"there is no {tmp_path / 'radar'}"
    assert "not plugged in" in radar.cause


def test_a_running_service_is_asked_and_not_disturbed(tmp_path: Path) -> None:
    link = RadarStatus(connected=False, module="tinyframe", fault="silent for 9 s: check the module's power and wiring")
    write_status(tmp_path / "status.json", Status(utc_s=0.0, radar=link))
    found = _by_part(_config(tmp_path, tmp_path / "radar"))
    assert found["radar"].is_well is False
    assert "silent" in found["radar"].said
    assert found["pins"].is_well is None
    write_status(tmp_path / "status.json", Status(utc_s=0.0, standby=True))
    resting = _by_part(_config(tmp_path, tmp_path / "radar"))["radar"]
    assert (resting.is_well, resting.said) == (None, "off, since the box is in standby")


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    config = _config(tmp_path, tmp_path / "radar")
    (tmp_path / "state").rmdir()
    assert "make it" in _by_part(config)["nights"].step


def test_a_clock_that_nobody_set_is_told(tmp_path: Path) -> None:
    config = _config(tmp_path, tmp_path / "radar")
    told = _by_part(config, ClockSource.NOBODY)["clock"]
    assert told.is_well is False
    assert "clock module" in told.step
    assert _by_part(config, ClockSource.UNKNOWN)["clock"].is_well is None


def test_a_bus_or_a_chip_that_is_not_there_has_a_cause_and_a_next_step(tmp_path: Path) -> None:
    text = render(_config(tmp_path, tmp_path / "radar"))
    with_room = render(_config(tmp_path, tmp_path / "radar", room=True))
    without_bus = _by_part(parse(with_room.replace('bus = "twin"', "bus = 29")))["room"]
    assert (without_bus.is_well, without_bus.said) == (False, "there is no /dev/i2c-29")
    assert without_bus.tried == "asking at every known address of I2C bus 29"
    assert without_bus.cause == "I2C is switched off"
    assert "do_i2c" in without_bus.step
    lamp = text.replace('lamp_driver = "pins"', 'lamp_driver = "pca9685"').replace("[12, 13, 19]", "[0, 1, 2]")
    without_chip = _by_part(parse(lamp))["lamp"]
    assert "no PCA9685 answers at 0x40" in without_chip.said
    assert "i2cdetect" in without_chip.step
    strip = _by_part(parse(text.replace('lamp_driver = "pins"', 'lamp_driver = "strip"')))["lamp"]
    assert (strip.said, strip.cause) == ("there is no /dev/spidev0.0", "SPI is switched off")


@pytest.mark.parametrize(
    ("answering", "number", "found", "cause"),
    [
        ((), errno.EREMOTEIO, "nobody answers on the I2C bus", ""),
        ((0x3C, 0x68), errno.EREMOTEIO, "somebody answers at 0x3c, 0x68, but no sensor that is known", "another kind"),
        ((), errno.ETIMEDOUT, "a line of the I2C bus is held down", "touches ground"),
    ],
)
def test_an_i2c_bus_without_sensors_is_told_apart(
    answering: tuple[int, ...], number: int, found: str, cause: str
) -> None:
    asked = []

    class Bus:
        def i2c_rdwr(self, message: Any) -> None:
            asked.append(message.addr)
            if message.addr not in answering:
                raise OSError(number, "no")

    told = nobody(scan(Bus()))
    assert told.found.startswith(found)
    assert cause in told.cause
    assert len(asked) == (1 if number == errno.ETIMEDOUT else 112)  # a bus that is held is not asked 112 times a second


def test_a_device_that_this_user_may_not_use_names_the_group() -> None:
    with pytest.raises(PartError, match="may not use /dev/i2c-1") as caught:
        check(Path("/dev/i2c-1"), "i2c", lambda path: Entry(True, False, "i2c"))
    assert caught.value.step.startswith("sudo usermod -aG i2c $USER")
    assert check(Path("/dev/i2c-1"), "i2c", lambda path: Entry(True, True, "i2c")) == "/dev/i2c-1 may be used"
    assert look(Path("/dev/null")).is_there
    assert not look(Path("/dev/spidev97.0")).is_there


class Kept:
    """Pins that outlive the doctor's look at them."""

    def close(self) -> None:
        """Not now."""


def test_a_button_that_is_held_low_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.doctor.parts.LOOK_S", 0.0)
    pins = open_pins("mock")
    button = pins.pin(17)
    monkeypatch.setattr(button, "_set_pull", lambda pull: setattr(button, "_pull", pull))  # a wire is stronger than it
    button.drive_low()
    monkeypatch.setattr("appliance.doctor.parts.open_pins", lambda word: Kept())
    monkeypatch.setattr("appliance.doctor.parts.is_held_low", lambda pin, factory: is_held_low(pin, pins))
    config = _config(tmp_path, tmp_path / "radar")
    assert "held low all the time" in _by_part(config)["button"].said
    button.drive_high()
    assert _by_part(config)["button"].is_well is True


def test_the_command_tells_what_was_tried_and_what_to_do(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(render(_config(tmp_path, tmp_path / "radar")), encoding="utf-8")
    result = CliRunner().invoke(main, ["doctor", "--config", str(config)])
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    at = lines.index(f"WRONG radar: there is no {tmp_path / 'radar'}")
    assert [line.strip().partition(":")[0] for line in lines[at + 1 : at + 4]] == ["tried", "likeliest", "next"]
    both = CliRunner().invoke(main, ["doctor", "--jumper", "--placement", "--config", str(config)])
    assert both.exit_code != 0


LYING = Status(
    utc_s=0.0,
    present=True,
    distance_m=0.7,
    angle_deg=-40.0,
    depth_mm=2.5,
    breathing_quality=0.8,
    radar=RadarStatus(True, "tinyframe"),
    trace=(0.0,) * 100,
)


def test_the_service_is_asked_where_the_box_stands(tmp_path: Path) -> None:
    config = _config(tmp_path, tmp_path / "radar")
    write_status(tmp_path / "status.json", LYING)
    stop = threading.Event()
    told = watch(config, stop)
    assert next(told).sentence == "Turn it to the left, as it looks, by about 40°."
    stop.set()
    assert list(told) == []


def test_a_service_that_stops_is_told(tmp_path: Path) -> None:
    config = _config(tmp_path, tmp_path / "radar")
    write_status(tmp_path / "status.json", LYING)
    told = watch(config, threading.Event())
    next(told)
    (tmp_path / "status.json").unlink()
    with pytest.raises(DriverError, match="the service has stopped"):
        next(told)


def test_without_a_service_the_radar_is_listened_to_and_nothing_is_kept(tmp_path: Path) -> None:
    t_s = np.arange(0.0, 60.0, 0.05)  # somebody breathes 0.6 m away, and eight seconds are too few to be sure of it
    breath_mm = 1.5 * np.sin(2.0 * np.pi * 0.25 * t_s)
    scene = Scene.of_one(t_s, breath_mm, np.full(len(t_s), 0.6), np.zeros(len(t_s)))
    origin_s = time.monotonic()
    twin = TinyFrameTwin(1)
    config = _config(tmp_path, tmp_path / "radar")
    with PtyPort(tmp_path / "radar", twin, live(twin, scene), lambda: time.monotonic() - origin_s):
        first, *_ = told = list(watch(config, threading.Event(), seconds=8.0))
    assert 4 <= len(told) <= 9
    assert first.sentence.startswith("Wait a moment")
    assert told[-1].sentence == "Lie down as you sleep, on your back, and breathe quietly."
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_radar_that_is_not_there_is_told_live(tmp_path: Path) -> None:
    told = list(watch(_config(tmp_path, tmp_path / "radar"), threading.Event(), seconds=2.5))
    assert told[-1].sentence.startswith("Mend the radar first: no serial port")


def test_the_command_says_a_line_a_second_and_sums_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.wired.until_told", threading.Event)  # the signals are left to pytest
    config = _config(tmp_path, tmp_path / "radar")
    (tmp_path / "config.toml").write_text(render(config), encoding="utf-8")
    write_status(tmp_path / "status.json", LYING)
    arguments = ["doctor", "--placement", "--seconds", "1.5", "--config", str(tmp_path / "config.toml")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    first, *_, last = result.stdout.splitlines()
    assert first.startswith(
        "distance █████ 0.70 m to your chest, aim ███░░ 40° left, breath 2.5 mm deep, breathing ████░ "
    )
    assert last == f"Last: {first}"
