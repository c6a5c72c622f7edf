"""The routes: one look at the box, one template each.  State changes are POST and answer with a redirect."""

from __future__ import annotations

import hashlib
import sqlite3
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from flask import Blueprint, Flask, abort, current_app, g, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from appliance.answers import believed, staged_by, told_by
from appliance.corrections import has_hour_twice, measured, stretch, times
from appliance.forgetting import AFTERWARDS_S
from appliance.placement import Advice
from appliance.records import SessionRecord
from appliance.store import Store
from appliance.web import charts, words
from appliance.web.glance import BoxFiles, Glance, PlacementWatch, RecordError, explain
from appliance.web.mending import Mended
from appliance.web.mending import shown as shown_times
from appliance.web.nights import (
    EPOCH_S,
    GROWING_S,
    last_night,
    middle_range,
    quarters,
    room_series,
    runs,
    series,
    totals,
)
from appliance.web.reasons import not_you, reasons, said_live
from appliance.web.report import report
from appliance.web.speech import heard, manner, manner_of, names, say, says, speak
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
    app.jinja_env.globals.update(
        words=words,
        charts=charts,
        clock=clock,
        static_url=_static_url,
        say=say,
        says=says,
        names=names,
        manner=manner,
        heard=heard,
        placement_advice=advice,
    )

    @app.before_request
    def speak_as_wanted() -> None:
        if request.endpoint != "static":
            speak(manner_of(glance().settings, request.headers.get("Accept-Language", "")))

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
    return render_template("now.html", stream="now", refresh_plain_s=5)


@bp.get("/placement")
def placement() -> str:
    """Does the box stand where it sees the sleeper breathe?"""
    return render_template("placement.html", stream="placement", refresh_plain_s=5)


def advice() -> Advice | None:
    """What the placement check says this second."""
    status = glance().status
    return None if status is None else cast(PlacementWatch, current_app.extensions["placement"]).look(status)


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
        live_model, live_statistics = session.model, session.statistics
        shows_live = again is None or request.args.get("answer") == "live"
        if again is not None and not shows_live:
            epochs = staged_by(store.restaged_epochs(session, again.model), epochs)
            session = told_by(again, session)
    epochs = believed(session, epochs)
    found = runs(epochs, session.entered_utc, end_utc, session.absences)
    axis_end = max(end_utc, session.entered_utc + GROWING_S) if growing else end_utc
    rates = series(epochs, lambda epoch: epoch.rate_brpm)
    sensed = [one for one in charts.LEAST_HALF if any(getattr(row, words.ROOM[one]) is not None for row in room)]
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
        room_lines={one: room_series(room, words.ROOM[one]) for one in sensed},
        quarters=quarters(epochs, room, [words.ROOM[one] for one in sensed]),
        both=[] if again is None or shows_live else words.both(live_statistics, again.statistics),
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
        abort(400, say("settings.standby_wrong"))
    return ask(f"standby_{wanted}", back="settings.settings")


def ask(kind: str, back: str = "page.now") -> Response:
    """Leave a request for the box, and show a page."""
    with files().store() as store:
        store.put_request(kind, int(glance().now_utc))
    return redirect(url_for(back), 303)


@lru_cache(maxsize=16)
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _static_url(name: str) -> str:
    """An address that changes with the file, so that browsers may keep it for a year."""
    return url_for("static", filename=name, v=_digest(Path(str(current_app.static_folder)) / name))


_SENTENCES = {404: "not_found", 405: "not_opened", 413: "too_large", 500: "mistake"}


def _refused(error: HTTPException) -> tuple[str, int] | tuple[str, int, dict[str, str]]:
    code = error.code or 500
    sentence = say(f"error.{_SENTENCES[code]}") if code in _SENTENCES else error.description or error.name
    if request.routing_exception is not None and code == 400:  # a host that is no name: no page has an address there
        return f"{sentence}\n", code, {"Content-Type": "text/plain; charset=utf-8"}
    title = f"error.title_{code}" if says(f"error.title_{code}") else "error.title_other"
    return render_template("notice.html", title=say(title), sentence=sentence), code


def _no_record(error: Exception) -> tuple[str, int]:
    sentence = words.sentence_case(explain(error))
    return render_template("notice.html", title=say("error.no_record"), sentence=sentence), 503
