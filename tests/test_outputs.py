"""Lamp, buzzer, indicator and button on gpiozero's mock pins; the debounce, which those pins lack, on its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.lamp import WARM_WHITE, LampLevel, LampMixer, relative_luminance
from drivers.outputs import (
    DEBOUNCE_S,
    ActiveBuzzer,
    Button,
    ButtonPress,
    Indicator,
    PassiveBuzzer,
    PinChannels,
    PressDetector,
    RadarPower,
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
    lamp = SunriseLamp(PinChannels((12, 13, 19), pins), 3)
    lamp.set(LampLevel(1.0, 0.25, 0.0))
    assert [pins.pin(pin).state for pin in (12, 13, 19)] == [1.0, 0.25, 0.0]
    lamp.close()


def test_a_white_lamp_is_as_bright_as_the_colour_looks_and_full_at_the_dawn_s_end(pins: Any) -> None:
    lamp = SunriseLamp(PinChannels((12,), pins), 1)
    lamp.set(WARM_WHITE)
    assert pins.pin(12).state == pytest.approx(1.0)
    lamp.set(LampLevel(0.5, 0.0, 0.0))
    # Red alone gives 0.2126 of its light to brightness; warm white 0.2126 + 0.4769 * 0.7152 + 0.1536 * 0.0722 = 0.5648.
    assert pins.pin(12).state == pytest.approx(0.5 * 0.2126 / 0.5648, rel=1e-3)
    lamp.close()


def test_a_lamp_of_two_whites_is_warm_for_warm_light_and_cold_for_daylight() -> None:
    mixer = LampMixer(2)
    assert mixer.duties(WARM_WHITE) == pytest.approx((1.0, 0.0), abs=1e-3)
    assert mixer.duties(LampLevel(0.2, 0.03, 0.0))[1] == 0.0
    warm, cold = mixer.duties(LampLevel(0.5, 0.5, 0.5))
    assert (warm, cold) == pytest.approx((0.0, 0.5 / 0.5648), rel=1e-3)


def test_calibration_weakens_channels_and_undoes_the_driver_s_bend(pins: Any) -> None:
    lamp = SunriseLamp(PinChannels((12, 13, 19), pins), 3, gamma=2.0, gains=(1.0, 0.64, 0.25))
    lamp.set(LampLevel(0.25, 0.25, 1.0))
    # The light that a duty gives is its square, so each duty is the root of gain x light.
    assert [pins.pin(pin).state for pin in (12, 13, 19)] == pytest.approx([0.5, 0.4, 0.5])
    lamp.close()
    with pytest.raises(DriverError, match="3 channels has as many gains, not 2"):
        SunriseLamp(PinChannels((), pins), 3, gains=(1.0, 1.0))


@given(st.tuples(*(st.floats(-0.5, 1.5),) * 3), st.sampled_from([1, 2, 3, 4]), st.floats(1.0, 3.0))
def test_no_level_gives_a_duty_that_a_channel_has_not(
    level: tuple[float, float, float], channels: int, gamma: float
) -> None:
    duties = LampMixer(channels, gamma).duties(LampLevel(*level))
    assert len(duties) == channels
    assert all(0.0 <= duty <= 1.0 for duty in duties)
    assert any(duties) or relative_luminance(LampLevel(*(max(0.0, value) for value in level))) < 1e-9


def test_a_lamp_with_a_white_channel_gives_it_what_all_colours_share(pins: Any) -> None:
    lamp = SunriseLamp(PinChannels((12, 13, 19, 18), pins), 4)
    lamp.set(LampLevel(1.0, 0.5, 0.25))
    assert [pins.pin(pin).state for pin in (12, 13, 19, 18)] == [0.75, 0.25, 0.0, 0.25]
    lamp.close()


def test_the_same_level_twice_touches_no_pin(pins: Any) -> None:
    lamp, buzzer, indicator = SunriseLamp(PinChannels((12,), pins), 1), PassiveBuzzer(18, pins), Indicator(23, pins)
    for _ in range(2):
        lamp.set(LampLevel(0.5, 0.5, 0.5))
        buzzer.set(880.0)
        indicator.set(True)
        seen = [len(pins.pin(pin).states) for pin in (12, 18, 23)]
    assert [len(pins.pin(pin).states) for pin in (12, 18, 23)] == seen == [2, 2, 2]
    for device in (lamp, buzzer, indicator):
        device.close()


def test_a_level_out_of_range_is_clipped_and_not_refused(pins: Any) -> None:
    lamp, buzzer = SunriseLamp(PinChannels((12, 13, 19), pins), 3), PassiveBuzzer(18, pins)
    lamp.set(LampLevel(1.5, -0.5, 0.5))
    buzzer.set(20_000.0)
    assert [pins.pin(pin).state for pin in (12, 13, 19)] == [1.0, 0.0, 0.5]
    assert pins.pin(18).frequency == pytest.approx(3520.0)
    lamp.close()
    buzzer.close()


def test_a_softer_tone_has_narrower_pulses(pins: Any) -> None:
    buzzer = PassiveBuzzer(18, pins)
    buzzer.set(880.0, 0.5)
    assert pins.pin(18).state == pytest.approx(1 / 6)  # sin(pi / 6) = 0.5
    buzzer.set(880.0, 1.0)
    assert pins.pin(18).state == pytest.approx(0.5)
    buzzer.close()


def test_the_radar_has_power_but_in_standby(pins: Any) -> None:
    power = RadarPower(22, pins)
    power.set(True)
    assert pins.pin(22).state == 1
    power.set(False)
    assert pins.pin(22).state == 0
    power.close()


def test_an_active_buzzer_sounds_while_there_is_a_tone(pins: Any) -> None:
    buzzer = ActiveBuzzer(18, pins)
    for tone, on in ((523.25, 1), (659.25, 1), (None, 0), (None, 0), (880.0, 1)):
        buzzer.set(tone, 0.3)
        assert pins.pin(18).state == on
    assert [state.state for state in pins.pin(18).states] == [False, True, False, True]
    buzzer.close()


def test_a_buzzer_sounds_its_tone_and_falls_silent(pins: Any) -> None:
    buzzer = PassiveBuzzer(18, pins)
    buzzer.set(1000.0)
    assert pins.pin(18).frequency == pytest.approx(1000.0)
    assert pins.pin(18).state == 0.5
    buzzer.set(None)
    assert pins.pin(18).state == 0.0
    buzzer.set(1000.0)
    assert pins.pin(18).state == 0.5
    buzzer.close()


def test_closing_leaves_dark_and_silence(pins: Any) -> None:
    lamp, buzzer, indicator = SunriseLamp(PinChannels((12,), pins), 1), PassiveBuzzer(18, pins), Indicator(23, pins)
    lamp.set(LampLevel(1, 1, 1))
    buzzer.set(440.0)
    indicator.set(True)
    for device in (lamp, buzzer, indicator):
        device.close()
    assert [pins.pin(pin).state for pin in (12, 18, 23)] == [0, 0, 0]


def test_pins_that_cannot_be_had_are_one_line(pins: Any) -> None:
    with pytest.raises(DriverError, match="GPIO 99"):
        Indicator(99, pins)
    with pytest.raises(DriverError, match="1, 2, 3 or 4 channels, not 5"):
        SunriseLamp(PinChannels((), pins), 5)
    with pytest.raises(DriverError, match='"mock"'):
        open_pins("steam")


def test_a_pin_that_fails_is_one_line_and_tried_again_at_the_next_level(
    pins: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lamp = SunriseLamp(PinChannels((12,), pins), 1)
    with monkeypatch.context() as broken:
        broken.setattr(pins.pin(12), "_set_state", lambda value: 1 / 0)
        with pytest.raises(DriverError, match="the lamp does not obey"):
            lamp.set(LampLevel(0.5, 0.5, 0.5))
    lamp.set(LampLevel(0.5, 0.5, 0.5))
    assert pins.pin(12).state > 0.5
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
    assert detector.edge(1.0, False) + detector.edge(1.01, True) + detector.poll(1.9) == []
    assert detector.poll(2.0) == [ButtonPress(0.0, 2.0)]


def test_a_hold_is_told_at_two_and_at_five_seconds_while_it_lasts_and_not_at_its_release() -> None:
    detector = PressDetector()
    detector.edge(10.0, True)
    assert detector.poll(11.9) == []
    assert detector.poll(12.125) == [ButtonPress(10.0, 2.0)]
    assert detector.poll(14.9) == []
    assert detector.poll(15.0) == [ButtonPress(10.0, 5.0)]
    assert detector.poll(60.0) + detector.edge(61.0, False) + detector.poll(62.0) == []
    detector.edge(70.0, True)
    assert detector.edge(70.125, False) + detector.poll(71.0) == [ButtonPress(70.0, 0.125)]


def test_a_hold_between_two_looks_of_a_slow_loop_is_told_late_and_whole() -> None:
    detector = PressDetector()
    detector.edge(0.0, True)
    assert detector.edge(6.0, False) + detector.poll(9.0) == [ButtonPress(0.0, 2.0), ButtonPress(0.0, 5.0)]
    detector.edge(20.0, True)
    assert detector.edge(23.0, False) + detector.poll(29.0) == [ButtonPress(20.0, 2.0)]


@given(st.lists(st.floats(0.0005, DEBOUNCE_S * 0.9), max_size=40))
def test_chatter_is_no_press(gaps: list[float]) -> None:
    detector, t_s, down, seen = PressDetector(), 1.0, False, []
    for gap in gaps:
        down = not down
        seen += detector.edge(t_s, down)
        t_s += gap
    seen += detector.edge(t_s, False) + detector.poll(t_s + 9.0)
    assert seen == []


@given(st.lists(st.tuples(st.floats(0.05, 2.0), st.floats(0.05, 1.9)), max_size=8), st.floats(0.01, 0.2))
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
