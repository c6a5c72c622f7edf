"""`firstlight restage`: another model over kept nights, the old answers beside it; features anew from raw breathing."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from test_restager import T0, Says, night, pair

from appliance import loading, waveform
from appliance.__main__ import main
from appliance.displacement import Tick
from appliance.recording import ticks_from_recording
from appliance.records import BreathingRecord, EpochRecord, SessionRecord
from appliance.respiration import epochs_of
from appliance.restaging import features_of, restage
from appliance.store import Role, Store
from models.contract import EPOCH_SAMPLES
from models.features import FeatureExtractor, unpack
from models.restager import Restager
from models.stager import DEFAULT_MODEL, Beside, Stager, StepNetwork


def breathing_ticks(epochs: int, seed: int = 1) -> Iterator[Tick]:
    """Breaths of 4 s and 2 mm, a slow drift, noise of 10 micrometres, a body movement of 3 s every five minutes."""
    rng = np.random.default_rng(seed)
    for k in range(epochs * EPOCH_SAMPLES):
        t_s = k / 10
        moving = t_s % 300 >= 297
        mm = math.cos(2 * math.pi * t_s / 4) + 3 * math.sin(t_s / 400) + 0.01 * rng.standard_normal()
        yield Tick(t_s, mm + (5 * math.sin(t_s) if moving else 0.0), 0.9 if moving else 0.1, broke=k == 0)


def test_features_anew_are_those_of_the_night() -> None:
    extractor = FeatureExtractor()
    epochs = list(epochs_of(breathing_ticks(60)))
    live = np.array([extractor.update(epoch) for epoch in epochs])
    kept = [BreathingRecord(T0 + int(e.start_s), waveform.pack(e.displacement, e.motion)) for e in epochs]
    packed = features_of(kept)
    assert list(packed) == [one.start_utc for one in kept]
    again = np.array([unpack(packed[one.start_utc]) for one in kept])
    assert (np.isnan(live) == np.isnan(again)).mean() > 0.99
    difference = np.abs(live - again)
    assert np.nanmedian(difference) < 0.04  # a step of the network's int8 input
    assert np.nanquantile(difference, 0.95) < 0.3


@pytest.mark.slow
def test_real_nights_are_staged_from_their_breathing_as_they_were(shared_folder: Path) -> None:
    paths = sorted((shared_folder / "data" / "overnight_belts").glob("*.npz"))[:3]
    if not paths:
        pytest.skip("needs data/overnight_belts in FIRSTLIGHT_DATA")
    for path in paths:
        stager, network = Stager.load(), StepNetwork.load(DEFAULT_MODEL)
        live, kept = [], []
        with np.load(path) as recording:
            epochs = list(epochs_of(ticks_from_recording(recording["resp"], float(recording["fs"]))))
        for epoch in epochs:
            stager.update(epoch)
            live.append(stager.kept)
            kept.append(BreathingRecord(int(epoch.start_s), waveform.pack(epoch.displacement, epoch.motion)))
        packed = features_of(kept)

        def stages(features: list[bytes | None], network: StepNetwork = network) -> list[int]:
            network.reset()
            return [int(np.argmax(network.step(unpack(one)))) for one in features if one is not None]

        again = stages([packed[one.start_utc] for one in kept])
        assert np.mean(np.array(stages(live)) == np.array(again)) > 0.94, path.name


def test_a_hole_in_the_breathing_is_a_hole_in_the_features() -> None:
    epochs = [e for e in epochs_of(breathing_ticks(20)) if not 8 <= e.index < 12]
    kept = [BreathingRecord(T0 + int(e.start_s), waveform.pack(e.displacement, e.motion)) for e in epochs]
    kept.insert(3, BreathingRecord(T0 + 85, b"torn"))
    assert sorted(features_of(kept)) == [T0 + 30 * e.index for e in epochs]
    assert features_of([]) == {}


def test_features_of_another_version_are_worked_out_from_the_breathing() -> None:
    session, epochs = night([1] * 6)
    old = [dataclasses.replace(one, features=b"\x63 of a version that is not known") for one in epochs]
    assert restage(pair()[0], session, old, T0) == []
    kept = [
        BreathingRecord(T0 + int(e.start_s), waveform.pack(e.displacement, e.motion))
        for e in epochs_of(breathing_ticks(6))
    ]
    rows = restage(pair()[0], session, old, T0, kept)[1:]
    assert len(rows) == 6
    assert all(row.stage != "unscored" for row in rows)  # type: ignore[union-attr]
    partly = restage(pair()[0], session, old, T0, kept[:3])
    assert [row.stage for row in partly[4:]] == ["unscored"] * 3  # type: ignore[union-attr]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    with Store(tmp_path / "firstlight.db", Role.SUPERVISOR) as store:
        for day in range(3):
            session, epochs = night([0, 1, 2, 3])
            ahead = 86_400 * day
            store.write([moved(session, ahead), *(moved_epoch(one, ahead) for one in epochs)])
        store.write([SessionRecord(T0 + 300_000, T0 + 300_000)])
        store.write([SessionRecord(T0 - 9000, T0 - 9000, left_utc=T0 - 5000)])
    (tmp_path / "config.toml").write_text(f'[paths]\nstate = "{tmp_path}"\n', encoding="utf-8")
    return tmp_path


def moved(session: SessionRecord, by_s: int) -> SessionRecord:
    assert session.left_utc is not None
    start = session.id + by_s
    return dataclasses.replace(session, id=start, entered_utc=start, left_utc=session.left_utc + by_s)


def moved_epoch(epoch: EpochRecord, by_s: int) -> EpochRecord:
    return dataclasses.replace(epoch, start_utc=epoch.start_utc + by_s)


def run(state: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["restage", "--config", str(state / "config.toml"), *arguments])


def test_every_night_is_staged_once_by_each_model_and_old_answers_stay(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "load_restager", lambda path: (pair()[0], None))
    done = run(state)
    assert done.exit_code == 0, done.stderr
    assert done.stderr.splitlines() == [
        "3 of 4 nights staged by says 1",
        "1 had nothing kept to stage them from",
    ]
    assert run(state).stderr.splitlines()[0] == "0 of 4 nights staged by says 1"
    newer = Says("b", Beside("a", 1.0))
    newer.name = "says 2"
    monkeypatch.setattr(loading, "load_restager", lambda path: (Restager(Says("a"), newer), None))  # type: ignore[arg-type]
    assert run(state, "--nights", "2").stderr.splitlines()[0] == "2 of 2 nights staged by says 2"
    with Store(state / "firstlight.db", Role.GUEST) as store:
        models = [{one.model for one in store.restagings(T0 + 86_400 * day)} for day in range(3)]
        assert models == [{"says 1"}, {"says 1", "says 2"}, {"says 1", "says 2"}]
        session = store.session(T0)
        assert session is not None
        assert [one.stage for one in store.epochs(session)] == ["light"] * 4  # the live answer, untouched
        assert [one.stage for one in store.restaged_epochs(session, "says 1")] == ["wake", "light", "deep", "rem"]


def test_what_cannot_be_restaged_is_one_line(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(state, "--model", str(state / "none.tflite"))
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert "none-morning.tflite" in line or "none.tflite" in line
    monkeypatch.setattr(loading, "load_restager", lambda path: (pair()[0], None))
    (state / "firstlight.db").unlink()
    done = run(state)
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert "there is no record of nights" in line
