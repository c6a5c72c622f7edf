"""Recorded bytes, read and written: .flcap files, version 1, plain or gzip-compressed.

The first line is JSON; then come records of seconds since the start (float64), channel (uint8), length (uint32) and
that many bytes, all little-endian.
"""

from __future__ import annotations

import gzip
import io
import json
import logging
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from drivers.readings import Module

FORMAT, VERSION = "firstlight-capture", 1
MAX_HEADER = 1 << 16
MAX_RECORD = 1 << 20  # a read from a serial port is a few kilobytes: a longer record is damage

_RECORD = struct.Struct("<dBI")
_GZIP_MAGIC = b"\x1f\x8b"
_log = logging.getLogger(__name__)


class CaptureError(Exception):
    """The file cannot be used as a capture; the message is one line for the user."""


class Channel(IntEnum):
    """Where a record's bytes came from."""

    RADAR_RX = 0  # from the radar
    RADAR_TX = 1  # to the radar
    ENVIRONMENT = 2  # a reading as JSON
    BUTTON = 3  # its level, b"0" or b"1"


class Record(NamedTuple):
    """Bytes and when they came, in seconds since the capture's start."""

    t_s: float
    channel: Channel
    data: bytes


@dataclass(frozen=True, slots=True)
class CaptureHeader:
    """A capture's first line; ``extra`` holds every other key (``sensor_config`` of an Acconeer capture)."""

    module: Module
    started_utc: str  # ISO 8601
    extra: dict[str, Any] = field(default_factory=dict)

    def line(self) -> bytes:
        """The header as it stands in the file."""
        known = {"format": FORMAT, "version": VERSION, "module": self.module.value, "started_utc": self.started_utc}
        return json.dumps({**known, **self.extra, **known}).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes, name: str) -> CaptureHeader:
        """Raises CaptureError where the line is not a header of version 1; ``name`` is the file's, for the message."""
        try:
            fields = json.loads(line.decode())
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict) or fields.pop("format", None) != FORMAT:
            raise CaptureError(f"{name} is not a capture; raw bytes of a module are read with 'firstlight decode'")
        if (version := fields.pop("version", None)) != VERSION:
            raise CaptureError(f"{name} is a capture of version {version}; this program reads version {VERSION}")
        module, started_utc = fields.pop("module", None), fields.pop("started_utc", None)
        if module not in list(Module):
            raise CaptureError(f"{name}: module must be one of {', '.join(Module)}, not {module!r}")
        if not isinstance(started_utc, str):
            raise CaptureError(f"{name}: started_utc is missing from the first line")
        return cls(Module(module), started_utc, fields)


class CaptureWriter:
    """Writes a header and then records to a binary stream that the caller opened and closes."""

    def __init__(self, stream: BinaryIO, header: CaptureHeader) -> None:
        self._stream = stream
        stream.write(header.line())

    def write(self, t_s: float, channel: Channel, data: bytes) -> None:
        """One record, ``t_s`` seconds after the start; longer ones are cut into pieces that a reader takes."""
        for begin in range(0, max(len(data), 1), MAX_RECORD):
            piece = data[begin : begin + MAX_RECORD]
            self._stream.write(_RECORD.pack(t_s, channel, len(piece)) + piece)


class Capture:
    """An open capture: iterate over its records, once.  A context manager that closes the file."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        """``stream``: positioned at the start; raises CaptureError where it is no capture."""
        self._stream, self._name = stream, name
        try:
            line = stream.readline(MAX_HEADER)
        except (OSError, EOFError, zlib.error):
            line = b""
        self.header = CaptureHeader.parse(line, name)

    def __iter__(self) -> Iterator[Record]:
        """Raises CaptureError at a record that cannot be one; one that is cut short ends the capture with a warning."""
        try:
            yield from self._records()
        except (EOFError, zlib.error, gzip.BadGzipFile):  # the compressed stream itself ends early
            self._warn_of_cut()
        except OSError as error:
            raise CaptureError(f"cannot read on in {self._name}: {error.strerror or error}") from None

    def _records(self) -> Iterator[Record]:
        channels = {channel.value: channel for channel in Channel}
        read = self._stream.read
        while head := read(_RECORD.size):
            if len(head) < _RECORD.size:
                self._warn_of_cut()
                return
            t_s, number, length = _RECORD.unpack(head)
            if not math.isfinite(t_s) or length > MAX_RECORD:
                raise CaptureError(f"{self._name} is damaged: a record of {length} bytes at {t_s} s")
            data = read(length)
            if len(data) < length:
                self._warn_of_cut()
                return
            channel = channels.get(number)
            if channel is not None:  # other channels are for later versions to read
                yield Record(t_s, channel, data)

    def __enter__(self) -> Capture:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._stream.close()

    def _warn_of_cut(self) -> None:
        _log.warning("%s: the last record is cut short and left out", self._name)


def open_capture(path: Path) -> Capture:
    """Opens a capture, compressed or not; raises CaptureError with one line."""
    try:
        with path.open("rb") as start:
            compressed = start.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        stream = cast(BinaryIO, io.BufferedReader(gzip.GzipFile(path)) if compressed else path.open("rb"))
    except OSError as error:
        raise CaptureError(f"cannot read {path}: {error.strerror or error}") from None
    try:
        return Capture(stream, path.name)
    except CaptureError:
        stream.close()
        raise
