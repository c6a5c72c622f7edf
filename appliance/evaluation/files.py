"""The files of an evaluation: CSV in; tables, JSON and the page out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from appliance.evaluation.page import page
from appliance.evaluation.reading import EvaluationError, Sheet, read_sheet
from appliance.evaluation.report import Record, tables


def read(path: Path) -> Sheet:
    """The sheet of a CSV file in UTF-8.  Raises ``EvaluationError``."""
    try:
        return read_sheet(path.read_text(encoding="utf-8"), path.name)
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise EvaluationError(f"{path.name} is no text in UTF-8") from error


def write(records: Sequence[Record], folder: Path) -> None:
    """``index.html``, ``evaluation.json`` and a CSV for each kind of record, into a folder that is made where it is
    missing; what has the same name is replaced.  Raises ``EvaluationError``.
    """
    texts = {f"{kind}.csv": _csv(rows) for kind, rows in tables(records).items()}
    texts["evaluation.json"] = json.dumps(list(records), indent=1, allow_nan=False) + "\n"
    texts["index.html"] = page(records)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise EvaluationError(f"{folder} cannot be written: {error.strerror or error}") from error


def _csv(rows: Sequence[Record]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
