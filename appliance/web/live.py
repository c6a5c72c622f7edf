"""The live view by server-sent events: one look at the box a second, drawn once for all who see the same.

What is sent are the parts of a page that its template has in blocks called ``live_...``, as HTML, each when it changed.
A stream holds one thread of the server, so there are not more than ``MOST`` of them, and each ends by itself.  The
server has one thread more for each of them while it lasts: fifty idle ones would cost a Pi 6 MB.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from flask import Blueprint, Flask, Response, abort, current_app, g, request

from appliance.web.pairing import COOKIE, may_see
from appliance.web.speech import Manner, manner, say, speak

LOOK_S = 1.0
MOST = 50  # streams in all
MOST_OF_ONE = 8  # of one browser, so that none takes the seats of the others
LASTS_S = 600.0  # then the browser asks again, and passes the guard and the door anew
AGAIN_MS = 2000  # after which it does
PAGES = {"now": "now.html", "placement": "placement.html", "first": "first_place.html"}
FRAME = "base.html"
_PREFIX = "live_"

bp = Blueprint("live", __name__)


class Live:
    """What is shown this second, for all threads; nothing is looked at while nobody watches."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._drawn: dict[tuple[str, Manner], tuple[float, Mapping[str, str]]] = {}
        self._seats: Counter[str] = Counter()
        self.on_seats: Callable[[int], None] = lambda taken: None  # is told how many are taken now

    def sit(self, who: str) -> bool:
        """Take a seat for one more stream of this browser; False where there is none."""
        with self._lock:
            if self._seats.total() >= MOST or self._seats[who] >= MOST_OF_ONE:
                return False
            self._seats[who] += 1
            self.on_seats(self._seats.total())
            return True

    def leave(self, who: str) -> None:
        """Give the seat back."""
        with self._lock:
            self._seats[who] -= 1
            if self._seats[who] <= 0:
                del self._seats[who]
            self.on_seats(self._seats.total())

    def parts(self, page: str, said: Manner, since_s: float = 0.0) -> Mapping[str, str]:
        """The HTML of each live part of a page, at most a second old, and not seen before ``since_s`` (monotonic)."""
        with self._lock:
            drawn_s, parts = self._drawn.get((page, said), (0.0, {}))
            if not parts or drawn_s < max(since_s, time.monotonic() - LOOK_S):
                now_s = time.monotonic()
                parts = self._draw(page, said)
                self._drawn[page, said] = now_s, parts
            return parts

    def _draw(self, page: str, said: Manner) -> dict[str, str]:
        found: dict[str, str] = {}
        with self._app.test_request_context("/"):
            speak(said)
            g.is_paired, g.browser, g.form_token = True, None, ""  # each browser puts its own token into the forms
            values: dict[str, object] = {"watching": True}
            self._app.update_template_context(values)
            for name in (FRAME, PAGES[page]):
                template = self._app.jinja_env.get_template(name)
                context = template.new_context(values)
                for block, render in template.blocks.items():
                    if block.startswith(_PREFIX):
                        found[block.removeprefix(_PREFIX)] = "".join(render(context))
        return found


def install(app: Flask) -> None:
    """Give ``app`` its live view.  After the door, which shuts it."""
    app.extensions["live"] = Live(app)
    app.register_blueprint(bp)


@bp.get("/live/<page>")
def stream(page: str) -> Response:
    """Every change of a page's parts, for as long as the browser may see them."""
    if page not in PAGES:
        abort(404)
    live: Live = current_app.extensions["live"]
    cookie, said = request.cookies.get(COOKIE, ""), manner()
    who = g.browser.id if g.browser is not None else request.remote_addr or ""
    allowed = may_see(cookie)
    if not live.sit(who):
        abort(429, say("error.too_many"))

    def events() -> Iterator[str]:
        yield f"retry: {AGAIN_MS}\n\n"
        since_s = time.monotonic()  # what somebody has just done must not seem undone
        ends_s = since_s + LASTS_S
        sent: Mapping[str, str] = {}
        while time.monotonic() < ends_s:
            if not allowed():
                yield "event: gone\ndata:\n\n"
                return
            parts = live.parts(page, said, since_s)
            changed = {name: html for name, html in parts.items() if sent.get(name) != html}
            # A line in any case: it is how the server notices that the browser has gone.
            yield f"data: {json.dumps(changed, ensure_ascii=False)}\n\n" if changed else ":\n\n"
            sent = parts
            time.sleep(LOOK_S)

    response = Response(events(), mimetype="text/event-stream")
    response.call_on_close(lambda: live.leave(who))
    return response
