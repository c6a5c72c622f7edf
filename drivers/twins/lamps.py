"""Lamps behind a PCA9685 and along an SPI strip, as the other end of the wire sees them: bytes to light."""

from __future__ import annotations

from drivers.twins.room import nack


class PcaTwin:
    """A PCA9685 on a ``TwinBus``: what each output would show, by its registers (NXP datasheet, revision 4)."""

    def __init__(self) -> None:
        self.lose_power()

    def lose_power(self) -> None:
        """As it wakes up: asleep, every output off, without auto-increment (tables 5 to 7)."""
        self.registers = bytearray(256)
        self.registers[0x00] = 0x11
        self.registers[0x01] = 0x04
        for output in range(16):
            self.registers[0x09 + 4 * output] = 0x10
        self.registers[0xFE] = 0x1E
        self._pointer = 0

    def write(self, t_s: float, data: bytes) -> None:
        """A register and what goes into it and, with auto-increment, into those after it."""
        self._pointer = data[0]
        for at, value in enumerate(data[1:]):
            register = data[0] + at if self.registers[0x00] & 0x20 else data[0]
            if register == 0xFE and not self.registers[0x00] & 0x10:
                raise nack()  # in truth it is ignored; here a driver that tries is wrong
            self.registers[register] = value
            if register == 0xFD:
                for output in range(16):
                    self.registers[0x09 + 4 * output] = value

    def read(self, t_s: float, n: int) -> bytes:
        """From the register that was named last."""
        return bytes(self.registers[self._pointer : self._pointer + n])

    def duty(self, output: int) -> float:
        """The share of time for which an output is on; full off goes before full on (7.3.3)."""
        on_l, on_h, off_l, off_h = self.registers[0x06 + 4 * output : 0x0A + 4 * output]
        if self.registers[0x00] & 0x10 or off_h & 0x10:
            return 0.0
        if on_h & 0x10:
            return 1.0
        on, off = on_h << 8 | on_l, off_h << 8 | off_l
        return ((off - on) % 4096) / 4096


class StripTwin:
    """A strip of LEDs on SPI; ``lights`` is what each shows, (red, green, blue) from 0 to 1."""

    def __init__(self, leds: int) -> None:
        self.lights: list[tuple[float, float, float]] = [(0.0, 0.0, 0.0)] * leds
        self.frames = 0

    def write(self, data: bytes) -> None:
        """One transfer, which has to hold a whole frame, the clocks for the last LED and SK9822's zeros included."""
        leds = len(self.lights)
        if data[:4] != bytes(4) or len(data) < 4 + 4 * leds + 4 + leds / 16:
            raise ValueError(f"a frame of {leds} LEDs begins with 32 zeros and is not {len(data)} bytes long")
        for led in range(leds):
            head, blue, green, red = data[4 + 4 * led : 8 + 4 * led]
            if head >> 5 != 0b111:
                raise ValueError(f"LED {led} begins with {head:08b}")
            common = (head & 31) / 31
            self.lights[led] = (common * red / 255, common * green / 255, common * blue / 255)
        if any(data[4 + 4 * leds :]):
            raise ValueError("what follows the LEDs is not zeros")
        self.frames += 1

    def mean(self) -> tuple[float, ...]:
        """What the room sees of it."""
        return tuple(sum(light[colour] for light in self.lights) / len(self.lights) for colour in range(3))
