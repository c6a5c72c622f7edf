"""The network twice over the same weights: whole nights at once for training, one epoch at a time for the box.

A causal temporal convolution: each block looks at its input now and ``dilation`` epochs ago.  One step at a time, the
past is a ring of that block's own inputs, empty at first, so that a fresh ring is exactly the zero padding of training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

CLASSES = 4  # stages


@dataclass(frozen=True)
class Shape:
    """Sizes of a network; sees ``sum(dilations)`` epochs back."""

    inputs: int
    width: int = 40
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    classes: int = CLASSES


class CausalNetwork(tf.Module):
    """Epoch features to stage logits."""

    def __init__(self, shape: Shape, seed: int) -> None:
        super().__init__()
        self.shape = shape
        random = tf.random.Generator.from_seed(seed)

        def matrix(name: str, rows: int, columns: int, gain: float = 2.0) -> tf.Variable:
            values = random.normal((rows, columns), stddev=(gain / rows) ** 0.5)
            return tf.Variable(values, name=name)

        width = shape.width
        self.enter = matrix("enter", shape.inputs, width)
        self.enter_bias = tf.Variable(tf.zeros(width))
        self.past = [matrix(f"past_{d}", width, width, 1.0) for d in shape.dilations]
        self.now = [matrix(f"now_{d}", width, width, 1.0) for d in shape.dilations]
        self.bias = [tf.Variable(tf.zeros(width)) for _ in shape.dilations]
        # Small, so that each block begins as nearly nothing beside its residual path.
        self.out = [matrix(f"out_{d}", width, width, 0.1) for d in shape.dilations]
        self.leave = matrix("leave", width, shape.classes, 0.5)
        self.leave_bias = tf.Variable(tf.zeros(shape.classes))

    @property
    def parameters(self) -> int:
        """Trainable numbers."""
        return sum(int(tf.size(variable)) for variable in self.trainable_variables)

    def hidden(self, x: tf.Tensor, dropout: float = 0.0) -> tf.Tensor:
        """Whole nights: (nights, epochs, inputs) to what the stages are read from, (nights, epochs, width)."""
        h = tf.nn.relu(x @ self.enter + self.enter_bias)
        for i, dilation in enumerate(self.shape.dilations):
            old = tf.pad(h, ((0, 0), (dilation, 0), (0, 0)))[:, : tf.shape(h)[1]]
            h += self._block(i, old, h, dropout)
        return h

    def read(self, hidden: tf.Tensor) -> tf.Tensor:
        """Logits, (..., classes)."""
        return hidden @ self.leave + self.leave_bias

    def sequence(self, x: tf.Tensor) -> tf.Tensor:
        """Whole nights: (nights, epochs, inputs) to logits (nights, epochs, classes)."""
        return self.read(self.hidden(x))

    def step(self, x: tf.Tensor, states: Sequence[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """One epoch: (1, inputs) and a ring (1, dilation, width) for each block, oldest first; logits and new rings."""
        h = tf.nn.relu(x @ self.enter + self.enter_bias)
        after = []
        for i, state in enumerate(states):
            ring = tf.concat((state, h[:, None, :]), axis=1)
            after.append(ring[:, 1:])
            h += self._block(i, ring[:, 0], h, 0.0)
        return self.read(h), after

    def state_shapes(self) -> list[tuple[int, int, int]]:
        """Of the rings, in the order of ``step``."""
        return [(1, dilation, self.shape.width) for dilation in self.shape.dilations]

    def standardise(self, mean: NDArray[np.float32], spread: NDArray[np.float32]) -> None:
        """From now on take features as they come, where the weights were learnt on (feature - mean) / spread.

        An unknown feature stays at 0, its mean: its mark gives back what the bias takes away.
        """
        count = mean.size
        weights = self.enter.numpy()
        shift = (mean / spread)[:, None] * weights[:count]
        self.enter_bias.assign_sub(shift.sum(axis=0))
        self.enter.assign(np.concatenate((weights[:count] / spread[:, None], weights[count:] + shift)))

    def _block(self, i: int, old: tf.Tensor, h: tf.Tensor, dropout: float) -> tf.Tensor:
        hidden = tf.nn.relu(old @ self.past[i] + h @ self.now[i] + self.bias[i])
        if dropout:
            hidden = tf.nn.dropout(hidden, dropout)
        return hidden @ self.out[i]


class Committee(tf.Module):
    """Networks of several trainings as one: the mean of their logits, and the rings of all of them."""

    def __init__(self, members: Sequence[CausalNetwork]) -> None:
        super().__init__()
        self.members = list(members)
        self.inputs = members[0].shape.inputs
        self.classes = members[0].shape.classes

    @property
    def parameters(self) -> int:
        """Trainable numbers of all."""
        return sum(member.parameters for member in self.members)

    def sequence(self, x: tf.Tensor) -> tf.Tensor:
        """As ``CausalNetwork.sequence``."""
        return self._mean([member.sequence(x) for member in self.members])

    def step(self, x: tf.Tensor, states: Sequence[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """As ``CausalNetwork.step``, with the rings of each member after those of the one before."""
        logits, after = [], []
        for member in self.members:
            count = len(member.shape.dilations)
            z, rings = member.step(x, states[:count])
            states = states[count:]
            logits.append(z)
            after += rings
        return self._mean(logits), after

    def state_shapes(self) -> list[tuple[int, int, int]]:
        """Of the rings, in the order of ``step``."""
        return [shape for member in self.members for shape in member.state_shapes()]

    @staticmethod
    def _mean(logits: Sequence[tf.Tensor]) -> tf.Tensor:
        return logits[0] if len(logits) == 1 else tf.add_n(list(logits)) / len(logits)
