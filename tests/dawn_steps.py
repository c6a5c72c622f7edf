"""How even a dawn is after a lamp's driver has rounded it to its own steps; ``python tests/dawn_steps.py`` tells."""

from __future__ import annotations

import itertools
from typing import NamedTuple

from appliance.sunrise import dawn
from drivers.lamp import SRGB_LUMINANCE, WARM_WHITE, LampMixer
from drivers.lamp_channels import LedStrip
from drivers.twins.lamps import StripTwin

TURNS_PER_MIN = 600
LAMPS = {1: "white", 2: "warm and cold white", 3: "red, green, blue", 4: "red, green, blue, white"}


class Steps(NamedTuple):
    """Of CIE 1976 L*, 100 at the dawn's end, between two turns of the loop."""

    largest: float
    largest_fall: float


def lightness(y: float) -> float:
    """L* of a luminance relative to white (CIE 15), written apart from the code under test."""
    return 116.0 * y ** (1.0 / 3.0) - 16.0 if y > (6.0 / 29.0) ** 3 else y * (29.0 / 3.0) ** 3


def luminance_of(lights: tuple[float, ...]) -> float:
    """Of a lamp's channels, 1 at the dawn's end; its colours are sRGB's primaries and its white is sRGB's."""
    if len(lights) < 3:
        return sum(lights)
    weights = (*SRGB_LUMINANCE, 1.0)
    full = sum(weight * light for weight, light in zip(SRGB_LUMINANCE, WARM_WHITE, strict=True))
    return sum(weight * light for weight, light in zip(weights, lights, strict=False)) / full


def steps(channels: int, bits: int, minutes: int = 30, gamma: float = 1.0) -> Steps:
    """Of a whole dawn by a lamp of that many channels, whose driver has ``2 ** bits`` duties."""
    mixer, most = LampMixer(channels, gamma), 2**bits - 1
    seen = []
    for turn in range(TURNS_PER_MIN * minutes + 1):
        duties = mixer.duties(dawn(turn / (TURNS_PER_MIN * minutes)))
        seen.append(lightness(luminance_of(tuple((round(duty * most) / most) ** gamma for duty in duties))))
    return _between(seen)


def strip_steps(leds: int, minutes: int = 30) -> Steps:
    """Of a whole dawn by a strip of that many LEDs, whose room sees the mean of them."""
    mixer, strip = LampMixer(3), StripTwin(leds)
    driver, seen = LedStrip(leds, strip.write), []
    for turn in range(TURNS_PER_MIN * minutes + 1):
        driver.set(mixer.duties(dawn(turn / (TURNS_PER_MIN * minutes))))
        seen.append(lightness(luminance_of(strip.mean())))
    return _between(seen)


def _between(seen: list[float]) -> Steps:
    differences = [after - before for before, after in itertools.pairwise(seen)]
    return Steps(max(abs(step) for step in differences), max(0.0, -min(differences)))


def main() -> None:
    """The table of docs/measured.md."""
    print("| lamp | 12 bits, 30 min | 12 bits, 1 min | 8 bits, 30 min | falls by at most, 12 and 8 bits |")
    print("|---|---|---|---|---|")
    for channels, name in LAMPS.items():
        fine, quick, coarse = steps(channels, 12), steps(channels, 12, 1), steps(channels, 8)
        falls = f"{fine.largest_fall:.3f}, {coarse.largest_fall:.3f}"
        print(f"| {name} | {fine.largest:.2f} | {quick.largest:.2f} | {coarse.largest:.2f} | {falls} |")
    for leds in (1, 30):
        found = strip_steps(leds)
        print(f"strip of {leds}: {found.largest:.2f} at most in 30 min, falls by at most {found.largest_fall:.3f}")


if __name__ == "__main__":
    main()
