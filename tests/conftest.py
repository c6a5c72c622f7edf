"""What every test may ask for: the folder of real recordings, and readable expectations that change only on purpose."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

EXPECTED = Path(__file__).parent / "expected"

# A slow card or a busy runner is not a wrong answer: no deadline.  CI draws the same examples every time, so that a
# red run can be repeated; at home they are drawn afresh.
settings.register_profile(
    "firstlight",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("firstlight")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-expected",
        action="store_true",
        help="rewrite the files under tests/expected/ from what the code says now; review the difference",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "hardware: needs a real board with one jumper wire; skipped elsewhere")
    config.addinivalue_line("markers", "slow: takes more than ten seconds; leave out with -m 'not slow'")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not os.environ.get("FIRSTLIGHT_HARDWARE"):
        skip = pytest.mark.skip(reason="set FIRSTLIGHT_HARDWARE=1 on a board with the jumper wire")
        for item in items:
            if "hardware" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The folder of captures and recordings named by FIRSTLIGHT_DATA; the test is skipped without it."""
    name = os.environ.get("FIRSTLIGHT_DATA")
    if not name:
        pytest.skip("needs real recordings: set FIRSTLIGHT_DATA to their folder")
    folder = Path(name).resolve()
    if not folder.is_dir():
        pytest.skip(f"needs real recordings: FIRSTLIGHT_DATA names no folder ({name})")
    return folder


@pytest.fixture(scope="session")
def expected(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``expected(name, text)``: text must equal tests/expected/name, which only --update-expected writes."""
    update = bool(request.config.getoption("--update-expected"))

    def check(name: str, text: str) -> None:
        path = EXPECTED / name
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        if not path.exists():
            pytest.fail(f"no expectation {name} yet: run pytest --update-expected and review the new file")
        # Lines and not one string, so that pytest shows which line differs.
        assert text.splitlines() == path.read_text(encoding="utf-8").splitlines()

    return check
