"""Rehearsed nights: the box rings through faults, and a judge that would see it if it did not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from appliance.__main__ import main
from appliance.alarm_copy import AlarmCopy
from appliance.rehearsal import play
from appliance.rehearsal.faults import DATABASE, MENU, Conditions, Fault, Mishaps, draw_faults
from appliance.rehearsal.plan import Plan, plan_night
from appliance.rehearsal.telling import FAILURES, table
from drivers.readings import Module

DUE_S = 300.0  # the set time of the short nights here, after their evening


def _plan(*faults: Fault, manner: str = "stops", module: Module = Module.MICRADAR, seed: int = 3) -> Plan:
    plan = plan_night(seed, False, 1.0)
    start_utc = plan.due_utc - DUE_S
    return replace(
        plan,
        start_utc=start_utc,
        hours=0.15,
        faults=faults,
        manner=manner,
        module=module,
        others=(),
        other_dues_utc=(),
    )


# -- nights


@pytest.mark.parametrize("module", list(Module))
def test_a_night_without_faults_rings_in_time(tmp_path: Path, module: Module) -> None:
    line = play(_plan(module=module), tmp_path)
    assert (line["verdict"], line["late"], line["too_early"], line["again"]) == ("rang", False, False, False)
    assert line["rang_s"] == pytest.approx(line["due_s"], abs=0.2)
    assert (line["starts"], line["crashes"]) == (1, [])


def test_a_box_that_cannot_ring_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.morning.ring_tone", lambda seconds, sound: None)
    assert play(_plan(), tmp_path)["verdict"] == "missed"
    monkeypatch.setattr("appliance.morning.ring_tone", lambda seconds, sound: 880.0 if seconds > 2.0 else None)
    again = tmp_path / "again"
    again.mkdir()
    assert play(_plan(), again)["late"] is True


@pytest.mark.parametrize("what", list(MENU))
def test_each_fault_over_the_set_time_leaves_the_ring(tmp_path: Path, what: str) -> None:
    seconds = 1e9 if MENU[what].all_night else min(MENU[what].most_s, 120.0)
    line = play(_plan(Fault(290.0, what, seconds, 0.5), manner="snoozes"), tmp_path)
    assert line["verdict"] == "rang"
    assert [name for name in FAILURES if line.get(name)] == []
    assert line["crashes"] == []


def test_killed_in_ring_and_snooze_with_the_copy_damaged_and_the_database_gone(tmp_path: Path) -> None:
    faults = [Fault(300.0 + 20.0 * k, "killed", 2.0, 0.5) for k in range(5)]
    faults += [Fault(302.0, "copy damaged", 1.0, 0.4), Fault(303.0, "database deleted", 1.0, 0.5)]
    line = play(_plan(*faults, manner="snoozes"), tmp_path)
    assert (line["verdict"], line["late"], line["again"]) == ("rang", False, False)
    assert line["starts"] == 6


@pytest.mark.parametrize("manner", ["switches off", "skips"])
def test_what_the_sleeper_has_silenced_stays_silent_over_a_restart(tmp_path: Path, manner: str) -> None:
    plan = _plan(Fault(290.0, "killed", 0.5, 0.5), manner=manner, seed=5)
    line = play(replace(plan, setting=replace(plan.setting, dawn_min=10)), tmp_path)
    assert (line["verdict"], line["again"], line["starts"]) == ("silenced", False, 2)


def test_the_same_seed_is_the_same_night(tmp_path: Path) -> None:
    plan = _plan(
        *(Fault(at, what, 20.0, 0.5) for at, what in ((200.0, "radar garbled"), (290.0, "bug"), (305.0, "killed")))
    )
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    assert play(plan, folders[0]) == play(plan, folders[1])


# -- the faults


def test_a_seed_draws_the_same_faults_and_the_menu_is_all_used() -> None:
    def drawn(seed: int) -> list[Fault]:
        return draw_faults(np.random.default_rng(seed), 20_000.0)

    assert drawn(1) == drawn(1)
    assert {fault.what for seed in range(100) for fault in drawn(seed)} == set(MENU)
    for seed in range(100):
        assert len([fault for fault in drawn(seed) if fault.what.startswith("clock")]) <= 1


def _happened(folder: Path, what: str, at_s: float = 0.0) -> Conditions:
    conditions = Conditions(folder, np.random.default_rng(1))
    mishaps = Mishaps([Fault(0.0, what, 60.0, 0.5)])
    for conditions.t_s in (0.0, at_s):
        mishaps.happen(conditions)
    return conditions


def test_a_full_disk_takes_neither_records_nor_the_copy_until_there_is_room(tmp_path: Path) -> None:
    copy = AlarmCopy(tmp_path)
    copy.save({"a": 1})
    _happened(tmp_path, "disk full")
    assert not copy.save({"a": 2})
    assert copy.load() == {"a": 1}
    ended = tmp_path / "ended"
    ended.mkdir()
    assert not _happened(ended, "disk full", 60.0).disk_is_full
    assert AlarmCopy(ended).save({"a": 2})


def test_a_damaged_copy_is_one_file_of_two(tmp_path: Path) -> None:
    copy = AlarmCopy(tmp_path)
    copy.save({"a": 1})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    _happened(tmp_path, "copy damaged")
    assert sum(path.read_bytes() != before[path.name] for path in tmp_path.iterdir()) == 1
    assert copy.load() == {"a": 1}


def test_a_corrupt_database_is_one_that_sqlite_refuses(tmp_path: Path) -> None:
    conditions = Conditions(tmp_path, np.random.default_rng(1))
    ledger = conditions.open_ledger()
    ledger.settings()
    ledger.close()
    before = (tmp_path / DATABASE).read_bytes()
    _happened(tmp_path, "database corrupt")
    assert (tmp_path / DATABASE).read_bytes() != before
    assert len((tmp_path / DATABASE).read_bytes()) == len(before)


# -- the command


def test_the_command_prints_a_line_for_each_night_and_a_summary() -> None:
    done = CliRunner().invoke(main, ["rehearse", "--nights", "2", "--seed", "2", "--coarse", "--json"])
    assert done.exit_code == 0, done.output
    lines: list[dict[str, Any]] = [json.loads(text) for text in done.stdout.splitlines()]
    assert [line["kind"] for line in lines] == ["night", "night", "summary"]
    summary = lines[-1]
    assert summary["nights"] == summary["rang"] + summary["silenced"] + summary["missed"] == 2
    assert (summary["late"], summary["missed"], summary["too_early"]) == (0, 0, 0)
    assert len(list(table(lines, 2))) == 4
