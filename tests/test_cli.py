"""The command line: JSON lines on stdout and nothing else, errors in one line with a status that is not zero."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from edf_files import Channel, annotation_channel, edf_bytes, waves

from appliance.__main__ import main


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def _refused(result: Result, status: int = 1) -> str:
    assert result.exit_code == status
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_decode_prints_a_line_a_frame_and_a_summary(tmp_path: Path) -> None:
    # Hi-Link LD6002 protocol explanation: the phases of frame 2488, then the version query of LEN 0.
    raw = bytes.fromhex("01 24 88 00 0C 0A 13 47 B0 8C B7 C0 33 FB 99 BF DE B1 E6 BE 6D 01 00 01 00 00 FF FF FF")
    (tmp_path / "bytes.bin").write_bytes(raw)
    result = _run("decode", "--module", "tinyframe", str(tmp_path / "bytes.bin"))
    assert result.exit_code == 0
    first, second, summary = (json.loads(text) for text in result.stdout.splitlines())
    assert first["t"] == 0
    assert second["t"] == 21
    assert summary == {
        "kind": "summary",
        "frames": 2,
        "bad_checksums": 0,
        "garbage_bytes": 0,
        "unknown_kinds": 0,
    }


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    assert "No such file" in _refused(_run("decode", "--module", "micradar", str(tmp_path / "none")))
    assert "none.flcap" in _refused(_run("replay", "--json", str(tmp_path / "none.flcap")))


def test_a_wrong_key_names_itself_and_exits_78(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[radar]\nprt = "/dev/serial0"\n', encoding="utf-8")
    assert "radar.prt" in _refused(_run("config", "--config", str(path)), 78)


def test_the_configuration_in_force_is_toml_with_every_key(tmp_path: Path) -> None:
    result = _run("config", "--config", str(tmp_path / "none.toml"))
    assert result.exit_code == 0
    assert 'module = "auto"' in result.stdout


def test_a_model_that_does_not_fit_its_manifest_is_one_line(tmp_path: Path) -> None:
    models = Path(__file__).parents[1] / "models"
    (tmp_path / "m.tflite").write_bytes((models / "firstlight-tcn.tflite").read_bytes() + b"\0")
    (tmp_path / "m.json").write_bytes((models / "firstlight-tcn.json").read_bytes())
    said = _refused(_run("replay", str(tmp_path / "none.flcap"), "--model", str(tmp_path / "m.tflite")))
    assert "sha256" in said or "checksum" in said


def test_simulate_refuses_a_scenario_with_an_unknown_key(tmp_path: Path) -> None:
    path = tmp_path / "night.toml"
    path.write_text("[night]\nhors = 8\n", encoding="utf-8")
    out, truth = str(tmp_path / "a.flcap"), str(tmp_path / "a.csv")
    assert "hors" in _refused(_run("simulate", "--scenario", str(path), "--out", out, "--truth", truth))


def test_stage_gives_a_row_for_every_whole_epoch(tmp_path: Path) -> None:
    fs = 1.0
    t_s = np.arange(round(10 * 60 * fs)) / fs
    np.savez(tmp_path / "night.npz", resp=np.sin(2 * np.pi * 0.25 * t_s), fs=fs)
    out = tmp_path / "night.csv"
    assert _run("stage", str(tmp_path / "night.npz"), "--out", str(out)).exit_code == 0
    with out.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == [str(k) for k in range(20)]
    assert {row["stage"] for row in rows} <= {"wake", "light", "deep", "rem", "unscored"}
    last = rows[-1]
    assert sum(float(last[key]) for key in ("p_wake", "p_light", "p_deep", "p_rem")) == pytest.approx(1.0, abs=0.001)


def test_stage_says_what_is_missing(tmp_path: Path) -> None:
    np.savez(tmp_path / "night.npz", breathing=np.zeros(10))
    said = _refused(_run("stage", str(tmp_path / "night.npz"), "--out", str(tmp_path / "x.csv")))
    assert "resp" in said


def test_stage_reads_edf(tmp_path: Path) -> None:
    path, out = tmp_path / "night.edf", tmp_path / "night.csv"
    path.write_bytes(
        edf_bytes(
            [
                Channel("EEG Fpz", waves(60_000, 100), 100),
                Channel("Resp nasal", waves(6_000, 10), 10),
                Channel("Thor", waves(6_000, 10, 0.3), 10),
            ]
        )
    )
    done = _run("stage", str(path), "--out", str(out))
    assert done.exit_code == 0
    assert done.stderr.strip() == f"{out}: 20 epochs of Thor"
    assert len(out.read_text(encoding="utf-8").splitlines()) == 1 + 20
    assert "of Resp nasal" in _run("stage", str(path), "--signal", "resp nasal", "--out", str(out)).stderr
    said = _refused(_run("stage", str(path), "--signal", "Thorax", "--out", str(out)))
    assert "EEG Fpz, Resp nasal, Thor" in said


def test_stage_leaves_the_gaps_of_edf_unscored(tmp_path: Path) -> None:
    """Ten minutes, a pause of five, ten minutes: epochs 20 to 29 have nothing to stage."""
    belt = Channel("Thor", waves(12_000, 10), 300)
    starts_s = [30 * k + 300 * (k >= 20) for k in range(40)]
    times = annotation_channel([f"+{start}\x14\x14\0".encode() for start in starts_s])
    path, out = tmp_path / "night.edf", tmp_path / "night.csv"
    path.write_bytes(edf_bytes([belt, times], record_s=30.0, reserved="EDF+D"))
    assert _run("stage", str(path), "--out", str(out)).exit_code == 0
    with out.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 50
    assert [k for k, row in enumerate(rows) if row["stage"] == "unscored"] == list(range(20, 30))


def test_stage_refuses_what_it_cannot_read_in_one_line(tmp_path: Path) -> None:
    out = str(tmp_path / "x.csv")
    for name in ("junk.edf", "junk.npz", "junk.npy"):
        (tmp_path / name).write_bytes(b"no recording at all")
        assert name in _refused(_run("stage", str(tmp_path / name), "--out", out))
    np.save(tmp_path / "array.npy", np.zeros(100))
    assert "array.npy" in _refused(_run("stage", str(tmp_path / "array.npy"), "--out", out))
    np.savez(tmp_path / "night.npz", resp=np.zeros(100), fs=10.0)
    assert "--signal" in _refused(_run("stage", str(tmp_path / "night.npz"), "--signal", "Thor", "--out", out))
