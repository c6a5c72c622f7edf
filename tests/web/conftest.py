"""What the page's tests share: a visitor of an empty box, and of one with three made-up nights."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import chromium
import plausible_nights
import pytest
from chromium import Chromium
from serving import NIGHT_UTC, PHONE, Served, pair
from visitor import Visitor


@pytest.fixture(scope="session")
def three_nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed database of three plausible nights, to be copied and not changed."""
    path = tmp_path_factory.mktemp("nights") / "nights.sqlite3"
    plausible_nights.fill(path)
    return path


@pytest.fixture
def page(tmp_path: Path) -> Visitor:
    """The page of a box that was never on."""
    return Visitor(tmp_path)


@pytest.fixture
def filled(page: Visitor, three_nights: Path) -> Visitor:
    """The page of a box with three nights, beside somebody asleep."""
    shutil.copy(three_nights, page.store_path)
    page.says(plausible_nights.asleep(time.time()))
    return page


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    """A real browser."""
    binary = chromium.found()
    if binary is None:
        pytest.skip("needs a browser: install chromium")
    with closing(Chromium(binary)) as opened:
        yield opened


@pytest.fixture(scope="module")
def served(browser: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page, in which the browser is paired as a newcomer would be: hold the button, press Pair."""
    with closing(Served(tmp_path_factory.mktemp("served"))) as running:
        yield running


@pytest.fixture
def at_night(served: Served, browser: Chromium) -> None:
    """Asleep, on a phone, paired."""
    if not served.is_paired:
        browser.size(*PHONE, mobile=True)
        pair(served, browser)
        served.is_paired = True
    served.says(replace(plausible_nights.asleep(NIGHT_UTC), simulated=True, speed=60.0))
    browser.scripts(True)
    browser.size(*PHONE, mobile=True)


@pytest.fixture
def look(tmp_path: Path) -> Path:
    """Where pictures go: the folder named by FIRSTLIGHT_LOOK, to look at them, else one that is forgotten."""
    folder = Path(os.environ.get("FIRSTLIGHT_LOOK", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
