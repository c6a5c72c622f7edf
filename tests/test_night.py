"""The functional core, with a radar's findings made up: what is kept, what is not, and the alarm through it all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from appliance.alarm import Phase
from appliance.alarm_setting import AlarmSetting
from appliance.bedside import Bedside
from appliance.clock import Instant
from appliance.habits import Habits
from appliance.morning import AlarmChange, Morning
from appliance.night import Night
from appliance.presence import Presence
from appliance.records import (
    AlarmFactRecord,
    EnvironmentRecord,
    EpochRecord,
    EventRecord,
    HabitsRecord,
    HandledRecord,
    Record,
    Request,
    SessionRecord,
)
from appliance.sensing import StagedEpoch
from appliance.settings import Settings
from appliance.tracking import PrimaryUser, Who
from appliance.turn import Inputs, Outcome
from drivers.outputs import ButtonPress
from drivers.readings import EnvironmentReading, Module
from models.contract import SleepStage, StageEstimate
from models.stager import ChangeRules

MIDNIGHT = 1_767_657_600  # 2026-01-06 00:00 UTC
ALARM = AlarmSetting(enabled=True, hour=7, timezone="UTC")
YOU = PrimaryUser(0.0, Who.YOU, 1.0, "alone")
NOBODY = PrimaryUser(0.0, Who.NOBODY, 1.0, "nobody there")


class Scripted:
    """Stands where sensing stands, and finds what a test says."""

    trace: tuple[float | None, ...] = ()
    angle_deg = None
    habits = Habits()
    change_rules: ChangeRules | None = None

    def __init__(self) -> None:
        self.findings: list[Any] = []
        self.looked = 0

    def update(self, samples: Iterable[Any], now_s: float) -> list[Any]:
        self.looked += 1
        found, self.findings = self.findings, []
        return found

    def feel(self, readings: Iterable[Any]) -> None:
        """Light says nothing here."""

    def new_night(self) -> None:
        """Nothing to forget."""


class Box:
    """A night and the time in it, which begins at midnight."""

    def __init__(self, setting: AlarmSetting = ALARM) -> None:
        self.sensing = Scripted()
        self.night = Night(Settings((setting,)), Bedside(Morning((setting,))), lambda module, settings: self.sensing)  # type: ignore[arg-type,return-value]
        self.t_s = 0.0
        self.records: list[Record] = []

    def turn(self, *findings: Any, seconds: float = 1.0, **inputs: Any) -> Outcome:
        self.t_s += seconds
        self.sensing.findings = list(findings)
        outcome = self.night.step(Inputs(module=Module.TINYFRAME, **inputs), Instant(self.t_s, MIDNIGHT + self.t_s))
        self.records += outcome.records
        return outcome

    def in_bed(self, minutes: float, stage: SleepStage = SleepStage.LIGHT, present: bool = True) -> None:
        for second in range(round(minutes * 60)):
            t_s = self.t_s + 1.0
            findings: list[Any] = [Presence(t_s, present, 0.9 if present else 0.1, "made up")]
            findings.append((YOU if present else NOBODY)._replace(t_s=t_s))
            if present and second % 30 == 29:
                start_s = self.t_s + 1.0 - 30.0
                p = tuple(0.7 if s == stage else 0.1 for s in SleepStage if s >= 0)
                findings.append(StagedEpoch(StageEstimate(int(start_s // 30), start_s, stage, p, 1.0), 14.0, 0.0, YOU))  # type: ignore[arg-type]
            self.turn(*findings)

    def of(self, kind: type[Any]) -> list[Any]:
        return [record for record in self.records if isinstance(record, kind)]


def _phases(outcome: Outcome) -> list[Phase]:
    return [finding.phase for finding in outcome.findings if isinstance(finding, AlarmChange)]


def test_it_rings_with_no_radar_no_room_and_nobody() -> None:
    box = Box()
    assert _phases(box.turn(seconds=6.5 * 3600)) == [Phase.DAWN]
    outcome = box.turn(seconds=1800)
    assert _phases(outcome) == [Phase.RINGING]
    assert outcome.kept is not None
    assert outcome.kept["facts"]["1"]["rang_utc"] == MIDNIGHT + 7 * 3600
    assert [fact.due_utc for fact in box.of(AlarmFactRecord)] == [MIDNIGHT + 7 * 3600]


def test_four_minutes_in_bed_leave_nothing() -> None:
    box = Box()
    box.in_bed(4)
    box.in_bed(40, present=False)
    assert box.of(EpochRecord) == []
    assert box.of(SessionRecord) == []


def test_a_session_is_back_dated_and_brings_its_first_epochs() -> None:
    box = Box()
    box.turn(Presence(1.0, False, 0.1, "made up"), NOBODY, seconds=600.0)
    box.in_bed(6)
    session, *_ = box.of(SessionRecord)
    assert session.entered_utc == MIDNIGHT + 601  # the first second of presence
    epochs = box.of(EpochRecord)
    assert len(epochs) == 12  # six minutes
    assert epochs[0].start_utc == MIDNIGHT + 600
    assert {epoch.session_id for epoch in epochs} == {session.id}


def test_a_night_ends_back_dated_with_its_figures() -> None:
    box = Box()
    box.in_bed(10, SleepStage.WAKE)
    box.in_bed(50, SleepStage.LIGHT)
    box.in_bed(31, present=False)
    last = box.of(SessionRecord)[-1]
    assert last.left_utc == MIDNIGHT + 3600
    assert last.statistics["tst_s"] == 50 * 60
    # Presence is told at the end of its second, so the stay began one second after the first epoch did.
    assert last.statistics["sol_s"] == 599


def test_room_is_kept_only_while_somebody_sleeps_there() -> None:
    box = Box()
    reading = EnvironmentReading(0.0, temperature_c=19.5)
    box.turn(room=[reading])
    assert box.of(EnvironmentRecord) == []
    box.in_bed(6)
    box.turn(room=[reading])
    (kept,) = box.of(EnvironmentRecord)
    assert (kept.utc_s, kept.temperature_c) == (MIDNIGHT + 360, 19.5)


def test_standby_looks_at_nothing_and_still_rings() -> None:
    box = Box()
    box.in_bed(6)
    outcome = box.turn(presses=[ButtonPress(box.t_s, 0.2)])
    assert outcome.kept is not None
    assert outcome.kept["standby"] is True
    assert outcome.standby
    assert box.of(SessionRecord)[-1].left_utc is not None
    looked = box.sensing.looked
    box.turn(seconds=7 * 3600 - box.t_s - 1)
    assert _phases(box.turn()) == [Phase.RINGING]
    assert box.sensing.looked == looked


@pytest.mark.parametrize(("held_s", "phase"), [(0.2, Phase.SNOOZED), (2.0, Phase.DONE)])
def test_the_button_snoozes_and_stops(held_s: float, phase: Phase) -> None:
    box = Box()
    box.turn(seconds=7 * 3600)
    outcome = box.turn(presses=[ButtonPress(box.t_s, held_s)])
    assert _phases(outcome) == [phase]
    assert outcome.levels.tone_hz is None


def test_the_page_stops_the_ring_once_and_is_told() -> None:
    box = Box()
    box.turn(seconds=7 * 3600)
    outcome = box.turn(requests=[Request(41, MIDNIGHT + 7 * 3600 + 1, "stop")])
    assert _phases(outcome) == [Phase.DONE]
    assert [record.request_id for record in box.of(HandledRecord)] == [41]


def test_a_stop_from_before_the_dawn_ends_no_later_alarm() -> None:
    box = Box()
    box.turn(seconds=7 * 3600)
    outcome = box.turn(requests=[Request(41, MIDNIGHT - 86_400, "stop")])
    assert _phases(outcome) == []
    assert len(box.of(HandledRecord)) == 1


def test_a_new_alarm_from_the_page_holds_from_the_next_turn() -> None:
    box = Box()
    rows = {"alarm": AlarmSetting(enabled=True, hour=5, timezone="UTC").as_dict()}
    assert box.turn(settings=rows).kept is not None
    assert _phases(box.turn(seconds=5 * 3600)) == [Phase.RINGING]


def test_a_damaged_setting_is_said_and_the_last_one_holds() -> None:
    box = Box()
    outcome = box.turn(settings={"alarm": {"hour": 99}})
    assert outcome.indicator
    assert outcome.status is not None
    (complaint,) = outcome.status.complaints
    assert "hour" in complaint
    assert _phases(box.turn(seconds=7 * 3600)) == [Phase.RINGING]


def test_a_restart_goes_on_with_the_night() -> None:
    box = Box()
    box.in_bed(60)
    epochs: Sequence[EpochRecord] = box.of(EpochRecord)
    session = box.of(SessionRecord)[-1]

    again = Box()
    again.t_s = box.t_s + 60.0
    again.turn(unfinished=(session, epochs))
    again.in_bed(30)
    again.in_bed(31, present=False)
    ended = again.of(SessionRecord)[-1]
    assert ended.id == session.id
    assert ended.entered_utc == session.entered_utc
    assert ended.statistics["tst_s"] >= 89 * 60  # an hour before and half an hour after


def test_a_night_that_broke_off_long_ago_is_closed_where_it_broke_off() -> None:
    box = Box()
    box.in_bed(60)
    again = Box()
    again.t_s = box.t_s + 3 * 3600.0
    again.turn(unfinished=(box.of(SessionRecord)[-1], box.of(EpochRecord)))
    assert again.of(SessionRecord)[-1].left_utc == MIDNIGHT + 3600


def test_a_silent_radar_is_not_an_empty_bed() -> None:
    box = Box()
    box.in_bed(10)
    for _ in range(600):
        unheard = Presence(box.t_s + 1.0, False, 0.4, "no word from the radar", heard=False)
        box.turn(unheard, NOBODY._replace(t_s=unheard.t_s))
    box.in_bed(10)
    box.in_bed(31, present=False)
    last = box.of(SessionRecord)[-1]
    assert last.absences == ()
    assert last.statistics["unscored_s"] == 600


def test_without_a_word_from_the_radar_presence_is_unknown() -> None:
    box = Box()
    box.in_bed(1)
    status = box.turn(seconds=11.0).status
    assert status is not None
    assert status.present is None
    assert status.confidence is None


def test_what_was_learnt_of_the_bed_is_kept_and_comes_back() -> None:
    box = Box()
    box.sensing.habits = Habits()
    for _ in range(7200):
        box.sensing.habits.lies(0.65, yours=True)
    box.turn(seconds=1801.0)
    (kept,) = box.of(HabitsRecord)
    box.turn(seconds=1801.0)
    assert len(box.of(HabitsRecord)) == 1  # nothing more was learnt
    later = Box()
    later.sensing.habits = Habits()
    later.turn(learnt=kept.learnt)
    assert later.sensing.habits.usual_m == pytest.approx(0.65)
    wrong = Box()
    wrong.turn(learnt={"yours_s": "nonsense"})
    assert [event.kind for event in wrong.of(EventRecord)] == ["habits"]


def test_the_dawns_light_is_neither_shown_nor_kept_as_the_rooms() -> None:
    """From half an hour before the set time the lamp shines into the light sensor beside it."""
    box = Box()
    box.t_s = 6.0 * 3600.0
    box.in_bed(20.0)
    for minute in range(20):
        room = [EnvironmentReading(box.t_s, temperature_c=19.0, illuminance_lx=0.1 if minute < 10 else 55.0)]
        box.turn(room=room, seconds=60.0)
    told = [record for record in box.records if isinstance(record, EnvironmentRecord)]
    lit = [record.illuminance_lx for record in told if record.utc_s > MIDNIGHT + 6.5 * 3600.0]
    dark = [record.illuminance_lx for record in told if record.utc_s <= MIDNIGHT + 6.5 * 3600.0]
    assert len(dark) >= 9
    assert set(dark) == {0.1}
    assert len(lit) >= 8
    assert set(lit) == {None}
    assert {record.temperature_c for record in told} == {19.0}
