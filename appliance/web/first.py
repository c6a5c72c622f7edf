"""The first visit: which side of the bed, does the box see you breathe, when shall it wake you.

Each step stands for itself and can be left out; the page of now reminds of them until
an alarm was set or they were ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from appliance.settings import ALARMS, ONE_ALARM, SIDES
from appliance.web import alarm_pages, pages
from appliance.web.forms import read_alarm, shown
from appliance.web.speech import say

DONE = "first_steps_done"

bp = Blueprint("first", __name__)


def install(app: Flask) -> None:
    """Give ``app`` the first steps, and its pages the word whether they are due."""
    app.register_blueprint(bp)
    app.jinja_env.globals.update(first_steps_due=is_due)


def is_due() -> bool:
    """Whether the first steps were never gone through."""
    settings = pages.glance().settings
    return pages.glance().complaint is None and not {DONE, ALARMS, ONE_ALARM} & set(settings)


@bp.get("/first")
def side() -> str:
    """The first step."""
    return _side(pages.glance().settings.get("bed_side"), {})


@bp.post("/first")
def set_side() -> Response | tuple[str, int]:
    """Keep the side."""
    wanted = request.form.get("bed_side", "")
    if wanted not in SIDES:
        return _side(None, {"bed_side": say("settings.choose_side")}), 422
    _put({"bed_side": wanted})
    return redirect(url_for("first.place"), 303)


@bp.get("/first/place")
def place() -> str:
    """The second step: live, with the breath as a picture."""
    return render_template("first_place.html", stream="first", refresh_plain_s=5)


@bp.get("/first/alarm")
def alarm() -> str:
    """The third step."""
    return _alarm(shown(replace(alarm_pages.fresh(), enabled=True)), {})


@bp.post("/first/alarm")
def set_alarm() -> Response | tuple[str, int]:
    """Keep the first alarm, and be done."""
    if not alarm_pages.has_room():
        return redirect(url_for("page.alarm"), 303)
    answer = read_alarm(request.form, alarm_pages.fresh(), int(pages.glance().now_utc))
    if answer.setting is None:
        return _alarm(answer.typed, answer.errors), 422
    alarm_pages.keep((*pages.glance().alarms.settings, replace(answer.setting, enabled=True)))
    return _done()


@bp.post("/first/done")
def done() -> Response:
    """No alarm for now."""
    return _done()


def _done() -> Response:
    _put({DONE: True})
    return redirect(url_for("page.now"), 303)


def _put(values: Mapping[str, Any]) -> None:
    with pages.files().store() as store:
        store.put_settings(values, int(pages.glance().now_utc))


def _side(standing: object, errors: Mapping[str, str]) -> str:
    return render_template("first_side.html", side=standing, errors=errors)


def _alarm(typed: Mapping[str, Any], errors: Mapping[str, str]) -> str:
    return render_template("first_alarm.html", typed=typed, errors=errors)
