"""What the box learns of its bed over the nights: where bodies lie, and how its sleeper breathes.

Seconds are counted by distance in steps of 0.1 m; old ones fade by half once there are some two weeks of them.  The
whole of it is a few numbers, which outlive a restart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

STEP_M = 0.1
STEPS = 30  # to 3 m
FULL_S = 14 * 8 * 3600.0  # half is forgotten beyond
LEARNT_S = 2 * 3600.0  # of somebody lying there, before any of it is believed
EDGE = 0.01  # share of the lying seconds left out at either end of the bed
RATE_MEMORY_S = 40 * 3600.0


class Habits:
    """Learns second by second; constant memory."""

    def __init__(self) -> None:
        self._yours_s = [0.0] * STEPS  # breathing, lying still
        self._others_s = [0.0] * STEPS
        self._rate_brpm = math.nan
        self._rated_s = 0.0

    def lies(self, distance_m: float, yours: bool, rate_brpm: float | None = None) -> None:
        """A second of somebody breathing at ``distance_m``; the sleeper's own rate, if it is known."""
        self._count(self._yours_s if yours else self._others_s, distance_m)
        if yours and rate_brpm is not None:
            self._rated_s = min(self._rated_s + 1.0, RATE_MEMORY_S)
            before = self._rate_brpm if self._rate_brpm == self._rate_brpm else rate_brpm
            self._rate_brpm = before + (rate_brpm - before) / self._rated_s

    @property
    def learnt_s(self) -> float:
        """Seconds of somebody lying there that all this rests on."""
        return sum(self._yours_s) + sum(self._others_s)

    @property
    def usual_m(self) -> float | None:
        """Where the sleeper usually lies; None until learnt."""
        return _quantile(self._yours_s, 0.5) if sum(self._yours_s) >= LEARNT_S else None

    @property
    def other_m(self) -> float | None:
        """Where somebody else does; None until learnt."""
        return _quantile(self._others_s, 0.5) if sum(self._others_s) >= LEARNT_S else None

    @property
    def rate_brpm(self) -> float | None:
        """The sleeper's usual breathing rate; None until learnt."""
        return self._rate_brpm if self._rated_s >= LEARNT_S else None

    @property
    def bed_m(self) -> tuple[float, float] | None:
        """The bed's nearer and farther edge, as far as bodies lie; None until learnt.

        Between the box and the nearer edge one is out of bed: nobody lies there breathing.
        """
        if self.learnt_s < LEARNT_S:
            return None
        lying_s = [a + b for a, b in zip(self._yours_s, self._others_s, strict=True)]
        return _quantile(lying_s, EDGE), _quantile(lying_s, 1.0 - EDGE)

    def as_dict(self) -> dict[str, Any]:
        """For the database and a capture's first line."""
        rate = None if math.isnan(self._rate_brpm) else round(self._rate_brpm, 3)
        return {
            "yours_s": [round(s) for s in self._yours_s],
            "others_s": [round(s) for s in self._others_s],
            "rate_brpm": rate,
            "rated_s": round(self._rated_s),
        }

    def recall(self, document: Mapping[str, Any]) -> None:
        """Be what ``as_dict`` gave; raises ValueError in one line for anything else, and stays as it was."""
        try:
            yours_s, others_s = _seconds(document["yours_s"]), _seconds(document["others_s"])
            rated_s = _seconds([document["rated_s"]], 1)[0]
            rate = document["rate_brpm"]
            rate_brpm = math.nan if rate is None else float(rate)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"what was learnt of the bed cannot be read ({error})") from None
        self._yours_s, self._others_s = yours_s, others_s
        self._rated_s, self._rate_brpm = rated_s, rate_brpm

    def _count(self, seconds: list[float], distance_m: float) -> None:
        if not 0.0 <= distance_m < STEP_M * STEPS:
            return
        seconds[int(distance_m / STEP_M)] += 1.0
        if sum(seconds) > FULL_S:
            seconds[:] = [0.5 * s for s in seconds]


def _quantile(seconds: list[float], share: float) -> float:
    """Metres below which ``share`` of the seconds were counted, each step spread evenly."""
    wanted = share * sum(seconds)
    for step, count in enumerate(seconds):
        if count > 0.0 and wanted <= count:
            return STEP_M * (step + wanted / count)
        wanted -= count
    return STEP_M * STEPS


def _seconds(values: Any, length: int = STEPS) -> list[float]:
    seconds = [float(value) for value in values]
    if len(seconds) != length or not all(0.0 <= s < math.inf for s in seconds):
        raise ValueError("seconds that cannot be")
    return seconds
