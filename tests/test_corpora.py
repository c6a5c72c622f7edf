"""Folders of recordings as nights to learn from: found by name, sensed as on the box, one line for each that is not."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from edf_files import Channel, edf_bytes, hypnogram_bytes
from hypothesis import given
from hypothesis import strategies as st

from models.contract import SleepStage
from models.features import FEATURE_NAMES
from models.training.__main__ import main
from models.training.corpora import nights, prepare
from models.training.corpora.catalogue import Person, Recording, catalogue, person_of
from models.training.corpora.nights import night_of, read_real
from models.training.corpora.stages import CorpusError
from models.training.dataset import NO_STAGE, Night, read_nights, write_night

W, L, D, R = (int(s) for s in (SleepStage.WAKE, SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM))
FS = 4


def breathing(seconds: int) -> np.ndarray:  # type: ignore[type-arg]
    """Fifteen breaths a minute, each a little deeper or shallower than the last."""
    t = np.arange(seconds * FS) / FS
    return np.round(1500 * np.sin(2 * np.pi * 0.25 * t) * (1 + 0.2 * np.sin(t / 7)))


def psg(seconds: int, label: str = "Resp oro-nasal", time: str = "22.00.00") -> bytes:
    eeg = Channel("EEG Fpz-Cz", np.zeros(seconds * 8), 8)
    return edf_bytes([eeg, Channel(label, breathing(seconds), FS)], time=time)


def sleep_edf(folder: Path, key: str = "SC4011E", epochs: int = 40, **more: str) -> None:
    """A recording and its hypnogram: a quarter each of wake, stage 2, stage 3 and REM."""
    folder.mkdir(parents=True, exist_ok=True)
    length = 30 * epochs
    told = [(k * length / 4, length / 4, f"Sleep stage {stage}") for k, stage in enumerate("W23R")]
    (folder / f"{key}0-PSG.edf").write_bytes(psg(length, **more))
    (folder / f"{key}C-Hypnogram.edf").write_bytes(hypnogram_bytes(told, time="22.00.00"))


# --- what a folder holds ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "key", "scoring", "person"),
    [
        (("SC4012E0-PSG.edf", "SC4012EC-Hypnogram.edf"), "SC4012E", 1, Person("Sleep-EDF Expanded", "SC401")),
        (("ST7052J0-PSG.edf", "ST7052JA-Hypnogram.edf"), "ST7052J", 1, Person("Sleep-EDF Expanded", "ST705")),
        (
            ("edfs/shhs1/shhs1-200001.edf", "xml/shhs1-200001-profusion.xml", "xml/shhs1-200001-nsrr.xml"),
            "shhs1-200001",
            2,
            Person("SHHS", "200001"),
        ),
        (("mesa-sleep-0001.edf", "mesa-sleep-0001-nsrr.xml"), "mesa-sleep-0001", 1, Person("MESA", "0001")),
        (
            ("sub-7/eeg/sub-7_task-Sleep_acq-psg_eeg.edf", "sub-7/eeg/sub-7_task-Sleep_acq-psg_events.tsv"),
            "sub-7_task-Sleep_acq-psg",
            1,
            Person("BOAS", "SUB-7"),
        ),
        (("slp02b.hea", "slp02b.st"), "slp02b", 1, Person("MIT-BIH Polysomnographic Database", "SLP02")),
        (
            ("tr03-0005/tr03-0005.hea", "tr03-0005/tr03-0005.arousal"),
            "tr03-0005",
            1,
            Person("Challenge 2018", "TR03-0005"),
        ),
        (("SN001.EDF", "SN001_sleepscoring.edf"), "SN001", 1, Person("other recordings", "SN001")),
        (("own.edf",), "own", None, Person("other recordings", "own")),
    ],
)
def test_recordings_of_known_corpora(
    tmp_path: Path, files: tuple[str, ...], key: str, scoring: int | None, person: Person
) -> None:
    for name in (*files, "README.txt", "RECORDS", "x.dat"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    expected = None if scoring is None else tmp_path / files[scoring]
    assert catalogue(tmp_path) == [Recording(key, tmp_path / files[0], expected)]
    assert person_of(key) == person


def test_recordings_of_one_name_are_told_by_their_folders(tmp_path: Path) -> None:
    for name in ("ann/psg.edf", "ann/psg-hypnogram.edf", "bob/psg.edf", "c-hypnogram.edf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [(one.key, one.scoring) for one in catalogue(tmp_path)]
    # Bob's has none beside it, and another's is not taken for his.
    assert found == [("ann_psg", tmp_path / "ann/psg-hypnogram.edf"), ("bob_psg", None)]


# --- a night ----------------------------------------------------------------------------------------------------------


def test_a_night_of_edf(tmp_path: Path) -> None:
    sleep_edf(tmp_path)
    night = night_of(catalogue(tmp_path)[0])
    assert night.name == "real-belt-SC4011E"
    assert night.kind == "belt"
    assert night.features.shape == (40, len(FEATURE_NAMES))
    assert night.stages.tolist() == [W] * 10 + [L] * 10 + [D] * 10 + [R] * 10
    assert np.isfinite(night.features[20:]).mean() > 0.8


def test_half_an_hour_is_kept_around_sleep_and_the_scorers_epochs_hold(tmp_path: Path) -> None:
    """Scored from 17 s on: 100 epochs awake, 10 asleep, 100 awake.  Kept: 60, 10 and 60; the grid is the scorer's."""
    told = [(17, 3000, "Sleep stage W"), (3017, 300, "Sleep stage 2"), (3317, 3000, "Sleep stage W")]
    path = tmp_path / "SC4021E0-PSG.edf"
    path.write_bytes(psg(6400))
    scoring = tmp_path / "SC4021EC-Hypnogram.edf"
    scoring.write_bytes(hypnogram_bytes(told, time="22.00.00"))
    assert night_of(Recording("SC4021E", path, scoring)).stages.tolist() == [W] * 60 + [L] * 10 + [W] * 60


def test_a_hypnogram_that_began_later_than_the_recording(tmp_path: Path) -> None:
    """By ten minutes: twenty epochs of signal before it have no stage."""
    sleep_edf(tmp_path, time="21.50.00")
    assert night_of(catalogue(tmp_path)[0]).stages.tolist() == [NO_STAGE] * 20 + [W] * 10 + [L] * 10


def test_a_night_of_physionet(tmp_path: Path) -> None:
    """Chest before nose, and a flat chest not at all; stages of one epoch each, 120 samples apart."""
    flat, chest, nose = np.zeros(1200 * FS), breathing(1200), breathing(1200)[::-1]
    header = f"slp01a 3 {FS} {1200 * FS}\n"
    header += "".join(f"slp01a.dat 16 200 16 0 0 0 0 Resp ({name})\n" for name in ("nasal", "chest", "abdominal"))
    (tmp_path / "slp01a.hea").write_text(header, encoding="ascii")
    (tmp_path / "slp01a.dat").write_bytes(np.stack((nose, flat, chest), axis=1).astype("<i2").tobytes())
    note = (22 << 10 | 120).to_bytes(2, "little") + (63 << 10 | 1).to_bytes(2, "little")
    first = (22 << 10).to_bytes(2, "little") + (63 << 10 | 1).to_bytes(2, "little")
    raw = first + b"2\0" + b"".join(note + stage + b"\0" for stage in (b"2", b"4", b"R") * 13) + bytes(2)
    (tmp_path / "slp01a.st").write_bytes(raw)
    night = night_of(catalogue(tmp_path)[0])
    assert night.stages.tolist() == [L] + [L, D, R] * 13
    # The same breathing as EDF, stages aside, gives the same features: the abdomen was chosen.
    sleep_edf(tmp_path / "edf")
    np.testing.assert_allclose(night.features, night_of(catalogue(tmp_path / "edf")[0]).features, atol=0.05)


def test_nights_that_cannot_be_used_are_one_line(tmp_path: Path) -> None:
    sleep_edf(tmp_path / "test", "SC4001E")
    sleep_edf(tmp_path / "eeg", "SC4031E", label="EEG Pz-Oz")
    sleep_edf(tmp_path / "short", "SC4041E", epochs=16)
    sleep_edf(tmp_path / "awake", "SC4051E")
    told = [(0, 1200, "Sleep stage W")]
    (tmp_path / "awake/SC4051EC-Hypnogram.edf").write_bytes(hypnogram_bytes(told))
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone/SC4061E0-PSG.edf").write_bytes(psg(900))
    (tmp_path / "alone/tr03-1.hea").write_text("tr03-1 1 200\n", encoding="ascii")
    (tmp_path / "flat").mkdir()
    flat = Channel("Thor", np.zeros(1200 * FS), FS)
    (tmp_path / "flat/a.edf").write_bytes(edf_bytes([flat]))
    (tmp_path / "flat/a-hypnogram.edf").write_bytes(hypnogram_bytes([(0, 1200, "Sleep stage N2")]))
    said = {
        "SC4001E": "a test person",
        "SC4031E": "say with --signal which one",
        "SC4041E": "only 16 epochs have both breathing and a stage; 20 are the fewest",
        "SC4051E": "no sleep is scored",
        "SC4061E": "tells no stages",
        "tr03-1": "no stages lie beside it",
        "a": "Thor is flat or missing",
    }
    out = tmp_path / "out"
    done = {one.recording.key: one.problem for one in prepare.prepare(catalogue(tmp_path), out, 1)}
    assert done.keys() == said.keys()
    for key, problem in done.items():
        assert said[key] in problem
        assert "\n" not in problem
    assert list(out.iterdir()) == []


# --- many -------------------------------------------------------------------------------------------------------------


def corpus(folder: Path) -> list[Recording]:
    """Three good recordings and a bad one."""
    for key in ("SC4011E", "SC4012E", "ST7052J"):
        sleep_edf(folder, key)
    (folder / "SC4021E0-PSG.edf").write_bytes(b"nothing")
    return catalogue(folder)


def written(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


GOOD = [f"real-belt-{key}.npz" for key in ("SC4011E", "SC4012E", "ST7052J")]


def test_every_way_to_share_the_work_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = corpus(tmp_path / "in")
    monkeypatch.setattr(prepare, "has_dask", lambda: False)
    for jobs in (1, 2):
        done = list(prepare.prepare(recordings, tmp_path / str(jobs), jobs))
        assert sorted(one.recording.key for one in done) == ["SC4011E", "SC4012E", "SC4021E", "ST7052J"]
        assert [one.recording.key for one in done if one.problem] == ["SC4021E"]
    assert sorted(written(tmp_path / "1")) == GOOD
    assert written(tmp_path / "1") == written(tmp_path / "2")


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_gives_the_same_bytes(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="Dask comes with the train extra")
    recordings = corpus(tmp_path / "in")
    alone = list(prepare.prepare(recordings, tmp_path / "alone", 1))
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as here:
        done = list(prepare.prepare(recordings, tmp_path / "cluster", 0, here.scheduler_address))
    assert written(tmp_path / "alone") == written(tmp_path / "cluster")
    assert {one.recording.key: one.problem for one in done} == {one.recording.key: one.problem for one in alone}


def test_nights_that_are_there_are_kept(tmp_path: Path) -> None:
    recordings = corpus(tmp_path / "in")
    list(prepare.prepare(recordings, tmp_path, 1))
    before = (tmp_path / GOOD[0]).stat().st_mtime_ns
    (tmp_path / GOOD[1]).unlink()
    assert sum(one.peak_mb == 0.0 for one in prepare.prepare(recordings, tmp_path, 1)) == 2
    assert (tmp_path / GOOD[0]).stat().st_mtime_ns == before
    assert (tmp_path / GOOD[1]).exists()


def test_a_defect_that_one_recording_brings_out_costs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(recording: Recording) -> Night:
        if recording.key == "SC4012E":
            raise ZeroDivisionError("of\nours")
        return night_of(recording)

    monkeypatch.setattr(prepare, "night_of", broken)
    done = prepare.prepare(corpus(tmp_path / "in"), tmp_path / "out", 1)
    assert {one.recording.key: one.problem for one in done}["SC4012E"] == "ZeroDivisionError: of ours"
    assert sorted(written(tmp_path / "out")) == [GOOD[0], GOOD[2]]


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_tells_what_it_skipped(tmp_path: Path) -> None:
    corpus(tmp_path / "in")
    done = CliRunner().invoke(main, ["data", str(tmp_path / "in"), str(tmp_path / "out"), "--jobs", "1"])
    assert done.exit_code == 0, done.output
    assert "SC4021E0-PSG.edf: skipped: SC4021E0-PSG.edf is not EDF" in done.output
    assert "3 nights in" in done.output
    assert "1 recordings skipped" in done.output
    assert [night.name for night in read_nights(tmp_path / "out", lambda _: True)] == [name[:-4] for name in GOOD]


def test_the_command_without_dask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus(tmp_path / "in")
    monkeypatch.setitem(sys.modules, "distributed", None)  # as where it is not installed
    folders = [str(tmp_path / "in"), str(tmp_path / "out")]
    done = CliRunner().invoke(main, ["data", *folders, "--jobs", "1"])
    assert done.exit_code == 0, done.output
    assert "without Dask: 1 processes of this computer" in done.output
    done = CliRunner().invoke(main, ["data", *folders, "--scheduler", "tcp://127.0.0.1:9"])
    assert done.exit_code != 0
    assert "--scheduler needs Dask" in done.output


def test_the_command_where_nothing_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    arguments = ["data", str(tmp_path / "in"), str(tmp_path / "out"), "--jobs", "1"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code != 0
    assert "holds no recording" in done.output
    (tmp_path / "in" / "a.edf").write_bytes(b"")
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code != 0
    assert "no recording could be used" in done.output


# --- nights to learn from ---------------------------------------------------------------------------------------------


def some_nights(folder: Path, keys: list[str]) -> None:
    folder.mkdir(exist_ok=True)
    for key in keys:
        features = np.zeros((1, len(FEATURE_NAMES)), np.float32)
        write_night(folder, Night(f"real-belt-{key}", features, np.zeros(1, np.int8)))


def test_every_tenth_person_is_kept_back(tmp_path: Path) -> None:
    """Twenty people of two nights each; both nights of the tenth and the twentieth are judged by, or one of them."""
    some_nights(tmp_path, [f"ST7{person:02d}{night}J" for person in range(20) for night in (1, 2)])
    learnt, judged = read_real(tmp_path, 1000)
    assert [night.name for night in judged] == [f"real-belt-ST7{k}J" for k in ("091", "092", "191", "192")]
    assert len(learnt) == 36
    learnt, judged = read_real(tmp_path, 12)
    assert len(learnt) == 12
    assert [night.name for night in judged] == ["real-belt-ST7091J"]
    assert learnt[0].name == "real-belt-ST7001J"
    assert learnt[-1].name == "real-belt-ST7182J"


@given(st.integers(1, 60), st.integers(1, 80))
def test_a_choice_of_nights_is_spread_and_has_no_night_twice(there: int, most: int) -> None:
    keys = [f"{k:03d}" for k in range(there)]
    chosen = nights._spread(keys, most)
    assert len(chosen) == min(there, most)
    assert chosen == sorted(set(chosen))
    assert chosen[0] == keys[0]


def test_a_test_persons_night_is_not_learnt_from_wherever_it_came_from(tmp_path: Path) -> None:
    some_nights(tmp_path, ["SC4011E", "SC4002E"])
    with pytest.raises(ValueError, match="SC4002E, a test person's night"):
        read_real(tmp_path, 5)
    with pytest.raises(ValueError, match="run the data command first"):
        read_real(tmp_path / "none", 5)
    with pytest.raises(CorpusError, match="test person"):
        night_of(Recording("slp60", tmp_path / "slp60.hea", None))


def test_real_nights_and_simulated_ones_may_share_a_folder(tmp_path: Path) -> None:
    some_nights(tmp_path, ["mesa-sleep-0001"])
    features = np.zeros((1, len(FEATURE_NAMES)), np.float32)
    write_night(tmp_path, Night("main-belt-000001", features, np.zeros(1, np.int8)))
    assert [night.name for night in read_nights(tmp_path, lambda name: name.startswith("main"))] == ["main-belt-000001"]
    assert [night.name for night in read_real(tmp_path, 1)[0]] == ["real-belt-mesa-sleep-0001"]


def test_train_says_what_it_lacks(tmp_path: Path) -> None:
    some_nights(tmp_path, ["SC4011E"])
    for seed, kind in ((0, "main"), (100_000, "main"), (200_000, "variant")):
        features = np.zeros((1, len(FEATURE_NAMES)), np.float32)
        write_night(tmp_path, Night(f"{kind}-belt-{seed:06d}", features, np.zeros(1, np.int8)))
    pytest.importorskip("tensorflow", reason="TensorFlow comes with the train extra")
    done = CliRunner().invoke(main, ["train", str(tmp_path), "--real", str(tmp_path), "--out", str(tmp_path)])
    assert done.exit_code != 0
    assert "set nights.real" in done.output
