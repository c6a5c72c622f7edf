"""The alarm as the supervisor lives with it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from appliance.alarm import AlarmEvent, Phase
from appliance.alarm_setting import AlarmSetting
from appliance.alarms import Alarms
from appliance.morning import FirstRing, Morning
from drivers.lamp import DARK

# 2026-01-06 07:00:00 UTC, a Tuesday: 1767682800 = date -u -d '2026-01-06 07:00' +%s
DUE = 1_767_682_800
SETTING = AlarmSetting(enabled=True, hour=7, timezone="UTC", dawn_min=30, snooze_min=9)


def _rung() -> Morning:
    morning = Morning((SETTING,))
    morning.settle(0.0, DUE)
    return morning


def test_dark_and_silent_before_the_dawn() -> None:
    levels = Morning((SETTING,)).levels(DUE - 1801)
    assert levels.lamp == DARK
    assert levels.tone_hz is None


def test_the_lamp_rises_in_silence() -> None:
    morning = Morning((SETTING,))
    early, late = morning.levels(DUE - 1500), morning.levels(DUE - 60)
    assert 0.0 < early.lamp.red < late.lamp.red
    assert early.tone_hz is None
    assert late.tone_hz is None


def test_it_sounds_within_the_first_seconds_of_the_ring_and_the_lamp_is_full() -> None:
    morning = _rung()
    assert any(morning.levels(DUE + tenth / 10).tone_hz for tenth in range(50))
    assert max(morning.levels(DUE + 1).lamp) > 0.99


def test_entering_a_phase_is_told_once_with_its_reason() -> None:
    morning = Morning((SETTING,))
    dawn = morning.settle(1.0, DUE - 1800)
    assert dawn.entered is not None
    assert (dawn.entered.phase, dawn.entered.reason) == (Phase.DAWN, "30 min before the set time")
    assert morning.settle(2.0, DUE - 1799) == ((), None, None)
    ring = morning.settle(3.0, DUE)
    assert [facts.rang_utc for _, facts in ring.changed] == [DUE]
    assert ring.entered is not None
    assert (ring.entered.phase, ring.entered.reason) == (Phase.RINGING, "set time")
    assert ring.rang == FirstRing(SETTING, DUE, DUE, "set time")
    assert morning.settle(4.0, DUE + 1) == ((), None, None)


def test_a_snooze_is_silent_and_ends_at_its_time() -> None:
    morning = _rung()
    assert morning.press(AlarmEvent.SNOOZE, DUE + 10, "snooze by the button")
    assert morning.levels(DUE + 11).tone_hz is None
    assert morning.next_utc(DUE + 11) == DUE + 10 + 9 * 60
    snoozed = morning.settle(11.0, DUE + 11)
    assert [facts.snoozed_utc for _, facts in snoozed.changed] == [DUE + 10]  # a press is written down
    again = morning.settle(10.0 + 9 * 60, DUE + 10 + 9 * 60)
    assert again.entered is not None
    assert (again.entered.phase, again.entered.reason) == (Phase.RINGING, "snooze over")
    assert again.rang is None  # a ring after a snooze is no first one


def test_a_stop_means_nothing_while_nothing_rings() -> None:
    assert not Morning((SETTING,)).press(AlarmEvent.STOP, DUE - 7200, "stop on the page")


@pytest.mark.parametrize(
    ("late_s", "reason"),
    [
        (1, "set time"),
        (30, "30 s after the set time, as soon as the box ran and its clock was right"),
        (600, "10 min after the set time, as soon as the box ran and its clock was right"),
    ],
)
def test_a_late_ring_says_so(late_s: int, reason: str) -> None:
    rang = Morning((SETTING,)).settle(0.0, DUE + late_s).rang
    assert rang == FirstRing(SETTING, DUE, DUE + late_s, reason)


def test_an_early_ring_keeps_its_reason_and_the_lamp_follows_it() -> None:
    morning = Morning((SETTING,))
    assert not morning.press(AlarmEvent.RANG, DUE - 1801, "too early")
    assert morning.press(AlarmEvent.RANG, DUE - 1700, "you moved in light sleep")
    assert morning.settle(0.0, DUE - 1700).rang == FirstRing(SETTING, DUE, DUE - 1700, "you moved in light sleep")
    assert max(morning.levels(DUE - 1699).lamp) < 0.1
    assert max(morning.levels(DUE - 1670).lamp) > 0.99
    assert morning.woke_utc(DUE - 1699) == DUE - 1800  # a stop on the page is heard


def test_the_second_alarm_s_ring_is_told_and_a_stop_meant_for_the_first_does_not_end_it() -> None:
    second = replace(SETTING, minute=5, id=2)
    morning = Morning((SETTING, second))
    morning.settle(0.0, DUE)
    taken = morning.settle(300.0, DUE + 300)
    assert taken.rang == FirstRing(second, DUE + 300, DUE + 300, "set time")
    assert taken.entered is not None
    assert sorted(one.id for one, _ in taken.changed) == [1, 2]
    assert morning.woke_utc(DUE + 301) == DUE + 300


def test_loudness_is_the_alarm_s_own_and_swells() -> None:
    soft = Morning((replace(SETTING, loudness=0.5),))
    soft.settle(0.0, DUE)
    loudness = [soft.levels(DUE + second).loudness for second in (0, 30, 60, 90, 600)]
    assert loudness[0] == pytest.approx(0.125)
    assert loudness[-2:] == [0.5, 0.5]
    assert loudness == sorted(loudness)


def test_a_restart_in_mid_ring_goes_on_at_the_same_levels() -> None:
    morning = _rung()
    kept = Alarms.from_dict(json.loads(json.dumps(morning.alarms.as_dict())))
    again = Morning(kept.settings, kept.facts)
    for second in range(0, 120, 7):
        assert again.levels(DUE + second) == morning.levels(DUE + second)


BEHIND_S = 5 * 3600  # a clock after a power cut, until the network's time comes


def test_a_ring_goes_on_when_the_clock_is_set_forward_and_lasts_its_hour() -> None:
    morning = Morning((SETTING,), _rung().alarms.facts)  # the process before lost its power in mid-ring
    assert morning.settle(0.0, DUE - BEHIND_S).entered is not None
    assert morning.phase is Phase.RINGING
    morning.settle(120.0, DUE - BEHIND_S + 120)
    morning.set_forward(BEHIND_S + 279)  # true time is 279 s later than it was counted
    assert morning.settle(121.0, DUE + 400).entered is None  # it still rings
    assert morning.phase is Phase.RINGING
    morning.settle(3599.0, DUE + 400 + 3478)
    assert morning.phase is Phase.RINGING
    morning.settle(3601.0, DUE + 400 + 3480)
    assert morning.phase is Phase.DONE


def test_a_snooze_is_as_long_as_it_was_when_the_clock_is_set_forward() -> None:
    morning = _rung()
    morning.press(AlarmEvent.SNOOZE, DUE + 10, "button")
    morning.settle(11.0, DUE + 11)
    morning.set_forward(7188)
    assert morning.levels(DUE + 7199.9).tone_hz is None
    morning.settle(12.0, DUE + 7200)
    assert morning.phase is Phase.SNOOZED
    morning.settle(549.0, DUE + 7200 + 537)
    assert morning.phase is Phase.SNOOZED
    morning.settle(551.0, DUE + 7200 + 539)
    assert morning.phase is Phase.RINGING


def test_a_clock_set_forward_moves_nothing_that_is_over() -> None:
    morning = _rung()
    morning.press(AlarmEvent.STOP, DUE + 10, "button")
    morning.settle(11.0, DUE + 11)
    facts = morning.alarms.facts
    morning.set_forward(7188)
    assert morning.settle(12.0, DUE + 7200).changed == ()
    assert morning.alarms.facts == facts
