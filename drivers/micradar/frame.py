"""Micradar's "53 59" frames on the wire: bytes <-> Frame.

Layout: Micradar R60ABD1 user manual V3.4 (2025-04).  Every multi-byte number is big-endian; there is no
byte stuffing, so frames are taken by their length and then checked.
"""

from __future__ import annotations

from typing import NamedTuple

from drivers.framing import Scan, StreamDecoder
from drivers.micradar.kinds import OTA_CONTROL, kind_of

MAX_DATA = 64  # the longest report has 12 bytes; product strings are a little longer

_HEAD = b"\x53\x59"
_TAIL = b"\x54\x43"
_OVERHEAD = 9  # head 2, control, command, length 2, sum, tail 2


class Frame(NamedTuple):
    """One frame, in either direction."""

    control: int  # subsystem
    command: int
    data: bytes


def encode(frame: Frame) -> bytes:
    """The frame's bytes."""
    body = _HEAD + bytes([frame.control, frame.command]) + len(frame.data).to_bytes(2, "big") + frame.data
    return body + bytes([sum(body) & 0xFF]) + _TAIL


def is_forbidden(frame: Frame) -> bool:
    """True for what must never be sent: firmware upload."""
    return frame.control == OTA_CONTROL


class FrameDecoder(StreamDecoder[Frame]):
    """Frames by their length, then by their checks."""

    def _scan(self, buffer: bytes, position: int) -> Scan[Frame]:
        counters = self.counters
        frames: list[Frame] = []
        starts: list[int] = []
        end = len(buffer)
        while True:
            found = buffer.find(_HEAD, position)
            if found < 0:  # the last byte may be the first half of a head
                found = end - 1 if position < end and buffer[-1] == _HEAD[0] else end
            counters.garbage_bytes += found - position
            position = found
            if end - position < 6:
                break
            length = buffer[position + 4] << 8 | buffer[position + 5]
            if length > MAX_DATA:
                counters.garbage_bytes += 1
                position += 1
                continue
            stop = position + length + _OVERHEAD
            if stop > end:
                break
            if buffer[stop - 2 : stop] != _TAIL or sum(buffer[position : stop - 3]) & 0xFF != buffer[stop - 3]:
                counters.bad_checksums += 1
                counters.garbage_bytes += 1
                position += 1
                continue
            control, command = buffer[position + 2], buffer[position + 3]
            if kind_of(control, command) is None:
                counters.unknown_kinds += 1
            frames.append(Frame(control, command, buffer[position + 6 : stop - 3]))
            starts.append(position)
            position = stop
        return Scan(frames, starts, position)
