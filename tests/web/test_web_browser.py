"""The page in a real browser: fits a phone, asks nobody else, never flashes, and works without a script."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from chromium import Chromium
from plausible_nights import asleep
from serving import DESKTOP, NIGHT_UTC, PAGES, PHONE, Served, pair, press

from appliance.records import HandledRecord
from appliance.store import Role, Store

pytestmark = pytest.mark.usefixtures("at_night")


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_fits_is_dark_and_asks_nobody_else(
    served: Served, browser: Chromium, look: Path, name: str, size: tuple[int, int]
) -> None:
    browser.size(*size, mobile=size is PHONE)
    browser.open(served.address(name))
    picture = look / f"{name}-{size[0]}.png"
    browser.picture(picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert browser.run("document.scrollingElement.scrollWidth") <= size[0]
    assert browser.run("getComputedStyle(document.documentElement).backgroundColor") == "rgb(12, 11, 15)"
    assert browser.run("document.querySelectorAll('h1').length") == 1
    assert browser.run("document.documentElement.lang") == "en"
    assert browser.complaints == []
    # The browser's own pictures inside form fields are data, not requests.
    assert {url.split("/")[2] for url in browser.requests if not url.startswith("data:")} == {served.url[7:]}


@pytest.mark.parametrize("name", ["tonight", "night", "trends"])
def test_tables_and_forms_that_are_opened_fit_a_phone(served: Served, browser: Chromium, name: str) -> None:
    browser.size(*PHONE, mobile=True)
    browser.open(served.address(name))
    browser.run("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert browser.run("document.scrollingElement.scrollWidth") <= PHONE[0]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_newcomer_is_paired_removed_and_paired_again(
    served: Served, browser: Chromium, look: Path, scripts: bool
) -> None:
    browser.scripts(scripts)
    browser.open(served.url + "/settings")
    browser.picture(look / "settings-whole-390.png", whole=True)
    press(browser, ".browsers form button")
    assert where(browser) == served.url + "/pair"
    for name, size in (("pair-1280", DESKTOP), ("pair-390", PHONE)):
        browser.size(*size, mobile=size is PHONE)
        browser.picture(look / f"{name}.png")
        assert browser.call("Page.getLayoutMetrics")["cssContentSize"]["width"] <= size[0]
    press(browser, "main form button")
    browser.picture(look / "pair-too-early-390.png")
    pair(served, browser, held_s=40.0 if scripts else 80.0)
    assert where(browser) == served.url + "/"
    served.says(replace(asleep(NIGHT_UTC), simulated=True, speed=60.0))
    browser.open(served.url + "/night")
    assert where(browser) == served.url + "/night"


def test_a_page_in_use_goes_to_the_door_when_its_browser_is_removed_and_comes_back(
    served: Served, browser: Chromium, look: Path
) -> None:
    browser.open(served.url + "/")
    follows(served, browser)
    cookies = browser.call("Network.getCookies")["cookies"]
    kept = next(cookie for cookie in cookies if cookie["name"] == "firstlight_browser")
    assert (kept["httpOnly"], kept["sameSite"]) == (True, "Strict")
    fields = f"form_token: document.body.dataset.token, browser: '{kept['value'].partition('.')[0]}'"
    browser.run(f"fetch('/browsers/remove', {{method: 'POST', body: new URLSearchParams({{{fields}}})}}).then(() => 1)")
    while where(browser) != served.url + "/pair":  # by itself, within a second or two
        browser.wait_for_load()
    ready = replace(asleep(NIGHT_UTC), simulated=True, speed=60.0, pairing_until_utc=int(NIGHT_UTC + 20))
    served.says(ready)
    browser.until("document.querySelector('#window').textContent.includes('The box is ready: press Pair.')")
    browser.picture(look / "pair-ready-390.png")
    pair(served, browser, held_s=120.0)
    assert where(browser) == served.url + "/"
    assert browser.complaints == []


def follows(served: Served, browser: Chromium) -> None:
    """Wait until the page shows what the box said after it was loaded."""
    for rate in (11.5, 12.5):
        served.says(replace(asleep(NIGHT_UTC), rate_brpm=rate, simulated=True, speed=60.0))
        browser.until(f"document.querySelector('#sleeper .rate strong')?.textContent === '{rate}'")


def where(browser: Chromium) -> str:
    """The address that the browser shows."""
    return str(browser.call("Page.getFrameTree")["frameTree"]["frame"]["url"])


def test_what_a_finger_must_hit_is_large_enough(served: Served, browser: Chromium) -> None:
    small = "[...document.querySelectorAll('nav a, button, .days label, input:not([type=hidden]):not(.days input)')]"
    small += ".filter(e => e.getBoundingClientRect().height < 30).map(e => e.outerHTML)"
    for name in PAGES:
        browser.open(served.address(name))
        assert browser.run(small) == [], name


def test_the_page_follows_the_box_without_being_loaded_again(served: Served, browser: Chromium, look: Path) -> None:
    browser.open(served.url + "/")
    browser.run("window.same = true")
    dawn = replace(asleep(NIGHT_UTC + 60), alarm_phase="dawn", lamp=(0.35, 0.12, 0.01), simulated=True, speed=60.0)
    served.says(dawn)
    browser.until("document.querySelector('#wake h2')?.textContent === 'Dawn is breaking'")
    browser.picture(look / "dawn-390.png")
    served.says(replace(dawn, alarm_phase="ringing", lamp=(1.0, 0.75, 0.42)))
    browser.until("document.querySelector('#wake h2')?.textContent === 'Good morning'")
    browser.picture(look / "ringing-390.png")
    assert browser.run("window.same") is True
    assert browser.complaints == []


def test_who_wants_no_motion_is_shown_a_breath_that_stands_still(served: Served, browser: Chromium) -> None:
    seen = "getComputedStyle(document.querySelector('circle.' + one)).display != 'none'"
    shown = f"['moving', 'still'].map(one => {seen})"
    for motion, displays in (("no-preference", [True, False]), ("reduce", [False, True])):
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": motion}])
        browser.open(served.url + "/first/place")
        assert browser.run(shown) == displays
    browser.call("Emulation.setEmulatedMedia", features=[])


def test_stop_is_one_press_with_and_without_scripts(served: Served, browser: Chromium) -> None:
    served.says(replace(asleep(NIGHT_UTC), alarm_phase="ringing", simulated=True, speed=60.0))
    for scripts in (True, False):
        browser.scripts(scripts)
        browser.open(served.url + "/")
        press(browser, "#wake button.strong")
        with Store(served.store_path, Role.SUPERVISOR) as store:
            asked = store.requests_after(store.last_handled())
            assert [request.kind for request in asked] == ["stop"]
            store.write([HandledRecord(asked[0].id, asked[0].utc_s)])


def test_without_a_script_the_page_loads_itself_again(served: Served, browser: Chromium) -> None:
    browser.scripts(False)
    browser.open(served.url + "/")
    served.says(replace(asleep(NIGHT_UTC), present=False, stage=None))
    browser.wait_for_load()  # by itself, within five seconds
    tree = browser.call("DOM.getDocument", depth=-1)["root"]
    assert "Nobody in bed" in browser.call("DOM.getOuterHTML", nodeId=tree["nodeId"])["outerHTML"]
