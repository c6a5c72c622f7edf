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


def test_one_damaged_file_costs_nothing_and_is_made_good(tmp_path: Path) -> None:
    copy = AlarmCopy(tmp_path)
    copy.save(FIRST)
    copy.save(SECOND)
    for name in ("alarm.json", "alarm.previous.json"):
        for damage in (b"", b"{", b"\x00" * 200):
            (tmp_path / name).write_bytes(damage)
            assert copy.load() == SECOND
            assert copy.save(SECOND)
    (tmp_path / "alarm.json").unlink()
    assert copy.load() == SECOND
    (tmp_path / "alarm.previous.json").write_bytes(b"{")
    assert copy.load() is None


def test_a_write_that_was_cut_between_the_two_leaves_the_newer(tmp_path: Path) -> None:
    copy = AlarmCopy(tmp_path)
    copy.save(FIRST)
    (tmp_path / "alarm.previous.json.new").mkdir()  # in the way of the second file
    assert not copy.save(SECOND)
    assert copy.load() == SECOND
    (tmp_path / "alarm.json").unlink()
    assert copy.load() == FIRST


@given(st.data())
def test_any_flipped_or_cut_byte_costs_nothing(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("copy")
    copy = AlarmCopy(folder)
    copy.save(FIRST)
    copy.save(SECOND)
    good = (folder / "alarm.json").read_bytes()
    at = data.draw(st.integers(0, len(good) - 1))
    cut = data.draw(st.booleans())
    bad = good[:at] if cut else good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :]
    (folder / "alarm.json").write_bytes(bad)
    assert copy.load() == SECOND


def test_saving_the_same_again_writes_nothing(tmp_path: Path) -> None:
    copy = AlarmCopy(tmp_path)
    copy.save(FIRST)
    files = [tmp_path / "alarm.json", tmp_path / "alarm.previous.json"]
    before = [os.stat(file).st_ino for file in files]
    copy.save(json.loads(json.dumps(FIRST)))
    assert [os.stat(file).st_ino for file in files] == before


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
