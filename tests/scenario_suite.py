"""The scenario suite: simulated nights with truth, through each module's twin and the whole supervisor.

    python tests/scenario_suite.py                            every scenario, modules that can know, one seed
    python tests/scenario_suite.py --scenario alone --module tinyframe --seeds 10 --jobs 2

Exits with 1 where the figures fall short of their targets.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from reliability import diagram
from scenario_figures import Played, document, joined, shortfalls, table
from scenario_judge import Verdict, judge, truth_of

from appliance.box import sense_with
from appliance.clock import Instant
from appliance.habits import Habits
from appliance.loading import load_stager
from appliance.presence import EVIDENCE
from appliance.replay import play
from appliance.scenario import ScenarioError, load_scenario, simulate_scenario, wire_of
from appliance.sensing import Sensing
from appliance.settings import Settings
from appliance.tracking import PrimaryUserTracker
from appliance.turn import Outcome
from drivers.capture import CaptureHeader, Channel, Record
from drivers.readings import Module
from models.stager import Stager

ROOT = Path(__file__).parents[1]
SCENARIOS = ROOT / "tests" / "scenarios"


class Part(NamedTuple):
    """One night to play; ``without`` names evidence that is switched off."""

    path: Path
    module: Module
    seed: int
    knows: bool
    without: tuple[str, ...] = ()


@dataclass
class Simulated:
    """A night's bytes, which stand in for a capture."""

    header: CaptureHeader
    wire: Iterable[tuple[float, bytes]]

    def __iter__(self) -> Iterator[Record]:
        return (Record(t_s, Channel.RADAR_RX, data) for t_s, data in self.wire)


# -- one night


def parts_of(
    paths: Iterable[Path],
    modules: Sequence[Module],
    seeds: Iterable[int],
    every_module: bool = False,
    without: tuple[str, ...] = (),
) -> list[Part]:
    """Every night to play, the longest first, so that no process is left with one at the end."""
    scenarios = [(path, load_scenario(path)) for path in paths]
    scenarios.sort(key=lambda item: -item[1].night.hours)
    return [
        Part(path, module, seed, module in scenario.knows.modules, without)
        for path, scenario in scenarios
        for seed in seeds
        for module in modules
        if every_module or module in scenario.knows.modules
    ]


def verdict_of(part: Part) -> Verdict:
    """Play the night and judge it."""
    scenario = load_scenario(part.path)
    nights = simulate_scenario(scenario, part.seed)
    simulated = Simulated(*wire_of(scenario, nights, part.module, part.seed))
    seconds = round(scenario.night.hours * 3600)
    present, you = np.full(seconds, np.nan), np.full(seconds, np.nan)

    def hear(outcome: Outcome, now: Instant) -> None:
        status, second = outcome.status, int(now.mono_s) - 1  # what is said now is said of the second that ended
        if status is None or not 0 <= second < seconds:
            return
        if status.confidence is not None:
            present[second] = status.confidence
        if status.who in ("you", "both") and status.who_confidence is not None:
            you[second] = status.who_confidence

    lines: list[dict[str, Any]] = []
    settings = Settings(bed_side=scenario.night.side)
    play(simulated, settings, _sense(part.without), lines.append, hear=hear)
    roles = [person.role for person in scenario.people]
    return judge(truth_of(nights, roles, scenario.night.hours), lines, present, you)


def _sense(without: tuple[str, ...]) -> Callable[[Module, Settings], Sensing]:
    """Sensing as the box begins it.  Here, and nowhere else, evidence is switched off by its name."""
    stager = _stager()
    if stager is not None:
        stager.reset()
    if without:
        habits = Habits()
        return lambda module, settings: Sensing(
            module, PrimaryUserTracker(module, settings.bed_side, habits), stager, frozenset(without)
        )
    return sense_with(stager)


@cache
def _stager() -> Stager | None:
    return load_stager(None)[0]


# -- many nights


def play_all(parts: Sequence[Part], jobs: int, progress: Callable[[int], None] = lambda done: None) -> list[Played]:
    """Every night's verdict, from ``jobs`` processes; ``progress`` hears how many are done."""
    played = []
    with workers(min(jobs, len(parts))) as pool:
        futures = {pool.submit(verdict_of, part): part for part in parts}
        try:
            for done, future in enumerate(as_completed(futures), 1):
                part = futures[future]
                played.append(Played(part.path.stem, part.module, part.seed, part.knows, future.result()))
                progress(done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return sorted(played, key=lambda one: one[:3])


def workers(jobs: int) -> ProcessPoolExecutor:
    """Processes that play nights; spawned, since a forked one would inherit the locks of its parent's threads."""
    return ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))


def main() -> int:
    """The command line; 1 where the figures fall short."""
    asked = _arguments()
    paths = [SCENARIOS / f"{name}.toml" if not name.endswith(".toml") else Path(name) for name in asked.scenario]
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    modules = [Module(module) for module in asked.module or Module]
    try:
        parts = parts_of(
            paths or sorted(SCENARIOS.glob("*.toml")),
            modules,
            seeds,
            asked.all_modules,
            tuple(asked.without),
        )
    except ScenarioError as error:
        raise SystemExit(str(error)) from None
    if not parts:
        raise SystemExit("no module that was asked for can know these scenarios: --all-modules plays them anyway")
    played = play_all(parts, asked.jobs, _bar(len(parts)))
    for row in table(played):
        print(row)
    short = shortfalls(played)
    for line in short:
        print(f"short: {line}")
    if asked.json is not None:
        asked.json.write_text(json.dumps(document(played, short), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    if asked.picture is not None:
        known = [one.verdict for one in played if one.knows]
        panels = {
            "Somebody is there": joined(verdict.presence for verdict in known),
            "It is you": joined(verdict.you for verdict in known),
        }
        asked.picture.write_text(diagram(panels), encoding="utf-8")
    return int(bool(short))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The scenario suite; exits with 1 where figures fall short.")
    parser.add_argument("--scenario", action="append", default=[], metavar="NAME", help="a name, or a file in .toml")
    parser.add_argument("--module", action="append", choices=[str(module) for module in Module])
    parser.add_argument("--seeds", type=int, default=1, metavar="N")
    parser.add_argument("--first-seed", type=int, default=1, metavar="S")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--all-modules", action="store_true", help="those too that cannot know; they do not count")
    parser.add_argument(
        "--without", action="append", default=[], choices=sorted(EVIDENCE), metavar="NAME", help="evidence to leave out"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="every figure, of groups and of nights")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="reliability diagrams as an SVG")
    asked = parser.parse_args()
    if asked.seeds < 1 or asked.jobs < 1:
        parser.error("--seeds and --jobs are at least 1")
    return asked


def _bar(nights: int) -> Callable[[int], None]:
    """A line that is written over, on a terminal only."""
    if not sys.stderr.isatty():
        return lambda done: None
    return lambda done: print(f"\r{done} of {nights} nights", end="\n" if done == nights else "", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
