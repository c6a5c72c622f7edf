"""``firstlight pair``: the command, the real supervisor and the page, one after the other."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from plausible_nights import asleep
from visitor import Visitor

from appliance.__main__ import DATABASE, STATUS, main
from appliance.status import read_status
from appliance.store import Role, Store

CONFIG = """
[radar]
port = "{folder}/no radar"
[environment]
bus = "twin"
[outputs]
pins = "mock"
[paths]
state = "{folder}"
run = "{folder}"
"""


def asked(folder: Path, more: str = "") -> str:
    (folder / "config.toml").write_text(CONFIG.format(folder=folder) + more, encoding="utf-8")
    done = CliRunner().invoke(main, ["pair", "--config", str(folder / "config.toml")])
    return f"{done.exit_code} {done.output}"


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a supervisor that has begun."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")
    command = [sys.executable, "-m", "appliance", "run", "--config", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        end_s = time.monotonic() + 90
        while read_status(tmp_path / STATUS) is None or not (tmp_path / DATABASE).exists():
            assert process.poll() is None
            assert time.monotonic() < end_s, "the supervisor did not begin"
            time.sleep(0.1)
        yield tmp_path
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.slow
def test_the_command_opens_the_door_and_the_page_lets_one_browser_in(running: Path) -> None:
    visitor = Visitor(running, is_paired=False, database=DATABASE)
    assert visitor.post("/pair").status_code == 403
    said = asked(running)
    assert re.fullmatch(
        r"0 One browser may pair until \d\d:\d\d:\d\d\.\nOpen http://127\.0\.0\.1:8080 in it and press Pair\.\n", said
    )
    status = read_status(running / STATUS)
    assert status is not None
    assert status.pairing_until_utc is not None
    assert 100 < status.pairing_until_utc - status.utc_s <= 120
    with Store(running / DATABASE, Role.SUPERVISOR) as store:
        (request,) = store.requests_after(0)
        assert request.kind == "pair"
        end_s = time.monotonic() + 10
        while store.last_handled() < request.id:
            assert time.monotonic() < end_s
            time.sleep(0.1)
    assert visitor.post("/pair").status_code == 303
    assert visitor.client.get("/").status_code == 200


def test_a_box_that_is_not_running_is_one_clear_line(tmp_path: Path) -> None:
    assert asked(tmp_path) == (
        "1 firstlight: the box is not answering: look whether firstlight is running, and call this with sudo\n"
    )


def test_a_page_that_needs_no_pairing_says_so(tmp_path: Path) -> None:
    said = asked(tmp_path, "[web]\npairing = false\nport = 81\n")
    assert said == (
        "1 firstlight: the page needs no pairing (web.pairing is false): open http://127.0.0.1:81 on this computer\n"
    )


def test_a_box_that_does_not_take_it_up_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.web.allowing.PATIENCE_S", 0.3)
    visitor = Visitor(tmp_path, database=DATABASE)
    visitor.says(asleep(time.time()))
    assert "there is no record of nights" in asked(tmp_path)
    with visitor.store():
        pass
    assert "the box has not taken it up in 0 s" in asked(tmp_path)
