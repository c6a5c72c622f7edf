"""The files of an export."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from appliance.atomic import replace_file
from appliance.export import text
from appliance.export.night import ExportError, KeptNight, find, gather
from appliance.store import Store

_TABLES = {"csv": text.epochs, "figures": text.figures, "diary": text.diary}


def write(store: Store, wanted: str | None, form: str, out: Path, timezone: str, live: bool) -> int:
    """Write the night called ``wanted``, or every night that is over, earliest first; returns how many were written.

    ``out`` is a file, but a folder where every night gives an EDF of its own; the page's time zone goes before
    ``timezone``.  Raises ``ExportError`` and OSError.
    """
    zone = _zone(store.settings().get("timezone"), timezone)
    if wanted is not None:
        nights = [gather(store, find(store, wanted, zone), zone, live)]
    else:
        over = [session for session in store.sessions(-1)[::-1] if session.left_utc is not None]
        nights = [gather(store, session, zone, live) for session in over]
    if not nights:
        raise ExportError("no night is kept that is over")
    if form == "edf":
        return _edf(nights, out, wanted is None)
    if form == "json":
        told = [text.as_json(night) for night in nights]
        whole = told[0] if wanted is not None else {"format": "firstlight-nights", "version": 1, "nights": told}
        document = json.dumps(whole, indent=1, allow_nan=False) + "\n"
    else:
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\n").writerows(_TABLES[form](nights))
        document = lines.getvalue()
    replace_file(out, document.encode(), durable=False)
    return len(nights)


def _edf(nights: list[KeptNight], out: Path, in_folder: bool) -> int:
    from appliance.export.recording import as_edf  # which loads numpy

    if in_folder:
        out.mkdir(parents=True, exist_ok=True)
    for night in nights:
        name = f"{night.local(night.measured.entered_utc):%Y-%m-%dT%H%M%S}.edf"
        replace_file(out / name if in_folder else out, as_edf(night), durable=False)
    return len(nights)


def _zone(*names: object) -> ZoneInfo:
    for name in names:
        if isinstance(name, str):
            try:
                return ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                continue
    return ZoneInfo("UTC")
