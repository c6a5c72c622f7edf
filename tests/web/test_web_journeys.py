"""Whole journeys in a real browser, on a phone and at a desk, with and without scripts, as somebody new would go."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chromium import Chromium
from plausible_nights import asleep
from serving import DESKTOP, NIGHT_UTC, PHONE, Served, pair, press

from appliance.records import HandledRecord, Request
from appliance.store import Role, Store

EVERYWHERE = pytest.mark.parametrize(
    ("size", "scripts"),
    [(PHONE, True), (PHONE, False), (DESKTOP, True), (DESKTOP, False)],
    ids=["phone", "phone, no scripts", "desktop", "desktop, no scripts"],
)


@pytest.fixture
def box(browser: Chromium, tmp_path: Path, size: tuple[int, int], scripts: bool) -> Iterator[Served]:
    """A box of its own, new, before a browser that it does not know."""
    browser.size(*size, mobile=size is PHONE)
    browser.scripts(scripts)
    with closing(Served(tmp_path, is_new=True)) as new:
        yield new
    browser.call("Network.clearBrowserCookies")
    browser.scripts(True)


@pytest.fixture
def lived_in(browser: Chromium, tmp_path: Path, size: tuple[int, int], scripts: bool) -> Iterator[Served]:
    """A box with nights, with which the browser is paired."""
    browser.size(*size, mobile=size is PHONE)
    browser.scripts(scripts)
    with closing(Served(tmp_path)) as filled:
        pair(filled, browser)
        filled.says(replace(asleep(NIGHT_UTC), simulated=True, speed=60.0))
        yield filled
    browser.call("Network.clearBrowserCookies")
    browser.scripts(True)


def node(browser: Chromium, selector: str) -> int:
    """The element, which must be there."""
    root = browser.call("DOM.getDocument")["root"]["nodeId"]
    found = browser.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
    assert found, f"nothing is {selector} on {where(browser)}"
    return int(found)


def text(browser: Chromium) -> str:
    """All that stands on the page, as HTML."""
    html = browser.call("DOM.getOuterHTML", nodeId=node(browser, "body"))["outerHTML"]
    return str(html).replace("&nbsp;", " ").replace("\u00a0", " ")


def write(browser: Chromium, selector: str, value: str) -> None:
    """What a field holds, as if typed."""
    browser.call("DOM.setAttributeValue", nodeId=node(browser, selector), name="value", value=value)


def tap(browser: Chromium, selector: str) -> None:
    """Touch what opens no page: a choice, something to unfold."""
    found = node(browser, selector)
    browser.call("DOM.scrollIntoViewIfNeeded", nodeId=found)
    x1, y1, _, _, x3, y3, _, _ = browser.call("DOM.getBoxModel", nodeId=found)["model"]["content"]
    for kind in ("mousePressed", "mouseReleased"):
        place = {"x": (x1 + x3) / 2, "y": (y1 + y3) / 2, "button": "left", "clickCount": 1}
        browser.call("Input.dispatchMouseEvent", type=kind, **place)


def where(browser: Chromium) -> str:
    """The path that the browser shows."""
    url = str(browser.call("Page.getFrameTree")["frameTree"]["frame"]["url"])
    return "/" + url.split("/", 3)[3]


def settings(box: Served) -> dict[str, Any]:
    with Store(box.store_path, Role.GUEST) as store:
        return store.settings()


def asked(box: Served) -> list[Request]:
    """What was asked for since the last time, which the box now does."""
    with Store(box.store_path, Role.SUPERVISOR) as store:
        found = store.requests_after(store.last_handled())
        store.write([HandledRecord(one.id, one.utc_s) for one in found])
    return found


@EVERYWHERE
def test_a_new_box_is_paired_and_set_up_in_three_steps(box: Served, browser: Chromium, scripts: bool) -> None:
    pair(box, browser)
    assert where(browser) == "/first"
    box.says(replace(asleep(NIGHT_UTC), simulated=True, speed=60.0, alarms=(), next_alarm_utc=None))
    tap(browser, "input[value=right]")
    press(browser, "main form button")
    assert where(browser) == "/first/place"
    if scripts:
        browser.until("document.querySelector('#chest .rate strong')?.textContent === '14.1'")
        browser.run("window.same = document.querySelector('circle.moving')")
        box.says(replace(asleep(NIGHT_UTC + 1.3), simulated=True, speed=60.0, alarms=()))
        browser.until("document.querySelector('circle.moving') !== window.same")  # the circle breathes on
        assert browser.run("document.querySelector('circle.moving animate').getAttribute('dur')") == "1s"
    else:
        assert 'dur="5s"' in text(browser)
        assert "14.1" in text(browser)
    press(browser, "main a.button")
    assert where(browser) == "/first/alarm"
    write(browser, "#time", "06:40")
    press(browser, "main form button.strong")
    assert where(browser) == "/"
    found = settings(box)
    assert found["bed_side"] == "right"
    assert [(one["hour"], one["minute"], one["enabled"]) for one in found["alarms"]] == [(6, 40, True)]
    assert browser.complaints == []


@EVERYWHERE
def test_alarm_side_and_standby_are_set_and_the_switch_shows_the_box(lived_in: Served, browser: Chromium) -> None:
    browser.open(lived_in.url + "/alarm/1")
    write(browser, "#dawn_brightness", "60")
    write(browser, "#time", "05:50")
    press(browser, "#preview button")
    assert "Look at the lamp" in text(browser)
    assert [(one.kind, one.value) for one in asked(lived_in)] == [("preview_on", 0.6)]
    assert settings(lived_in)["alarms"][0]["hour"] == 7  # looked at, not saved
    press(browser, "form.card button.big.strong")
    assert where(browser) == "/alarm?saved=1"
    alarm = settings(lived_in)["alarms"][0]
    assert (alarm["hour"], alarm["minute"], alarm["dawn_brightness"]) == (5, 50, 0.6)
    browser.open(lived_in.url + "/settings")
    tap(browser, "#choices input[value=right]")
    press(browser, "#choices button.strong")
    assert where(browser) == "/settings?saved=1"
    assert settings(lived_in)["bed_side"] == "right"
    press(browser, "#standby button")
    assert [one.kind for one in asked(lived_in)] == ["standby_on"]
    assert 'aria-checked="false"' in text(browser)  # until the box does it
    lived_in.says(replace(asleep(NIGHT_UTC), standby=True, present=None, simulated=True, speed=60.0))
    browser.open(lived_in.url + "/settings")
    assert 'aria-checked="true"' in text(browser)
    browser.open(lived_in.url + "/")
    press(browser, "#sleeper button")
    assert [one.kind for one in asked(lived_in)] == ["standby_off"]
    assert browser.complaints == []


@EVERYWHERE
def test_a_night_is_corrected_taken_along_and_deleted(lived_in: Served, browser: Chromium, tmp_path: Path) -> None:
    address = lived_in.address("night")
    night = int(address.rpartition("/")[2])
    browser.open(address)
    tap(browser, "#corrections details:nth-of-type(1) summary")
    write(browser, "#asleep", "02:10")
    press(browser, "#corrections details:nth-of-type(1) form button.strong")
    assert where(browser) == f"/night/{night}?corrected=1"
    assert "02:10 instead of" in text(browser)
    with Store(lived_in.store_path, Role.GUEST) as store:
        assert [one.kind for one in store.corrections(night)] == ["asleep"]
    folder = tmp_path / "taken"
    folder.mkdir()
    allow = {"behavior": "allow", "downloadPath": str(folder)}
    browser.call("Page.setDownloadBehavior", **allow)
    tap(browser, f"a[href='/night/{night}/night.csv']")
    end_s = time.monotonic() + 10
    while not (files := [path for path in folder.iterdir() if path.suffix == ".csv"]):
        assert time.monotonic() < end_s, "nothing was downloaded"
        browser.call("DOM.getDocument")
        time.sleep(0.05)
    assert files[0].read_text(encoding="utf-8").startswith("subject,epoch,start,stage,")
    press(browser, f"a[href='/night/{night}/delete']")
    assert "for good" in text(browser)
    press(browser, "main form button.strong")
    assert where(browser) == "/nights"
    assert "being deleted" in text(browser)
    assert [(one.kind, one.value) for one in asked(lived_in)] == [("delete_night", night)]
    assert browser.complaints == []
