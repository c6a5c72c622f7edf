"""Nights out: what stands in the files by hand, that other tools read them, and that twice is the same."""

from __future__ import annotations

import csv
import io
import json
import shutil
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from appliance import waveform
from appliance.__main__ import main
from appliance.edf import Edf
from appliance.edf_writing import Channel, edf_bytes
from appliance.evaluation.reading import read_sheet
from appliance.export.night import find, gather
from appliance.export.recording import as_edf
from appliance.export.text import as_json
from appliance.records import (
    BreathingRecord,
    CorrectionRecord,
    EnvironmentRecord,
    EpochRecord,
    Record,
    RestagedEpochRecord,
    RestagedRecord,
    SessionRecord,
)
from appliance.sleep import SleepStatistics
from appliance.store import Role, Store

BERLIN = ZoneInfo("Europe/Berlin")
T0 = 1_795_644_600  # 2026-11-25 22:10:00 UTC, 23:10 in Berlin, divisible by 30
STAGES = ("wake", "wake", "light", "light", "deep", "rem", "unscored", "light")


def statistics(**seconds: Any) -> dict[str, Any]:
    return SleepStatistics(counted_from="trying", tib_s=240, unscored_s=30, **seconds).as_dict()


SLEPT = statistics(
    spt_s=180, tst_s=150, sol_s=60, waso_s=0, se=0.625, rem_latency_s=90, awakenings=0, light_s=90, deep_s=30, rem_s=30
)


def epoch(k: int, stage: str, **changes: Any) -> EpochRecord:
    """Epoch ``k``: .7 sure of its stage."""
    p = (
        [None] * 4
        if stage == "unscored"
        else [0.7 if stage == one else 0.1 for one in ("wake", "light", "deep", "rem")]
    )
    values: dict[str, Any] = {
        "start_utc": T0 + 30 * k,
        "session_id": T0,
        "stage": stage,
        **dict(zip(("p_wake", "p_light", "p_deep", "p_rem"), [None] * 4 if stage == "unscored" else p, strict=True)),
        "coverage": 1.0,
        "rate_brpm": None if stage == "unscored" else 14.0 + k,
        "motion": 0.25,
        "is_primary": True,
        "model": "live 1",
        "distance_m": 0.75,
    }
    return EpochRecord(**(values | changes))


def a_night() -> list[Record]:
    """Four minutes that were slept in a hurry, with breathing kept of the first two epochs."""
    session = SessionRecord(T0, T0 + 5, T0 + 5, T0 + 60, T0 + 240, T0 + 240, SLEPT, "live 1", ((T0 + 90, T0 + 100),))
    t_s = np.arange(300) / 10
    wave = [(2.0 * np.sin(2 * np.pi * 0.25 * (t_s + 30 * k))).astype(np.float32) for k in (0, 1)]
    still = np.linspace(0.0, 1.0, 30, dtype=np.float32)
    breathing = [BreathingRecord(T0 + 30 * k, waveform.pack(wave[k], still)) for k in (0, 1)]
    return [
        session,
        *(epoch(k, stage) for k, stage in enumerate(STAGES)),
        *breathing,
        EnvironmentRecord(T0 + 30, 19.5),
    ]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The folder of a box that has one short night."""
    folder = tmp_path / "state"
    folder.mkdir()
    with Store(folder / "firstlight.db", Role.SUPERVISOR) as store:
        store.write(a_night())
    (tmp_path / "config.toml").write_text(
        f'timezone = "Europe/Berlin"\n[paths]\nstate = "{folder}"\n', encoding="utf-8"
    )
    return folder


def export(state: Path, form: str, out: Path, *more: str) -> Result:
    config = str(state.parent / "config.toml")
    return CliRunner().invoke(main, ["export", "--config", config, "--format", form, "--out", str(out), *more])


def exported(state: Path, form: str, *more: str) -> bytes:
    out = state.parent / f"out.{form}"
    done = export(state, form, out, *(more or ("last",)))
    assert done.exit_code == 0, done.stderr
    assert done.stdout == ""
    return out.read_bytes()


# Text


def test_every_epoch_is_a_row_that_evaluate_reads(state: Path) -> None:
    text = exported(state, "csv").decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["stage"] for row in rows] == list(STAGES)
    assert rows[2] == {
        "subject": "2026-11-25T23:10:05+01:00",
        "epoch": "2",
        "start": "2026-11-25T23:11:00+01:00",
        "stage": "light",
        "p_wake": "0.1",
        "p_light": "0.7",
        "p_deep": "0.1",
        "p_rem": "0.1",
        "coverage": "1",
        "rate_brpm": "16",
        "motion": "0.25",
        "distance_m": "0.75",
        "who": "you",
        "model": "live 1",
    }
    assert (rows[6]["p_wake"], rows[6]["rate_brpm"]) == ("", "")
    sheet = read_sheet(text, "out.csv")
    assert list(sheet.stages["stage"]["2026-11-25T23:10:05+01:00"].values()) == [0, 0, 1, 1, 2, 3, -1, 1]


def test_the_night_in_named_intervals(state: Path) -> None:
    told = json.loads(exported(state, "json"))
    assert (told["format"], told["version"], told["timezone"]) == ("firstlight-night", 1, "Europe/Berlin")
    assert (told["model"], told["answer"]) == ("live 1", "live")
    assert told["intervals"] == [
        {"name": "in_bed", "start": "2026-11-25T23:10:05+01:00", "end": "2026-11-25T23:14:00+01:00"},
        {"name": "trying_to_sleep", "start": "2026-11-25T23:10:05+01:00", "end": "2026-11-25T23:14:00+01:00"},
        {"name": "sleep_period", "start": "2026-11-25T23:11:00+01:00", "end": "2026-11-25T23:14:00+01:00"},
        {"name": "out_of_bed", "start": "2026-11-25T23:11:30+01:00", "end": "2026-11-25T23:11:40+01:00"},
    ]
    assert told["stages"][1] == {
        "name": "light",
        "start": "2026-11-25T23:11:00+01:00",
        "end": "2026-11-25T23:12:00+01:00",
        "confidence": 0.7,
    }
    assert [(one["name"], one["confidence"]) for one in told["stages"]][4] == ("unscored", None)
    figures = told["statistics"]
    assert (figures["tst_min"], figures["light_pct"], figures["deep_pct"], figures["se_pct"]) == (2.5, 60.0, 20.0, 62.5)
    assert (figures["unscored_min"], figures["counted_from"]) == (0.5, "trying")
    assert told["room"] == [
        {
            "start": "2026-11-25T23:10:30+01:00",
            "temperature_c": 19.5,
            **dict.fromkeys(("humidity_pct", "illuminance_lx", "co2_ppm", "pressure_hpa")),
        }
    ]


def test_the_morning_answer_goes_out_and_the_live_one_when_asked_for(state: Path) -> None:
    with Store(state / "firstlight.db", Role.SUPERVISOR) as store:
        store.write([RestagedRecord(T0, "again 7", T0 + 9000, T0 + 30, T0 + 240, SLEPT | {"tst_s": 210})])
        store.write([RestagedEpochRecord(T0 + 30, "again 7", "rem", 0.1, 0.1, 0.2, 0.6)])
    told = json.loads(exported(state, "json"))
    assert (told["model"], told["answer"], told["statistics"]["tst_min"]) == ("again 7", "morning", 3.5)
    assert told["stages"][1] == {
        "name": "rem",
        "start": "2026-11-25T23:10:30+01:00",
        "end": "2026-11-25T23:11:00+01:00",
        "confidence": 0.6,
    }
    assert [(one["answer"], one["model"]) for one in told["answers"]] == [("live", "live 1"), ("morning", "again 7")]
    live = json.loads(exported(state, "json", "last", "--live"))
    assert (live["model"], live["statistics"]["tst_min"]) == ("live 1", 2.5)


def test_somebody_elses_minutes_are_nobodys_stage(state: Path) -> None:
    with Store(state / "firstlight.db", Role.SUPERVISOR) as store:
        store.write([epoch(2, "light", is_primary=False)])
    row = list(csv.DictReader(io.StringIO(exported(state, "csv").decode())))[2]
    assert (row["stage"], row["who"]) == ("unscored", "other")
    assert json.loads(exported(state, "json"))["stages"][1]["name"] == "other"


def test_corrections_go_out_beside_what_was_measured_and_as_a_diary(state: Path) -> None:
    with Store(state / "firstlight.db", Role.WEB) as store:
        store.put_corrections(
            [
                CorrectionRecord(T0, "asleep", T0 + 90, None, T0 + 9000),
                CorrectionRecord(T0, "not_me", T0 + 120, T0 + 150, T0 + 9000),
            ]
        )
    told = json.loads(exported(state, "json"))
    assert told["corrections"] == [
        {
            "name": "asleep",
            "source": "sleeper",
            "made": "2026-11-26T01:40:00+01:00",
            "at": "2026-11-25T23:11:30+01:00",
            "measured": "2026-11-25T23:11:00+01:00",
        },
        {
            "name": "not_me",
            "source": "sleeper",
            "made": "2026-11-26T01:40:00+01:00",
            "start": "2026-11-25T23:12:00+01:00",
            "end": "2026-11-25T23:12:30+01:00",
        },
    ]
    # From trying at 23:10:05 to asleep at 23:11:30; no corrected time has a part in the time in bed.
    assert exported(state, "diary").decode() == "subject,tib_min,sol_min\n2026-11-25T23:10:05+01:00,,1.417\n"


def test_evaluate_takes_the_corrections_as_a_diary(state: Path, tmp_path: Path) -> None:
    with Store(state / "firstlight.db", Role.SUPERVISOR) as store:
        for k in range(1, 4):
            day = 86_400 * k
            store.write([SessionRecord(T0 + day, T0 + day, T0 + day, T0 + day + 60, None, T0 + day + 240, SLEPT)])
    with Store(state / "firstlight.db", Role.WEB) as store:
        days = [86_400 * k for k in range(1, 4)]
        store.put_corrections([CorrectionRecord(T0 + d, "asleep", T0 + d + 120, None, T0) for d in days])
    for form in ("figures", "diary"):
        (tmp_path / f"{form}.csv").write_bytes(exported(state, form, "--all"))
    done = CliRunner().invoke(main, ["evaluate", str(tmp_path / "figures.csv"), str(tmp_path / "diary.csv"), "--json"])
    assert done.exit_code == 0, done.stderr
    sol = [json.loads(line) for line in done.stdout.splitlines()]
    (bias,) = [one for one in sol if one.get("measure") == "sol_min" and "bias" in one]
    assert bias["bias"] == pytest.approx(-1.0)  # measured one minute, said two


# EDF+


def test_a_recording_by_hand(state: Path, tmp_path: Path) -> None:
    raw = exported(state, "edf")
    assert raw[168:184] == b"25.11.2623.10.00"
    assert raw[88:168].rstrip() == b"Startdate 25-NOV-2026 X X Firstlight_radar"
    edf = Edf(tmp_path / "out.edf")
    assert edf.labels == ["Resp chest", "Movement", "Resp rate", "Movement mean", "Distance", "EDF Annotations"]
    chest = edf.breathing()
    assert (chest.label, chest.fs, len(chest.samples)) == ("Resp chest", 10.0, 8 * 300)
    np.testing.assert_allclose(chest.samples[:600], 2.0 * np.sin(2 * np.pi * 0.25 * np.arange(600) / 10), atol=0.001)
    np.testing.assert_allclose(chest.samples[600:], -32.768)  # missing, as the header says
    rate = edf.signal(2).samples
    np.testing.assert_allclose(rate, [14, 15, 16, 17, 18, 19, -1, 21], atol=0.002)
    np.testing.assert_allclose(edf.signal(4).samples, 0.75, atol=0.001)
    found = edf.annotations()
    assert [(a.onset_s, a.duration_s, a.text[-2:].strip()) for a in found if a.text.startswith("Sleep stage")] == [
        (0, 30, "W"), (30, 30, "W"), (60, 30, "N2"), (90, 30, "N2"), (120, 30, "N3"), (150, 30, "R"), (180, 30, "?"),
        (210, 30, "N2"),
    ]  # fmt: skip
    assert (90, 10, "Out of bed") in found
    assert (5, 0, "In bed") in found


def test_twice_is_the_same_to_the_byte(state: Path) -> None:
    for form in ("edf", "json", "csv"):
        assert exported(state, form) == exported(state, form)


def test_mne_opens_it_with_stages_in_place(state: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mne = pytest.importorskip("mne", reason="MNE comes with the readers extra")
        exported(state, "edf")
        raw = mne.io.read_raw_edf(tmp_path / "out.edf", preload=True, verbose="error")
    assert raw.ch_names == ["Resp chest", "Movement", "Resp rate", "Movement mean", "Distance"]
    assert raw.info["meas_date"].strftime("%Y-%m-%d %H:%M:%S") == "2026-11-25 23:10:00"
    told = [(float(a["onset"]), a["description"]) for a in raw.annotations if a["description"].startswith("Sleep")]
    words = {"wake": "W", "light": "N2", "deep": "N3", "rem": "R", "unscored": "?"}
    assert told == [(30.0 * k, f"Sleep stage {words[stage]}") for k, stage in enumerate(STAGES)]
    wave = raw.get_data(["Resp chest"])[0][:600]  # in mm: MNE knows volts alone
    np.testing.assert_allclose(wave, 2.0 * np.sin(2 * np.pi * 0.25 * np.arange(600) / 10), atol=0.001)


def test_pyedflib_opens_it_with_stages_in_place(state: Path, tmp_path: Path) -> None:
    pyedflib = pytest.importorskip("pyedflib", reason="pyEDFlib comes with the readers extra")
    exported(state, "edf")
    with pyedflib.EdfReader(str(tmp_path / "out.edf")) as reader:
        assert reader.getSignalLabels()[0] == "Resp chest"
        assert reader.getPhysicalDimension(0) == "mm"
        onset, length, text = reader.readAnnotations()
        np.testing.assert_allclose(reader.readSignal(2), [14, 15, 16, 17, 18, 19, -1, 21], atol=0.002)
    stages = [(float(a), float(b), c) for a, b, c in zip(onset, length, text, strict=True) if c.startswith("Sleep")]
    words = {"wake": "W", "light": "N2", "deep": "N3", "rem": "R", "unscored": "?"}
    assert stages == [(30.0 * k, 30.0, f"Sleep stage {words[stage]}") for k, stage in enumerate(STAGES)]


def test_a_restart_that_shifts_the_grid_gives_no_two_stages_at_once(state: Path) -> None:
    with Store(state / "firstlight.db", Role.SUPERVISOR) as store:
        store.write([epoch(0, "wake"), EpochRecord(T0 + 250, T0, "deep", 0.1, 0.1, 0.7, 0.1, 1.0, 12.0, 0.0, True)])
        session = store.session(T0)
        assert session is not None
        store.write([SessionRecord(T0, T0 + 5, left_utc=T0 + 300, statistics=SLEPT)])
    raw = exported(state, "edf")
    (state.parent / "x.edf").write_bytes(raw)
    found = [a for a in Edf(state.parent / "x.edf").annotations() if a.text.startswith("Sleep")]
    assert (found[-1].onset_s, found[-1].duration_s) == (250, 30)
    assert all(a.onset_s + a.duration_s <= b.onset_s for a, b in pairwise(found))


def test_a_night_without_an_epoch_goes_out_too(state: Path) -> None:
    later = T0 + 86_400
    with Store(state / "firstlight.db", Role.SUPERVISOR) as store:
        store.write([SessionRecord(later, later, left_utc=later + 7200)])
    for form in ("csv", "json", "edf", "figures"):
        exported(state, form, str(later))
    assert json.loads(exported(state, "json", str(later)))["statistics"]["tst_min"] is None
    edf = Edf(state.parent / "out.edf")
    np.testing.assert_allclose(edf.signal(0).samples, -1.0, atol=1e-3)


@given(
    st.lists(st.one_of(st.just(float("nan")), st.floats(-0.99, 100.0)), min_size=1, max_size=40),
    st.lists(st.tuples(st.integers(0, 1199), st.sampled_from([0, 30])), max_size=20),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], texts: list[tuple[int, int]]
) -> None:
    """Every sample within half a step, what is missing below all others, every annotation once and in its place."""
    from datetime import datetime

    from appliance.edf import Annotation

    samples = np.array(values).reshape(-1, 1)
    inside = sorted(Annotation(t, d, f"text {k}") for k, (t, d) in enumerate(texts) if t < 30 * len(values))
    channel = Channel("Rate", "", "1/min", -1.0, 100.0, samples)
    path = tmp_path_factory.mktemp("edf") / "a.edf"
    path.write_bytes(edf_bytes(datetime(2026, 3, 29, 1, 59, 59), 30, [channel], inside, "test"))
    edf = Edf(path)
    read = edf.signal(0).samples
    missing = np.isnan(samples.ravel())
    assert (read[missing] == -1.0).all()
    np.testing.assert_allclose(read[~missing], samples.ravel()[~missing], atol=101 / 65535)
    assert (read[~missing] > -1.0).all()
    assert edf.annotations() == inside


@given(st.lists(st.one_of(st.just(float("nan")), st.floats(-32.7, 32.7)), min_size=300, max_size=300))
def test_kept_breathing_comes_back_to_a_micrometre(values: list[float]) -> None:
    motion = np.resize(np.array([0.0, 1.0, np.nan, 0.37], np.float32), 30)
    told = waveform.unpack(waveform.pack(np.array(values, np.float32), motion))
    assert told is not None
    np.testing.assert_allclose(told.displacement, np.array(values, np.float32), atol=0.00051)
    np.testing.assert_allclose(told.motion, motion, atol=0.0021)
    assert waveform.unpack(b"short") is None


# Which night, and what cannot be


def test_a_night_is_found_by_last_date_and_id(state: Path) -> None:
    with Store(state / "firstlight.db", Role.SUPERVISOR) as store:
        night = SessionRecord(T0 + 600, T0 + 600, left_utc=T0 + 30_000)
        store.write([night, SessionRecord(T0 + 40_000, T0 + 40_000, left_utc=T0 + 40_600)])
        assert find(store, "last", BERLIN) == night  # not the ten minutes after it
        assert find(store, "2026-11-26", BERLIN) == night
        assert find(store, str(T0 + 40_000), BERLIN).id == T0 + 40_000
        assert find(store, "2026-11-25", BERLIN).id == T0  # by the morning's date in Berlin: left at 23:14


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say which night, or --all"),
        (("last", "--all"), "say which night, or --all"),
        (("2026-11-30",), "no night is kept of 2026-11-30"),
        (("yesterday",), "say last, the date of a morning such as 2026-11-26, or an id"),
        (("17",), "there is no night of id 17"),
        (("99999999999999999999",), "there is no night of id"),
    ],
)
def test_a_night_that_is_not_there_is_one_line(state: Path, arguments: tuple[str, ...], said: str) -> None:
    refused(export(state, "json", state.parent / "x", *arguments), said)
    assert not (state.parent / "x").exists()


def refused(done: Result, said: str) -> None:
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert said in line


def test_what_cannot_be_written_or_read_is_one_line(state: Path) -> None:
    refused(export(state, "csv", state.parent / "none" / "x.csv", "last"), "No such file")
    refused(export(state, "csv", state, "last"), "directory")
    with Store(state / "firstlight.db", Role.SUPERVISOR) as store:
        store.write([SessionRecord(T0 + 90_000, T0 + 90_000)])
    refused(export(state, "csv", state.parent / "x.csv", str(T0 + 90_000)), "still going on")
    shutil.rmtree(state)
    refused(export(state, "csv", state.parent / "x.csv", "last"), "there is no record of nights")


def test_a_clock_that_was_set_in_the_night_is_said(state: Path) -> None:
    with Store(state / "firstlight.db", Role.SUPERVISOR) as store:
        store.write([SessionRecord(5, 5, left_utc=T0)])
    refused(export(state, "edf", state.parent / "x.edf", "5"), "the clock was set in it")


def test_all_nights_are_files_of_their_own_in_edf(state: Path) -> None:
    with Store(state / "firstlight.db", Role.SUPERVISOR) as store:
        store.write(
            [SessionRecord(T0 + 86_400, T0 + 86_400, left_utc=T0 + 90_000), SessionRecord(T0 + 99_000, T0 + 99_000)]
        )
    folder = state.parent / "nights"
    assert export(state, "edf", folder, "--all").exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["2026-11-25T231005.edf", "2026-11-26T231000.edf"]
    told = json.loads(exported(state, "json", "--all"))
    assert [one["id"] for one in told["nights"]] == [T0, T0 + 86_400]


def test_a_night_of_the_clock_change_has_both_offsets(tmp_path: Path) -> None:
    """The 25th of October 2026: 03:00 summer time becomes 02:00 at 01:00 UTC."""
    entered = 1_792_881_000  # 2026-10-24 22:30 UTC, 00:30 in Berlin
    with Store(tmp_path / "n.db", Role.SUPERVISOR) as store:
        session = SessionRecord(entered, entered, left_utc=entered + 7 * 3600)
        store.write([session])
        told = as_json(gather(store, session, BERLIN))
    assert told["intervals"] == [
        {"name": "in_bed", "start": "2026-10-25T00:30:00+02:00", "end": "2026-10-25T06:30:00+01:00"}
    ]


def test_the_export_of_a_night_is_from_its_entering(tmp_path: Path) -> None:
    """Entered 100 s before the first epoch: four records of nothing come first, so that bed time is in the file."""
    with Store(tmp_path / "n.db", Role.SUPERVISOR) as store:
        store.write([SessionRecord(T0, T0 - 100, left_utc=T0 + 60), epoch(0, "light")])
        session = store.session(T0)
        assert session is not None
        (tmp_path / "n.edf").write_bytes(as_edf(gather(store, session, BERLIN)))
    found = Edf(tmp_path / "n.edf").annotations()
    assert [(a.onset_s, a.text) for a in found] == [(20, "In bed"), (120, "Sleep stage N2"), (180, "Got up")]
