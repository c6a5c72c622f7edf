"""The judge of a rehearsed night: what it must see, by mornings made by hand, and what it must let pass."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from appliance.rehearsal.judge import SILENCE_S, Expected, Judge

DUE = 1_767_679_200


def _judge(*alarms: Expected) -> Judge:
    return Judge(alarms or (Expected(DUE),), 60.0)


def _ringing(judge: Judge, seconds: Iterable[float], error_s: float = 0.0) -> Judge:
    """A process from 0 s on, the set time at 100 s of its clock, and sound in each of these half seconds."""
    sounding = set(seconds)
    for t in np.arange(0.0, 200.0, 0.5):
        judge.running(float(t), float(t) + 0.5, DUE - 100.0 + float(t))
        judge.shown(float(t), DUE - 100.0 + float(t) + error_s, float(t) in sounding)
    return judge


@pytest.mark.parametrize(
    ("first_s", "late", "early"),
    [(100.0, False, False), (101.0, False, False), (101.5, True, False), (99.5, False, True)],
)
def test_a_ring_is_judged_by_when_it_could_have_sounded(first_s: float, late: bool, early: bool) -> None:
    judge = _ringing(_judge(), [first_s])
    assert (judge.word, judge.is_late, judge.is_early) == ("rang", late, early)


@pytest.mark.parametrize(
    ("before_s", "early", "ahead"),
    [(61.0, True, False), (60.0, False, True), (0.5, False, True), (0.0, False, False)],
)
def test_a_ring_in_the_window_is_told_from_one_at_the_set_time_by_the_clock_of_the_box(
    before_s: float, early: bool, ahead: bool
) -> None:
    judge = _judge(Expected(DUE, window_s=60.0))
    judge.shown(20.0, DUE - before_s, True)  # whatever time it truly was
    assert (judge.is_early, judge.alarms[0].is_ahead) == (early, ahead)


def test_silence_is_missed_unless_the_sleeper_asked_for_it() -> None:
    judge = _ringing(_judge(Expected(DUE, dawn_s=60.0)), [])
    assert judge.word == "missed"
    judge.stopped(50.0, DUE - 50.0)
    assert judge.word == "silenced"


def test_a_stop_outside_the_dawn_silences_nothing() -> None:
    judge = _judge(Expected(DUE, dawn_s=60.0))
    judge.stopped(39.0, DUE - 61.0)
    assert judge.word == "missed"


def test_sound_after_a_stop_is_seen_and_so_is_a_snooze_that_never_ends() -> None:
    judge = _ringing(_judge(), [100.0])
    judge.stopped(110.0, DUE + 10.0)
    judge.shown(111.0, DUE + 11.0, True)
    assert not judge.is_again
    judge.shown(113.0, DUE + 13.0, True)
    assert judge.is_again
    judge = _ringing(_judge(), [100.0])
    judge.snoozed(110.0)
    judge.shown(171.0, DUE + 71.0, False)
    assert not judge.is_late
    judge.shown(173.0, DUE + 73.0, False)
    assert judge.is_late


def test_a_ring_that_ends_by_itself_is_seen_after_the_longest_of_pauses() -> None:
    sounding = [100.0, 101.0]
    assert _ringing(_judge(), sounding).fell_silent
    assert not _ringing(_judge(), [*sounding, 130.0, 165.0]).fell_silent
    judge = _judge()
    judge.shown(100.0, DUE, True)
    judge.shown(100.0 + SILENCE_S, DUE + SILENCE_S, False)
    assert not judge.fell_silent
    judge.shown(101.0 + SILENCE_S, DUE + SILENCE_S, False)
    assert judge.fell_silent


@pytest.mark.parametrize("what", ["stopped", "snoozed", "pressed in a process that ended", "clock forward", "rung out"])
def test_silence_that_somebody_may_have_asked_for_is_not_held_against_the_box(what: str) -> None:
    judge = _judge()
    judge.shown(100.0, DUE, True)
    match what:
        case "stopped":
            judge.stopped(110.0, DUE + 10.0)
        case "snoozed":
            judge.snoozed(110.0)
        case "pressed in a process that ended":
            judge.unsure()
        case "clock forward":
            judge.disturbed(110.0, set_forward=True)
        case _:
            judge.shown(3690.0, DUE + 3590.0, True)
            judge.shown(3710.0, DUE + 3610.0, False)
    judge.shown(3740.0 if what == "rung out" else 150.0, DUE + (3640.0 if what == "rung out" else 50.0), False)
    assert not judge.fell_silent


# -- several alarms


def _two(second_s: float, **first: float) -> Judge:
    """Alarms at DUE and so much later."""
    return _judge(Expected(DUE, **first), Expected(DUE + round(second_s)))


def test_the_second_alarm_is_to_ring_into_the_snooze_of_the_first() -> None:
    for sounds, late in ((True, False), (False, True)):
        judge = _two(30.0)
        judge.running(0.0, 200.0, DUE - 100.0)
        judge.shown(100.0, DUE, True)
        judge.snoozed(110.0)
        judge.shown(130.0, DUE + 30.0, sounds)
        judge.shown(170.0, DUE + 70.0, True)
        assert (judge.is_late, judge.is_again) == (late, False)


def test_a_stop_silences_what_rings_and_not_the_alarm_that_is_still_to_come() -> None:
    judge = _two(30.0)
    judge.running(0.0, 200.0, DUE - 100.0)
    judge.shown(100.0, DUE, True)
    judge.stopped(110.0, DUE + 10.0)
    assert (judge.word, judge.hushed_s) == ("missed", None)
    judge.shown(130.0, DUE + 30.0, True)
    assert (judge.word, judge.is_again, judge.is_late) == ("rang", False, False)
    judge.stopped(140.0, DUE + 40.0)
    assert judge.hushed_s == 140.0


def test_two_that_are_due_at_once_are_one_ring() -> None:
    judge = _two(0.0)
    judge.shown(100.0, DUE, True)
    judge.stopped(110.0, DUE + 10.0)
    assert (judge.word, judge.hushed_s) == ("rang", 110.0)


def test_a_good_moment_of_the_second_leaves_the_set_time_of_the_first() -> None:
    first, second = Expected(DUE + 20 * 60, window_s=1800.0), Expected(DUE)
    judge = _judge(first, second)
    judge.shown(10.0, DUE - 90.0, True)
    assert first.is_ahead
    assert not judge.is_early
    judge.stopped(20.0, DUE - 80.0)
    judge.running(20.0, 100.0, DUE - 80.0)
    judge.shown(100.0, DUE, True)
    assert (judge.is_again, second.first_s, judge.word) == (False, 100.0, "rang")


def test_of_two_dawns_a_stop_ends_the_one_that_rings_first() -> None:
    judge = _judge(Expected(DUE + 300, dawn_s=1800.0), Expected(DUE, dawn_s=1800.0))
    judge.stopped(10.0, DUE - 90.0)
    assert [one.hushed_s for one in judge.alarms] == [None, 10.0]


@pytest.mark.parametrize(("after_s", "hushed_s"), [(14.0, None), (16.0, 36.0)])
def test_a_stop_said_twice_is_not_for_the_next_dawn(after_s: float, hushed_s: float | None) -> None:
    judge = _judge(Expected(DUE, dawn_s=1800.0), Expected(DUE + 300, dawn_s=1800.0))
    judge.shown(10.0, DUE, True)
    judge.stopped(20.0, DUE + 10.0)
    judge.stopped(20.0 + after_s, DUE + 10.0 + after_s)
    assert judge.alarms[1].hushed_s == hushed_s


@pytest.mark.parametrize(("for_s", "fell_silent"), [(3598.0, True), (3602.0, False)])
def test_a_ring_that_rang_for_its_hour_is_over_though_the_clock_is_set_back_then(
    for_s: float, fell_silent: bool
) -> None:
    judge = _judge()
    judge.shown(10.0, DUE, True)
    for second in np.arange(11.0, 10.0 + for_s):
        judge.shown(float(second), DUE - 10.0 + float(second), True)
    judge.shown(11.0 + for_s, DUE + 1.0 + for_s, False)
    judge.disturbed(12.0 + for_s)
    judge.shown(100.0 + for_s, DUE + for_s - 1800.0, False)
    assert judge.fell_silent is fell_silent


def test_a_good_moment_in_the_second_of_the_process_s_end_is_asked_for_no_more_but_its_set_time_is() -> None:
    for until_s, is_silence_wrong in ((0.5, False), (30.0, True)):
        alarm = Expected(DUE, window_s=1800.0)
        judge = _judge(alarm)
        for t in np.arange(0.0, until_s, 0.5):
            judge.shown(10.0 + float(t), DUE - 600.0 + float(t), True)
        judge.disturbed(10.0 + until_s)
        for t in np.arange(until_s, 100.0, 0.5):
            judge.shown(10.0 + float(t), DUE - 600.0 + float(t), False)
        assert judge.fell_silent is is_silence_wrong
        assert alarm.is_coming is not is_silence_wrong


def test_a_snooze_counts_only_of_what_a_clock_set_forward_cannot_have_ended() -> None:
    for heard_after, is_late in ((False, False), (True, True)):
        judge = _judge(Expected(DUE))
        judge.shown(100.0, DUE, True)
        judge.disturbed(105.0, set_forward=True)
        if heard_after:
            judge.shown(106.0, DUE + 7200.0, True)
        judge.snoozed(110.0)
        judge.shown(200.0, DUE + 7300.0, False)  # a snooze lasts 60 s
        assert judge.is_late is is_late
