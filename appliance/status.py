"""What the box is doing this second, as one small file that is replaced atomically; the page reads it, nobody else.

Numbers that are not known are None.  ``utc_s`` is the supervisor's own clock, which a simulated night runs faster: how
old the file is, is told by its modification time (``status_age_s``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from appliance.atomic import replace_file

STALE_S = 5.0  # a file older than this means that the box is not answering
TRACE_HZ = 5
TRACE_S = 20
_NUMBERS = (
    "utc_s",
    "confidence",
    "who_confidence",
    "distance_m",
    "angle_deg",
    "depth_mm",
    "rate_brpm",
    "breathing_quality",
    "stage_probability",
    "entered_utc",
    "next_alarm_utc",
    "dawn_utc",
    "pairing_until_utc",
    "speed",
)


@dataclass(frozen=True, slots=True)
class RadarStatus:
    """The radar link's health; ``fault`` is one line."""

    connected: bool = False
    module: str | None = None
    firmware: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class RoomStatus:
    """The last look at the room; None for what no sensor told."""

    temperature_c: float | None = None
    humidity_pct: float | None = None
    illuminance_lx: float | None = None
    co2_ppm: float | None = None
    pressure_hpa: float | None = None


@dataclass(frozen=True, slots=True)
class BedStatus:
    """What the box has learnt of where the bed is; distances from the box, None until learnt."""

    near_m: float | None = None  # the bed's nearer edge as far as bodies lie: nearer is between bed and box
    far_m: float | None = None
    usual_m: float | None = None  # where the sleeper usually lies
    other_m: float | None = None  # where somebody else does
    learnt_h: float = 0.0  # hours of somebody in bed that this rests on


@dataclass(frozen=True, slots=True)
class Status:
    """One second of the box."""

    utc_s: float
    present: bool | None = None  # None: not known (no radar, or standby)
    confidence: float | None = None  # of ``present``, 0-1
    presence_reason: str = ""
    who: str | None = None  # nobody, you, other, both; None: not known
    who_confidence: float | None = None  # of ``who``, 0-1
    who_reason: str = ""
    distance_m: float | None = None  # to the sleeper, or to whoever is there
    angle_deg: float | None = None  # off the radar's axis, where the module tells positions; left is negative
    depth_mm: float | None = None  # of the breaths, peak to trough, as seen from the box
    bed: BedStatus = field(default_factory=BedStatus)
    rate_brpm: float | None = None
    breathing_quality: float | None = None  # 0-1
    stage: str | None = None  # one word: wake, light, deep, rem, unscored
    stage_probability: float | None = None  # of ``stage``, 0-1
    entered_utc: int | None = None  # since when the sleeper is in bed
    session_id: int | None = None
    alarm_phase: str = "idle"  # idle, dawn, ringing, snoozed, done
    next_alarm_utc: int | None = None
    dawn_utc: int | None = None  # since or from when the lamp rises for the next set time
    alarms: tuple[Mapping[str, Any], ...] = ()  # every AlarmSetting in force, as a dict
    alarm_facts: Mapping[str, Any] = field(default_factory=dict)  # AlarmFacts as dicts, by the alarm's id
    is_reading: bool = False  # the bedtime light is on
    is_previewing: bool = False  # a dawn is shown only to be looked at
    pairing_until_utc: int | None = None  # until when a browser may pair: allowed at the button
    lamp: tuple[float, float, float] = (0.0, 0.0, 0.0)  # red, green, blue, 0-1, linear light
    standby: bool = False
    radar: RadarStatus = field(default_factory=RadarStatus)
    room: RoomStatus = field(default_factory=RoomStatus)
    clock: str = "network"  # who told the time: network, rtc, nobody, unknown
    complaints: tuple[str, ...] = ()  # one line each: configuration, model, disk, clock
    simulated: bool = False
    speed: float = 1.0
    trace: tuple[float | None, ...] = ()  # displacement of the last TRACE_S seconds at TRACE_HZ, None where missing


def write_status(path: Path, status: Status) -> None:
    """Replace the file; not durable, since /run does not outlive the box.  Raises ``OSError``."""
    data = json.dumps(_plain(asdict(status)), allow_nan=False, separators=(",", ":"))
    replace_file(path, data.encode(), durable=False)


def read_status(path: Path) -> Status | None:
    """The last status written, or None when there is none or it cannot be understood."""
    try:
        document = json.loads(path.read_bytes())
        known = {f.name for f in fields(Status)}
        values = {key: value for key, value in document.items() if key in known}
        values["radar"] = RadarStatus(**values.get("radar", {}))
        values["bed"] = BedStatus(**values.get("bed", {}))
        values["room"] = RoomStatus(**values.get("room", {}))
        values["lamp"] = _lamp(values.get("lamp", (0.0, 0.0, 0.0)))
        values["alarms"] = tuple(alarm for alarm in values.get("alarms", ()) if isinstance(alarm, dict))
        values["alarm_facts"] = dict(values.get("alarm_facts", {}))
        values["complaints"] = tuple(str(line) for line in values.get("complaints", ()))
        values["trace"] = tuple(None if v is None else float(v) for v in values.get("trace", ()))
        if not all(_is_number(values.get(key)) for key in _NUMBERS):
            return None
        return Status(**values)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def status_age_s(path: Path, now_s: float) -> float | None:
    """Seconds since the file was replaced, by the wall clock that ``now_s`` was read from; None without a file."""
    try:
        return max(now_s - path.stat().st_mtime, 0.0)
    except OSError:
        return None


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _plain(value: Any) -> Any:
    """What JSON can say of it: a NaN that slipped in is a missing value, and must not end the loop that writes it."""
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(item) for item in value]
    number = float(value)
    return round(number, 4) if math.isfinite(number) else None


def _lamp(values: Any) -> tuple[float, float, float]:
    red, green, blue = (min(max(float(value), 0.0), 1.0) for value in values)
    return red, green, blue
