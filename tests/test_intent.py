"""Intent: change points through scores by hand, what was said and what is believed, and the shipped model."""

from __future__ import annotations

import json
import platform
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sleeping import breathing_epochs

from appliance.answers import believed as believed_on_the_page
from appliance.belief import told_stages
from appliance.clock import Instant
from appliance.diary import Diary
from appliance.intent import Course, Evidence, IntentTracker, Period, believed, costs_of
from appliance.loading import load_scorer
from appliance.records import EpochRecord, SessionRecord
from appliance.sensing import StagedEpoch
from appliance.tracking import PrimaryUser, Who
from appliance.web.reasons import not_you, reasons, said_live
from models.contract import EPOCH_S, SleepStage, StageEstimate
from models.features import FeatureExtractor
from models.intent import (
    AGO_EPOCHS,
    CLASSES,
    DEFAULT_INTENT,
    FEATURES,
    INTENT,
    Intent,
    IntentExtractor,
    IntentScorer,
    Scores,
    split,
)
from models.stager import ChangeRules, Manifest, ModelError

RULES = ChangeRules(most_nats=3.0, awake_nats=0.0, trying_nats=8.0, asleep_nats=5.0, lag_epochs=20)
YOU = PrimaryUser(0.0, Who.YOU, 1.0, "alone")
LETTERS = {"n": Intent(0.9, 0.05, 0.05), "t": Intent(0.05, 0.9, 0.05), "a": Intent(0.05, 0.05, 0.9), "-": None}
STAGES = {"n": SleepStage.WAKE, "t": SleepStage.WAKE, "a": SleepStage.LIGHT, "-": SleepStage.UNSCORED}


def tracked(letters: str, holes: dict[int, int] | None = None) -> IntentTracker:
    """One epoch a letter; ``holes`` are epochs left out before the letter of that place."""
    tracker, k = IntentTracker(RULES), 0
    for place, letter in enumerate(letters):
        k += (holes or {}).get(place, 0)
        ago = LETTERS[letters[place - AGO_EPOCHS]] if place >= AGO_EPOCHS else None
        tracker.add(Evidence(float(k * EPOCH_S), LETTERS[letter], ago))
        k += 1
    return tracker


def minutes(course: Course) -> tuple[float | None, list[tuple[float, float]]]:
    began = course.began_trying_s
    return None if began is None else began / 60.0, [(a / 60.0, b / 60.0) for a, b in course.slept]


NIGHT = "n" * 40 + "t" * 20 + "a" * 60 + "t" * 16


def test_an_evening_of_reading_then_a_night() -> None:
    # Read for 20 min, awake for 10, asleep for 30, awake again for 8.
    course = tracked(NIGHT).course()
    assert minutes(course) == (20.0, [(30.0, 60.0)])
    assert course.trying == (Period(1200.0, 4080.0),)


@given(st.sampled_from("nta-"), st.integers(3, 36))
def test_a_noisy_minute_of_reading_changes_nothing(letter: str, at: int) -> None:
    noisy = NIGHT[:at] + 2 * letter + NIGHT[at + 2 :]
    assert tracked(noisy).course() == tracked(NIGHT).course()


def test_who_gives_up_and_tries_again_began_with_the_second_time() -> None:
    tracker = tracked("n" * 20 + "t" * 30 + "n" * 30 + "t" * 20 + "a" * 60)
    assert minutes(tracker.course())[0] == 40.0
    assert [(said.what, said.at_s / 60.0) for said in tracker.said] == [
        ("trying", 10.0),
        ("trying", 40.0),
        ("asleep", 50.0),
    ]


def test_who_never_tries_has_not_begun() -> None:
    course = tracked("n" * 80).course()
    assert minutes(course) == (None, [])
    assert believed([StageEstimate(3, 90.0, SleepStage.DEEP, None, 1.0)], course)[0].stage is SleepStage.WAKE


def test_a_bathroom_visit_is_a_hole_and_no_end() -> None:
    course = tracked("t" * 20 + "a" * 60 + "a" * 60, {80: 8}).course()
    assert minutes(course) == (0.0, [(10.0, 74.0)])


def test_what_is_settled_live_is_what_the_morning_says() -> None:
    tracker = tracked(NIGHT)
    assert [(said.what, said.at_s) for said in tracker.said] == [("trying", 1200.0), ("asleep", 1800.0)]
    assert all(0.0 < said.said_s - said.at_s <= (RULES.lag_epochs + AGO_EPOCHS + 1) * EPOCH_S for said in tracker.said)


def test_nothing_known_costs_nothing_and_surprise_is_limited() -> None:
    assert costs_of(None, RULES) == [0.0, 0.0, 0.0]
    assert costs_of((0.0, 1.0, 1.0 / np.e), RULES) == pytest.approx([3.0, 0.0, 1.0])
    assert costs_of((1.0, 1.0, 1.0), replace(RULES, awake_nats=0.5)) == [0.5, 0.5, 0.0]
    assert not tracked("----").knows


# -- the diary


def diary_of(letters: str, rules: ChangeRules | None = RULES) -> tuple[Diary, list[SessionRecord | EpochRecord]]:
    """A stay in bed, one epoch a letter; stages as the letters have it, but for one doze in the reading."""
    diary, written = Diary("m 1", rules), []
    for k, letter in enumerate(letters):
        for second in range(k * EPOCH_S, (k + 1) * EPOCH_S):
            written += diary.presence(float(second), True, True, Instant(float(second), float(second)))
        now = Instant(float((k + 1) * EPOCH_S), float((k + 1) * EPOCH_S))
        written += diary.epoch(staged(k, letter, letters[k - AGO_EPOCHS] if k >= AGO_EPOCHS else "-"), now)
    return diary, written


def staged(k: int, letter: str, ago: str) -> StagedEpoch:
    stage = SleepStage.REM if k == 10 else STAGES[letter]
    estimate = StageEstimate(k, float(k * EPOCH_S), stage, (0.1, 0.6, 0.2, 0.1), 1.0)
    motion = 0.3 if letter == "n" else 0.02
    light_lx = 40.0 if letter == "n" else 0.0
    scores = Scores(LETTERS[letter], LETTERS[ago])
    return StagedEpoch(estimate, 14.0, motion, YOU, None, None, scores, 0.15 if letter != "a" else 0.07, light_lx)


def closed(diary: Diary, at_s: float) -> SessionRecord:
    (record,) = diary.close(Instant(at_s, at_s))
    assert isinstance(record, SessionRecord)
    return record


def test_the_diary_counts_from_trying_and_keeps_what_was_said() -> None:
    diary, written = diary_of(NIGHT)
    record = closed(diary, len(NIGHT) * EPOCH_S)
    assert (record.began_trying_utc, record.onset_utc, record.final_awakening_utc) == (1200, 1800, 3600)
    figures = record.statistics
    assert figures is not None
    # By hand: tried at 20 min, asleep from 30 to 60, up at 68; the doze in the reading is none.
    wanted = {"counted_from": "trying", "tib_s": 2880, "before_trying_s": 1200, "sol_s": 600, "tst_s": 1800}
    assert {key: figures[key] for key in wanted} == wanted
    assert figures["se"] == pytest.approx(1800 / 2880)
    assert record.intent is not None
    assert [line[:2] for line in record.intent["said"]] == [["trying", 1200], ["asleep", 1800]]
    rows = [row for row in written if isinstance(row, EpochRecord)]
    assert rows[10].stage == "rem"  # what was measured stays
    assert believed_on_the_page(record, rows)[10].stage == "wake"
    assert believed_on_the_page(record, rows)[70].stage == "light"


def test_an_evening_in_bed_without_trying_is_in_bed_and_not_trying() -> None:
    diary, _ = diary_of("n" * 60)
    record = closed(diary, 1800.0)
    assert record.began_trying_utc is None
    assert record.statistics is not None
    assert record.statistics["before_trying_s"] == 1800
    assert record.statistics["tib_s"] == 0
    assert record.statistics["tst_s"] is None


def test_without_the_model_times_count_from_entering_bed() -> None:
    diary, _ = diary_of(NIGHT, None)
    record = closed(diary, len(NIGHT) * EPOCH_S)
    assert record.intent is None
    assert record.began_trying_utc is None
    assert record.statistics is not None
    assert record.statistics["counted_from"] == "entering"
    assert record.onset_utc == 300  # the doze


def test_a_restart_in_the_night_loses_nothing_of_intent() -> None:
    whole, written = diary_of(NIGHT)
    expected = closed(whole, len(NIGHT) * EPOCH_S)
    rows = [row for row in written if isinstance(row, EpochRecord)]
    begun = next(row for row in written if isinstance(row, SessionRecord))
    later = Diary("m 1", RULES)
    now = Instant(len(NIGHT) * EPOCH_S + 1.0, len(NIGHT) * EPOCH_S + 1.0)
    later.resume(begun, rows, now)
    later.presence(now.mono_s, True, True, now)
    resumed = closed(later, len(NIGHT) * EPOCH_S)
    assert (resumed.began_trying_utc, resumed.onset_utc, resumed.final_awakening_utc) == (1200, 1800, 3600)
    assert resumed.intent is not None
    assert expected.intent is not None
    assert resumed.intent["slept"] == expected.intent["slept"]
    assert resumed.intent["said"] == expected.intent["said"]


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_reasons_in_words() -> None:
    diary, _ = diary_of(NIGHT)
    record = closed(diary, len(NIGHT) * EPOCH_S)
    trying, asleep, awake = reasons(record, ZoneInfo("UTC"))
    assert plain(trying) == (
        "Trying to sleep from 00:20: the last body movement before it ended at 00:20, movement fell from 30 % to 2 % of"
        " its full scale, the light went from 40 lx to 0 lx, the score for trying went from 10 % to 95 %."
    )
    assert "breathing steadied (its intervals varied by 15 % before and 7 % after)" in plain(asleep)
    assert awake.startswith("Awake for good from 01:00: breathing became uneven")
    assert said_live(record, ZoneInfo("UTC")).startswith("Said in the night: trying to sleep from 00:20 (at 00:2")
    assert reasons(replace(record, intent=None), ZoneInfo("UTC")) == []
    assert said_live(replace(record, intent=None), ZoneInfo("UTC")) == ""


def test_why_minutes_are_not_you_in_words() -> None:
    diary, _ = diary_of(NIGHT)
    somebody = PrimaryUser(0.0, Who.OTHER, 0.93, "distance 0.6 -> 1.2 m", 1.2, None)
    k = len(NIGHT)
    other = diary.epoch(staged(k, "n", "-")._replace(primary=somebody), Instant(k * 30.0, k * 30.0))[-1]
    yours = diary.epoch(staged(k + 1, "n", "-"), Instant(k * 30.0 + 30.0, k * 30.0 + 30.0))[-1]
    assert isinstance(other, EpochRecord)
    assert isinstance(yours, EpochRecord)
    assert (other.not_you, yours.not_you) == ("distance 0.6 -> 1.2 m (93%)", None)
    # Two minutes, of which the first tells why, one of the sleeper, one minute.
    night = [other, *[replace(other, not_you="still at 1.2 m (99%)")] * 3, yours, yours, other, other]
    night = [replace(one, start_utc=600 + 30 * place) for place, one in enumerate(night)]
    assert not_you(night, ZoneInfo("UTC")) == [
        "Not you from 00:10 to 00:12: distance 0.6 -> 1.2 m (93%).",
        "Not you from 00:13 to 00:14: distance 0.6 -> 1.2 m (93%).",
    ]
    assert not_you([yours], ZoneInfo("UTC")) == []


# -- the model


@pytest.fixture
def scorer() -> IntentScorer:
    return IntentScorer.load()


def test_golden_vectors(scorer: IntentScorer) -> None:
    with np.load(DEFAULT_INTENT.with_suffix(".golden.npz")) as golden:
        features, expected = golden["features"], golden["probabilities"]
    assert features.shape[1] == len(FEATURES)
    assert len(np.unique(expected.argmax(axis=1))) >= 2  # the vectors say something
    answers = np.array([scorer.network.step(row) for row in features])
    if platform.machine() == "x86_64":
        np.testing.assert_allclose(answers, expected, atol=1e-12)
    assert np.abs(answers - expected).max() < 0.1


def scores(scorer: IntentScorer, light_lx: float | None, distance_m: float | None) -> list[Scores]:
    extractor = FeatureExtractor()
    found = []
    for epoch in breathing_epochs(60, cv=0.05):
        extractor.update(epoch)
        found.append(scorer.update(epoch, extractor.measures, distance_m, light_lx))
    return found


@pytest.mark.parametrize(("light_lx", "distance_m"), [(None, None), (0.0, 0.7)])
def test_steady_breath_without_a_movement_is_sleep_with_and_without_light(
    scorer: IntentScorer, light_lx: float | None, distance_m: float | None
) -> None:
    found = scores(scorer, light_lx, distance_m)
    assert all(one.ago is None for one in found[:AGO_EPOCHS])
    now, ago = ([getattr(one, side).asleep for one in found[30:]] for side in ("now", "ago"))
    assert np.mean(now) > 0.8
    assert np.mean(ago) > 0.8


def test_each_half_is_a_softmax_of_its_own() -> None:
    now, ago = split(np.array([0.1, 0.2, 0.1, 0.3, 0.0, 0.3]))
    np.testing.assert_allclose(now, [0.25, 0.5, 0.25])
    np.testing.assert_allclose(ago, [0.5, 0.0, 0.5], atol=1e-9)


def test_what_is_told_at_the_edges_of_sleep() -> None:
    # Slept from 60 to 210 s, by hand: a doze before is wake, missed sleep at either edge is light, wake within stays.
    stages = ["light", "wake", "wake", "rem", "wake", "deep", "wake", "light"]
    told = told_stages([(30.0 * k, stage) for k, stage in enumerate(stages)], [(60.0, 210.0)])
    assert told == ["wake", "wake", "light", "rem", "wake", "deep", "light", "wake"]
    assert told_stages([(0.0, "wake"), (30.0, "unscored")], [(0.0, 60.0)]) == ["light", "unscored"]


def test_too_little_signal_has_no_score(scorer: IntentScorer) -> None:
    (epoch,) = breathing_epochs(1)
    measures = FeatureExtractor().measures
    assert scorer.update(replace(epoch, coverage=0.2), measures, None, None) == Scores(None, None)


def test_what_is_missing_is_unknown_and_nothing_else_is() -> None:
    extractor, of_stages = IntentExtractor(), FeatureExtractor()
    for epoch in breathing_epochs(30):
        of_stages.update(epoch)
        row = extractor.update(epoch, of_stages.measures, None, None)
    unknown = {name for name, value in zip(FEATURES, row, strict=True) if np.isnan(value)}
    assert unknown == {"distance_shift", "distance_spread", "light", "light_change", "light_most"}
    assert np.nanmax(np.abs(row)) <= 5.0


def changed(**changes: object) -> str:
    fields = json.loads(DEFAULT_INTENT.with_suffix(".json").read_text(encoding="utf-8"))
    return json.dumps(fields | changes)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (changed(classes=["wake", "light", "deep", "rem"]), "its classes are"),
        (changed(features={"version": 99, "names": list(FEATURES)}), "made for features 99"),
        (
            changed(
                change_points={
                    "most_nats": 3.0,
                    "awake_nats": 0.5,
                    "trying_nats": 9.0,
                    "asleep_nats": 3.4,
                    "lag_epochs": 20,
                }
            ),
            "one epoch may cost a change",
        ),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(text: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        Manifest.parse(text, INTENT)


def test_a_missing_model_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.loading.DEFAULT_INTENT", tmp_path / "none.tflite")
    scorer, why = load_scorer()
    assert scorer is None
    assert why is not None
    assert why.startswith("Not told who is trying to sleep, so times count from entering bed: ")
    assert "\n" not in why


def test_classes_stand_in_the_order_of_the_states() -> None:
    assert Intent._fields == CLASSES
