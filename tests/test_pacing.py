"""Even sample times out of uneven arrivals."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drivers.pacing import SamplePacer


def paced(arrivals_s: list[float], period_s: float = 1 / 16) -> list[float]:
    """Times of samples that arrived one by one; those of the same instant came in one read."""
    pacer, times = SamplePacer(period_s), []
    for t_s in sorted(set(arrivals_s)):
        count = arrivals_s.count(t_s)
        start_s, step_s = pacer.advance(t_s, count)
        times += [start_s + step_s * index for index in range(1, count + 1)]
    return times


def test_even_arrivals_are_kept_as_they_are() -> None:
    arrivals_s = [5 + index / 16 for index in range(200)]
    assert paced(arrivals_s) == arrivals_s


def test_reads_a_tenth_of_a_second_apart_leave_a_few_milliseconds_of_jitter() -> None:
    true_s = [5 + index / 15.6 for index in range(800)]
    arrivals_s = [math.ceil(t_s * 10) / 10 for t_s in true_s]
    errors_s = [got - true for got, true in zip(paced(arrivals_s), true_s, strict=True)][100:]
    assert max(errors_s) - min(errors_s) < 0.015
    raw_s = [got - true for got, true in zip(arrivals_s, true_s, strict=True)]
    assert max(raw_s) - min(raw_s) > 0.09


def test_a_pause_stays_where_it_was() -> None:
    before_s = [5 + index / 16 for index in range(100)]
    after_s = [20 + index / 16 for index in range(100)]
    assert paced(before_s + after_s) == before_s + after_s


def test_nothing_is_sampled_before_the_clocks_zero() -> None:
    start_s, step_s = SamplePacer(0.1).advance(0.5, 10)
    assert start_s + step_s >= 0.0
    assert start_s + 10 * step_s == 0.5


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 50)), max_size=40))
def test_times_never_go_back(reads: list[tuple[float, int]]) -> None:
    pacer, times, t_s = SamplePacer(1 / 16), [], 1.0
    for wait_s, count in reads:
        t_s += wait_s
        start_s, step_s = pacer.advance(t_s, count)
        times += [start_s + step_s * index for index in range(1, count + 1)]
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(times))
