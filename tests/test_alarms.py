"""Several alarms, one lamp and one buzzer: who rings, who waits, and what earlier versions have left."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.alarm import AlarmEvent, AlarmFacts, Phase, next_due
from appliance.alarm_setting import MOST_ALARMS, AlarmSetting, SettingError, dues, read_alarms
from appliance.alarms import Alarms


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


SEVEN = utc("2026-11-24 07:00")  # a Tuesday
FIRST = AlarmSetting(enabled=True, hour=7, timezone="UTC", snooze_min=9, snooze_count=2, id=1)
SECOND = replace(FIRST, minute=5, id=2)  # while the first rings, or is snoozed
BOTH = Alarms((FIRST, SECOND))


def stored(alarms: Alarms) -> Alarms:
    """As a restart finds them."""
    return Alarms.from_dict(json.loads(json.dumps(alarms.as_dict())))


class Box:
    """The supervisor's part: every turn it settles, stores and shows."""

    def __init__(self, alarms: Alarms = BOTH) -> None:
        self.alarms = alarms

    def turn(self, now: float) -> Phase:
        before = self.alarms.phase(now)
        self.alarms = stored(self.alarms.settled(now))
        assert self.alarms.settled(now) == self.alarms
        assert self.alarms.phase(now) is before  # storing changes nothing
        return before

    def press(self, event: AlarmEvent, now: float) -> Phase:
        self.alarms = stored(self.alarms.after(event, now))
        return self.turn(now)

    @property
    def sounding(self) -> int | None:
        one = self.alarms.active
        return None if one is None else one.id


# Two alarms close to each other


def test_the_second_takes_over_a_ring_that_nobody_answers() -> None:
    box = Box()
    assert (box.turn(SEVEN), box.sounding) == (Phase.RINGING, 1)
    assert (box.turn(SEVEN + 299), box.sounding) == (Phase.RINGING, 1)
    assert (box.turn(SEVEN + 300), box.sounding) == (Phase.RINGING, 2)
    assert box.alarms.facts[1].ended_utc == SEVEN + 300
    assert box.alarms.facts[2].ringing_utc == SEVEN + 300
    assert box.press(AlarmEvent.STOP, SEVEN + 310) is Phase.DONE  # one stop ends all that sounds
    assert box.turn(SEVEN + 3000) is Phase.DONE


def test_the_second_rings_at_its_time_though_the_first_is_snoozed_and_only_it_rings_on() -> None:
    box = Box()
    box.turn(SEVEN)
    assert box.press(AlarmEvent.SNOOZE, SEVEN + 60) is Phase.SNOOZED
    ahead = box.alarms.next_ring(SEVEN + 61)
    assert ahead is not None
    assert (ahead.utc_s, ahead.setting.id) == (SEVEN + 300, 2)
    assert (box.turn(SEVEN + 300), box.sounding) == (Phase.RINGING, 2)
    assert box.press(AlarmEvent.SNOOZE, SEVEN + 310) is Phase.SNOOZED  # with its own two snoozes
    assert box.turn(SEVEN + 600) is Phase.SNOOZED  # the first one's snooze would have ended now
    assert (box.turn(SEVEN + 850), box.sounding) == (Phase.RINGING, 2)
    assert box.alarms.facts[2].snoozes == 1


def test_stopping_the_first_leaves_the_second() -> None:
    box = Box()
    box.turn(SEVEN)
    assert box.press(AlarmEvent.STOP, SEVEN + 60) is Phase.DAWN  # the second one's, which began at 06:35
    assert (box.turn(SEVEN + 300), box.sounding) == (Phase.RINGING, 2)


def test_two_at_once_are_one_ring() -> None:
    box = Box(Alarms((FIRST, replace(FIRST, id=2))))
    assert box.turn(SEVEN) is Phase.RINGING
    assert [facts.rang_utc for facts in box.alarms.facts.values()] == [SEVEN, SEVEN]
    assert sum(facts.is_active for facts in box.alarms.facts.values()) == 1
    assert box.press(AlarmEvent.STOP, SEVEN + 5) is Phase.DONE
    assert box.turn(SEVEN + 3000) is Phase.DONE


def test_a_stop_in_the_dawn_is_for_the_first_whose_lamp_is_on() -> None:
    dark = replace(FIRST, dawn_min=0)
    box = Box(Alarms((dark, replace(SECOND, minute=20))))
    assert box.press(AlarmEvent.STOP, SEVEN - 300) is Phase.DONE
    assert box.turn(SEVEN) is Phase.RINGING  # the first has no dawn, so nobody can have meant it
    box.press(AlarmEvent.STOP, SEVEN + 10)
    assert box.turn(SEVEN + 1200) is Phase.DONE


def test_the_window_s_door_is_for_the_next_ring_and_shut_while_one_is_at_work() -> None:
    box = Box()
    assert box.alarms.window(SEVEN - 1801) is None
    assert box.alarms.window(SEVEN - 1800) == (SEVEN, FIRST)
    assert (box.press(AlarmEvent.RANG, SEVEN - 1200), box.sounding) == (Phase.RINGING, 1)
    assert box.alarms.window(SEVEN - 1200) is None
    facts = box.alarms.facts
    assert box.press(AlarmEvent.RANG, SEVEN - 1190) is Phase.RINGING
    assert box.alarms.facts == facts
    box.press(AlarmEvent.SNOOZE, SEVEN - 1100)
    assert box.press(AlarmEvent.RANG, SEVEN - 1000) is Phase.SNOOZED  # a snooze ends at its own time
    assert (box.turn(SEVEN - 1100 + 540), box.sounding) == (Phase.RINGING, 1)


def test_a_set_time_rings_into_the_snooze_of_a_later_alarm_that_rang_at_a_good_moment() -> None:
    box = Box(Alarms((replace(FIRST, window_min=0), SECOND)))
    assert (box.press(AlarmEvent.RANG, SEVEN - 120), box.sounding) == (Phase.RINGING, 2)  # due at 07:05
    assert box.press(AlarmEvent.SNOOZE, SEVEN - 60) is Phase.SNOOZED
    assert (box.turn(SEVEN), box.sounding) == (Phase.RINGING, 1)
    assert box.alarms.facts[2].ended_utc == SEVEN
    assert box.press(AlarmEvent.STOP, SEVEN + 10) is Phase.DONE
    assert box.turn(SEVEN + 300) is Phase.DONE  # the second has had its ring


@given(
    first_min=st.integers(0, 40),
    second_min=st.integers(0, 40),
    early_s=st.integers(1, 1800),
    snooze_s=st.integers(0, 120),
    back_s=st.integers(0, 3600),
)
def test_every_set_time_sounds_whatever_rang_before_and_was_snoozed(
    first_min: int, second_min: int, early_s: int, snooze_s: int, back_s: int
) -> None:
    """As a law: at an alarm's set time there is sound, unless that very alarm has rung before or was stopped."""
    first, second = replace(FIRST, minute=first_min, window_min=0), replace(FIRST, minute=second_min, id=2)
    box = Box(Alarms((first, second)))
    dues_utc = (SEVEN + 60 * first_min, SEVEN + 60 * second_min)
    rang_utc = max(min(dues_utc[0], dues_utc[1] - early_s) - 1, dues_utc[1] - 1800)
    box.press(AlarmEvent.RANG, rang_utc)
    box.press(AlarmEvent.SNOOZE, rang_utc + snooze_s)
    now = rang_utc + snooze_s - back_s  # the clock is set back now and then
    for due in sorted(due for due in dues_utc if due > now):
        told = [one.id for one in (first, second) if box.alarms.of(one).due_utc is not None]
        owed = [k for k, one_due in enumerate(dues_utc, 1) if one_due == due and k not in told]
        assert box.turn(due) is Phase.RINGING or not owed


def test_a_process_that_was_down_over_both_rings_once() -> None:
    box = Box()
    assert (box.turn(SEVEN + 600), box.sounding) == (Phase.RINGING, 2)
    assert box.press(AlarmEvent.STOP, SEVEN + 610) is Phase.DONE
    for second in range(-3600, 3600, 60):  # a clock set back, too
        assert box.turn(SEVEN + second) is Phase.DONE


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0.1, 900.0)),
        st.tuples(st.just("jump"), st.integers(-7200, 7200)),
        st.tuples(st.sampled_from(["snooze", "stop", "rang"]), st.just(0)),
    ),
    max_size=60,
)
SOME = st.builds(
    lambda alarms: Alarms(tuple(replace(one, id=k) for k, one in enumerate(alarms, 1))),
    st.lists(
        st.builds(
            AlarmSetting,
            enabled=st.just(True),
            hour=st.just(7),
            minute=st.integers(0, 59),
            weekdays=st.frozensets(st.integers(0, 6), min_size=1),
            timezone=st.sampled_from(["UTC", "Europe/London"]),
            dawn_min=st.integers(0, 60),
            window_min=st.integers(0, 45),
            snooze_min=st.integers(1, 30),
            snooze_count=st.integers(0, 3),
            ring_max_min=st.integers(1, 120),
        ),
        min_size=1,
        max_size=MOST_ALARMS,
    ),
)


@settings(max_examples=200)
@given(SOME, st.integers(-5000, 100), STEPS)
def test_laws_of_several_alarms(alarms: Alarms, start_s: int, steps: list[tuple[str, float]]) -> None:
    box, now = Box(alarms), float(SEVEN + start_s)
    rung: set[tuple[int, int]] = set()
    latest: dict[int, int] = {}
    for what, amount in [("wait", 0.0), *steps]:
        before = box.alarms
        if what in ("wait", "jump"):
            now += amount
            here = box.turn(now)
        else:
            here = box.press(AlarmEvent(what), now)
        active = [one for one in alarms.settings if box.alarms.of(one).is_active]
        assert len(active) <= 1
        assert (here in (Phase.RINGING, Phase.SNOOZED)) == bool(active)
        for one in alarms.settings:
            facts = box.alarms.of(one)
            if facts.due_utc is None or facts.rang_utc is None:
                continue
            if (facts.due_utc, facts.rang_utc) != (before.of(one).due_utc, before.of(one).rang_utc):
                # One first ring for each occurrence, unless the clock went back over an older one since.
                assert (one.id, facts.due_utc) not in rung or latest[one.id] != facts.due_utc
                rung.add((one.id, facts.due_utc))
                latest[one.id] = facts.due_utc
                opens = facts.due_utc - (60 * one.window_min if what == "rang" else 0)
                assert opens <= now < facts.due_utc + 60 * one.ring_max_min
        if what == "stop" and before.phase(now) in (Phase.RINGING, Phase.SNOOZED):
            assert active == []


EVENTS = st.sampled_from([None, None, AlarmEvent.RANG, AlarmEvent.SNOOZE, AlarmEvent.STOP])


@given(SOME, st.lists(st.tuples(st.floats(0.05, 30.0), EVENTS), min_size=1, max_size=200))
def test_with_a_true_clock_each_rings_in_the_turn_of_its_time(
    alarms: Alarms, turns: list[tuple[float, AlarmEvent | None]]
) -> None:
    box, now = Box(alarms), float(SEVEN - 60)
    for gap, event in turns:
        before, now = now, now + gap
        asked = {one.id: box.alarms.of(one) for one in alarms.settings}
        box.turn(now)
        here = [(one, due) for one in alarms.settings for due in dues(one, now) if before < due <= now]
        new = [(one, due) for one, due in here if asked[one.id].due_utc != due]  # neither rung early nor stopped before
        for one, due in new:
            assert box.alarms.of(one).due_utc == due
            assert box.alarms.of(one).rang_utc == int(now)
            assert box.alarms.phase(now) is Phase.RINGING
        assert not new or box.sounding in {one.id for one, _ in new}
        if event is not None:
            box.press(event, now)


# Weekdays, once, skip


def test_an_alarm_for_one_date_rings_on_it_and_never_again() -> None:
    once = replace(FIRST, once="2028-02-29", weekdays=frozenset({0}))  # a Tuesday: its weekdays mean nothing
    due = utc("2028-02-29 07:00")
    assert next_due(once, SEVEN) == due  # more than a year ahead
    assert next_due(once, due) is None
    box = Box(Alarms((once,)))
    assert box.turn(due) is Phase.RINGING
    assert box.press(AlarmEvent.STOP, due + 9) is Phase.IDLE
    assert box.turn(due + 86_400) is Phase.IDLE


def test_what_is_skipped_is_one_occurrence() -> None:
    skipped = replace(FIRST, skip_utc=SEVEN)
    assert next_due(skipped, SEVEN - 3600) == SEVEN + 86_400
    box = Box(Alarms((skipped,)))
    assert box.turn(SEVEN - 600) is Phase.IDLE
    assert box.turn(SEVEN) is Phase.IDLE
    assert box.turn(SEVEN + 86_400) is Phase.RINGING


def test_a_weekly_alarm_that_is_skipped_rings_a_fortnight_on() -> None:
    weekly = replace(FIRST, weekdays=frozenset({1}), skip_utc=SEVEN)
    for now in (SEVEN - 7 * 86_400, SEVEN - 1):
        assert next_due(weekly, now) == SEVEN + 7 * 86_400


def test_a_skip_taken_back_too_late_rings_at_the_next_time() -> None:
    box = Box(Alarms((replace(FIRST, skip_utc=SEVEN),)))
    box.turn(SEVEN + 60)
    box.alarms = Alarms((replace(FIRST, set_utc=SEVEN + 90),), box.alarms.facts)
    assert box.turn(SEVEN + 91) is Phase.IDLE


def test_another_time_zone_is_another_instant() -> None:
    berlin = replace(FIRST, timezone="Europe/Berlin")
    box = Box(Alarms((berlin,)))
    assert box.turn(SEVEN - 3600 - 60) is Phase.DAWN
    box.alarms = Alarms((replace(berlin, timezone="Europe/London", set_utc=SEVEN - 3650),), box.alarms.facts)
    assert box.turn(SEVEN - 3600) is Phase.IDLE
    assert box.turn(SEVEN) is Phase.RINGING


@pytest.mark.parametrize(
    ("zone", "day", "opens"),
    [
        # 00:10 local with a window of 45 min opens the evening before.
        ("UTC", "2026-11-24", "2026-11-23 23:25"),
        # Clocks go forward at 02:00: 03:10 CEST is 01:10 UTC, and 45 minutes before it is 01:25 CET.
        ("Europe/Berlin", "2026-03-29", "2026-03-29 00:25"),
        # Clocks go back at 03:00: the first 02:10, CEST, is 00:10 UTC; 45 minutes before it is 23:25 UTC.
        ("Europe/Berlin", "2026-10-25", "2026-10-24 23:25"),
    ],
)
def test_windows_over_midnight_and_the_change_of_clocks(zone: str, day: str, opens: str) -> None:
    hour = {"2026-11-24": 0, "2026-03-29": 3, "2026-10-25": 2}[day]
    one = replace(FIRST, hour=hour, minute=10, timezone=zone, once=day, window_min=45)
    alarms = Alarms((one,))
    assert alarms.window(utc(opens) - 1) is None
    assert alarms.window(utc(opens)) is not None
    assert alarms.after(AlarmEvent.RANG, utc(opens)).phase(utc(opens)) is Phase.RINGING
    assert alarms.phase(utc(opens) + 2700) is Phase.RINGING


# What is read


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"window_min": 46}, "window_min: must be a whole number from 0 to 45, not 46"),
        ({"id": 0}, "id: must be a whole number from 1 to 2147483648, not 0"),
        ({"once": "29.2.2028"}, "once: must be a date such as 2026-12-24, not '29.2.2028'"),
        ({"once": "2027-02-29"}, "once: must be a date such as 2026-12-24, not '2027-02-29'"),
        ({"once": 20261224}, "once: must be a date such as 2026-12-24, not 20261224"),
        ({"sound": "siren"}, "sound: must be chord, birds or beacon, not 'siren'"),
        ({"loudness": 0.1}, "loudness: must be a number from 0.2 to 1, not 0.1"),
        ({"skip_utc": -1}, "skip_utc: must be a whole number from 0 to 1099511627776, not -1"),
    ],
)
def test_a_wrong_setting_names_its_field(values: dict[str, Any], line: str) -> None:
    with pytest.raises(SettingError) as refusal:
        AlarmSetting.from_dict(values)
    assert str(refusal.value) == line


# As the version before several alarms wrote them, byte for byte.
OLD_SETTING = {
    "enabled": True,
    "hour": 6,
    "minute": 45,
    "weekdays": [0, 1, 2, 3, 4],
    "timezone": "Europe/Berlin",
    "dawn_min": 20,
    "dawn_brightness": 1.0,
    "snooze_min": 5,
    "snooze_count": 2,
    "ring_max_min": 60,
    "set_utc": 1795000000,
}
OLD_FACTS = {
    "due_utc": 1795499100,
    "rang_utc": 1795499100,
    "ringing_utc": None,
    "snoozed_utc": 1795499160,
    "snoozes": 1,
    "ended_utc": None,
}


def test_the_single_alarm_of_an_earlier_version_is_the_first_of_the_list() -> None:
    (alarm,), complaints = read_alarms(OLD_SETTING)
    assert complaints == ()
    assert (alarm.id, alarm.enabled, alarm.hour, alarm.minute, alarm.dawn_min, alarm.set_utc) == (
        *(1, True, 6, 45),
        *(20, 1795000000),
    )
    assert alarm.weekdays == frozenset(range(5))
    assert alarm.window_min == 0  # nobody asked for an early ring
    assert next_due(alarm, SEVEN) == utc("2026-11-25 05:45")  # 06:45 in Berlin


def test_a_copy_of_an_earlier_version_goes_on_in_mid_snooze() -> None:
    alarms = Alarms.from_dict({"setting": OLD_SETTING, "facts": OLD_FACTS, "standby": False, "bed_side": "left"})
    assert alarms.facts == {1: AlarmFacts.from_dict(OLD_FACTS)}
    assert alarms.phase(1795499160 + 299) is Phase.SNOOZED
    assert alarms.phase(1795499160 + 300) is Phase.RINGING


def test_no_alarm_is_lost_to_a_bad_neighbour() -> None:
    rows = [FIRST.as_dict(), {**SECOND.as_dict(), "hour": 99}, {"hour": "x"}, 7, {**FIRST.as_dict(), "minute": 9}]
    alarms, complaints = read_alarms(rows, (replace(SECOND, minute=44),))
    assert [(a.id, a.minute) for a in alarms] == [(1, 0), (2, 44), (3, 9)]
    assert complaints == (
        "alarm 2: hour: must be a whole number from 0 to 23, not 99",
        "alarm 3: hour: must be a whole number from 0 to 23, not 'x'",
        "alarm 4: alarm: must be an object with named fields, not 7",
    )
    assert read_alarms(5, (FIRST,)) == ((FIRST,), ("alarms: must be a list of alarms, not 5",))
    many, (line,) = read_alarms([replace(FIRST, id=k).as_dict() for k in range(1, 11)])
    assert len(many) == MOST_ALARMS
    assert line.startswith("alarms: there may be 8 of them, not 10")
