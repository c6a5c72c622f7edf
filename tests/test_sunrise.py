"""The dawn as an eye would judge it, and the ring as an ear would."""

from __future__ import annotations

import itertools

import dawn_steps
import pytest
from dawn_steps import steps
from hypothesis import given
from hypothesis import strategies as st

from appliance.alarm_setting import SOUNDS
from appliance.sunrise import (
    READING_LIGHTNESS,
    brighter,
    dawn,
    luminance,
    reading_light,
    ring_loudness,
    ring_tone,
)
from drivers.lamp import CHANNELS, DARK, WARM_WHITE, LampLevel, relative_luminance

TICKS = 18_000  # half an hour, ten turns a second


def lightness(level: LampLevel) -> float:
    """CIE 1976 L* of a lamp level against the full dawn."""
    return dawn_steps.lightness(relative_luminance(level) / relative_luminance(dawn(1.0)))


def test_lightness_of_known_greys() -> None:
    assert luminance(0.0) == 0.0
    assert luminance(100.0) == 1.0
    assert luminance(8.0) == pytest.approx(8.0 / 903.3, rel=1e-4)
    assert luminance(50.0) == pytest.approx(0.18419, abs=1e-5)  # (66 / 116) ** 3


def test_dawn_goes_from_dark_to_the_whole_lamp() -> None:
    assert dawn(0.0) == LampLevel(0.0, 0.0, 0.0)
    assert max(dawn(1.0)) == pytest.approx(1.0)
    assert dawn(-1.0) == dawn(0.0)
    assert dawn(2.0) == dawn(1.0)


def test_dawn_is_red_then_amber_then_warm_white() -> None:
    red, green, blue = dawn(0.02)
    assert green < 0.1 * red
    assert blue == 0.0
    red, green, blue = dawn(0.6)
    assert 0.15 < green / red < 0.3
    assert blue == 0.0
    red, green, blue = dawn(1.0)
    # 3000 K lies at x = 0.4369, y = 0.4041 (CIE 1931), so X : Y : Z = 1.0812 : 1 : 0.3935, and through the matrix of
    # IEC 61966-2-1 red, green, blue = 1.770, 0.844, 0.272.
    assert red == pytest.approx(1.0)
    assert green == pytest.approx(0.844 / 1.770, abs=0.002)
    assert blue == pytest.approx(0.272 / 1.770, abs=0.002)


@pytest.mark.parametrize(
    ("progress", "x", "y"),
    # Planck's law through the CIE 1931 observer at 500, 400 and 333 mired; between 1000 and 333 they pass evenly.
    [(0.75, 0.5267, 0.4133), (0.9, 0.4770, 0.4137), (1.0, 0.4369, 0.4041)],
)
def test_colours_lie_on_the_black_body_line(progress: float, x: float, y: float) -> None:
    red, green, blue = dawn(progress)
    big = [
        0.4124564 * red + 0.3575761 * green + 0.1804375 * blue,
        0.2126729 * red + 0.7151522 * green + 0.0721750 * blue,
        0.0193339 * red + 0.1191920 * green + 0.9503041 * blue,
    ]
    assert [value / sum(big) for value in big[:2]] == pytest.approx([x, y], abs=0.002)


def test_dawn_rises_evenly_to_the_eye_and_no_step_can_be_seen() -> None:
    levels = [dawn(k / TICKS) for k in range(TICKS + 1)]
    steps = [lightness(b) - lightness(a) for a, b in itertools.pairwise(levels)]
    even = 100.0 / TICKS
    assert min(steps) > 0.99 * even
    assert max(steps) < 1.01 * even
    # Seen by the second, an eye that notices a whole unit of L* is given a tenth of that.
    assert max(sum(steps[k : k + 10]) for k in range(0, TICKS, 10)) < 0.1
    for a, b in itertools.pairwise(levels):
        assert all(later >= earlier for earlier, later in zip(a, b, strict=True))
        assert max(abs(later - earlier) for earlier, later in zip(a, b, strict=True)) < 0.001


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("minutes", [1, 30])
def test_no_step_can_be_seen_where_a_lamp_has_twelve_bits(channels: int, minutes: int) -> None:
    found = steps(channels, 12, minutes)
    assert found.largest < 0.5  # of L*, of which the eye notices about 1
    # White that rises by a step may take one from red; no other lamp ever falls.
    assert found.largest_fall <= (0.01 if channels == 4 else 0.0)


def test_eight_bits_step_as_coarsely_as_they_must() -> None:
    # One of 255 duties lies in the straight part of the scale: (29 / 3) ** 3 / 255 = 3.54 of L*.
    assert steps(1, 8).largest == pytest.approx(3.54, abs=0.01)
    assert steps(1, 8).largest_fall == 0.0
    assert steps(1, 12).largest == pytest.approx(3.54 * 255 / 4095, abs=0.01)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_every_level_is_one_that_a_lamp_has(progress: float, brightness: float) -> None:
    level = dawn(progress, brightness)
    assert all(0.0 <= channel <= 1.0 for channel in level)
    assert lightness(level) == pytest.approx(100.0 * progress * brightness, abs=1e-6)


def test_a_dawn_ends_at_what_lamps_without_colours_take_for_full() -> None:
    assert dawn(1.0) == pytest.approx(WARM_WHITE, abs=1e-3)


def test_the_light_to_read_by_is_dim_and_amber() -> None:
    red, green, blue = reading_light()
    assert lightness(reading_light()) == pytest.approx(READING_LIGHTNESS)
    assert 0.1 < green / red < 0.3
    assert blue == 0.0
    assert brighter(DARK, reading_light()) == brighter(reading_light(), DARK) == reading_light()
    assert brighter(dawn(0.9), reading_light()) == dawn(0.9)


FIRST_NOTES = (523.25, 783.99, 1046.50, 880.0, 1174.66)  # a phrase begins anew


def sounding(sound: str, start_s: int, end_s: int) -> float:
    """Share of the time between two seconds of the ring in which there is a tone."""
    tones = [ring_tone(k / 10, sound) for k in range(10 * start_s, 10 * end_s)]
    return sum(tone is not None for tone in tones) / len(tones)


@pytest.mark.parametrize("sound", SOUNDS)
def test_each_ring_sounds_at_once_and_grows(sound: str) -> None:
    # Facts are whole seconds, so a ring that begins with the process may be up to a second old when it is first shown.
    assert None not in [ring_tone(k / 100, sound) for k in range(101)]
    shares = [sounding(sound, *span) for span in ((2, 15), (15, 45), (45, 90), (90, 150))]
    assert shares == sorted(shares)
    assert shares[-1] >= 0.6
    highest = [max(ring_tone(a + k / 10, sound) or 0.0 for k in range(30)) for a in (0, 15, 45, 90)]
    assert highest == sorted(highest)
    tones = [ring_tone((k + 0.5) / 10, sound) for k in range(3600)]
    silent = 0
    for a, b in itertools.pairwise(tones):
        silent = silent + 1 if b is None else 0
        assert silent <= 26  # a pause is under 2.7 s
        assert a is None or b is None or b >= a or b in FIRST_NOTES


def test_shares_of_the_chord_by_hand() -> None:
    assert sounding("chord", 0, 15) == pytest.approx(4.2 / 15)  # 1.2 s at once, then three notes of 0.2 s in every 3 s
    assert sounding("chord", 90, 150) == pytest.approx(2 / 3, abs=0.01)  # five in every 1.5 s


def test_a_ring_swells_to_what_was_set() -> None:
    assert ring_loudness(0.0) == 0.25
    assert ring_loudness(45.0) == pytest.approx(0.5)  # halfway in decibels
    assert ring_loudness(90.0) == ring_loudness(1e6) == 1.0


@given(st.floats(0.0, 1e6), st.sampled_from(SOUNDS))
def test_tones_are_within_reach_of_the_buzzer(seconds: float, sound: str) -> None:
    tone = ring_tone(seconds, sound)
    assert tone is None or 220.0 <= tone <= 3520.0
