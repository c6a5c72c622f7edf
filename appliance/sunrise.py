"""Dawn as colour and brightness, and the ring as tones: what lamp and buzzer show at a given progress.

Colour runs along the black-body line from deep red through amber to warm white, in even steps of mired.  Brightness is
even to the eye: CIE 1976 lightness L* rises in proportion to progress.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from drivers.lamp import LampLevel, relative_luminance

FIRST_K = 1000.0  # deep red, the lower end of the approximation
LAST_K = 3000.0  # warm white
READING_K = 1800.0  # amber
READING_LIGHTNESS = 20.0  # L*: 3 % of the full light, to read by at night without being woken by it


def dawn(progress: float, brightness: float = 1.0) -> LampLevel:
    """The lamp at ``progress`` of the sunrise, 0 (dark) to 1 (as light as ``brightness``, 0 to 1, allows)."""
    progress = min(1.0, max(0.0, progress))
    mired = 1e6 / FIRST_K + progress * (1e6 / LAST_K - 1e6 / FIRST_K)
    colour = _black_body(1e6 / mired)
    lightness = 100.0 * progress * min(1.0, max(0.0, brightness))
    scale = _FULL_LUMINANCE * luminance(lightness) / relative_luminance(colour)
    return LampLevel(*(min(1.0, scale * channel) for channel in colour))


def luminance(lightness: float) -> float:
    """Luminance relative to white, 0 to 1, of a CIE 1976 lightness L*, 0 to 100 (CIE 15)."""
    return ((lightness + 16.0) / 116.0) ** 3 if lightness > 8.0 else lightness * 27.0 / 24389.0


def reading_light() -> LampLevel:
    """The dim amber light of bedtime."""
    colour = _black_body(READING_K)
    scale = _FULL_LUMINANCE * luminance(READING_LIGHTNESS) / relative_luminance(colour)
    return LampLevel(*(scale * channel for channel in colour))


def brighter(one: LampLevel, other: LampLevel) -> LampLevel:
    """Whichever of two lights looks brighter."""
    return max(one, other, key=relative_luminance)


def _black_body(kelvin: float) -> LampLevel:
    """The colour of a glowing body in linear sRGB, its strongest channel 1; negative light is left out.

    Chromaticity (CIE 1960 u, v) by the rational approximation of Krystek 1985, valid from 1000 to 15000 K.
    """
    t = kelvin
    u = (0.860117757 + 1.54118254e-4 * t + 1.28641212e-7 * t * t) / (1.0 + 8.42420235e-4 * t + 7.08145163e-7 * t * t)
    v = (0.317398726 + 4.22806245e-5 * t + 4.20481691e-8 * t * t) / (1.0 - 2.89741816e-5 * t + 1.61456053e-7 * t * t)
    x, y = 3.0 * u / (2.0 * u - 8.0 * v + 4.0), 2.0 * v / (2.0 * u - 8.0 * v + 4.0)
    big_x, big_z = x / y, (1.0 - x - y) / y  # at Y = 1
    rgb = (
        3.2404542 * big_x - 1.5371385 - 0.4985314 * big_z,
        -0.9692660 * big_x + 1.8760108 + 0.0415560 * big_z,
        0.0556434 * big_x - 0.2040259 + 1.0572252 * big_z,
    )
    return LampLevel(*(max(0.0, channel) / max(rgb) for channel in rgb))


_FULL_LUMINANCE = relative_luminance(_black_body(LAST_K))


class _Phrase(NamedTuple):
    """Notes sounded one after another, then a pause, until the ring has lasted ``until_ms``."""

    until_ms: float
    notes_hz: tuple[float, ...]
    pause_ms: int


_NOTE_MS = 200  # two turns of the supervisor's loop

# A ring grows by sounding for more of the time, nearer to a piezo's resonance of some 2 to 4 kHz, and louder.  It
# begins within a whole second, and so must not begin with a pause.  An active buzzer has the pattern alone.
_RINGS = {
    "chord": (  # an equal-tempered C major chord, from C5
        _Phrase(1_200, (523.25, 659.25, 783.99), 0),
        _Phrase(15_000, (523.25, 659.25, 783.99), 2400),
        _Phrase(45_000, (523.25, 659.25, 783.99, 1046.50), 1700),
        _Phrase(90_000, (783.99, 1046.50, 1318.51, 1567.98), 1000),
        _Phrase(math.inf, (1046.50, 1318.51, 1567.98, 2093.00, 2637.02), 500),
    ),
    "birds": (  # the pentatonic scale on G, from G5, in short calls
        _Phrase(1_200, (783.99, 1174.66), 0),
        _Phrase(15_000, (783.99, 1174.66), 2600),
        _Phrase(45_000, (880.00, 1174.66, 1567.98), 1800),
        _Phrase(90_000, (1174.66, 1318.51, 1760.00), 1000),
        _Phrase(math.inf, (1174.66, 1567.98, 1760.00, 2349.32, 2637.02), 500),
    ),
    "beacon": (  # one note, an octave higher each time: for those who sleep through a melody
        _Phrase(1_200, (659.25,), 0),
        _Phrase(15_000, (659.25,), 1800),
        _Phrase(45_000, (1318.51,), 1000),
        _Phrase(90_000, (1318.51, 1318.51), 600),
        _Phrase(math.inf, (2637.02, 2637.02, 2637.02), 400),
    ),
}
SOFTEST = 0.25  # of a ring's loudness, at its beginning
SWELL_S = 90.0  # until it has grown to all of it


def ring_tone(seconds_ringing: float, sound: str = "chord") -> float | None:
    """The tone (Hz) so long into a ring, None in its pauses; it sounds at once, and grows for a minute and a half."""
    since_ms = max(0, round(1000.0 * seconds_ringing))
    began_ms = 0.0
    for phrase in _RINGS[sound]:
        if since_ms < phrase.until_ms:
            break
        began_ms = phrase.until_ms
    note = int((since_ms - began_ms) % (len(phrase.notes_hz) * _NOTE_MS + phrase.pause_ms)) // _NOTE_MS
    return phrase.notes_hz[note] if note < len(phrase.notes_hz) else None


def ring_loudness(seconds_ringing: float) -> float:
    """How loud the tone is so long into a ring, as a share of what the sleeper has set; grows as the ear counts.

    Equal ratios of amplitude are equal steps of loudness level, so it grows exponentially.
    """
    share = min(1.0, max(0.0, seconds_ringing / SWELL_S))
    return float(SOFTEST ** (1.0 - share))
