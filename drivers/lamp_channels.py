"""Where a lamp's duties go besides software PWM: hardware PWM, a PCA9685 on I2C, a strip of APA102 or SK9822 on SPI.

None of these goes dark by itself when its process dies; ``appliance/wiring.py`` puts them to rest.  Each takes duties
(0 to 1, one for each channel) as levels, and raises ``DriverError`` or ``OSError`` when it does not obey.
"""

from __future__ import annotations

import fcntl
import math
import os
import struct
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from drivers.environment.bus import Bus, Wire
from drivers.readings import DriverError

Duties = tuple[float, ...]


class Channels(Protocol):
    """The channels of one lamp."""

    def set(self, duties: Duties) -> None:
        """Shows these duties until others are set."""

    def close(self) -> None:
        """Dark, and let go of."""


# Hardware PWM.  The first has two channels on four pins (BCM2835 ARM Peripherals, 6.2), the other four (RP1
# Peripherals, 3.1).  The kernel numbers its chips as they come, so they are known by their address.
_BCM_CHANNELS = {12: 0, 18: 0, 13: 1, 19: 1}
_RP1_CHANNELS = {12: 0, 13: 1, 18: 2, 19: 3}
_CHIPS = {"20c000.pwm": _BCM_CHANNELS, "1f00098000.pwm": _RP1_CHANNELS}
HARDWARE_HZ = 1000
EXPORT_S = 1.0  # in which udev gives a new channel's files to group gpio


class HardwarePwm:
    """Pins of the Pi's own PWM, through the kernel's files (Documentation/driver-api/pwm.rst)."""

    def __init__(
        self, pins: Sequence[int], root: Path = Path("/sys/class/pwm"), sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """``pins`` are GPIO (BCM) numbers out of 12, 13, 18 and 19."""
        chip, known = self._chip(root)
        channels = [known[pin] for pin in pins]
        for pin in pins:
            others = [other for other in pins if other != pin and known[other] == known[pin]]
            if others:
                raise DriverError(
                    f"GPIO {pin} and {others[0]} are one channel of this Pi's PWM: use 12 or 18, and 13 or 19"
                )
        self._period_ns = round(1e9 / HARDWARE_HZ)
        self._folders = [chip / f"pwm{channel}" for channel in channels]
        for channel, folder in zip(channels, self._folders, strict=True):
            if not folder.exists():
                self._write(chip / "export", channel)
            waited_s = 0.0
            while not os.access(folder / "enable", os.W_OK) and waited_s < EXPORT_S:
                sleep(0.05)
                waited_s += 0.05
            if self._read(folder / "period") != self._period_ns:
                if self._read(folder / "duty_cycle"):
                    self._write(folder / "duty_cycle", 0)  # never longer than the period, so it goes first
                self._write(folder / "period", self._period_ns)
            self._write(folder / "enable", 1)

    def set(self, duties: Duties) -> None:
        """The share of each period, in nanoseconds."""
        for folder, duty in zip(self._folders, duties, strict=True):
            self._write(folder / "duty_cycle", round(duty * self._period_ns))

    def close(self) -> None:
        """Dark; the channels stay with the kernel, at duty 0."""
        self.set((0.0,) * len(self._folders))

    @staticmethod
    def _chip(root: Path) -> tuple[Path, dict[int, int]]:
        for chip in sorted(root.glob("pwmchip*")):
            address = (chip / "device").resolve().name
            for ending, channels in _CHIPS.items():
                if address.endswith(ending):
                    return chip, channels
        raise DriverError(
            "this computer shows no PWM of its own: write dtoverlay=pwm-2chan,pin=12,func=4,pin2=13,func2=4 into "
            "/boot/firmware/config.txt and start again"
        )

    @staticmethod
    def _read(path: Path) -> int:
        return int(path.read_text(encoding="ascii"))

    @staticmethod
    def _write(path: Path, value: int) -> None:
        try:
            path.write_text(str(value), encoding="ascii")
        except OSError as error:
            raise DriverError(
                f"{path} cannot be written ({error.strerror}): join group gpio, and in the service allow it with "
                "ReadWritePaths=/sys/devices/platform"
            ) from error


# PCA9685 (NXP datasheet, revision 4): registers of table 4, counts of section 7.3.3, clock of 7.3.5.
PCA_MODE1, PCA_MODE2, PCA_LED0, PCA_ALL_OFF_H, PCA_PRESCALE = 0x00, 0x01, 0x06, 0xFD, 0xFE
_SLEEP, _AUTO_INCREMENT, _TOTEM_POLE, _FULL = 0x10, 0x20, 0x04, 0x10
PCA_COUNTS = 4096
PCA_PRESCALE_200_HZ = 30  # round(25 MHz / (4096 x 200 Hz)) - 1, which is also what it begins with


class Pca9685:
    """Up to four of its sixteen outputs, each with 4096 steps."""

    def __init__(
        self, bus: Bus, address: int, outputs: Sequence[int], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._wire = Wire(bus, sleep)
        self._address = address
        self._outputs = tuple(outputs)
        self._wake()

    def set(self, duties: Duties) -> None:
        """Every output anew; a chip that was without power meanwhile has gone to sleep and is woken first."""
        if self._wire.register(self._address, PCA_MODE1, 1)[0] & _SLEEP:
            self._wake()
        for output, duty in zip(self._outputs, duties, strict=True):
            self._wire.write(self._address, bytes((PCA_LED0 + 4 * output,)) + pca9685_counts(duty))

    def close(self) -> None:
        """All sixteen outputs off, by the register that is for that."""
        self._wire.write(self._address, bytes((PCA_ALL_OFF_H, _FULL)))

    def _wake(self) -> None:
        # The clock's divider can be set only while it sleeps; outputs that it remembers are put out before it wakes.
        for register, value in (
            (PCA_MODE1, _SLEEP | _AUTO_INCREMENT),
            (PCA_PRESCALE, PCA_PRESCALE_200_HZ),
            (PCA_MODE2, _TOTEM_POLE),
            (PCA_ALL_OFF_H, _FULL),
            (PCA_MODE1, _AUTO_INCREMENT),
        ):
            self._wire.write(self._address, bytes((register, value)))
        self._wire.sleep(0.0005)  # until its oscillator runs


def pca9685_counts(duty: float) -> bytes:
    """The four bytes of an output, ON then OFF, low then high: it goes on at count 0 and off at ``duty`` of 4096."""
    off = round(min(1.0, max(0.0, duty)) * PCA_COUNTS)
    if off == 0:
        return bytes((0, 0, 0, _FULL))
    if off == PCA_COUNTS:
        return bytes((0, _FULL, 0, 0))
    return bytes((0, 0, off & 0xFF, off >> 8))


# APA102 (Shiji datasheet) and SK9822, which want a frame of zeros after the data before they show it.
STRIP_HZ = 1_000_000
_GLOBAL, _STEPS = 31, 255
_SPI_IOC_WR_MAX_SPEED_HZ = 0x40046B04  # linux/spi/spidev.h
SPI_DEVICE = "/dev/spidev0.0"


def strip_frame(duties: Duties, leds: int) -> bytes:
    """The bytes that make a strip of ``leds`` show red, green and blue duties (0 to 1).

    Start (32 zeros); for each LED 111 and five bits of brightness common to its colours, blue, green, red; 32 zeros;
    and as many clocks as half the LEDs need to pass the data on.  The common brightness is the least that holds the
    strongest colour, so that the eight bits are left for the dim end; what an eighth bit cannot tell is spread over the
    strip, so many of its LEDs a step brighter.
    """
    strongest = max(0.0, *duties)
    common = min(_GLOBAL, max(1, math.ceil(strongest * _GLOBAL - 1e-9))) if strongest > 0.0 else 0
    steps = [0.0 if not common else min(1.0, max(0.0, duty) * _GLOBAL / common) * _STEPS for duty in duties]
    body = bytearray()
    for led in range(leds):
        red, green, blue = (_share(step, led + 1) - _share(step, led) for step in steps)
        body += bytes((0xE0 | common, blue, green, red))
    return bytes(4) + bytes(body) + bytes(4) + bytes(math.ceil(leds / 16))


def _share(step: float, leds: int) -> int:
    return math.floor(step * leds + 1e-9)


class LedStrip:
    """A strip on the Pi's SPI: data on GPIO 10, clock on GPIO 11."""

    def __init__(self, leds: int, write: Callable[[bytes], None]) -> None:
        """``write`` sends bytes over SPI."""
        self._leds = leds
        self._write = write

    def set(self, duties: Duties) -> None:
        """All LEDs alike, but for the steps that are spread."""
        self._write(strip_frame(duties, self._leds))

    def close(self) -> None:
        """Dark."""
        self._write(strip_frame((0.0, 0.0, 0.0), self._leds))


def open_spi(device: str = SPI_DEVICE) -> Callable[[bytes], None]:
    """A writer to an SPI device.  Raises DriverError with one line."""
    try:
        descriptor = os.open(device, os.O_WRONLY | os.O_CLOEXEC)
        fcntl.ioctl(descriptor, _SPI_IOC_WR_MAX_SPEED_HZ, struct.pack("=I", STRIP_HZ))
    except OSError as error:
        raise DriverError(
            f"cannot open {device} ({error.strerror}): switch SPI on with raspi-config and join group spi"
        ) from error
    return lambda data: None if os.write(descriptor, data) == len(data) else _cut_short(device)


def _cut_short(device: str) -> None:
    raise DriverError(f"{device} took only a part of the data: use fewer LEDs")


REFRESH_S = 5.0  # said again though nothing changed: a strip or chip that lost its power shows what it should again
STUCK_S = 5.0


class Background:
    """Channels on a bus that may hang, driven from a thread of their own, which always shows the newest duties.

    Whoever sets them never waits, and hears of a failure at the next call.
    """

    def __init__(self, make: Callable[[], Channels]) -> None:
        """``make`` opens the channels; where it raises ``DriverError`` or ``OSError`` it is tried again."""
        self._make = make
        self._news = threading.Condition()
        self._wanted: Duties | None = None
        self._since_s: float | None = None  # since when something is wanted that is not shown
        self._fault: str | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="lamp", daemon=True)
        self._thread.start()

    def set(self, duties: Duties) -> None:
        """Wants these duties.  Raises DriverError while those that were wanted cannot be shown."""
        with self._news:
            if duties != self._wanted:
                self._wanted = duties
                self._since_s = time.monotonic() if self._since_s is None else self._since_s
                self._news.notify()
            fault = self._fault
            if fault is None and self._since_s is not None and time.monotonic() - self._since_s > STUCK_S:
                fault = "its bus hangs"
        if fault is not None:
            raise DriverError(fault)

    def close(self) -> None:
        """Dark, if the bus lets it."""
        with self._news:
            self._closing = True
            self._news.notify()
        self._thread.join(STUCK_S)

    def _run(self) -> None:
        channels: Channels | None = None
        shown: Duties | None = None
        while True:
            with self._news:
                if not self._closing and self._wanted == shown:
                    self._news.wait(REFRESH_S)
                wanted, closing = self._wanted, self._closing
            try:
                channels = channels or self._make()
                if closing:
                    channels.close()
                    return
                if wanted is not None:
                    channels.set(wanted)
                shown, fault = wanted, None
            except Exception as error:  # a thread that ended would be silent about it
                if closing:
                    return
                shown, fault = None, str(error) or type(error).__name__
            with self._news:
                self._fault = fault
                if fault is None and self._wanted == shown:
                    self._since_s = None
                elif fault is not None and not self._closing:
                    self._news.wait(1.0)
