"""The waking policy: learnt from mornings, judged on others, beside a fixed time and what true stages would allow.

Both worths of ``appliance/smart.py`` are linear in the evidence and learnt from all windows of the training mornings:
that of the moment as a softmax (by Newton's method), that of the set time as what became of it (ridge regression).  The
price of a minute is the one at which the training's sleepers, each judged by a policy that never saw them, give up
GIVEN_UP_MIN on average.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.smart import BREATHING, DEEP, EVIDENCE, MOVED_S, POLICY_FORMAT, POLICY_VERSION, SURE
from models.stager import Manifest
from models.training import pictures
from models.training.mornings import LEAST_SLEEP_H, WINDOW_S, Morning
from models.training.windows import (
    WORTH,
    Floats,
    Windows,
    at_a_fixed_time,
    at_first_light,
    gain,
    price_for,
    with_true_stages,
)

FOLDS = 4
RIDGE = 0.02
LEAST_SPREAD = 1e-3  # of what is always the same
FADES_MIN = (2.0, 10.0)
MARGIN = 0.04
MOST_DEEP = 0.06
GIVEN_UP_MIN = 5.0  # the aim; sleepers unlike the training's give up a little more

EVENTS = (
    *(f"moved_{seconds}_s" for seconds in MOVED_S),
    *("still", "moved_in_rem", "moved_in_deep", "rem_ended"),
    *(f"{name}_size" for name in BREATHING),
)


def learn(windows: Windows) -> dict[str, Any]:
    """The numbers of a policy, without its price of a minute."""
    evidence, kind, left_min, last = windows.learnt()
    means, spreads = evidence.mean(axis=0), np.maximum(evidence.std(axis=0), LEAST_SPREAD)
    z = np.column_stack((np.ones(len(evidence)), (evidence - means) / spreads))
    faded = np.column_stack([z * fade[:, None] for fade in _fades(left_min)])
    later = np.linalg.solve(
        faded.T @ faded + RIDGE * len(faded) * np.eye(faded.shape[1]), faded.T @ WORTH[last]
    ).reshape(1 + len(FADES_MIN), -1)
    return {
        "evidence": [
            {"name": name, "mean": round(float(mean), 5), "spread": round(float(spread), 5)}
            for name, mean, spread in zip(EVIDENCE, means, spreads, strict=True)
        ],
        "now": _rounded(_softmax_regression(z, kind)),
        "fades_min": list(FADES_MIN),
        "later": _rounded(later),
        "margin": MARGIN,
        "most_deep": MOST_DEEP,
        "least_sleep_h": LEAST_SLEEP_H,
    }


def _fades(left_min: Floats) -> list[Floats]:
    return [np.ones_like(left_min), *(np.exp(-left_min / fade) for fade in FADES_MIN)]


def _rounded(rows: Floats) -> list[list[float]]:
    return [[round(float(number), 5) for number in row] for row in rows]


def _softmax_regression(z: Floats, kind: NDArray[np.int8], steps: int = 12) -> Floats:
    """Weights (3, columns) of the likeliest softmax with a small ridge, by damped Newton steps."""
    classes, columns = 3, z.shape[1]
    target = np.eye(classes)[kind]
    weights = np.zeros((classes, columns))
    ridge = 2e-3 * len(z) * np.kron(np.eye(classes), np.diag(np.r_[1e-3, np.ones(columns - 1)]))
    for _ in range(steps):
        p = _softmax(z @ weights.T)
        gradient = ((p - target).T @ z).ravel() + ridge @ weights.ravel()
        hessian = ridge.copy()
        for a in range(classes):
            for b in range(classes):
                block = (z * (p[:, a] * ((a == b) - p[:, b]))[:, None]).T @ z
                hessian[a * columns : (a + 1) * columns, b * columns : (b + 1) * columns] += block
        weights -= np.linalg.solve(hessian + 1e-6 * np.eye(len(hessian)), gradient).reshape(weights.shape)
    return weights


def _softmax(sums: Floats) -> Floats:
    odds = np.exp(sums - sums.max(axis=1, keepdims=True))
    p: Floats = odds / odds.sum(axis=1, keepdims=True)
    return p


def advantages(numbers: dict[str, Any], windows: Windows) -> list[NDArray[np.float32]]:
    """How much better each second of each window is than the set time, but for the minutes: as ``decide`` reckons."""
    means = np.array([one["mean"] for one in numbers["evidence"]])
    spreads = np.array([one["spread"] for one in numbers["evidence"]])
    fade = np.column_stack(_fades(np.arange(WINDOW_S, 0, -1) / 60.0))
    now, later = np.array(numbers["now"]), np.array(numbers["later"])
    worths: dict[int, tuple[Floats, Floats]] = {}
    given = []
    for night, row in zip(windows.night.tolist(), windows.row.tolist(), strict=True):
        if night not in worths:
            evidence = windows.mornings[night].evidence.astype(np.float64)
            z = np.column_stack((np.ones(len(evidence)), (evidence - means) / spreads))
            p = _softmax(z @ now.T)
            worth = np.where(p[:, DEEP] < numbers["most_deep"], p @ WORTH, np.nan)
            worths[night] = worth, z @ later.T
        worth, parts = worths[night]
        span = slice(row - WINDOW_S, row)
        expected = np.clip((parts[span] * fade).sum(axis=1), -1.0, 1.0)
        given.append((worth[span] - expected - numbers["margin"]).astype(np.float32))
    return given


def price_of_a_minute(windows: Windows, minutes: float) -> float:
    """At which people give up so many minutes on average, each by a policy learnt from others."""
    people = np.arange(len(windows.mornings)) % FOLDS
    given: list[NDArray[np.float32]] = [np.empty(0)] * len(windows.night)
    for fold in range(FOLDS):
        numbers = learn(windows.some(people != fold))
        mine = np.flatnonzero(people[windows.night] == fold)
        for at, advantage in zip(mine, advantages(numbers, windows.some(people == fold)), strict=True):
            given[at] = advantage
    return price_for(lambda price: windows.rung(given, price).minutes, minutes)


def figures(numbers: dict[str, Any], windows: Windows) -> dict[str, Any]:
    """What a policy did in these windows, and what else would have."""
    ours = windows.rung(advantages(numbers, windows), numbers["minute"])
    fixed, best = at_a_fixed_time(windows), with_true_stages(windows, ours.minutes)
    gained = gain(ours, fixed, best)
    told = {"policy": ours, "fixed time": fixed, "first light": at_first_light(windows), "true stages": best}
    return {
        "nights": int(np.unique(windows.night).size),
        "windows": int(windows.night.size),
        **{
            name: {
                "light_or_wake": round(one.good, 4),
                "deep": round(one.deep, 4),
                "given_up_min": round(one.minutes, 2),
            }
            for name, one in told.items()
        },
        "gain": {name: [round(one, 4) for one in interval] for name, interval in gained._asdict().items()},
    }


def judged(learning: Windows, judging: Windows) -> dict[str, Any]:
    """Figures of a policy learnt from some windows, in others."""
    return figures(_priced(learning), judging)


def without_events(windows: Windows) -> Windows:
    """The same windows with nothing known of movement, breathing and the end of REM."""
    gone = [EVIDENCE.index(name) for name in EVENTS]

    def blind(morning: Morning) -> Morning:
        evidence = morning.evidence.copy()
        evidence[:, gone] *= 0.0  # NaN, which is doubt, remains
        return replace(morning, evidence=evidence)

    return replace(windows, mornings=[blind(morning) for morning in windows.mornings])


def _priced(learning: Windows) -> dict[str, Any]:
    numbers = learn(learning)
    numbers["minute"] = round(price_of_a_minute(learning, GIVEN_UP_MIN), 5)
    return numbers


PRICES = (0.004, 0.007, 0.01, 0.013, 0.016, 0.02, 0.025, 0.03, 0.04, 0.06)
MINUTES = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 13.0, 16.0)
SURELY = 0.6


def frontier(numbers: dict[str, Any], windows: Windows, where: str) -> str:
    """The picture of ``models.training.pictures``; ``where`` says of which nights."""
    given = advantages(numbers, windows)
    ours = [windows.rung(given, price) for price in PRICES]
    best = [with_true_stages(windows, minutes) for minutes in MINUTES]
    fixed, first = at_a_fixed_time(windows), at_first_light(windows)
    chosen = windows.rung(given, numbers["minute"])
    start = (0.0, fixed.good)
    return pictures.frontier(
        {
            "this policy": [start, *sorted((one.minutes, one.good) for one in ours)],
            "optimum, true stages": [start, *sorted((one.minutes, one.good) for one in best)],
            "half of the way": [start, *sorted((one.minutes, (one.good + fixed.good) / 2.0) for one in best)],
        },
        {"fixed time": start, "as shipped": (chosen.minutes, chosen.good), "first light": (first.minutes, first.good)},
        where,
    )


def situations(windows: Windows) -> dict[str, list[float]]:
    """What the evidence is on average in moments that anybody can picture, as the stager takes them."""
    evidence, *_ = windows.learnt()
    p = {k: np.exp(evidence[:, EVIDENCE.index(f"log_{k}")]) - SURE for k in ("wake", "light", "deep", "rem")}
    moved = evidence[:, EVIDENCE.index("moved_5_s")] > 0.0
    ended = evidence[:, EVIDENCE.index("rem_ended")] > SURELY / 2.0
    light = (p["light"] > SURELY) & ~ended
    masks = {
        "awake": p["wake"] > SURELY,
        "light, moving": light & moved,
        "light, still": light & ~moved,
        "REM has just ended": (p["light"] + p["wake"] > SURELY) & ended,
        "REM": p["rem"] > SURELY,
        "deep": p["deep"] > SURELY / 2.0,
    }
    return {
        name: [round(float(v), 4) for v in evidence[mask].mean(axis=0)] for name, mask in masks.items() if mask.any()
    }


def make(
    train: Sequence[Morning], judged: Sequence[Morning], manifest: Manifest, facts: dict[str, Any]
) -> dict[str, Any]:
    """The fields of a policy file; ``facts`` go in as they are."""
    learning, judging = Windows.of(train), Windows.of(judged)
    numbers = _priced(learning)
    return {
        "format": POLICY_FORMAT,
        "format_version": POLICY_VERSION,
        "name": "firstlight-waking",
        **facts,
        "model": {"name": manifest.name, "version": manifest.version, "sha256": manifest.sha256},
        "metrics": {
            "training nights": figures(numbers, learning),
            "variant sleepers, never trained on": figures(numbers, judging),
        },
        **numbers,
        "situations": situations(learning),
    }


def lines(name: str, told: dict[str, Any]) -> Iterator[str]:
    """Figures for people."""
    yield f"{name}: {told['windows']} windows of {told['nights']} nights"
    for way in ("fixed time", "policy", "true stages", "first light"):
        one = told[way]
        yield (
            f"  {way:12} light or wake {100 * one['light_or_wake']:5.1f} %  deep {100 * one['deep']:4.1f} %"
            f"  {one['given_up_min']:5.2f} min given up"
        )
    for name, words in (
        ("good", "more rings in light sleep or wake than at the fixed time"),
        ("deep", "more rings in deep sleep"),
        ("of_the_way", "of the way from the fixed time to true stages"),
    ):
        value, low, high = (100.0 * one for one in told["gain"][name])
        yield f"  {value:5.1f} % {words} (95 % interval over nights {low:.1f} to {high:.1f})"
