"""The pictures in docs/pages: each page on a phone at night, beside a made-up sleeper.

They are made anew by ``FIRSTLIGHT_LOOK=docs/pages .venv/bin/pytest tests/web/test_web_pictures.py``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from chromium import Chromium
from plausible_nights import asleep
from serving import NIGHT_UTC, PAGES, Served

from appliance.web import pairing

KEPT = Path(__file__).parents[2] / "docs" / "pages"
MOST_BYTES = 400_000
VISIBLE = (375, 628)  # what the bars of a phone's own browser leave


@pytest.mark.usefixtures("at_night")
def test_every_page_is_pictured(served: Served, browser: Chromium, look: Path) -> None:
    browser.size(*VISIBLE, mobile=True, scale=1)
    for name in PAGES.keys() - {"tonight"}:  # drawn as any night is
        browser.open(served.address(name))
        browser.picture(look / f"{name}.webp")
    browser.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": "de"})
    browser.open(served.url + "/")
    browser.picture(look / "now-german.webp")
    browser.call("Network.setExtraHTTPHeaders", headers={})
    browser.open(served.url + "/")
    browser.run("document.documentElement.className = 'red'")
    browser.picture(look / "now-red.webp")
    served.says(replace(asleep(NIGHT_UTC), alarm_phase="ringing", lamp=(1.0, 0.75, 0.42), simulated=True, speed=60.0))
    browser.open(served.url + "/")
    browser.picture(look / "ringing.webp")
    browser.call("Network.deleteCookies", name=pairing.COOKIE, url=served.url)
    browser.open(served.url + "/pair")
    browser.picture(look / "pair.webp")
    made = {path.name: path.stat().st_size for path in look.glob("*.webp")}
    assert min(made.values()) > 3_000  # none is an empty screen
    kept = {path.name: path.stat().st_size for path in KEPT.glob("*.webp")}
    assert set(made) == set(kept)
    assert sum(kept.values()) < MOST_BYTES
