"""What every driver hands on: frozen values with units in their names.  Missing is ``None``, never zero."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # the page reads a configuration, which names modules, and must not load numpy for it
    import numpy as np
    from numpy.typing import NDArray


class DriverError(Exception):
    """A device went away or cannot be spoken to.  The caller closes, waits and opens it again."""


class Module(StrEnum):
    """The three families of radar module, named by the protocol that they speak."""

    TINYFRAME = "tinyframe"
    MICRADAR = "micradar"
    ACCONEER = "acconeer"


class Target(NamedTuple):
    """One tracked target: x left-right, y away from the radar (TinyFrame type 0A04, Micradar 80/05)."""

    x_m: float
    y_m: float
    speed_m_s: float | None


class RadarSample(NamedTuple):
    """What a radar module said about one instant; each sample carries what its frame held and ``None`` for the rest.

    A named tuple and not a frozen dataclass, because a night has a million of them.
    """

    t_s: float  # monotonic seconds at which it was true
    phase_rad: float | None = None  # TinyFrame: total phase
    wave: float | None = None  # Micradar: breathing waveform, byte - 128, arbitrary unit
    iq: NDArray[np.complex64] | None = None  # Acconeer: (points,), mean over the frame's sweeps
    ranges_m: tuple[float, ...] | None = None  # Acconeer: (points,), how far each point of ``iq`` lies
    sweep_spread: NDArray[np.float32] | None = None  # Acconeer: (points,), standard deviation over the frame's sweeps
    distance_m: float | None = None  # to the nearest target
    no_target: bool = False  # the module said that nobody is locked
    targets: tuple[Target, ...] | None = None
    movement_pct: int | None = None  # Micradar: body movement 0-100
    module_present: bool | None = None  # for diagnostics alone, as are the next two
    module_breath_brpm: float | None = None
    module_heart_bpm: float | None = None


class EnvironmentReading(NamedTuple):
    """One look at the room."""

    t_s: float
    temperature_c: float | None = None
    humidity_pct: float | None = None
    illuminance_lx: float | None = None
    co2_ppm: float | None = None
    pressure_hpa: float | None = None


@dataclass
class LinkCounters:
    """What a decoder has met so far.  ``frames`` have good checksums, either direction, unknown kinds included."""

    frames: int = 0
    bad_checksums: int = 0
    garbage_bytes: int = 0
    unknown_kinds: int = 0
    lost_frames: int = 0
