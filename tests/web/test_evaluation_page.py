"""The page of an evaluation in a real browser: fits a phone, is dark, needs nothing else, reads without a script."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import chromium
import numpy as np
import pytest
from chromium import Chromium

from appliance.evaluation.files import write
from appliance.evaluation.reading import read_sheet
from appliance.evaluation.report import compare

PHONE, DESKTOP = (390, 844), (1280, 800)


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    binary = chromium.found()
    if binary is None:
        pytest.skip("needs a browser: install chromium")
    with closing(Chromium(binary)) as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(11)
    rows = ["subject,epoch,reference,device"]
    for subject in range(8):
        truth = rng.choice(4, 200, p=[0.15, 0.5, 0.15, 0.2])
        device = np.where(rng.random(200) < 0.7, truth, rng.choice(4, 200))
        rows += [f"somebody{subject},{k},{a},{b}" for k, (a, b) in enumerate(zip(truth, device, strict=True))]
    found = tmp_path_factory.mktemp("evaluation")
    write(compare(read_sheet("\n".join(rows), "nights.csv"), None), found)
    return found


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_it_fits_is_dark_and_asks_nobody(
    browser: Chromium, folder: Path, tmp_path: Path, size: tuple[int, int]
) -> None:
    browser.scripts(True)
    browser.size(*size, mobile=size is PHONE)
    browser.open((folder / "index.html").as_uri())
    browser.run("document.querySelectorAll('details').forEach(part => part.open = true)")
    look = Path(os.environ.get("FIRSTLIGHT_LOOK", tmp_path))
    look.mkdir(parents=True, exist_ok=True)
    browser.picture(look / f"evaluation-{size[0]}.png", whole=True)
    assert browser.run("document.scrollingElement.scrollWidth") <= size[0]
    assert browser.run("getComputedStyle(document.documentElement).backgroundColor") == "rgb(12, 11, 15)"
    assert browser.run("document.querySelectorAll('h1').length") == 1
    assert browser.complaints == []
    assert [url for url in browser.requests if not url.startswith("file:")] == []
    # Every drawing lies inside its card.
    outside = """[...document.querySelectorAll('figure')].filter(figure => {
        const card = figure.closest('section').getBoundingClientRect();
        return [...figure.querySelectorAll('circle, rect')].some(shape => {
            const box = shape.getBoundingClientRect();
            return box.left < card.left || box.right > card.right || box.width <= 0 && shape.tagName == 'circle';
        });
    }).length"""
    assert browser.run(outside) == 0
