"""Nights from CSV: stages epoch by epoch, or figures of whole nights such as a sleep diary has."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from appliance.evaluation.measures import BY_KEY
from models.contract import STAGES, SleepStage

ONE_NIGHT = "night"  # the subject of a file that names none
CODES = {text: stage for stage in (SleepStage.UNSCORED, *STAGES) for text in (stage.word, str(int(stage)))}
CODES[""] = SleepStage.UNSCORED
STAGE_COLUMNS = ("reference", "device", "stage")


class EvaluationError(Exception):
    """The files cannot be compared; one line that says why."""


@dataclass(slots=True)
class Sheet:
    """What one file holds: stages by column, subject and epoch; or figures by subject and measure."""

    name: str
    stages: dict[str, dict[str, dict[int, int]]] = field(default_factory=dict)
    figures: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScoredNight:
    """One night that both have scored: the epochs with two stages, in order."""

    subject: str
    reference: NDArray[np.int64]  # (n,), n > 0
    device: NDArray[np.int64]  # (n,)
    left_out: int  # epochs from the first to the last that lack one of the two


def read_sheet(text: str, name: str) -> Sheet:
    """The sheet of a CSV with a header.  Stages: ``subject,epoch,reference,device`` or ``subject,epoch,stage``, other
    columns are ignored.  Figures: ``subject`` and columns named as in ``BY_KEY``, empty where unknown.  Without a
    subject the file is one night.  Raises ``EvaluationError``.
    """
    lines = csv.reader(text.removeprefix("\ufeff").splitlines())
    try:
        header = [title.strip().lower() for title in next(lines, [])]
        rows = [(lines.line_num, cells) for cells in lines if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise EvaluationError(f"{name} is no CSV: {error}") from error
    if len(set(header)) < len(header):
        raise EvaluationError(f"{name}: two columns have the same name")
    for number, cells in rows:
        if len(cells) != len(header):
            raise EvaluationError(f"{name} line {number}: {len(cells)} cells under {len(header)} columns")
    if not rows:
        raise EvaluationError(f"{name} has no nights in it")
    named = ((number, dict(zip(header, (cell.strip() for cell in cells), strict=True))) for number, cells in rows)
    if {"reference", "device"} <= set(header) or "stage" in header:
        columns = ["stage"] if "stage" in header else ["reference", "device"]
        return _stages(name, columns, header, named)
    if set(header) & set(BY_KEY):
        return _figures(name, header, named)
    raise EvaluationError(
        f"{name}: the header must have subject,epoch,reference,device or subject,epoch,stage or, of whole nights, "
        f"subject and some of {','.join(BY_KEY)}"
    )


def _stages(name: str, columns: list[str], header: list[str], rows: Iterator[tuple[int, dict[str, str]]]) -> Sheet:
    if "epoch" not in header:
        raise EvaluationError(f"{name}: there is no column epoch")
    sheet = Sheet(name, {column: {} for column in columns})
    for number, row in rows:
        subject = row.get("subject", ONE_NIGHT)
        try:
            epoch = int(row["epoch"])
        except ValueError:
            raise EvaluationError(f"{name} line {number}: epoch {row['epoch']!r} is no whole number") from None
        for column in columns:
            stage = CODES.get(row[column].lower())
            if stage is None:
                known = ", ".join(f"{int(stage)} {stage.word}" for stage in STAGES)
                raise EvaluationError(f"{name} line {number}: {column} {row[column]!r} is no stage ({known}, unscored)")
            night = sheet.stages[column].setdefault(subject, {})
            if epoch in night:
                raise EvaluationError(f"{name} line {number}: epoch {epoch} of {subject} is there twice")
            night[epoch] = int(stage)
    return sheet


def _figures(name: str, header: list[str], rows: Iterator[tuple[int, dict[str, str]]]) -> Sheet:
    unknown = set(header) - set(BY_KEY) - {"subject"}
    if unknown:
        raise EvaluationError(f"{name}: no measure is called {min(unknown)!r} ({', '.join(BY_KEY)})")
    sheet = Sheet(name)
    for number, row in rows:
        subject = row.pop("subject", ONE_NIGHT)
        if subject in sheet.figures:
            raise EvaluationError(f"{name} line {number}: {subject} is there twice")
        sheet.figures[subject] = {}
        for key, cell in row.items():
            try:
                value = float(cell or "nan")
            except ValueError:
                raise EvaluationError(f"{name} line {number}: {key} {cell!r} is no number") from None
            most = 100.0 if key.endswith("_pct") else 24.0 * 60.0
            if math.isinf(value) or not (math.isnan(value) or 0.0 <= value <= most):
                raise EvaluationError(f"{name} line {number}: {key} {cell} is not between 0 and {most:g}")
            sheet.figures[subject][key] = value
    return sheet


def pair(
    device: dict[str, dict[int, int]], reference: dict[str, dict[int, int]], common: bool = False
) -> tuple[list[ScoredNight], list[str]]:
    """Nights that both have scored, and the subjects without an epoch in common, both in the reference's order.

    A night of which one has more epochs than the other at an end may well be shifted, and shifted stages agree with
    nothing: it raises ``EvaluationError`` unless ``common`` says that the epochs which both have are meant.
    """
    nights: list[ScoredNight] = []
    alone = [subject for subject in device if subject not in reference]
    for subject, truth in reference.items():
        given = device.get(subject, {})
        if given and not common and (min(truth), max(truth)) != (min(given), max(given)):
            raise EvaluationError(
                f"{subject}: the device has epochs {min(given)} to {max(given)} and the reference {min(truth)} to "
                f"{max(truth)}: number both alike, or compare only what both have with --common"
            )
        epochs = sorted(truth.keys() | given.keys())
        both = [k for k in epochs if truth.get(k, -1) >= 0 and given.get(k, -1) >= 0]
        if not both:
            alone.append(subject)
            continue
        left_out = epochs[-1] - epochs[0] + 1 - len(both)
        stages = [np.array([scored[k] for k in both], np.int64) for scored in (truth, given)]
        nights.append(ScoredNight(subject, stages[0], stages[1], left_out))
    return nights, alone
