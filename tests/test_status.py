"""The status file: what is written is read; absence, damage and age are told apart from a night."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.status import RadarStatus, RoomStatus, Status, read_status, status_age_s, write_status

FULL = Status(
    utc_s=1_795_680_000.5,
    present=True,
    confidence=0.9375,
    presence_reason="breathing seen for 40 s",
    rate_brpm=14.25,
    breathing_quality=0.75,
    stage="deep",
    stage_probability=0.625,
    entered_utc=1_795_644_600,
    session_id=1_795_644_600,
    alarm_phase="dawn",
    next_alarm_utc=1_795_681_800,
    dawn_utc=1_795_680_000,
    alarms=({"hour": 7, "minute": 30, "weekdays": [0, 1]},),
    alarm_facts={"1": {"due_utc": 1_795_681_800, "ended_utc": None}},
    is_reading=True,
    is_previewing=True,
    pairing_until_utc=1_795_680_100,
    lamp=(0.5, 0.25, 0.0),
    standby=False,
    radar=RadarStatus(True, "tinyframe", "1.6.4", None),
    room=RoomStatus(19.5, 45.0, 0.25, None, 1013.25),
    complaints=("no model: nights are recorded without stages",),
    simulated=True,
    speed=60.0,
    trace=(0.125, None, -0.25),
)


def test_a_status_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    for status in (FULL, Status(utc_s=0.0)):
        write_status(path, status)
        assert read_status(path) == status
    assert [f.name for f in tmp_path.iterdir()] == ["status.json"]


def test_a_nan_that_slipped_in_is_missing_and_not_the_end_of_the_loop(tmp_path: Path) -> None:
    write_status(tmp_path / "s", Status(utc_s=1.0, rate_brpm=math.nan, trace=(math.inf, 1.0)))
    status = read_status(tmp_path / "s")
    assert status is not None
    assert status.rate_brpm is None
    assert status.trace == (None, 1.0)


def test_absence_and_damage_are_no_status(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    assert read_status(path) is None
    assert read_status(tmp_path) is None  # a folder
    for damage in (b"", b"[]", b"3", b'"x"', b"{}", b'{"utc_s": 1, "radar": 7}', b'{"utc_s": "noon"}', b"\xff\xfe"):
        path.write_bytes(damage)
        assert read_status(path) is None, damage


def test_a_newer_status_is_read_for_what_is_known(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_text(json.dumps({"utc_s": 5.0, "a_later_field": [1]}))
    assert read_status(path) == Status(utc_s=5.0)


@given(st.integers(0, 2000), st.integers(1, 255))
def test_no_damaged_byte_raises(tmp_path_factory: pytest.TempPathFactory, at: int, flip: int) -> None:
    path = tmp_path_factory.mktemp("status") / "status.json"
    write_status(path, FULL)
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= flip
    path.write_bytes(data)
    read_status(path)
    path.write_bytes(data[: at % len(data)])
    assert read_status(path) is None


def test_age_is_told_by_the_wall_clock_and_not_by_a_simulated_one(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    assert status_age_s(path, 1000.0) is None
    write_status(path, FULL)
    os.utime(path, (1000.0, 1000.0))
    assert status_age_s(path, 1007.5) == 7.5
    assert status_age_s(path, 900.0) == 0.0  # the clock was set back in between
