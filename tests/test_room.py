"""The room without our own lamp in it, and without news that is no news any more."""

from __future__ import annotations

from appliance.clock import Instant
from appliance.room import STALE_S, Room
from appliance.status import RoomStatus
from drivers.readings import EnvironmentReading

MIDNIGHT = 1_767_657_600


def reading(t_s: float, lx: float | None = 40.0) -> EnvironmentReading:
    return EnvironmentReading(t_s, temperature_c=19.5, illuminance_lx=lx)


def test_the_lamps_own_light_is_left_out_and_the_rest_is_not() -> None:
    room = Room()
    assert room.take([reading(99.0)], lamp_is_lit=False, now_s=100.0) == [reading(99.0)]
    assert room.take([reading(119.0)], lamp_is_lit=True, now_s=120.0) == [reading(119.0, None)]
    assert room.status(120.0) == RoomStatus(temperature_c=19.5)


def test_a_look_that_began_before_the_lamp_went_out_is_the_lamps_too() -> None:
    room = Room()
    room.take([], lamp_is_lit=True, now_s=200.0)
    told = room.take([reading(199.0), reading(201.5), reading(202.5)], lamp_is_lit=False, now_s=205.0)
    assert [one.illuminance_lx for one in told] == [None, None, 40.0]


def test_old_news_is_no_news() -> None:
    room = Room()
    assert room.status(0.0) == RoomStatus()
    room.take([reading(10.0)], lamp_is_lit=False, now_s=11.0)
    assert room.status(10.0 + STALE_S).temperature_c == 19.5
    assert room.status(10.1 + STALE_S) == RoomStatus()


def test_a_minute_is_recorded_once() -> None:
    room = Room()
    room.take([reading(10.0)], lamp_is_lit=False, now_s=11.0)
    first = room.record(Instant(11.0, MIDNIGHT + 59.0))
    assert first is not None
    assert (first.utc_s, first.temperature_c, first.illuminance_lx) == (MIDNIGHT, 19.5, 40.0)
    assert room.record(Instant(11.9, MIDNIGHT + 59.9)) is None
    assert room.record(Instant(12.0, MIDNIGHT + 60.0)) is not None
