"""The routes of what is chosen once: settings, and the page that says what is stored and where."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from zoneinfo import available_timezones

from flask import Blueprint, render_template, request, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from appliance.alarm_setting import SettingError, zone_of
from appliance.settings import ALARMS, SIDES, Settings
from appliance.web.browsers import FILE
from appliance.web.forms import sentence
from appliance.web.glance import RecordError, explain
from appliance.web.pages import files, glance
from appliance.web.speech import CLOCKS, DEGREES, LANGUAGES, TINTS, document, say

AUTO = ""  # as the browser has it
CHOICES = {"language": (AUTO, *LANGUAGES), "clock": (AUTO, *CLOCKS), "degrees": (AUTO, *DEGREES), "tint": TINTS}

bp = Blueprint("settings", __name__)


@bp.get("/settings")
def settings() -> str:
    """Bed side, clock and language, standby, who is paired, what to take along."""
    standing = glance().settings
    side = standing.get("bed_side")
    typed = {"bed_side": side if side in SIDES else "", "timezone": glance().zone.key}
    for name, values in CHOICES.items():
        typed[name] = standing[name] if standing.get(name) in values else values[0]
    return _settings(typed, {})


@bp.post("/settings")
def set_settings() -> Response | tuple[str, int]:
    """Keep what was chosen, or show it again with what cannot be."""
    typed = {"bed_side": request.form.get("bed_side", ""), "timezone": request.form.get("timezone", "").strip()}
    standing = glance().settings
    errors: dict[str, str] = {}
    if typed["bed_side"] not in SIDES:
        errors["bed_side"] = say("settings.choose_side")
    alarms = glance().alarms.settings
    try:
        zone_of(typed["timezone"])
    except SettingError as error:
        errors["timezone"] = sentence(error)
    for name, values in CHOICES.items():
        typed[name] = request.form.get(name, str(standing.get(name, values[0])))
        if typed[name] not in values:
            errors[name] = say("settings.choose")
    if errors:
        return _settings(typed, errors), 422
    wanted: dict[str, Any] = dict(typed)
    now_utc = int(glance().now_utc)
    if any(alarm.timezone != typed["timezone"] for alarm in alarms):
        # 07:00 in another zone is another instant, so all change together.
        wanted[ALARMS] = [replace(alarm, timezone=typed["timezone"], set_utc=now_utc).as_dict() for alarm in alarms]
    with files().store() as store:
        store.put_settings(wanted, int(glance().now_utc))
    return redirect(url_for("settings.settings", saved=1), 303)


@bp.get("/privacy")
def privacy() -> str:
    """What is stored, and where: as it is, not as it was meant."""
    return render_template("privacy.html", browsers_path=files().store_path.with_name(FILE), **_stored())


def _settings(typed: Mapping[str, Any], errors: Mapping[str, str]) -> str:
    languages = {name: document(name)["language"]["name"] for name in LANGUAGES}
    return render_template(
        "settings.html",
        typed=typed,
        errors=errors,
        zones=_zones(),
        languages=languages,
        version=_version(),
        **_stored(),
    )


def _stored() -> dict[str, Any]:
    store_path = files().store_path
    nights, model, complaint = None, None, None
    try:
        with files().store() as store:
            nights = store.nights()
            model = next((one.model for one in store.sessions(5) if one.model), None)
    except (RecordError, sqlite3.Error) as error:
        complaint = explain(error)
    kept_bytes = sum(part.stat().st_size for part in store_path.parent.glob(f"{store_path.name}*") if part.is_file())
    return {
        "breathing_nights": Settings().changed(glance().settings)[0].breathing_nights,
        "store_path": store_path,
        "status_path": files().status_path,
        "nights": nights,
        "model": model,
        "kept_mb": kept_bytes / 1e6,
        "complaint": complaint,
    }


@lru_cache(maxsize=1)
def _version() -> str | None:
    try:
        return version("firstlight")
    except PackageNotFoundError:
        return None  # a checkout that was not installed


@lru_cache(maxsize=1)
def _zones() -> list[str]:
    return sorted(name for name in available_timezones() if "/" in name or name == "UTC")
