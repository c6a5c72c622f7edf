"""The alarms' routes: a list, a form for each, and what one press can ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from appliance.alarm import next_due
from appliance.alarm_setting import MOST_ALARMS, AlarmSetting
from appliance.settings import ALARMS
from appliance.web.forms import SOUND_NAMES, read_alarm, shown
from appliance.web.pages import ask, bp, files, glance
from appliance.web.words import WEEKDAYS

routes = bp  # all of them, once this module has added its own


class Row(NamedTuple):
    """An alarm as the list shows it."""

    setting: AlarmSetting
    due_utc: int | None  # when it rings next
    skipped_utc: int | None  # the coming time that is left out


@bp.get("/alarm")
def alarm() -> str:
    """All alarms, the next to ring first."""
    alarms, now_utc = glance().alarms, glance().now_utc
    rows = []
    for one in alarms.settings:
        due = next_due(one, now_utc, alarms.of(one))
        rows.append(Row(one, due, one.skip_utc if one.enabled and one.skip_utc > now_utc else None))
    rows.sort(key=lambda row: (row.due_utc is None, row.due_utc or 0, row.setting.id))
    return render_template(
        "alarms.html", rows=rows, ahead=alarms.next_ring(now_utc), most=MOST_ALARMS, refresh_s=5, refresh_plain_s=60
    )


@bp.get("/alarm/new")
def new_alarm() -> str:
    """The form of an alarm that is not there yet."""
    if len(glance().alarms.settings) >= MOST_ALARMS:
        abort(409, f"There may be {MOST_ALARMS} alarms: delete one first.")
    return _form(None, shown(_fresh()), {})


@bp.get("/alarm/<int:alarm_id>")
def edit_alarm(alarm_id: int) -> str:
    """The form of one alarm."""
    return _form(alarm_id, shown(_one(alarm_id)), {})


@bp.post("/alarm/new")
def add_alarm() -> Response | tuple[str, int]:
    """Keep the new alarm that was typed, or show it again with what cannot be."""
    alarms = glance().alarms.settings
    if len(alarms) >= MOST_ALARMS:
        abort(409, f"There may be {MOST_ALARMS} alarms: delete one first.")
    answer = read_alarm(request.form, _fresh(), int(glance().now_utc))
    if answer.setting is None:
        return _form(None, answer.typed, answer.errors), 422
    return _keep((*alarms, answer.setting))


@bp.post("/alarm/<int:alarm_id>")
def set_alarm(alarm_id: int) -> Response | tuple[str, int]:
    """Keep the alarm that was typed, or show it again with what cannot be."""
    answer = read_alarm(request.form, _one(alarm_id), int(glance().now_utc))
    if answer.setting is None:
        return _form(alarm_id, answer.typed, answer.errors), 422
    return _put(answer.setting)


@bp.post("/alarm/<int:alarm_id>/skip")
def skip(alarm_id: int) -> Response:
    """Leave out the next ring of an alarm, or take that back."""
    one, now_utc = _one(alarm_id), int(glance().now_utc)
    if request.form.get("skip") == "off":
        return _put(replace(one, skip_utc=0, set_utc=now_utc))
    due = next_due(one, now_utc, glance().alarms.of(one))
    if due is None:
        abort(409, "That alarm has no next time to skip.")
    return _put(replace(one, skip_utc=due, set_utc=now_utc))


@bp.post("/alarm/<int:alarm_id>/delete")
def delete_alarm(alarm_id: int) -> Response:
    """Do without an alarm."""
    one = _one(alarm_id)
    return _keep([other for other in glance().alarms.settings if other.id != one.id])


@bp.post("/alarm/stop")
def stop() -> Response:
    """Ask the box to end this alarm."""
    return ask("stop")


@bp.post("/alarm/snooze")
def snooze() -> Response:
    """Ask the box to ring again later."""
    return ask("snooze")


@bp.post("/light")
def light() -> Response:
    """Ask the box for a light to read by, or for the dark."""
    wanted = request.form.get("light")
    if wanted not in ("on", "off"):
        abort(400, "The light is on or off.")
    return ask(f"light_{wanted}")


def _one(alarm_id: int) -> AlarmSetting:
    found = [one for one in glance().alarms.settings if one.id == alarm_id]
    return found[0] if found else abort(404)


def _fresh() -> AlarmSetting:
    alarms = glance().alarms
    taken = [one.id for one in alarms.settings] + list(alarms.facts)
    return AlarmSetting(enabled=True, timezone=glance().zone.key, id=max(taken, default=0) + 1)


def _put(setting: AlarmSetting) -> Response:
    return _keep([setting if one.id == setting.id else one for one in glance().alarms.settings])


def _keep(alarms: Sequence[AlarmSetting]) -> Response:
    with files().store() as store:
        store.put_settings({ALARMS: [one.as_dict() for one in alarms]}, int(glance().now_utc))
    return redirect(url_for("page.alarm", saved=1), 303)


def _form(alarm_id: int | None, typed: Any, errors: Any) -> str:
    return render_template(
        "alarm.html", alarm_id=alarm_id, typed=typed, errors=errors, weekdays=WEEKDAYS, sounds=SOUND_NAMES
    )
