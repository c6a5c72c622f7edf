"""One jumper wire: the doctor finds where it is; and outputs are put to rest whatever the service left."""

from __future__ import annotations

import os
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from appliance.__main__ import main
from appliance.config import Config, parse, render
from appliance.doctor.jumper import PATTERN, driven, try_wire
from appliance.doctor.verdict import Verdict
from appliance.wiring import lamp_of, rest
from drivers.outputs import PinChannels, open_pins
from drivers.twins.i2c import TwinBus
from drivers.twins.lamps import PcaTwin, StripTwin

CONFIG = parse('[radar]\nport = "/dev/no-such-port"\n[outputs]\npins = "mock"')


class Wired:
    """Made-up pins of which two are joined: what is driven on one is seen on the other."""

    def __init__(self, driven: int | None, button: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pins = open_pins("mock")
        self.button = self.pins.pin(button)
        if driven is not None:
            mouth = self.pins.pin(driven)
            said = mouth._set_state

            def drive(value: Any) -> None:
                said(value)
                if value:
                    self.button.drive_high()
                else:
                    self.button.drive_low()

            monkeypatch.setattr(mouth, "_set_state", drive)
        monkeypatch.setattr("appliance.doctor.jumper.open_pins", lambda word: self.pins)


def told(config: Config = CONFIG) -> dict[str, Verdict]:
    return {verdict.part: verdict for verdict in try_wire(config, lambda seconds: None)}


@pytest.mark.parametrize(("pin", "what"), [(12, "lamp, channel 1"), (19, "lamp, channel 3"), (18, "buzzer")])
def test_a_wire_from_a_driven_pin_to_the_button_is_found(pin: int, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Wired(pin, 17, monkeypatch)
    found = told()
    assert found[f"GPIO {pin} ({what})"].is_well is True
    assert [part for part, verdict in found.items() if verdict.is_well is True] == [f"GPIO {pin} ({what})"]
    assert found["GPIO 27 (indicator)"].is_well is None


def test_no_wire_is_no_fault_and_a_button_that_stays_low_is(monkeypatch: pytest.MonkeyPatch) -> None:
    wired = Wired(None, 17, monkeypatch)
    assert {verdict.is_well for part, verdict in told().items() if part.startswith("GPIO")} == {None}
    wired = Wired(None, 17, monkeypatch)
    button = wired.button
    monkeypatch.setattr(button, "_set_pull", lambda pull: setattr(button, "_pull", pull))  # a wire is stronger than it
    button.drive_low()
    held = told()["GPIO 12 (lamp, channel 1)"]
    assert (held.is_well, held.said) == (False, "GPIO 17 (button) stays low")


def test_pins_of_another_lamp_driver_are_not_driven() -> None:
    config = parse('[outputs]\nlamp_driver = "strip"\nradar_power = [22]')
    assert driven(config) == {18: "buzzer", 27: "indicator", 22: "radar's supply"}


@contextmanager
def line(answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """A serial line whose other end answers what it hears."""
    here, there = os.openpty()
    tty.setraw(here)
    tty.setraw(there)

    def play() -> None:
        try:
            while data := os.read(here, 4096):
                os.write(here, answer(data))
        except OSError:
            return  # closed

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    try:
        yield os.ttyname(there)
    finally:
        os.close(there)
        thread.join(5.0)
        os.close(here)


@pytest.mark.parametrize(
    ("answer", "is_well", "said"),
    [
        (lambda data: data, True, f"reaches its RX, {len(PATTERN)} bytes unchanged"),
        (lambda data: b"", None, "is not joined to its RX (pins 8 and 10 of the Pi): nothing came back"),
        (lambda data: b"login: ", False, "7 bytes came back, and not the 256 that were sent"),
    ],
)
def test_a_wire_from_tx_to_rx(
    answer: Callable[[bytes], bytes], is_well: bool | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Wired(None, 17, monkeypatch)
    with line(answer) as name:
        found = told(parse(f'[radar]\nport = "{name}"\n[outputs]\npins = "mock"'))[f"{name} TX"]
    assert (found.is_well, found.said) == (is_well, said)


@pytest.mark.hardware
def test_the_wire_on_a_real_board() -> None:
    """Join any pin that the box drives, as GPIO 27, with GPIO 17, or pins 8 and 10."""
    assert [verdict.part for verdict in try_wire(parse(""), __import__("time").sleep) if verdict.is_well] != []


# At rest


def _log(pins: Any, *numbers: int) -> list[Any]:
    return [pins.pin(number).state for number in numbers]


def test_pins_that_a_killed_process_left_on_are_put_to_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    pins = open_pins("mock")
    for number in (12, 13, 19, 18, 27):
        pins.pin(number).function = "output"
        pins.pin(number).state = 1
    monkeypatch.setattr("appliance.wiring.open_pins", lambda word: pins)
    assert all(trouble is None for _, trouble in rest(CONFIG))
    assert _log(pins, 12, 13, 19, 18, 27) == [0, 0, 0, 0, 0]


def test_a_pca9685_that_a_killed_process_left_on_is_put_to_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    twin = PcaTwin()
    monkeypatch.setattr("appliance.wiring.open_bus", lambda number: TwinBus({0x41: twin}, lambda: 0.0))
    config = parse('[outputs]\npins = "mock"\nlamp_driver = "pca9685"\nlamp = [0, 1]\nlamp_address = 0x41')
    lamp = lamp_of(config, None)
    lamp.set((1.0, 0.5))
    for _ in range(500):
        if twin.duty(0) == 1.0 and twin.duty(1) == 0.5:
            break
        threading.Event().wait(0.01)
    assert (twin.duty(0), twin.duty(1)) == (1.0, 0.5)  # and here the process dies: the chip shines on
    assert dict(rest(config))["lamp (pca9685)"] is None
    assert (twin.duty(0), twin.duty(1)) == (0.0, 0.0)
    lamp.close()


def test_a_strip_is_put_to_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    twin = StripTwin(30)
    monkeypatch.setattr("appliance.wiring.open_spi", lambda: twin.write)
    twin.lights = [(1.0, 1.0, 1.0)] * 30
    assert dict(rest(parse('[outputs]\npins = "mock"\nlamp_driver = "strip"')))["lamp (strip)"] is None
    assert twin.mean() == (0.0, 0.0, 0.0)


def test_what_cannot_be_put_to_rest_does_not_keep_the_others_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pins = open_pins("mock")
    pins.pin(18).function = "output"
    pins.pin(18).state = 1
    monkeypatch.setattr("appliance.wiring.open_pins", lambda word: pins)
    monkeypatch.setattr("appliance.wiring.open_bus", lambda number: TwinBus({}, lambda: 0.0))
    found = dict(rest(parse('[outputs]\npins = "mock"\nlamp_driver = "pca9685"\nlamp = [0]')))
    assert "Remote I/O error" in str(found["lamp (pca9685)"])
    assert found["GPIO 18"] is None
    assert _log(pins, 18) == [0]


def test_the_command_puts_to_rest_and_a_wrong_configuration_does_not_stop_it(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(render(CONFIG), encoding="utf-8")
    assert CliRunner().invoke(main, ["rest", "--config", str(file)]).exit_code == 0
    file.write_text("[outputs]\nlamp = 12", encoding="utf-8")
    os.environ["STATE_DIRECTORY"] = str(tmp_path)
    try:
        assert CliRunner().invoke(main, ["rest", "--config", str(file)]).exit_code == 0  # the defaults hold
    finally:
        del os.environ["STATE_DIRECTORY"]


def test_software_pwm_is_the_lamp_unless_another_is_named() -> None:
    pins = open_pins("mock")
    lamp = lamp_of(CONFIG, pins)
    assert isinstance(lamp, PinChannels)
    lamp.close()
