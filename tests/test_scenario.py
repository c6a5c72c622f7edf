"""Scenario files: what is refused, and what a played night says on the wire and in the truth."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from appliance.scenario import (
    TRUTH_COLUMNS,
    ScenarioError,
    load_scenario,
    scene_of,
    simulate_scenario,
    wire_of,
    write_simulation,
)
from drivers.capture import Channel, open_capture
from drivers.readings import Module
from models.sleeper import SAMPLE_HZ

SCENARIOS = Path(__file__).parent / "scenarios"
SHORT = """
[night]
hours = 0.5
[[person]]
name = "Ada"
breaths_per_minute = 14
does = [{at = 1, what = "enter"}, {at = 2, what = "try_to_sleep"}, {at = 28, what = "leave"}]
"""
PARTNER = """
[[person]]
name = "Bo"
role = "partner"
does = [{at = 10, what = "enter"}]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "some.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_scenario_of_the_project_loads(path: Path) -> None:
    scenario = load_scenario(path)
    assert scenario.name == path.stem
    assert scenario.knows.modules or scenario.name == "partners_arm"  # at one range nothing tells two bodies apart


def test_alone_is_one_sleeper_for_eight_hours() -> None:
    scenario = load_scenario(SCENARIOS / "alone.toml")
    assert scenario.night.hours == 8.0
    (person,) = scenario.people
    assert person.role == "primary"
    assert person.does[0] == (3, "enter", None)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("hours = 8", "unknown key 'hours'"),
        ("[night]\nlength = 8", "[night]: unknown key 'length'; known are hours, side"),
        ("[night]\nhours = 'long'", "hours must be a number"),
        ("[night]\nhours = true", "hours must be a number"),
        ("[night]\nhours = nan", "hours must be a number"),
        ("[night]\nhours = 100", "[night] hours must be from 0.1 to 24, not 100"),
        ("[night]\nside = 3", "side must be text"),
        ("[night]\nside = 'middle'", "must be one of left, right"),
        ("night = 8", "[night] is not a table"),
        ("[[person]]\nrole = 'primary'", "name is missing"),
        ("[[person]]\nname = 'A'\nrole = 'cat'", "[[person]] A role must be one of primary, partner, child"),
        ("[[person]]\nname = 'A'\n[[person]]\nname = 'A'", "same name"),
        ("[[person]]\nname = 'A'\ndoes = [{at = 1, what = 'fly'}]", "[[person]] A does what must be one of enter"),
        ("[[person]]\nname = 'A'\ndoes = [{what = 'lie'}]", "at is missing"),
        ("[[person]]\nname = 'A'\ndoes = [{at = 900, what = 'lie'}]", "at must be from 0 to 480"),
        ("[[person]]\nname = 'A'\ndoes = [{at = 9, what = 'roll_to'}]", "to_m"),
        ("[[person]]\nname = 'A'\ndoes = 'nothing'", "write it as [[does]]"),
        ("[person]\nname = 'A'", "write it as [[person]]"),
        ("[[person]]\nname = 'A'\nlies = 'badly'", "[[person]] A lies must be one of free, back, towards, away, front"),
        ("[[pet]]\nkind = 'cow'", "[[pet]] kind must be one of cat, dog, not 'cow'"),
        ("[[pet]]\nname = 'Rex'", "[[pet]] Rex: kind is missing"),
        ("[[pet]]\nkind = 'cat'\non_bed = 1", "on_bed must be true or false, not 1"),
        ("[[pet]]\nkind = 'cat'\nside = 'left'", "[[pet]]: unknown key 'side'; known are name, kind, does, distance_m"),
        ("[[pet]]\nkind = 'cat'\nbreaths_per_minute = 90", "breaths_per_minute must be from 4 to 60, not 90"),
        ("[[pet]]\nkind = 'cat'\ndoes = [{at = 1, what = 'bark'}]", "what must be one of enter, walk_over, sleep"),
        ("[[pet]]\nkind = 'cat'\ndoes = [{at = 1, what = 'sleep', to_m = 1}]", "goes with move alone"),
        ("[[thing]]\nkind = 'fan'", "[[thing]]: unknown key 'kind'; known are what, at, minutes"),
        ("[[thing]]\nwhat = 'door'", "[[thing]] what must be one of fan, curtain, second_radar, not 'door'"),
        ("[[thing]]\nwhat = 'fan'\nsweep_hz = 2", "[[thing]] fan sweep_hz must be from 0.05 to 0.15, not 2"),
        ("[[thing]]\nwhat = 'curtain'\nmm = 5", "sweep_hz and mm go with a fan alone"),
        ("[[fault]]\nat = 3\nwhat = 'fire'", "must be one of drop_out, unplug, knock"),
        ("[knows]\nmodules = ['x4']", "must be one of tinyframe"),
        ("[knows]\nmodules = 'all'", "must be one of tinyframe"),
        ("[night", "not TOML"),
    ],
)
def test_what_is_not_understood_is_refused_in_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ScenarioError) as refusal:
        load_scenario(path)
    message = str(refusal.value)
    assert complaint in message
    assert message.startswith(str(path))
    assert "\n" not in message


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_scenario(tmp_path / "none.toml")


@pytest.mark.parametrize("module", list(Module))
def test_a_night_is_written_as_capture_and_truth(tmp_path: Path, module: Module) -> None:
    scenario = load_scenario(written(tmp_path, SHORT))
    capture, truth = tmp_path / "night.flcap", tmp_path / "truth.csv"
    shares: list[float] = []
    write_simulation(scenario, 3, module, capture, truth, shares.append)
    assert shares == [0.5, 1.0]

    with open_capture(capture) as opened:
        assert opened.header.module is module
        assert ("sensor_config" in opened.header.extra) == (module is Module.ACCONEER)
        records = list(opened)
    assert {record.channel for record in records} == {Channel.RADAR_RX}
    times = [record.t_s for record in records]
    assert times == sorted(times)
    assert 1795.0 < times[-1] < 1801.0

    with truth.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == TRUTH_COLUMNS
    assert [int(row["epoch"]) for row in rows] == list(range(60))
    assert [int(row["start_s"]) for row in rows] == list(range(0, 1800, 30))
    assert {row["stage"] for row in rows} <= {"wake", "light", "deep", "rem"}
    # In bed from minute 1 to 28, trying from minute 2: by the file itself.
    assert [row["in_bed"] for row in rows] == ["0"] * 2 + ["1"] * 54 + ["0"] * 4
    assert [row["intent"] for row in rows] == ["0"] * 4 + ["1"] * 52 + ["0"] * 4
    assert {row["person"] for row in rows} == {"Ada"}


@pytest.mark.parametrize("name", ["night.flcap", "night.flcap.gz"])
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    scenario = load_scenario(written(tmp_path, SHORT))
    captures = []
    for k, seed in enumerate((1, 1, 2)):
        folder = tmp_path / str(k)
        folder.mkdir()
        write_simulation(scenario, seed, Module.MICRADAR, folder / name, folder / "truth.csv")
        captures.append(((folder / name).read_bytes(), (folder / "truth.csv").read_bytes()))
    assert captures[0] == captures[1]
    assert captures[0][0] != captures[2][0]
    assert (captures[0][0][:2] == b"\x1f\x8b") == name.endswith(".gz")
    plain = gzip.decompress(captures[0][0]) if name.endswith(".gz") else captures[0][0]
    assert plain.startswith(b'{"format": "firstlight-capture"')


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    scenario = load_scenario(written(tmp_path, SHORT))
    with pytest.raises(ScenarioError, match="cannot be written") as refusal:
        write_simulation(scenario, 1, Module.MICRADAR, tmp_path / "none" / "x.flcap", tmp_path / "truth.csv")
    assert "\n" not in str(refusal.value)


def test_each_person_is_a_body_of_the_scene(tmp_path: Path) -> None:
    scenario = load_scenario(written(tmp_path, SHORT + PARTNER))
    nights = simulate_scenario(scenario, 5)
    scene = scene_of(scenario, nights, 5)
    together, alone = 20 * 60 * SAMPLE_HZ, round(29.5 * 60 * SAMPLE_HZ)
    ada, bo = scene.bodies
    assert ada.distance_m[together] == pytest.approx(nights[0].distance_m[together])
    assert bo.distance_m[together] == pytest.approx(nights[1].distance_m[together])
    assert np.isnan([ada.distance_m[alone], ada.displacement_mm[alone]]).all()
    assert np.isfinite([bo.distance_m[alone], bo.displacement_mm[alone]]).all()
    assert np.nanmedian(bo.distance_m) > np.nanmedian(ada.distance_m) + 0.5


def test_nobody_is_nobody(tmp_path: Path) -> None:
    scenario = load_scenario(written(tmp_path, "[night]\nhours = 0.2"))
    assert simulate_scenario(scenario, 1) == []
    assert scene_of(scenario, [], 1).bodies == ()


def test_faults_are_played(tmp_path: Path) -> None:
    text = (
        SHORT
        + "[[fault]]\nat = 15\nwhat = 'drop_out'\nseconds = 40\n[[fault]]\nat = 20\nwhat = 'unplug'\nseconds = 60\n"
    )
    scenario = load_scenario(written(tmp_path, text))
    nights = simulate_scenario(scenario, 1)
    scene = scene_of(scenario, nights, 1)
    minute = 60 * SAMPLE_HZ
    (ada,) = scene.bodies
    assert np.isnan(ada.distance_m[15 * minute : 15 * minute + 40 * SAMPLE_HZ]).all()
    assert np.isfinite(ada.distance_m[15 * minute + 40 * SAMPLE_HZ : 27 * minute]).all()
    _, spoken = wire_of(scenario, nights, Module.TINYFRAME, 1)
    times = np.array([t_s for t_s, _ in spoken])
    assert not ((times >= 1200.0) & (times < 1260.0)).any()
    assert ((times >= 1190.0) & (times < 1200.0)).sum() > 100
