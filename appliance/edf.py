"""EDF and EDF+ recordings: one signal in physical units, and the annotations.

EDF: Kemp et al. 1992, doi 10.1016/0013-4694(92)90009-7.  EDF+: Kemp and Olivan 2003, doi 10.1016/S1388-2457(03)00123-8.
16-bit samples lie in data records of equal length; in EDF+D those need not follow on each other, and each tells its
own start in an annotation without text.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from appliance.channels import breathing_signals

HEAD = 256
FIELDS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)  # label, transducer, unit, minima, maxima, filter, samples, reserved
LABEL, PHYSICAL_MIN, PHYSICAL_MAX, DIGITAL_MIN, DIGITAL_MAX, SAMPLES = 0, 3, 4, 5, 6, 8
ANNOTATIONS = "EDF Annotations"
BLOCK_BYTES = 1 << 22
LONGEST_S = 2 * 86_400.0  # a gap beyond this is an error of the file and not a pause


class EdfError(Exception):
    """The file cannot be read as EDF; one line."""


class Signal(NamedTuple):
    """One channel in physical units; ``fs`` in Hz; the first sample is at the recording's start, gaps are NaN."""

    label: str
    samples: NDArray[np.float64]  # (n,)
    fs: float


class Annotation(NamedTuple):
    """A text of an EDF+ file."""

    onset_s: float  # since the start in the header
    duration_s: float  # 0 where none is told
    text: str


def read_signal(path: Path, name: str | None) -> Signal:
    """The signal called ``name``, or the first of those that name breathing (channels.py) and is not flat.

    Raises ``EdfError``.
    """
    return Edf(path).breathing(name)


class Edf:
    """A recording whose header was read.  Raises ``EdfError``; so does every method."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        try:
            with path.open("rb") as file:
                head = file.read(HEAD)
                if head[:1] == b"\xff":
                    raise EdfError(f"{self.name} is BDF (24 bits), not EDF")
                channels = _whole(head[252:256], "number of signals", self.name)
                if not 1 <= channels <= 4096:
                    raise EdfError(f"{self.name} is not EDF: it tells of {channels} signals")
                rest = file.read(HEAD * channels)
            if len(rest) < HEAD * channels:
                raise EdfError(f"{self.name} is cut short in its header")
            self._columns = _columns(rest, channels)
            self.labels = self._columns[LABEL]
            self._record_s = _number(head[244:252], "duration of a record", self.name)
            self._sizes = [
                _whole(text.encode("latin-1"), "samples a record", self.name) for text in self._columns[SAMPLES]
            ]
            if min(self._sizes) < 0 or sum(self._sizes) == 0 or self._record_s < 0:
                raise EdfError(f"{self.name} is not EDF: its records are empty")
            self.start_s = _time_of_day(head[176:184])
            self._interrupted = head[192:197] == b"EDF+D"
            self._records = self._there(_whole(head[236:244], "number of records", self.name))
        except OSError as error:
            raise EdfError(f"{self.name} cannot be read: {error.strerror or error}") from error

    def breathing(self, name: str | None = None) -> Signal:
        """The signal called ``name``, or the preferred breathing signal that is not flat."""
        labels = [label for label in self.labels if label != ANNOTATIONS]
        there = f"there are {', '.join(labels)}" if labels else "there is none"
        if name is not None:
            matches = [k for k, label in enumerate(self.labels) if label.lower() == name.strip().lower()]
            if not matches or self.labels[matches[0]] == ANNOTATIONS:
                raise EdfError(f"{self.name} has no signal {name}; {there}")
            return self.signal(matches[0])
        places = breathing_signals(self.labels)
        if not places:
            raise EdfError(f"{self.name}: say with --signal which one is the breathing; {there}")
        signals = (self.signal(place) for place in places)
        return next((s for s in signals if np.nanmin(s.samples) < np.nanmax(s.samples)), self.signal(places[0]))

    def signal(self, place: int) -> Signal:
        """The signal at a place of ``labels``."""
        label = self.labels[place]
        low, high = self._field(PHYSICAL_MIN, place, label), self._field(PHYSICAL_MAX, place, label)
        bottom, top = self._field(DIGITAL_MIN, place, label), self._field(DIGITAL_MAX, place, label)
        if self._record_s == 0 or self._sizes[place] == 0 or top == bottom or high == low:
            raise EdfError(f"{self.name}: the header of {label} makes no sense")
        fs = self._sizes[place] / self._record_s
        values = self._digital(place).astype(np.float64)
        values -= bottom
        values *= (high - low) / (top - bottom)
        values += low
        if self._interrupted:
            values = self._with_gaps(values, fs)
        return Signal(label, values.ravel(), fs)

    def annotations(self) -> list[Annotation]:
        """Every text of the EDF+ file in the order of onset; none in plain EDF."""
        found = []
        for place, label in enumerate(self.labels):
            if label == ANNOTATIONS:
                for record in self._digital(place):
                    found += [a for a in _lists(record.tobytes(), self.name) if a.text]
        return sorted(found)

    def _field(self, field: int, place: int, what: str) -> float:
        return _number(self._columns[field][place].encode("latin-1"), f"header of {what}", self.name)

    def _there(self, told: int) -> int:
        """How many whole records there are: a recorder that was cut off told another number, or -1."""
        there = (self._path.stat().st_size - self._body_at) // (2 * sum(self._sizes))
        records = there if told < 0 else min(told, there)
        if records < 1:
            raise EdfError(f"{self.name} holds no whole data record")
        return records

    @property
    def _body_at(self) -> int:
        return HEAD * (len(self.labels) + 1)

    def _digital(self, place: int) -> NDArray[np.int16]:
        """(records, samples of a record) of one signal, block by block: all signals may be half a gigabyte."""
        size, start = sum(self._sizes), sum(self._sizes[:place])
        kept = np.empty((self._records, self._sizes[place]), np.int16)
        block = np.empty((max(BLOCK_BYTES // (2 * size), 1), size), "<i2")
        try:
            with self._path.open("rb", buffering=0) as file:
                file.seek(self._body_at)
                for first in range(0, self._records, len(block)):
                    some = kept[first : first + len(block)]
                    if file.readinto(block.data) < 2 * size * len(some):
                        raise EdfError(f"{self.name} became shorter while it was read")
                    some[:] = block[: len(some), start : start + self._sizes[place]]
        except OSError as error:
            raise EdfError(f"{self.name} cannot be read: {error.strerror or error}") from error
        return kept

    def _with_gaps(self, values: NDArray[np.float64], fs: float) -> NDArray[np.float64]:
        """Records at the times that they tell, NaN between them."""
        if ANNOTATIONS not in self.labels:
            raise EdfError(f"{self.name} is EDF+D without {ANNOTATIONS}: nothing tells where its gaps are")
        place = self.labels.index(ANNOTATIONS)
        lists = (_lists(record.tobytes(), self.name) for record in self._digital(place))
        onset_s = np.array([next((a.onset_s for a in found if not a.text), math.nan) for found in lists])
        # Half a sample of slack: onsets are decimal texts.
        if not np.isfinite(onset_s).all() or onset_s[0] < 0 or (np.diff(onset_s) < self._record_s - 0.5 / fs).any():
            raise EdfError(f"{self.name}: the times of its records are missing or run backwards")
        if onset_s[-1] > LONGEST_S:
            raise EdfError(f"{self.name}: its last record is said to begin after {onset_s[-1] / 3600:.0f} h")
        first = np.rint(onset_s * fs).astype(np.int64)
        whole = np.full(int(first[-1]) + values.shape[1], np.nan)
        whole[first[:, None] + np.arange(values.shape[1])] = values
        return whole


def _number(text: bytes, what: str, name: str) -> float:
    try:
        value = float(text.decode("ascii"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise EdfError(f"{name} is not EDF: its {what} is no number")
    return value


def _whole(text: bytes, what: str, name: str) -> int:
    value = _number(text, what, name)
    if value != int(value):
        raise EdfError(f"{name} is not EDF: its {what} is {value:g}")
    return int(value)


def _time_of_day(text: bytes) -> float | None:
    """hh.mm.ss in seconds; None where the file does not say."""
    try:
        hours, minutes, seconds = (int(part) for part in text.decode("ascii").split("."))
    except ValueError:
        return None
    return hours * 3600.0 + minutes * 60.0 + seconds


def _columns(rest: bytes, channels: int) -> list[list[str]]:
    """The ten header fields, each for every channel."""
    columns, at = [], 0
    for width in FIELDS:
        columns.append(
            [rest[at + c * width : at + (c + 1) * width].decode("latin-1").strip(" \0") for c in range(channels)]
        )
        at += width * channels
    return columns


def _lists(record: bytes, name: str) -> list[Annotation]:
    """The time-stamped annotation lists of one record: ``+onset[0x15 duration]0x14 text 0x14 ... 0x00`` each."""
    found = []
    for entry in record.split(b"\0"):
        if not entry:
            continue
        stamp, *texts = entry.split(b"\x14")
        onset, _, duration = stamp.partition(b"\x15")
        if not texts or not onset.startswith((b"+", b"-")):
            raise EdfError(f"{name}: an annotation cannot be read")
        onset_s = _number(onset, "annotation's onset", name)
        duration_s = _number(duration, "annotation's duration", name) if duration else 0.0
        # Each text is closed by 0x14, so the last piece is what follows it: nothing.
        found += [Annotation(onset_s, duration_s, text.decode("utf-8", "replace").strip()) for text in texts[:-1]]
    return found
