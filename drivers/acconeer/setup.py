"""What an A121 is told to measure: ranges, sweeps and rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

BASE_STEP_M = 0.0025  # nominal; the set-up reply tells a module's own
_KEYS = ("start_point", "num_points", "step_length")


class Subsweep(NamedTuple):
    """Points at (start_point + k * step_length) x base step, k from 0 to num_points - 1."""

    start_point: int
    num_points: int
    step_length: int  # 1, 2, 4, 6, 8, 12, 24 or a multiple of 24


class SensorConfig(NamedTuple):
    """What a capture's first line tells of an Acconeer module, because only the host's own bytes hold the ranges."""

    subsweeps: tuple[Subsweep, ...] = (Subsweep(144, 12, 48),)  # 0.36-1.68 m: both sides of a bed
    sweeps_per_frame: int = 6  # with 12 points and 20 Hz about 9 kB/s, of the 11.5 that 115200 baud carry
    frame_rate: float = 20.0

    @classmethod
    def from_json(cls, value: object) -> SensorConfig:
        """The configuration in a capture's ``sensor_config``; raises ValueError with one line where it is none."""
        listed = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        entries = [entry for entry in listed if isinstance(entry, Mapping)]
        if not entries or len(entries) < len(listed):
            raise ValueError("sensor_config must be an object with start_point, num_points and step_length, or a list")
        try:
            subsweeps = tuple(Subsweep(*(int(entry[key]) for key in _KEYS)) for entry in entries)
            sweeps_per_frame, frame_rate = int(entries[0]["sweeps_per_frame"]), float(entries[0]["frame_rate"])
        except KeyError as error:
            raise ValueError(f"sensor_config lacks {error.args[0]}") from None
        except (TypeError, ValueError, OverflowError):
            raise ValueError("sensor_config: a value is no number") from None
        if any(subsweep.num_points < 1 or subsweep.step_length < 1 for subsweep in subsweeps) or sweeps_per_frame < 1:
            raise ValueError("sensor_config: num_points, step_length and sweeps_per_frame must be at least 1")
        return cls(subsweeps, sweeps_per_frame, frame_rate)

    def as_json(self) -> dict[str, Any] | list[dict[str, Any]]:
        """For a capture's first line: one object, or a list of them where there are several subsweeps."""
        shared = {"sweeps_per_frame": self.sweeps_per_frame, "frame_rate": self.frame_rate}
        entries = [{**subsweep._asdict(), **shared} for subsweep in self.subsweeps]
        return entries if len(entries) > 1 else entries[0]

    @property
    def num_points(self) -> int:
        """Points of one sweep, over all subsweeps."""
        return sum(subsweep.num_points for subsweep in self.subsweeps)

    def ranges_m(self, base_step_m: float = BASE_STEP_M) -> tuple[float, ...]:
        """Distance of each point of a sweep."""
        return tuple(
            (subsweep.start_point + index * subsweep.step_length) * base_step_m
            for subsweep in self.subsweeps
            for index in range(subsweep.num_points)
        )

    def command(self) -> dict[str, Any]:
        """The set-up command.

        Profile 5, hwaas 32 and gain 16 are those of the XM125 recordings by MindyZHAOMinzhu; the rest are the
        exploration tool's defaults.
        """
        subsweeps = [
            {
                **subsweep._asdict(),
                "profile": 5,
                "hwaas": 32,
                "receiver_gain": 16,
                "enable_tx": True,
                "enable_loopback": False,
                "phase_enhancement": False,
                "iq_imbalance_compensation": False,
                "prf": "15_6_MHz",
            }
            for subsweep in self.subsweeps
        ]
        config = {
            "subsweeps": subsweeps,
            "sweeps_per_frame": self.sweeps_per_frame,
            "sweep_rate": 0,
            "frame_rate": self.frame_rate,
            "continuous_sweep_mode": False,
            "double_buffering": False,
            "inter_frame_idle_state": "deep_sleep",
            "inter_sweep_idle_state": "ready",
        }
        return {"cmd": "setup", "groups": [[{"sensor_id": 1, "config": config}]]}
