"""The alarms' routes: a list, a form for each, and what one press can ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from appliance.alarm import WAKING, next_due
from appliance.alarm_setting import MOST_ALARMS, SOUNDS, AlarmSetting
from appliance.settings import ALARMS
from appliance.web.forms import read_alarm, shown
from appliance.web.pages import ask, bp, files, glance
from appliance.web.speech import say

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
    _need_room()
    return _form(None, shown(fresh()), {})


@bp.get("/alarm/<int:alarm_id>")
def edit_alarm(alarm_id: int) -> str:
    """The form of one alarm."""
    return _form(alarm_id, shown(_one(alarm_id)), {})


@bp.post("/alarm/new")
def add_alarm() -> Response | tuple[str, int]:
    """Keep the new alarm that was typed, or show it again with what cannot be."""
    alarms = glance().alarms.settings
    _need_room()
    answer = read_alarm(request.form, fresh(), int(glance().now_utc))
    if answer.setting is None:
        return _form(None, answer.typed, answer.errors), 422
    return keep((*alarms, answer.setting))


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
        abort(409, say("alarm.no_next"))
    return _put(replace(one, skip_utc=due, set_utc=now_utc))


@bp.post("/alarm/<int:alarm_id>/delete")
def delete_alarm(alarm_id: int) -> Response:
    """Do without an alarm."""
    one = _one(alarm_id)
    return keep([other for other in glance().alarms.settings if other.id != one.id])


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
        abort(400, say("settings.light_wrong"))
    return ask(f"light_{wanted}")


@bp.post("/alarm/preview")
def preview() -> str | tuple[str, int]:
    """Ask the lamp to show the dawn that was typed, saved or not, and show the form again as it is."""
    typed_id = request.form.get("alarm_id", "")
    known = {str(one.id): one for one in glance().alarms.settings}
    standing = known.get(typed_id, fresh())
    answer = read_alarm(request.form, standing, int(glance().now_utc))
    alarm_id = standing.id if typed_id in known else None
    brightness = answer.typed["dawn_brightness"]
    if "dawn_brightness" in answer.errors:
        return _form(alarm_id, answer.typed, {"dawn_brightness": answer.errors["dawn_brightness"]}), 422
    status = glance().status
    said = "alarm.previewing"
    if status is None:
        said = "alarm.preview_silent"
    elif status.alarm_phase in WAKING:
        said = "alarm.preview_alarm"
    elif status.standby:
        said = "alarm.preview_standby"
    else:
        with files().store() as store:
            store.put_request("preview_on", int(glance().now_utc), int(brightness) / 100)
    return _form(alarm_id, answer.typed, {}, said)


@bp.post("/alarm/preview/off")
def preview_off() -> Response:
    """Ask for the dark again."""
    return ask("preview_off")


def _one(alarm_id: int) -> AlarmSetting:
    found = [one for one in glance().alarms.settings if one.id == alarm_id]
    return found[0] if found else abort(404)


def has_room() -> bool:
    """Whether there may be one more."""
    return len(glance().alarms.settings) < MOST_ALARMS


def _need_room() -> None:
    if not has_room():
        abort(409, say("alarm.too_many", most=MOST_ALARMS))


def fresh() -> AlarmSetting:
    """A new alarm, as it is before anything is chosen."""
    alarms = glance().alarms
    taken = [one.id for one in alarms.settings] + list(alarms.facts)
    return AlarmSetting(enabled=True, timezone=glance().zone.key, id=max(taken, default=0) + 1)


def _put(setting: AlarmSetting) -> Response:
    return keep([setting if one.id == setting.id else one for one in glance().alarms.settings])


def keep(alarms: Sequence[AlarmSetting]) -> Response:
    """These are all the alarms from now on."""
    with files().store() as store:
        store.put_settings({ALARMS: [one.as_dict() for one in alarms]}, int(glance().now_utc))
    return redirect(url_for("page.alarm", saved=1), 303)


def _form(alarm_id: int | None, typed: Any, errors: Any, preview: str = "") -> str:
    return render_template(
        "alarm.html",
        alarm_id=alarm_id,
        typed=typed,
        errors=errors,
        sounds=SOUNDS,
        preview=preview,
    )
