"""What the box drives and feels: lamp, buzzer, indicator and button, through gpiozero.

Outputs are levels, not commands: saying the same level twice changes nothing, so a restart in mid-sunrise continues it.
A pin that cannot be had, or fails, raises ``DriverError`` with one line; a level out of range is clipped, because a
wrong colour must never silence a morning.
"""

from __future__ import annotations

import math
import queue
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import gpiozero
from gpiozero.pins.mock import MockFactory, MockPWMPin
from gpiozero.tones import Tone

from drivers.lamp import LampLevel, LampMixer
from drivers.lamp_channels import Channels, Duties
from drivers.readings import DriverError

LAMP_PWM_HZ = 200  # above what eyes follow in a dim room; lgpio times PWM in software, so much more costs steadiness
BUZZER_LOWEST_HZ, BUZZER_HIGHEST_HZ = 220.0, 3520.0  # A3 to A7: two octaves each side of A5
DEBOUNCE_S = 0.03
HOLD_S = 2.0  # stops what rings
LONG_HOLD_S = 5.0  # allows a browser to pair


class ButtonPress(NamedTuple):
    """One press: when it began, and for how long the button was held, so far if it is held still.

    A press that lasts is told once it has been held for each of ``HOLD_S`` and ``LONG_HOLD_S``, and not at its release.
    """

    t_s: float
    held_s: float


def open_pins(pins: str) -> Any:
    """A gpiozero pin factory: ``"lgpio"`` on a Pi, ``"mock"`` anywhere.

    Raises DriverError with one line when the pins of this computer cannot be had.
    """
    if pins == "mock":
        return MockFactory(pin_class=MockPWMPin)
    if pins != "lgpio":
        raise DriverError(f'pins = "{pins}" is unknown: use "lgpio" on a Raspberry Pi or "mock" elsewhere')
    try:
        # Chosen here and not by gpiozero, whose default falls back in silence to pins that flicker more.
        from gpiozero.pins.lgpio import LGPIOFactory

        return LGPIOFactory()
    except Exception as error:  # lgpio raises its own, ImportError, OSError and more, by version
        raise DriverError(
            f'cannot open the GPIO pins ({error}): install python3-lgpio and join group gpio, or set pins = "mock"'
        ) from error


class PinChannels:
    """A lamp's channels as PWM pins by BCM number, timed in software."""

    def __init__(self, pins: Sequence[int], factory: Any) -> None:
        self._channels = [_opened(gpiozero.PWMLED, pin, factory, frequency=LAMP_PWM_HZ) for pin in pins]
        self._duties: Duties | None = None

    def set(self, duties: Duties) -> None:
        """Shows these duties until others are set."""
        if duties == self._duties:
            return
        with _obeying("lamp"):
            for channel, value in zip(self._channels, duties, strict=True):
                channel.value = value
        self._duties = duties

    def close(self) -> None:
        """Dark, and the pins free."""
        for channel in self._channels:
            channel.close()


class SunriseLamp:
    """A lamp: levels of light to the duties of whatever drives it."""

    def __init__(self, channels: Channels, count: int, gamma: float = 1.0, gains: Sequence[float] = ()) -> None:
        """``count`` channels; it, ``gamma`` and ``gains`` are as in ``LampMixer``."""
        try:
            self._mixer = LampMixer(count, gamma, gains)
        except ValueError as error:
            raise DriverError(str(error)) from error
        self._channels = channels

    def set(self, level: LampLevel) -> None:
        """Shows ``level`` until another is set."""
        self._channels.set(self._mixer.duties(level))

    def close(self) -> None:
        """Dark."""
        self._channels.close()


class PassiveBuzzer:
    """A buzzer without an oscillator, on a PWM pin: it needs a tone, and is the quieter the narrower its pulses."""

    def __init__(self, pin: int, factory: Any) -> None:
        self._buzzer = _opened(gpiozero.TonalBuzzer, pin, factory, mid_tone=Tone("A5"), octaves=2)
        self._sound: tuple[float, float] | None = None

    def set(self, tone_hz: float | None, loudness: float = 1.0) -> None:
        """Sounds ``tone_hz`` until another is set; None is silence.

        ``loudness`` is the amplitude of the tone's fundamental as a share of the greatest, sin(pi duty).
        """
        if tone_hz is None:
            sound = None
        else:
            sound = (min(BUZZER_HIGHEST_HZ, max(BUZZER_LOWEST_HZ, tone_hz)), min(1.0, max(0.0, loudness)))
        if sound == self._sound:
            return
        with _obeying("buzzer"):
            if sound is None:
                self._buzzer.stop()
            else:
                self._buzzer.play(Tone.from_frequency(sound[0]))
                self._buzzer.pwm_device.value = math.asin(sound[1]) / math.pi
        self._sound = sound

    def close(self) -> None:
        """Silent, and the pin free."""
        self._buzzer.close()


class ActiveBuzzer:
    """A buzzer with an oscillator of its own: it has one tone and one loudness, so the pattern alone tells a ring."""

    def __init__(self, pin: int, factory: Any) -> None:
        self._buzzer = _opened(gpiozero.DigitalOutputDevice, pin, factory)

    def set(self, tone_hz: float | None, loudness: float = 1.0) -> None:
        """Sounds while there is a tone to sound, whichever it is."""
        with _obeying("buzzer"):
            if bool(self._buzzer.value) is (tone_hz is None):
                self._buzzer.value = tone_hz is not None

    def close(self) -> None:
        """Silent, and the pin free."""
        self._buzzer.close()


Buzzer = PassiveBuzzer | ActiveBuzzer
BUZZERS: dict[str, type[PassiveBuzzer] | type[ActiveBuzzer]] = {"passive": PassiveBuzzer, "active": ActiveBuzzer}


class Indicator:
    """A small light that says that something wants attention."""

    def __init__(self, pin: int, factory: Any) -> None:
        self._led = _opened(gpiozero.LED, pin, factory)

    def set(self, on: bool) -> None:
        """Lit or dark until set again."""
        with _obeying("indicator"):
            if self._led.is_lit != on:
                self._led.value = on

    def close(self) -> None:
        """Dark, and the pin free."""
        self._led.close()


class RadarPower:
    """A pin that switches the radar's supply, high for on."""

    def __init__(self, pin: int, factory: Any) -> None:
        self._supply = _opened(gpiozero.DigitalOutputDevice, pin, factory)

    def set(self, on: bool) -> None:
        """On or off until set again."""
        with _obeying("radar's power pin"):
            if bool(self._supply.value) != on:
                self._supply.value = on

    def close(self) -> None:
        """The pin free, and the radar without power."""
        self._supply.close()


def hold_low(pin: int, factory: Any) -> None:
    """Drive a pin low and let go of it.  Raises DriverError with one line."""
    device = _opened(gpiozero.DigitalOutputDevice, pin, factory, initial_value=False)
    device.close()


def is_held_low(pin: int, factory: Any) -> bool:
    """Whether a pin with its pull-up on is low all the same.  Raises DriverError with one line."""
    device = _opened(gpiozero.DigitalInputDevice, pin, factory, pull_up=True)
    try:
        return not device.pin.state
    finally:
        device.close()


class PressDetector:
    """Button levels to presses: pure, so that a recorded night presses as the live one did.

    A level counts once it has stood for ``debounce_s``, and from the edge it stood since.  A short press is told at its
    release; a longer one as soon as it has been held for each of ``holds_s``, its release then says nothing more, so
    that a jammed button presses once.
    """

    def __init__(self, debounce_s: float = DEBOUNCE_S, holds_s: Sequence[float] = (HOLD_S, LONG_HOLD_S)) -> None:
        self._debounce_s = debounce_s
        self._holds_s = tuple(holds_s)
        self._level = False  # what the contacts said last
        self._since_s = 0.0
        self._down = False  # what has stood long enough
        self._down_s = 0.0
        self._told = 0  # how many holds of this press

    def edge(self, t_s: float, down: bool) -> list[ButtonPress]:
        """The contacts changed at ``t_s``, or were looked at again."""
        presses = self.poll(t_s)
        if down != self._level:
            self._level, self._since_s = down, t_s
        return presses

    def poll(self, t_s: float) -> list[ButtonPress]:
        """Nothing changed up to ``t_s``."""
        presses: list[ButtonPress] = []
        if self._level != self._down and t_s - self._since_s >= self._debounce_s:
            if self._level:
                self._down, self._down_s, self._told = True, self._since_s, 0
            else:
                presses += self._held(self._since_s)
                self._down = False
                if not self._told:
                    presses.append(ButtonPress(self._down_s, self._since_s - self._down_s))
        if self._down and self._level:
            presses += self._held(t_s)
        return presses

    def _held(self, t_s: float) -> list[ButtonPress]:
        reached = sum(t_s - self._down_s >= hold_s for hold_s in self._holds_s)
        presses = [ButtonPress(self._down_s, hold_s) for hold_s in self._holds_s[self._told : reached]]
        self._told = max(self._told, reached)
        return presses


class Button:
    """A push button between a pin and ground; its presses wait until asked for."""

    def __init__(
        self,
        pin: int,
        factory: Any,
        clock: Callable[[], float],
        tee: Callable[[float, bool], None] | None = None,
    ) -> None:
        """``tee`` is told every edge (seconds of ``clock``, down) in the order of ``presses``, for a capture."""
        self._clock = clock
        self._tee = tee
        self._edges: queue.SimpleQueue[tuple[float, bool]] = queue.SimpleQueue()
        self._detector = PressDetector()
        # gpiozero's own bounce_time swallows edges after the first, so that a short press could be held for ever.
        self._button = _opened(gpiozero.Button, pin, factory, pull_up=True)
        self._button.when_pressed = lambda: self._edges.put((clock(), True))
        self._button.when_released = lambda: self._edges.put((clock(), False))

    def presses(self) -> list[ButtonPress]:
        """The presses that were finished (or held long enough) since the last call; never waits."""
        presses: list[ButtonPress] = []
        while True:
            try:
                t_s, down = self._edges.get_nowait()
            except queue.Empty:
                break
            if self._tee is not None:
                self._tee(t_s, down)
            presses += self._detector.edge(t_s, down)
        return presses + self._detector.poll(self._clock())

    def close(self) -> None:
        """The pin free."""
        self._button.close()


@contextmanager
def _obeying(what: str) -> Iterator[None]:
    """Pins fail in gpiozero's and lgpio's own ways, which have no common parent; callers meet one."""
    try:
        yield
    except Exception as error:
        raise DriverError(f"the {what} does not obey: {error}") from error


def _opened(device: Any, pin: int, factory: Any, **options: Any) -> Any:
    try:
        return device(pin, pin_factory=factory, **options)
    except Exception as error:  # as in ``_obeying``
        raise DriverError(f"cannot use GPIO {pin} for {device.__name__}: {error}") from error
