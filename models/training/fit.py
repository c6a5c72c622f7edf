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
from models.training.dataset import NO_STAGE, Night
from models.training.network import CausalNetwork, Shape

_AMPLITUDE = np.array([name.startswith("amplitude") for name in FEATURE_NAMES])
_WAVEFORM = np.array([name.startswith(("autocorrelation", "spectral")) for name in FEATURE_NAMES])
_MOVEMENT = np.array([name.startswith(("movement", "still")) for name in FEATURE_NAMES])
_HOURS = np.array([name == "hours" for name in FEATURE_NAMES])


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training, beside the nights."""

    seed: int = 1
    width: int = 40
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    passes: int = 20
    batch: int = 8
    peak_rate: float = 8e-3
    weight_decay: float = 1e-2
    dropout: float = 0.15
    label_smoothing: float = 0.05
    class_weight_power: float = 0.4  # 0 none, 1 inverse frequency
    offset_sd: float = 0.3  # per night and feature
    gain_sd: float = 0.15
    drop_amplitude: float = 0.4  # share of nights that lose the group, so that nothing leans on it
    drop_waveform: float = 0.1
    drop_movement: float = 0.05
    drop_hours: float = 0.15


def fit(nights: Sequence[Night], recipe: Recipe, progress: Callable[[int, int, float], None]) -> CausalNetwork:
    """Train on ``nights``; ``progress(batch, batches, loss)`` is called after each."""
    tf.config.experimental.enable_op_determinism()
    tf.random.set_seed(recipe.seed)
    random = np.random.default_rng(recipe.seed)
    network = CausalNetwork(Shape(2 * len(FEATURE_NAMES), recipe.width, recipe.dilations), recipe.seed)
    weights = class_weights(nights, recipe.class_weight_power)
    per_pass = -(-len(nights) // recipe.batch)
    total = per_pass * recipe.passes
    optimizer = tf.keras.optimizers.AdamW(recipe.peak_rate, weight_decay=recipe.weight_decay, clipnorm=1.0)
    length = max(len(night.stages) for night in nights)

    @tf.function
    def learn(x: tf.Tensor, target: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = network.sequence(x, recipe.dropout)
            losses = tf.nn.softmax_cross_entropy_with_logits(target, logits)
            loss = tf.reduce_sum(losses * weight) / tf.reduce_sum(weight)
        variables = network.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    done = 0
    for _ in range(recipe.passes):
        order = random.permutation(len(nights))
        for start in range(0, len(nights), recipe.batch):
            chosen = [nights[i] for i in order[start : start + recipe.batch]]
            optimizer.learning_rate.assign(recipe.peak_rate * _one_cycle(done / total))
            loss = learn(*_batch(chosen, length, weights, recipe, random))
            done += 1
            progress(done, total, float(loss))
    return network


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
    nights: Sequence[Night], length: int, weights: NDArray[np.float32], recipe: Recipe, random: np.random.Generator
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    x = np.full((recipe.batch, length, len(FEATURE_NAMES)), np.nan, np.float32)
    target = np.full((recipe.batch, length, len(STAGES)), recipe.label_smoothing / len(STAGES), np.float32)
    weight = np.zeros((recipe.batch, length), np.float32)
    for row, night in enumerate(nights):
        n = len(night.stages)
        x[row, :n] = disturb(night.features, recipe, random)
        learnt = np.flatnonzero(night.stages != NO_STAGE)
        target[row, learnt, night.stages[learnt]] += 1 - recipe.label_smoothing
        weight[row, learnt] = weights[night.stages[learnt]]
    return tf.constant(network_input(x)), tf.constant(target), tf.constant(weight)


def disturb(features: NDArray[np.float32], recipe: Recipe, random: np.random.Generator) -> NDArray[np.float32]:
    """A night as another person, sensor or aim might have given it: features shifted, stretched, lost in groups, and
    minutes without signal.
    """
    count = features.shape[1]
    gain = np.exp(recipe.gain_sd * random.standard_normal(count))
    disturbed = np.clip(features * gain + recipe.offset_sd * random.standard_normal(count), -CLIP, CLIP)
    groups = (_AMPLITUDE, _WAVEFORM, _MOVEMENT, _HOURS)
    shares = (recipe.drop_amplitude, recipe.drop_waveform, recipe.drop_movement, recipe.drop_hours)
    for group, share in zip(groups, shares, strict=True):
        if random.random() < share:
            disturbed[:, group] = np.nan
    for _ in range(random.poisson(1.0)):
        start = random.integers(0, len(features))
        disturbed[start : start + random.integers(1, 20), ~_HOURS] = np.nan
    return disturbed.astype(np.float32)


def logits_of(network: CausalNetwork, nights: Sequence[Night]) -> list[NDArray[np.float32]]:
    """Float logits of whole nights, (epochs, 4) each."""
    return [network.sequence(tf.constant(network_input(night.features)[None]))[0].numpy() for night in nights]


def fit_temperature(logits: Sequence[NDArray[np.float32]], nights: Sequence[Night]) -> float:
    """The number by which to divide logits so that held-out nights are the most probable (Guo 2017)."""
    z = np.concatenate(logits)
    y = np.concatenate([night.stages for night in nights])
    z, y = z[y != NO_STAGE].astype(np.float64), y[y != NO_STAGE]

    def surprise(temperature: float) -> float:
        scaled = z / temperature
        scaled -= scaled.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(y.size), y]))

    return float(min(np.arange(0.5, 2.5, 0.02), key=surprise))
