"""Safety: nobody but our own page sends a form, no page asks anybody else, and no input breaks the server."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from visitor import Visitor
from werkzeug.routing import Rule

from appliance.web import create_app, guard

PAGES = ("/", "/night", "/nights", "/trends", "/alarm", "/alarm/new", "/alarm/1", "/settings", "/placement", "/privacy")
PAGES += ("/first", "/first/place", "/first/alarm")


def test_headers_forbid_foreign_scripts_frames_and_guessing(filled: Visitor) -> None:
    answer = filled.client.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
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
        ("[", 400),
        ("[::1", 400),
        ("[fe80::1%25eth0]", 400),
        ("a]b:c:d", 400),
        ("firstlight.local@evil.example", 400),
        ("firstlight.local:80@evil.example", 400),
        ("\xe9", 400),
        ("evil..example", 400),
        (64 * "a", 400),  # longer than a label may be
    ],
)
def test_a_rebound_name_is_refused(filled: Visitor, host: str, status: int) -> None:
    assert filled.client.get("/health", headers={"Host": host}).status_code == status


def test_a_state_is_never_changed_by_opening_an_address(filled: Visitor) -> None:
    rules = [rule for rule in filled.app.url_map.iter_rules() if rule.endpoint != "static"]
    for rule in rules:
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        assert methods in ({"GET"}, {"POST"}), rule
        if methods == {"POST"}:
            assert filled.client.post(rule.rule).status_code == 403, rule


def test_a_name_from_the_configuration_is_the_boxs_own(filled: Visitor) -> None:
    app = create_app(filled.store_path, filled.status_path, hosts=["Bedside.home"], is_open=True)
    assert app.test_client().get("/", headers={"Host": "bedside.home:8080"}).status_code == 200
    assert app.test_client().get("/", headers={"Host": "x.bedside.home"}).status_code == 400


CHARACTERS = st.characters(exclude_categories=["Cs"])
TEXT = st.text(CHARACTERS, max_size=40)
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40)
TELLING = st.sampled_from(
    [
        "",
        "0",
        "1",
        "-1",
        "99999999999999999999",
        "on",
        "left",
        "UTC",
        "07:00",
        "2026-02-30",
        "../UTC",
        "/etc/passwd",
        "\0",
    ]
)
NUMBER = st.integers(-(10**30), 10**30).map(str)
HUGE = st.sampled_from([str(sign * n) for sign in (1, -1) for n in (2**31, 2**53, 2**63, 10**30)])
QUERIES = ("before", "answer", "saved", "span", "corrected")
HEADERS = (
    "Host",
    "Origin",
    "Sec-Fetch-Site",
    "Cookie",
    "User-Agent",
    "Accept-Language",
    "Accept",
    "Range",
    "Content-Type",
    "If-None-Match",
)


@pytest.fixture
def fields(filled: Visitor) -> list[str]:
    """The name of every field that a form of the page has."""
    paths = [re.sub(r"<[^>]+>", "1", rule.rule) for rule in routes() if "GET" in (rule.methods or ())]
    html = "".join(filled.client.get(path).text for path in paths)
    found = set(re.findall(r'<(?:input|select|textarea|button)\b[^>]*\sname="(\w+)"', html))
    assert {"time", "weekdays", "timezone", "browser", "light", guard.FIELD} <= found
    return sorted(found - {guard.FIELD})


def routes() -> list[Rule]:
    """Every route that the page has, whoever added it."""
    with TemporaryDirectory() as name:
        return list(create_app(Path(name) / "n", Path(name) / "s", is_open=True).url_map.iter_rules())


@pytest.mark.parametrize("rule", routes(), ids=str)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_no_input_is_a_mistake_of_the_server(
    filled: Visitor, fields: list[str], rule: Rule, data: st.DataObject
) -> None:
    """Any values in the address, the query, the form and the headers of each route."""
    if not filled.app.extensions["browsers"].all():  # removed by an earlier example
        filled.pair()
    os.utime(filled.status_path, (time.time() + 600, time.time() + 600))  # the box does not fall silent meanwhile
    value = TEXT | TELLING | NUMBER | HUGE
    path = re.sub(r"<[^>]+>", lambda _: quote(data.draw(value, label="in the address"), safe=""), rule.rule)
    form = data.draw(st.dictionaries(st.sampled_from(fields), value | st.lists(value, max_size=3)), label="form")
    query = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(QUERIES, value)), label="query")
    headers = data.draw(st.just({}) | st.dictionaries(st.sampled_from(HEADERS), HEADER, max_size=1), label="headers")
    own = sorted((rule.methods or set()) & {"GET", "POST"})
    method = data.draw(st.sampled_from([*own * 5, "GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE"]), label="method")
    if data.draw(st.sampled_from([True, True, False]), label="with our token"):
        filled.client.get("/pair")
        token = filled.client.get_cookie(guard.COOKIE)
        assert token is not None
        form[guard.FIELD] = token.value
    answered = filled.client.open(path, method=method, data=form, query_string=query, headers=headers)
    assert answered.status_code < 500
    if method == "POST":
        with filled.store() as store:
            assert "pair" not in [request.kind for request in store.requests_after(0)]  # that takes a hand on the box
