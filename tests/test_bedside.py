"""What people ask of the box: the button's three lengths, the light to read by, and what a restart still knows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from appliance.alarm import AlarmFacts, Phase
from appliance.alarm_setting import AlarmSetting
from appliance.bedside import PAIRING_S, PREVIEW_S, PREVIEW_STAYS_S, READING_S, Bedside
from appliance.clock import Instant
from appliance.morning import Morning
from appliance.records import Request
from appliance.sunrise import dawn, reading_light
from drivers.lamp import DARK
from drivers.outputs import ButtonPress

SEVEN = 1_767_682_800  # 2026-01-06 07:00 UTC
ALARM = AlarmSetting(enabled=True, hour=7, timezone="UTC", snooze_count=1)


def at(second: float) -> Instant:
    """So many seconds after the set time; the process started an hour before it."""
    return Instant(3600.0 + second, SEVEN + second)


def bedside(second: float = -3000.0) -> Bedside:
    box = Bedside(Morning((ALARM,)))
    box.morning.settle(at(second).mono_s, at(second).utc_s)
    return box


def press(box: Bedside, second: float, *holds: float) -> bool:
    """One press that began at ``second``, as the detector tells it."""
    changed = [box.press(ButtonPress(3600.0 + second, held_s), at(second + held_s)) for held_s in holds]
    end = at(second + holds[-1])
    box.morning.settle(end.mono_s, end.utc_s)
    return any(changed)


def test_a_press_while_nothing_is_at_work_switches_standby() -> None:
    box = bedside()
    assert press(box, -3000, 0.2)
    assert box.standby
    assert box.indicator(False, at(-2999))  # it nods
    assert not box.indicator(False, at(-2990))
    assert press(box, -2900, 0.2)
    assert not box.standby
    assert [note.text for note in box.notes()] == ["Standby on by the button", "Standby off by the button"]
    assert box.notes() == []


def test_a_hold_while_nothing_is_at_work_changes_nothing() -> None:
    box = bedside()
    assert not press(box, -3000, 2.0)
    assert (box.standby, box.notes()) == (False, [])


def test_in_the_ring_a_press_snoozes_and_a_hold_stops() -> None:
    box = bedside(0)
    assert press(box, 5, 0.2)
    assert box.morning.phase is Phase.SNOOZED
    assert not press(box, 10, 0.2)  # a second press in the snooze is no wish for standby
    assert not box.standby
    box.morning.settle(at(545.2).mono_s, at(545.2).utc_s)
    assert box.morning.phase is Phase.RINGING
    assert not press(box, 550, 0.2)  # snoozed as often as was set
    assert box.morning.phase is Phase.RINGING
    assert press(box, 560, 2.0)
    assert box.morning.phase is Phase.DONE


def test_a_hold_in_the_dawn_stops_it_and_a_press_does_nothing() -> None:
    box = bedside(-600)
    assert not press(box, -590, 0.2)
    assert box.morning.phase is Phase.DAWN
    assert press(box, -580, 2.0)
    assert box.morning.phase is Phase.DONE


@pytest.mark.parametrize(("after_s", "is_meant"), [(3.0, False), (14.0, False), (16.0, True)])
def test_a_stop_said_twice_is_not_for_the_next_alarms_dawn(after_s: float, is_meant: bool) -> None:
    box = Bedside(Morning((ALARM, replace(ALARM, id=2, minute=10, dawn_min=30))))
    box.morning.settle(at(0).mono_s, at(0).utc_s)
    assert press(box, 18, 2.0)
    assert box.morning.phase is Phase.DAWN  # the second one's, which began at 06:40
    assert press(box, 18 + after_s, 2.0) is is_meant
    box.morning.settle(at(600).mono_s, at(600).utc_s)
    assert box.morning.phase is (Phase.DONE if is_meant else Phase.RINGING)


def test_five_seconds_let_a_browser_pair_and_the_indicator_blinks_meanwhile() -> None:
    box = bedside()
    assert not press(box, -3000, 2.0, 5.0)
    assert [(note.kind, note.text) for note in box.notes()] == [
        ("pair", "Pairing of a browser allowed by the button for 2 min")
    ]
    assert box.pairing_until(at(-2990)) == SEVEN - 2995 + PAIRING_S
    assert {box.indicator(False, at(-2990 + half / 2)) for half in range(4)} == {True, False}
    assert box.pairing_until(at(-2995 + PAIRING_S)) is None
    assert Bedside.from_document(box.document()).pairing_until(at(-2990)) is None  # a restart shuts the door


def test_a_shell_on_the_box_lets_a_browser_pair_unless_it_asked_before_the_box_was_up() -> None:
    box = bedside()
    assert not box.ask(Request(1, SEVEN - 3001, "pair"), at(-3000))
    assert box.pairing_until(at(-3000)) == SEVEN - 3000 + PAIRING_S
    assert [note.text for note in box.notes()] == ["Pairing of a browser allowed on the box for 2 min"]
    box = bedside()
    box.ask(Request(1, int(SEVEN - 3000 - PAIRING_S), "pair"), at(-3000))
    assert box.pairing_until(at(-3000)) is None
    assert box.notes() == []


def test_a_hold_that_stopped_an_alarm_lets_nobody_pair_however_long_it_lasts() -> None:
    box = bedside(0)
    assert press(box, 5, 2.0, 5.0)
    assert box.pairing_until(at(11)) is None
    assert press(box, 20, 2.0, 5.0) is False
    assert box.pairing_until(at(26)) is not None  # another press does


def ask(box: Bedside, kind: str, second: float) -> bool:
    return box.ask(Request(1, SEVEN + int(second), kind), at(second))


def test_the_reading_light_comes_on_request_and_goes_out_by_itself() -> None:
    box = bedside()
    assert box.levels(SEVEN - 3000).lamp == DARK
    assert ask(box, "light_on", -3000)
    assert box.levels(SEVEN - 2999).lamp == reading_light()
    again = Bedside.from_document(json.loads(json.dumps(box.document())))
    assert again.levels(SEVEN - 2999).lamp == reading_light()
    assert ask(box, "light_off", -2000)
    assert box.levels(SEVEN - 1999).lamp == DARK
    assert ask(box, "light_on", 20_000)
    assert box.levels(SEVEN + 20_000 + READING_S).lamp == DARK
    assert box.levels(SEVEN + 19_000).lamp == DARK  # a clock set back leaves no light burning


def test_a_light_asked_for_long_ago_stays_out_and_the_dawn_outshines_it() -> None:
    box = bedside()
    assert not box.ask(Request(1, SEVEN - 3000 - READING_S, "light_on"), at(-3000))
    ask(box, "light_on", -1700)
    assert box.levels(SEVEN - 1700).lamp == reading_light()  # brighter than the first minutes of the dawn
    assert max(box.levels(SEVEN - 10).lamp) > 0.9


def look(box: Bedside, second: float, brightness: Any = 0.5, waited_s: int = 0) -> None:
    box.ask(Request(1, SEVEN + int(second) - waited_s, "preview_on", brightness), at(second))


def test_a_dawn_to_look_at_is_a_whole_dawn_in_half_a_minute_and_then_dark() -> None:
    box = bedside()
    kept = box.document()
    ask(box, "light_on", -3010)
    look(box, -3000)
    assert box.levels(SEVEN - 3000).lamp == DARK  # a dawn begins in the dark
    assert box.levels(SEVEN - 2985).lamp == dawn(0.5, 0.5)
    assert box.levels(SEVEN - 2966).lamp == dawn(1.0, 0.5)
    assert box.levels(SEVEN - 2985).tone_hz is None
    assert box.is_previewing(SEVEN - 2966)
    ends = SEVEN - 3000 + PREVIEW_S + PREVIEW_STAYS_S
    assert not box.is_previewing(ends)
    assert box.levels(ends).lamp == reading_light()  # as it was before
    assert not box.is_previewing(SEVEN - 3001)  # a clock set back
    assert "preview" not in str(box.document())
    assert box.document() | {"reading_utc": None} == kept


def test_a_dawn_to_look_at_ends_by_request_by_standby_and_before_an_alarm() -> None:
    box = bedside()
    look(box, -3000)
    ask(box, "preview_off", -2990)
    assert box.levels(SEVEN - 2989).lamp == DARK
    look(box, -2900)
    ask(box, "standby_on", -2890)
    assert box.levels(SEVEN - 2889).lamp == DARK
    look(box, -2880)
    assert box.levels(SEVEN - 2870).lamp == DARK  # in standby nothing is shown
    ask(box, "standby_off", -2000)
    look(box, -1810, 1.0)  # ten seconds before the real dawn
    assert max(box.levels(SEVEN - 1801).lamp) > 0
    assert max(box.levels(SEVEN - 1799).lamp) < 0.01
    look(box, -1000, 1.0)
    assert box.levels(SEVEN - 990) == bedside(-1000).levels(SEVEN - 990)
    box.morning.settle(at(5).mono_s, SEVEN + 5)
    look(box, 5, 0.0)
    assert box.levels(SEVEN + 20) == bedside(5).levels(SEVEN + 20)


@pytest.mark.parametrize("wanted", [None, True, "1", -0.1, 1.1, float("nan"), {}])
def test_a_dawn_that_cannot_be_is_not_shown(wanted: Any) -> None:
    box = bedside()
    look(box, -3000, wanted)
    assert not box.is_previewing(SEVEN - 2990)


def test_a_dawn_asked_for_while_the_box_was_down_is_not_shown() -> None:
    box = bedside()
    look(box, -3000, waited_s=300)
    assert not box.is_previewing(SEVEN - 2990)


@pytest.mark.parametrize("request_kind", ["", "reboot", "light"])
def test_unknown_wishes_change_nothing(request_kind: str) -> None:
    box = bedside()
    before = box.document()
    assert not ask(box, request_kind, -3000)
    assert box.document() == before


def test_what_an_earlier_version_kept_is_taken_up() -> None:
    old: dict[str, Any] = {
        "setting": {"enabled": True, "hour": 7, "minute": 0, "weekdays": [0, 1], "timezone": "UTC", "dawn_min": 30}
        | {"dawn_brightness": 1.0, "snooze_min": 9, "snooze_count": 3, "ring_max_min": 60, "set_utc": 0},
        "facts": AlarmFacts(due_utc=SEVEN, rang_utc=SEVEN, ringing_utc=SEVEN).as_dict(),
        "standby": True,
        "bed_side": "right",
    }
    box = Bedside.from_document(old)
    assert box.standby
    assert box.levels(SEVEN + 0.5).tone_hz is not None
    assert box.morning.next_utc(SEVEN + 60) == SEVEN + 6 * 86_400  # Tuesday now; Mondays and Tuesdays
