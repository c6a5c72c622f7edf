"""Half hours before set times, and what ways to wake do in them: a policy's, a fixed time, true stages.

Optimal stopping with true stages: V(k) = max(u - c k, E V(k - 1)), k epochs before the set time, c the price of one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from appliance.smart import DEEP, GOOD
from models.contract import EPOCH_S
from models.training.mornings import WINDOW_S, Morning

STEP_S = 13  # between rows that are learnt from: no part of an epoch, so that rows stand everywhere in one
WORTH = np.array([1.0, 0.0, -1.0])  # of GOOD, REM, DEEP

Floats = NDArray[np.float64]


class Outcome(NamedTuple):
    """What a way to wake did in many windows: (windows,) each."""

    kind: NDArray[np.int8]  # GOOD, REM or DEEP at the ring
    given_up_min: Floats
    person: NDArray[np.int64]  # number of the night

    @property
    def good(self) -> float:
        """Share of rings in light sleep or wake."""
        return float((self.kind == GOOD).mean())

    @property
    def deep(self) -> float:
        """Share of rings in deep sleep."""
        return float((self.kind == DEEP).mean())

    @property
    def minutes(self) -> float:
        """Mean minutes given up."""
        return float(self.given_up_min.mean())


@dataclass(frozen=True)
class Windows:
    """The half hours before the set times of many nights, second by second, as rows of the nights' evidence."""

    mornings: Sequence[Morning]
    night: NDArray[np.int64]  # (windows,)
    row: NDArray[np.int64]  # (windows,) of the set time in that night

    @classmethod
    def of(cls, mornings: Sequence[Morning]) -> Windows:
        """Every window of these mornings."""
        both = [(k, row) for k, morning in enumerate(mornings) for row in morning.set_times()]
        night, row = np.array(both, np.int64).reshape(-1, 2).T
        return cls(mornings, night, row)

    def some(self, nights: NDArray[np.bool_]) -> Windows:
        """Those of some nights."""
        keep = nights[self.night]
        return replace(self, night=self.night[keep], row=self.row[keep])

    def learnt(self) -> tuple[Floats, NDArray[np.int8], Floats, NDArray[np.int8]]:
        """Rows without doubt: evidence (n, evidence), kind now, minutes left, kind at the set time."""
        parts = []
        for night, row in zip(self.night, self.row, strict=True):
            morning = self.mornings[night]
            at = np.arange(row - WINDOW_S, row, STEP_S)
            at = at[np.isfinite(morning.evidence[at, 0])]
            last = np.full(at.size, morning.kind[row])
            parts.append((morning.evidence[at], morning.kind[at], (row - at) / 60.0, last))
        evidence, kind, left_min, last = (np.concatenate(column) for column in zip(*parts, strict=True))
        return evidence.astype(np.float64), kind, left_min, last

    def rung(self, advantages: Sequence[NDArray[np.float32]], price: float) -> Outcome:
        """Ring at the first second whose advantage pays for the minutes left, else at the set time.

        ``advantages`` are (WINDOW_S,) for each window: what this moment is better than the set time, NaN never.
        """
        cost = price * np.arange(WINDOW_S, 0, -1) / 60.0
        left_s = np.array([_first(advantage >= cost) for advantage in advantages])
        kinds = [self.mornings[n].kind[r - left] for n, r, left in zip(self.night, self.row, left_s, strict=True)]
        return Outcome(np.array(kinds), left_s / 60.0, self.night)


def _first(good: NDArray[np.bool_]) -> int:
    """Seconds left at the first good one; 0 where there is none."""
    return int(WINDOW_S - good.argmax()) if good.any() else 0


def price_for(minutes_at: Callable[[float], float], minutes: float) -> float:
    """The price at which so many minutes are given up, by halving; the dearer a minute, the fewer are."""
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2.0
        low, high = (middle, high) if minutes_at(middle) > minutes else (low, middle)
    return high


def at_a_fixed_time(windows: Windows) -> Outcome:
    """At the set time."""
    kinds = [windows.mornings[n].kind[r] for n, r in zip(windows.night, windows.row, strict=True)]
    return Outcome(np.array(kinds), np.zeros(len(kinds)), windows.night)


def at_first_light(windows: Windows) -> Outcome:
    """At the first truly light or wake moment."""
    light = (_true(windows, k) == GOOD for k in range(len(windows.night)))
    return windows.rung([np.where(one, 1.0, np.nan).astype(np.float32) for one in light], 0.0)


def with_true_stages(windows: Windows, minutes: float) -> Outcome:
    """Optimal stopping at so many minutes given up, with true stages and the chances of these very nights."""
    epochs = WINDOW_S // EPOCH_S
    paths = np.array([_true(windows, k)[::EPOCH_S] for k in range(len(windows.night))])
    last = np.array([windows.mornings[n].kind[r] for n, r in zip(windows.night, windows.row, strict=True)])
    paths = np.column_stack((paths, last))
    counts = np.full((3, 3), 1e-6)
    for morning in windows.mornings:
        kinds = morning.kind[::EPOCH_S]
        np.add.at(counts, (kinds[:-1], kinds[1:]), 1.0)
    chances = counts / counts.sum(axis=1, keepdims=True)

    def rung(price: float) -> Outcome:
        value = WORTH.copy()
        stops = np.ones((epochs + 1, 3), bool)
        for left in range(1, epochs + 1):
            stay, now = chances @ value, WORTH - price * left * EPOCH_S / 60.0
            stops[epochs - left] = now >= stay
            value = np.maximum(now, stay)
        at = stops[np.arange(epochs + 1)[None], paths].argmax(axis=1)
        return Outcome(paths[np.arange(len(paths)), at], (epochs - at) * EPOCH_S / 60.0, windows.night)

    # Few prices change anything, so the minutes are met by taking the dearer one in part of the windows.
    price = price_for(lambda price: rung(price).minutes, minutes)
    dear, cheap = rung(price), rung(price * (1.0 - 1e-6))
    gap = cheap.minutes - dear.minutes
    share = (minutes - dear.minutes) / gap if gap > 0.0 else 0.0
    swap = np.random.default_rng(0).random(len(dear.kind)) < share
    return Outcome(
        np.where(swap, cheap.kind, dear.kind), np.where(swap, cheap.given_up_min, dear.given_up_min), windows.night
    )


def _true(windows: Windows, k: int) -> NDArray[np.int8]:
    row = int(windows.row[k])
    return windows.mornings[int(windows.night[k])].kind[row - WINDOW_S : row]


class Gain(NamedTuple):
    """What a way to wake is better than the fixed time, with 95 % intervals over nights: (value, low, high) each."""

    good: tuple[float, float, float]  # share of rings in light sleep or wake, more
    deep: tuple[float, float, float]  # share of rings in deep sleep, more
    of_the_way: tuple[float, float, float]  # of the good ones, as a share of the optimum's gain


def gain(ours: Outcome, fixed: Outcome, best: Outcome, draws: int = 1000) -> Gain:
    """In the same windows; nights are drawn with replacement, since the windows of one are alike."""
    random = np.random.default_rng(0)
    nights, row = np.unique(ours.person, return_inverse=True)
    picks = np.vstack((np.arange(nights.size), random.integers(nights.size, size=(draws, nights.size))))

    def summed(values: NDArray[Any]) -> Floats:
        of_night: Floats = np.bincount(row, values.astype(float), nights.size)
        drawn: Floats = of_night[picks].sum(axis=1)
        return drawn

    windows = summed(np.ones(row.size))
    good, at_fixed, at_best = (summed(one.kind == GOOD) for one in (ours, fixed, best))
    deep = summed(ours.kind == DEEP) - summed(fixed.kind == DEEP)
    # Where nobody can gain there is no way to go a share of.
    way = at_best - at_fixed
    share = np.divide(good - at_fixed, way, out=np.full(way.shape, np.nan), where=way > 0.0)
    return Gain(_interval((good - at_fixed) / windows), _interval(deep / windows), _interval(share))


def _interval(drawn: Floats) -> tuple[float, float, float]:
    """The value, which is the first, and 95 % of the others."""
    low, high = np.nanquantile(drawn[1:], (0.025, 0.975))
    return float(drawn[0]), float(low), float(high)
