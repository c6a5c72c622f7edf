"""Messages of Acconeer's exploration server on the wire: bytes <-> Frame.

Both ways a frame is one JSON object on a line; a module's line that says ``"payload_size": n`` is followed by n binary
bytes, int16 real and imaginary, little-endian, sweep after sweep.  There is no checksum: the one check is that
payload_size must be 4 x frame_data_length.  Source: acconeer-python-exploration v7.18 (exploration protocol).
"""

from __future__ import annotations

import json
from math import isfinite
from typing import Any, NamedTuple

from drivers.acconeer.messages import (
    BYTES_PER_POINT,
    MAX_POINTS,
    Layout,
    is_command,
    kind_of,
    layout_of,
    result_of,
    sweeps,
)
from drivers.framing import Scan, StreamDecoder

MAX_LINE = 8192  # the set-up reply with its calibration data is the longest, well under 4 KiB

MAX_FRAME = MAX_LINE + BYTES_PER_POINT * MAX_POINTS

_OPENING = b'{"'


class Frame(NamedTuple):
    """One JSON message, in either direction, and the binary bytes behind it; len(payload) == its ``payload_size``."""

    message: dict[str, Any]
    payload: bytes = b""
    layout: Layout | None = None  # the set-up in force when it came; not sent


def encode(frame: Frame) -> bytes:
    """The frame's bytes."""
    return json.dumps(frame.message, separators=(",", ":")).encode("ascii") + b"\n" + frame.payload


def is_forbidden(frame: Frame) -> bool:
    """True for everything but the commands that this driver knows to be harmless."""
    return not is_command(frame.message)


def describe(frame: Frame) -> dict[str, object]:
    """The frame as JSON fields: kind and what the message says.

    A result tells its tick, temperature and flags, and, where the set-up is known, the mean over its sweeps as
    [re, im] of each point, with its amplitude.
    """
    message, kind = frame.message, kind_of(frame.message) or "unknown"
    result = result_of(message) if kind == "result" else None
    if result is None:
        return {"kind": kind, "value": message}
    fields: dict[str, object] = {"kind": kind, **result._asdict(), "bytes": len(frame.payload)}
    if frame.layout is not None and len(frame.payload) >= BYTES_PER_POINT * frame.layout.sweep_data_length:
        mean = sweeps(frame.payload, frame.layout.sweep_data_length).mean(axis=0)
        fields["mean_sweep"] = [[round(float(point.real), 3), round(float(point.imag), 3)] for point in mean]
        fields["amplitude"] = [round(float(abs(point)), 2) for point in mean]
    return fields


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(text)
    return value


_JSON = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)


def _parse(line: bytes) -> dict[str, Any] | None:
    """The JSON object on a line, or None.  Deeply nested nonsense exhausts the recursion limit: also None."""
    try:
        message = _JSON.decode(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


class FrameDecoder(StreamDecoder[Frame]):
    """JSON lines, and the binary payload that a line announces."""

    def __init__(self) -> None:
        super().__init__()
        self.layout: Layout | None = None
        self._size: int | None = None  # the payload size that results must have, once known
        self._refused: int | None = None  # the size that the last result was refused for

    def _scan(self, buffer: bytes, position: int) -> Scan[Frame]:
        counters = self.counters
        frames: list[Frame] = []
        starts: list[int] = []
        end = len(buffer)
        while True:
            found = buffer.find(_OPENING, position)
            if found < 0:  # the last byte may be the first half of an opening
                found = end - 1 if position < end and buffer[-1] == _OPENING[0] else end
            counters.garbage_bytes += found - position
            position = found
            line_end = buffer.find(b"\n", position, position + MAX_LINE)
            if line_end < 0 and end - position < MAX_LINE:
                break
            message = _parse(buffer[position:line_end]) if line_end >= 0 else None
            size = self._payload_size(message) if message is not None else None
            if message is None or size is None:
                counters.garbage_bytes += 1
                position += 1
                continue
            stop = line_end + 1 + size
            if stop > end:
                break
            self._learn(message, size)
            if kind_of(message) is None:
                counters.unknown_kinds += 1
            frames.append(Frame(message, buffer[line_end + 1 : stop], self.layout))
            starts.append(position)
            position = stop
        return Scan(frames, starts, position)

    def _payload_size(self, message: dict[str, Any]) -> int | None:
        """How many binary bytes follow the message, or None where it cannot be right.

        A size other than the set-up's is refused, but a second one of the same size is believed: then it was the
        set-up reply that came damaged, or somebody set the module up anew.
        """
        size = message.get("payload_size", None if "result_info" in message else 0)
        if size == 0 and type(size) is int:
            return 0
        if (
            type(size) is int
            and 0 < size <= BYTES_PER_POINT * MAX_POINTS
            and size % BYTES_PER_POINT == 0
            and (self._size in (None, size) or self._refused == size)
        ):
            return size
        self.counters.bad_checksums += 1
        self._refused = size if type(size) is int else None
        return None

    def _learn(self, message: dict[str, Any], size: int) -> None:
        if "metadata" in message:
            self.layout = layout_of(message)
            self._size = self.layout and BYTES_PER_POINT * self.layout.frame_data_length
        elif size:
            self._size = size
            self._refused = None
