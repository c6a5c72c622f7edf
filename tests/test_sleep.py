"""Sessions from presence, and a night's figures against nights worked out by hand."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.sleep import (
    Absence,
    Hypnogram,
    SessionEnded,
    SessionStarted,
    SessionTracker,
    SleepSession,
    SleepStatistics,
    Span,
)
from models.contract import EPOCH_S, SleepStage, StageEstimate

U, W, L, D, R = SleepStage.UNSCORED, SleepStage.WAKE, SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM
LETTERS = {"U": U, "W": W, "L": L, "D": D, "R": R}


class Scored(NamedTuple):
    estimate: StageEstimate


def estimate(start_s: float, stage: SleepStage = L) -> StageEstimate:
    return StageEstimate(int(start_s // 30), start_s, stage, None, 1.0)


def night(text: str, start_s: int = 0) -> list[StageEstimate]:
    """``"10W 20L"``: ten epochs of wake, then twenty of light; ``-`` stands for no epoch at all."""
    found, at = [], start_s
    for run in text.split():
        for _ in range(int(run[:-1])):
            if run[-1] != "-":
                found.append(estimate(at, LETTERS[run[-1]]))
            at += EPOCH_S
    return found


# Statistics

# 10W 20L 40D 2W 10L 20R 4U 6L 8W: W 0-300, L -900, D -2100, W -2160, L -2460, R -3060, U -3180, L -3360, W -3600.
NIGHT = night("10W 20L 40D 2W 10L 20R 4U 6L 8W")
BY_HAND = SleepStatistics(
    counted_from="entering",
    tib_s=3600,
    unscored_s=120,
    before_trying_s=None,
    spt_s=3060,  # 300 to 3360
    tst_s=2880,  # 600 + 1200 + 300 + 600 + 180
    sol_s=300,
    waso_s=300,  # 60 in the night and 240 before getting up
    se=0.8,
    rem_latency_s=2160,  # 300 to 2460
    awakenings=1,
    light_s=1080,
    deep_s=1200,
    rem_s=600,
)


def test_a_night_by_hand() -> None:
    hypnogram = Hypnogram.of(NIGHT, 0, 3600)
    assert SleepStatistics.of(hypnogram) == BY_HAND
    assert (hypnogram.onset_s, hypnogram.final_awakening_s) == (300, 3360)


def test_counted_from_trying() -> None:
    assert SleepStatistics.of(Hypnogram.of(NIGHT, 0, 3600), began_trying_s=120.4) == dataclasses.replace(
        BY_HAND, counted_from="trying", before_trying_s=120, tib_s=3480, sol_s=180, se=2880 / 3480
    )


def test_a_bathroom_visit_is_wake_and_a_lost_radar_is_not() -> None:
    # L 0-600, away 600-900, L 900-1500, no signal 1500-1800, D 1800-2400; up at 2400.
    estimates = night("20L 10- 20L 10- 20D")
    statistics = SleepStatistics.of(Hypnogram.of(estimates, 0, 2400, [Absence(600.3, 899.8)]))
    assert statistics.waso_s == 300
    assert statistics.awakenings == 1
    assert statistics.unscored_s == 300
    assert statistics.tst_s == 1800
    assert statistics.se == 0.75
    assert statistics.sol_s == 0
    assert statistics.rem_latency_s is None
    assert statistics.rem_s == 0  # slept, and without REM: that is known


@pytest.mark.parametrize("text", ["", "40W", "40U", "20W 20U"])
def test_no_sleep_is_none_and_never_zero(text: str) -> None:
    statistics = SleepStatistics.of(Hypnogram.of(night(text), 0, 1200))
    assert statistics.tib_s == 1200
    for name in (
        "spt_s",
        "tst_s",
        "sol_s",
        "waso_s",
        "se",
        "rem_latency_s",
        "awakenings",
        "light_s",
        "deep_s",
        "rem_s",
    ):
        assert getattr(statistics, name) is None, name


def test_an_empty_stay_divides_by_nothing() -> None:
    statistics = SleepStatistics.of(Hypnogram.of([], 5.2, 5.2))
    assert (statistics.tib_s, statistics.se) == (0, None)


@pytest.mark.parametrize(
    ("text", "awakenings"),
    [
        ("10W 10L 10W", 0),  # the final awakening is no awakening in the night
        ("10L 1W 10L 1W 10L", 2),
        ("10L 2W 3U 2W 10L", 1),  # one run of wake as far as anybody knows
        ("10L 5U 10L", 0),
        ("5L 1W 5R 1W 5D 1W", 2),
    ],
)
def test_awakenings(text: str, awakenings: int) -> None:
    epochs = night(text)
    end_s = epochs[-1].start_s + EPOCH_S
    assert SleepStatistics.of(Hypnogram.of(epochs, 0, end_s)).awakenings == awakenings


def test_epochs_are_clipped_to_the_stay() -> None:
    # In bed from 110 to 200: 10 s of the epoch at 90, 30 s at 120 and 150, 20 s of the one at 180.
    hypnogram = Hypnogram.of(night("1W 1L 1R 1D 1W", 90), 110.0, 200.0)
    assert hypnogram.spans == (Span(110, 120, W), Span(120, 150, L), Span(150, 180, R), Span(180, 200, D))


def test_sleep_before_trying_is_left_out() -> None:
    statistics = SleepStatistics.of(Hypnogram.of(night("4L 4W 4L"), 0, 360), began_trying_s=120)
    assert (statistics.sol_s, statistics.tst_s, statistics.before_trying_s) == (120, 120, 120)


STAGES = st.lists(st.sampled_from([U, W, L, D, R, None]), max_size=80)


@given(STAGES, st.floats(-100.0, 100.0), st.floats(0.0, 3000.0), st.floats(0.0, 2400.0), st.floats(0.0, 900.0))
def test_every_second_is_counted_once(
    stages: list[SleepStage | None], start_s: float, length_s: float, away_s: float, away_for_s: float
) -> None:
    estimates = [estimate(30 * k, stage) for k, stage in enumerate(stages) if stage is not None]
    hypnogram = Hypnogram.of(estimates, start_s, start_s + length_s, [Absence(away_s, away_s + away_for_s)])
    reached = hypnogram.start_s
    for span in hypnogram.spans:
        assert span.start_s == reached < span.end_s
        reached = span.end_s
    assert reached == hypnogram.end_s
    for began_trying_s in (None, start_s + length_s / 3):
        s = SleepStatistics.of(hypnogram, began_trying_s)
        assert json.loads(json.dumps(s.as_dict())) == s.as_dict()
        if s.tst_s is None:
            continue
        seconds: dict[str, Any] = s.as_dict()
        assert seconds["light_s"] + seconds["deep_s"] + seconds["rem_s"] == s.tst_s
        assert s.tst_s <= seconds["spt_s"] <= s.tib_s
        unscored_after_onset_s = s.tib_s - seconds["sol_s"] - s.tst_s - seconds["waso_s"]
        assert 0 <= unscored_after_onset_s <= s.unscored_s
        assert 0.0 < seconds["se"] <= 1.0


# Sessions


def run(
    tracker: SessionTracker[Scored], start_s: int, end_s: int, present: bool | None, primary: bool = True
) -> list[SessionStarted[Scored] | SessionEnded]:
    """A second at a time, with an epoch of light sleep every 30 s while somebody is there."""
    events: list[SessionStarted[Scored] | SessionEnded] = []
    for t_s in range(start_s, end_s):
        events += tracker.update(float(t_s), present, present is True and primary)
        if present and t_s % EPOCH_S == 0 and t_s - EPOCH_S >= start_s:
            tracker.add(Scored(estimate(t_s - EPOCH_S)), primary)
    return events


def test_a_session_starts_after_five_minutes_and_is_back_dated_with_its_epochs() -> None:
    tracker: SessionTracker[Scored] = SessionTracker()
    assert run(tracker, 0, 100, present=False) == []
    assert run(tracker, 100, 400, present=True) == []
    assert tracker.session is None
    (started,) = tracker.update(400.0, True, True)
    assert isinstance(started, SessionStarted)
    assert started.entered_s == 100.0
    assert [kept.estimate.start_s for kept in started.epochs] == [120, 150, 180, 210, 240, 270, 300, 330, 360]
    assert tracker.session is not None
    assert len(tracker.session.estimates) == 9
    assert tracker.add(Scored(estimate(390)))


def test_a_short_stay_leaves_nothing() -> None:
    tracker: SessionTracker[Scored] = SessionTracker()
    assert run(tracker, 0, 290, present=True) == []
    assert run(tracker, 290, 400, present=False) == []
    events = run(tracker, 400, 701, present=True)
    assert [type(event) for event in events] == [SessionStarted]
    assert isinstance(events[0], SessionStarted)
    assert events[0].entered_s == 400.0
    assert all(kept.estimate.start_s >= 400 for kept in events[0].epochs)


def test_a_flicker_of_presence_does_not_start_afresh() -> None:
    tracker: SessionTracker[Scored] = SessionTracker()
    run(tracker, 0, 100, present=True)
    run(tracker, 100, 150, present=False)
    (started,) = run(tracker, 150, 302, present=True)
    assert isinstance(started, SessionStarted)
    assert started.entered_s == 0.0


def test_the_partner_alone_starts_nothing() -> None:
    tracker: SessionTracker[Scored] = SessionTracker()
    assert run(tracker, 0, 2000, present=True, primary=False) == []
    assert tracker.session is None
    assert not tracker.add(Scored(estimate(1980)))


def test_a_bathroom_visit_stays_inside() -> None:
    tracker: SessionTracker[Scored] = SessionTracker()
    run(tracker, 0, 3000, present=True)
    assert run(tracker, 3000, 4798, present=False) == []  # a second less than half an hour since 2999
    assert run(tracker, 4798, 6000, present=True) == []
    (ended,) = run(tracker, 6000, 8000, present=False)
    assert isinstance(ended, SessionEnded)
    assert (ended.session.entered_s, ended.session.left_s) == (0.0, 5999.0)
    assert ended.session.absences == (Absence(3000.0, 4798.0),)
    hypnogram = ended.session.hypnogram()
    assert hypnogram.seconds_of(W) == 1798
    assert hypnogram.end_s == 5999


def test_a_longer_absence_ended_the_session_when_it_began() -> None:
    tracker: SessionTracker[Scored] = SessionTracker()
    run(tracker, 0, 3000, present=True)
    (ended,) = run(tracker, 3000, 4801, present=False)
    assert isinstance(ended, SessionEnded)
    assert ended.session.left_s == 2999.0
    assert ended.session.absences == ()
    assert tracker.session is None
    (started,) = run(tracker, 4801, 5200, present=True)
    assert isinstance(started, SessionStarted)
    assert started.entered_s == 4801.0


def test_a_radar_lost_in_the_night_is_unscored_and_not_an_absence() -> None:
    tracker: SessionTracker[Scored] = SessionTracker()
    run(tracker, 0, 3000, present=True)
    assert run(tracker, 3000, 3600, present=None) == []
    run(tracker, 3600, 4000, present=True)
    (ended,) = run(tracker, 4000, 5900, present=False)
    assert isinstance(ended, SessionEnded)
    assert ended.session.absences == ()
    # In this made-up stream the last epoch before ends at 2970, the next begins at 3600, and the last ends at 3990.
    assert ended.session.hypnogram().seconds_of(U) == 630 + 9
    assert ended.session.hypnogram().seconds_of(W) == 0


def test_the_partners_epochs_are_not_the_sleepers() -> None:
    tracker: SessionTracker[Scored] = SessionTracker()
    run(tracker, 0, 3000, present=True)
    run(tracker, 3000, 3600, present=True, primary=False)
    run(tracker, 3600, 4200, present=True)
    session = tracker.session
    assert session is not None
    assert not [e for e in session.estimates if 3000 <= e.start_s < 3600]


def test_a_session_is_resumed_by_the_next_process() -> None:
    before = SleepSession(-3600.0, None, tuple(night("100L", -3600)), (Absence(-500.0, -400.0),))
    assert before.last_seen_s == -400.0
    tracker: SessionTracker[Scored] = SessionTracker(resume=before)
    assert tracker.session == before
    assert run(tracker, 0, 600, present=True) == []
    (ended,) = run(tracker, 600, 2500, present=False)
    assert isinstance(ended, SessionEnded)
    assert (ended.session.entered_s, ended.session.left_s) == (-3600.0, 599.0)
    # Away 100 s; nothing is known of -600 to -500 and from -400 to the first new epoch.
    assert ended.session.hypnogram().seconds_of(W) == 100


def test_a_session_without_an_epoch_is_resumed() -> None:
    before = SleepSession(-20.0)
    assert before.last_seen_s == -20.0
    tracker: SessionTracker[Scored] = SessionTracker(resume=before)
    assert run(tracker, 0, 600, present=True) == []
    assert tracker.session is not None
    assert tracker.session.entered_s == -20.0


def test_a_session_resumed_too_late_had_ended() -> None:
    tracker: SessionTracker[Scored] = SessionTracker(resume=SleepSession(-9000.0, None, tuple(night("100L", -9000))))
    (ended,) = tracker.update(1.0, True, True)
    assert isinstance(ended, SessionEnded)
    assert ended.session.left_s == -6000.0
    assert tracker.session is None


@given(st.lists(st.tuples(st.sampled_from([True, False, None]), st.booleans(), st.integers(1, 3000)), max_size=25))
def test_sessions_alternate_do_not_overlap_and_last(stays: list[tuple[bool | None, bool, int]]) -> None:
    tracker: SessionTracker[Scored] = SessionTracker()
    t_s, left_s, entered_s = 0.0, -1.0, None
    for present, primary, length_s in stays:
        for _ in range(max(1, length_s // 50)):
            for event in tracker.update(t_s, present, primary):
                if isinstance(event, SessionStarted):
                    assert entered_s is None
                    assert event.entered_s > left_s
                    assert t_s - event.entered_s >= 300.0
                    entered_s = event.entered_s
                else:
                    assert event.session.entered_s == entered_s
                    assert event.session.left_s is not None
                    assert event.session.left_s <= t_s - 1800.0
                    assert event.session.left_s - event.session.entered_s >= 300.0
                    left_s, entered_s = event.session.left_s, None
            assert (tracker.session is None) == (entered_s is None)
            t_s += 50.0


def test_while_only_somebody_else_is_there_the_sleeper_is_away() -> None:
    tracker: SessionTracker[Any] = SessionTracker()
    for t_s in range(1200):
        tracker.update(t_s, True, True)
    for t_s in range(1200, 1500):
        tracker.update(t_s, True, False)
    tracker.update(1500.0, True, True)
    session = tracker.session
    assert session is not None
    assert session.absences == (Absence(1200.0, 1500.0),)
