"""Unlabelled nights of another kind, and three ways to learn from them beside the labelled ones.

coral       Deep CORAL: equal second moments of what the stages are read from (Sun and Saenko 2016, eq. 1)
cdan        conditional adversarial: a second network must not tell the kinds apart by that and the stages that are
            read from it together (Long 2018, eq. 3; reversed gradient after Ganin 2016)
alignment   each kind's features with its own mean and spread, as batch statistics are adapted (AdaBN, Li 2017)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from appliance.recording import ticks_from_recording
from appliance.respiration import epochs_of
from models.training.dataset import NO_STAGE, Night, night_of_epochs, read_nights, write_night
from models.training.network import CLASSES
from models.training.recipe import Adaptation

HIDDEN = 32  # of the network that tells kinds apart
MIN_SPREAD = 0.1
BELT_PEOPLE = 16  # who slept the real belt nights


class Side(NamedTuple):
    """One kind of night in a batch: hidden (n, width), logits (n, CLASSES), and which epochs hold signal (n,)."""

    hidden: tf.Tensor
    logits: tf.Tensor
    there: tf.Tensor


def coral(one: Side, other: Side) -> tf.Tensor:
    """Squared distance of the two covariances of what is hidden, over four times the square of its width."""
    width = tf.cast(tf.shape(one.hidden)[1], tf.float32)
    return tf.reduce_sum((_covariance(one) - _covariance(other)) ** 2) / (4.0 * width**2)


def _covariance(side: Side) -> tf.Tensor:
    weight = side.there[:, None]
    count = tf.maximum(tf.reduce_sum(weight), 2.0)
    centred = (side.hidden - tf.reduce_sum(side.hidden * weight, 0) / count) * weight
    return tf.matmul(centred, centred, transpose_a=True) / (count - 1.0)


@tf.custom_gradient
def reversed_gradient(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """What goes in comes out; the gradient comes back with its sign turned."""
    return tf.identity(x), lambda upstream: -upstream


class Discriminator(tf.Module):
    """Tells two kinds of night apart by every product of a hidden number and a stage's probability."""

    def __init__(self, width: int, seed: int) -> None:
        super().__init__()
        random = tf.random.Generator.from_seed(seed)
        self.enter = tf.Variable(random.normal((width * CLASSES, HIDDEN), stddev=(2.0 / (width * CLASSES)) ** 0.5))
        self.bias = tf.Variable(tf.zeros(HIDDEN))
        self.leave = tf.Variable(random.normal((HIDDEN, 1), stddev=HIDDEN**-0.5))

    def __call__(self, one: Side, other: Side) -> tf.Tensor:
        """Mean surprise of the kinds; small when it tells them apart, which whoever is before it must prevent."""
        return (self._surprise(one, 1.0) + self._surprise(other, 0.0)) / 2.0

    def _surprise(self, side: Side, kind: float) -> tf.Tensor:
        p = tf.nn.softmax(side.logits)
        both = tf.reshape(side.hidden[:, :, None] * p[:, None, :], (tf.shape(p)[0], -1))
        score = (tf.nn.relu(reversed_gradient(both) @ self.enter + self.bias) @ self.leave)[:, 0]
        losses = tf.nn.sigmoid_cross_entropy_with_logits(kind * tf.ones_like(score), score)
        return tf.reduce_sum(losses * side.there) / tf.maximum(tf.reduce_sum(side.there), 1.0)


def penalty(adaptation: Adaptation, width: int, seed: int) -> Callable[[Side, Side], tf.Tensor] | None:
    """What is added to the loss of each batch, or None."""
    match adaptation.method:
        case "coral":
            return coral
        case "cdan":
            return Discriminator(width, seed)
    return None


class Moments(NamedTuple):
    """Mean and spread of each feature over a kind of night, (features,) each."""

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]

    @classmethod
    def of(cls, nights: Sequence[Night]) -> Moments:
        """Over the epochs with signal; a feature that never varies is left its size."""
        rows = np.concatenate([night.features for night in nights])
        spread = np.nanstd(rows, axis=0)
        return cls(np.nanmean(rows, axis=0), np.where(spread > MIN_SPREAD, spread, 1.0).astype(np.float32))

    def applied(self, night: Night) -> Night:
        """The night with features of mean 0 and spread 1."""
        return replace(night, features=(night.features - self.mean) / self.spread)


def real_belts(data: Path, cache: Path) -> list[Night]:
    """The unlabelled real belt nights of ``data``, sensed as the box senses them; made once and kept in ``cache``."""
    cache.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(sorted((data / "overnight_belts").glob("*_resp.npz"))):
        name = f"real-belt-{number:06d}"
        if not (cache / f"{name}.npz").exists():
            with np.load(path, allow_pickle=False) as file:
                epochs = list(epochs_of(ticks_from_recording(file["resp"], float(file["fs"]))))
            write_night(cache, night_of_epochs(name, epochs, np.full(len(epochs), NO_STAGE, np.int8)))
    return read_nights(cache, lambda name: name.startswith("real-"))
