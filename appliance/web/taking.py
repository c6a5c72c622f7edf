"""The routes by which nights are taken along: made in memory for the browser that asks, no file on the box.

The recording (EDF+) needs numpy, which the page never loads: ``firstlight export`` makes it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable

from flask import Blueprint, Response, abort

from appliance.answers import told_by
from appliance.export import text
from appliance.export.night import ExportError, KeptNight, gather, morning
from appliance.web import pages
from appliance.web.keeping import over
from appliance.web.words import sentence_case

ALL = {"figures": text.figures, "diary": text.diary}

bp = Blueprint("taking", __name__)


@bp.get("/night/<int:session_id>/night.csv")
def epochs(session_id: int) -> Response:
    """A row a half minute."""
    night = _night(session_id)
    return _file(_table(text.epochs([night])), "text/csv", f"{_day(night)}.csv")


@bp.get("/night/<int:session_id>/night.json")
def intervals(session_id: int) -> Response:
    """Named intervals, figures, corrections, the room."""
    night = _night(session_id)
    document = json.dumps(text.as_json(night), indent=1, allow_nan=False)
    return _file(f"{document}\n", "application/json", f"{_day(night)}.json")


@bp.get("/nights/<form>.csv")
def every(form: str) -> Response:
    """A row a night of all that are over, earliest first."""
    if form not in ALL:
        abort(404)
    zone = pages.glance().zone
    with pages.files().store() as store:
        nights = [
            # Figures and diary look at nothing else, and ten years of epochs would not fit.
            KeptNight(one, told_by(store.restaged(one.id), one), (), zone, corrections=store.corrections(one.id))
            for one in store.sessions(-1)[::-1]
            if one.left_utc is not None
        ]
    return _file(_table(ALL[form](nights)), "text/csv", f"firstlight-{form}.csv")


def _night(session_id: int) -> KeptNight:
    with pages.files().store() as store:
        session = over(store, session_id)
        try:
            return gather(store, session, pages.glance().zone)
        except ExportError as error:
            abort(409, sentence_case(str(error)))


def _day(night: KeptNight) -> str:
    return f"firstlight-{morning(night.measured, night.zone)}"


def _table(rows: Iterable[text.Row]) -> str:
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(rows)
    return lines.getvalue()


def _file(document: str, mimetype: str, name: str) -> Response:
    return Response(document, mimetype=mimetype, headers={"Content-Disposition": f'attachment; filename="{name}"'})
