"""What a message of Acconeer's exploration server says, and the complex frames behind it.

Source: acconeer-python-exploration v7.18 (exploration protocol).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_POINTS = 4095  # what an A121 can hold for one frame
BYTES_PER_POINT = 4  # int16 real, int16 imaginary
MAX_TICK = 1 << 53
COMMANDS = frozenset(
    {"get_system_info", "get_sensor_info", "setup", "start_streaming", "stop_streaming", "set_uart_baudrate"}
)


class Layout(NamedTuple):
    """How a frame's points are laid out, from the set-up reply's metadata."""

    frame_data_length: int  # points in a frame: sweeps x points of a sweep
    sweep_data_length: int  # points in a sweep
    subsweep_data_offset: tuple[int, ...]  # where each subsweep begins in a sweep
    subsweep_data_length: tuple[int, ...]
    base_step_length_m: float


class Result(NamedTuple):
    """What a result's message says of its frame."""

    tick: int
    temperature_c: int | None
    data_saturated: bool
    frame_delayed: bool
    calibration_needed: bool


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
        if type(tick) is not int or not 0 <= tick < MAX_TICK:
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


def is_command(message: dict[str, Any]) -> bool:
    """True for the commands that this driver knows to be harmless."""
    command = message.get("cmd")
    return isinstance(command, str) and command in COMMANDS


def kind_of(message: dict[str, Any]) -> str | None:
    """The message's name, None where this driver does not know it."""
    if "cmd" in message:
        return "command" if is_command(message) else None
    if message.get("payload_size") == 0:
        return "empty_result"
    status = message.get("status")
    if isinstance(status, str) and status in ("start", "stop", "log", "error"):
        return status
    return next((kind for key, kind in _KEYS.items() if key in message), None)


_KEYS = {
    "result_info": "result",
    "metadata": "setup",
    "system_info": "system_info",
    "sensor_info": "sensor_info",
    "message": "reply",
}
