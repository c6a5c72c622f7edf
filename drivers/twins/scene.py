"""What is before the radar, as every twin is told it: one stretch of time at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from drivers.readings import Module

BLOCK_S = 600.0  # a night is spoken in stretches, so that its memory does not grow with its length


class Scene(NamedTuple):
    """A stretch of time on any rising grid (the simulator's is 20 Hz); every array has the length of ``t_s``."""

    t_s: NDArray[np.float64]
    displacement_mm: NDArray[np.float64]  # of the nearest chest towards the radar; NaN when nobody is there
    distance_m: NDArray[np.float64]  # to the nearest chest; NaN when nobody is there
    moving: NDArray[np.float64]  # 0 breathing only, from 0.5 a body movement, 1 the strongest
    others_m: NDArray[np.float64] | None = None  # (n, others, 2): x and y of other bodies, NaN when not there

    def at(self, t_s: NDArray[np.float64]) -> Scene:
        """The scene at other instants: displacement between its points, the rest as last said."""
        last = np.clip(np.searchsorted(self.t_s, t_s, side="right") - 1, 0, len(self.t_s) - 1)
        return Scene(
            t_s,
            np.interp(t_s, self.t_s, self.displacement_mm),
            self.distance_m[last],
            self.moving[last],
            None if self.others_m is None else self.others_m[last],
        )

    def blocks(self, block_s: float = BLOCK_S) -> Iterator[Scene]:
        """The same scene in stretches of ``block_s``; each begins with the last point of the one before."""
        edges = np.searchsorted(self.t_s, np.arange(self.t_s[0] + block_s, self.t_s[-1], block_s))
        start = 0
        for end in [*edges.tolist(), len(self.t_s) - 1]:
            cut = slice(start, end + 1)
            others_m = None if self.others_m is None else self.others_m[cut]
            yield Scene(self.t_s[cut], self.displacement_mm[cut], self.distance_m[cut], self.moving[cut], others_m)
            start = end


class Twin(Protocol):
    """A radar module seen from its own side of the wire."""

    frozen: bool  # the module's chest signal stands still while the module goes on talking
    baud: int

    @property
    def module(self) -> Module:
        """The protocol that it speaks."""

    def restart(self) -> None:
        """Power was lost and came back: what the host had set is forgotten."""

    def speak(self, scene: Scene) -> list[tuple[float, bytes]]:
        """What leaves the module over the stretch of ``scene``, which follows the stretch before."""

    def hear(self, t_s: float, data: bytes) -> bytes:
        """Answers to bytes that came from the host at ``t_s``."""


class Ticks:
    """The instants of a module's own clock, counted on from call to call."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._next: int | None = None

    def until(self, scene: Scene) -> NDArray[np.int64]:
        """Numbers of the ticks that fall before the end of ``scene`` and were not given yet; tick k is at k / rate."""
        start = int(np.ceil(scene.t_s[0] * self._rate_hz - 1e-9)) if self._next is None else self._next
        end = max(start, int(np.ceil(scene.t_s[-1] * self._rate_hz - 1e-9)))
        self._next = end
        return np.arange(start, end)
