"""A recording with its stages as a night of features, as the box would have sensed it; and such nights read back."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from appliance.channels import breathing_signals
from appliance.edf import Edf, Signal
from appliance.recording import ticks_from_recording
from appliance.respiration import epochs_of
from models.contract import EPOCH_S
from models.training.corpora import wfdb
from models.training.corpora.catalogue import TEST_PEOPLE, Recording, person_of
from models.training.corpora.scorings import read_stages
from models.training.corpora.stages import CorpusError, Span, stages_of
from models.training.dataset import NO_STAGE, PARTIAL, Night, night_of_epochs, read_nights

PREFIX = "real-belt-"
AROUND_EPOCHS = 60  # half an hour kept before the first epoch of sleep and after the last: recordings may last a day
FEWEST_EPOCHS = 20
KEPT_BACK = 10  # every so-manieth person is judged by and not learnt from


def night_of(recording: Recording) -> Night:
    """Read one recording; it alone is in memory.  Raises ``CorpusError`` or ``EdfError``, one line each."""
    if person_of(recording.key) in TEST_PEOPLE:
        raise CorpusError("a test person: nothing may learn from it")
    if recording.path.suffix.lower() == ".edf":
        edf = Edf(recording.path)
        signal = edf.breathing()
        spans = read_stages(recording.scoring or recording.path, edf.start_s)
    elif recording.scoring is None:
        raise CorpusError("no stages lie beside it")
    else:
        header = wfdb.read_header(recording.path)
        signal = _breathing(header)
        spans = read_stages(recording.scoring, fs=header.fs)
    return _sensed(PREFIX + recording.key, signal, spans)


def _breathing(header: wfdb.Header) -> Signal:
    """The preferred breathing signal of a record that is not flat."""
    labels = [channel.label for channel in header.channels]
    for place in breathing_signals(labels):
        samples, fs = wfdb.read_channel(header, place)
        if np.fmin.reduce(samples) < np.fmax.reduce(samples):
            return Signal(labels[place], samples, fs)
    raise CorpusError(f"no signal of it is breathing that moves; there are {', '.join(labels)}")


def _sensed(name: str, signal: Signal, spans: list[Span]) -> Night:
    """Cut to the scorer's epochs around sleep, and through the box's signal chain."""
    phase_s = spans[0].onset_s % EPOCH_S  # the scorer's epochs need not begin with the recording
    whole = math.floor((signal.samples.size / signal.fs - phase_s) / EPOCH_S + 1e-9)
    stages = stages_of((span._replace(onset_s=span.onset_s - phase_s) for span in spans), max(whole, 0))
    asleep = np.flatnonzero(stages > 0)
    if not asleep.size:
        raise CorpusError("no sleep is scored while it was recorded")
    first, end = max(int(asleep[0]) - AROUND_EPOCHS, 0), min(int(asleep[-1]) + 1 + AROUND_EPOCHS, whole)
    start, stop = (round((phase_s + EPOCH_S * k) * signal.fs) for k in (first, end))
    part = signal.samples[start:stop]
    if not np.fmin.reduce(part) < np.fmax.reduce(part):
        raise CorpusError(f"{signal.label} is flat or missing while it was scored")
    epochs = list(epochs_of(ticks_from_recording(part, signal.fs)))
    kept = stages[first:end]
    told = [kept[epoch.index] if epoch.index < kept.size else NO_STAGE for epoch in epochs]
    night = night_of_epochs(name, epochs, np.array(told, np.int8))
    learnt = np.count_nonzero(night.stages != NO_STAGE)
    if learnt < FEWEST_EPOCHS:
        raise CorpusError(f"only {learnt} epochs have both breathing and a stage; {FEWEST_EPOCHS} are the fewest")
    return night


def read_real(folder: Path, most: int) -> tuple[list[Night], list[Night]]:
    """At most so many nights of a folder that was filled from corpora, and the nights of people kept back to judge by.

    Both are spread evenly over the names, and always the same.  Raises ValueError in one line where there are none, or
    where one is of a test person.
    """
    keys = sorted(path.stem.removeprefix(PREFIX) for path in folder.glob(f"{PREFIX}*.npz"))
    keys = [key for key in keys if not key.endswith(PARTIAL)]
    if not keys:
        raise ValueError(f"{folder} holds no real nights: run the data command first")
    if tests := [key for key in keys if person_of(key) in TEST_PEOPLE]:
        raise ValueError(f"{folder} holds {tests[0]}, a test person's night: delete it")
    people = sorted({person_of(key) for key in keys})
    judged = set(people[KEPT_BACK - 1 :: KEPT_BACK])
    parts = ([key for key in keys if person_of(key) not in judged], [key for key in keys if person_of(key) in judged])
    learnt, kept_back = (
        read_nights(folder, {PREFIX + key for key in _spread(part, count)}.__contains__)
        for part, count in zip(parts, (most, max(most // KEPT_BACK, 1)), strict=True)
    )
    return learnt, kept_back


def _spread(keys: list[str], most: int) -> list[str]:
    """At most so many of them, evenly."""
    if most >= len(keys):
        return keys
    return [keys[int(k)] for k in np.linspace(0, len(keys) - 1, most).round()]
