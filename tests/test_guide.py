"""The guide to building: its pins are the configuration's, its pictures are what is drawn, doctor's words are real."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from appliance.config import OutputsConfig

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "build.md").read_text(encoding="utf-8")
FOLDER = ROOT / "docs" / "build"
DRAWING: dict[str, Any] = runpy.run_path(str(FOLDER / "draw.py"))
# By the Pi itself (serial TXD and RXD, I2C SDA and SCL) and so in no configuration.
FIXED = {14: 8, 15: 10, 2: 3, 3: 5}
# Named beside them: the readme's example of radar_power, and the serial port's flow control.
MENTIONED = {22, 16, 17}


def table() -> list[tuple[str, int, int]]:
    """(key, GPIO, header pin) of every row of the guide's table of pins."""
    rows = re.findall(r"^\|[^|]+\| (?:`(\w+)`)? *\| GPIO (\d+) \| (\d+) \|$", GUIDE, re.M)
    return [(key, int(gpio), int(pin)) for key, gpio, pin in rows]


def test_every_pin_of_the_table_is_the_default() -> None:
    default = OutputsConfig()
    told: dict[str, list[int]] = {}
    for key, gpio, _ in table():
        told.setdefault(key, []).append(gpio)
    assert set(told.pop("")) == set(FIXED)
    assert told == {
        "lamp": list(default.lamp),
        "buzzer": [default.buzzer],
        "button": [default.button],
        "indicator": [default.indicator],
    }


def test_a_gpio_stands_at_its_place_in_the_header() -> None:
    # From the 40-pin header's published layout, which has not changed since the Pi B+.
    places = {**FIXED, 12: 32, 13: 33, 19: 35, 18: 12, 17: 11, 27: 13, 22: 15}
    assert {gpio: pin for _, gpio, pin in table()}.items() <= places.items()
    assert {gpio: DRAWING["pin_of"](gpio) for gpio in places} == places
    assert len(DRAWING["HEADER"]) == 40
    grounds = [k + 1 for k, what in enumerate(DRAWING["HEADER"]) if what == "GND"]
    assert grounds == [6, 9, 14, 20, 25, 30, 34, 39]
    assert [k + 1 for k, what in enumerate(DRAWING["HEADER"]) if what == "5 V"] == [2, 4]
    assert [k + 1 for k, what in enumerate(DRAWING["HEADER"]) if what == "3.3 V"] == [1, 17]


def test_no_other_pin_is_named_in_words_or_pictures() -> None:
    known = {gpio for _, gpio, _ in table()} | MENTIONED
    for text in (GUIDE, *DRAWING["pictures"]().values()):
        assert {int(number) for number in re.findall(r"GPIO (\d+)", text)} <= known
    for gpio, pin in re.findall(r"GPIO (\d+) \(pin (\d+)\)", GUIDE):
        assert DRAWING["pin_of"](int(gpio)) == int(pin)


def test_pictures_are_as_they_are_drawn_and_all_are_shown() -> None:
    drawn = DRAWING["pictures"]()
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.svg")} == drawn
    assert set(re.findall(r"!\[[^]]+\]\(build/([^)]+)\)", GUIDE)) == set(drawn)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.svg")), ids=lambda path: path.name)
def test_a_picture_fits_a_phone(path: Path) -> None:
    root = ElementTree.parse(path).getroot()
    assert root.attrib["width"] == "360"
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        wide = (
            0.58 * float(text.attrib["font-size"]) * len(text.text or "")
        )  # of DejaVu Sans, a little more than its mean
        x, anchor = float(text.attrib["x"]), text.attrib["text-anchor"]
        left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
        assert left >= 0.0, text.text
        assert left + wide <= 360.0, text.text


def test_what_doctor_is_said_to_say_stands_in_the_program() -> None:
    rows = GUIDE.split("## 5.")[1].split("## 6.")[0].splitlines()
    quoted = [words for row in rows if row.startswith("|") for words in re.findall(r"`([^`]+)`", row.split("|")[2])]
    source = "".join(
        path.read_text(encoding="utf-8") for room in ("appliance", "drivers") for path in ROOT.glob(f"{room}/**/*.py")
    )
    assert len(quoted) > 10
    assert [words for words in quoted if words not in source and words != "ok"] == []
