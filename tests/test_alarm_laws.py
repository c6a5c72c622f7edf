"""The phase as a law: what holds of any alarm, on the nights that break clocks too, whatever is pressed and when.

Each night is lived by the supervisor's own rule (settle, store, show), in turns of any length; the set time is found
apart from the code under test, by looking at a wall clock minute after minute.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.alarm import NO_FACTS, AlarmEvent, AlarmFacts, Phase, after, may_ring, phase, settled
from appliance.alarm_setting import AlarmSetting

DAY_S = 86_400
NIGHTS = (
    ("Europe/Berlin", "2026-03-29"),  # an hour is skipped at 02:00
    ("Europe/Berlin", "2026-10-25"),  # an hour comes twice, from 02:00
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-10-04"),  # half an hour is skipped
    ("America/Santiago", "2026-09-06"),  # midnight itself is skipped
    ("UTC", "2028-02-29"),
    ("Pacific/Auckland", "2028-02-29"),
    ("Asia/Kathmandu", "2026-11-24"),  # clocks that never change, a quarter of an hour apart from others
)


@cache
def wall_clock(zone: str, day: str) -> dict[tuple[int, int], int]:
    """The first UTC second at which each minute of that local day is shown, looked up minute after minute."""
    noon = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) + timedelta(hours=12)
    shown: dict[tuple[int, int], int] = {}
    for k in range(-30 * 60, 30 * 60):
        utc_s = int(noon.timestamp()) + 60 * k
        local = datetime.fromtimestamp(utc_s, ZoneInfo(zone))
        if local.date().isoformat() == day:
            shown.setdefault((local.hour, local.minute), utc_s)
    return shown


@dataclass(frozen=True)
class Morning:
    """An alarm and the instant at which it is due."""

    setting: AlarmSetting
    due: int

    @property
    def opens(self) -> int:
        return self.due - 60 * self.setting.window_min


@st.composite
def mornings(draw: st.DrawFn) -> Morning:
    zone, day = draw(st.sampled_from(NIGHTS))
    # The first hours of a day are those in which clocks change and windows reach into the evening before.
    at = (draw(st.one_of(st.integers(0, 3), st.integers(0, 23))), draw(st.integers(0, 59)))
    weekday = date.fromisoformat(day).weekday()
    setting = AlarmSetting(
        enabled=True,
        hour=at[0],
        minute=at[1],
        weekdays=draw(st.sampled_from([frozenset({weekday}), frozenset(range(7))])),
        once=draw(st.sampled_from([None, day])),
        timezone=zone,
        dawn_min=draw(st.integers(0, 60)),
        window_min=draw(st.integers(0, 45)),
        snooze_min=draw(st.integers(1, 30)),
        snooze_count=draw(st.integers(0, 10)),
        ring_max_min=draw(st.integers(1, 120)),
    )
    shown = wall_clock(zone, day)
    # A minute that is skipped is due when the clock is put forward, which is the first minute shown after it.
    return Morning(setting, shown[min(minute for minute in shown if minute >= at)])


class Box:
    """The supervisor's part, with a restart after every single step."""

    def __init__(self, morning: Morning) -> None:
        self.setting = morning.setting
        self.stored = json.dumps(NO_FACTS.as_dict())
        self.first_rings: list[tuple[int | None, int]] = []  # (due, rang)

    @property
    def facts(self) -> AlarmFacts:
        return AlarmFacts.from_dict(json.loads(self.stored))

    def turn(self, now: float) -> Phase:
        return self._store(settled(self.setting, self.facts, now), now)

    def press(self, event: AlarmEvent, now: float) -> Phase:
        return self._store(after(self.facts, event, self.setting, now), now)

    def _store(self, facts: AlarmFacts, now: float) -> Phase:
        before = self.facts
        if facts.rang_utc is not None and (facts.due_utc, facts.rang_utc) != (before.due_utc, before.rang_utc):
            self.first_rings.append((facts.due_utc, facts.rang_utc))
        self.stored = json.dumps(facts.as_dict())
        return phase(self.setting, self.facts, now)


def turns(start: float, end: float, gaps: Iterable[float]) -> list[float]:
    """Instants from ``start``, the gaps over and over, and ``end`` at last."""
    steps, instants = list(gaps), [start]
    while instants[-1] < end:
        instants.append(instants[-1] + steps[len(instants) % len(steps)])
    return [*instants[:-1], end] if len(instants) > 1 else instants


GAPS = st.lists(st.floats(20.0, 300.0), min_size=1, max_size=5)
TRIES = st.lists(st.floats(-3600.0, 60.0), max_size=6)


@settings(max_examples=300)
@given(mornings(), GAPS, TRIES)
def test_one_first_ring_never_before_the_window_and_never_after_the_set_time(
    morning: Morning, gaps: list[float], tries: list[float]
) -> None:
    """``tries``: when, around the set time, somebody finds the moment good."""
    box = Box(morning)
    ringing = range(morning.due - 3700, morning.due + 60 * morning.setting.ring_max_min)
    instants = turns(float(ringing.start), float(ringing.stop - 1), gaps)
    moments = [(now, None) for now in instants] + [(morning.due + t, AlarmEvent.RANG) for t in tries]
    first_turn_due = min(now for now, event in moments if now >= morning.due)
    for now, event in sorted(moments, key=lambda moment: moment[0]):
        here = box.turn(now) if event is None else box.press(event, now)
        if now < morning.opens:
            assert here in (Phase.IDLE, Phase.DAWN)
        if now >= first_turn_due:
            assert len(box.first_rings) == 1
    ((due, rang),) = box.first_rings
    assert due == morning.due
    good = [morning.due + t for t in tries if morning.opens <= morning.due + t < morning.due]
    assert rang == int(min([*good, first_turn_due]))


@given(mornings(), st.data())
def test_the_window_is_open_from_its_first_second_to_the_last_before_the_set_time(
    morning: Morning, data: st.DataObject
) -> None:
    now = morning.due + data.draw(st.integers(-7200, 7200))
    if now < morning.due:
        assert may_ring(morning.setting, NO_FACTS, now) == (morning.opens <= now)
    rang = after(NO_FACTS, AlarmEvent.RANG, morning.setting, morning.opens)
    assert rang == AlarmFacts(due_utc=morning.due, rang_utc=morning.opens, ringing_utc=morning.opens)
    assert after(NO_FACTS, AlarmEvent.RANG, morning.setting, morning.opens - 1) == NO_FACTS


@given(mornings(), st.lists(st.floats(0.0, 59.0), min_size=1, max_size=12), st.booleans())
def test_snoozed_rings_come_at_their_own_time_and_no_oftener_than_was_set(
    morning: Morning, waits: list[float], is_early: bool
) -> None:
    box, now = Box(morning), float(morning.due)
    if is_early:
        now = float(morning.opens)
        box.press(AlarmEvent.RANG, now)
    box.turn(now)
    for k, wait in enumerate(waits):
        pressed = now + wait
        here = box.press(AlarmEvent.SNOOZE, pressed)
        if k >= morning.setting.snooze_count:
            assert here is Phase.RINGING
            return
        ends = int(pressed) + 60 * morning.setting.snooze_min
        assert here is Phase.SNOOZED
        assert box.turn(ends - 0.1) is Phase.SNOOZED
        assert box.press(AlarmEvent.RANG, ends - 0.1) is Phase.SNOOZED  # not even at a good moment
        assert box.turn(ends) is Phase.RINGING  # also over the set time of a ring that came early
        now = float(ends)
    assert len(box.first_rings) == 1


@given(mornings(), st.sampled_from(["window", "ring", "snooze"]), st.lists(st.floats(-0.8, 0.8), max_size=20))
@example(Morning(AlarmSetting(enabled=True, hour=0, window_min=45), 20_000 * DAY_S), "window", [-0.001, 0.0])
def test_dismissed_means_dismissed_whatever_the_clock_does_within_the_day(
    morning: Morning, when: str, days: list[float]
) -> None:
    box, stopped = Box(morning), float(morning.due)
    if when == "window":
        stopped = float(morning.opens)
        box.press(AlarmEvent.RANG, stopped)
    box.turn(stopped)
    if when == "snooze" and morning.setting.snooze_count:
        stopped += 10.0
        assert box.press(AlarmEvent.SNOOZE, stopped) is Phase.SNOOZED
    box.press(AlarmEvent.STOP, stopped + 1.0)
    for now in [stopped + 2.0, morning.due, *(morning.due + day * DAY_S for day in days)]:
        assert box.turn(now) not in (Phase.RINGING, Phase.SNOOZED)
        for event in (AlarmEvent.SNOOZE, AlarmEvent.RANG):
            assert box.press(event, now) not in (Phase.RINGING, Phase.SNOOZED)
    assert [due for due, _ in box.first_rings] == [morning.due]


SCRIPT = st.lists(
    st.tuples(st.sampled_from([None, *AlarmEvent]), st.one_of(st.floats(0.1, 900.0), st.integers(-90_000, 90_000))),
    max_size=40,
)


@given(mornings(), st.floats(-7200.0, 600.0), SCRIPT)
def test_a_restart_changes_nothing(
    morning: Morning, start_s: float, script: list[tuple[AlarmEvent | None, float]]
) -> None:
    """``Box`` starts anew from JSON after every step; beside it, facts that stay in memory and are settled twice."""
    box, facts, now = Box(morning), NO_FACTS, morning.due + start_s
    for event, gap in script:
        now += gap
        here = box.turn(now) if event is None else box.press(event, now)
        facts = settled(morning.setting, facts, now)
        facts = facts if event is None else after(facts, event, morning.setting, now)
        assert settled(morning.setting, facts, now) == facts
        assert (here, box.facts) == (phase(morning.setting, facts, now), facts)


@given(mornings(), st.floats(0.001, 0.999), st.floats(60.0, 40_000.0))
def test_a_clock_set_forward_over_the_set_time_rings_at_once_and_set_back_never_again(
    morning: Morning, share: float, before_s: float
) -> None:
    box = Box(morning)
    assert box.turn(morning.due - before_s) in (Phase.IDLE, Phase.DAWN)
    jumped = morning.due + share * 60 * morning.setting.ring_max_min
    assert box.turn(jumped) is Phase.RINGING
    assert box.press(AlarmEvent.STOP, jumped + 5.0) in (Phase.DONE, Phase.DAWN, Phase.IDLE)
    back = morning.due - before_s
    for now in turns(back, float(morning.due + 60), [600.0, 59.0]):
        assert box.turn(now) not in (Phase.RINGING, Phase.SNOOZED)
    assert len(box.first_rings) == 1


@given(mornings(), st.floats(10.0, 30_000.0))
def test_a_ring_that_the_clock_leaves_ahead_of_it_goes_on_and_is_no_second_one(morning: Morning, back_s: float) -> None:
    box = Box(morning)
    box.turn(morning.due + 1.0)
    back = morning.due - back_s
    assert box.turn(back) is Phase.RINGING
    if morning.setting.snooze_count:
        assert box.press(AlarmEvent.SNOOZE, back) is Phase.SNOOZED
        back -= back_s
        assert box.turn(back) is Phase.SNOOZED
        back = float(int(back) + 60 * morning.setting.snooze_min)
        assert box.turn(back - 0.1) is Phase.SNOOZED  # counted anew, and no longer than was set
        assert box.turn(back) is Phase.RINGING
    assert box.turn(back + 60 * morning.setting.ring_max_min) not in (Phase.RINGING, Phase.SNOOZED)
    assert len(box.first_rings) == 1


@given(mornings())
def test_an_alarm_that_is_off_or_skipped_is_silent(morning: Morning) -> None:
    for setting in (replace(morning.setting, enabled=False), replace(morning.setting, skip_utc=morning.due)):
        box = Box(Morning(setting, morning.due))
        for now in turns(morning.due - 3700.0, morning.due + 3600.0, [300.0]):
            assert box.turn(now) is Phase.IDLE
            assert box.press(AlarmEvent.RANG, now) is Phase.IDLE
