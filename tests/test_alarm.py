"""The alarm's laws: what must hold whatever the sleeper, the page, the power and the clock do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.alarm import (
    NO_FACTS,
    AlarmEvent,
    AlarmFacts,
    Phase,
    after,
    dawn_progress,
    next_due,
    phase,
    settled,
)
from appliance.alarm_setting import AlarmSetting, SettingError


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


DUE = utc("2026-11-24 07:00")  # a Tuesday
SEVEN = AlarmSetting(enabled=True, hour=7, timezone="UTC", snooze_min=9, snooze_count=2, ring_max_min=60)


class Box:
    """The supervisor's part: every turn it settles and stores the facts, as JSON, and shows the phase."""

    def __init__(self, setting: AlarmSetting = SEVEN, facts: AlarmFacts = NO_FACTS) -> None:
        self.setting = setting
        self.stored = json.dumps(facts.as_dict())

    @property
    def facts(self) -> AlarmFacts:
        return AlarmFacts.from_dict(json.loads(self.stored))

    def turn(self, now: float) -> Phase:
        before = phase(self.setting, self.facts, now)
        self.stored = json.dumps(settled(self.setting, self.facts, now).as_dict())
        assert phase(self.setting, self.facts, now) == before  # storing changes nothing
        return before

    def press(self, event: AlarmEvent, now: float) -> Phase:
        self.stored = json.dumps(after(self.facts, event, self.setting, now).as_dict())
        return self.turn(now)


# The day as it should go


def test_a_morning_nobody_touches() -> None:
    box = Box()
    assert box.turn(DUE - 1800.1) is Phase.IDLE
    assert box.turn(DUE - 1800) is Phase.DAWN
    assert box.turn(DUE - 0.1) is Phase.DAWN
    assert box.turn(DUE) is Phase.RINGING
    assert box.turn(DUE + 3599.9) is Phase.RINGING
    assert box.turn(DUE + 3600) is Phase.DONE
    assert box.turn(DUE + 86_400 - 1801) is Phase.DONE
    assert box.turn(DUE + 86_400 - 1800) is Phase.DAWN


def test_snoozes_ring_at_their_own_time_and_run_out() -> None:
    box = Box()
    box.turn(DUE)
    assert box.press(AlarmEvent.SNOOZE, DUE + 10) is Phase.SNOOZED
    assert box.press(AlarmEvent.SNOOZE, DUE + 11) is Phase.SNOOZED  # a second press in the snooze is no second snooze
    assert box.turn(DUE + 10 + 539) is Phase.SNOOZED
    assert box.turn(DUE + 10 + 540) is Phase.RINGING
    assert box.press(AlarmEvent.SNOOZE, DUE + 600) is Phase.SNOOZED
    assert box.turn(DUE + 1140) is Phase.RINGING
    assert box.press(AlarmEvent.SNOOZE, DUE + 1150) is Phase.RINGING  # two were allowed
    assert box.press(AlarmEvent.STOP, DUE + 1160) is Phase.DONE
    assert box.facts.rang_utc == DUE
    assert box.facts.snoozes == 2


def test_each_ring_has_its_own_limit() -> None:
    box = Box()
    box.turn(DUE)
    box.press(AlarmEvent.SNOOZE, DUE + 3000)
    assert box.turn(DUE + 3540) is Phase.RINGING
    assert box.turn(DUE + 3540 + 3599) is Phase.RINGING
    assert box.turn(DUE + 3540 + 3600) is Phase.DONE


def test_stopped_in_the_dawn_does_not_ring() -> None:
    box = Box()
    assert box.press(AlarmEvent.STOP, DUE - 600) is Phase.DONE
    assert box.turn(DUE) is Phase.DONE
    assert next_due(SEVEN, DUE - 500, box.facts) == DUE + 86_400
    assert box.turn(DUE + 86_400) is Phase.RINGING


def test_an_early_ring_takes_the_place_of_the_set_time() -> None:
    box = Box()
    assert box.press(AlarmEvent.RANG, DUE - 600) is Phase.RINGING
    assert box.press(AlarmEvent.STOP, DUE - 590) is Phase.DONE
    assert box.turn(DUE) is Phase.DONE


@pytest.mark.parametrize("event", list(AlarmEvent))
def test_events_without_meaning_change_nothing(event: AlarmEvent) -> None:
    assert after(NO_FACTS, event, SEVEN, DUE - 4000) == NO_FACTS
    over = AlarmFacts(due_utc=DUE, rang_utc=DUE, ended_utc=DUE + 5)
    assert after(over, event, SEVEN, DUE + 60) == over


def test_dawn_is_full_at_the_set_time_and_stays() -> None:
    assert dawn_progress(SEVEN, NO_FACTS, DUE - 1801) == 0.0
    assert dawn_progress(SEVEN, NO_FACTS, DUE - 1800) == 0.0
    assert dawn_progress(SEVEN, NO_FACTS, DUE - 450) == pytest.approx(0.75)
    assert dawn_progress(SEVEN, NO_FACTS, DUE) == 1.0
    assert dawn_progress(SEVEN, AlarmFacts(due_utc=DUE, rang_utc=DUE, snoozed_utc=DUE + 5), DUE + 60) == 1.0
    assert dawn_progress(SEVEN, AlarmFacts(due_utc=DUE, rang_utc=DUE, ended_utc=DUE + 5), DUE + 60) == 0.0
    assert dawn_progress(replace(SEVEN, dawn_min=0), NO_FACTS, DUE - 0.1) == 0.0


def test_dawn_follows_a_ring_that_comes_early_within_half_a_minute_and_without_a_jump() -> None:
    half = AlarmFacts(due_utc=DUE, rang_utc=DUE - 900, ringing_utc=DUE - 900)
    assert dawn_progress(SEVEN, half, DUE - 900) == pytest.approx(0.5)
    assert dawn_progress(SEVEN, half, DUE - 894) == pytest.approx(0.7)  # 6 of the 30 s from dark to full
    assert dawn_progress(SEVEN, half, DUE - 885) == 1.0
    snoozed = AlarmFacts(due_utc=DUE, rang_utc=DUE - 900, snoozed_utc=DUE - 897, snoozes=1)
    assert dawn_progress(SEVEN, snoozed, DUE - 894) == pytest.approx(0.7)
    before = AlarmFacts(due_utc=DUE, rang_utc=DUE - 2400, ringing_utc=DUE - 2400)
    wide = replace(SEVEN, window_min=45)
    assert dawn_progress(wide, before, DUE - 2400) == 0.0
    assert dawn_progress(wide, before, DUE - 2385) == pytest.approx(0.5)
    without = replace(SEVEN, dawn_min=0)
    rung = AlarmFacts(due_utc=DUE, rang_utc=DUE, ringing_utc=DUE)
    assert dawn_progress(without, rung, DUE + 3) == pytest.approx(0.1)
    # The clock is set back by an hour in mid-ring: the ring counts from now, and the lamp does not go out.
    back = settled(SEVEN, AlarmFacts(due_utc=DUE, rang_utc=DUE, ringing_utc=DUE), DUE - 3600)
    assert dawn_progress(SEVEN, back, DUE - 3570) == 1.0


@pytest.mark.parametrize("window_min", [0, 1, 30, 45])
def test_the_window_s_door_is_shut_outside_the_window(window_min: int) -> None:
    setting = replace(SEVEN, window_min=window_min)
    for before_s in {60 * window_min + 1, 60 * window_min, 1} - {0}:
        rang = after(NO_FACTS, AlarmEvent.RANG, setting, DUE - before_s)
        inside = before_s <= 60 * window_min
        assert rang == (
            AlarmFacts(due_utc=DUE, rang_utc=DUE - before_s, ringing_utc=DUE - before_s) if inside else NO_FACTS
        )


# Clocks and power


@pytest.mark.parametrize("late_s", [0, 1, 600, 3599])
def test_a_clock_set_forward_over_the_set_time_rings_at_once(late_s: int) -> None:
    box = Box()
    assert box.turn(DUE - 7200) is Phase.IDLE
    assert box.turn(DUE + late_s) is Phase.RINGING
    assert box.turn(DUE + late_s + 3599) is Phase.RINGING  # the whole ring, from when it began


def test_an_alarm_missed_by_more_than_the_limit_waits_for_the_next() -> None:
    assert phase(SEVEN, NO_FACTS, DUE + 3600) is Phase.IDLE
    assert next_due(SEVEN, DUE + 3600) == DUE + 86_400


def test_a_clock_set_back_after_the_ring_never_rings_again() -> None:
    box = Box()
    box.turn(DUE)
    box.press(AlarmEvent.STOP, DUE + 20)
    for second in range(-3600, 3700, 10):
        assert box.turn(DUE + second) is Phase.DONE


def test_a_clock_set_back_in_mid_ring_goes_on_ringing_for_one_more_limit() -> None:
    box = Box()
    box.turn(DUE + 1)
    assert box.turn(DUE - 7200) is Phase.RINGING
    assert box.turn(DUE - 7200 + 3599) is Phase.RINGING
    assert box.turn(DUE - 7200 + 3600) is Phase.DONE
    assert box.turn(DUE) is Phase.DONE


def test_a_clock_set_back_in_a_snooze_does_not_lengthen_it() -> None:
    box = Box()
    box.turn(DUE)
    box.press(AlarmEvent.SNOOZE, DUE + 60)
    assert box.turn(DUE - 3600) is Phase.SNOOZED
    assert box.turn(DUE - 3600 + 539) is Phase.SNOOZED
    assert box.turn(DUE - 3600 + 540) is Phase.RINGING


def test_a_clock_that_was_a_year_ahead_silences_nothing() -> None:
    year = 365 * 86_400
    box = Box(replace(SEVEN, set_utc=DUE + year - 4000))
    box.turn(DUE + year)
    box.press(AlarmEvent.STOP, DUE + year + 5)
    assert box.turn(DUE - 100) is Phase.DAWN
    assert box.turn(DUE) is Phase.RINGING


# Settings that change


def test_a_time_that_has_just_passed_when_saved_is_for_tomorrow() -> None:
    box = Box(replace(SEVEN, set_utc=DUE + 300))
    assert box.turn(DUE + 300) is Phase.IDLE
    assert next_due(box.setting, DUE + 300) == DUE + 86_400


def test_a_time_saved_before_it_was_due_rings_though_learnt_of_late() -> None:
    box = Box(replace(SEVEN, hour=8))
    assert box.turn(DUE + 50) is Phase.IDLE
    box.setting = replace(SEVEN, set_utc=DUE - 120)
    assert box.turn(DUE + 60) is Phase.RINGING


def test_another_time_ends_the_ring_of_the_old_one() -> None:
    box = Box()
    box.turn(DUE)
    box.setting = replace(SEVEN, minute=40, set_utc=DUE + 30)
    assert box.turn(DUE + 31) is Phase.DONE
    assert box.turn(DUE + 2400) is Phase.RINGING


def test_other_changes_leave_the_ring_alone() -> None:
    box = Box()
    box.turn(DUE)
    box.setting = replace(SEVEN, snooze_min=5, weekdays=frozenset({1, 2}), set_utc=DUE + 30)
    assert box.turn(DUE + 31) is Phase.RINGING


def test_switched_off_is_silent_at_once() -> None:
    box = Box()
    box.turn(DUE)
    box.setting = replace(SEVEN, enabled=False)
    assert box.turn(DUE + 1) is Phase.IDLE
    assert next_due(box.setting, DUE) is None


def test_saving_anew_after_stopping_the_dawn_rings_after_all() -> None:
    box = Box()
    box.press(AlarmEvent.STOP, DUE - 600)
    box.setting = replace(SEVEN, set_utc=DUE - 300)
    assert box.turn(DUE - 299) is Phase.DAWN
    assert box.turn(DUE) is Phase.RINGING
    assert box.press(AlarmEvent.STOP, DUE + 5) is Phase.DONE


@pytest.mark.parametrize("saved_again", [False, True])
def test_a_clock_set_back_in_the_ring_makes_no_saved_setting_newer_than_the_stop(saved_again: bool) -> None:
    box = Box(replace(SEVEN, set_utc=DUE - 2))
    assert box.turn(DUE) is Phase.RINGING
    assert box.turn(DUE - 1600) is Phase.RINGING  # the clock was set back
    box.press(AlarmEvent.STOP, DUE - 1500)
    if saved_again:
        box.setting = replace(SEVEN, set_utc=DUE - 1400)
    assert box.turn(DUE) is (Phase.RINGING if saved_again else Phase.DONE)


# Any night at all

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0.1, 2400.0)),
        st.tuples(st.just("jump"), st.integers(-20 * 3600, 20 * 3600)),
        st.tuples(st.just("snooze"), st.just(0)),
        st.tuples(st.just("stop"), st.just(0)),
        st.tuples(st.just("rang"), st.just(0)),
    ),
    max_size=60,
)
SETTINGS = st.builds(
    AlarmSetting,
    enabled=st.just(True),
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Chatham"]),
    dawn_min=st.integers(0, 60),
    window_min=st.integers(0, 45),
    snooze_min=st.integers(1, 30),
    snooze_count=st.integers(0, 10),
    ring_max_min=st.integers(1, 120),
)
NOWS = st.integers(utc("2026-01-01 00:00"), utc("2027-12-31 00:00"))


@settings(max_examples=300)
@given(SETTINGS, st.integers(-40_000, 100), STEPS)
def test_laws_of_any_night(setting: AlarmSetting, start_s: int, steps: list[tuple[str, float]]) -> None:
    due = next_due(setting, DUE)
    assert due is not None
    box, now = Box(setting), float(due + start_s)
    stopped: set[int] = set()
    last = box.turn(now)
    for what, amount in [("wait", 0.0), *steps]:
        before = box.facts
        if what in ("wait", "jump"):
            now += amount
            here = box.turn(now)
        else:
            here = box.press(AlarmEvent(what), now)
        facts = box.facts
        if facts.rang_utc is not None and (facts.due_utc, facts.rang_utc) != (before.due_utc, before.rang_utc):
            assert facts.due_utc is not None
            if before.due_utc == facts.due_utc:
                assert before.rang_utc is None  # never a second first ring of the last occurrence
                assert before.due_utc not in stopped
            opens = facts.due_utc - (60 * setting.window_min if what == "rang" else 0)
            assert opens <= now < facts.due_utc + 60 * setting.ring_max_min  # never before, never long after
        if what == "snooze" and last is Phase.RINGING and before.snoozes < setting.snooze_count:
            assert here is Phase.SNOOZED
        if what == "stop" and last in (Phase.DAWN, Phase.RINGING, Phase.SNOOZED):
            assert here is not Phase.RINGING
            assert here is not Phase.SNOOZED
            if facts.due_utc is not None:
                stopped.add(facts.due_utc)
        if here is Phase.SNOOZED:
            assert facts.snoozed_utc is not None
            assert facts.snoozed_utc <= now < facts.snoozed_utc + 60 * setting.snooze_min + 1
        if here is Phase.RINGING:
            assert facts.ringing_utc is not None
            assert facts.ringing_utc <= now < facts.ringing_utc + 60 * setting.ring_max_min + 1
        assert facts.snoozes <= setting.snooze_count
        last = here


@given(SETTINGS, NOWS, st.lists(st.floats(0.05, 50.0), min_size=1, max_size=100))
def test_with_a_true_clock_it_rings_once_and_in_the_turn_of_the_set_time(
    setting: AlarmSetting, start: int, gaps: list[float]
) -> None:
    due = next_due(setting, start)
    assert due is not None
    box, now = Box(setting), due - 60.0
    order = [Phase.IDLE, Phase.DAWN, Phase.RINGING, Phase.DONE]
    seen: list[Phase] = []
    rang: float | None = None
    for gap in [*gaps, 50.0, 60.0 * setting.ring_max_min]:
        here = box.turn(now)
        if rang is None and now >= due:
            rang = float(int(now))
            assert (box.facts.due_utc, box.facts.rang_utc) == (due, rang)
        assert (here is Phase.RINGING) == (rang is not None and now < rang + 60 * setting.ring_max_min)
        seen.append(here)
        now += gap
    assert [order.index(p) for p in seen] == sorted(order.index(p) for p in seen)


@given(SETTINGS, NOWS)
def test_facts_survive_json(setting: AlarmSetting, now: int) -> None:
    due = next_due(setting, now)
    assert due is not None
    facts = settled(setting, NO_FACTS, due + 5.5)
    assert AlarmFacts.from_dict(json.loads(json.dumps(facts.as_dict()))) == facts
    assert AlarmSetting.from_dict(json.loads(json.dumps(setting.as_dict()))) == setting


# The calendar


@given(SETTINGS, NOWS)
def test_next_due_shows_the_set_time_on_a_wall_clock(setting: AlarmSetting, now: int) -> None:
    due = next_due(setting, now)
    assert due is not None
    assert now < due <= now + 8 * 86_400
    zone = ZoneInfo(setting.timezone)
    local = datetime.fromtimestamp(due, zone)
    shown = (local.hour, local.minute) == (setting.hour, setting.minute)
    after_a_gap = datetime.fromtimestamp(due - 1, zone).utcoffset() != local.utcoffset()
    assert shown or after_a_gap
    assert local.weekday() in setting.weekdays
    # And nothing between now and then would have done.
    noon = datetime.fromtimestamp(now, zone).replace(hour=12, minute=0)
    for k in range(9):
        day = (noon + timedelta(days=k)).replace(hour=setting.hour, minute=setting.minute, second=0, fold=0)
        if day.weekday() in setting.weekdays and day.timestamp() > now:
            assert due <= day.timestamp()
            break


@pytest.mark.parametrize(
    ("zone", "at", "now", "expected"),
    [
        # Clocks go forward at 02:00 CET to 03:00 CEST: 02:30 does not exist, 03:00 CEST is 01:00 UTC.
        ("Europe/Berlin", (2, 30), "2026-03-28 12:00", "2026-03-29 01:00"),
        ("Europe/Berlin", (7, 0), "2026-03-28 12:00", "2026-03-29 05:00"),
        ("Europe/Berlin", (7, 0), "2026-03-27 12:00", "2026-03-28 06:00"),
        # Clocks go back at 03:00 CEST to 02:00 CET: the first 02:30 is CEST, 00:30 UTC; then not again that night.
        ("Europe/Berlin", (2, 30), "2026-10-24 12:00", "2026-10-25 00:30"),
        ("Europe/Berlin", (2, 30), "2026-10-25 00:30", "2026-10-26 01:30"),
        ("America/New_York", (2, 30), "2026-03-08 00:00", "2026-03-08 07:00"),
        ("America/New_York", (1, 30), "2026-11-01 00:00", "2026-11-01 05:30"),
        # Half an hour forward at 02:00 (UTC+10:30 to +11): 02:10 does not exist, 02:30 is 15:30 UTC the day before.
        ("Australia/Lord_Howe", (2, 10), "2026-10-03 00:00", "2026-10-03 15:30"),
        # Midnight itself is skipped (UTC-4 to -3): 00:10 does not exist, 01:00 local is 04:00 UTC.
        ("America/Santiago", (0, 10), "2026-09-05 12:00", "2026-09-06 04:00"),
        ("UTC", (0, 10), "2026-11-23 23:45", "2026-11-24 00:10"),
        ("UTC", (6, 0), "2028-02-28 12:00", "2028-02-29 06:00"),
        ("UTC", (6, 0), "2027-02-28 12:00", "2027-03-01 06:00"),
        ("Asia/Kathmandu", (7, 0), "2026-11-23 12:00", "2026-11-24 01:15"),
        ("Pacific/Kiritimati", (0, 0), "2026-11-23 09:59", "2026-11-23 10:00"),
    ],
)
def test_next_due_by_hand(zone: str, at: tuple[int, int], now: str, expected: str) -> None:
    setting = AlarmSetting(enabled=True, hour=at[0], minute=at[1], timezone=zone)
    assert next_due(setting, utc(now)) == utc(expected)


def test_dawn_of_an_alarm_just_after_midnight_begins_the_day_before() -> None:
    setting = AlarmSetting(enabled=True, hour=0, minute=10, timezone="Europe/Berlin", weekdays=frozenset({1}))
    tuesday = utc("2026-11-23 23:10")
    assert phase(setting, NO_FACTS, tuesday - 1801) is Phase.IDLE
    assert phase(setting, NO_FACTS, tuesday - 1800) is Phase.DAWN
    assert phase(setting, NO_FACTS, tuesday) is Phase.RINGING


def test_weekdays_are_local_days() -> None:
    # Monday 07:00 in Auckland (UTC+13 in November) is Sunday 18:00 UTC.
    setting = AlarmSetting(enabled=True, weekdays=frozenset({0}), timezone="Pacific/Auckland")
    assert next_due(setting, utc("2026-11-23 00:00")) == utc("2026-11-29 18:00")


# Bad input


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"hour": 24}, "hour: must be a whole number from 0 to 23, not 24"),
        ({"hour": True}, "hour: must be a whole number from 0 to 23, not True"),
        ({"minute": 7.5}, "minute: must be a whole number from 0 to 59, not 7.5"),
        ({"minute": "30"}, "minute: must be a whole number from 0 to 59, not '30'"),
        ({"enabled": 1}, "enabled: must be true or false, not 1"),
        ({"weekdays": []}, "weekdays: choose at least one day, from 0 (Monday) to 6 (Sunday)"),
        ({"weekdays": [7]}, "weekdays: choose at least one day, from 0 (Monday) to 6 (Sunday)"),
        ({"weekdays": "mon"}, "weekdays: must be a list of days from 0 (Monday) to 6 (Sunday), not 'mon'"),
        ({"weekdays": [[1]]}, "weekdays: must be a list of days from 0 (Monday) to 6 (Sunday), not [[1]]"),
        ({"timezone": "Mars/Olympus"}, "timezone: 'Mars/Olympus' is no time zone; write one like Europe/Berlin"),
        ({"timezone": "../etc/passwd"}, "timezone: '../etc/passwd' is no time zone; write one like Europe/Berlin"),
        ({"timezone": "Europe"}, "timezone: 'Europe' is no time zone; write one like Europe/Berlin"),
        ({"timezone": None}, "timezone: None is no time zone; write one like Europe/Berlin"),
        ({"dawn_brightness": 1.1}, "dawn_brightness: must be a number from 0 to 1, not 1.1"),
        ({"dawn_brightness": float("nan")}, "dawn_brightness: must be a number from 0 to 1, not nan"),
        ({"snooze_min": 0}, "snooze_min: must be a whole number from 1 to 30, not 0"),
        ({"snoze_min": 9}, "'snoze_min': there is no such setting of an alarm"),
        (None, "alarm: must be an object with named fields, not None"),
        ([7, 30], "alarm: must be an object with named fields, not [7, 30]"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line(values: Any, line: str) -> None:
    with pytest.raises(SettingError) as refusal:
        AlarmSetting.from_dict(values)
    assert str(refusal.value) == line


@given(
    st.dictionaries(st.sampled_from([*AlarmSetting().as_dict(), "x"]), st.one_of(st.none(), st.integers(), st.text()))
)
def test_any_page_input_is_taken_or_refused(values: dict[str, Any]) -> None:
    try:
        AlarmSetting.from_dict(values)
    except SettingError as error:
        line = str(error)
    else:
        line = ""
    assert "\n" not in line


def test_wrong_facts_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^due_utc: an alarm's fact must be whole seconds, not 'x'$"):
        AlarmFacts.from_dict({"due_utc": "x"})
    assert AlarmFacts.from_dict({"due_utc": 5, "of_a_newer_version": 1}) == AlarmFacts(due_utc=5)
