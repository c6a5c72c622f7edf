"""The intent network: evenings sensed and kept, a small causal network trained on them, and what a change costs.

The penalties of the change points are chosen on training nights of their own, which the weights have not seen.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from appliance.change_points import cheapest_path
from appliance.displacement import Tick
from appliance.intent import ASLEEP, NOT_TRYING, costs_of, penalties_of
from appliance.respiration import epochs_of
from models.contract import EPOCH_S, MIN_COVERAGE, Epoch, SleepStage
from models.features import CLIP, FeatureExtractor
from models.intent import AGO_EPOCHS, CLASSES, FEATURES, INTENT, INTENT_VERSION, IntentExtractor, split
from models.stager import MANIFEST_FORMAT, MANIFEST_VERSION, ChangeRules, Manifest, StepNetwork, network_input
from models.training import export
from models.training.evenings import Evening, random_evening
from models.training.heard import heard_ticks
from models.training.network import CausalNetwork, Committee, Shape
from models.training.radar import MODULES, module_ticks

NONE = -1
TRAIN_FROM, CHOOSE_FROM = 0, 300_000
HEARD_FROM, HEARD_CHOOSE_FROM = 500_000, 600_000  # seeds of evenings that are heard through the module's own bytes
HEARD_HOURS = (3.0, 4.5)
WIDTH, DILATIONS = 36, (1, 2, 4, 8, 16)
PASSES, BATCH, PEAK_RATE = 40, 8, 8e-3
DROP_GROUP = 0.15  # share of nights that lose light, distance or small movements, beside those that never had them
OFFSET_SD = 0.25
MOST_NATS = (2.0, 3.0)
TRYING_NATS = (6.0, 10.0, 15.0, 20.0)
ASLEEP_NATS = (2.5, 4.0, 6.0)
AWAKE_NATS = (0.0, 0.2, 0.4, 0.8)
CAP_MIN = 30.0  # of an error, when rules are chosen
WORST_MIN = 20.0  # how bad it is to call all of the reading in bed sleep, beside errors of times
LAG_EPOCHS = 40
GOLDEN_EPOCHS = 240

Say = Callable[[str], None]


class Sizes(NamedTuple):
    """How many evenings: to train on and to choose penalties on, each by training's radar and heard through bytes."""

    train: int
    heard: int
    choose: int
    heard_choose: int
    jobs: int  # processes


class Lesson(NamedTuple):
    """One evening as the network sees it."""

    features: NDArray[np.float32]  # (epochs, len(FEATURES))
    classes: NDArray[np.int8]  # (epochs,), NONE where nothing is to be learnt


def classes_of(evening: Evening) -> NDArray[np.int8]:
    """(epochs,) which of CLASSES is true, NONE out of bed."""
    night = evening.night
    truth = np.where(night.stage != SleepStage.WAKE, ASLEEP, np.where(night.intent, 1, NOT_TRYING))
    return np.where(night.in_bed, truth, NONE).astype(np.int8)


def lesson_of(seed: int) -> Lesson:
    """Simulate and sense an evening; from HEARD_FROM on through the module's bytes."""
    if seed >= HEARD_FROM:
        return _heard(seed)
    evening = random_evening(seed)
    return _lesson(evening, epochs_of(module_ticks(evening.night, seed)), lambda index: evening.distance_m[index])


def _heard(seed: int) -> Lesson:
    evening = random_evening(seed, hours=np.random.default_rng((seed, 0x4EA)).uniform(*HEARD_HOURS))
    in_bed = evening.night.in_bed
    metres: defaultdict[int, list[float]] = defaultdict(list)  # of each epoch

    def ticks() -> Iterator[Tick]:
        for tick in heard_ticks(evening.night, MODULES[seed % len(MODULES)], seed):
            if tick.distance_m == tick.distance_m:
                metres[int(tick.t_s // EPOCH_S)].append(tick.distance_m)
            yield tick

    # Behind the gate nothing runs.
    epochs = (epoch for epoch in epochs_of(ticks()) if epoch.index >= in_bed.size or in_bed[epoch.index])
    return _lesson(evening, epochs, lambda index: float(np.median(metres[index])) if metres[index] else None)


def _lesson(evening: Evening, epochs: Iterable[Epoch], distance_of: Callable[[int], float | None]) -> Lesson:
    truth = classes_of(evening)
    of_stages, of_intent = FeatureExtractor(), IntentExtractor()
    rows, kept = [], []
    for epoch in epochs:
        if epoch.index >= truth.size:
            break
        of_stages.update(epoch)
        distance_m, light_lx = distance_of(epoch.index), evening.light_lx[epoch.index]
        rows.append(of_intent.update(epoch, of_stages.measures, distance_m, None if np.isnan(light_lx) else light_lx))
        kept.append(truth[epoch.index] if epoch.coverage >= MIN_COVERAGE else NONE)
    return Lesson(np.array(rows, np.float32), np.array(kept, np.int8))


def lessons(folder: Path, first: int, count: int, jobs: int) -> Iterator[Lesson]:
    """Evenings of these seeds; those that the folder holds are not made again."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"evening-{seed:06d}.npz" for seed in range(first, first + count)]
    with ProcessPoolExecutor(jobs) as pool:
        list(pool.map(_keep, [path for path in paths if not path.exists()]))
    for path in paths:
        with np.load(path) as file:
            if int(file["version"]) != INTENT_VERSION or file["features"].shape[1] != len(FEATURES):
                raise ValueError(f"{path}: made with other features; delete the folder and make the evenings again")
            yield Lesson(file["features"], file["classes"])


def _keep(path: Path) -> None:
    lesson = lesson_of(int(path.stem.split("-")[1]))
    partial = path.with_suffix(".partial.npz")
    np.savez_compressed(partial, version=INTENT_VERSION, features=lesson.features, classes=lesson.classes)
    partial.rename(path)


def fit(train: Sequence[Lesson], seed: int) -> CausalNetwork:
    """Cross-entropy, Adam, a rate that rises and falls; nights are disturbed and lose groups of features."""
    tf.random.set_seed(seed)  # of the dropout
    random = np.random.default_rng(seed)
    network = CausalNetwork(Shape(2 * len(FEATURES), WIDTH, DILATIONS, len(INTENT.classes)), seed)
    optimiser = tf.keras.optimizers.AdamW(PEAK_RATE, weight_decay=1e-2)
    longest = max(len(lesson.classes) for lesson in train)
    batches = -(-len(train) // BATCH)
    groups = [
        [k for k, name in enumerate(FEATURES) if name.startswith(word)] for word in ("light", "distance", "small")
    ]

    @tf.function
    def learn(x: tf.Tensor, y: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = network.read(network.hidden(x, 0.1))
            now = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits[..., : len(CLASSES)])
            late = logits[:, AGO_EPOCHS:, len(CLASSES) :]
            ago = tf.nn.sparse_softmax_cross_entropy_with_logits(y[:, :-AGO_EPOCHS], late)
            loss = tf.reduce_sum(now * known) + tf.reduce_sum(ago * known[:, :-AGO_EPOCHS])
            loss /= tf.reduce_sum(known)
        gradients = tape.gradient(loss, network.trainable_variables)
        optimiser.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return loss

    for turn in range(PASSES):
        order = random.permutation(len(train))
        for b in range(batches):
            done = (turn * batches + b) / (PASSES * batches)
            optimiser.learning_rate.assign(PEAK_RATE * min(done / 0.1, (1.0 - done) / 0.9) + 1e-5)
            some = [train[k] for k in order[b * BATCH : (b + 1) * BATCH]]
            x = np.full((len(some), longest, len(FEATURES)), np.nan, np.float32)
            y = np.full((len(some), longest), NONE, np.int64)
            for k, lesson in enumerate(some):
                night = lesson.features + OFFSET_SD * random.standard_normal(len(FEATURES)).astype(np.float32)
                for group in groups:
                    if random.random() < DROP_GROUP:
                        night[:, group] = np.nan
                x[k, : len(night)], y[k, : len(night)] = night, lesson.classes
            # Hours of sleep are many and easily told; what comes before them counts for more.
            known = np.where(y == NONE, 0.0, np.where(y == ASLEEP, 0.4, 1.0)).astype(np.float32)
            learn(tf.constant(network_input(x)), tf.constant(np.maximum(y, 0)), tf.constant(known))
    return network


def answers(network: StepNetwork, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """(epochs, INTENT.classes) by the int8 network, one step after the other."""
    network.reset()
    return np.array([network.step(row) for row in features])


def settled(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """(epochs, CLASSES): what is known of each epoch in the end; of the last ones only what was told at once."""
    now, ago = split(p)
    return np.concatenate((ago[AGO_EPOCHS:], now[max(len(p) - AGO_EPOCHS, 0) :]))


class Errors(NamedTuple):
    """Of one evening, in minutes, NaN where it was not told."""

    began: float  # trying
    onset: float
    sol: float  # of the time it took to fall asleep, which is onset less began
    woke: float  # for good
    called_asleep: float  # of the time below
    not_trying: float  # how long it was, before, between and after trying


def errors_of(p: NDArray[np.float64], truth: NDArray[np.int8], rules: ChangeRules) -> Errors:
    """How far the change points lie from the truth."""
    known = truth != NONE
    costs = [costs_of(row if ok else None, rules) for row, ok in zip(p, known, strict=True)]
    told = np.array(cheapest_path(costs, penalties_of(rules)))
    began, onset, woke = (a - b for a, b in zip(_times(told, known), _times(truth, known), strict=True))
    told = told[truth == NOT_TRYING]
    minute = EPOCH_S / 60.0
    return Errors(began, onset, onset - began, woke, np.count_nonzero(told == ASLEEP) * minute, told.size * minute)


def _times(path: NDArray[Any], known: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Began trying (before the first sleep), onset and final awakening, in minutes."""
    asleep = np.flatnonzero((path == ASLEEP) & known)
    if not asleep.size:
        return np.nan, np.nan, np.nan
    before = np.flatnonzero((path[: asleep[0]] == NOT_TRYING) & known[: asleep[0]])
    first = before[-1] + 1 if before.size else np.flatnonzero(known)[0]
    minute = EPOCH_S / 60.0
    return first * minute, asleep[0] * minute, (asleep[-1] + 1) * minute


def choose_rules(nights: Sequence[tuple[NDArray[np.float64], NDArray[np.int8]]], say: Say) -> ChangeRules:
    """Of a grid, the rules that lie least far off; only such as let two noisy epochs change nothing."""
    best: tuple[float, ChangeRules] | None = None
    for most, awake, trying, asleep in product(MOST_NATS, AWAKE_NATS, TRYING_NATS, ASLEEP_NATS):
        if min(trying, asleep) <= most + awake:
            continue  # two epochs could save more than two changes cost
        rules = ChangeRules(most, awake, trying, asleep, LAG_EPOCHS)
        found = np.abs([errors_of(p, truth, rules) for p, truth in nights])
        minutes, called_asleep = found[:, :-2], found[:, -2].sum() / found[:, -1].sum()
        capped = np.minimum(np.nan_to_num(minutes, nan=CAP_MIN), CAP_MIN)
        score = float(capped.mean() + WORST_MIN * called_asleep)
        say(
            f"most {most:3.1f} awake {awake:3.1f} trying {trying:4.1f} asleep {asleep:4.1f}: {score:.2f} min; "
            f"medians {np.nanmedian(minutes, 0).round(1)}; called asleep {called_asleep:.1%}"
        )
        if best is None or score < best[0]:
            best = score, rules
    assert best is not None
    return best[1]


def make(folder: Path, out: Path, name: str, facts: dict[str, Any], sizes: Sizes, say: Say) -> Path:
    """Evenings, training, export and the choice of penalties; the path of the .tflite.

    Raises ExportError.
    """
    out.mkdir(parents=True, exist_ok=True)
    train = [*lessons(folder, TRAIN_FROM, sizes.train, sizes.jobs)]
    train += lessons(folder, HEARD_FROM, sizes.heard, sizes.jobs)
    choose = [*lessons(folder, CHOOSE_FROM, sizes.choose, sizes.jobs)]
    choose += lessons(folder, HEARD_CHOOSE_FROM, sizes.heard_choose, sizes.jobs)
    network = Committee([fit(train, seed) for seed in (1, 2)])
    every = max(len(train) // 12, 1)
    model = export.convert(network, [lesson.features for lesson in train[::every]])
    fields = {
        "format": MANIFEST_FORMAT,
        "format_version": MANIFEST_VERSION,
        "name": f"{name}-intent",
        **facts,
        "training": [
            {
                "set": "simulated evenings (models/training/evenings.py)",
                "nights": sizes.train,
                "people": sizes.train,
                "real_people": 0,
            },
            {
                "set": "simulated evenings through a module's bytes (models/training/heard.py)",
                "nights": sizes.heard,
                "people": sizes.heard,
                "real_people": 0,
            },
        ],
        "sha256": export.digest(model),
        "parameters": network.parameters,
        "epoch_s": EPOCH_S,
        "classes": list(INTENT.classes),
        "features": {"version": INTENT_VERSION, "names": list(FEATURES)},
        "normalisation": {"clip": CLIP, "missing": "0, and 1 in the second half of the input", "temperature": 1.0},
        **export.tensors(model, network),
    }
    int8 = StepNetwork(Manifest.parse(json.dumps(fields), INTENT), model)
    told = [(settled(answers(int8, lesson.features)), lesson.classes) for lesson in choose]
    logits = [network.sequence(network_input(lesson.features)[None])[0] for lesson in choose]
    in_float = [settled(tf.nn.softmax(z).numpy().astype(np.float64)) for z in logits]
    fields["metrics"] = _measured(told, in_float, say)
    rules = choose_rules(told, say)
    fields["change_points"] = asdict(rules) | {"chosen_on": f"{len(choose)} further simulated evenings"}
    found = np.abs([errors_of(p, truth, rules) for p, truth in told])
    minutes = dict(zip(Errors._fields[:-2], found[:, :-2].T, strict=True))
    fields["metrics"]["median error, min"] = {key: float(np.nanmedian(some)) for key, some in minutes.items()}
    fields["metrics"]["within 15 min"] = {key: round(float((some <= 15.0).mean()), 3) for key, some in minutes.items()}
    fields["metrics"]["not trying, called asleep"] = round(float(found[:, -2].sum() / found[:, -1].sum()), 3)
    say(f"{fields['metrics']}")
    path = export.write(out, f"{name}-intent", model, fields)
    some = choose[0].features[:GOLDEN_EPOCHS]
    np.savez_compressed(path.with_suffix(".golden.npz"), features=some, probabilities=answers(int8, some))
    return path


def _measured(
    told: Sequence[tuple[NDArray[np.float64], NDArray[np.int8]]], in_float: Sequence[NDArray[np.float64]], say: Say
) -> dict[str, Any]:
    """Accuracy by class, int8 beside float."""
    truth = np.concatenate([y for _, y in told])
    known = truth != NONE
    int8 = np.concatenate([p.argmax(1) for p, _ in told])[known]
    float_ = np.concatenate([z.argmax(1) for z in in_float])[known]
    truth = truth[known]
    metrics = {
        "epochs": int(truth.size),
        "accuracy": round(float((int8 == truth).mean()), 3),
        "accuracy_float": round(float((float_ == truth).mean()), 3),
        "recall": {word: round(float((int8[truth == k] == k).mean()), 3) for k, word in enumerate(CLASSES)},
    }
    say(str(metrics))
    if abs(metrics["accuracy"] - metrics["accuracy_float"]) > export.MAX_DEPARTURE:
        raise export.ExportError(f"int8 is right in {metrics['accuracy']}, float in {metrics['accuracy_float']}")
    return metrics
