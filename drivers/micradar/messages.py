"""What a Micradar message says.  Lengths are those received, since the manuals misprint some (84/86)."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from drivers.micradar.frame import Frame
from drivers.micradar.kinds import (
    BREATH_WAVE,
    HEART_WAVE,
    POSITION,
    REPORT_MODE,
    SLEEP_OVERVIEW,
    SLEEP_STATISTICS,
    kind_of,
    message_of,
    query_command,
)

WAVE_ZERO = 128
WAVE_SAMPLES = 5
QUERY_DATA = b"\x0f"

_UNIT = re.compile(r"_(cm|pct|min|bpm|brpm)$")
_STATISTICS = struct.Struct(">BH9B")
_MEANS = ("mean_breath_brpm", "mean_heart_bpm")
_OVERVIEW_FIELDS = (
    *("presence", "sleep_state", *_MEANS),
    *("turn_overs", "large_motion_pct", "small_motion_pct", "apnoea_count"),
)
_STATISTICS_FIELDS = (
    *("score", "total_min", "awake_pct", "light_pct", "deep_pct"),
    *("out_of_bed_min", "out_of_bed_count", "turn_overs", *_MEANS, "apnoea_count"),
)


def query(message: tuple[int, int]) -> Frame:
    """The question for a message."""
    return Frame(*query_command(message), QUERY_DATA)


def number(data: bytes) -> int | None:
    """An unsigned number of one or two bytes."""
    return int.from_bytes(data, "big") if len(data) in (1, 2) else None


def position_cm(data: bytes) -> tuple[int, int, int] | None:
    """(x, y, z), sign and magnitude: bit 15 set is negative.

    The manuals contradict one another; frames measured by DuncanIdahoCT (espresence-mr60bha1-mmwave-sensor) agree with
    the distance only so: (-85, 64, 0) lies at 106 cm, and 107 was reported.
    """
    if len(data) != 6:
        return None
    x, y, z = (-(value & 0x7FFF) if value & 0x8000 else value for (value,) in struct.iter_unpack(">H", data))
    return x, y, z


def wave(data: bytes) -> list[int] | None:
    """The waveform's samples around zero, oldest first, one second in all; nothing is clipped."""
    return [value - WAVE_ZERO for value in data] if len(data) == WAVE_SAMPLES else None


def text(data: bytes) -> str:
    """A product string; what is not printable becomes a question mark."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "?" for byte in data.rstrip(b"\x00"))


def describe(frame: Frame) -> dict[str, object]:
    """The frame as JSON fields: kind, ctrl, cmd, value (in the unit that kind or key names; None: unreadable).

    A command | 0x80 with the one byte 0F is taken for a query, though a reply could hold the number 15.
    """
    message = message_of(frame.control, frame.command)
    kind = kind_of(frame.control, frame.command) or "unknown"
    value = _VALUES.get(message, number)(frame.data)
    if frame.control == 0x02 and message[1] <= 0x04:
        value = text(frame.data)
    if frame.command & 0x80:
        if message == REPORT_MODE:
            kind = "report_mode"
        if frame.data == QUERY_DATA:
            kind, value = f"query_{_UNIT.sub('', kind)}", QUERY_DATA[0]
    fields: dict[str, object] = {
        "kind": kind,
        "ctrl": f"0x{frame.control:02X}",
        "cmd": f"0x{frame.command:02X}",
        "value": value,
    }
    if value is None:
        fields["hex"] = frame.data.hex()
    return fields


def _position_value(data: bytes) -> object:
    found = position_cm(data)
    return found and list(found)


def _wave_value(data: bytes) -> object:
    samples = wave(data)
    return samples and {"raw": list(data), "minus128": samples}


def _overview_value(data: bytes) -> object:
    return dict(zip(_OVERVIEW_FIELDS, data, strict=True)) if len(data) == len(_OVERVIEW_FIELDS) else None


def _statistics_value(data: bytes) -> object:
    if len(data) != _STATISTICS.size:
        return None
    return dict(zip(_STATISTICS_FIELDS, _STATISTICS.unpack(data), strict=True))


_VALUES: dict[tuple[int, int], Callable[[bytes], object]] = {
    POSITION: _position_value,
    BREATH_WAVE: _wave_value,
    HEART_WAVE: _wave_value,
    SLEEP_OVERVIEW: _overview_value,
    SLEEP_STATISTICS: _statistics_value,
}
