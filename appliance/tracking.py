"""Is whoever is there the sleeper whom the box belongs to?  For now the nearest target is taken for that person."""

from __future__ import annotations

import math
from typing import NamedTuple

from appliance.displacement import Tick
from appliance.respiration import Breathing

REACH_M = 1.0  # beyond it lies the far side of a bed (0.8-1.4 m from the box)
MEMORY_S = 60.0  # over which the distance is followed
DOUBT_M = 0.1  # width of the doubt about it


class PrimaryUser(NamedTuple):
    """Whether the person present is the sleeper."""

    is_primary: bool
    confidence: float  # 0-1
    reason: str


class PrimaryUserTracker:
    """Follows the distance of the nearest target while somebody is present.

    A module that tells no distance, or one target only, cannot tell people apart: then the one who is there counts.
    """

    def __init__(self, bed_side: str = "left") -> None:
        self.bed_side = bed_side  # for modules that tell left from right
        self._distance_m = math.nan
        self._t_s = -math.inf

    def update(self, tick: Tick, breathing: Breathing | None = None) -> PrimaryUser:
        """Take one tick of somebody present."""
        if tick.distance_m == tick.distance_m:
            dt_s = tick.t_s - self._t_s
            if not dt_s < MEMORY_S or self._distance_m != self._distance_m:
                self._distance_m = tick.distance_m
            else:
                self._distance_m += dt_s / MEMORY_S * (tick.distance_m - self._distance_m)
            self._t_s = tick.t_s
        if tick.t_s - self._t_s > MEMORY_S:
            return PrimaryUser(True, 0.5, "no distance to tell people by")
        near = 1.0 / (1.0 + math.exp((self._distance_m - REACH_M) / DOUBT_M))
        return PrimaryUser(near >= 0.5, max(near, 1.0 - near), f"nearest target at {self._distance_m:.1f} m")
