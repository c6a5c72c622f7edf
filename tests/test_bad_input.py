"""What can be wrong when the box starts: each is said in one line, nothing is lost, and the alarm still rings."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.alarm_copy import AlarmCopy
from appliance.alarm_setting import AlarmSetting
from appliance.bedside import Bedside
from appliance.box import build
from appliance.clock import WallClock
from appliance.config import Config, load_or_last_good, parse, render
from appliance.morning import Morning
from appliance.status import Status, read_status
from drivers.outputs import PassiveBuzzer

DUE_UTC_S = 1_767_682_800.0  # 2026-01-06 07:00
SPEED = 20.0
PATIENCE_S = 20.0


@pytest.fixture
def tones(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the buzzer was told to sound."""
    heard: list[float] = []
    real = PassiveBuzzer.set

    def listening(self: PassiveBuzzer, tone_hz: float | None, loudness: float = 1.0) -> None:
        if tone_hz is not None:
            heard.append(tone_hz)
        real(self, tone_hz, loudness)

    monkeypatch.setattr(PassiveBuzzer, "set", listening)
    return heard


def _config(folder: Path, more: str = "") -> Config:
    return parse(
        f"""
        [radar]
        port = "{folder / "radar"}"
        module = "tinyframe"
        baud = 115200
        [environment]
        bus = "twin"
        [outputs]
        pins = "mock"
        [paths]
        state = "{folder / "state"}"
        run = "{folder}"
        {more}
        """
    )


def _remember_alarm(state: Path) -> None:
    setting = AlarmSetting(enabled=True, hour=7, dawn_min=1, timezone="UTC")
    assert AlarmCopy(state).save(Bedside(Morning((setting,))).document())


def _rings(folder: Path, config: Config, tones: list[float], complaint: str | None = None) -> Status:
    """Start the box half a minute before the set time, and wait for the sound."""
    stop = threading.Event()
    box = build(config, WallClock(SPEED, DUE_UTC_S - 30.0), stop, complaint)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            box.run(stop)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    end_s = time.monotonic() + PATIENCE_S
    status = None
    while time.monotonic() < end_s and not failed:
        status = read_status(folder / "status.json")
        if tones and status is not None and status.alarm_phase == "ringing":
            break
        time.sleep(0.02)
    stop.set()
    thread.join()
    assert not failed
    assert tones, "the alarm did not sound"
    assert status is not None
    assert status.alarm_phase == "ringing"
    return status


def test_a_port_that_does_not_exist(tmp_path: Path, tones: list[float]) -> None:
    _remember_alarm(tmp_path / "state")
    status = _rings(tmp_path, _config(tmp_path), tones)
    assert status.radar.fault is not None
    assert "no serial port" in status.radar.fault
    assert "\n" not in status.radar.fault


def test_a_wrong_key_starts_on_the_last_good_configuration(tmp_path: Path, tones: list[float]) -> None:
    _remember_alarm(tmp_path / "state")
    path, last_good = tmp_path / "config.toml", tmp_path / "state" / "config.last-good.toml"
    path.write_text(render(_config(tmp_path)), encoding="utf-8")
    _, complaint = load_or_last_good(path, last_good)
    assert complaint is None
    path.write_text('[radar]\nprt = "/dev/serial0"\n', encoding="utf-8")
    config, complaint = load_or_last_good(path, last_good)
    assert complaint is not None
    status = _rings(tmp_path, config, tones, complaint)
    assert status.complaints[0].startswith("config.toml: radar.prt: unknown key")


def test_a_model_that_does_not_fit_its_manifest(tmp_path: Path, tones: list[float]) -> None:
    _remember_alarm(tmp_path / "state")
    models = Path(__file__).parents[1] / "models"
    (tmp_path / "m.tflite").write_bytes((models / "firstlight-tcn.tflite").read_bytes()[:-1])
    shutil.copy(models / "firstlight-tcn.json", tmp_path / "m.json")
    config = _config(tmp_path, f'[model]\npath = "{tmp_path / "m.tflite"}"')
    status = _rings(tmp_path, config, tones)
    assert any(line.startswith("No stages:") for line in status.complaints)


def test_a_database_of_a_newer_schema_is_left_as_it_is(
    tmp_path: Path, tones: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    _remember_alarm(tmp_path / "state")
    path = tmp_path / "state" / "firstlight.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.execute("CREATE TABLE tomorrow (x)")
    db.commit()
    db.close()
    before = path.read_bytes()
    caplog.set_level(logging.ERROR)
    _rings(tmp_path, _config(tmp_path), tones)
    assert path.read_bytes() == before
    assert any("newer Firstlight" in record.getMessage() for record in caplog.records)


def test_a_database_that_is_garbage_is_kept_aside(tmp_path: Path, tones: list[float]) -> None:
    _remember_alarm(tmp_path / "state")
    path = tmp_path / "state" / "firstlight.db"
    path.write_bytes(b"this is no database" * 400)
    _rings(tmp_path, _config(tmp_path), tones)
    (kept,) = (tmp_path / "state").glob("firstlight.db.broken-*")
    assert kept.read_bytes().startswith(b"this is no database")


def test_a_damaged_copy_of_the_alarm_gives_way_to_the_one_before(tmp_path: Path, tones: list[float]) -> None:
    state = tmp_path / "state"
    _remember_alarm(state)
    (state / "alarm.json").rename(state / "alarm.previous.json")
    (state / "alarm.json").write_bytes(b'{"sha256": "0", "bo')
    _rings(tmp_path, _config(tmp_path), tones)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB with nothing left on it but the alarm's copy."""
    state = tmp_path / "state"
    state.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(state)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs root and leave to mount a small file system")
    try:
        _remember_alarm(state)
        with suppress(OSError), (state / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"\0" * 1024)
        assert shutil.disk_usage(state).free == 0
        yield state
    finally:
        subprocess.run(["umount", str(state)], check=True)


def test_a_full_disk(full_disk: Path, tmp_path: Path, tones: list[float], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    _rings(tmp_path, _config(tmp_path), tones)
    said = [record.getMessage() for record in caplog.records if "kept in memory" in record.getMessage()]
    assert len(said) == 1
