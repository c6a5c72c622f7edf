"""Training proper: whole nights through the causal network, and the temperature that makes its probabilities honest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.contract import STAGES
from models.features import CLIP, FEATURE_NAMES
from models.stager import network_input
from models.training.adapt import Moments, Side, penalty
from models.training.dataset import NO_STAGE, Night
from models.training.network import CausalNetwork, Committee, Shape
from models.training.recipe import Adaptation, Net, Training

Logits = NDArray[np.float32]

_AMPLITUDE = np.array([name.startswith("amplitude") for name in FEATURE_NAMES])
_WAVEFORM = np.array([name.startswith(("autocorrelation", "spectral")) for name in FEATURE_NAMES])
_MOVEMENT = np.array([name.startswith(("movement", "still")) for name in FEATURE_NAMES])
_HOURS = np.array([name == "hours" for name in FEATURE_NAMES])


@dataclass(frozen=True)
class Lesson:
    """All that one training learns from."""

    nights: Sequence[Night]  # with stages
    others: Sequence[Night] = ()  # without, of the kind that the adaptation brings the labelled ones near
    backward: bool = False  # from the night's end to its beginning


def fit(
    lesson: Lesson,
    net: Net,
    training: Training,
    seed: int,
    adaptation: Adaptation | None = None,
    progress: Callable[[float], None] | None = None,
) -> CausalNetwork:
    """Train one network; ``progress(loss)`` is called after each of its ``batches``."""
    tf.config.experimental.enable_op_determinism()
    tf.random.set_seed(seed)
    random = np.random.default_rng(seed)
    network = CausalNetwork(Shape(2 * len(FEATURE_NAMES), net.width, net.dilations), seed)
    nights, others = list(lesson.nights), list(lesson.others)
    target = None
    if adaptation is not None and adaptation.method == "alignment":
        nights, target = aligned(nights, others)
    extra = None if adaptation is None or not others else penalty(adaptation, net.width, seed)
    share = 0.0 if adaptation is None else adaptation.weight
    learnt = [*network.trainable_variables, *(extra.trainable_variables if isinstance(extra, tf.Module) else ())]
    weights = class_weights(nights, training.class_weight_power)
    total = batches(len(nights), training)
    optimizer = tf.keras.optimizers.AdamW(training.peak_rate, weight_decay=training.weight_decay, clipnorm=1.0)
    length = max(len(night.stages) for night in (*nights, *others))

    def side(x: tf.Tensor) -> tuple[tf.Tensor, Side]:
        hidden = network.hidden(x, training.dropout)
        logits = network.read(hidden)
        there = tf.cast(tf.reduce_mean(x[..., len(FEATURE_NAMES) :], -1) < 0.5, tf.float32)
        flat = Side(
            tf.reshape(hidden, (-1, net.width)), tf.reshape(logits, (-1, len(STAGES))), tf.reshape(there, (-1,))
        )
        return logits, flat

    @tf.function
    def learn(x: tf.Tensor, target: tf.Tensor, weight: tf.Tensor, other: tf.Tensor, warmth: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits, here = side(x)
            losses = tf.nn.softmax_cross_entropy_with_logits(target, logits)
            loss = tf.reduce_sum(losses * weight) / tf.reduce_sum(weight)
            if extra is not None:
                loss += share * warmth * extra(here, side(other)[1])
        optimizer.apply_gradients(zip(tape.gradient(loss, learnt), learnt, strict=True))
        return loss

    done = 0
    none = tf.zeros((0, 0, 2 * len(FEATURE_NAMES)))
    for _ in range(training.passes):
        order = random.permutation(len(nights))
        for start in range(0, len(nights), training.batch):
            chosen = [nights[i] for i in order[start : start + training.batch]]
            optimizer.learning_rate.assign(training.peak_rate * _one_cycle(done / total))
            batch = _batch(chosen, length, weights, training, lesson.backward, random)
            other = none
            if extra is not None:
                some = [others[i] for i in random.integers(0, len(others), training.batch)]
                other = _batch(some, length, weights, training, lesson.backward, random)[0]
            loss = learn(*batch, other, tf.constant(_warmth(done / total)))
            done += 1
            if progress is not None:
                progress(float(loss))
    if target is not None:
        network.standardise(*target)
    return network


def batches(nights: int, training: Training) -> int:
    """How many of them a training on so many nights has."""
    return -(-nights // training.batch) * training.passes


def aligned(nights: Sequence[Night], others: Sequence[Night]) -> tuple[list[Night], Moments]:
    """The labelled nights, each kind with its own moments taken out, and the moments of the others."""
    kinds = {kind: Moments.of([n for n in nights if n.kind == kind]) for kind in sorted({n.kind for n in nights})}
    target = Moments.of(others or nights)
    return [kinds[night.kind].applied(night) for night in nights], target


def _warmth(share: float) -> np.float32:
    """How much of the adaptation counts so far: a network that knows no stages yet has nothing to bring near."""
    return np.float32(2.0 / (1.0 + np.exp(-10.0 * share)) - 1.0)


def _one_cycle(share: float) -> float:
    """Up in the first fifth, then down along a cosine."""
    return share / 0.2 + 1e-3 if share < 0.2 else 0.5 * (1 + np.cos(np.pi * (share - 0.2) / 0.8)) + 1e-3


def class_weights(nights: Sequence[Night], power: float) -> NDArray[np.float32]:
    """Weights of the classes by ``frequency ** -power``, (4,), mean 1 over the epochs."""
    stages = np.concatenate([night.stages for night in nights])
    share = np.bincount(stages[stages >= 0], minlength=len(STAGES)) / np.count_nonzero(stages >= 0)
    weights = np.maximum(share, 1e-3) ** -power
    return (weights / (weights @ share)).astype(np.float32)


def _batch(
    nights: Sequence[Night],
    length: int,
    weights: NDArray[np.float32],
    training: Training,
    backward: bool,
    random: np.random.Generator,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    x = np.full((training.batch, length, len(FEATURE_NAMES)), np.nan, np.float32)
    target = np.full((training.batch, length, len(STAGES)), training.label_smoothing / len(STAGES), np.float32)
    weight = np.zeros((training.batch, length), np.float32)
    way = -1 if backward else 1
    for row, night in enumerate(nights):
        n = len(night.stages)
        stages = night.stages[::way]
        x[row, :n] = disturb(night.features, training, random)[::way]
        learnt = np.flatnonzero(stages != NO_STAGE)
        target[row, learnt, stages[learnt]] += 1 - training.label_smoothing
        weight[row, learnt] = weights[stages[learnt]]
    return tf.constant(network_input(x)), tf.constant(target), tf.constant(weight)


def disturb(features: NDArray[np.float32], training: Training, random: np.random.Generator) -> NDArray[np.float32]:
    """A night as another person, sensor or aim might have given it: features shifted, stretched, lost in groups, and
    minutes without signal.
    """
    count = features.shape[1]
    gain = np.exp(training.gain_sd * random.standard_normal(count))
    disturbed = np.clip(features * gain + training.offset_sd * random.standard_normal(count), -CLIP, CLIP)
    groups = (_AMPLITUDE, _WAVEFORM, _MOVEMENT, _HOURS)
    shares = (training.drop_amplitude, training.drop_waveform, training.drop_movement, training.drop_hours)
    for group, share in zip(groups, shares, strict=True):
        if random.random() < share:
            disturbed[:, group] = np.nan
    for _ in range(random.poisson(1.0)):
        start = random.integers(0, len(features))
        disturbed[start : start + random.integers(1, 20), ~_HOURS] = np.nan
    return disturbed.astype(np.float32)


def logits_of(network: CausalNetwork | Committee, nights: Sequence[Night], backward: bool = False) -> list[Logits]:
    """Float logits of whole nights, (epochs, 4) each, in order of time."""
    way = -1 if backward else 1
    return [
        network.sequence(tf.constant(network_input(night.features[::way])[None]))[0].numpy()[::way] for night in nights
    ]


def fit_temperature(logits: Sequence[Logits], nights: Sequence[Night]) -> float:
    """The number by which to divide logits so that held-out nights are the most probable (Guo 2017)."""
    z, y = _learnt(logits, nights)
    return round(float(min(np.arange(0.5, 2.5, 0.02), key=lambda temperature: _surprise(z / temperature, y))), 2)


def fit_product(live: Sequence[Logits], backward: Sequence[Logits], nights: Sequence[Night]) -> tuple[float, float]:
    """What a product of two sides' probabilities needs so that held-out nights are the most probable: the power of the
    live ones, whose logits come with their temperature divided out, and the temperature of the backward ones.
    """
    z, y = _learnt(live, nights)
    back, _ = _learnt(backward, nights)
    pairs = [(power, t) for power in np.arange(0.0, 1.55, 0.1) for t in np.arange(0.6, 3.05, 0.1)]
    power, temperature = min(pairs, key=lambda pair: _surprise(pair[0] * z[::3] + back[::3] / pair[1], y[::3]))
    return round(float(power), 2), round(float(temperature), 2)


def _learnt(logits: Sequence[Logits], nights: Sequence[Night]) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Logits and stages of the epochs that have one."""
    y = np.concatenate([night.stages for night in nights])
    return np.concatenate(logits)[y != NO_STAGE].astype(np.float64), y[y != NO_STAGE]


def _surprise(z: NDArray[np.float64], y: NDArray[np.int8]) -> float:
    """Mean negative logarithm of the probability of what was true."""
    z = z - z.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(y.size), y]))
