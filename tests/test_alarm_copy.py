"""The alarm's copy: whatever is cut or flipped, the newest good one is used."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.alarm_copy import AlarmCopy

FIRST = {"setting": {"hour": 7, "minute": 0, "weekdays": [0, 1]}, "facts": {}}
SECOND = {"setting": {"hour": 8, "minute": 30, "weekdays": []}, "facts": {"rang_utc": None, "note": "früh"}}


def test_nothing_was_saved_yet(tmp_path: Path) -> None:
    assert AlarmCopy(tmp_path).load() is None
    assert AlarmCopy(tmp_path / "absent").load() is None


def test_the_latest_copy_is_read_back(tmp_path: Path) -> None:
    copy = AlarmCopy(tmp_path / "state")
    assert copy.save(FIRST)
    assert copy.save(SECOND)
    assert AlarmCopy(tmp_path / "state").load() == SECOND


def test_a_damaged_copy_gives_way_to_the_previous_and_is_not_kept(tmp_path: Path) -> None:
    copy = AlarmCopy(tmp_path)
    copy.save(FIRST)
    copy.save(SECOND)
    (tmp_path / "alarm.json").write_bytes(b"")
    assert copy.load() == FIRST
    copy.save(SECOND)  # must not push the damaged file over the good previous one
    (tmp_path / "alarm.json").write_bytes(b"{")
    assert copy.load() == FIRST
    (tmp_path / "alarm.json").unlink()
    assert copy.load() == FIRST
    (tmp_path / "alarm.previous.json").write_bytes(b"\x00" * 200)
    assert copy.load() is None


@given(st.data())
def test_any_flipped_or_cut_byte_gives_the_previous_copy_or_the_same(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("copy")
    copy = AlarmCopy(folder)
    copy.save(FIRST)
    copy.save(SECOND)
    good = (folder / "alarm.json").read_bytes()
    at = data.draw(st.integers(0, len(good) - 1))
    cut = data.draw(st.booleans())
    bad = good[:at] if cut else good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :]
    (folder / "alarm.json").write_bytes(bad)
    assert copy.load() in (FIRST, SECOND)


def test_saving_the_same_again_writes_nothing(tmp_path: Path) -> None:
    copy = AlarmCopy(tmp_path)
    copy.save(FIRST)
    before = os.stat(tmp_path / "alarm.json").st_ino
    copy.save(json.loads(json.dumps(FIRST)))
    assert os.stat(tmp_path / "alarm.json").st_ino == before
    assert not (tmp_path / "alarm.previous.json").exists()


def test_a_disk_that_takes_nothing_is_said_once_lost_and_once_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder = tmp_path / "state"
    folder.write_bytes(b"")  # a file where the folder should be
    copy = AlarmCopy(folder)
    assert not copy.save(FIRST)
    assert not copy.save(SECOND)
    assert caplog.text.count("cannot be written") == 1
    folder.unlink()
    assert copy.save(SECOND)
    assert caplog.text.count("is written again") == 1
    assert copy.load() == SECOND
