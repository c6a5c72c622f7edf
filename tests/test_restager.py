"""The morning's answer: two sides multiplied, holes kept, what was not scored stays so; its way to disk and page."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sleeping import breathing_epochs

from appliance.alarm_copy import AlarmCopy
from appliance.disk import Disk
from appliance.ledger import Ledger
from appliance.records import EpochRecord, Record, RestagedEpochRecord, RestagedRecord, SessionRecord
from appliance.restaging import restage
from appliance.store import Role, Store
from models.contract import MIN_COVERAGE, SleepStage
from models.features import FEATURE_NAMES, FEATURES_VERSION, pack, unpack
from models.restager import DEFAULT_MORNING, LONGEST_HOLE, KeptEpoch, Restager, combined
from models.stager import DEFAULT_MODEL, Beside, ModelError, Stager

W, L, D, R = SleepStage.WAKE, SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM
T0 = 1_795_644_600
FLAT = pack(np.zeros(len(FEATURE_NAMES)))


class Says:
    """Stands where a network stands: remembers what it was shown, and says the stage that the first feature names."""

    name = "says 1"

    def __init__(self, sha256: str, beside: Beside | None = None) -> None:
        self.manifest = SimpleNamespace(sha256=sha256, beside=beside)
        self.rows: list[np.ndarray] = []

    def reset(self) -> None:
        self.rows = []

    def step(self, features: np.ndarray) -> np.ndarray:
        self.rows.append(features)
        p = np.full(4, 0.1)
        p[0 if np.isnan(features[0]) else int(features[0])] = 0.7
        return p


def pair() -> tuple[Restager, Says, Says]:
    live, back = Says("a"), Says("b", Beside("a", 1.0))
    return Restager(live, back), live, back  # type: ignore[arg-type]


def saying(stage: int) -> bytes:
    features = np.zeros(len(FEATURE_NAMES))
    features[0] = stage
    return pack(features)


# --- features that are kept ------------------------------------------------


@given(st.lists(st.one_of(st.just(float("nan")), st.floats(-5.0, 5.0)), min_size=40, max_size=40))
def test_kept_features_come_back_to_a_fraction_of_an_int8_step(values: list[float]) -> None:
    features = np.resize(np.array(values, np.float32), len(FEATURE_NAMES))
    back = unpack(pack(features))
    assert back is not None
    np.testing.assert_allclose(back, features, atol=0.002)  # half precision below 5; int8 has steps of .039


def test_features_of_another_version_are_unknown() -> None:
    assert unpack(bytes((FEATURES_VERSION + 1,)) + FLAT[1:]) is None
    assert unpack(FLAT[:-2]) is None
    assert unpack(b"") is None


# --- two sides ------------------------------------------------


def test_a_product_by_hand() -> None:
    """(.5, .3, .1, .1)^1 * (.1, .3, .3, .3) = (.05, .09, .03, .03), of .2; to the power 0 the live side is silent."""
    live, back = np.array([[0.5, 0.3, 0.1, 0.1]]), np.array([[0.1, 0.3, 0.3, 0.3]])
    np.testing.assert_allclose(combined(live, back, 1.0), [[0.25, 0.45, 0.15, 0.15]])
    np.testing.assert_allclose(combined(live, back, 0.0), back)


def test_one_network_goes_forwards_and_one_backwards() -> None:
    restager, live, back = pair()
    estimates = restager.restage([KeptEpoch(30.0 * k, 1.0, saying(k)) for k in range(4)])
    assert [row[0] for row in live.rows] == [0, 1, 2, 3]
    assert [row[0] for row in back.rows] == [3, 2, 1, 0]
    assert [one.stage for one in estimates] == [W, L, D, R]
    # .7 * .7 beside three times .1 * .1
    assert estimates[2].probabilities == pytest.approx((0.01 / 0.52, 0.01 / 0.52, 0.49 / 0.52, 0.01 / 0.52))
    assert restager.restage([]) == []


def test_a_hole_is_unknown_and_at_most_an_hour_long() -> None:
    restager, live, _ = pair()
    starts = [0.0, 30.0, 121.0, 121.0 + 5 * 3600]  # two epochs are missing, then five hours
    estimates = restager.restage([KeptEpoch(s, 1.0, saying(1)) for s in starts])
    known = [not np.isnan(row[0]) for row in live.rows]
    assert known == [True, True, False, False, True, *([False] * LONGEST_HOLE), True]
    assert [one.start_s for one in estimates] == starts
    assert {one.stage for one in estimates} == {L}


def test_what_was_not_scored_stays_so() -> None:
    restager, _, _ = pair()
    other = bytes((FEATURES_VERSION + 1,)) + FLAT[1:]
    night = [(1.0, saying(1)), (MIN_COVERAGE - 0.01, saying(1)), (1.0, None), (1.0, other), (1.0, saying(3))]
    stages = [one.stage for one in restager.restage([KeptEpoch(30.0 * k, *of) for k, of in enumerate(night)])]
    assert stages == [L, SleepStage.UNSCORED, SleepStage.UNSCORED, SleepStage.UNSCORED, R]


def test_a_pair_that_is_none_is_refused_in_one_line() -> None:
    with pytest.raises(ModelError, match="was not made for the mornings of"):
        Restager(Says("c"), Says("b", Beside("a", 1.0)))  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"made for the morning"):
        Stager.load(DEFAULT_MORNING)
    with pytest.raises(ModelError, match="was not made"):
        Restager.load(DEFAULT_MODEL)


def test_the_shipped_pair_looks_ahead_and_the_live_answer_does_not() -> None:
    calm, restless = breathing_epochs(60, cv=0.05), breathing_epochs(60, cv=0.4, moving_share=0.3, seed=2)
    answers = []
    for after in (calm, restless):
        stager = Stager.load()
        epochs = [*calm[:30], *after[30:]]
        live = [stager.update(epoch).probabilities for epoch in epochs]
        stager.reset()
        kept = []
        for epoch in epochs:
            stager.update(epoch)
            kept.append(KeptEpoch(epoch.start_s, epoch.coverage, stager.kept))
        restager = Restager.load()
        morning = [one.probabilities for one in restager.restage(kept)]
        assert morning == [one.probabilities for one in restager.restage(kept)]  # nothing is remembered between nights
        answers.append((live[:30], morning[:30]))
    assert answers[0][0] == answers[1][0]
    assert answers[0][1] != answers[1][1]


# --- the way to the disk ------------------------------------------------


def night(stages: list[int], **changes: Any) -> tuple[SessionRecord, list[EpochRecord]]:
    """A session that entered with its first epoch and left with its last."""
    epochs = [
        EpochRecord(T0 + 30 * k, T0, "light", 0.1, 0.7, 0.1, 0.1, 1.0, 14.0, 0.0, True, "says 1", saying(stage))
        for k, stage in enumerate(stages)
    ]
    session = SessionRecord(T0, T0, left_utc=T0 + 30 * len(stages), statistics={"tst_s": 1}, model="says 1")
    return dataclasses.replace(session, **changes), epochs


def test_records_of_a_morning_by_hand() -> None:
    """Two epochs awake, four asleep of which one REM, one awake: onset after 60 s, TST 120 s, efficiency 4 of 7."""
    session, epochs = night([0, 0, 1, 1, 2, 3, 0])
    told, *rows = restage(pair()[0], session, epochs, T0 + 9999)
    assert isinstance(told, RestagedRecord)
    assert (told.session_id, told.model, told.made_utc) == (T0, "says 1", T0 + 9999)
    assert (told.onset_utc, told.final_awakening_utc) == (T0 + 60, T0 + 180)
    assert (told.statistics["tst_s"], told.statistics["deep_s"], told.statistics["rem_s"]) == (120, 30, 30)
    assert told.statistics["se"] == pytest.approx(4 / 7)
    words = [row.stage for row in rows if isinstance(row, RestagedEpochRecord)]
    assert words == ["wake", "wake", "light", "light", "deep", "rem", "wake"]


def test_nothing_is_said_of_a_night_that_lasts_or_kept_no_features() -> None:
    session, epochs = night([1, 1])
    assert restage(pair()[0], dataclasses.replace(session, left_utc=None), epochs, T0) == []
    assert restage(pair()[0], session, [dataclasses.replace(e, features=None) for e in epochs], T0) == []
    theirs = [dataclasses.replace(e, is_primary=False) for e in epochs]
    assert restage(pair()[0], session, theirs, T0) == []


def disk_of(folder: Path) -> Disk:
    restager = pair()[0]
    ledger = Ledger(folder / "nights.db")
    return Disk(ledger, AlarmCopy(folder), restage=lambda s, e: restage(restager, s, e, T0 + 9999))


def kept(folder: Path) -> tuple[SessionRecord | None, list[EpochRecord], RestagedRecord | None, list[str]]:
    with Store(folder / "nights.db", Role.WEB) as store:
        session, told = store.last_session(), store.restaged(T0)
        assert session is not None
        again: list[RestagedEpochRecord] = [] if told is None else store.restaged_epochs(session, told.model)
        return session, store.epochs(session), told, [epoch.stage for epoch in again]


def test_a_session_that_ends_is_staged_again_and_the_live_answer_stays(tmp_path: Path) -> None:
    disk = disk_of(tmp_path)
    session, epochs = night([0, 1, 1, 3])
    disk.begin()
    disk.put([dataclasses.replace(session, left_utc=None), *epochs])
    disk.serve(0.0)
    assert kept(tmp_path)[2] is None
    disk.put([session])
    disk.serve(1.0)
    disk.end()
    read, live, told, stages = kept(tmp_path)
    assert (read, live) == (session, epochs)
    assert told is not None
    assert told.statistics["tst_s"] == 90
    assert stages == ["wake", "light", "light", "rem"]


def test_a_box_that_was_off_in_between_stages_the_night_when_it_begins(tmp_path: Path) -> None:
    session, epochs = night([1, 2, 3])
    records: list[Record] = [session, *epochs]
    with closing(Ledger(tmp_path / "nights.db")) as ledger:
        ledger.write(records)
    disk = disk_of(tmp_path)
    disk.begin()
    disk.serve(0.0)
    disk.serve(31.0)
    disk.end()
    assert kept(tmp_path)[3] == ["light", "deep", "rem"]


def test_two_models_answers_are_both_kept_and_the_later_is_shown(tmp_path: Path) -> None:
    session, epochs = night([1, 1])
    first = restage(pair()[0], session, epochs, T0 + 9999)
    newer = Says("b", Beside("a", 1.0))
    newer.name = "says 2"
    second = restage(Restager(Says("a"), newer), session, epochs, T0 + 99999)  # type: ignore[arg-type]
    with Store(tmp_path / "nights.db", Role.SUPERVISOR) as store:
        store.write([session, *epochs, *second, *first])
        told = store.restaged(T0)
        assert told is not None
        assert told.model == "says 2"
        assert [len(store.restaged_epochs(session, f"says {n}")) for n in (1, 2)] == [2, 2]


def test_a_stager_remembers_the_features_of_its_last_epoch() -> None:
    stager = Stager.load()
    assert stager.kept is None
    epoch = breathing_epochs(1)[0]
    stager.update(epoch)
    assert stager.kept is not None
    assert len(stager.kept) == 1 + 2 * len(FEATURE_NAMES)
