"""The oracle that the stager's simulated figures stand beside."""

from __future__ import annotations

import numpy as np
import pytest

from models.sleeper import simulate_night
from models.training.ceiling import Job, filtered, oracle, transitions
from models.training.dataset import NO_STAGE, Night, Order, epochs_of_night


def test_transitions_are_of_neighbours_that_both_have_a_stage() -> None:
    """0 0 1, a hole, 1: 0 to 0, 0 to 1, and nothing of 1; half of one is added to each."""
    stages = np.array([0, 0, 1, NO_STAGE, 1], np.int8)
    moves = transitions([Night("n", np.zeros((5, 1), np.float32), stages)])
    assert moves[0] == pytest.approx([1.5 / 4, 1.5 / 4, 0.5 / 4, 0.5 / 4])
    assert moves[1] == pytest.approx([0.25] * 4)
    assert moves.sum(axis=1) == pytest.approx([1.0] * 4)


def test_filtering_by_hand() -> None:
    """Two stages that stay with 0.9: 2:1 for the first, then nothing known, then 1:4.

    Forward: 2/3; 2/3 * .9 + 1/3 * .1 = .6333; .6333 * .9 + .3667 * .1 = .6067, times 1 against .3933 * 4: .2783.
    Backward at the last but one: .9 * 1 + .1 * 4 = 1.3 against .1 + 3.6 = 3.7: .6333 * 1.3 / (.6333 * 1.3
    + .3667 * 3.7), which is .3777.
    """
    moves = np.array([[0.9, 0.1], [0.1, 0.9]])
    live, morning = filtered(np.array([[2.0, 1.0], [1.0, 1.0], [1.0, 4.0]]), moves)
    assert live[:, 0] == pytest.approx([0.6667, 0.6333, 0.2783], abs=1e-4)
    assert morning[1:, 0] == pytest.approx([0.3777, 0.2783], abs=1e-4)


@pytest.mark.slow
def test_the_oracle_stages_the_night_of_that_seed() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn comes with the train extra")
    known = oracle(Job(100_000, "belt", 2))
    _, stages = epochs_of_night(Order(100_000, "belt", False))
    assert known.truth.shape == stages.shape == simulate_night(100_000, "belt").stage.shape
    there = known.truth != NO_STAGE
    assert (known.truth[there] == stages[there]).all()
    assert (known.morning[there] == known.truth[there]).mean() > np.bincount(known.truth[there]).max() / there.sum()
