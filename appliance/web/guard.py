"""What a page on a home network must refuse: foreign names, foreign forms, foreign frames and scripts."""

from __future__ import annotations

import ipaddress
import re
import secrets
import socket
from collections.abc import Iterable
from hmac import compare_digest
from urllib.parse import urlsplit

from flask import Flask, Response, abort, g, request

from appliance.web.speech import Manner, manner_of, say, speak

COOKIE = "firstlight_form"
FIELD = "form_token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer browsers hide the origin of our own forms too
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")


def install(app: Flask, hosts: Iterable[str]) -> None:
    """Guard every request and answer of ``app``; ``hosts`` are names of the box besides its own host name."""
    own = socket.gethostname().lower()
    names = {"localhost", "firstlight.local", own, f"{own}.local", *(host.lower() for host in hosts)}

    @app.before_request
    def check() -> None:
        speak(manner_of({}, request.headers.get("Accept-Language", "")))  # until the settings are known
        # A name that an attacker rebinds to this address (DNS rebinding) is refused; an address cannot be rebound.
        if not _is_ours(request.host, names):
            abort(400, say("error.foreign_name"))
        sent = request.cookies.get(COOKIE, "")
        g.form_token = sent if _TOKEN.fullmatch(sent) else secrets.token_urlsafe(24)
        if request.method in SAFE:
            return
        if not _is_same_origin() or not compare_digest(request.form.get(FIELD, "").encode(), g.form_token.encode()):
            abort(403, say("error.stale_form"))

    @app.after_request
    def seal(response: Response) -> Response:
        response.headers.update(HEADERS)
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
            token = g.get("form_token")
            if token and request.cookies.get(COOKIE) != token:
                response.set_cookie(COOKIE, token, httponly=True, samesite="Strict", secure=request.is_secure)
        return response

    @app.teardown_request
    def fall_silent(_: BaseException | None) -> None:
        speak(Manner())

    @app.context_processor
    def token() -> dict[str, str]:
        return {"form_field": FIELD, "form_token": g.get("form_token", "")}


def _is_ours(host: str, names: set[str]) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in names
    return True


def _is_same_origin() -> bool:
    """Whether the browser says that our own page sent the form; browsers that say nothing have the token alone."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return False
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host
