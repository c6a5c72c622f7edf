"""What is before the radar, as every twin is told it: one stretch of time at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from drivers.readings import Module

BLOCK_S = 600.0  # a night is spoken in stretches, so that its memory does not grow with its length
CHEST_M = 0.6  # where a chest that faces the radar echoes with strength 1
NEAREST_M = 0.2  # echoes grow no stronger than from here

Values = NDArray[np.float64]


class Body(NamedTuple):
    """A sleeper, a pet or a thing that stirs; arrays have the length of the scene's ``t_s``.

    ``distance_m`` and ``displacement_mm`` are NaN while it is not there.
    """

    displacement_mm: Values  # towards the radar, along the line of sight
    distance_m: Values  # along the line of sight
    moving: Values  # 0 breathing only, from 0.5 the whole body, 1 the strongest
    x_m: Values | float = 0.05  # to the radar's right
    echo: Values | float = 1.0  # amplitude relative to a chest that faces the radar, both at the same range

    def at(self, row: NDArray[np.int64] | slice) -> Body:
        """The same body at some rows of its arrays."""
        x_m = self.x_m if isinstance(self.x_m, float) else self.x_m[row]
        echo = self.echo if isinstance(self.echo, float) else self.echo[row]
        return Body(self.displacement_mm[row], self.distance_m[row], self.moving[row], x_m, echo)

    @property
    def there(self) -> NDArray[np.bool_]:
        """Where there is something to be seen of it."""
        there: NDArray[np.bool_] = np.isfinite(self.distance_m) & np.isfinite(self.displacement_mm)
        return there

    @property
    def angle_deg(self) -> Values:
        """Off the radar's axis, to the right."""
        angle: Values = np.degrees(np.arcsin(np.clip(self.x_m / self.distance_m, -1.0, 1.0)))
        return angle

    def beam(self, half_deg: float) -> Values:
        """Share of the amplitude that is left off the axis: half where the beam is 3 dB down, out and back again."""
        beam: Values = 0.5 ** ((self.angle_deg / half_deg) ** 2)
        return beam

    def strength(self, half_deg: float) -> Values:
        """Amplitude of its echo relative to a chest on the axis at CHEST_M, 0 where it is not there.

        A radar's power falls with the fourth power of the range, its amplitude with the square.
        """
        fall = (CHEST_M / np.maximum(self.distance_m, NEAREST_M)) ** 2
        return np.where(self.there, self.echo * self.beam(half_deg) * fall, 0.0)


class Scene(NamedTuple):
    """A stretch of time on any rising grid (the simulator's is 20 Hz)."""

    t_s: Values
    bodies: tuple[Body, ...] = ()
    noise: Values | None = None  # of another radar: times by which the noise floor is raised for some ms, 0 none
    box_mm: Values | None = None  # the box's own displacement towards the room: what stands there seems to move

    @classmethod
    def of_one(cls, t_s: Values, displacement_mm: Values, distance_m: Values, moving: Values | None = None) -> Scene:
        """One body alone, straight before the radar."""
        return cls(t_s, (Body(displacement_mm, distance_m, np.zeros(len(t_s)) if moving is None else moving),))

    def at(self, t_s: Values) -> Scene:
        """The scene at other instants: displacements between its points, the rest as last said."""
        last = np.clip(np.searchsorted(self.t_s, t_s, side="right") - 1, 0, len(self.t_s) - 1)
        bodies = tuple(
            body.at(last)._replace(displacement_mm=np.interp(t_s, self.t_s, body.displacement_mm))
            for body in self.bodies
        )
        noise = None if self.noise is None else self.noise[last]
        box_mm = None if self.box_mm is None else np.interp(t_s, self.t_s, self.box_mm)
        return Scene(t_s, bodies, noise, box_mm)

    def blocks(self, block_s: float = BLOCK_S) -> Iterator[Scene]:
        """The same scene in stretches of ``block_s``; each begins with the last point of the one before."""
        edges = np.searchsorted(self.t_s, np.arange(self.t_s[0] + block_s, self.t_s[-1], block_s))
        start = 0
        for end in [*edges.tolist(), len(self.t_s) - 1]:
            cut = slice(start, end + 1)
            yield Scene(
                self.t_s[cut],
                tuple(body.at(cut) for body in self.bodies),
                None if self.noise is None else self.noise[cut],
                None if self.box_mm is None else self.box_mm[cut],
            )
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
