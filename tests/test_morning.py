"""The alarm as the supervisor lives with it."""

from __future__ import annotations

import json

from appliance.alarm import AlarmEvent, AlarmSetting, Phase
from appliance.morning import DARK, Morning

# 2026-01-06 07:00:00 UTC, a Tuesday: 1767682800 = date -u -d '2026-01-06 07:00' +%s
DUE = 1_767_682_800
SETTING = AlarmSetting(enabled=True, hour=7, timezone="UTC", dawn_min=30, snooze_min=9)


def _rung() -> Morning:
    morning = Morning(SETTING)
    morning.settle(0.0, DUE)
    return morning


def test_dark_and_silent_before_the_dawn() -> None:
    levels = Morning(SETTING).levels(DUE - 1801)
    assert levels.lamp == DARK
    assert levels.tone_hz is None


def test_the_lamp_rises_in_silence() -> None:
    morning = Morning(SETTING)
    early, late = morning.levels(DUE - 1500), morning.levels(DUE - 60)
    assert 0.0 < early.lamp.red < late.lamp.red
    assert early.tone_hz is None
    assert late.tone_hz is None


def test_it_sounds_within_the_first_seconds_of_the_ring_and_the_lamp_is_full() -> None:
    morning = _rung()
    assert any(morning.levels(DUE + tenth / 10).tone_hz for tenth in range(50))
    assert max(morning.levels(DUE + 1).lamp) > 0.99


def test_entering_a_phase_is_told_once_with_its_reason() -> None:
    morning = Morning(SETTING)
    _, dawn = morning.settle(1.0, DUE - 1800)
    assert dawn is not None
    assert (dawn.phase, dawn.reason) == (Phase.DAWN, "30 min before the set time")
    assert morning.settle(2.0, DUE - 1799)[1] is None
    changed, ring = morning.settle(3.0, DUE)
    assert changed
    assert ring is not None
    assert (ring.phase, ring.reason) == (Phase.RINGING, "set time")


def test_a_snooze_is_silent_and_ends_at_its_time() -> None:
    morning = _rung()
    assert morning.press(AlarmEvent.SNOOZE, DUE + 10, "snooze by the button")
    assert morning.levels(DUE + 11).tone_hz is None
    assert morning.next_utc(DUE + 11) == DUE + 10 + 9 * 60
    morning.settle(0.0, DUE + 11)
    _, change = morning.settle(0.0, DUE + 10 + 9 * 60)
    assert change is not None
    assert change.phase is Phase.RINGING


def test_a_stop_means_nothing_while_nothing_rings() -> None:
    assert not Morning(SETTING).press(AlarmEvent.STOP, DUE - 7200, "stop on the page")


def test_a_restart_in_mid_ring_goes_on_at_the_same_levels() -> None:
    morning = _rung()
    again = Morning.from_document(json.loads(json.dumps(morning.document())))
    for second in range(0, 120, 7):
        assert again.levels(DUE + second) == morning.levels(DUE + second)
