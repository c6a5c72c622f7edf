"""Bodies of which a module tells only the place, followed from second to second: no chest of theirs can be heard."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from drivers.readings import Target

SAME_M = 0.35  # two sightings nearer to each other than this are one body
PROVEN_S = 3.0  # of being seen, before it is taken for one
FADES_S = 6.0  # a still body is missed for seconds on end
FORGET_S = 30.0
FOLLOW = 0.1  # of the way to each new place, some eight times a second
MOST = 6


@dataclass(slots=True)
class _Body:
    distance_m: float
    first_t_s: float
    last_t_s: float


class Targets:
    """The module's lists of targets in; constant memory."""

    def __init__(self) -> None:
        self._bodies: list[_Body] = []

    def update(self, t_s: float, targets: Sequence[Target]) -> None:
        """The targets that the module told at ``t_s``."""
        places = [math.hypot(target.x_m, target.y_m) for target in targets]
        for body in sorted(self._bodies, key=lambda body: body.first_t_s):
            near = min(places, key=lambda m: abs(m - body.distance_m), default=math.inf)
            if abs(near - body.distance_m) < SAME_M:
                places.remove(near)
                body.distance_m += FOLLOW * (near - body.distance_m)
                body.last_t_s = t_s
        self._bodies += [_Body(m, t_s, t_s) for m in places[: MOST - len(self._bodies)]]
        self._bodies = [body for body in self._bodies if t_s - body.last_t_s < FORGET_S]

    def besides(self, t_s: float, chest_m: float) -> list[tuple[float, float]]:
        """(distance, confidence 0-1) of each body at ``t_s`` but the one whose chest is heard at ``chest_m``."""
        return [
            (body.distance_m, _confidence(body, t_s))
            for body in self._bodies
            if not abs(body.distance_m - chest_m) < SAME_M
        ]

    def clear(self) -> None:
        """Nobody is there."""
        self._bodies.clear()


def _confidence(body: _Body, t_s: float) -> float:
    proven = min((body.last_t_s - body.first_t_s) / PROVEN_S, 1.0)
    return 0.95 * proven * math.exp(-max(t_s - body.last_t_s - 1.0, 0.0) / FADES_S)
