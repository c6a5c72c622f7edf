"""Light as duties of a lamp's channels: which colours it has, how bright each is, and how its driver bends them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

SRGB_LUMINANCE = (0.2126, 0.7152, 0.0722)  # of linear red, green and blue (IEC 61966-2-1)
# Black bodies of 3000 K and 6500 K in linear sRGB, strongest channel 1: what warm and cold white LEDs are taken to be.
WARM_BLUE, COLD_BLUE = 0.154, 1.0  # their blue, as a share of their red
CHANNELS = (1, 2, 3, 4)
HARDWARE_PINS = (12, 13, 18, 19)  # GPIO that a Pi's own PWM can drive
PCA_OUTPUTS = 16  # of a PCA9685
SPI_PINS = (8, 9, 10, 11)  # GPIO that the Pi's first SPI takes, a strip's data and clock among them
STRIP_MOST = 300  # LEDs: one write of the kernel's SPI takes 4096 bytes


class LampLevel(NamedTuple):
    """Linear light of each colour, 0 (off) to 1 (full); the eye's curve belongs to whoever chooses the level."""

    red: float
    green: float
    blue: float


DARK = LampLevel(0.0, 0.0, 0.0)
WARM_WHITE = LampLevel(1.0, 0.4769, 0.1536)  # 3000 K, the most that is asked of a lamp: where a dawn ends


def relative_luminance(level: LampLevel) -> float:
    """How bright a lamp of sRGB's primaries looks at this level, 1 for all three channels full."""
    return sum(weight * channel for weight, channel in zip(SRGB_LUMINANCE, level, strict=True))


_FULL = relative_luminance(WARM_WHITE)


class LampMixer:
    """Levels to duties, 0 to 1, of a lamp of 1 (white), 2 (warm, cold white), 3 (RGB) or 4 (RGBW) channels.

    ``gains`` are what each channel may give at most, as a share of its full light, for a neutral white from LEDs of
    unlike strength.  ``gamma`` is the exponent by which the driver bends a duty into light; of plain PWM it is 1.
    A lamp without colours gives the level's brightness: full where a dawn ends.
    """

    def __init__(self, channels: int, gamma: float = 1.0, gains: Sequence[float] = ()) -> None:
        if channels not in CHANNELS:
            raise ValueError(f"a lamp has 1, 2, 3 or 4 channels, not {channels}")
        if len(gains) not in (0, channels):
            raise ValueError(f"a lamp of {channels} channels has as many gains, not {len(gains)}")
        self._channels = channels
        self._bend = 1.0 / gamma
        self._gains = tuple(gains) or (1.0,) * channels

    def duties(self, level: LampLevel) -> tuple[float, ...]:
        """One for each channel; a level out of range is clipped."""
        level = LampLevel(*(min(1.0, max(0.0, value)) for value in level))
        lights = self._lights(level)
        return tuple((gain * light) ** self._bend for gain, light in zip(self._gains, lights, strict=True))

    def _lights(self, level: LampLevel) -> tuple[float, ...]:
        if self._channels == 3:
            return level
        if self._channels == 4:
            white = min(level)
            return (level.red - white, level.green - white, level.blue - white, white)
        brightness = min(1.0, relative_luminance(level) / _FULL)
        if self._channels == 1:
            return (brightness,)
        blue = level.blue / level.red if level.red > 0.0 else float(level.blue > 0.0)
        cold = min(1.0, max(0.0, (blue - WARM_BLUE) / (COLD_BLUE - WARM_BLUE)))
        return (brightness * (1.0 - cold), brightness * cold)
