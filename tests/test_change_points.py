"""Change points against every way that there is, and what one noisy minute may do."""

from __future__ import annotations

import time
from itertools import pairwise, product

from hypothesis import given
from hypothesis import strategies as st

from appliance.change_points import OnlinePath, cheapest_path

# Whole numbers, so that equal totals are equal to the last bit.
SIZES = st.integers(2, 3)


@st.composite
def problems(draw: st.DrawFn, longest: int = 7) -> tuple[list[list[float]], list[list[float]]]:
    states = draw(SIZES)
    number = st.integers(0, 9).map(float)
    row = st.lists(number, min_size=states, max_size=states)
    penalties = [[0.0 if a == b else 1.0 + draw(number) for b in range(states)] for a in range(states)]
    return draw(st.lists(row, min_size=1, max_size=longest)), penalties


def total(path: list[int] | tuple[int, ...], costs: list[list[float]], penalties: list[list[float]]) -> float:
    held = sum(cost[state] for cost, state in zip(costs, path, strict=True))
    return held + sum(penalties[a][b] for a, b in pairwise(path))


@given(problems())
def test_no_other_path_is_cheaper(problem: tuple[list[list[float]], list[list[float]]]) -> None:
    costs, penalties = problem

    every = product(range(len(penalties)), repeat=len(costs))
    least = min(total(path, costs, penalties) for path in every)
    assert total(cheapest_path(costs, penalties), costs, penalties) == least


@given(problems(longest=60))
def test_live_with_time_enough_says_what_hindsight_says(problem: tuple[list[list[float]], list[list[float]]]) -> None:
    costs, penalties = problem
    online = OnlinePath(penalties, lag=len(costs))
    settled = [state for cost in costs for state in online.update(cost)]
    assert online.forced == 0
    assert settled + online.open() == cheapest_path(costs, penalties)


@given(problems(longest=60), st.integers(0, 8))
def test_live_settles_within_its_lag(problem: tuple[list[list[float]], list[list[float]]], lag: int) -> None:
    costs, penalties = problem
    online = OnlinePath(penalties, lag)
    settled: list[int] = []
    for k, cost in enumerate(costs):
        settled += online.update(cost)
        assert len(settled) >= k + 1 - lag
        assert len(settled) + len(online.open()) == k + 1
    if online.forced == 0:
        assert settled == cheapest_path(costs, penalties)[: len(settled)]


@given(st.integers(2, 40), st.integers(2, 40), st.data())
def test_one_noisy_minute_changes_nothing(before: int, after: int, data: st.DataObject) -> None:
    """Costs lie between 0 and 9, a change costs 10: two epochs together save 18 at most, and cost two changes."""
    clear = [[0.0, 9.0]] * before + [[9.0, 0.0]] * after
    at = data.draw(st.integers(0, len(clear) - 2).filter(lambda k: k + 2 <= before - 2 or k >= before + 2))
    if at == 0 or at + 2 == len(clear):
        return  # the first and the last minute have only one side
    noise = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda pair: [float(n) for n in pair])
    noisy = [*clear[:at], data.draw(noise), data.draw(noise), *clear[at + 2 :]]
    penalties = [[0.0, 10.0], [10.0, 0.0]]
    assert cheapest_path(noisy, penalties) == [0] * before + [1] * after


def test_a_step_is_found_where_it_is() -> None:
    # By hand: 3 epochs of state 0, one that says nothing, 3 of state 1; of equals the early change stands.
    costs = [[0.0, 4.0]] * 3 + [[0.0, 0.0]] + [[4.0, 0.0]] * 3
    assert cheapest_path(costs, [[0.0, 5.0], [5.0, 0.0]]) == [0, 0, 0, 1, 1, 1, 1]
    assert cheapest_path(costs, [[0.0, 13.0], [13.0, 0.0]]) == [0] * 7  # the change is not worth it


def test_nothing_is_no_path() -> None:
    assert cheapest_path([], [[0.0, 1.0], [1.0, 0.0]]) == []


def test_a_night_of_twelve_hours_is_quick() -> None:
    costs = [[k % 3, (k * k) % 3, 2.0 - k % 3] for k in range(1440)]
    penalties = [[0.0, 3.0, 3.0], [3.0, 0.0, 3.0], [3.0, 3.0, 0.0]]
    times = []
    for _ in range(3):
        start = time.perf_counter()
        cheapest_path(costs, penalties)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.050
