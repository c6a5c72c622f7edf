"""Coarse rehearsals, the page and the button in them, and the command that plays thousands."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from appliance.__main__ import main
from appliance.alarm_setting import AlarmSetting, read_alarms
from appliance.ledger import Ledger
from appliance.morning import Levels
from appliance.records import HandledRecord
from appliance.rehearsal import play, rehearse
from appliance.rehearsal.faults import CHANGE, DATABASE, HAMMER, MOVE_ZONE, Conditions, Fault, Mishaps
from appliance.rehearsal.hand import Hand
from appliance.rehearsal.judge import Expected, Judge
from appliance.rehearsal.page import Page, instant_of
from appliance.rehearsal.plan import COARSE, Plan, plan_night
from appliance.rehearsal.telling import FAILURES
from appliance.settings import ALARMS
from appliance.store import Role, Store
from drivers.outputs import ButtonPress, PressDetector


def _plan(*faults: Fault, manner: str = "stops", seed: int = 4) -> Plan:
    """A coarse night with one alarm without a window, due ten minutes after the evening."""
    plan = plan_night(seed, False, 8.0, coarse=True)
    setting = replace(plan.setting, window_min=0)
    start_utc = plan.due_utc - 600.0
    return replace(
        plan,
        setting=setting,
        start_utc=start_utc,
        hours=0.2,
        faults=faults,
        manner=manner,
        others=(),
        other_dues_utc=(),
    )


# -- nights


def test_thirty_coarse_nights_with_faults_all_ring() -> None:
    lines: list[dict[str, object]] = []
    assert rehearse(30, 500, True, 8.0, lines.append, coarse=True)
    assert len(lines) == 31
    assert sum(bool(line["several"]) for line in lines[:-1]) >= 5
    assert lines[-1]["crashes"] == 0


def test_a_coarse_night_follows_from_its_seed_and_begins_before_the_window(tmp_path: Path) -> None:
    plan = plan_night(41, True, 8.0, coarse=True)
    assert plan.pace is COARSE
    assert plan.due_utc - plan.start_utc == 5400.0 + 60.0 * plan.setting.window_min
    told = []
    for name in "ab":
        (tmp_path / name).mkdir()
        told.append(play(plan, tmp_path / name))
    assert told[0] == told[1]


def test_a_coarse_night_sees_a_box_that_is_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.morning.ring_tone", lambda seconds, sound: 880.0 if seconds > 2.0 else None)
    assert play(_plan(), tmp_path)["late"] is True


def test_a_ring_that_dies_away_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.morning.ring_tone", lambda seconds, sound: 880.0 if seconds < 5.0 else None)
    assert play(_plan(manner="ignores"), tmp_path)["fell_silent"] is True


def test_a_glitch_taken_for_a_press_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chatter = Fault(590.0, "button chatters", 600.0, 0.5)
    (tmp_path / "box").mkdir()
    line = play(_plan(chatter, manner="ignores"), tmp_path / "box")
    assert [name for name in FAILURES if line.get(name)] == []
    monkeypatch.setattr(
        "appliance.rehearsal.senses.PressDetector", lambda: PressDetector(debounce_s=0.001), raising=True
    )
    line = play(_plan(chatter, manner="ignores"), tmp_path)
    assert line["fell_silent"] is True


@pytest.mark.parametrize("what", [CHANGE, MOVE_ZONE, HAMMER, "host's zone changed", "bus hangs", "button chatters"])
def test_each_of_these_over_the_window_and_the_set_time_leaves_the_ring(tmp_path: Path, what: str) -> None:
    before = time.tzname
    for number, at_s in enumerate((60.0, 400.0, 595.0)):
        folder = tmp_path / str(number)
        folder.mkdir()
        line = play(_plan(Fault(at_s, what, 60.0, 0.5), manner="snoozes", seed=10 + number), folder)
        assert [name for name in FAILURES if line.get(name)] == []
        assert (line["verdict"], line["crashes"]) == ("rang", [])
    assert time.tzname == before


@pytest.mark.parametrize("seed", [107211, 107303])
def test_nights_that_failed_ring_without_a_crash(tmp_path: Path, seed: int) -> None:
    # A stay without an epoch was not resumed, 6509 times; a stop was a second one to the judge, and a first to the box.
    line = play(plan_night(seed, True, 8.0, coarse=True), tmp_path)
    assert [name for name in FAILURES if line.get(name)] == []
    assert line["verdict"] == "rang"


def test_times_that_are_lost_with_the_database_and_half_of_the_copy_are_rung_at(tmp_path: Path) -> None:
    berlin = next(n for n in range(100) if plan_night(n, False, 8.0, True).setting.timezone == "Europe/Berlin")
    names = (MOVE_ZONE, "database corrupt", "copy damaged", "killed")
    faults = [Fault(60.0 + 5.0 * number, what, 1.0, 0.5) for number, what in enumerate(names)]
    line = play(_plan(*faults, seed=berlin), tmp_path)
    assert line["due_s"] == 600.0 + 3600.0  # London's
    assert line["rang_s"] == pytest.approx(4200.0, abs=1.0)
    assert [name for name in FAILURES if line.get(name)] == []


# -- the page


def _page(folder: Path, **plan: object) -> tuple[Page, Judge, Conditions, Plan]:
    night = replace(_plan(), **plan)  # type: ignore[arg-type]
    Store(folder / DATABASE, Role.SUPERVISOR).close()
    conditions = Conditions(folder, np.random.default_rng(1))
    judge = Judge([Expected(night.due_utc, 60.0 * night.setting.window_min)], 60.0)
    return Page(night, conditions, judge), judge, conditions, night


def _kept(folder: Path) -> AlarmSetting:
    with Store(folder / DATABASE, Role.WEB) as store:
        alarms, complaints = read_alarms(store.settings()[ALARMS])
    assert complaints == ()
    return alarms[0]


def test_what_the_page_has_moved_is_what_the_judge_waits_for(tmp_path: Path) -> None:
    page, judge, conditions, night = _page(tmp_path)
    conditions.wishes.append(MOVE_ZONE)
    assert page.go_on(True, night.due_utc - 5000.0)
    kept = _kept(tmp_path)
    assert kept.timezone != night.setting.timezone
    assert judge.alarms[0].due_utc == instant_of(kept, night.due_utc - 5000.0)
    conditions.wishes.append(CHANGE)
    page.go_on(True, judge.alarms[0].due_utc - 3000.0)
    assert judge.alarms[0].due_utc == instant_of(_kept(tmp_path), judge.alarms[0].due_utc - 3000.0)


@pytest.mark.parametrize("trouble", ["no process", "full disk", "wrong clock"])
def test_the_page_waits_until_it_can_be_heard(tmp_path: Path, trouble: str) -> None:
    page, judge, conditions, night = _page(tmp_path)
    conditions.disk_is_full = trouble == "full disk"
    conditions.clock_error_s = -60.0 if trouble == "wrong clock" else 0.0
    conditions.wishes.append(MOVE_ZONE)
    page.go_on(trouble != "no process", night.due_utc - 5000.0)
    assert judge.alarms[0].due_utc == night.due_utc
    assert page.next_s == 30.0


def test_a_hammered_page_asks_for_much_at_once_and_holds_the_database(tmp_path: Path) -> None:
    page, _, conditions, night = _page(tmp_path)
    Mishaps([Fault(0.0, HAMMER, 60.0, 0.5)]).happen(conditions)
    page.go_on(True, night.due_utc - 300.0)
    with Store(tmp_path / DATABASE, Role.WEB) as store:
        requests = store.requests_after(0)
    assert len(requests) >= 12
    assert {"stop", "snooze"} <= {request.kind for request in requests}
    assert _kept(tmp_path) == night.setting
    ledger = Ledger(tmp_path / DATABASE, conditions.open_store)
    assert {ledger.write([HandledRecord(1, 0)]) for _ in range(40)} == {True, False}
    ledger.close()


@pytest.mark.parametrize(
    ("zone", "hour", "minute", "near", "due"),
    [
        ("Europe/Berlin", 7, 0, "2026-01-10T05:00:00+00:00", "2026-01-10T06:00:00+00:00"),
        ("Europe/Berlin", 7, 0, "2026-01-10T06:00:00+00:00", "2026-01-11T06:00:00+00:00"),
        ("Asia/Kathmandu", 6, 30, "2026-01-10T00:00:00+00:00", "2026-01-10T00:45:00+00:00"),
        ("Europe/Berlin", 2, 30, "2026-10-24T22:00:00+00:00", None),  # twice in that night
        ("Europe/Berlin", 2, 30, "2026-03-28T22:00:00+00:00", None),  # skipped in that night
    ],
)
def test_the_rehearsal_finds_set_times_by_itself(zone: str, hour: int, minute: int, near: str, due: str | None) -> None:
    setting = AlarmSetting(enabled=True, hour=hour, minute=minute, timezone=zone)
    found = instant_of(setting, datetime.fromisoformat(near).timestamp())
    assert found == (None if due is None else round(datetime.fromisoformat(due).timestamp()))


# -- the button


@pytest.mark.parametrize(("manner", "held_s"), [("snoozes", 0.3), ("stops", 2.0)])
def test_bouncing_contacts_are_one_press_and_glitches_none(tmp_path: Path, manner: str, held_s: float) -> None:
    conditions = Conditions(tmp_path, np.random.default_rng(1), button_chatters=True)
    plan = _plan(manner=manner)
    hand = Hand(plan, conditions, Judge([Expected(plan.due_utc)], 60.0))
    detector, presses = PressDetector(), list[ButtonPress]()
    hand.notice(0.0, Levels(tone_hz=880.0))
    edges = 0
    for tick in range(1200):
        conditions.t_s = tick / 10
        hand.go_on(1, plan.due_utc + conditions.t_s)
        while hand.edges and hand.edges[0][0] <= conditions.t_s:
            presses += detector.edge(*hand.edges.popleft())
            edges += 1
        presses += detector.poll(conditions.t_s)
    assert edges > 30
    assert len(presses) == 1
    assert presses[0].held_s == pytest.approx(held_s, abs=0.05)


# -- the command


def test_several_processes_play_the_same_nights_in_order() -> None:
    command = ["rehearse", "--nights", "3", "--seed", "7", "--coarse", "--faults", "--json"]
    alone = CliRunner().invoke(main, command)
    together = CliRunner().invoke(main, [*command, "--jobs", "2"])
    assert (alone.exit_code, together.exit_code) == (0, 0)
    lines = [json.loads(line) for line in together.stdout.splitlines()]
    assert lines == [json.loads(line) for line in alone.stdout.splitlines()]
    assert [line["seed"] for line in lines] == [7, 8, 9, 7]


def test_a_host_zone_that_was_set_is_set_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    play(_plan(Fault(60.0, "host's zone changed", 1e6, 0.5)), tmp_path)
    assert os.environ["TZ"] == "Europe/Berlin"
