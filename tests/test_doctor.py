"""``doctor``: what answers is named, what does not is told with the next step."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from appliance.config import Config, parse
from appliance.doctor import Verdict, examine
from appliance.status import RadarStatus, Status, write_status
from drivers.twins import MicradarTwin, Scene
from drivers.twins.port import PtyPort, live


def _config(folder: Path, port: Path) -> Config:
    (folder / "state").mkdir(exist_ok=True)
    return parse(
        f"""
        [radar]
        port = "{port}"
        [environment]
        bus = "twin"
        [outputs]
        pins = "mock"
        [paths]
        state = "{folder / "state"}"
        run = "{folder}"
        """
    )


def _by_part(config: Config) -> dict[str, Verdict]:
    return {verdict.part: verdict for verdict in examine(config)}


def test_a_well_box_is_well(tmp_path: Path) -> None:
    t_s = np.arange(0.0, 600.0, 0.05)
    scene = Scene(t_s, np.zeros(len(t_s)), np.full(len(t_s), 0.6), np.zeros(len(t_s)))
    origin_s = time.monotonic()
    twin = MicradarTwin(1)
    with PtyPort(tmp_path / "radar", twin, live(twin, scene), lambda: (time.monotonic() - origin_s) * 10.0):
        found = _by_part(_config(tmp_path, tmp_path / "radar"))
    assert [verdict.part for verdict in found.values() if verdict.is_well is not True] == []
    assert "micradar answers" in found["radar"].said
    assert "SHT4x" in found["room"].said


def test_a_radar_that_is_not_there_is_told(tmp_path: Path) -> None:
    radar = _by_part(_config(tmp_path, tmp_path / "radar"))["radar"]
    assert radar.is_well is False
    assert "no serial port" in radar.said


def test_a_running_service_is_asked_and_not_disturbed(tmp_path: Path) -> None:
    link = RadarStatus(connected=False, module="tinyframe", fault="silent for 9 s: check the module's power and wiring")
    write_status(tmp_path / "status.json", Status(utc_s=0.0, radar=link))
    found = _by_part(_config(tmp_path, tmp_path / "radar"))
    assert found["radar"].is_well is False
    assert "silent" in found["radar"].said
    assert found["pins"].is_well is None


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    config = _config(tmp_path, tmp_path / "radar")
    (tmp_path / "state").rmdir()
    assert "make it" in _by_part(config)["nights"].said
