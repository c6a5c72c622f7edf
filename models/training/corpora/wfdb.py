"""Records of PhysioNet: header, signal formats 16, 80 and 212, and MIT annotation files.

WFDB Applications Guide (Moody): header(5), signal(5), annot(5), all at physionet.org/physiotools/wag.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.training.corpora.stages import CorpusError

SKIP, NUM, SUB, CHN, AUX = 59, 60, 61, 62, 63
INVALID = {"16": -32768, "80": -128, "212": -2048}  # the value that means missing
FORMAT = re.compile(r"(\d+)(?:x(\d+))?(?::\d+)?(?:\+(\d+))?")
GAIN = re.compile(r"([-+.\deE]+)(?:\((-?\d+)\))?")


class Channel(NamedTuple):
    """One line of a header."""

    file: str
    format: str
    per_frame: int
    offset: int  # bytes before the first sample
    gain: float
    baseline: float
    label: str


class Header(NamedTuple):
    """A record; ``fs`` is its frames a second."""

    path: Path
    fs: float
    channels: tuple[Channel, ...]


class Note(NamedTuple):
    """An annotation that carries a text."""

    sample: int
    text: str


def read_header(path: Path) -> Header:
    """Read a ``.hea`` file of one segment.  Raises ``CorpusError``."""
    try:
        text = path.read_text(encoding="latin-1")
    except OSError as error:
        raise CorpusError(f"{path.name} cannot be read: {error.strerror or error}") from error
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    try:
        name, count, *rest = lines[0].split()
        fs = float(rest[0].split("/")[0]) if rest else 250.0
        if "/" in name:
            raise CorpusError(f"{path.name}: records of several segments are not read")
        channels = tuple(_channel(line) for line in lines[1 : 1 + int(count)])
    except (ValueError, IndexError) as error:
        raise CorpusError(f"{path.name} is no WFDB header") from error
    if not 0 < fs < float("inf") or len(channels) != int(count) or any(c.per_frame < 1 for c in channels):
        raise CorpusError(f"{path.name} is no WFDB header")
    return Header(path, fs, channels)


def _channel(line: str) -> Channel:
    file, form, *rest = line.split(maxsplit=8)
    parts = FORMAT.fullmatch(form)
    gain = GAIN.match(rest[0]) if rest else None
    if parts is None:
        raise ValueError(form)
    zero = float(rest[2]) if len(rest) > 2 else 0.0
    return Channel(
        file=file,
        format=parts[1],
        per_frame=int(parts[2] or 1),
        offset=int(parts[3] or 0),
        gain=(float(gain[1]) if gain else 0.0) or 200.0,  # 0 is "not calibrated", read as the guide's default
        baseline=float(gain[2]) if gain and gain[2] else zero,
        label=rest[6].strip() if len(rest) > 6 else "",
    )


def read_channel(header: Header, place: int) -> tuple[NDArray[np.float64], float]:
    """One channel in physical units, NaN where missing, (n,), and its rate in Hz.  Raises ``CorpusError``."""
    channel = header.channels[place]
    # The channels of one file lie in it sample by sample.
    size = sum(c.per_frame for c in header.channels if c.file == channel.file)
    start = sum(c.per_frame for c in header.channels[:place] if c.file == channel.file)
    path = header.path.parent / channel.file
    if channel.format not in INVALID:
        raise CorpusError(f"{path.name} is in format {channel.format}; 16, 80 and 212 are read")
    try:
        values = _digital(path, channel)
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path.name} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    frames = values[: values.size // size * size].reshape(-1, size)
    if not len(frames):
        raise CorpusError(f"{path.name} holds no samples")
    digital = frames[:, start : start + channel.per_frame].ravel()
    x = (digital - channel.baseline) / channel.gain
    x[digital == INVALID[channel.format]] = np.nan
    return x, header.fs * channel.per_frame


def _digital(path: Path, channel: Channel) -> NDArray[np.int16]:
    if channel.format == "16":
        count = (path.stat().st_size - channel.offset) // 2
        return np.memmap(path, "<i2", "r", channel.offset, (max(count, 0),)) if count > 0 else np.empty(0, np.int16)
    raw = np.fromfile(path, np.uint8, offset=channel.offset)
    if channel.format == "80":
        return raw.astype(np.int16) - np.int16(128)
    return unpack_212(raw)


def unpack_212(raw: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Two samples of 12 bits in three bytes: low byte, both high nibbles (the first sample's below), low byte."""
    low, high, other = raw[: raw.size // 3 * 3].reshape(-1, 3).astype(np.int16).T
    pairs = np.stack((low | (high & 0x0F) << 8, other | (high & 0xF0) << 4), axis=1).ravel()
    pairs[pairs > 2047] -= 4096
    signed: NDArray[np.int16] = pairs
    return signed


def read_notes(path: Path) -> tuple[list[Note], float | None]:
    """The annotations that carry a text, and the rate in Hz that their samples are of where the file tells another
    than the record's.  Raises ``CorpusError``, ``OSError``, or ValueError where that rate is no number.
    """
    return parse_notes(path.read_bytes(), path.name)


def parse_notes(raw: bytes, name: str) -> tuple[list[Note], float | None]:
    """The same of a file's bytes."""
    notes: list[Note] = []
    fs: float | None = None
    sample = at = 0
    while at + 2 <= len(raw):
        word = raw[at] | raw[at + 1] << 8
        code, number = word >> 10, word & 0x3FF
        at += 2
        if word == 0:
            break
        if code == SKIP:  # high half first, the low byte of each half first
            high, low = raw[at : at + 2], raw[at + 2 : at + 4]
            sample += int.from_bytes(low + high, "little", signed=True)
            at += 4
        elif code == AUX:
            text = raw[at : at + number].decode("latin-1").strip(" \0")
            at += number + number % 2
            if text.startswith("## time resolution:"):
                fs = float(text.split(":")[1])
            elif not text.startswith("##"):
                notes.append(Note(sample, text))
        elif code not in (NUM, SUB, CHN):
            sample += number
    if at > len(raw):
        raise CorpusError(f"{name} is cut short")
    return notes, fs
