"""The exploration server's protocol of Acconeer A121 modules (XM125): bytes <-> Frame.

Both ways a frame is one JSON object on a line; a module's line that says ``"payload_size": n`` is followed by n binary
bytes, int16 real and imaginary, little-endian, sweep after sweep.  There is no checksum: the one check is that
payload_size must be 4 x frame_data_length.  Source: acconeer-python-exploration v7.18 (exploration protocol).
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivers.readings import LinkCounters

MAX_LINE = 8192  # the set-up reply with its calibration data is the longest, well under 4 KiB
MAX_POINTS = 4095  # what an A121 can hold for one frame
BYTES_PER_POINT = 4
COMMANDS = frozenset(
    {"get_system_info", "get_sensor_info", "setup", "start_streaming", "stop_streaming", "set_uart_baudrate"}
)

_OPENING = b'{"'


class Layout(NamedTuple):
    """How a frame's points are laid out, from the set-up reply's metadata."""

    frame_data_length: int  # points in a frame: sweeps x points of a sweep
    sweep_data_length: int  # points in a sweep
    subsweep_data_offset: tuple[int, ...]  # where each subsweep begins in a sweep
    subsweep_data_length: tuple[int, ...]
    base_step_length_m: float


class Frame(NamedTuple):
    """One JSON message, in either direction, and the binary bytes behind it; len(payload) == its ``payload_size``."""

    message: dict[str, Any]
    payload: bytes = b""
    layout: Layout | None = None  # the set-up in force when it came; not sent


class Result(NamedTuple):
    """What a result's message says of its frame."""

    tick: int
    temperature_c: int | None
    data_saturated: bool
    frame_delayed: bool
    calibration_needed: bool


def encode(frame: Frame) -> bytes:
    """The frame's bytes."""
    return json.dumps(frame.message, separators=(",", ":")).encode("ascii") + b"\n" + frame.payload


def is_forbidden(frame: Frame) -> bool:
    """True for everything but the commands that this driver knows to be harmless."""
    return frame.message.get("cmd") not in COMMANDS


def layout_of(message: dict[str, Any]) -> Layout | None:
    """The layout in a set-up reply; None where there is none, or its numbers contradict one another.

    One group with one sensor is understood.
    """
    try:
        ((metadata,),) = message["metadata"]
        layout = Layout(
            metadata["frame_data_length"],
            metadata["sweep_data_length"],
            tuple(metadata["subsweep_data_offset"]),
            tuple(metadata["subsweep_data_length"]),
            float(metadata["base_step_length_m"]),
        )
        frame, sweep, offsets, lengths, base_step_m = layout
        numbers = (frame, sweep, *offsets, *lengths)
        sound = (
            all(type(number) is int and 0 <= number <= MAX_POINTS for number in numbers)
            and 0 < sweep <= frame
            and frame % sweep == 0
            and sum(lengths) == sweep
            and offsets == tuple(sum(lengths[:index]) for index in range(len(lengths)))
            and 0.001 < base_step_m < 0.01  # about 2.5 mm
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return layout if sound else None


def result_of(message: dict[str, Any]) -> Result | None:
    """What a result says of its frame, or None where the message is no result of one sensor."""
    try:
        ((info,),) = message["result_info"]
        tick, temperature = info["tick"], info.get("temperature")
        if type(tick) is not int:
            return None
        return Result(
            tick,
            temperature if type(temperature) is int else None,
            info.get("data_saturated") is True,
            info.get("frame_delayed") is True,
            info.get("calibration_needed") is True,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def sweeps(payload: bytes, sweep_data_length: int) -> NDArray[np.complex64]:
    """The payload as (sweeps, points) of raw complex counts; a rest that fills no sweep is left out."""
    whole = len(payload) // (BYTES_PER_POINT * sweep_data_length)
    raw = np.frombuffer(payload, dtype="<i2", count=2 * whole * sweep_data_length)
    return raw.astype(np.float32).view(np.complex64).reshape(whole, sweep_data_length)


def _parse(line: bytes) -> dict[str, Any] | None:
    """The JSON object on a line, or None.  Deeply nested nonsense exhausts the recursion limit: also None."""
    try:
        message = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


class FrameDecoder:
    """Bytes in, good frames out.  Never raises; after a bad check it looks again from the next byte."""

    def __init__(self) -> None:
        self.counters = LinkCounters()
        self.offsets: list[int] = []  # where in the stream each of the frames last returned began
        self.layout: Layout | None = None
        self._buffer = b""
        self._base = 0  # stream offset of the buffer's first byte
        self._size: int | None = None  # the payload size that results must have, once known
        self._refused: int | None = None  # the size that the last result was refused for

    @property
    def pending(self) -> int:
        """Bytes that wait for the rest of their frame: fewer than the largest legal frame has."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that ``data`` completes.  Any split of a stream gives the same frames."""
        return self._scan(self._buffer + data, 0)

    def idle(self) -> list[Frame]:
        """Gives up the frame that waits, because nothing came for 100 ms, and looks again from its next byte."""
        if not self._buffer:
            return []
        self.counters.garbage_bytes += 1
        return self._scan(self._buffer, 1)

    def _scan(self, buffer: bytes, position: int) -> list[Frame]:
        counters, frames, offsets = self.counters, [], []
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
            frames.append(Frame(message, buffer[line_end + 1 : stop], self.layout))
            offsets.append(self._base + position)
            position = stop
        counters.frames += len(frames)
        self.offsets = offsets
        self._base += position
        self._buffer = buffer[position:]
        return frames

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
