"""The intent suite: its judge by hand, and a few of its nights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from intent_suite import RETURNS, Verdict, evening_of, judge, table, told_without_gate

from appliance.records import EpochRecord, SessionRecord
from models.sleeper import Doing
from models.training.evenings import Evening


def by_hand() -> Evening:
    """In bed from minute 2, reading to 10, awake to 20, asleep to 50, awake to 60, up."""
    evening = evening_of(1, False, hours=3.0)
    epochs = evening.night.doing.size
    minute = np.arange(epochs) / 2.0
    there = (minute >= 2.0) & (minute < 60.0)
    doing = np.where(there, np.where(minute < 10.0, Doing.READ, Doing.TRY_TO_SLEEP), Doing.AWAY).astype(np.int8)
    stage = np.where((minute >= 20.0) & (minute < 50.0), 1, 0).astype(np.int8)
    intent = there & (minute >= 10.0)
    return replace(evening, night=replace(evening.night, doing=doing, stage=stage, intent=intent, in_bed=there))


def epoch(start_s: int, stage: str) -> EpochRecord:
    return EpochRecord(start_s, 120, stage, None, None, None, None, 1.0, None, None, True)


def test_the_judge_by_hand() -> None:
    # Told: in bed from 3, trying from 12, asleep 24 to 47, up at 61; two minutes of the reading staged asleep.
    intent = {"slept": [[1440, 2820]], "said": [["trying", 780, 1080], ["asleep", 1440, 1800]], "reasons": []}
    session = SessionRecord(180, 180, 720, 1440, 2820, 3660, {}, "m", (), intent)
    staged = [epoch(s, "light" if 240 <= s < 360 or 1440 <= s < 2820 else "wake") for s in range(180, 3660, 30)]
    verdict = judge(by_hand(), [session], staged, Verdict(1, "tinyframe", False, True, 1, 1))
    assert (verdict.entered, verdict.began, verdict.onset, verdict.woke, verdict.up) == (1.0, 2.0, 4.0, -3.0, 1.0)
    assert verdict.sol == 2.0
    assert (verdict.live_began, verdict.live_delay) == (3.0, 5.0)
    assert verdict.by_stages_sol == -9.0  # staged asleep one minute after entering, where it took ten from trying
    assert verdict.busy_min == {"read": 8.0}
    assert verdict.staged_asleep_min == {"read": 2.0}
    assert verdict.called_asleep_min == {"read": 0.0}
    rows = list(table([verdict]))
    assert "called asleep 0.0% of 8 min" in rows[1]
    assert "nights cut: 0 of 1; joined across a real end: 0 of 0; nothing told: 0" in rows[-3]


def test_a_night_without_sleep_is_judged_by_what_was_called_sleep() -> None:
    evening = by_hand()
    awake = replace(evening, night=replace(evening.night, stage=np.zeros_like(evening.night.stage)))
    intent = {"slept": [[360, 480]], "said": [], "reasons": []}
    session = SessionRecord(120, 120, 300, 360, 480, 3600, {}, "m", (), intent)
    staged = [epoch(s, "light" if 360 <= s < 480 else "wake") for s in range(120, 3600, 30)]
    verdict = judge(awake, [session], staged, Verdict(1, "tinyframe", False, True, 1, 1))
    assert (verdict.slept, verdict.told_asleep, verdict.up) == (False, True, 0.0)
    assert np.isnan([verdict.began, verdict.onset, verdict.sol, verdict.woke, verdict.live_began]).all()
    assert verdict.called_asleep_min == {"read": 2.0}
    assert "sleep told of nights without: 1 of 1" in list(table([verdict]))


def test_what_was_not_told_is_far_off() -> None:
    verdict = judge(by_hand(), [], [], Verdict(1, "tinyframe", False, True, 0, 1))
    assert "began  inf 0%" in next(row for row in table([verdict]) if row.startswith("all"))


def test_a_few_short_nights_of_each_module() -> None:
    """The whole suite's figures stand in docs/measured.md; here only that nothing is cut, joined, lost or far off."""
    verdicts = []
    for seed in (700_003, 700_004, 700_005, 700_007, 700_009, 700_020):
        evening = evening_of(seed, False, hours=3.5)
        sessions, epochs = told_without_gate(evening, seed)
        stays = 1 + (seed % RETURNS == 0)
        assert len(sessions) == stays
        verdicts.append(judge(evening, sessions, epochs, Verdict(seed, "", False, False, stays, stays)))
    assert max(abs(one.up) for one in verdicts) <= 1.0
    for key in ("began", "onset", "woke"):
        assert np.median([abs(getattr(one, key)) for one in verdicts]) <= 15.0, key
    busy = sum(sum(one.busy_min.values()) for one in verdicts)
    assert sum(sum(one.called_asleep_min.values()) for one in verdicts) <= 0.1 * busy
