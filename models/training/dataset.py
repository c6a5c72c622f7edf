"""Nights to learn from: simulated, sensed as the box senses them, and kept as features with one stage an epoch.

A folder holds one ``.npz`` a night, ``{variant}-{view}-{seed}.npz``; a night is made once and read many times.
"""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from appliance.recording import ticks_from_recording
from appliance.respiration import epochs_of
from models.contract import MIN_COVERAGE, Epoch
from models.features import FEATURE_NAMES, FEATURES_VERSION, FeatureExtractor
from models.sleeper import SAMPLE_HZ, SimulatedNight, View, simulate_night
from models.training.radar import module_ticks

VIEWS: tuple[View, ...] = ("belt", "radar")
TRAIN_FROM, HELD_OUT_FROM, VARIANT_FROM = 0, 100_000, 200_000  # seeds of nights, kept apart
PARTIAL = ".partial"  # a night that is being written
NO_STAGE = -1  # nothing to learn: nobody in bed, too little signal, or no scorer's word


@dataclass(frozen=True)
class Night:
    """One night as the network sees it."""

    name: str
    features: NDArray[np.float32]  # (epochs, len(FEATURE_NAMES)), NaN unknown
    stages: NDArray[np.int8]  # (epochs,), SleepStage values, NO_STAGE where nothing is to be learnt

    @property
    def kind(self) -> str:
        """belt or radar."""
        return self.name.split("-")[1] if "-" in self.name else ""


@dataclass(frozen=True)
class Order:
    """One simulated night to make; the variant sleeper is for choosing among models and never for training."""

    seed: int
    view: View
    variant: bool

    @property
    def name(self) -> str:
        """Also the file's name in a folder of nights."""
        return f"{'variant' if self.variant else 'main'}-{self.view}-{self.seed:06d}"


def epochs_of_night(order: Order) -> tuple[list[Epoch], NDArray[np.int8]]:
    """Simulate a night and sense it: its epochs, and the true stage of each (NO_STAGE out of bed)."""
    return sensed(simulate_night(order.seed, order.view, variant=order.variant), order.view, order.seed)


def sensed(night: SimulatedNight, view: View, seed: int) -> tuple[list[Epoch], NDArray[np.int8]]:
    """A simulated night's epochs as the box senses them, and the true stage of each (NO_STAGE out of bed)."""
    ticks = ticks_from_recording(night.displacement_mm, SAMPLE_HZ) if view == "belt" else module_ticks(night, seed)
    epochs = list(epochs_of(ticks))
    stages = np.where(night.in_bed, night.stage, NO_STAGE).astype(np.int8)
    return epochs, np.array([stages[e.index] if e.index < stages.size else NO_STAGE for e in epochs], np.int8)


def night_of_epochs(name: str, epochs: Iterable[Epoch], stages: NDArray[np.int8]) -> Night:
    """Features of a night; epochs that the stager would leave unscored have no stage to learn."""
    extractor = FeatureExtractor()
    features, kept = [], []
    for epoch, stage in zip(epochs, stages, strict=True):
        features.append(extractor.update(epoch))
        kept.append(stage if epoch.coverage >= MIN_COVERAGE else NO_STAGE)
    return Night(name, np.array(features, np.float32), np.array(kept, np.int8))


def make_nights(folder: Path, orders: Sequence[Order], jobs: int) -> Iterator[str]:
    """Make what the folder does not hold yet; yields the name of each night as it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [order for order in orders if not (folder / f"{order.name}.npz").exists()]
    yield from (order.name for order in orders if order not in set(missing))
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(_Make(folder), missing)


@dataclass(frozen=True)
class _Make:
    folder: Path

    def __call__(self, order: Order) -> str:
        write_night(self.folder, night_of_epochs(order.name, *epochs_of_night(order)))
        return order.name


def write_night(folder: Path, night: Night) -> None:
    """Keep a night in a folder; a night that is there is whole."""
    partial = folder / f"{night.name}{PARTIAL}.npz"
    np.savez_compressed(partial, version=FEATURES_VERSION, features=night.features, stages=night.stages)
    partial.rename(folder / f"{night.name}.npz")


def read_nights(folder: Path, wanted: Callable[[str], bool]) -> list[Night]:
    """The folder's nights whose name is wanted, in the order of their names.

    Raises ValueError in one line when a night was made with other features.
    """
    nights = []
    for path in sorted(folder.glob("*.npz")):
        if not path.stem.endswith(PARTIAL) and wanted(path.stem):
            try:
                with np.load(path, allow_pickle=False) as file:
                    version, features, stages = int(file["version"]), file["features"], file["stages"]
            except (zipfile.BadZipFile, KeyError, ValueError) as error:
                raise ValueError(f"{path}: not a night of this program ({error}); delete it") from None
            if version != FEATURES_VERSION or features.shape[1] != len(FEATURE_NAMES):
                raise ValueError(f"{path}: made with other features; delete the folder and make the nights again")
            nights.append(Night(path.stem, features, stages))
    return nights


def typical_measures(nights: Sequence[Night]) -> list[tuple[str, float, float]]:
    """Mean and spread of each feature over the learnt epochs: near 0 and 1 when the priors in features.py fit."""
    rows = np.concatenate([night.features[night.stages != NO_STAGE] for night in nights])
    return [
        (name, float(np.nanmean(column)), float(np.nanstd(column)))
        for name, column in zip(FEATURE_NAMES, rows.T, strict=True)
    ]


def commit() -> str:
    """Of the program that makes these nights, for manifests."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent)
    return done.stdout.strip() or "unknown"
