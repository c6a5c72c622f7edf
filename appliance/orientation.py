"""Which way is in: whether the displacement rises or falls when somebody inhales.

A radar cannot know it: with a turn of the body the strongest echo may come from another side of it, and the breath
turns over.  But breathing is not even: who has breathed out rests, who has breathed in does not, so a breath dwells at
its exhaled end.  In 96 % of two-minute pieces of belts worn by sleepers that shows by itself; every breath adds to it,
and what was known before a movement still counts for something after it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

GAIN = 0.4  # nats a breath of the highest asymmetry: most likely for belts, whose sign is known
MOST = 4.0  # nats: people differ, so that no number of breaths makes it surer than 98 %
TOLD = 0.8  # confidence from which a sign is told
FLIP_MOVED = 0.25  # chance that a movement turns the signal over
FLIP_BROKE = 0.05  # and that a break without one does
FEWEST = 10  # samples of a breath


class Orientation:
    """Whole breaths in, a sign with its confidence; constant memory."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Somebody else, or nobody."""
        self._nats = 0.0  # for rising with the breath in

    def update(self, breath: Sequence[float]) -> None:
        """Take the displacement of one breath, from a turn to the next of the same kind, even in time."""
        if len(breath) >= FEWEST:
            self._nats = max(-MOST, min(MOST, self._nats + GAIN * dwelling(breath)))

    def interrupt(self, moved: bool) -> None:
        """The signal broke, or the body moved: it may have turned over."""
        flip = FLIP_MOVED if moved else FLIP_BROKE
        rises = 1.0 / (1.0 + math.exp(-self._nats))
        rises = rises * (1.0 - flip) + (1.0 - rises) * flip
        self._nats = math.log(rises / (1.0 - rises))

    @property
    def confidence(self) -> float:
        """0.5 (nothing is known) to 1."""
        return 1.0 / (1.0 + math.exp(-abs(self._nats)))

    @property
    def sign(self) -> int | None:
        """+1: the displacement rises with the breath in; -1: it falls; None: not known well enough."""
        if self.confidence < TOLD:
            return None
        return 1 if self._nats > 0.0 else -1


def dwelling(breath: Sequence[float]) -> float:
    """-1 to 1: above 0 where a breath spends more of its time at its low end; 0 for a sine; its drift is taken off."""
    drift = (breath[-1] - breath[0]) / (len(breath) - 1)
    ordered = sorted(value - drift * k for k, value in enumerate(breath))
    low, middle, high = (ordered[round(share * (len(ordered) - 1))] for share in (0.1, 0.5, 0.9))
    return (high + low - 2.0 * middle) / (high - low) if high > low else 0.0
