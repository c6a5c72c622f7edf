"""The door: whoever is not paired sees one page, which says how; the paired ones are listed and can be removed.

Pairing takes the box's own button, or a shell on it.  One hold of the button lets one browser in, so that whoever
was quicker from elsewhere in the house is noticed at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from typing import cast

from flask import Blueprint, Flask, abort, current_app, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from appliance.web.browsers import Browser, Browsers
from appliance.web.first import is_due
from appliance.web.pages import glance
from appliance.web.speech import say
from appliance.web.words import local

COOKIE = "firstlight_browser"
COOKIE_S = 400 * 86_400  # browsers keep none for longer; it is renewed on each day of a visit
OPEN = frozenset({"static", "page.health", "pairing.door", "pairing.pair"})
STREAM = "live.stream"
MOST_TRIES = 10
QUIET_S = 180.0  # longer than a browser may pair, so that whoever tries all the time never comes in
MOST_VISITORS = 256

bp = Blueprint("pairing", __name__)


class Tries:
    """Tries in vain of each address: after ``MOST_TRIES`` it is not heard until it has been quiet for ``QUIET_S``."""

    def __init__(self) -> None:
        self._failed: dict[str, tuple[int, float]] = {}

    def may(self, visitor: str, now_s: float) -> bool:
        """Whether a try of this address counts at ``now_s`` (monotonic seconds)."""
        return self._count(visitor, now_s) < MOST_TRIES

    def failed(self, visitor: str, now_s: float) -> None:
        """One more in vain; a try that was not heard counts as well."""
        count = self._count(visitor, now_s) + 1
        self._failed.pop(visitor, None)
        self._failed[visitor] = count, now_s
        if len(self._failed) > MOST_VISITORS:
            self._failed.pop(next(iter(self._failed)), None)

    def _count(self, visitor: str, now_s: float) -> int:
        count, last_s = self._failed.get(visitor, (0, 0.0))
        return count if now_s - last_s < QUIET_S else 0


def install(app: Flask, browsers: Browsers | None) -> None:
    """Shut ``app`` for all but ``browsers``; None leaves it open to whoever reaches it.  After the guard."""
    app.register_blueprint(bp)
    app.extensions["tries"] = Tries()
    app.extensions["browsers"] = browsers

    @app.before_request
    def check() -> Response | None:
        g.browser = None if browsers is None else browsers.of(request.cookies.get(COOKIE, ""))
        g.is_paired = browsers is None or g.browser is not None
        if g.is_paired or request.endpoint in OPEN:
            return None
        if request.method in ("GET", "HEAD"):
            if request.endpoint == STREAM:
                return Response(status=204)  # by which a browser knows not to ask again
            return redirect(url_for("pairing.door"), 303)
        return abort(403, say("pair.not_paired"))

    @app.after_request
    def note(response: Response) -> Response:
        browser: Browser | None = g.get("browser")
        if browsers and browser and request.endpoint not in OPEN and browsers.see(browser, _today()):
            _give(response, browsers.cookie(browser))
        return response

    @app.context_processor
    def door_state() -> dict[str, object]:
        return {"is_paired": g.get("is_paired", False), "paired": paired}


def may_see(cookie: str) -> Callable[[], bool]:
    """Whether whoever has this cookie may still see the page, to be asked again and again by what is sent for long."""
    browsers = cast(Browsers | None, current_app.extensions["browsers"])
    return lambda: browsers is None or browsers.of(cookie) is not None


def paired() -> list[Browser] | None:
    """Who may see the page, latest first; None where everybody who reaches it may."""
    browsers = cast(Browsers | None, current_app.extensions["browsers"])
    return None if browsers is None else browsers.all()


@bp.get("/pair")
def door() -> Response | str:
    """How to pair; whoever is paired already is shown in."""
    return redirect(url_for("page.now"), 303) if g.is_paired else _door()


@bp.post("/pair")
def pair() -> Response | tuple[str, int]:
    """Let this browser in, if the box's button allows it now."""
    if g.is_paired:
        return redirect(url_for("page.now"), 303)
    browsers = cast(Browsers, current_app.extensions["browsers"])
    tries = cast(Tries, current_app.extensions["tries"])
    visitor, now_s = request.remote_addr or "", time.monotonic()
    if not tries.may(visitor, now_s):
        tries.failed(visitor, now_s)
        return _door(say("pair.too_many")), 429
    until = _window()
    if until is None:
        tries.failed(visitor, now_s)
        return _door(say("pair.not_yet")), 403
    try:
        browser = browsers.pair(_called(request.user_agent.string), int(glance().now_utc), _today(), until)
    except OSError as error:
        return _door(say("pair.cannot_keep", why=error.strerror)), 503
    if browser is None:
        tries.failed(visitor, now_s)
        return _door(say("pair.somebody_quicker")), 409
    return _give(redirect(url_for("first.side" if is_due() else "page.now"), 303), browsers.cookie(browser))


@bp.post("/browsers/remove")
def remove() -> Response:
    """Let a browser in no more; it may be the one that asks."""
    browsers = cast(Browsers | None, current_app.extensions["browsers"])
    known = {browser.id for browser in paired() or ()}
    wanted = request.form.get("browser", "")
    if browsers is None or wanted not in known:
        abort(404)
    try:
        browsers.remove(wanted)
    except OSError as error:
        abort(503, say("pair.cannot_remove", why=error.strerror))
    return redirect(url_for("settings.settings", saved=1), 303)


def _door(said: str = "") -> str:
    until = _window()
    is_used = until is not None and cast(Browsers, current_app.extensions["browsers"]).is_used(until)
    return render_template("pair.html", said=said, is_ready=until, is_used=is_used, refresh_s=1, refresh_plain_s=5)


def _window() -> int | None:
    """Until when (UTC seconds) a browser may pair, or None."""
    status = glance().status
    until = None if status is None else status.pairing_until_utc
    return until if until is not None and until > glance().now_utc else None


def _today() -> date:
    return local(glance().now_utc, glance().zone).date()


def _give(response: Response, cookie: str) -> Response:
    response.set_cookie(COOKIE, cookie, max_age=COOKIE_S, httponly=True, samesite="Strict", secure=request.is_secure)
    return response


# In the order in which they are looked for: most browsers claim to be others as well.
_PROGRAMS = {"Firefox": "Firefox", "FxiOS": "Firefox", "Edg": "Edge", "OPR": "Opera", "SamsungBrowser": "Samsung"}
_PROGRAMS |= {"CriOS": "Chrome", "Chrome": "Chrome", "Safari": "Safari"}
_MACHINES = {"iPhone": "an iPhone", "iPad": "an iPad", "Android": "Android", "CrOS": "a Chromebook"}
_MACHINES |= {"Windows": "Windows", "Mac OS": "a Mac", "Linux": "Linux"}


def _called(user_agent: str) -> str:
    """``Firefox on Android``: enough to tell one's own, from a fixed list of words."""
    program = next((name for mark, name in _PROGRAMS.items() if mark in user_agent), "A browser")
    machine = next((f" on {name}" for mark, name in _MACHINES.items() if mark in user_agent), "")
    return program + machine
