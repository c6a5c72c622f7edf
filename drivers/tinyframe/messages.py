"""What a TinyFrame payload says.  Fields are little-endian; a payload of the wrong length says nothing (None).

Sources: Hi-Link LD6002 protocol V1.3; the LEN-4 distance: MR60BHA2 user logs (issue 3 of limengdu's
MR60BHA2_ESPHome_external_components); target layouts and the unit of speed: Seeed-mmWave-library; the point cloud:
LD6002B protocol; collection mode: michiel-dewilde/esphome-mr60-breathing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from math import isfinite
from typing import NamedTuple

from drivers.tinyframe.frame import (
    BREATH_RATE,
    CONTROL,
    DISTANCE,
    HEART_RATE,
    KINDS,
    PHASES,
    POINTS,
    POSITION,
    PRESENCE,
    STATUS,
    TARGETS,
    TEXT,
    TILE_A,
    TILE_C,
    VERSION,
    Frame,
)

DOPPLER_M_S = 0.1728  # speed of one Doppler index
TILE_SIZE = 1024

_PHASES = struct.Struct("<3f")
_FLOAT = struct.Struct("<f")
_COUNT = struct.Struct("<I")
_FLAT_TARGET = struct.Struct("<ffii")  # x, y, Doppler index, cluster
_SOLID_TARGET = struct.Struct("<fffii")  # x, y, z, Doppler index, cluster
_CLOUD_POINT = struct.Struct("<iffff")  # LD6002B: cluster, x, y, z, speed
_TILE_ROW = struct.Struct("<2h124x")  # the zero-Doppler bin, first of the 32 bins of one range row

# A host's frames without data share their TYPE with a report.
_COMMANDS = {VERSION: "ask_version", BREATH_RATE: "collection_on", HEART_RATE: "collection_off"}


class TrackedTarget(NamedTuple):
    """One target of 0A04; x left-right, y away from the radar."""

    x_m: float
    y_m: float
    z_m: float | None
    doppler: int
    cluster: int


def phases(data: bytes) -> tuple[float, float, float] | None:
    """(total, breath, heart) in radians, finite or not; rising = inhaling."""
    return _PHASES.unpack(data) if len(data) == 12 else None


def number(data: bytes) -> float | None:
    """The one float of a rate; 0.0 means none."""
    if len(data) != 4:
        return None
    (value,) = _FLOAT.unpack(data)
    return value if isfinite(value) else None


def distance(data: bytes) -> tuple[int, float | None] | None:
    """(flag, cm): cm only where flag = 1.  Nobody locked is LEN 4, the flag alone."""
    if len(data) not in (4, 8):
        return None
    (flag,) = _COUNT.unpack_from(data)
    return flag, number(data[4:]) if flag == 1 else None


def targets(data: bytes) -> list[TrackedTarget] | None:
    """The targets of 0A04, 16 bytes each or 20 with z; None where count and length do not fit."""
    if len(data) < 4:
        return None
    (count,) = _COUNT.unpack_from(data)
    size = len(data) - 4
    if size == count * _FLAT_TARGET.size:
        return [TrackedTarget(x, y, None, speed, name) for x, y, speed, name in _FLAT_TARGET.iter_unpack(data[4:])]
    if size == count * _SOLID_TARGET.size:
        return [TrackedTarget(*values) for values in _SOLID_TARGET.iter_unpack(data[4:])]
    return None


def present(data: bytes) -> bool | None:
    """Somebody there.  1, 2 and 4 bytes are in the field: the first one counts."""
    return bool(data[0]) if len(data) in (1, 2, 4) else None


def version(data: bytes) -> tuple[int, int, int, int] | None:
    """(project, major, sub, modified)."""
    return (data[0], data[1], data[2], data[3]) if len(data) == 4 else None


def describe(frame: Frame) -> dict[str, object]:
    """The frame as JSON fields: kind, id, type, len, value (in the unit that kind or key names; None: unreadable)."""
    fields: dict[str, object] = {
        "kind": KINDS.get(frame.kind, "unknown"),
        "id": f"0x{frame.ident:04X}",
        "type": f"0x{frame.kind:04X}",
        "len": len(frame.data),
        "value": _VALUES[frame.kind](frame.data) if frame.data and frame.kind in _VALUES else None,
    }
    if not frame.data and frame.kind in _COMMANDS:
        fields["command"] = _COMMANDS[frame.kind]
    elif frame.data and fields["value"] is None:
        fields["hex"] = frame.data.hex()
    return fields


def _rounded(value: float | None) -> float | None:
    return round(value, 6) if value is not None and isfinite(value) else None


def _phases_value(data: bytes) -> object:
    values = phases(data)
    return values and [_rounded(value) for value in values]


def _distance_value(data: bytes) -> object:
    found = distance(data)
    return found and {"flag": found[0], "cm": _rounded(found[1])}


def _targets_value(data: bytes) -> object:
    found = targets(data)
    if found is None:
        return None
    return [
        {
            "x_m": _rounded(target.x_m),
            "y_m": _rounded(target.y_m),
            "z_m": _rounded(target.z_m),
            "speed_m_s": _rounded(target.doppler * DOPPLER_M_S),
            "cluster": target.cluster,
        }
        for target in found
    ]


def _points_value(data: bytes) -> object:
    """0A08 comes laid out as 0A04 (MR60BHA2) or, without a count, as 20-byte points (LD6002B)."""
    found = _targets_value(data)
    if found is not None or len(data) % _CLOUD_POINT.size:
        return found
    return [
        {"x_m": _rounded(x), "y_m": _rounded(y), "z_m": _rounded(z), "speed_m_s": _rounded(speed), "cluster": cluster}
        for cluster, x, y, z, speed in _CLOUD_POINT.iter_unpack(data)
    ]


def _position_value(data: bytes) -> object:
    if len(data) not in (8, 12):
        return None
    return [_rounded(value) for (value,) in _FLOAT.iter_unpack(data)]


def _version_value(data: bytes) -> object:
    parts = version(data)
    return parts and dict(zip(("project", "major", "sub", "modified"), parts, strict=True))


def _tile_value(data: bytes) -> object:
    """Zero-Doppler (re, im) of the 8 range rows, 45.9-86.1 cm."""
    return [list(row) for row in _TILE_ROW.iter_unpack(data)] if len(data) == TILE_SIZE else None


_VALUES: dict[int, Callable[[bytes], object]] = {
    PHASES: _phases_value,
    BREATH_RATE: lambda data: _rounded(number(data)),
    HEART_RATE: lambda data: _rounded(number(data)),
    DISTANCE: _distance_value,
    TARGETS: _targets_value,
    POINTS: _points_value,
    POSITION: _position_value,
    STATUS: lambda data: int.from_bytes(data, "little") if len(data) == 2 else None,
    PRESENCE: present,
    TEXT: lambda data: data.decode("ascii", "replace"),
    VERSION: _version_value,
    TILE_A: _tile_value,
    TILE_C: _tile_value,
    CONTROL: lambda data: int.from_bytes(data, "little") if len(data) == 4 else None,
}
