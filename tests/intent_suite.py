"""The intent suite: nights with reading, telephone, television and talk before, between and after sleep.

    python tests/intent_suite.py --nights 60 --jobs 2     the modules in turn, from the signal on: no gate, no tracker
    python tests/intent_suite.py --nights 3 --twins       each module's bytes through the whole box, which alone judges
                                                          getting up and whether nights are cut or joined

Every tenth night somebody gets up for good, comes back an hour later and reads: that is two stays in bed.  Half of the
nights are of the variant sleeper, whom no training has seen; seeds are none that training uses.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from scenario_suite import Simulated, workers

from appliance.belief import told_stages
from appliance.box import sense_with
from appliance.clock import Instant
from appliance.diary import Diary
from appliance.loading import load_restager, load_scorer, load_stager
from appliance.records import EpochRecord, SessionRecord
from appliance.replay import play
from appliance.respiration import epochs_of
from appliance.restaging import restage
from appliance.scenario import wire_of
from appliance.scenario.words import Knows, NightFacts, Scenario, Sleeper
from appliance.sensing import StagedEpoch
from appliance.settings import Settings
from appliance.tracking import PrimaryUser, Who
from appliance.turn import Outcome
from drivers.readings import Module
from models.contract import EPOCH_S
from models.intent import IntentScorer
from models.restager import Restager
from models.sleeper import SAMPLE_HZ, Activity, Doing, SimulatedNight, random_cues, random_person, simulate
from models.stager import Stager
from models.training.evenings import Evening, distance_of, light_of, random_plan
from models.training.radar import MODULES, module_ticks

FIRST_SEED = 700_000
LEFT_S = 1900  # of an empty bed after the night, that its end is known
SETTLING_S = 300  # more, where a gate has to find out first that it is empty
RETURNS = 10  # every so manieth night has a second stay
YOU = PrimaryUser(0.0, Who.YOU, 1.0, "alone")
BUSY = {
    Doing.READ: "read",
    Doing.PHONE: "phone",
    Doing.TELEVISION: "television",
    Doing.TALK: "talk",
    Doing.LIE: "lie",
    Doing.SIT: "sit",
}
NAMED = ("read", "phone", "television")
ENTERING_S = 60  # whoever has done nothing else for so long has tried at once
SLEEP = ("light", "deep", "rem")


@dataclass
class Verdict:
    """One night; errors in minutes, told less true, NaN where nothing was told."""

    seed: int
    module: str
    variant: bool
    has_light: bool
    stays: int
    true_stays: int
    tried_after: str = ""  # what was done last before the trying that led to sleep
    slept: bool = True  # whether sleep came at all; else times of trying and sleep are not judged
    told_asleep: bool = False
    entered: float = math.nan
    began: float = math.nan
    sol: float = math.nan
    onset: float = math.nan
    woke: float = math.nan
    up: float = math.nan
    live_began: float = math.nan  # of what was last said in the night itself, before the morning
    live_delay: float = math.nan  # from then until it was said
    by_stages_sol: float = math.nan  # without intent: from entering bed to the first epoch staged asleep
    busy_min: dict[str, float] = field(default_factory=dict)
    called_asleep_min: dict[str, float] = field(default_factory=dict)  # of these, by what is told in the end
    staged_asleep_min: dict[str, float] = field(default_factory=dict)  # by the stages alone


def evening_of(seed: int, variant: bool, hours: float | None = None, empty_s: float = 0.0) -> Evening:
    """A whole night, or ``hours`` of one, and then an empty bed; every tenth comes with a second stay."""
    rng = np.random.default_rng((seed, 0x5E7))
    person = random_person(rng, variant)
    night_h = hours or float(rng.uniform(6.5, 9.0))
    plan = random_plan(rng, person, night_h)
    total_h = night_h
    if seed % RETURNS == 0:
        at = night_h * 60.0 + float(rng.uniform(45.0, 75.0))
        plan += [Activity(at, "enter"), Activity(at + 1.0, "read"), Activity(at + 25.0, "leave")]
        total_h = (at + 60.0) / 60.0
    total_h = round((total_h + empty_s / 3600.0) * 120.0) / 120.0
    night = simulate(person, plan, total_h, int(rng.integers(2**31)), cues=random_cues(rng), variant=variant)
    return Evening(night, light_of(night, rng), distance_of(night, rng))


def told_without_gate(evening: Evening, seed: int) -> tuple[list[SessionRecord], list[EpochRecord]]:
    """The night from the module's signal through breathing, stages, intent and diary; presence is as it was."""
    night = evening.night
    stager, scorer = _models()
    stager.reset()
    scorer.reset()
    diary = Diary(stager.name, scorer.rules)
    staged: dict[int, StagedEpoch] = {}
    here = np.isfinite(night.distance_m[::SAMPLE_HZ])
    for epoch in epochs_of(module_ticks(night, seed)):
        if epoch.index >= night.doing.size:
            break
        if not here[epoch.index * EPOCH_S : (epoch.index + 1) * EPOCH_S].all():
            continue  # behind the gate nothing runs
        light_lx, distance_m = (_known(series[epoch.index]) for series in (evening.light_lx, evening.distance_m))
        estimate = stager.update(epoch)
        assert stager.measures is not None
        intent = scorer.update(epoch, stager.measures, distance_m, light_lx)
        seen = epoch.motion[np.isfinite(epoch.motion)]
        motion = float(seen.mean()) if seen.size else None
        staged[epoch.index] = StagedEpoch(
            estimate, None, motion, YOU, stager.kept, None, intent, stager.breath_cv, light_lx
        )
    written: list[Any] = []
    for second in range(here.size + LEFT_S):
        now = Instant(float(second), float(second))
        written += diary.presence(float(second), second < here.size and bool(here[second]), True, now)
        index = second // EPOCH_S - 1
        if second % EPOCH_S == 0 and index in staged:
            written += diary.epoch(staged[index], now)
    return _records(written)


def told_by_the_box(evening: Evening, seed: int, module: Module) -> tuple[list[SessionRecord], list[EpochRecord]]:
    """The module's bytes through the whole supervisor; there is no light sensor."""
    hours = evening.night.doing.size * EPOCH_S / 3600.0
    scenario = Scenario("intent", NightFacts(hours=hours), (Sleeper("A", ()),), (), (), (), Knows())
    stager, scorer = _models()
    stager.reset()
    scorer.reset()
    written: list[Any] = []

    def hear(outcome: Outcome, now: Instant) -> None:
        offset = now.utc_s - now.mono_s
        zero.append(offset)
        written.extend(outcome.records)

    zero: list[float] = []
    simulated = Simulated(*wire_of(scenario, [evening.night], module, seed))
    lines: list[dict[str, Any]] = []
    play(simulated, Settings(bed_side="left"), sense_with(stager, scorer=scorer), lines.append, hear=hear)
    sessions, epochs = _records(written)
    offset = round(zero[0])
    shift = ("entered_utc", "began_trying_utc", "onset_utc", "final_awakening_utc", "left_utc")
    moved = []
    for session in sessions:
        times = {key: None if (at := getattr(session, key)) is None else at - offset for key in shift}
        intent = session.intent
        if intent is not None:
            slept = [[start - offset, end - offset] for start, end in intent["slept"]]
            said = [[what, at - offset, at_said - offset] for what, at, at_said in intent["said"]]
            intent = {**intent, "slept": slept, "said": said}
        absences = tuple((start - offset, end - offset) for start, end in session.absences)
        moved.append(replace(session, **times, intent=intent, absences=absences))
    return moved, [replace(epoch, start_utc=epoch.start_utc - offset) for epoch in epochs]


def judge(
    evening: Evening,
    sessions: Sequence[SessionRecord],
    epochs: Sequence[EpochRecord],
    verdict: Verdict,
    again: Callable[[SessionRecord, Sequence[EpochRecord]], Sequence[Any]] = lambda session, epochs: (),
) -> Verdict:
    """What was told of the first stay, held against the truth."""
    night = evening.night
    minute = EPOCH_S / 60.0
    asleep = night.stage > 0
    stay = _first_stay(night)
    verdict.slept = bool(asleep.any())
    if not sessions:
        return verdict
    first = sessions[0]
    verdict.entered = first.entered_utc / 60.0 - stay[0] * minute
    if first.left_utc is not None:
        verdict.up = first.left_utc / 60.0 - (stay[1] + 1) * minute
    stages = {epoch.start_utc: epoch.stage for epoch in epochs}
    final = first
    for row in again(first, epochs):
        if hasattr(row, "onset_utc"):
            final = replace(first, onset_utc=row.onset_utc, final_awakening_utc=row.final_awakening_utc)
        else:
            stages[row.start_utc] = row.stage
    verdict.told_asleep = final.onset_utc is not None
    if verdict.slept:
        _judge_times(night, stay[0], final, stages, verdict)
    slept = [period for one in sessions if one.intent is not None for period in one.intent["slept"]]
    order = sorted(stages.items())
    told = dict(zip(sorted(stages), told_stages(order, slept), strict=True))
    for k in np.flatnonzero(night.in_bed & ~night.intent & ~asleep).tolist():
        what = BUSY.get(Doing(int(night.doing[k])))
        if what is None:
            continue
        is_staged, is_told = stages.get(k * EPOCH_S) in SLEEP, told.get(k * EPOCH_S) in SLEEP
        for table, counts in (
            (verdict.busy_min, True),
            (verdict.staged_asleep_min, is_staged),
            (verdict.called_asleep_min, is_told),
        ):
            table[what] = table.get(what, 0.0) + minute * counts
    return verdict


def _judge_times(
    night: SimulatedNight, entered: int, told: SessionRecord, stages: dict[int, str], verdict: Verdict
) -> None:
    """Of a night with sleep: when it was tried, when it came and when it ended."""
    minute = EPOCH_S / 60.0
    asleep = np.flatnonzero(night.stage > 0)
    onset, woke = asleep[0], asleep[-1] + 1
    before = np.flatnonzero(~night.intent[:onset])
    began = before[-1] + 1 if before.size else entered
    verdict.tried_after = _tried_after(night, entered, began)
    if told.onset_utc is not None and told.final_awakening_utc is not None:
        verdict.onset = told.onset_utc / 60.0 - onset * minute
        verdict.woke = told.final_awakening_utc / 60.0 - woke * minute
    if told.began_trying_utc is not None:
        verdict.began = told.began_trying_utc / 60.0 - began * minute
        verdict.sol = verdict.onset - verdict.began
    raw = sorted(at for at, stage in stages.items() if stage in SLEEP)
    if raw:
        verdict.by_stages_sol = (raw[0] - told.entered_utc) / 60.0 - (onset - began) * minute
    said = [] if told.intent is None else [line for line in told.intent["said"] if line[0] == "trying"]
    if said:
        nearest = min(said, key=lambda line: abs(line[1] / 60.0 - began * minute))
        verdict.live_began = nearest[1] / 60.0 - began * minute
        verdict.live_delay = (nearest[2] - nearest[1]) / 60.0


def verdict_of(part: tuple[int, bool, bool, bool, float | None]) -> Verdict:
    """(seed, through the twins, as if so, with a second staging, hours) of one night."""
    seed, twins, as_twins, morning, hours = part
    variant = seed % 2 == 1
    evening = evening_of(seed, variant, hours, LEFT_S + SETTLING_S if twins or as_twins else 0.0)
    if as_twins:
        evening = replace(evening, light_lx=np.full_like(evening.light_lx, np.nan))
    module = MODULES[seed % len(MODULES)]
    sessions, epochs = told_by_the_box(evening, seed, module) if twins else told_without_gate(evening, seed)
    verdict = Verdict(
        seed,
        str(module),
        variant,
        not twins and bool(np.isfinite(evening.light_lx).any()),
        len(sessions),
        2 if seed % RETURNS == 0 else 1,
    )
    restager = _restager() if morning else None

    def again(session: SessionRecord, rows: Sequence[EpochRecord]) -> Sequence[Any]:
        mine = [row for row in rows if session.entered_utc - EPOCH_S < row.start_utc < (session.left_utc or math.inf)]
        return [] if restager is None else restage(restager, session, mine, 0)

    return judge(evening, sessions, epochs, verdict, again)


def table(verdicts: Sequence[Verdict]) -> Iterable[str]:
    """The figures, of all and of groups."""
    groups: dict[str, list[Verdict]] = {"all": list(verdicts)}
    for verdict in verdicts:
        groups.setdefault(verdict.module, []).append(verdict)
        groups.setdefault("variant sleeper" if verdict.variant else "sleeper as trained", []).append(verdict)
        groups.setdefault("light sensor" if verdict.has_light else "no light sensor", []).append(verdict)
        if verdict.tried_after:
            groups.setdefault(f"after: {verdict.tried_after}", []).append(verdict)
    groups["after read, phone, TV"] = [one for one in verdicts if one.tried_after in NAMED]
    yield "errors in min: median of the size, share within 15 min; not told counts as far off"
    for name, some in groups.items():
        if not any(one.slept for one in some):
            continue
        cells = [f"{name:21s} {len(some):4d} nights"]
        keys = ("began", "sol", "onset", "woke", "up", "live_began", "by_stages_sol")
        slept = [one for one in some if one.slept]
        cells += [f"{key} {_summary([getattr(one, key) for one in slept])}" for key in keys]
        busy = sum(sum(one.busy_min.values()) for one in some)
        cells += [
            f"called asleep {_total(some, 'called_asleep_min') / max(busy, 1.0):.1%} of {busy:.0f} min",
            f"(stages alone {_total(some, 'staged_asleep_min') / max(busy, 1.0):.1%})",
        ]
        yield "  ".join(cells)
    rows = {what: (what,) for what in BUSY.values()} | {"read, phone, TV": NAMED}
    for what, parts in rows.items():
        tables = ("busy_min", "called_asleep_min", "staged_asleep_min")
        busy, told, staged = (sum(getattr(one, t).get(part, 0.0) for one in verdicts for part in parts) for t in tables)
        shares = (told / max(busy, 1.0), staged / max(busy, 1.0))
        yield "{:15s} {:6.0f} min, called asleep {:.1%}, by stages alone {:.1%}".format(what, busy, *shares)
    cut = sum(one.stays > one.true_stays for one in verdicts)
    joined = sum(0 < one.stays < one.true_stays for one in verdicts)
    lost = sum(one.stays == 0 for one in verdicts)
    twice = sum(one.true_stays == 2 for one in verdicts)
    yield f"nights cut: {cut} of {len(verdicts)}; joined across a real end: {joined} of {twice}; nothing told: {lost}"
    sleepless = [one for one in verdicts if not one.slept]
    yield f"sleep told of nights without: {sum(one.told_asleep for one in sleepless)} of {len(sleepless)}"
    delays = [one.live_delay for one in verdicts if one.live_delay == one.live_delay]
    if delays:
        yield f"live, trying was said after a median of {np.median(delays):.1f} min ({len(delays)} nights)"


def _summary(values: Sequence[float]) -> str:
    sizes = np.nan_to_num(np.abs(values), nan=np.inf)
    return f"{np.median(sizes):4.1f} {np.mean(sizes <= 15.0):.0%}"


def _total(some: Sequence[Verdict], name: str) -> float:
    return float(sum(sum(getattr(one, name).values()) for one in some))


def _tried_after(night: SimulatedNight, entered: int, began: int) -> str:
    """What was done last before trying; nothing, where it was only getting in."""
    there = [k for k in range(entered, began) if night.in_bed[k]]
    if len(there) * EPOCH_S <= ENTERING_S:
        return "nothing"
    return BUSY.get(Doing(int(night.doing[there[-1]])), "trying in vain")


def _first_stay(night: SimulatedNight) -> tuple[int, int]:
    """Its first and its last epoch; a bathroom visit is inside it."""
    inside = np.flatnonzero(night.in_bed)
    gaps = np.flatnonzero(np.diff(inside) * EPOCH_S > 1800)
    return int(inside[0]), int(inside[gaps[0]] if gaps.size else inside[-1])


def _records(written: Iterable[Any]) -> tuple[list[SessionRecord], list[EpochRecord]]:
    """As the database keeps them: the last of each key."""
    sessions: dict[int, SessionRecord] = {}
    epochs: dict[int, EpochRecord] = {}
    for record in written:
        if isinstance(record, SessionRecord):
            sessions[record.id] = record
        elif isinstance(record, EpochRecord):
            epochs[record.start_utc] = record
    return [sessions[key] for key in sorted(sessions)], [epochs[key] for key in sorted(epochs)]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


@cache
def _models() -> tuple[Stager, IntentScorer]:
    stager, why_not = load_stager(None)
    scorer, why_not_intent = load_scorer(None)
    assert stager is not None, why_not
    assert scorer is not None, why_not_intent
    return stager, scorer


@cache
def _restager() -> Restager | None:
    return load_restager(None)[0]


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="The intent suite.")
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--hours", type=float, help="of each night; else whole nights")
    parser.add_argument("--twins", action="store_true", help="each module's bytes through the whole box")
    parser.add_argument("--as-twins", action="store_true", help="the nights of --twins, but from the signal on")
    parser.add_argument("--live", action="store_true", help="the live stages, where there is a second staging too")
    parser.add_argument("--json", metavar="FILE")
    asked = parser.parse_args()
    seeds = range(asked.seed, asked.seed + asked.nights)
    parts = [(seed, asked.twins, asked.as_twins, not asked.live, asked.hours) for seed in seeds]
    with workers(asked.jobs) as pool:
        verdicts = list(pool.map(verdict_of, parts))
    for row in table(verdicts):
        print(row)
    if asked.json:
        with open(asked.json, "w", encoding="utf-8") as stream:
            json.dump([asdict(verdict) for verdict in verdicts], stream)
    return 0


if __name__ == "__main__":
    sys.exit(main())
