"""When inside the window to ring: the policy by hand, doubt, damaged files, and the window's laws through a night."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_night import ALARM, MIDNIGHT, YOU, Scripted

from appliance.alarm import Phase
from appliance.alarm_setting import AlarmSetting
from appliance.bedside import Bedside
from appliance.clock import Instant
from appliance.loading import DEFAULT_POLICY, load_policy, load_stager
from appliance.morning import AlarmChange, Morning
from appliance.night import Night
from appliance.presence import Presence
from appliance.records import RingRecord
from appliance.respiration import Breathing
from appliance.sensing import Finding, StagedEpoch
from appliance.settings import Settings
from appliance.smart import EVIDENCE, LEAST_EPOCHS, NO_MOMENT, Moment, PolicyError, Sleeper, WakingPolicy, decide
from appliance.tracking import PrimaryUser, Who
from appliance.turn import Inputs
from drivers.readings import Module
from models.contract import EPOCH_S, SleepStage, StageEstimate
from models.features import FEATURE_NAMES, pack

SHA = "0" * 64
NOTHING = (0.0,) * (1 + len(EVIDENCE))
NIGHT_S = 7 * 3600.0  # from midnight to the set time
FEATURES = [0.0] * len(FEATURE_NAMES)


def _row(bias: float, **weights: float) -> tuple[float, ...]:
    return (bias, *(weights.get(name, 0.0) for name in EVIDENCE))


# Light sleep or wake .7, REM .2 and deep .1 whatever is seen: worth .6.  The set time is worth .2.
EVEN = WakingPolicy(
    name="even",
    version="1",
    model_sha256=SHA,
    means=(0.0,) * len(EVIDENCE),
    spreads=(1.0,) * len(EVIDENCE),
    now=(_row(math.log(0.7)), _row(math.log(0.2)), _row(math.log(0.1))),
    fades_min=(10.0,),
    later=(_row(0.2), NOTHING),
    minute=0.02,
    margin=0.04,
    most_deep=0.15,
    least_sleep_h=0.0,
)
# Only a movement of the last five seconds makes a moment good.
STARTLED = replace(EVEN, now=(_row(-5.0, moved_5_s=20.0), _row(0.0), _row(-9.0)), later=(_row(0.5), NOTHING))


def _sleeper(stage: SleepStage = SleepStage.LIGHT, epochs: int = LEAST_EPOCHS, motion: float = 0.0) -> Sleeper:
    """Somebody of whom so many epochs were staged, the last of which is over now."""
    sleeper = Sleeper()
    for index in range(epochs):
        for second in range(EPOCH_S):
            sleeper.second(index * EPOCH_S + second + 1.0, motion)
        sleeper.epoch(_estimate(index, stage), FEATURES)
    return sleeper


def _estimate(index: int, stage: SleepStage, p: tuple[float, ...] | None = None) -> StageEstimate:
    p = p or tuple(0.7 if s == stage else 0.1 for s in SleepStage if s >= 0)
    return StageEstimate(index, float(index * EPOCH_S), stage, p, 1.0)  # type: ignore[arg-type]


NOW_S = float(LEAST_EPOCHS * EPOCH_S)

# -- the rule


def test_a_moment_and_what_is_asked_of_it_by_hand() -> None:
    """Thirty minutes before the set time: .2 + .04 + 30 x .02 = .84."""
    evidence = _sleeper().evidence()
    assert EVEN.moment(evidence) == pytest.approx((0.7, 0.2, 0.1))
    assert Moment(0.7, 0.2, 0.1).worth == pytest.approx(0.6)
    assert EVEN.least(evidence, 1800.0) == pytest.approx(0.84)
    fading = replace(EVEN, later=(_row(0.2), _row(0.3)))
    assert fading.at_the_set_time(evidence, 600.0) == pytest.approx(0.2 + 0.3 / math.e)
    assert replace(EVEN, later=(_row(-7.0), NOTHING)).at_the_set_time(evidence, 600.0) == -1.0


def test_the_latest_good_moment_is_the_first_that_pays_for_its_minutes() -> None:
    """.6 = .2 + .04 + .02 m: eighteen minutes before the set time, and not a second earlier."""
    sleeper = _sleeper()
    assert not decide(EVEN, sleeper, NOW_S, 18 * 60 + 1.0).ring
    assert decide(EVEN, sleeper, NOW_S, 18 * 60 - 1.0).ring


def test_deep_sleep_is_never_a_good_moment() -> None:
    assert not decide(replace(EVEN, most_deep=0.1), _sleeper(), NOW_S, 1.0).ring
    assert decide(replace(EVEN, most_deep=0.11), _sleeper(), NOW_S, 1.0).ring


def test_the_reason_says_what_happened_and_how_likely_it_was_good() -> None:
    moved = _sleeper()
    moved.second(NOW_S + 1.0, 0.9)
    assert (
        decide(EVEN, moved, NOW_S + 1.0, 60.0).reason == "a good moment: you moved; light sleep or wake was 70 % likely"
    )
    after_rem = _sleeper(SleepStage.REM)
    after_rem.epoch(_estimate(LEAST_EPOCHS, SleepStage.LIGHT), FEATURES)
    assert "REM sleep had just ended" in decide(EVEN, after_rem, NOW_S, 60.0).reason
    changed = _sleeper()
    features = [-1.5 if name == "rate_60_vs_600" else 0.0 for name in FEATURE_NAMES]
    changed.epoch(_estimate(LEAST_EPOCHS, SleepStage.LIGHT), features)
    assert "your breathing changed" in decide(EVEN, changed, NOW_S, 60.0).reason
    assert "less likely to be so later" in decide(EVEN, _sleeper(), NOW_S, 60.0).reason


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_never_rings(number: float) -> None:
    sleeper = _sleeper()
    sleeper.epoch(_estimate(LEAST_EPOCHS, SleepStage.LIGHT), [number] * len(FEATURES))
    weighed = replace(EVEN, now=(_row(9.0, hours=1.0), _row(0.0, hours=1.0), _row(0.0, hours=1.0)))
    assert not decide(weighed, sleeper, NOW_S, 1.0).ring


# -- doubt


def test_doubt_in_words() -> None:
    assert _sleeper().doubt(NOW_S, 0.0) is None
    assert Sleeper().doubt(NOW_S, 0.0) == "the radar did not see you"
    assert _sleeper().doubt(NOW_S + 3.5, 0.0) == "the radar did not see you"
    unseen = _sleeper()
    unseen.second(NOW_S + 1.0, math.nan)
    assert unseen.doubt(NOW_S + 1.0, 0.0) == "the radar did not see you"
    lost = _sleeper()
    lost.lose()
    lost.second(NOW_S + 1.0, 0.0)
    assert lost.doubt(NOW_S + 1.0, 0.0) == "your sleep stage was not known"
    assert _sleeper(epochs=LEAST_EPOCHS - 1).doubt(NOW_S - EPOCH_S, 0.0) == "your sleep stage was not known"
    assert _sleeper().doubt(NOW_S, 0.1) == "less than 0.1 h of your sleep was seen"
    assert _sleeper(SleepStage.WAKE).doubt(NOW_S, 0.01) == "less than 0.01 h of your sleep was seen"


def test_an_estimate_grows_old_and_an_unscored_epoch_is_none() -> None:
    sleeper = _sleeper()
    for second in range(36):
        sleeper.second(NOW_S + second + 1.0, 0.0)
    assert sleeper.doubt(NOW_S + 35.0, 0.0) == "your sleep stage was not known"
    unscored = _sleeper()
    unscored.epoch(StageEstimate(LEAST_EPOCHS, NOW_S, SleepStage.UNSCORED, None, 0.2), None)
    assert unscored.doubt(NOW_S, 0.0) == "your sleep stage was not known"


def test_seconds_that_moved_are_counted_over_five_minutes_and_no_longer() -> None:
    sleeper = _sleeper(motion=1.0)
    moved = EVIDENCE.index("moved_300_s")
    assert sleeper.evidence()[moved] == pytest.approx(math.log(301))
    assert sleeper.evidence()[EVIDENCE.index("still")] == 0.0
    for second in range(299):
        sleeper.second(NOW_S + second + 1.0, 0.0)
    assert sleeper.evidence()[moved] == pytest.approx(math.log(2))
    assert sleeper.evidence()[EVIDENCE.index("still")] == pytest.approx(math.log1p(29.9))


# -- files


def _fields() -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(DEFAULT_POLICY.read_text(encoding="utf-8"))
    return fields


SHIPPED_FOR: str = _fields()["model"]["sha256"]


def test_the_shipped_policy_was_made_for_the_shipped_stager() -> None:
    stager, _ = load_stager(None)
    assert stager is not None
    policy, complaint = load_policy(None, stager)
    assert complaint is None
    assert policy is not None
    assert policy.model_sha256 == stager.network.manifest.sha256


def _without(name: str) -> str:
    return json.dumps({key: value for key, value in _fields().items() if key != name})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "not a waking policy", id="empty"),
        pytest.param("[]", "not a waking policy", id="a list"),
        pytest.param("null", "not a waking policy", id="nothing"),
        pytest.param("[" * 100_000, "not a waking policy", id="nested"),
        pytest.param(json.dumps(_fields())[:2000], "not a waking policy", id="cut short"),
        pytest.param(_without("minute"), "not a waking policy", id="no price"),
        pytest.param(_without("now"), "not a waking policy", id="no weights"),
        pytest.param(json.dumps(_fields() | {"format_version": 2}), "its format is not", id="a later format"),
        pytest.param(json.dumps(_fields() | {"format": "firstlight-tcn"}), "its format is not", id="another file"),
        pytest.param(json.dumps(_fields() | {"evidence": []}), "made for other evidence", id="other evidence"),
        pytest.param(json.dumps(_fields() | {"now": [[0.0]]}), "not those of a waking policy", id="few weights"),
        pytest.param(json.dumps(_fields() | {"minute": math.nan}), "not those of a waking policy", id="no number"),
        pytest.param(json.dumps(_fields() | {"minute": 10**400}), "not a waking policy", id="too large a number"),
        pytest.param(json.dumps(_fields() | {"margin": -0.1}), "not those of a waking policy", id="below zero"),
        pytest.param(json.dumps(_fields() | {"fades_min": [0, 1]}), "not those of a waking policy", id="no fade"),
        pytest.param(json.dumps(_fields() | {"model": {"sha256": SHA}}), "another stager", id="another stager"),
    ],
)
def test_a_damaged_policy_is_one_line_and_no_policy(tmp_path: Path, text: str, said: str) -> None:
    stager, _ = load_stager(None)
    assert stager is not None
    (tmp_path / "mine-waking.json").write_text(text, encoding="utf-8")
    policy, complaint = load_policy(tmp_path / "mine.tflite", stager)
    assert policy is None
    assert complaint is not None
    assert complaint.startswith("Every alarm rings at its set time: mine-waking.json: ")
    assert said in complaint
    assert "\n" not in complaint


def test_a_policy_that_is_not_there_or_no_text_is_one_line(tmp_path: Path) -> None:
    stager, _ = load_stager(None)
    assert stager is not None
    _, complaint = load_policy(tmp_path / "mine.tflite", stager)
    assert complaint is not None
    assert complaint.endswith("mine-waking.json cannot be read (No such file or directory); install it again")
    (tmp_path / "mine-waking.json").write_bytes(b"\xff\xfe\x00")
    _, complaint = load_policy(tmp_path / "mine.tflite", stager)
    assert complaint is not None
    assert "(not text)" in complaint


@given(data=st.data())
def test_whatever_becomes_of_a_policy_file_it_is_a_policy_or_an_error_of_one_line(data: st.DataObject) -> None:
    text = DEFAULT_POLICY.read_text(encoding="utf-8")
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 50)) :]
    try:
        policy = WakingPolicy.parse(damaged, SHIPPED_FOR)
    except PolicyError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    decide(policy, _sleeper(SleepStage.LIGHT, 400), 400.0 * EPOCH_S, 900.0)  # and one that can be used


# -- through a night


class Sleep:
    """A night before an alarm at seven, second by second, whose findings a test makes up."""

    def __init__(self, policy: WakingPolicy | None, setting: AlarmSetting, from_s: float) -> None:
        self.sensing = Scripted()
        morning = Morning((setting,))
        sense: Any = lambda module, settings: self.sensing  # noqa: E731
        self.night = Night(Settings((setting,)), Bedside(morning), sense, "made up", policy)
        self.t_s = from_s
        self.rings: list[float] = []  # seconds after midnight
        self.reports: list[RingRecord] = []

    def second(self, *findings: Finding, turns: int = 1) -> None:
        for turn in range(turns):
            self.t_s += 1.0 / turns
            self.sensing.findings = list(findings) if turn == turns - 1 else []
            outcome = self.night.step(Inputs(module=Module.TINYFRAME), Instant(self.t_s, MIDNIGHT + self.t_s))
            entered = [finding for finding in outcome.findings if isinstance(finding, AlarmChange)]
            self.rings += [self.t_s for change in entered if change.phase is Phase.RINGING]
            self.reports += [record for record in outcome.records if isinstance(record, RingRecord)]

    def you(self, motion: float = 0.0, p: tuple[float, ...] = (0.1, 0.7, 0.1, 0.1), who: Who = Who.YOU) -> None:
        """A second of somebody, with the epoch that it ends."""
        t_s = self.t_s + 1.0
        person = PrimaryUser(t_s, who, 1.0, "made up")
        findings: list[Finding] = [Presence(t_s, True, 0.9, "made up"), person]
        findings.append(Breathing(t_s, 14.0, 0.9, 4.0, motion))
        if round(t_s) % EPOCH_S == 0:
            stage = SleepStage(max(range(4), key=p.__getitem__))
            estimate = _estimate(round(t_s) // EPOCH_S - 1, stage, p)
            findings.append(StagedEpoch(estimate, 14.0, motion, person, pack(np.array(FEATURES))))
        self.second(*findings)


def _alarm(window_min: int) -> AlarmSetting:
    return replace(ALARM, window_min=window_min)


FATES = st.sampled_from(["you", "you", "you", "moves", "deep", "rem", "unscored", "other", "gone", "silent"])
WEIGHTS = st.floats(-3.0, 3.0)


@st.composite
def policies(draw: st.DrawFn) -> WakingPolicy:
    def row() -> tuple[float, ...]:
        return _row(draw(WEIGHTS), log_light=draw(WEIGHTS), moved_5_s=draw(WEIGHTS), rem_ended=draw(WEIGHTS))

    return replace(
        EVEN,
        now=(row(), row(), row()),
        later=(row(), row()),
        minute=draw(st.floats(0.0, 0.05)),
        margin=draw(st.floats(0.0, 0.2)),
        most_deep=draw(st.floats(0.0, 1.0)),
    )


@settings(max_examples=40)
@given(
    policy=st.none() | policies(),
    window_min=st.sampled_from([0, 1, 5, 10]),
    fates=st.lists(FATES, min_size=30, max_size=30),
)
@example(policy=EVEN, window_min=10, fates=["you"] * 30)
def test_one_first_ring_in_the_window_and_never_after_the_set_time(
    policy: WakingPolicy | None, window_min: int, fates: list[str]
) -> None:
    """Fifteen minutes before the set time and five after, half a minute of each fate."""
    sleep = Sleep(policy, _alarm(window_min), NIGHT_S - 900.0)
    known = set()  # half minutes in whose seconds something could be decided
    for number, fate in enumerate(fates + ["gone"] * 10):
        for second in range(EPOCH_S):
            match fate:
                case "you":
                    sleep.you()
                case "moves":
                    sleep.you(1.0 if second == 7 else 0.0)
                case "deep":
                    sleep.you(p=(0.0, 0.1, 0.9, 0.0))
                case "rem":
                    sleep.you(p=(0.0, 0.1, 0.0, 0.9))
                case "unscored":
                    sleep.you(math.nan)
                case "other":
                    sleep.you(who=Who.OTHER)
                case "gone":
                    nobody = PrimaryUser(sleep.t_s + 1.0, Who.NOBODY, 1.0, "made up")
                    sleep.second(Presence(sleep.t_s + 1.0, False, 0.9, "made up"), nobody)
                case _:
                    sleep.second()
        if fate in ("you", "moves", "deep", "rem"):
            known.add(number)
    (rang,) = sleep.rings
    assert NIGHT_S - 60.0 * window_min <= rang <= NIGHT_S
    (report,) = sleep.reports
    assert report.rang_utc == MIDNIGHT + rang
    if rang < NIGHT_S:
        assert policy is not None
        assert int((rang - 1.0 - (NIGHT_S - 900.0)) // EPOCH_S) in known
        assert report.reason.startswith("a good moment: ")
    elif window_min:
        assert report.reason.startswith("set time; ")
    else:
        assert report.reason == "set time"


def test_it_rings_at_the_latest_good_moment_and_not_again() -> None:
    """.6 = .2 + .04 + .02 m: eighteen minutes before seven, by the clock; the window is open from half past six on."""
    sleep = Sleep(EVEN, _alarm(30), NIGHT_S - 2700.0)
    while sleep.t_s < NIGHT_S + 600.0:
        sleep.you()
    assert sleep.rings == [pytest.approx(NIGHT_S - 18 * 60, abs=1.0)]
    (report,) = sleep.reports
    assert (report.stage, report.stage_probability, report.present) == ("light", 0.7, True)
    assert report.due_utc - report.rang_utc == pytest.approx(18 * 60, abs=1.0)


def test_a_movement_rings_in_the_second_that_it_ends() -> None:
    sleep = Sleep(STARTLED, _alarm(30), NIGHT_S - 2700.0)
    while sleep.t_s < NIGHT_S - 600.0:
        sleep.you()
    assert sleep.rings == []
    sleep.you(0.9)
    assert sleep.rings == [NIGHT_S - 599.0]
    assert "you moved" in sleep.reports[0].reason


def test_a_stop_in_the_dawn_or_a_window_of_zero_leaves_nothing_to_ring_early() -> None:
    sleep = Sleep(EVEN, _alarm(0), NIGHT_S - 2700.0)
    while sleep.t_s < NIGHT_S + 5.0:
        sleep.you()
    assert sleep.rings == [NIGHT_S]


@pytest.mark.parametrize(
    ("policy", "fate", "why"),
    [
        (None, "you", "good moments could not be judged"),
        (EVEN, "gone", "the radar did not see you"),
        (EVEN, "silent", "the radar did not see you"),
        (EVEN, "other", "the radar did not see you"),
        (replace(EVEN, least_sleep_h=3.0), "you", "less than 3 h of your sleep was seen"),
        (replace(EVEN, margin=2.0), "you", NO_MOMENT),
    ],
)
def test_in_doubt_it_rings_at_the_set_time_and_the_report_says_why(
    policy: WakingPolicy | None, fate: str, why: str
) -> None:
    sleep = Sleep(policy, _alarm(30), NIGHT_S - 2700.0)
    while sleep.t_s < NIGHT_S - 1800.0:
        sleep.you()
    while sleep.t_s < NIGHT_S:
        if fate == "you":
            sleep.you()
        elif fate == "other":
            sleep.you(who=Who.OTHER)
        elif fate == "gone":
            nobody = YOU._replace(t_s=sleep.t_s + 1.0, who=Who.NOBODY)
            sleep.second(Presence(sleep.t_s + 1.0, False, 0.9, "made up"), nobody)
        else:
            sleep.second()
    assert sleep.rings == [NIGHT_S]
    assert [report.reason for report in sleep.reports] == [f"set time; {why}"]
