"""Breathing against simulated sleepers whose every breath is known, through a TinyFrame module's phases.

    python tests/measure_breathing.py [NIGHTS]

NIGHTS of three hours a case (4).  A second counts where the body was still for the half minute before it; the true
rate is that of the breaths that began in that half minute.  A sigh is drawn as one, twice as deep as
the six breaths before it, and without a movement around it; false is what was called one and is not so deep.  A pause
is a stillness of 12 s or more.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from appliance.respiration import Breathing, Respiration
from appliance.rhythm import PAUSE_S, SIGH
from models.sleeper import SAMPLE_HZ, Activity, Person, SimulatedNight, simulate
from models.sleeper.body import AWAY_FROM
from models.sleeper.breathing import chest_and_belly
from models.training.radar import module_ticks

HOURS = 3.0
WINDOW_S = 30
SETTLED_S = 360  # from going to bed on
CASES = {
    "usual": Person(),
    "slow, 7 a minute": Person(breaths_brpm=7.0),
    "shallow, 1.5 mm": Person(chest_mm=1.5, belly_mm=1.5),
    "apnoea, 30 an hour": Person(apnoea_per_h=30.0),
}


class Scores(NamedTuple):
    """What counts of one night; every array is over the seconds or events that count."""

    error_brpm: np.ndarray  # NaN where no rate was told
    away: np.ndarray  # whether the back was turned
    right: np.ndarray  # whether the sign was right, of the seconds in which one was told
    told: np.ndarray  # whether one was told
    sighs: tuple[int, int, int]  # true and found, true, false
    pauses: tuple[int, int, int]


def heard(night: SimulatedNight, seed: int) -> list[Breathing]:
    """The reports of a night, one a second."""
    respiration = Respiration()
    return [report for tick in module_ticks(night, seed) if (report := respiration.update(tick)) is not None]


def score(night: SimulatedNight, person: Person, reports: list[Breathing]) -> Scores:
    """A night's reports against its truth."""
    starts, lengths = night.breaths.start_s, night.breaths.interval_s
    chest, belly = chest_and_belly(night.breaths, person, night.t_s.size)
    still = np.convolve(night.moving >= 0.5, np.ones(WINDOW_S * SAMPLE_HZ))[: night.t_s.size] < 0.5
    errors, away, right, told = [], [], [], []
    for report in reports:
        at = round(report.t_s * SAMPLE_HZ) - 1
        inside = starts[(starts >= report.t_s - WINDOW_S) & (starts < report.t_s)]
        if report.t_s < SETTLED_S or at >= still.size or not still[at] or len(inside) < 3:
            continue
        true_brpm = 60.0 * (len(inside) - 1) / (inside[-1] - inside[0])
        errors.append(np.nan if report.rate_brpm is None else report.rate_brpm - true_brpm)
        away.append(night.posture[min(int(report.t_s // 30), night.posture.size - 1)] == AWAY_FROM)
        piece = slice(at - 20 * SAMPLE_HZ, at)
        alike = np.corrcoef(np.diff(night.displacement_mm[piece]), np.diff((chest + belly)[piece]))[0, 1]
        told.append(report.inhaling_sign is not None)
        if report.inhaling_sign is not None and abs(alike) > 0.3:
            right.append(report.inhaling_sign * alike > 0.0)
    deep = np.array([_is_deep(night.breaths.depth, k) for k in range(starts.size)])
    ends = starts + lengths
    spans = [slice(max(int((t - 20) * SAMPLE_HZ), 0), int((t + 12) * SAMPLE_HZ)) for t in starts]
    calm = [not (night.moving[span] >= 0.3).any() for span in spans]
    sure = night.breaths.sigh & deep & calm
    sighed = [r.t_s for r in reports if r.sigh]
    found, true, _ = _matched(sighed, list(zip(starts[sure], ends[sure] + 8.0, strict=True)))
    sighs = found, true, _matched(sighed, list(zip(starts[deep], ends[deep] + 8.0, strict=True)))[2]
    rests = night.breaths.pause * lengths
    long = np.flatnonzero(rests >= PAUSE_S + 2.0)
    held = [(starts[k] + lengths[k] - rests[k], starts[k] + lengths[k] + 4.0) for k in long]
    held = [span for span in held if not (night.moving[slice(*(int(t * SAMPLE_HZ) for t in span))] >= 0.5).any()]
    paused = [r.t_s for b, r in pairwise(reports) if _long(r) and not _long(b)]
    return Scores(
        np.array(errors),
        np.array(away, bool),
        np.array(right, bool),
        np.array(told, bool),
        sighs,
        _matched(paused, held),
    )


def _is_deep(depth: np.ndarray, k: int) -> bool:
    """Whether a breath is twice as deep as the six before it mostly were: what a sigh is by definition."""
    return k >= 6 and bool(depth[k] >= SIGH * np.median(depth[k - 6 : k]))


def _long(report: Breathing) -> bool:
    return report.pause_s is not None and report.pause_s >= PAUSE_S


def _matched(found_s: list[float], true_s: list[tuple[float, float]]) -> tuple[int, int, int]:
    """(true spans in which something was found, true spans, what was found outside of any)."""
    hits = sum(any(first <= t <= last for t in found_s) for first, last in true_s)
    false = sum(not any(first <= t <= last for first, last in true_s) for t in found_s)
    return hits, len(true_s), false


def table(nights: int) -> Iterator[str]:
    """One row a case."""
    yield (
        "| sleeper | still seconds rated | median error /min | within 1 | within 2 | sign told | of those right "
        "| sighs found | false an hour | pauses of 12 s found | false an hour |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for name, person in CASES.items():
        scores = []
        for number in range(nights):
            seed = 2 * number + 100  # an even seed is a TinyFrame module
            night = simulate(person, [Activity(2, "enter"), Activity(5, "try_to_sleep")], HOURS, seed)
            scores.append(score(night, person, heard(night, seed)))
        yield row(name, scores, nights)
        if name.startswith("shallow"):
            turned = [one._replace(error_brpm=one.error_brpm[one.away], told=one.told[one.away]) for one in scores]
            yield row("the same, back turned", turned, 0)


def row(name: str, scores: list[Scores], nights: int) -> str:
    """A case in figures; without ``nights`` only what goes by the second."""
    error = np.abs(np.concatenate([one.error_brpm for one in scores]))
    rated = np.isfinite(error)
    cells = [
        f"{100 * rated.mean():.1f} % of {rated.size}",
        f"{np.median(error[rated]):.2f}",
        *(f"{100 * (error[rated] <= limit).mean():.1f} %" for limit in (1.0, 2.0)),
        f"{100 * np.concatenate([one.told for one in scores]).mean():.0f} %",
    ]
    if nights:
        cells.append(f"{100 * np.concatenate([one.right for one in scores]).mean():.1f} %")
        for kind in ([one.sighs for one in scores], [one.pauses for one in scores]):
            found, true, false = np.sum(kind, axis=0)
            cells += [f"{found} of {true}", f"{false / (nights * HOURS):.1f}"]
    else:
        cells += [""] * 5
    return f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    """The table."""
    for line in table(int(sys.argv[1]) if len(sys.argv) > 1 else 4):
        print(line, flush=True)


if __name__ == "__main__":
    main()
