"""What a scenario's pets, things and mishaps are before the radar, and that every file of the project plays."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.scenario import Scenario, load_scenario, scene_of, simulate_scenario, wire_of
from drivers.readings import Module
from drivers.twins import Scene
from models.sleeper import SAMPLE_HZ, SimulatedNight

SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.toml"))
NIGHT = "[night]\nhours = 1.0\n"
ADA = """
[[person]]
name = "Ada"
does = [{at = 1, what = "enter"}, {at = 2, what = "try_to_sleep"}]
"""
BO = """
[[person]]
name = "Bo"
role = "partner"
does = [{at = 1, what = "enter"}, {at = 2, what = "try to sleep"}]
"""
MINUTE = 60 * SAMPLE_HZ


def played(folder: Path, text: str, seed: int = 1) -> tuple[Scenario, list[SimulatedNight], Scene]:
    path = folder / "some.toml"
    path.write_text(NIGHT + text, encoding="utf-8")
    scenario = load_scenario(path)
    nights = simulate_scenario(scenario, seed)
    return scenario, nights, scene_of(scenario, nights, seed)


def peak_hz(values: NDArray[np.float64]) -> float:
    spectrum = np.abs(np.fft.rfft(values - values.mean()))
    return float(np.argmax(spectrum) * SAMPLE_HZ / len(values))


def test_there_are_enough_situations() -> None:
    assert len(SCENARIOS) >= 27


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_scenario_of_the_project_plays_through_every_twin(path: Path) -> None:
    scenario = load_scenario(path)
    nights = simulate_scenario(scenario, 1)
    for module in Module:
        header, spoken = wire_of(scenario, nights, module, 1)
        begin = list(itertools.takewhile(lambda item: item[0] < 240.0, spoken))
        assert header.extra["scenario"] == path.stem
        assert begin[-1][0] > 238.0


@pytest.mark.parametrize("word", ["walk_over", "walk-over", "Walk over"])
def test_a_dash_or_a_space_may_stand_for_the_low_line(tmp_path: Path, word: str) -> None:
    cat = f"[[pet]]\nkind = 'cat'\ndoes = [{{at = 1, what = '{word}'}}]\n[[thing]]\nwhat = 'second radar'\n"
    scenario, _, _ = played(tmp_path, cat + "[[fault]]\nat = 1\nwhat = 'drop-out'")
    assert scenario.pets[0].does[0].what == "walk_over"
    assert scenario.things[0].what == "second_radar"
    assert scenario.faults[0].what == "drop_out"


def test_a_cat_comes_breathes_walks_over_the_sleeper_and_goes(tmp_path: Path) -> None:
    does = ((5, "enter"), (6, "sleep"), (30, "walk_over"), (31, "sleep"), (50, "leave"))
    lines = ", ".join(f"{{at = {at}, what = '{what}'}}" for at, what in does)
    cat = f"[[pet]]\nkind = 'cat'\ndistance_m = 1.1\nbreaths_per_minute = 24\ndoes = [{lines}]"
    _, _, scene = played(tmp_path, ADA + cat)
    ada, mia = scene.bodies
    assert np.isnan(mia.distance_m[: 5 * MINUTE]).all()
    assert np.isnan(mia.distance_m[51 * MINUTE :]).all()
    assert mia.distance_m[7 * MINUTE : 29 * MINUTE] == pytest.approx(1.1)
    walk_m_s = np.abs(np.diff(mia.distance_m[5 * MINUTE : 51 * MINUTE]) * SAMPLE_HZ)
    assert 0.3 <= np.nanmax(walk_m_s) <= 0.8
    sleeper_m = np.nanmedian(ada.distance_m)
    assert np.nanmin(mia.distance_m) == pytest.approx(sleeper_m - 0.1, abs=0.02)
    # Asleep, and not yet stirring: that begins three minutes after it lay down at the earliest.
    breath_mm = mia.displacement_mm[6 * MINUTE : 8 * MINUTE]
    assert peak_hz(breath_mm) == pytest.approx(24 / 60, abs=0.05)
    assert 1.0 <= np.ptp(breath_mm) <= 2.0
    assert mia.moving[9 * MINUTE : 29 * MINUTE].max() > 0.2


def test_a_fan_swings_with_one_period_for_ever_and_stops(tmp_path: Path) -> None:
    _, _, scene = played(tmp_path, "[[thing]]\nwhat = 'fan'\nat = 10\nminutes = 40\nsweep_hz = 0.1\nmm = 6")
    (fan,) = scene.bodies
    on_mm = fan.displacement_mm[10 * MINUTE : 50 * MINUTE]
    assert np.isnan(fan.distance_m[: 10 * MINUTE]).all()
    assert np.isnan(fan.distance_m[50 * MINUTE :]).all()
    assert peak_hz(on_mm) == pytest.approx(0.1)
    later = 200 * 10 * SAMPLE_HZ  # two hundred swings on
    assert np.corrcoef(on_mm[:-later], on_mm[later:])[0, 1] > 0.99
    assert np.ptp(on_mm) == pytest.approx(6.0, abs=0.4)


def test_a_curtain_sways_broadly_and_in_gusts(tmp_path: Path) -> None:
    _, _, scene = played(tmp_path, "[[thing]]\nwhat = 'curtain'")
    (curtain,) = scene.bodies
    power = np.abs(np.fft.rfft(curtain.displacement_mm)) ** 2
    hz = np.fft.rfftfreq(len(curtain.displacement_mm), 1 / SAMPLE_HZ)
    inside = (hz > 0.09) & (hz < 1.01)
    assert power[inside].sum() > 0.98 * power.sum()
    assert power.max() < 0.05 * power.sum()
    swings = np.ptp(curtain.displacement_mm.reshape(-1, 20 * SAMPLE_HZ), axis=1)
    assert swings.min() < 0.2 * swings.max()


def test_a_second_radar_strikes_while_it_is_on(tmp_path: Path) -> None:
    _, _, scene = played(tmp_path, "[[thing]]\nwhat = 'second_radar'\nat = 10\nminutes = 10")
    assert scene.noise is not None
    assert not scene.noise[: 10 * MINUTE].any()
    assert not scene.noise[20 * MINUTE :].any()
    assert 0.0 < (scene.noise[10 * MINUTE : 20 * MINUTE] > 0).mean() < 0.2


def test_a_knock_leaves_the_box_askew(tmp_path: Path) -> None:
    _, _, before = played(tmp_path, ADA)
    _, _, after = played(tmp_path, ADA + "[[fault]]\nwhat = 'knock'\nat = 30\nseconds = 2")
    (straight,), (askew,) = before.bodies, after.bodies
    knock = 30 * MINUTE
    assert (askew.distance_m[2 * MINUTE : knock] == straight.distance_m[2 * MINUTE : knock]).all()
    off_m = askew.distance_m[knock:] - straight.distance_m[knock:]
    assert 0.0 < abs(off_m[0]) <= 0.15
    assert off_m == pytest.approx(off_m[0])
    weaker = np.asarray(askew.echo)[knock:] / np.asarray(straight.echo)[knock:]
    assert 0.3 <= weaker[0] <= 0.6
    turned_deg = askew.angle_deg[knock:] - straight.angle_deg[knock:]
    assert 5.0 <= abs(turned_deg[0]) <= 20.0
    assert askew.moving[knock + SAMPLE_HZ] >= 0.8
    assert after.box_mm is not None
    assert not after.box_mm[:knock].any()


def test_large_movements_are_felt_on_the_other_side_of_the_bed(tmp_path: Path) -> None:
    _, (alone,), _ = played(tmp_path, ADA)
    _, (ada, bo), scene = played(tmp_path, ADA + BO)
    assert (ada.displacement_mm == alone.displacement_mm).all()  # another in bed leaves her own night alone
    felt = scene.bodies[0].moving - ada.moving.astype(np.float64)
    quiet = ada.moving == 0.0
    starts = [m for m, size in zip(bo.moves.start_s, bo.moves.size, strict=True) if size >= 0.5 and 120 < m < 3500]
    assert len(starts) > 3
    for start_s in starts:
        at = round((start_s + 0.5) * SAMPLE_HZ)
        assert felt[at] > 0.02 or not quiet[at]
    assert 0.0 < felt.max() <= 0.4
    assert (scene.bodies[0].displacement_mm[quiet] != ada.displacement_mm[quiet]).any()


def test_who_is_turned_away_stays_so_and_who_rolled_over_stays_there(tmp_path: Path) -> None:
    _, (night,), _ = played(tmp_path, ADA.replace('"Ada"', '"Ada"\nlies = "away"'))
    assert set(night.posture.tolist()) == {2}
    rolled = ADA.replace("sleep", 'sleep"}, {at = 20, what = "roll-to", to_m = 1.2}, {at = 21, what = "turn')
    for seed in range(3):
        _, (night,), _ = played(tmp_path, rolled, seed)
        assert np.median(night.distance_m[3 * MINUTE : 19 * MINUTE]) == pytest.approx(0.6, abs=0.15)
        later_m = night.distance_m[22 * MINUTE :]
        assert later_m == pytest.approx(1.2, abs=0.2)
