"""What is said of real nights and of kinds of sleepers: shares, course, pictures and bands, on nights made by hand."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from models.contract import SleepStage
from models.sleeper import simulate_night
from models.training import kinds, people
from models.training.dataset import Night

W, L, D, R = (int(s) for s in (SleepStage.WAKE, SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM))


def night(*runs: tuple[int, int]) -> people.Stages:
    return np.concatenate([np.full(count, stage, np.int8) for stage, count in runs])


def test_shares_are_of_the_sleep_period_and_of_sleep() -> None:
    """Ten wake before sleep do not count; 4 wake of 20 scored in the period; 8, 4 and 4 of 16 asleep."""
    stages = night((W, 10), (L, 8), (W, 4), (-1, 5), (D, 4), (R, 4), (W, 7))
    assert people.shares(stages) == pytest.approx([20.0, 50.0, 25.0, 25.0])
    assert np.isnan(people.shares(night((W, 5)))).all()


def test_the_course_of_a_night() -> None:
    """Thirds of 60: deep in 30 epochs of the first and 10 of the second; REM in 0, 20 and 10."""
    stages = night((L, 30), (D, 30), (L, 30), (D, 10), (R, 20), (L, 20), (R, 1), (L, 30), (R, 9))
    early, rising, periods = people.course(stages)
    assert early == pytest.approx(0.75)
    assert rising == pytest.approx(10 / 60)
    assert periods == 2  # 20 epochs of light between the first two are one REM period, 30 before the third end it


def test_a_scorers_codes_become_ours() -> None:
    np.testing.assert_array_equal(people.four(np.array([0, 1, 2, 3, 4, -1])), [W, L, L, D, R, -1])


def test_a_picture_has_a_line_and_a_name_for_each_night() -> None:
    stages = night((W, 2), (-1, 3), (L, 4), (D, 1))
    root = ElementTree.fromstring(people.picture([people.BeltNight("1_20240101", stages, stages)]))
    (path,) = root.findall("{*}path")
    assert path.attrib["d"].count("M") == 2  # nothing is drawn across what was not scored
    assert [text.text for text in root.findall("{*}text")] == ["1_20240101, 0.1 h"]


def test_kinds_count_each_night_once_in_every_band() -> None:
    """Three nights, one a module; staged as they are they agree wholly."""
    staged = []
    for seed in (100_000, 100_001, 100_002):
        stages = simulate_night(seed, "radar").stage.astype(np.int8)
        p = np.eye(4)[stages]
        staged.append((Night(f"main-radar-{seed:06d}", np.zeros((stages.size, 1), np.float32), stages), p, p))
    lines = list(kinds.table(staged))
    for what in ("module", "age", "apnoeas", "chest"):
        rows = [line for line in lines if line.startswith(what)]
        assert sum(int(line.split()[-4]) for line in rows) == 3, what
    lying = [line for line in lines if line.startswith("lying")]
    assert sum(int(line.split()[-3]) for line in lying) == sum(night.stages.size for night, _, _ in staged)
    assert all(line.split()[-2:] == ["1.000", "1.000"] for line in lines[1:] if int(line.split()[-3]))
