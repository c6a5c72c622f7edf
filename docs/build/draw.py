"""Draws the pictures of the guide beside it: ``python docs/build/draw.py``.  Pins are the configuration's defaults."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from appliance.config import OutputsConfig

HERE = Path(__file__).parent
WIDTH = 360  # a phone's
INK, PALE, PAPER = "#222", "#eef1f4", "#fff"
FIVE, THREE, GROUND, DATA, OTHER = "#c62828", "#e08a00", "#222", "#1565c0", "#2e7d32"
OUT = OutputsConfig()
POWER_PIN = 22  # the example of a pin that switches the radar's supply; by default there is none

# The 40-pin header: of each pin what it is.  BCM numbers are GPIO; the rest by name.
HEADER: tuple[str | int, ...] = (
    *("3.3 V", "5 V", 2, "5 V", 3, "GND", 4, 14, "GND", 15, 17, 18, 27, "GND", 22, 23, "3.3 V", 24, 10, "GND"),
    *(9, 25, 11, 8, "GND", 7, "ID", "ID", 5, "GND", 6, 12, 13, "GND", 19, 16, 26, 20, "GND", 21),
)


class Row(NamedTuple):
    """One wire: what it leaves, what lies in it, where it goes."""

    pi: str
    colour: str
    other: str
    between: str = ""


def pin_of(gpio: int) -> int:
    """The header's pin of a GPIO."""
    return HEADER.index(gpio) + 1


def named(gpio: int, extra: str = "") -> str:
    """As a label of a wire."""
    return f"pin {pin_of(gpio)}: GPIO {gpio}{extra}"


def text(x: float, y: float, words: str, size: float = 12, anchor: str = "start", colour: str = INK) -> str:
    """A line of text."""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'
    )


def line(x1: float, y1: float, x2: float, y2: float, colour: str = INK, width: float = 2, dash: str = "") -> str:
    """A straight line."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{colour}" stroke-width="{width:g}"{dashed}/>'


def box(x: float, y: float, width: float, height: float, fill: str = PALE, colour: str = INK) -> str:
    """A rounded box."""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" fill="{fill}" stroke="{colour}"/>'


def shape(path: str, fill: str = "none", colour: str = INK, width: float = 1.5, opacity: float = 1.0) -> str:
    """A path."""
    return f'<path d="{path}" fill="{fill}" stroke="{colour}" stroke-width="{width:g}" fill-opacity="{opacity:g}"/>'


def notes(y: float, sentences: Iterable[str]) -> tuple[list[str], float]:
    """Sentences below a picture, each on lines of its own; and where they end."""
    parts = []
    for sentence in sentences:
        for k, row in enumerate(textwrap.wrap(sentence, 48)):
            parts.append(text(10 if k == 0 else 20, y, ("• " if k == 0 else "") + row))
            y += 16
    return parts, y


def picture(title: str, parts: Iterable[str], height: float) -> str:
    """A whole SVG."""
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}"'
            f' font-family="DejaVu Sans, Verdana, sans-serif" role="img" aria-label="{escape(title)}">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{WIDTH}" height="{height:g}" fill="{PAPER}"/>',
            *parts,
            "</svg>\n",
        )
    )


def wiring(title: str, left: str, right: str, rows: Sequence[Row], said: Sequence[str]) -> str:
    """Two boxes and the wires between them, one a row."""
    top, step, wide = 34, 34, 128
    bottom = top + step * len(rows) + 26
    parts = [text(WIDTH / 2, 20, title, 14, "middle")]
    for x, name in ((6, left), (WIDTH - wide - 6, right)):
        parts += [box(x, top, wide, bottom - top), text(x + wide / 2, top + 18, name, 12, "middle")]
    for k, row in enumerate(rows):
        y = top + 44 + step * k
        parts += [
            line(6 + wide, y, WIDTH - wide - 6, y, row.colour, 3),
            text(12, y + 4, row.pi, 11),
            text(WIDTH - 12, y + 4, row.other, 11, "end"),
            f'<circle cx="{6 + wide}" cy="{y}" r="4" fill="{row.colour}"/>',
            f'<circle cx="{WIDTH - wide - 6}" cy="{y}" r="4" fill="{row.colour}"/>',
        ]
        if row.between:
            parts += [box(142, y - 11, 76, 22, PAPER), text(WIDTH / 2, y + 4, row.between, 10, "middle")]
    under, end = notes(bottom + 22, said)
    return picture(title, parts + under, end)


def header() -> str:
    """The Pi's header, with what is used of it."""
    used: dict[int, tuple[str, str]] = {
        1: ("room sensors", THREE),
        3: ("sensors' SDA", DATA),
        5: ("sensors' SCL", DATA),
        9: ("sensors' ground", GROUND),
        2: ("radar, if 5 V", FIVE),
        6: ("radar's ground", GROUND),
        8: ("to radar's RX", DATA),
        10: ("from radar's TX", DATA),
        14: ("button's ground", GROUND),
        34: ("lamp's ground", GROUND),
        pin_of(OUT.button): ("button", OTHER),
        pin_of(OUT.buzzer): ("buzzer", OTHER),
        pin_of(OUT.indicator): ("indicator", OTHER),
        pin_of(POWER_PIN): ("radar's supply *", OTHER),
    }
    for k, gpio in enumerate(OUT.lamp):
        used[pin_of(gpio)] = (("lamp, red", "lamp, green", "lamp, blue")[k], OTHER)
    top, step = 48, 22
    parts = [text(WIDTH / 2, 20, "The Pi's header, seen from above", 14, "middle")]
    parts += [text(WIDTH / 2, 36, "pin 1 is nearest the card's end of the board", 11, "middle")]
    parts.append(box(122, top - 6, 116, step * 20 + 10))
    for k, what in enumerate(HEADER):
        number, y = k + 1, top + 12 + step * (k // 2)
        is_left = k % 2 == 0
        name, colour = used.get(number, ("", "#b8bec4"))
        x = 166 if is_left else 194
        parts.append(f'<circle cx="{x}" cy="{y - 4}" r="9" fill="{colour}"/>')
        parts.append(text(x, y, str(number), 10, "middle", PAPER if name else INK))
        parts.append(text(152 if is_left else 208, y, str(what), 9, "end" if is_left else "start"))
        if name:
            parts.append(text(116 if is_left else 244, y, name, 12, "end" if is_left else "start"))
    under, end = notes(
        top + step * 20 + 26,
        (
            "In the circles: the header's pins. Beside them: GPIO (BCM) numbers, as config.toml counts.",
            f"* only where you set radar_power = [{POWER_PIN}].",
        ),
    )
    return picture("The Pi's header and what is used of it", parts + under, end)


def wirings() -> dict[str, str]:
    """Every wiring by its file's name."""
    serial = (Row(named(14, " TXD"), DATA, "RX"), Row(named(15, " RXD"), DATA, "TX"))
    five = (Row("pin 2: 5 V", FIVE, "5V"), Row("pin 6: GND", GROUND, "GND"))
    colours = zip(OUT.lamp, ("red", "green", "blue"), strict=True)
    lamp = [Row(named(gpio), OTHER, f"{name} −", "MOSFET") for gpio, name in colours]
    return {
        "usb.svg": wiring(
            "Any module on a USB-serial adapter",
            "USB adapter",
            "radar",
            (
                Row("5V", FIVE, "5V (not LD6002)"),
                Row("GND", GROUND, "GND"),
                Row("TXD", DATA, "RX"),
                Row("RXD", DATA, "TX"),
            ),
            (
                "The adapter goes into any USB socket of the Pi.",
                "Set its jumper to 3.3 V: that is the level of its signals, and every module here has 3.3 V signals.",
                "Its 5V pin is what USB gives, whatever the jumper says.",
                "A bare HLK-LD6002 takes 3.3 V: never its 5V. See its own picture.",
            ),
        ),
        "mr60bha2.svg": wiring(
            "Seeed MR60BHA2: the radar board itself",
            "Raspberry Pi",
            "MR60BHA2",
            (*five, *serial),
            (
                "Two descriptions of its 5-pin socket disagree on the order. Measure first: with the kit on USB, "
                "find the pin with 5 V and the one joined to ground.",
                "It wants 5 V and up to 1 A; its signals are 3.3 V and go straight to the Pi.",
                "Take the ESP32 board off, or hold it in reset: two may not talk on one wire.",
                "Or leave the kit whole: with a serial bridge on its ESP32, a USB cable is all.",
            ),
        ),
        "ld6002.svg": wiring(
            "Hi-Link HLK-LD6002, the bare module",
            "Raspberry Pi",
            "HLK-LD6002",
            (
                Row("pin 2: 5 V", FIVE, "1: 3V3", "3.3 V, 1 A"),
                Row("pin 6: GND", GROUND, "2: GND"),
                Row("pin 6: GND", GROUND, "3: P19"),
                Row(named(14, " TXD"), DATA, "8: RX0"),
                Row(named(15, " RXD"), DATA, "7: TX0"),
            ),
            (
                "Its pin 1 bears 3.1 to 3.5 V, so never 5 V: give it a 3.3 V regulator of its own, of 1 A or more.",
                "The Pi's 3.3 V pin is too weak: the module takes up to 0.6 A.",
                "P19 open and it never says a word: it must be low when power comes.",
                "Some of them talk at 1382400 baud: a CP2102 adapter cannot; the Pi's pins can.",
            ),
        ),
        "micradar.svg": wiring(
            "R60ABD1, MR60BHA1, DFRobot C1001",
            "Raspberry Pi",
            "radar",
            (*five, *serial),
            (
                "It wants 4.9 to 6 V and 0.2 A or more: the 5 V pin, never the 3.3 V one.",
                "Its signals are 3.3 V and go straight to the Pi.",
                "S1 and S2 (or IO) stay open.",
                "After pulling the plug wait 5 s before you give it power again.",
            ),
        ),
        "xm125.svg": wiring(
            "Acconeer XM125 on its board",
            "Raspberry Pi",
            "XM125 board",
            (Row("any USB socket", DATA, "USB"),),
            (
                "Flash Acconeer's exploration server to it first.",
                "USB gives it supply, signals and the flow control that it wants.",
                f"Not on the Pi's serial pins: flow control there is GPIO 16 and 17, and {OUT.button} is the button.",
            ),
        ),
        "sensors.svg": wiring(
            "Room sensors on I2C",
            "Raspberry Pi",
            "each sensor",
            (
                Row("pin 1: 3.3 V", THREE, "VIN or 3V3"),
                Row(named(2, " SDA"), DATA, "SDA"),
                Row(named(3, " SCL"), DATA, "SCL"),
                Row("pin 9: GND", GROUND, "GND"),
            ),
            (
                "All sensors share the four wires; keep them under half a metre.",
                "3.3 V and not 5 V: a board without a level shifter would put 5 V on the Pi's pins.",
                "Two at one address do not work: SHT3x and SHT4x are both 0x44.",
            ),
        ),
        "outputs.svg": wiring(
            "Lamp, buzzer, button, indicator",
            "Raspberry Pi",
            "part",
            (
                *lamp,
                Row("pin 34: GND", GROUND, "lamp supply −"),
                Row(named(OUT.buzzer), OTHER, "buzzer +", "100 Ω"),
                Row("pin 14: GND", GROUND, "buzzer −, button"),
                Row(named(OUT.button), OTHER, "button"),
                Row(named(OUT.indicator), OTHER, "LED +", "470 Ω"),
                Row(named(POWER_PIN) + " *", OTHER, "radar's switch", "load sw."),
            ),
            (
                "The lamp's + goes to its own supply (5, 12 or 24 V), never to a pin of the Pi. Grounds are joined.",
                "A pin gives 3.3 V and at most 16 mA: a piezo buzzer yes, a magnetic one through a transistor.",
                "The LED's − and the button's other leg go to any GND.",
                f"* only to mute the radar's supply, with radar_power = [{POWER_PIN}]; high is on.",
            ),
        ),
    }


def channel() -> str:
    """One channel of the lamp."""
    parts = [
        text(WIDTH / 2, 20, "One channel of the lamp (of three)", 14, "middle"),
        *(text(12, 152, "Pi's pin", 12), text(12, 168, "(PWM)", 12), line(70, 156, 110, 156, OTHER)),
        *(box(110, 147, 44, 18, PAPER), text(132, 160, "100 Ω", 11, "middle"), line(154, 156, 226, 156, OTHER)),
        *(line(180, 156, 180, 190), box(158, 190, 44, 18, PAPER), text(180, 203, "10 kΩ", 11, "middle")),
        line(180, 208, 180, 240),
        *(box(226, 132, 76, 48), text(264, 152, "N-MOSFET", 11, "middle"), text(264, 168, "3.3 V gate", 11, "middle")),
        *(line(264, 132, 264, 108), text(272, 126, "drain", 11), text(272, 194, "source", 11)),
        *(line(264, 180, 264, 240), line(12, 240, 348, 240, GROUND, 3)),
        text(12, 256, "GND of the Pi and of the lamp's supply, joined", 12),
        *(box(224, 72, 80, 36), text(264, 94, "LEDs", 12, "middle"), line(264, 72, 264, 46, FIVE)),
        *(line(120, 46, 348, 46, FIVE, 3), text(12, 50, "lamp's supply +", 12)),
    ]
    under, end = notes(
        282,
        (
            "The 10 kΩ keep the lamp dark while the Pi starts or when its wire falls off.",
            "LEDs want the series resistors or the driver that they are sold with: a strip has them on it.",
            "Ready-made MOSFET boards hold all of this; take one that is told to switch fully at 3.3 V.",
        ),
    )
    return picture("One channel of the lamp", parts + under, end)


def side() -> str:
    """Where the box may stand, from the side."""
    parts = [
        text(WIDTH / 2, 20, "Where it may stand, seen from the side", 14, "middle"),
        line(6, 262, 354, 262),
        box(128, 202, 220, 36, PALE),  # mattress
        *(line(138, 238, 138, 262, INK, 4), line(338, 238, 338, 262, INK, 4)),
        *(box(134, 186, 40, 16, PAPER), f'<circle cx="166" cy="184" r="14" fill="{PAPER}" stroke="{INK}"/>'),
        shape("M180 198 C196 172 236 172 262 190 L336 198 Z", PAPER),
        text(262, 230, "mattress", 11, "middle"),
        # A: beside the bed, at or above the chest
        *(box(22, 196, 72, 66, PAPER), text(58, 234, "bedside", 11, "middle"), text(58, 248, "table", 11, "middle")),
        *(box(62, 164, 26, 32, "#cfe3f7"), text(75, 184, "A", 13, "middle")),
        shape("M88 174 L216 150 L216 196 Z", "#1565c0", "none", 0, 0.14),
        *(line(88, 177, 214, 179, DATA, 1.5, "5 4"), text(96, 158, "0.5 to 1 m", 11, "end", DATA)),
        # B: above the head end
        *(box(128, 60, 30, 24, "#cfe3f7"), text(143, 77, "B", 13, "middle"), line(124, 44, 124, 202, INK, 3)),
        shape("M152 84 L190 180 L252 176 Z", "#1565c0", "none", 0, 0.14),
        *(line(152, 84, 222, 176, DATA, 1.5, "5 4"), text(206, 110, "tilted 45° down,", 12, "start", DATA)),
        text(206, 126, "about 1 m above", 12, "start", DATA),
        *(line(108, 84, 108, 202, INK, 1), text(100, 120, "1 m", 12, "end")),
    ]
    under, end = notes(
        286,
        (
            "A: on a table or a shelf beside you, at the chest's height or a hand or two above, looking at the chest.",
            "B: on the wall or a post above the head end, looking down at the chest.",
            "0.4 to 1.5 m is what MR60BHA2 and LD6002 reach, 0.4 to 2 m Micradar, 0.3 to 1.5 m the XM125.",
        ),
    )
    return picture("Where the box may stand, from the side", parts + under, end)


def above() -> str:
    """Which way it looks, from above."""
    parts = [
        text(WIDTH / 2, 20, "Which way it looks, seen from above", 14, "middle"),
        *(box(120, 40, 200, 230, PALE), box(132, 50, 76, 34, PAPER), box(228, 50, 76, 34, PAPER)),
        *(f'<ellipse cx="170" cy="72" rx="17" ry="19" fill="{PAPER}" stroke="{INK}"/>', ""),
        shape("M140 110 Q170 88 200 110 L194 250 L146 250 Z", PAPER),
        text(170, 180, "you", 12, "middle"),
        f'<ellipse cx="266" cy="72" rx="17" ry="19" fill="{PAPER}" stroke="#999"/>',
        shape("M236 110 Q266 88 296 110 L290 250 L242 250 Z", PAPER, "#999"),
        text(266, 180, "partner", 12, "middle"),
        shape("M62 130 L204 41 L204 219 Z", "#2e7d32", "none", 0, 0.14),
        shape("M62 130 L120 30 L150 30 L150 232 L120 230 Z", "#1565c0", "none", 0, 0.12),
        *(box(36, 116, 26, 28, "#cfe3f7"), line(62, 130, 168, 130, DATA, 1.5, "5 4")),
        *(
            text(12, 166, "the box", 12),
            text(64, 250, "±60°", 12, "start", DATA),
            text(206, 36, "±40°", 12, "start", OTHER),
        ),
    ]
    under, end = notes(
        292,
        (
            "Aim its middle at your chest, from your side of the bed, so that you are nearer than your partner.",
            "MR60BHA2 and LD6002 see 60° to either side, Micradar 40°, which holds less of a partner.",
            "Nothing of metal between: no lamp foot, no foil, no mirror.",
            "Fans and curtains out of its sight, the box itself on something that does not shake.",
        ),
    )
    return picture("Which way the box looks, from above", parts + under, end)


def enclosure() -> str:
    """What lies where in the case."""
    parts = [
        text(WIDTH / 2, 20, "In the case", 14, "middle"),
        box(30, 44, 300, 190, PAPER),
        *(box(44, 96, 20, 74, "#cfe3f7"), text(72, 124, "radar", 12), text(72, 140, "upright", 11)),
        *(line(30, 84, 44, 84, DATA, 3), text(36, 62, "2 to 5 mm", 11, "start", DATA), line(37, 66, 37, 80, DATA, 1)),
        *(line(30, 78, 30, 90, DATA, 1.5), line(44, 78, 44, 90, DATA, 1.5)),
        *(box(190, 120, 104, 62), text(242, 148, "Raspberry Pi", 12, "middle"), text(242, 164, "warm", 11, "middle")),
        *(line(64, 184, 190, 184, INK, 1), text(127, 200, "5 cm or more", 12, "middle")),
        *(
            box(190, 60, 104, 40),
            text(242, 78, "lamp's MOSFETs", 11, "middle"),
            text(242, 92, "and wires", 11, "middle"),
        ),
        *(box(60, 246, 90, 30, "#fdf0d5"), text(105, 265, "T, RH sensor", 11, "middle"), line(105, 234, 105, 246)),
        text(160, 258, "outside, below the warm air,", 11),
        text(160, 272, "on its own short wires", 11),
        *(box(200, 28, 50, 16, "#fdf0d5"), text(225, 40, "light", 11, "middle"), text(256, 40, "not at the lamp", 11)),
        *(text(3, 130, "you", 10, "start", DATA), text(26, 144, "◀", 12, "end", DATA)),
        text(320, 226, "plastic or wood", 11, "end"),
    ]
    under, end = notes(
        298,
        (
            "The front is plain plastic or thin wood, 2 to 5 mm from the antenna, without metal, foil or such paint.",
            "The radar's face at least 5 cm from the Pi and from the lamp's wires.",
            "The thermometer outside: radar and Pi add 2 to 5 °C to the air in the case.",
            "Slots below and above let the warm air out.",
        ),
    )
    return picture("What lies where in the case", parts + under, end)


def pictures() -> dict[str, str]:
    """Every picture by its file's name."""
    return {
        "header.svg": header(),
        **wirings(),
        "lamp-channel.svg": channel(),
        "side.svg": side(),
        "above.svg": above(),
        "enclosure.svg": enclosure(),
    }


if __name__ == "__main__":
    for name, drawn in pictures().items():
        (HERE / name).write_text(drawn, encoding="utf-8")
