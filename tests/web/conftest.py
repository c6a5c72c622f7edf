"""What the page's tests share: a visitor of an empty box, and of one with three made-up nights."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import plausible_nights
import pytest
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
