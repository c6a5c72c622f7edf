"""Is one who lies in bed trying to sleep?  A small int8 network's answer to each epoch, and what it looks at.

Reading, a telephone, a television, talk and lying with open eyes leave their marks on breathing, on movement, on the
small movements of hand and arm, on where the chest is and on the light in the room.  The network tells three things
apart: not trying, trying and awake, asleep; of the epoch now, and once more of the one four minutes ago, when what came
after it is known.  Its answers are single epochs'; appliance/intent.py makes times of them.

Breathing and movement are measured as for stages (models/features.py), but told as they are: an evening has no night
so far to be compared with.  Whatever is missing (no light sensor, no distances) is unknown to the network.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.contract import MIN_COVERAGE, Epoch
from models.features import CLIP, MEASURES, MOVING
from models.stager import ChangeRules, ModelError, Purpose, StepNetwork

DEFAULT_INTENT = Path(__file__).with_name("firstlight-intent.tflite")
INTENT_VERSION = 1
PAST_EPOCHS = 20  # ten minutes
WINDOWS = (1, 4, 20)  # epochs
RESTING = 1.4  # times a body's own resting motion index begins a small movement
LEAST_SMALL = 0.1  # and never below this

_TYPICAL = np.array([measure.typical for measure in MEASURES])
_SPREAD = np.array([measure.spread for measure in MEASURES])
FEATURES = (
    *(measure.name for measure in MEASURES),
    *(f"small_moves_{n}" for n in WINDOWS),
    "motion_1",
    "motion_20",
    "roughness_1",
    "roughness_20",
    "distance_shift",
    "distance_spread",
    "light",
    "light_change",
    "light_most",
)
CLASSES = ("not_trying", "trying", "asleep")
AGO_EPOCHS = 8
INTENT = Purpose(INTENT_VERSION, FEATURES, (*CLASSES, *(f"{word}_{AGO_EPOCHS}_ago" for word in CLASSES)))


class IntentExtractor:
    """Epochs of one sleeper in, one feature vector each out; constant memory and cost however long the night."""

    def __init__(self) -> None:
        self._motion: deque[NDArray[Any]] = deque(maxlen=PAST_EPOCHS)  # (seconds known,) each
        self._roughness: deque[float] = deque(maxlen=PAST_EPOCHS)
        self._distance_m: deque[float] = deque(maxlen=PAST_EPOCHS)
        self._light: deque[float] = deque(maxlen=PAST_EPOCHS)  # log10 lx

    def update(
        self, epoch: Epoch, measures: NDArray[np.float64], distance_m: float | None, light_lx: float | None
    ) -> NDArray[np.float32]:
        """Features of the next epoch, shape (len(FEATURES),), within +-CLIP, NaN where unknown.

        ``measures`` are FeatureExtractor's of the same epoch, ``distance_m`` and ``light_lx`` typical of it or None.
        """
        self._motion.append(epoch.motion[np.isfinite(epoch.motion)])
        self._roughness.append(_roughness(epoch.displacement))
        self._distance_m.append(np.nan if distance_m is None else distance_m)
        self._light.append(np.nan if light_lx is None else float(np.log10(max(light_lx, 0.0) + 0.1)))
        features = np.concatenate(
            ((measures - _TYPICAL) / _SPREAD, self._moves(), self._rough(), self._place(), self._lamp())
        )
        return np.clip(features, -CLIP, CLIP).astype(np.float32)

    def _moves(self) -> list[float]:
        """Small movements over each of WINDOWS, and how lively the body is at rest now and over ten minutes."""
        past = np.sort(np.concatenate(self._motion))
        if not past.size:
            return [np.nan] * (len(WINDOWS) + 2)
        least = max(RESTING * float(past[past.size // 4]), LEAST_SMALL)
        found = []
        for n in WINDOWS:
            some = np.concatenate(list(self._motion)[-n:])
            small = np.count_nonzero((some >= least) & (some < MOVING))
            found.append(float(np.log(small / some.size + 0.02) + 2.5) if some.size else np.nan)
        now = np.sort(self._motion[-1])
        found.append(float(np.log(now[now.size // 2] + 0.02) + 2.5) if now.size else np.nan)
        found.append(float(np.log(past[past.size // 2] + 0.02) + 2.5))
        return found

    def _rough(self) -> list[float]:
        known = [value for value in self._roughness if value == value]
        return [self._roughness[-1], sum(known) / len(known) if known else np.nan]

    def _place(self) -> list[float]:
        """How far the chest has shifted against ten minutes ago, and how much it wanders."""
        known = np.array([value for value in self._distance_m if value == value])
        if known.size < 2 or self._distance_m[-1] != self._distance_m[-1]:
            return [np.nan, np.nan]
        shift = abs(known[-1] - float(np.median(known)))
        return [float(np.log(shift + 0.01) + 3.5), float(np.log(known.std() + 0.01) + 3.5)]

    def _lamp(self) -> list[float]:
        known = [value for value in self._light if value == value]
        now = self._light[-1]
        if now != now:
            return [np.nan] * 3
        return [now, now - sum(known) / len(known), max(known)]


def _roughness(displacement: NDArray[Any]) -> float:
    """How much of the chest's way is not breathing: typical second over typical first difference, as a logarithm.

    It rises when a hand or an arm moves all the time, too little to count as a movement.
    """
    first = np.diff(displacement)
    second = np.abs(np.diff(first))
    first = np.abs(first[np.isfinite(first)])
    second = second[np.isfinite(second)]
    if min(first.size, second.size) < MIN_COVERAGE * displacement.size:
        return np.nan
    return float(np.log((np.median(second) + 1e-4) / (np.median(first) + 1e-4)))


class Intent(NamedTuple):
    """How probable each of CLASSES is in one epoch."""

    not_trying: float
    trying: float
    asleep: float


class Scores(NamedTuple):
    """What an epoch brings; None where the epoch that it is about had too little signal, or there was none."""

    now: Intent | None
    ago: Intent | None  # of the epoch AGO_EPOCHS before


def split(p: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(..., 3) each, now and ago, from the network's (..., 6): a softmax of each half is that half over its sum."""
    now, ago = np.maximum(p[..., : len(CLASSES)], 1e-12), np.maximum(p[..., len(CLASSES) :], 1e-12)
    return now / now.sum(axis=-1, keepdims=True), ago / ago.sum(axis=-1, keepdims=True)


class IntentScorer:
    """Epochs in, intent out, one sleeper and one session at a time."""

    def __init__(self, network: StepNetwork) -> None:
        """Raises ModelError where the manifest does not say how dear a change is."""
        if network.manifest.changes is None:
            raise ModelError(f"{network.name} does not say what a change point costs; install the model again")
        self.network = network
        self.rules: ChangeRules = network.manifest.changes
        self.name = network.name
        self.reset()

    @classmethod
    def load(cls, path: Path = DEFAULT_INTENT) -> IntentScorer:
        """Load ``path`` (.tflite) and the .json beside it; ModelError in one line when either is missing or unfit."""
        return cls(StepNetwork.load(path, INTENT))

    def reset(self) -> None:
        """Begin a new session."""
        self.network.reset()
        self._extractor = IntentExtractor()
        self._seen: deque[bool] = deque(maxlen=AGO_EPOCHS + 1)  # whether there was signal enough

    def update(
        self, epoch: Epoch, measures: NDArray[np.float64], distance_m: float | None, light_lx: float | None
    ) -> Scores:
        """Score the next epoch; one with too little signal passes through the memory all the same."""
        now, ago = split(self.network.step(self._extractor.update(epoch, measures, distance_m, light_lx)))
        self._seen.append(epoch.coverage >= MIN_COVERAGE)
        knows_ago = len(self._seen) > AGO_EPOCHS and self._seen[0]
        return Scores(
            Intent(*map(float, now)) if self._seen[-1] else None, Intent(*map(float, ago)) if knows_ago else None
        )
