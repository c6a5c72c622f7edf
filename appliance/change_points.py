"""Penalised change points: of all ways to cut a series into stretches of a few states, the cheapest.

A way costs what each instant costs in its state, and a penalty for each change of state.  Dynamic programming finds the
least (Viterbi 1967; as optimal partitioning, Jackson 2005): exact, and in time proportional to the length.  Where an
instant costs between 0 and c and a change costs more than c, an excursion of two instants never pays: it saves at most
2 c and costs two changes.  So one noisy minute of 30 s epochs changes nothing.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

Costs = Sequence[float]  # of each state, at one instant; 0 for all where nothing is known
Penalties = Sequence[Sequence[float]]  # [from][to]; 0 from a state to itself


def cheapest_path(costs: Sequence[Costs], penalties: Penalties) -> list[int]:
    """The state at each instant, in hindsight.  Of equals, the one that changes early."""
    totals, origins = [0.0] * len(penalties), []
    for cost in costs:
        totals, origin = _step(totals, cost, penalties)
        origins.append(origin)
    path = []
    state = totals.index(min(totals))
    for origin in reversed(origins):
        path.append(state)
        state = origin[state]
    return path[::-1]


class OnlinePath:
    """The same path while the series is still coming: a state is settled after at most ``lag`` further instants.

    What is settled is what hindsight will say, unless it had to be settled because the lag was over; ``forced`` counts
    how often that was.  Constant memory and time an instant.
    """

    def __init__(self, penalties: Penalties, lag: int) -> None:
        self._penalties = penalties
        self._lag = lag
        self._totals = [0.0] * len(penalties)
        self._origins: deque[list[int]] = deque()  # of the instants that are not settled
        self.forced = 0

    def update(self, cost: Costs) -> list[int]:
        """Take the next instant; the states that are settled by it, oldest first."""
        totals, origin = _step(self._totals, cost, self._penalties)
        least = min(totals)
        self._totals = [total - least for total in totals]
        self._origins.append(origin)
        settled = self._agreed()
        if len(self._origins) > self._lag:
            settled += self._forced()
        return settled

    def open(self) -> list[int]:
        """The states of the instants that are not settled, as they look now."""
        return self._back(self._totals.index(min(self._totals)))

    def _back(self, state: int) -> list[int]:
        path = []
        for origin in reversed(self._origins):
            path.append(state)
            state = origin[state]
        return path[::-1]

    def _agreed(self) -> list[int]:
        """Up to where every path that may still win is the same."""
        paths = [self._back(state) for state, total in enumerate(self._totals) if total < math.inf]
        settled = []
        for states in zip(*paths, strict=True):
            if len(set(states)) > 1:
                break
            settled.append(states[0])
        for _ in settled:
            self._origins.popleft()
        return settled

    def _forced(self) -> list[int]:
        """The oldest instant as the best path has it; paths that say otherwise are given up."""
        self.forced += 1
        first = self.open()[0]
        for state, total in enumerate(self._totals):
            if total < math.inf and self._back(state)[0] != first:
                self._totals[state] = math.inf
        self._origins.popleft()
        return [first]


def _step(totals: list[float], cost: Costs, penalties: Penalties) -> tuple[list[float], list[int]]:
    """The least total that ends in each state, and from which state it came; from itself where that is no dearer."""
    after, origins = [], []
    for state, own in enumerate(cost):
        best, origin = totals[state], state
        for other, total in enumerate(totals):
            if total + penalties[other][state] < best:
                best, origin = total + penalties[other][state], other
        after.append(best + own)
        origins.append(origin)
    return after, origins
