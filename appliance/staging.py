"""A breathing recording staged as the box would have, live or in the morning; no presence gate."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from appliance.edf import EdfError, read_signal
from appliance.recording import ticks_from_recording
from appliance.respiration import epochs_of
from models.contract import StageEstimate
from models.restager import KeptEpoch, Restager
from models.stager import Stager

COLUMNS = ("epoch", "start_s", "stage", "p_wake", "p_light", "p_deep", "p_rem", "coverage")


class RecordingError(Exception):
    """The recording cannot be staged; one line that says why."""


class Staged(NamedTuple):
    """What was done: how many epochs, of which signal."""

    epochs: int
    signal: str


def stage_recording(
    path: Path, signal: str | None, stager: Stager, out: Path, restager: Restager | None = None
) -> Staged:
    """Write one row per whole epoch to ``out``, the live answer or, with a ``restager``, the morning's.

    ``path`` is an ``.npz`` with ``resp`` and ``fs`` or EDF/EDF+, of which ``signal`` names the signal (None: the one
    that the table of names in channels.py prefers).  Raises ``RecordingError``.
    """
    label, resp, fs = _read(path, signal)
    live: list[StageEstimate] = []
    kept: list[KeptEpoch] = []
    try:
        for epoch in epochs_of(ticks_from_recording(resp, fs)):
            live.append(stager.update(epoch))
            kept.append(KeptEpoch(epoch.start_s, epoch.coverage, stager.kept))
    except ValueError as error:
        raise RecordingError(f"{path.name}: {error}") from error
    rows = [_row(estimate) for estimate in (live if restager is None else restager.restage(kept))]
    try:
        with out.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(rows)
    except OSError as error:
        raise RecordingError(f"{out} cannot be written: {error.strerror}") from error
    return Staged(len(rows), label)


def _row(estimate: StageEstimate) -> list[Any]:
    p = ["", "", "", ""] if estimate.probabilities is None else [f"{value:.4f}" for value in estimate.probabilities]
    return [estimate.index, f"{estimate.start_s:g}", estimate.stage.word, *p, f"{estimate.coverage:.3f}"]


def _read(path: Path, signal: str | None) -> tuple[str, NDArray[np.float64], float]:
    try:
        if path.suffix.lower() in (".edf", ".rec"):
            return read_signal(path, signal)
        if signal is not None:
            raise RecordingError(f"{path.name} is not EDF: --signal has nothing to choose")
        with np.load(path, allow_pickle=False) as arrays:
            return "resp", arrays["resp"].astype(np.float64), float(arrays["fs"])
    except KeyError as error:
        raise RecordingError(f"{path.name} has no {error}: an .npz needs resp (1-D) and fs (Hz)") from error
    except EdfError as error:
        raise RecordingError(str(error)) from error
    except (OSError, EOFError, ValueError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or "it is neither .npz nor EDF"
        raise RecordingError(f"{path.name} cannot be read: {reason}") from error
