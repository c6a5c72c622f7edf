"""Can a classifier tell the simulated sleeper from real ones by what the stager sees of them?

    python -m models.training.realism --data DIR [--nights N] [--seeds N]      (DIR holds overnight_belts/)

Gradient boosting on the model's own features, epoch by epoch, tested on people that it never saw: an area under the
curve of .5 is a simulator that cannot be told from people, 1 one that is always found out.  Real nights are the forty
of sixteen people of figshare 26013157, simulated ones those as a belt tells them that is kept at the same
10 Hz, cut to the time in bed.

Real people are set beside one another in the same way: half of them are called simulated, the classifier learns from
four people of each half and is tested on the rest.  Nothing true can be learnt from that, so its mean is near .5 and
its spread is what so few people leave to chance.  With the same people on both sides, in other nights, it recognises
them: that is how far one person lies from the next.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from appliance import breaths, displacement, kernels, recording, respiration
from models import contract, features
from models.contract import MIN_COVERAGE
from models.features import FEATURE_NAMES, FeatureExtractor
from models.sleeper import SAMPLE_HZ, simulate_night
from models.training.belts import told_apart

CACHE = Path("build/realism")
FIRST_SEED = 300_000  # nights that nothing else is made of
CHAIN = (breaths, displacement, kernels, recording, respiration, contract, features)
SHOWN = 15
BELT_HZ = 10.0  # of the real nights


@dataclass(frozen=True)
class Sleeper:
    """What is known of one person: features of all scored epochs, night by night."""

    name: str
    nights: list[NDArray[np.float32]]  # (epochs, len(FEATURE_NAMES)) each

    @property
    def epochs(self) -> NDArray[np.float32]:
        """(epochs, features) of all nights."""
        return np.concatenate(self.nights)


def features_of(resp: ArrayLike, fs: float) -> NDArray[np.float32]:
    """(epochs, features) of one night, without the epochs that the stager would leave unscored."""
    extractor = FeatureExtractor()
    rows = [
        (extractor.update(epoch), epoch.coverage)
        for epoch in respiration.epochs_of(recording.ticks_from_recording(resp, fs))
    ]
    return np.array([row for row, coverage in rows if coverage >= MIN_COVERAGE], np.float32)


def real_sleepers(folder: Path, cache: Path) -> list[Sleeper]:
    """The people of a folder of belt nights, by the number before their files' first underscore.

    Their features are kept in ``cache`` until a line of the signal chain changes.
    """
    cache.mkdir(parents=True, exist_ok=True)
    chain = hashlib.sha256("".join(inspect.getsource(module) for module in CHAIN).encode()).hexdigest()[:12]
    people: dict[str, list[NDArray[np.float32]]] = {}
    for path in sorted(folder.glob("*_resp.npz")):
        kept = cache / f"{path.stem}-{chain}.npy"
        if not kept.exists():
            with np.load(path) as file:
                np.save(kept, features_of(file["resp"], float(file["fs"])))
        people.setdefault(path.name.split("_")[0], []).append(np.load(kept))
    if not people:
        raise SystemExit(f"{folder}: no night (*_resp.npz) is here")
    return [Sleeper(name, nights) for name, nights in people.items()]


def simulated_sleepers(count: int) -> Iterator[Sleeper]:
    """Random people, a night each, as a belt at the real ones' rate tells it: airflow is told from it at once."""
    alike = 0
    for seed in itertools.count(FIRST_SEED):
        if alike == count:
            return
        night = simulate_night(seed, "belt")
        if night.sensor != "belt" or night.kept_hz != BELT_HZ:
            continue
        alike += 1
        there = np.flatnonzero(np.isfinite(night.distance_m))
        yield Sleeper(str(seed), [features_of(night.displacement_mm[there[0] : there[-1] + 1], SAMPLE_HZ)])


def learn(
    ones: NDArray[np.float32], others: NDArray[np.float32], seed: int
) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    """A score that is higher for what looks like ``ones``; both sides weigh the same."""
    x = np.concatenate((ones, others))
    y = np.repeat((1, 0), (len(ones), len(others)))
    weight = np.repeat((0.5 / len(ones), 0.5 / len(others)), (len(ones), len(others))) * len(x)
    model = HistGradientBoostingClassifier(random_state=seed, early_stopping=False)
    model.fit(x, y, sample_weight=weight)
    return lambda rows: np.asarray(model.decision_function(rows), np.float64)


def auc(
    score: Callable[[NDArray[np.float32]], NDArray[np.float64]],
    ones: NDArray[np.float32],
    others: NDArray[np.float32],
) -> float:
    """Area under the curve of a score on epochs of both sides."""
    y = np.repeat((1, 0), (len(ones), len(others)))
    return float(roc_auc_score(y, score(np.concatenate((ones, others)))))


def halves(sleepers: Sequence[Sleeper], rng: np.random.Generator) -> tuple[list[Sleeper], list[Sleeper]]:
    """People in two equal parts, at random."""
    order = rng.permutation(len(sleepers))
    half = len(sleepers) // 2
    return [sleepers[k] for k in order[:half]], [sleepers[k] for k in order[half:]]


def pooled(sleepers: Sequence[Sleeper]) -> NDArray[np.float32]:
    """(epochs, features) of several people."""
    return np.concatenate([sleeper.epochs for sleeper in sleepers])


def real_against_simulated(
    real: Sequence[Sleeper], made: Sequence[Sleeper], seed: int
) -> tuple[float, NDArray[np.float64]]:
    """AUC on people that were not learnt from, and how much of it goes when a feature is shuffled."""
    rng = np.random.default_rng(seed)
    (learnt, tested), (learnt_made, tested_made) = halves(real, rng), halves(made, rng)
    score = learn(pooled(learnt_made), pooled(learnt), seed)
    ones, others = pooled(tested_made), pooled(tested)
    whole = auc(score, ones, others)
    lost = np.empty(len(FEATURE_NAMES))
    thin = slice(None, None, 5)  # every fifth epoch says enough of one feature
    for k in range(len(FEATURE_NAMES)):
        shuffled, rest = ones[thin].copy(), others[thin].copy()
        column = rng.permutation(np.concatenate((shuffled[:, k], rest[:, k])))
        shuffled[:, k], rest[:, k] = column[: len(shuffled)], column[len(shuffled) :]
        lost[k] = whole - auc(score, shuffled, rest)
    return whole, lost


def real_against_real(real: Sequence[Sleeper], seed: int) -> tuple[float, float]:
    """AUC between two halves of the people, tested on other people, and tested on other nights of the same people."""
    rng = np.random.default_rng(seed)
    one, other = halves(real, rng)
    (learnt, tested), (learnt_other, tested_other) = halves(one, rng), halves(other, rng)
    strangers = auc(learn(pooled(learnt), pooled(learnt_other), seed), pooled(tested), pooled(tested_other))
    first, last = (
        [np.concatenate([s.nights[k] for s in side if len(s.nights) > 1]) for side in (one, other)] for k in (0, -1)
    )
    return strangers, auc(learn(first[0], first[1], seed), last[0], last[1])


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Can simulated nights be told from real belt nights?")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds overnight_belts/")
    parser.add_argument("--nights", type=int, default=40, help="simulated nights, one person each")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for the features of the real nights")
    options = parser.parse_args()
    real = real_sleepers(options.data / "overnight_belts", options.cache)
    began = time.process_time()
    made = list(simulated_sleepers(options.nights))
    each_s = (time.process_time() - began) / len(made)
    print(
        f"{sum(len(s.nights) for s in real)} nights of {len(real)} people, {len(made)} simulated ({each_s:.1f} CPU s)"
    )

    found = [real_against_simulated(real, made, seed) for seed in range(options.seeds)]
    beside = [real_against_real(real, seed) for seed in range(options.seeds)]
    strangers, known = ([pair[k] for pair in beside] for k in (0, 1))
    _line("simulated against real, other people", [whole for whole, _ in found])
    _line("real against real, other people", strangers)
    _line("real against real, other nights of the same people", known)

    lost = np.mean([share for _, share in found], axis=0)
    ones, others = pooled(made), pooled(real)
    print(f"{'feature':28} AUC lost  alone   quartiles simulated      quartiles real")
    for k in np.argsort(-lost)[:SHOWN].tolist():
        a, b = (column[np.isfinite(column)] for column in (ones[:, k], others[:, k]))
        quartiles = "   ".join(" ".join(f"{q:6.2f}" for q in np.quantile(c, (0.25, 0.5, 0.75))) for c in (a, b))
        print(f"{FEATURE_NAMES[k]:28} {lost[k]:8.3f} {told_apart(a, b):6.2f}   {quartiles}")


def _line(what: str, values: Sequence[float]) -> None:
    print(
        f"{what:52} AUC {np.mean(values):.3f} (sd {np.std(values):.3f}; " + " ".join(f"{v:.3f}" for v in values) + ")"
    )


if __name__ == "__main__":
    main()
