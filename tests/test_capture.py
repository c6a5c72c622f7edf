"""Capture files: what is written is read back, and damage is one clear line."""

from __future__ import annotations

import gzip
import io
import json
import logging
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.capture import (
    MAX_RECORD,
    Capture,
    CaptureError,
    CaptureHeader,
    CaptureWriter,
    Channel,
    Record,
    open_capture,
)
from drivers.readings import Module

HEADER = CaptureHeader(Module.ACCONEER, "2026-11-23T22:10:00Z", {"sensor_config": {"start_point": 160}, "bed": "left"})
RECORDS = [
    Record(0.0, Channel.RADAR_RX, b"\x01\n\x00"),
    Record(0.25, Channel.RADAR_TX, b""),
    Record(1.5, Channel.ENVIRONMENT, b'{"temperature_c": 20.5}'),
    Record(1.5, Channel.BUTTON, b"1"),
]


def written(records: list[Record] = RECORDS, header: CaptureHeader = HEADER) -> bytes:
    stream = io.BytesIO()
    writer = CaptureWriter(stream, header)
    for record in records:
        writer.write(*record)
    return stream.getvalue()


def read(data: bytes) -> list[Record]:
    return list(Capture(io.BytesIO(data), "night.flcap"))


def test_a_record_is_laid_out_as_documented() -> None:
    line, rest = written([Record(1.5, Channel.RADAR_TX, b"ab")]).split(b"\n", 1)
    assert json.loads(line) == {
        "format": "firstlight-capture",
        "version": 1,
        "module": "acconeer",
        "started_utc": "2026-11-23T22:10:00Z",
        "sensor_config": {"start_point": 160},
        "bed": "left",
    }
    assert rest == struct.pack("<d", 1.5) + b"\x01" + b"\x02\x00\x00\x00" + b"ab"


@pytest.mark.parametrize("name", ["night.flcap", "night.flcap.gz"])
def test_a_capture_is_read_back_compressed_or_not(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(written()) if name.endswith(".gz") else written())
    with open_capture(path) as capture:
        assert capture.header == HEADER
        assert list(capture) == RECORDS


@given(st.lists(st.builds(Record, st.floats(0, 1e6), st.sampled_from(Channel), st.binary(max_size=100)), max_size=20))
def test_any_records_are_read_back(records: list[Record]) -> None:
    assert read(written(records)) == records


def test_a_cut_last_record_is_left_out_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    whole = written()
    for cut in range(1, 14):  # the last record has 14 bytes
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert read(whole[:-cut]) == RECORDS[:-1]
        assert [record.getMessage() for record in caplog.records] == [
            "night.flcap: the last record is cut short and left out"
        ]


def test_a_cut_compressed_capture_gives_what_came_before(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    records = [Record(float(index), Channel.RADAR_RX, bytes([index % 251]) * 50) for index in range(2000)]
    path = tmp_path / "night.flcap.gz"
    path.write_bytes(gzip.compress(written(records))[:-200])
    with open_capture(path) as capture, caplog.at_level(logging.WARNING):
        found = list(capture)
    assert found == records[: len(found)]
    assert len(found) > 100
    assert len(caplog.records) == 1


def test_channels_of_later_versions_are_passed_over() -> None:
    later = struct.pack("<dBI", 0.5, 9, 3) + b"abc"
    assert read(written(RECORDS[:1]) + later + written(RECORDS[1:]).split(b"\n", 1)[1]) == RECORDS


@pytest.mark.parametrize(
    "head",
    [struct.pack("<dBI", 1.0, 0, MAX_RECORD + 1), struct.pack("<dBI", float("nan"), 0, 0)],
    ids=["longer than any record", "at no time"],
)
def test_a_record_that_cannot_be_is_named(head: bytes) -> None:
    with pytest.raises(CaptureError, match=r"^night\.flcap is damaged: [^\n]*$"):
        read(written() + head + bytes(100))


def test_long_data_are_written_in_pieces() -> None:
    data = bytes(MAX_RECORD + 5)
    assert b"".join(record.data for record in read(written([Record(1.0, Channel.RADAR_RX, data)]))) == data


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "is not a capture"),
        (b"\x01\x24\x88\x00", "is not a capture"),
        (b'{"format": "other"}\n', "is not a capture"),
        (b"[1]\n", "is not a capture"),
        (b'{"format": "firstlight-capture", "version": 2}\n', "version 2"),
        (b'{"format": "firstlight-capture", "version": 1, "module": "sonar"}\n', "module must be one of"),
        (b'{"format": "firstlight-capture", "version": 1, "module": ["tinyframe"]}\n', "module must be one of"),
        (b'{"format": "firstlight-capture", "version": 1, "module": "tinyframe"}\n', "started_utc"),
    ],
)
def test_what_is_no_capture_is_said_in_one_line(tmp_path: Path, line: bytes, words: str) -> None:
    path = tmp_path / "night.flcap"
    path.write_bytes(line)
    with pytest.raises(CaptureError, match=words) as caught:
        open_capture(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"cannot read .*: No such file or directory"):
        open_capture(tmp_path / "none.flcap")


def test_a_header_keeps_its_own_keys_whatever_the_others_are_called() -> None:
    header = CaptureHeader(Module.TINYFRAME, "2026-11-23T22:10:00Z", {"module": "other", "version": 9})
    assert Capture(io.BytesIO(header.line()), "x").header.module is Module.TINYFRAME
