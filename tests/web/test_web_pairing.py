"""Pairing: who is not paired sees nothing; who was at the box comes in; who was removed is out at once."""

from __future__ import annotations

import json
import logging
import os
import re
import stat
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from plausible_nights import asleep
from visitor import Visitor, text_of
from werkzeug.test import TestResponse

from appliance.web import create_app, guard, pairing
from appliance.web.browsers import MOST, Browsers
from appliance.web.pairing import MOST_TRIES, QUIET_S, Tries

OPEN = {"static", "page.health", "pairing.door", "pairing.pair"}
TODAY = date(2026, 11, 26)


@pytest.fixture
def stranger(filled: Visitor) -> Visitor:
    """A browser that was never paired, at a box with three nights beside somebody asleep."""
    filled.client.delete_cookie(pairing.COOKIE)
    return filled


def hold_the_button(box: Visitor, seconds: float = 110.0) -> None:
    """The box says that a browser may pair for so long from now on."""
    now = time.time()
    box.says(replace(asleep(now), pairing_until_utc=int(now + seconds)))


def browsers_of(box: Visitor) -> Browsers:
    found: Browsers = box.app.extensions["browsers"]
    return found


def paths(box: Visitor, method: str, *, closed: bool = True) -> list[str]:
    """An address of every route that takes this method."""
    rules = [rule for rule in box.app.url_map.iter_rules() if method in (rule.methods or ())]
    return [re.sub(r"<[^>]+>", "1", rule.rule) for rule in rules if not (closed and rule.endpoint in OPEN)]


def test_a_stranger_sees_one_page_and_nothing_else(stranger: Visitor) -> None:
    assert (stranger.get("/live/now", 204), stranger.get("/live/1", 204)) == ("", "")  # and is not asked for again
    for path in [*paths(stranger, "GET"), "/nowhere", "/night/5?answer=live"]:
        if path.startswith("/live/"):
            continue
        answer = stranger.client.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/pair"), path
        assert stranger.client.head(path).status_code == 303, path
        for told in ("breath", "Light sleep", "7:00", "06:", "Europe", "°C", "sqlite"):
            assert told not in answer.text, path
    html = stranger.get("/pair")
    text = text_of(html)
    for words in ("Hold the button on the box for 5 seconds", "firstlight pair", "Press Pair", "waits for its button"):
        assert words in text, words
    assert "<nav" not in html
    assert 'id="wall"' not in html
    for told in ("Light sleep", "14.1", "Europe", "°C", "TinyFrame", "sqlite"):
        assert told not in html
    assert stranger.get("/health") == "ok\n"


def test_a_stranger_changes_nothing(stranger: Visitor) -> None:
    with stranger.store() as store:
        before = store.settings()
    hold_the_button(stranger)
    found = paths(stranger, "POST")
    assert "/alarm/1/delete" in found
    assert "/browsers/remove" in found
    for path in found:
        answer = stranger.post(path, enabled="enabled", time="03:00", weekdays="1", standby="on", light="on")
        assert answer.status_code == 403, path
        assert "not paired" in answer.text, path
        assert "<nav" not in answer.text, path
    with stranger.store() as store:
        assert store.settings() == before
        assert store.requests_after(0) == []


def test_a_stranger_hears_no_complaint_of_the_box(stranger: Visitor) -> None:
    stranger.says(replace(asleep(time.time()), complaints=("no model: no stages",), simulated=True, speed=3.0))
    for html in (stranger.get("/pair"), stranger.client.get("/", headers={"Host": "evil.example"}).text):
        assert "No model" not in html
        assert "Simulated" not in html


def pressed(box: Visitor) -> TestResponse:
    return box.post("/pair")


def test_whoever_holds_the_button_and_presses_pair_is_in(stranger: Visitor) -> None:
    refused = pressed(stranger)
    assert refused.status_code == 403
    assert "Not yet: first hold the button for five seconds" in refused.text
    hold_the_button(stranger)
    assert "The box is ready: press Pair." in stranger.get("/pair")
    answer = pressed(stranger)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "Light sleep" in stranger.get("/")
    assert stranger.client.get("/pair").headers["Location"] == "/"
    assert pressed(stranger).headers["Location"] == "/"
    assert len(browsers_of(stranger).all()) == 2  # the fixture's and this one


def test_the_cookie_is_for_this_box_alone(stranger: Visitor) -> None:
    for url, is_secure in (("http://firstlight.local", False), ("https://firstlight.local", True)):
        stranger.client.delete_cookie(pairing.COOKIE)
        hold_the_button(stranger, 100.0 if is_secure else 110.0)
        stranger.client.get("/pair", base_url=url)
        token = stranger.client.get_cookie(guard.COOKIE, "firstlight.local")
        assert token is not None
        answer = stranger.client.post("/pair", data={guard.FIELD: token.value}, base_url=url)
        assert answer.status_code == 303
        (cookie,) = (line for line in answer.headers.getlist("Set-Cookie") if line.startswith(pairing.COOKIE))
        attributes = set(cookie.split("; ")[1:])
        assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=34560000"} <= attributes
        assert ("Secure" in attributes) is is_secure
        assert not any(part.startswith("Domain") for part in attributes)
        stranger.client.delete_cookie(pairing.COOKIE, domain="firstlight.local")


def test_two_minutes_are_over(stranger: Visitor) -> None:
    hold_the_button(stranger, -1.0)
    assert pressed(stranger).status_code == 403
    hold_the_button(stranger)
    os.utime(stranger.status_path, (time.time() - 90, time.time() - 90))  # a box that stopped leaves no door open
    assert pressed(stranger).status_code == 403
    assert "The box is not answering, so no browser can pair." in text_of(stranger.get("/pair"))


def test_one_hold_lets_one_browser_in(stranger: Visitor) -> None:
    hold_the_button(stranger)
    assert pressed(stranger).status_code == 303
    stranger.client.delete_cookie(pairing.COOKIE)
    assert "For one more, hold the button again." in stranger.get("/pair")
    late = pressed(stranger)
    assert late.status_code == 409
    assert "If that was none of yours, remove it" in late.text
    hold_the_button(stranger, 117.0)  # held again seven seconds later
    assert pressed(stranger).status_code == 303


def test_tries_are_limited_and_trying_on_does_not_help(stranger: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1000.0
    monkeypatch.setattr(pairing, "time", SimpleNamespace(monotonic=lambda: now_s))
    for _ in range(MOST_TRIES):
        assert pressed(stranger).status_code == 403
    hold_the_button(stranger)
    for _ in range(3):
        answer = pressed(stranger)
        assert answer.status_code == 429
        assert "Too many tries: wait three minutes" in answer.text
        now_s += QUIET_S - 1
    now_s += 2
    assert pressed(stranger).status_code == 303


def test_another_address_has_tries_of_its_own(stranger: Visitor) -> None:
    for _ in range(MOST_TRIES):
        pressed(stranger)
    hold_the_button(stranger)
    assert pressed(stranger).status_code == 429
    token = stranger.client.get_cookie(guard.COOKIE)
    assert token is not None
    elsewhere = {"REMOTE_ADDR": "192.168.1.9"}
    assert stranger.client.post("/pair", data={guard.FIELD: token.value}, environ_base=elsewhere).status_code == 303


def test_an_address_is_heard_again_after_it_was_quiet() -> None:
    tries = Tries()
    for k in range(MOST_TRIES):
        assert tries.may("a", 10.0 * k)
        tries.failed("a", 10.0 * k)
    last_s = 10.0 * (MOST_TRIES - 1)
    assert not tries.may("a", last_s + QUIET_S - 1)
    assert tries.may("b", last_s)
    tries.failed("a", last_s + 60)  # not heard, and the wait begins anew
    assert not tries.may("a", last_s + QUIET_S + 59)
    assert tries.may("a", last_s + QUIET_S + 60)
    for k in range(1000):
        tries.failed(str(k), last_s)
    assert len(tries._failed) <= 256


def test_a_removed_browser_is_out_at_once(filled: Visitor) -> None:
    own = browsers_of(filled).all()[0]
    other = filled.app.test_client()
    second = browsers_of(filled).pair("Safari on an iPhone", 1_800_000_000, TODAY, 9_000)
    assert second is not None
    other.set_cookie(pairing.COOKIE, browsers_of(filled).cookie(second))
    assert other.get("/").status_code == 200
    text = text_of(filled.get("/settings"))
    assert "Safari on an iPhone Paired Fri 15 Jan, last seen" in text
    assert "Firefox on Linux, this one Paired" in text
    assert filled.post("/browsers/remove", browser="nobody").status_code == 404
    assert filled.post("/browsers/remove", browser=second.id).status_code == 303
    assert other.get("/").headers["Location"] == "/pair"
    assert "iPhone" not in filled.get("/settings")
    assert filled.post("/browsers/remove", browser=own.id).status_code == 303
    assert filled.client.get("/").headers["Location"] == "/pair"


def test_a_forged_or_strange_cookie_is_nobodys(filled: Visitor) -> None:
    browser = browsers_of(filled).all()[0]
    good = browsers_of(filled).cookie(browser)
    assert browsers_of(filled).of(good) == browser
    flipped = good[:-1] + ("0" if good[-1] != "0" else "1")
    for bad in ("", ".", browser.id, f"{browser.id}.", flipped, f"x{good}", f"{good}0", good.upper(), "é.ü", "\0"):
        assert browsers_of(filled).of(bad) is None, bad
    other = Browsers(filled.store_path.with_name("others.json"))  # another box has another secret
    assert other.cookie(browser) != good


def test_the_last_day_of_a_visit_is_noted_and_the_cookie_renewed(filled: Visitor) -> None:
    old = browsers_of(filled).pair("Safari", 1_700_000_000, date(2023, 11, 14), 9_000)
    assert old is not None
    filled.client.set_cookie(pairing.COOKIE, browsers_of(filled).cookie(old))
    first, second = filled.client.get("/"), filled.client.get("/")
    assert any(line.startswith(pairing.COOKIE) for line in first.headers.getlist("Set-Cookie"))
    assert second.headers.getlist("Set-Cookie") == []
    (seen,) = (one for one in Browsers(browsers_of(filled).path).all() if one.id == old.id)
    assert (date.today() - seen.seen_on).days <= 1  # the box's zone may be a day ahead of this computer's


def test_the_secret_is_made_at_the_first_start_for_the_page_alone(tmp_path: Path) -> None:
    path = tmp_path / "browsers.json"
    before = os.umask(0)
    try:
        app = create_app(tmp_path / "nights.sqlite3", tmp_path / "status.json")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    made: Browsers = app.extensions["browsers"]
    secret = json.loads(path.read_bytes())["secret"]
    assert len(bytes.fromhex(secret)) == 32
    browser = made.pair("Firefox", 1_800_000_000, TODAY, 9_000)
    assert browser is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = Browsers(path)
    assert again.of(made.cookie(browser)) == browser
    assert again.is_used(9_001)  # a restart opens no window twice
    assert json.loads(path.read_bytes())["secret"] == secret
    assert json.loads(_made_anew(path))["secret"] != secret


def _made_anew(path: Path) -> bytes:
    path.unlink()
    Browsers(path)
    return path.read_bytes()


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "browsers.json"
    Browsers(path)
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        Browsers(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "could be read by others" in caplog.text


@pytest.mark.parametrize(
    "damaged",
    [b"", b"{", b"[]", b'{"secret": "00", "used_utc": 0, "browsers": []}', b"\xff\xfe", b"[" * 100_000],
)
def test_a_damaged_file_lets_nobody_in_and_is_begun_anew(
    tmp_path: Path, damaged: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "browsers.json"
    path.write_bytes(damaged)
    browsers = Browsers(path)
    assert browsers.all() == []
    assert "every browser must be paired again" in caplog.text
    assert browsers.pair("Firefox", 1_800_000_000, TODAY, 9_000) is not None
    assert len(Browsers(path).all()) == 1


def test_a_disk_that_refuses_lets_nobody_in_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    page = Visitor(tmp_path, is_paired=False)
    browsers_of(page).path = tmp_path / "no such folder" / "browsers.json"
    hold_the_button(page)
    answer = pressed(page)
    assert answer.status_code == 503
    assert "cannot keep who is paired (No such file or directory)" in answer.text
    assert page.client.get("/").headers["Location"] == "/pair"
    Browsers(tmp_path / "no such folder" / "browsers.json")  # starts all the same
    assert "cannot be written yet" in caplog.text


def test_the_browser_longest_away_makes_room(tmp_path: Path) -> None:
    browsers = Browsers(tmp_path / "browsers.json")
    for k in range(MOST):
        browsers.pair(f"number {k}", 1_800_000_000 + k, date(2026, 11, 1 + (k + 1) % MOST), 1000 * (k + 1))
    browsers.pair("one more", 1_900_000_000, TODAY, 10**6)
    names = [browser.name for browser in browsers.all()]
    assert len(names) == MOST
    assert names[0] == "one more"
    assert f"number {MOST - 1}" not in names  # seen on the first of the month


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (Android 14; Mobile; rv:131.0) Gecko/131.0 Firefox/131.0", "Firefox on Android"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
            " Version/17.5 Mobile/15E148 Safari/604.1",
            "Safari on an iPhone",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0"
            " Safari/537.36 Edg/129.0.0.0",
            "Edge on Windows",
        ),
        ("<script>alert(1)</script>", "A browser"),
        ("", "A browser"),
    ],
)
def test_a_browser_is_called_by_a_fixed_list_of_words(stranger: Visitor, user_agent: str, name: str) -> None:
    hold_the_button(stranger)
    stranger.client.get("/pair")
    token = stranger.client.get_cookie(guard.COOKIE)
    assert token is not None
    headers = {"User-Agent": user_agent}
    assert stranger.client.post("/pair", data={guard.FIELD: token.value}, headers=headers).status_code == 303
    assert name in [browser.name for browser in browsers_of(stranger).all()]


def test_a_page_that_is_open_needs_no_pairing(tmp_path: Path) -> None:
    app = create_app(tmp_path / "nights.sqlite3", tmp_path / "status.json", is_open=True)
    client = app.test_client()
    assert client.get("/").status_code == 200
    assert client.get("/pair").headers["Location"] == "/"
    assert "This page needs no pairing" in client.get("/settings").text
    assert not (tmp_path / "browsers.json").exists()
    token = client.get_cookie(guard.COOKIE)
    assert token is not None
    assert client.post("/browsers/remove", data={guard.FIELD: token.value, "browser": "x"}).status_code == 404
