"""The routes: one look at the box, one template each.  State changes are POST and answer with a redirect."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast
from zoneinfo import available_timezones

from flask import Blueprint, Flask, abort, current_app, g, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from appliance.alarm_setting import SettingError, zone_of
from appliance.answers import believed, staged_by, told_by
from appliance.corrections import NAMES, has_hour_twice, measured, stretch, times
from appliance.forgetting import AFTERWARDS_S
from appliance.records import SessionRecord
from appliance.settings import ALARMS, SIDES, Settings
from appliance.store import Store
from appliance.web import charts, words
from appliance.web.forms import sentence
from appliance.web.glance import BoxFiles, Glance, PlacementWatch, RecordError, explain
from appliance.web.mending import Mended
from appliance.web.mending import shown as shown_times
from appliance.web.nights import EPOCH_S, GROWING_S, last_night, middle_range, runs, series, totals
from appliance.web.reasons import not_you, reasons, said_live
from appliance.web.report import report
from appliance.web.words import clock

NIGHTS_ON_A_PAGE = 14
LATEST_UTC = 253_370_764_800  # the year 9999, beyond which there are no dates

bp = Blueprint("page", __name__)


def install(app: Flask, routes: Blueprint) -> None:
    """Give ``app`` these routes, its error pages and what every template needs."""
    app.register_blueprint(routes)
    app.extensions["placement"] = PlacementWatch()
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(RecordError, _no_record)
    app.register_error_handler(sqlite3.Error, _no_record)
    app.jinja_env.globals.update(words=words, charts=charts, clock=clock, static_url=_static_url, time_names=NAMES)

    @app.context_processor
    def look() -> dict[str, Any]:
        return {"glance": glance()}


def files() -> BoxFiles:
    """The box that this application shows."""
    return cast(BoxFiles, current_app.extensions["box_files"])


def glance() -> Glance:
    """The one look of this request."""
    if "glance" not in g:
        g.glance = files().glance()
    return cast(Glance, g.glance)


@bp.get("/")
def now() -> str:
    """What the box sees and does this second."""
    return render_template("now.html", refresh_s=1, refresh_plain_s=5)


@bp.get("/placement")
def placement() -> str:
    """Does the box stand where it sees the sleeper breathe?"""
    status = glance().status
    advice = None if status is None else cast(PlacementWatch, current_app.extensions["placement"]).look(status)
    return render_template("placement.html", advice=advice, refresh_s=1, refresh_plain_s=5)


@bp.get("/health")
def health() -> tuple[str, int]:
    """One word for whoever watches the box: ok, or silent when the other process is not answering."""
    return ("ok\n", 200) if glance().status is not None else ("silent\n", 503)


@bp.get("/night")
def latest_night() -> str | tuple[str, int]:
    """The night that is going on, or the last one."""
    with files().store() as store:
        session = last_night(store.sessions(10))
        return show_night(session) if session is not None else render_template("no_night.html")


@bp.get("/night/<int:session_id>")
def night(session_id: int) -> str:
    """Any night."""
    if session_id > LATEST_UTC:
        abort(404)
    with files().store() as store:
        session = store.session(session_id)
    return show_night(session) if session is not None else abort(404)


def as_answered(store: Store, session: SessionRecord) -> SessionRecord:
    """The session by its latest second staging, if there was one."""
    return told_by(store.restaged(session.id), session)


def show_night(session: SessionRecord, said: Mended | None = None) -> str:
    """The night's page; ``said`` is what somebody typed that cannot be."""
    zone = glance().zone
    with files().store() as store:
        epochs = store.epochs(session)
        earlier = store.sessions(1, session.entered_utc)
        later = store.sessions_from(session.entered_utc + 1, 1)
        growing = session.left_utc is None and not later
        recorded_utc = max(epochs[-1].start_utc + EPOCH_S if epochs else 0, session.entered_utc)
        end_utc = session.left_utc or recorded_utc
        room = store.environment(session.entered_utc, end_utc)
        next_utc = later[0].entered_utc if later else LATEST_UTC
        rings = store.rings(session.entered_utc, min(end_utc + AFTERWARDS_S, next_utc))
        corrections = store.corrections(session.id)
        around = stretch(session, earlier[0] if earlier else None, later[0] if later else None)
        again = store.restaged(session.id)
        live_model = session.model
        shows_live = again is None or request.args.get("answer") == "live"
        if again is not None and not shows_live:
            epochs = staged_by(store.restaged_epochs(session, again.model), epochs)
            session = told_by(again, session)
    epochs = believed(session, epochs)
    found = runs(epochs, session.entered_utc, end_utc, session.absences)
    axis_end = max(end_utc, session.entered_utc + GROWING_S) if growing else end_utc
    rates = series(epochs, lambda epoch: epoch.rate_brpm)
    return render_template(
        "night.html",
        session=session,
        name=words.night_name(session, zone),
        again=again,
        shows_live=shows_live,
        live_model=live_model,
        growing=growing,
        runs=found,
        totals=totals(found),
        figures=words.statistics(session.statistics) + words.mean_rate(epochs),
        reasons=reasons(session, zone) + not_you(epochs, zone),
        said=said_live(session, zone),
        room=words.room_over(room),
        axis=charts.Axis(session.entered_utc, axis_end, zone),
        rates=rates,
        rate_range=middle_range(rates),
        motions=series(epochs, lambda epoch: epoch.motion),
        reports=[report(ring, record, epochs, zone) for ring, record in rings],
        corrections=corrections,
        not_me=[(one.utc_s, one.end_utc) for one in corrections if one.end_utc is not None],
        measured=measured(session),
        times=times(session, corrections),
        typed=shown_times(session, corrections, zone) if said is None else said.typed,
        errors={} if said is None else said.errors,
        has_hour_twice=has_hour_twice(around, zone),
        earlier=earlier[0].id if earlier else None,
        later=later[0].id if later else None,
        refresh_s=5 if growing else None,
        refresh_plain_s=60 if growing else None,
    )


@bp.get("/nights")
def nights() -> str:
    """All nights, latest first, a page at a time."""
    before = request.args.get("before", LATEST_UTC, type=int)
    before = min(max(before, 0), LATEST_UTC)
    with files().store() as store:
        found = store.sessions(NIGHTS_ON_A_PAGE + 1, before)
        newer = store.sessions_from(before, NIGHTS_ON_A_PAGE) if before < LATEST_UTC else []
        found = [told_by(store.restaged(session.id), session) for session in found]
        requests = store.requests_after(store.last_handled())
    return render_template(
        "nights.html",
        deleting={wish.value for wish in requests if wish.kind == "delete_night"},
        sessions=found[:NIGHTS_ON_A_PAGE],
        going_on=found[0].id if found and not newer and found[0].left_utc is None else None,
        older=found[NIGHTS_ON_A_PAGE - 1].entered_utc if len(found) > NIGHTS_ON_A_PAGE else None,
        newer=newer[-1].entered_utc + 1 if newer else None,
    )


@bp.post("/standby")
def standby() -> Response:
    """Ask the box to stop sensing, or to begin again."""
    wanted = request.form.get("standby")
    if wanted not in ("on", "off"):
        abort(400, "Standby is on or off.")
    return ask(f"standby_{wanted}", back="page.settings")


def ask(kind: str, back: str = "page.now") -> Response:
    """Leave a request for the box, and show a page."""
    with files().store() as store:
        store.put_request(kind, int(glance().now_utc))
    return redirect(url_for(back), 303)


@bp.get("/settings")
def settings() -> str:
    """Bed side, time zone, standby, and what is stored where."""
    standing = glance().settings
    side = standing.get("bed_side")
    typed = {"bed_side": side if side in SIDES else "", "timezone": glance().zone.key}
    return _settings(typed, {})


@bp.post("/settings")
def set_settings() -> Response | tuple[str, int]:
    """Keep bed side and time zone, or show them again with what cannot be."""
    typed = {"bed_side": request.form.get("bed_side", ""), "timezone": request.form.get("timezone", "").strip()}
    errors: dict[str, str] = {}
    if typed["bed_side"] not in SIDES:
        errors["bed_side"] = "Choose the side on which you sleep."
    alarms = glance().alarms.settings
    try:
        zone_of(typed["timezone"])
    except SettingError as error:
        errors["timezone"] = sentence(error)
    if errors:
        return _settings(typed, errors), 422
    values: dict[str, Any] = dict(typed)
    now_utc = int(glance().now_utc)
    if any(alarm.timezone != typed["timezone"] for alarm in alarms):
        # 07:00 in another zone is another instant, so all change together.
        values[ALARMS] = [replace(alarm, timezone=typed["timezone"], set_utc=now_utc).as_dict() for alarm in alarms]
    with files().store() as store:
        store.put_settings(values, int(glance().now_utc))
    return redirect(url_for("page.settings", saved=1), 303)


def _settings(typed: Any, errors: Any) -> str:
    store_path = files().store_path
    nights, complaint = None, None
    try:
        with files().store() as store:
            nights = store.nights()
    except (RecordError, sqlite3.Error) as error:
        complaint = explain(error)
    kept_bytes = sum(part.stat().st_size for part in store_path.parent.glob(f"{store_path.name}*") if part.is_file())
    return render_template(
        "settings.html",
        typed=typed,
        errors=errors,
        zones=_zones(),
        breathing_nights=Settings().changed(glance().settings)[0].breathing_nights,
        store_path=store_path,
        status_path=files().status_path,
        nights=nights,
        kept_mb=kept_bytes / 1e6,
        complaint=complaint,
    )


@lru_cache(maxsize=1)
def _zones() -> list[str]:
    return sorted(name for name in available_timezones() if "/" in name or name == "UTC")


@lru_cache(maxsize=16)
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _static_url(name: str) -> str:
    """An address that changes with the file, so that browsers may keep it for a year."""
    return url_for("static", filename=name, v=_digest(Path(str(current_app.static_folder)) / name))


_SENTENCES = {
    404: "There is no such page.",
    405: "That cannot be done by opening an address: use the button on the page.",
    413: "That was too much for any form of this page; nothing was changed.",
    500: "The page made a mistake, which is in the box's journal. The alarm does not depend on the page.",
}


def _refused(error: HTTPException) -> tuple[str, int]:
    code = error.code or 500
    sentence = _SENTENCES.get(code, error.description or error.name)
    return render_template("notice.html", title=error.name, sentence=sentence), code


def _no_record(error: Exception) -> tuple[str, int]:
    return render_template(
        "notice.html", title="No record of nights", sentence=words.sentence_case(explain(error))
    ), 503
