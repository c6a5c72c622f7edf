"""Safety: nobody but our own page sends a form, no page asks anybody else, and no input breaks the server."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from visitor import Visitor
from werkzeug.test import TestResponse

from appliance.web import guard

PAGES = ("/", "/night", "/nights", "/trends", "/alarm", "/alarm/new", "/settings")

ALARM = {"enabled": "enabled", "time": "06:45", "weekdays": ["0", "2"], "dawn_min": "20"} | {
    "snooze_min": "5",
    "snooze_count": "2",
}


def test_headers_forbid_foreign_scripts_frames_and_guessing(filled: Visitor) -> None:
    answer = filled.client.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


def test_no_page_has_inline_script_or_style_or_asks_anybody_else(filled: Visitor) -> None:
    for path in PAGES:
        html = filled.get(path)
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", html), path
        links = re.findall(r'(?:src|href|action)="([^"]*)"', html)
        assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in links), path


def test_a_form_needs_our_cookie_our_token_and_our_origin(filled: Visitor) -> None:
    assert filled.client.post("/alarm/stop").status_code == 403
    filled.client.get("/")
    cookie = filled.client.get_cookie(guard.COOKIE)
    assert cookie is not None
    good = {guard.FIELD: cookie.value}
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert filled.client.post("/alarm/stop", data=good, headers=headers).status_code == 403, headers
    assert filled.client.post("/alarm/stop", data={guard.FIELD: "x" * 32}).status_code == 403
    with filled.store() as store:
        assert store.requests_after(0) == []
    ours = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert filled.client.post("/alarm/stop", data=good, headers=ours).status_code == 303


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("192.168.1.7", 200),
        ("firstlight.local", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example", 400),
        ("", 400),
    ],
)
def test_a_rebound_name_is_refused(filled: Visitor, host: str, status: int) -> None:
    assert filled.client.get("/", headers={"Host": host}).status_code == status


def test_a_state_is_never_changed_by_opening_an_address(filled: Visitor) -> None:
    rules = [rule for rule in filled.app.url_map.iter_rules() if rule.endpoint != "static"]
    for rule in rules:
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        assert methods in ({"GET"}, {"POST"}), rule
        if methods == {"POST"}:
            assert filled.client.post(rule.rule).status_code == 403, rule


fuzzed = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_input_is_a_mistake_of_the_server(filled: Visitor, data: st.DataObject) -> None:
    answer: Callable[..., TestResponse] = filled.post
    path = data.draw(
        st.sampled_from(
            ["/alarm/1", "/alarm/new", "/alarm/1/skip", "/light", "/settings", "/standby", "/nights", "/night/"]
        )
    )
    if path in ("/nights", "/night/"):
        text = data.draw(fuzzed | st.integers(-(10**30), 10**30).map(str))
        answered = filled.client.get(path, query_string={"before": text})
        deeper = filled.client.get(f"/night/{text}")
        assert deeper.status_code in (200, 303, 308, 404, 503)
    else:
        names = st.sampled_from([*ALARM, "bed_side", "timezone", "standby"])
        value = fuzzed | st.sampled_from(["left", "UTC", "07:00", "../UTC", "/etc/passwd", "\0"])
        answered = answer(path, **data.draw(st.dictionaries(names, value | st.lists(value, max_size=3))))
    assert answered.status_code < 500
