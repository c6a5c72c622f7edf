"""Lamp, buzzer, indicator and button on gpiozero's mock pins; the debounce, which those pins lack, on its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.outputs import (
    DEBOUNCE_S,
    Button,
    ButtonPress,
    Buzzer,
    Indicator,
    LampLevel,
    PressDetector,
    SunriseLamp,
    open_pins,
)
from drivers.readings import DriverError


@pytest.fixture
def pins() -> Iterator[Any]:
    """Mock pins that are closed again, so that no thread of gpiozero outlives its test."""
    factory = open_pins("mock")
    yield factory
    factory.close()


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_lamp_of_three_channels_shows_each_colour(pins: Any) -> None:
    lamp = SunriseLamp((12, 13, 19), pins)
    lamp.set(LampLevel(1.0, 0.25, 0.0))
    assert [pins.pin(pin).state for pin in (12, 13, 19)] == [1.0, 0.25, 0.0]
    lamp.close()


def test_a_white_lamp_is_as_bright_as_the_brightest_colour(pins: Any) -> None:
    lamp = SunriseLamp((12,), pins)
    lamp.set(LampLevel(0.5, 0.25, 0.0))
    assert pins.pin(12).state == 0.5
    lamp.close()


def test_a_lamp_with_a_white_channel_gives_it_what_all_colours_share(pins: Any) -> None:
    lamp = SunriseLamp((12, 13, 19, 18), pins)
    lamp.set(LampLevel(1.0, 0.5, 0.25))
    assert [pins.pin(pin).state for pin in (12, 13, 19, 18)] == [0.75, 0.25, 0.0, 0.25]
    lamp.close()


def test_the_same_level_twice_touches_no_pin(pins: Any) -> None:
    lamp, buzzer, indicator = SunriseLamp((12,), pins), Buzzer(18, pins), Indicator(23, pins)
    for _ in range(2):
        lamp.set(LampLevel(0.5, 0.5, 0.5))
        buzzer.set(880.0)
        indicator.set(True)
        seen = [len(pins.pin(pin).states) for pin in (12, 18, 23)]
    assert [len(pins.pin(pin).states) for pin in (12, 18, 23)] == seen == [2, 2, 2]
    for device in (lamp, buzzer, indicator):
        device.close()


def test_a_level_out_of_range_is_clipped_and_not_refused(pins: Any) -> None:
    lamp, buzzer = SunriseLamp((12, 13, 19), pins), Buzzer(18, pins)
    lamp.set(LampLevel(1.5, -0.5, 0.5))
    buzzer.set(20_000.0)
    assert [pins.pin(pin).state for pin in (12, 13, 19)] == [1.0, 0.0, 0.5]
    assert pins.pin(18).frequency == pytest.approx(3520.0)
    lamp.close()
    buzzer.close()


def test_a_buzzer_sounds_its_tone_and_falls_silent(pins: Any) -> None:
    buzzer = Buzzer(18, pins)
    buzzer.set(1000.0)
    assert pins.pin(18).frequency == pytest.approx(1000.0)
    assert pins.pin(18).state == 0.5
    buzzer.set(None)
    assert pins.pin(18).state == 0.0
    buzzer.set(1000.0)
    assert pins.pin(18).state == 0.5
    buzzer.close()


def test_closing_leaves_dark_and_silence(pins: Any) -> None:
    lamp, buzzer, indicator = SunriseLamp((12,), pins), Buzzer(18, pins), Indicator(23, pins)
    lamp.set(LampLevel(1, 1, 1))
    buzzer.set(440.0)
    indicator.set(True)
    for device in (lamp, buzzer, indicator):
        device.close()
    assert [pins.pin(pin).state for pin in (12, 18, 23)] == [0, 0, 0]


def test_pins_that_cannot_be_had_are_one_line(pins: Any) -> None:
    with pytest.raises(DriverError, match="GPIO 99"):
        Indicator(99, pins)
    with pytest.raises(DriverError, match="1, 3 or 4"):
        SunriseLamp((12, 13), pins)
    with pytest.raises(DriverError, match='"mock"'):
        open_pins("steam")


def test_a_pin_that_fails_is_one_line_and_tried_again_at_the_next_level(
    pins: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lamp = SunriseLamp((12,), pins)
    with monkeypatch.context() as broken:
        broken.setattr(pins.pin(12), "_set_state", lambda value: 1 / 0)
        with pytest.raises(DriverError, match="the lamp does not obey"):
            lamp.set(LampLevel(0.5, 0.5, 0.5))
    lamp.set(LampLevel(0.5, 0.5, 0.5))
    assert pins.pin(12).state == 0.5
    lamp.close()


def test_a_press_waits_until_asked_for(pins: Any) -> None:
    clock, seen = Clock(), []
    button = Button(24, pins, clock, tee=lambda t_s, down: seen.append((t_s, down)))
    pins.pin(24).drive_low()
    clock.now_s = 100.25
    pins.pin(24).drive_high()
    clock.now_s = 100.5
    assert button.presses() == [ButtonPress(100.0, 0.25)]
    assert button.presses() == []
    assert seen == [(100.0, True), (100.25, False)]
    button.close()


def test_a_press_between_two_looks_is_not_lost(pins: Any) -> None:
    clock = Clock()
    button = Button(24, pins, clock)
    for start_s in (100.0, 100.5):
        clock.now_s = start_s
        pins.pin(24).drive_low()
        clock.now_s = start_s + 0.1
        pins.pin(24).drive_high()
    clock.now_s = 101.0
    assert [press.t_s for press in button.presses()] == [100.0, 100.5]
    button.close()


def test_a_bouncing_press_is_one_press_from_where_it_stood() -> None:
    detector = PressDetector()
    edges = [(0.0, True), (0.002, False), (0.004, True), (0.3, False), (0.303, True), (0.306, False)]
    presses = [press for t_s, down in edges for press in detector.edge(t_s, down)] + detector.poll(0.4)
    assert [(press.t_s, round(press.held_s, 3)) for press in presses] == [(0.004, 0.302)]


def test_a_spike_shorter_than_the_debounce_is_no_press() -> None:
    detector = PressDetector()
    presses = detector.edge(1.0, True) + detector.edge(1.0 + DEBOUNCE_S / 2, False) + detector.poll(9.0)
    assert presses == []


def test_a_dropout_shorter_than_the_debounce_does_not_end_a_press() -> None:
    detector = PressDetector()
    detector.edge(0.0, True)
    assert detector.edge(1.0, False) + detector.edge(1.01, True) + detector.poll(2.9) == []
    assert detector.poll(3.0) == [ButtonPress(0.0, 3.0)]


def test_a_long_press_is_told_while_it_is_held_and_only_once() -> None:
    detector = PressDetector(long_press_s=3.0)
    detector.edge(10.0, True)
    assert detector.poll(12.9) == []
    assert detector.poll(13.125) == [ButtonPress(10.0, 3.125)]
    assert detector.poll(60.0) + detector.edge(61.0, False) + detector.poll(62.0) == []
    detector.edge(70.0, True)
    assert detector.edge(70.125, False) + detector.poll(71.0) == [ButtonPress(70.0, 0.125)]


@given(st.lists(st.tuples(st.floats(0.05, 2.0), st.floats(0.05, 2.5)), max_size=8), st.floats(0.01, 0.2))
def test_clean_presses_are_counted_whatever_the_loop_does(presses: list[tuple[float, float]], turn_s: float) -> None:
    """Presses and pauses longer than the debounce come out as they went in, however often the loop looks."""
    edges, t_s = [], 0.0
    for pause_s, held_s in presses:
        edges += [(t_s + pause_s, True), (t_s + pause_s + held_s, False)]
        t_s += pause_s + held_s
    detector, seen, look_s = PressDetector(), [], 0.0
    for edge_s, down in edges:
        while look_s < edge_s:
            seen += detector.poll(look_s)
            look_s += turn_s
        seen += detector.edge(edge_s, down)
    seen += detector.poll(t_s + 1.0)
    assert [press.t_s for press in seen] == [edge_s for edge_s, down in edges if down]
    assert [press.held_s for press in seen] == pytest.approx([held_s for _, held_s in presses])
