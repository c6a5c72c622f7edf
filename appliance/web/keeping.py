"""The routes about nights that are kept: correcting one, deleting one, how long raw breathing is kept."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from appliance.corrections import Stretch, stretch
from appliance.records import SessionRecord
from appliance.settings import MOST_BREATHING_NIGHTS
from appliance.store import Store
from appliance.web import pages, words
from appliance.web.mending import read_not_me, read_times
from appliance.web.speech import say

bp = Blueprint("kept", __name__)


def over(store: Store, session_id: int) -> SessionRecord:
    """A night that is over, or an answer that there is none."""
    session = store.session(session_id) if session_id <= pages.LATEST_UTC else None
    if session is None:
        abort(404)
    if session.left_utc is None:
        abort(409, say("delete.going_on"))
    return session


def within(store: Store, session: SessionRecord) -> Stretch:
    """When corrections of this night may lie."""
    before = store.sessions(1, session.entered_utc)
    after = store.sessions_from(session.entered_utc + 1, 1)
    return stretch(session, before[0] if before else None, after[0] if after else None)


@bp.post("/night/<int:session_id>/times")
def correct(session_id: int) -> Response | tuple[str, int]:
    """Keep the times that the sleeper knows better."""
    return _mend(session_id, not_me=False)


@bp.post("/night/<int:session_id>/not-me")
def not_me(session_id: int) -> Response | tuple[str, int]:
    """Keep which minutes were somebody else's."""
    return _mend(session_id, not_me=True)


def _mend(session_id: int, not_me: bool) -> Response | tuple[str, int]:
    glance = pages.glance()
    read = read_not_me if not_me else read_times
    with pages.files().store() as store:
        session = over(store, session_id)
        shown = pages.as_answered(store, session)
        standing = store.corrections(session_id)
        said = read(request.form, shown, standing, within(store, session), glance.zone, int(glance.now_utc))
        if not said.errors:
            store.put_corrections(said.corrections)
            for kind in said.taken_back:
                store.drop_corrections(session_id, kind)
    if said.errors:
        return pages.show_night(session, said), 422
    return redirect(url_for("page.night", session_id=session_id, corrected=1, _anchor="corrections"), 303)


@bp.post("/night/<int:session_id>/take-back")
def take_back(session_id: int) -> Response:
    """Undo one correction."""
    kind, utc_s = request.form.get("kind", ""), request.form.get("utc_s", -1, type=int)
    with pages.files().store() as store:
        over(store, session_id)
        store.drop_corrections(session_id, kind, min(max(utc_s, -1), pages.LATEST_UTC))  # nothing lies beyond
    return redirect(url_for("page.night", session_id=session_id, corrected=1, _anchor="corrections"), 303)


@bp.get("/night/<int:session_id>/delete")
def sure(session_id: int) -> str:
    """Ask once more, without a script."""
    with pages.files().store() as store:
        session = over(store, session_id)
    return render_template("delete.html", session=session, name=words.night_name(session, pages.glance().zone))


@bp.post("/night/<int:session_id>/delete")
def delete(session_id: int) -> Response:
    """Delete what is the page's own, and ask the box to delete the rest."""
    with pages.files().store() as store:
        over(store, session_id)
        store.drop_corrections(session_id)
        store.put_request("delete_night", int(pages.glance().now_utc), session_id)
    return redirect(url_for("page.nights"), 303)


@bp.post("/settings/breathing")
def breathing() -> Response:
    """Of how many nights raw breathing is kept."""
    nights = request.form.get("nights", -1, type=int)
    if not 0 <= nights <= MOST_BREATHING_NIGHTS:
        abort(400, say("settings.breathing_wrong", most=MOST_BREATHING_NIGHTS))
    with pages.files().store() as store:
        store.put_settings({"breathing_nights": nights}, int(pages.glance().now_utc))
    return redirect(url_for("settings.settings", saved=1), 303)
