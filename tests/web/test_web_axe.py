"""What axe-core (dequelabs/axe-core, as a Python package brings it) finds on every page: nothing."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from chromium import Chromium
from plausible_nights import asleep
from serving import DESKTOP, NIGHT_UTC, PAGES, PHONE, Served, press

from appliance.web import pairing

pytestmark = pytest.mark.usefixtures("at_night")

FOUND = "axe.run(document, {resultTypes: ['violations']}).then(all => all.violations.map(one => one.id + ': ' + "
FOUND += "one.nodes.map(node => node.html + ' ' + node.failureSummary).join('; ')))"
# Of a page's own states: what is opened, what is wrong in a form, what asks once more, what is not there.
STATES = {
    "new alarm": "/alarm/new",
    "month": "/trends?span=month",
    "nothing": "/nowhere",
    "saved": "/settings?saved=1",
}


@pytest.fixture(scope="module")
def axe() -> str:
    """The engine's source; it is put into the page by the browser and asks nobody."""
    package = find_spec("axe_core_python")
    if package is None or package.origin is None:
        pytest.skip("needs axe-core: ./setup.sh venv test")
    return Path(package.origin).with_name("axe.min.js").read_text(encoding="utf-8")


def violations(browser: Chromium, axe: str) -> list[str]:
    browser.run("document.querySelectorAll('details').forEach(part => part.open = true)")
    browser.call("Runtime.evaluate", expression=axe)
    found = browser.run(FOUND)
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_no_page_has_a_barrier(served: Served, browser: Chromium, axe: str, size: tuple[int, int], scheme: str) -> None:
    browser.size(*size, mobile=size is PHONE)
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    addresses = {name: served.address(name) for name in PAGES}
    addresses |= {name: served.url + path for name, path in STATES.items()}
    addresses["delete"] = addresses["night"] + "/delete"
    found = {}
    for name, address in addresses.items():
        browser.open(address)
        found[name] = violations(browser, axe)
    assert {name: told for name, told in found.items() if told} == {}


def test_no_state_has_a_barrier(served: Served, browser: Chromium, axe: str) -> None:
    """An alarm that rings, a form with a mistake, a box that complains, the door."""
    served.says(replace(asleep(NIGHT_UTC), alarm_phase="ringing", lamp=(1.0, 0.75, 0.42), complaints=("no model",)))
    browser.open(served.url + "/")
    assert violations(browser, axe) == []
    for path in ("/settings", "/night", "/first/place"):
        browser.open(served.url + path)
        browser.run("document.documentElement.className = 'red'")
        assert violations(browser, axe) == [], path
    browser.open(served.address("alarm"))
    browser.run("document.querySelector('#time').value = ''")
    press(browser, "main form button.strong")
    assert browser.run("document.querySelectorAll('[aria-invalid]').length") > 0
    assert violations(browser, axe) == []
    cookies = browser.call("Network.getCookies")["cookies"]
    kept = next(cookie["value"] for cookie in cookies if cookie["name"] == pairing.COOKIE)
    browser.call("Network.deleteCookies", name=pairing.COOKIE, url=served.url)
    browser.open(served.url + "/pair")
    assert browser.run("document.querySelector('h1').textContent") == "Pair this browser"
    assert violations(browser, axe) == []
    browser.call("Network.setCookie", name=pairing.COOKIE, value=kept, url=served.url, httpOnly=True)


def test_axe_sees_what_is_wrong(served: Served, browser: Chromium, axe: str) -> None:
    browser.open(served.url + "/settings")
    browser.run("document.documentElement.removeAttribute('lang')")
    browser.run("document.querySelector('label[for=timezone]').remove()")
    assert {line.split(":")[0] for line in violations(browser, axe)} == {"html-has-lang", "label"}
