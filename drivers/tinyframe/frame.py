"""TinyFrame on the wire: bytes <-> Frame.

Layout and checksums: Hi-Link LD6002 serial protocol V1.3 (2025-06); its printed examples hold misprinted header
checksums (0F09: F9 for FA), so what it prints is not evidence against the rule.  The header is big-endian.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from drivers.framing import Scan, StreamDecoder

MAX_PAYLOAD = 1024
PHASES, BREATH_RATE, HEART_RATE, DISTANCE = 0x0A13, 0x0A14, 0x0A15, 0x0A16
TARGETS, POINTS, POSITION, STATUS = 0x0A04, 0x0A08, 0x0A17, 0x0A29
PRESENCE, TEXT, VERSION = 0x0F09, 0x0100, 0xFFFF
TILE_A, TILE_C = 0x0A32, 0x0A34
CONTROL, OTA_LOADER, FACTORY = 0x0201, 0x3000, 0x4000

KINDS = {
    PHASES: "phases",
    BREATH_RATE: "breath_per_min",
    HEART_RATE: "heart_bpm",
    DISTANCE: "distance",
    TARGETS: "targets",
    POINTS: "points",
    POSITION: "position",
    STATUS: "status",
    PRESENCE: "presence",
    TEXT: "text",
    VERSION: "firmware_version",
    TILE_A: "range_rows",
    TILE_C: "range_rows",
    CONTROL: "control",
    OTA_LOADER: "ota_loader",
    FACTORY: "factory",
}

_START = b"\x01"
_HEADER = struct.Struct(">HHHB")  # after the start byte: id, length, type, header checksum
_HEADER_SIZE = 8


class Frame(NamedTuple):
    """One frame, in either direction."""

    ident: int  # 0-65535, counts up by one with every frame that the module sends
    kind: int  # TYPE
    data: bytes


def _xor(data: bytes) -> int:
    """XOR of all bytes, folding one large integer in halves: much faster than a loop over bytes."""
    folded = int.from_bytes(data, "little")
    width = 8 << max(len(data) - 1, 0).bit_length()
    while width > 8:
        width >>= 1
        folded ^= folded >> width
    return folded & 0xFF


def encode(frame: Frame) -> bytes:
    """The frame's bytes.  A frame without data ends at its header checksum."""
    folded = frame.ident ^ len(frame.data) ^ frame.kind
    check = ~(folded ^ folded >> 8 ^ 0x01) & 0xFF
    head = _START + _HEADER.pack(frame.ident, len(frame.data), frame.kind, check)
    return head + frame.data + bytes([_xor(frame.data) ^ 0xFF]) if frame.data else head


def is_forbidden(frame: Frame) -> bool:
    """True for what must never be sent: the OTA loader silences the module until it is re-flashed."""
    return frame.kind in (OTA_LOADER, FACTORY)


class FrameDecoder(StreamDecoder[Frame]):
    """Frames by their length, then by their checks."""

    def _scan(self, buffer: bytes, position: int) -> Scan[Frame]:
        counters = self.counters
        frames: list[Frame] = []
        starts: list[int] = []
        end = len(buffer)
        while position < end:
            if buffer[position] != 0x01:
                found = buffer.find(_START, position)
                found = end if found < 0 else found
                counters.garbage_bytes += found - position
                position = found
                continue
            if end - position < _HEADER_SIZE:
                break
            ident, length, kind, check = _HEADER.unpack_from(buffer, position + 1)
            folded = ident ^ length ^ kind
            if (folded ^ folded >> 8 ^ check) & 0xFF != 0xFE or length > MAX_PAYLOAD:
                counters.garbage_bytes += 1
                position += 1
                continue
            begin = position + _HEADER_SIZE
            stop = begin + length
            data = buffer[begin:stop]
            if length:
                if stop >= end:
                    break
                if _xor(data) ^ buffer[stop] != 0xFF:
                    counters.bad_checksums += 1
                    counters.garbage_bytes += 1
                    position += 1
                    continue
                stop += 1
            if kind not in KINDS:
                counters.unknown_kinds += 1
            frames.append(Frame(ident, kind, data))
            starts.append(position)
            position = stop
        return Scan(frames, starts, position)
