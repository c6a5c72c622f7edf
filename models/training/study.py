"""The adaptation study: what unlabelled nights, and each way to learn from them, are worth in the radar's view.

Every arm is trained with several seeds and fewer passes than a model that ships, and measured on the variant sleeper,
which no arm has seen in any view.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from appliance.evaluation.agreement import Agreement
from models.training import fit
from models.training.dataset import Night
from models.training.recipe import Adaptation, Method, Recipe

METHODS: tuple[Method, ...] = ("none", "coral", "cdan", "alignment")


@dataclass(frozen=True)
class Arm:
    """One way to train: from which labelled nights, and which unlabelled ones it is to come near to, how."""

    labelled: str
    unlabelled: str
    method: Method
    lesson: fit.Lesson


def arms(train: Sequence[Night], belts: Sequence[Night]) -> Iterator[Arm]:
    """Labelled belts alone, with unlabelled simulated radar; labelled both, with unlabelled real belts."""
    belt = [night for night in train if night.kind == "belt"]
    radar = [night for night in train if night.kind == "radar"]
    for method in METHODS:
        yield Arm("belt", "-" if method == "none" else "radar", method, fit.Lesson(belt, radar))
    for method in METHODS:
        if method in ("none", "alignment"):  # alignment to the radar's moments needs no other nights
            yield Arm("belt, radar", "-" if method == "none" else "radar", method, fit.Lesson(train, radar))
        if belts and method in ("coral", "cdan"):
            yield Arm("belt, radar", "real belts", method, fit.Lesson(train, belts))


def table(
    recipe: Recipe,
    train: Sequence[Night],
    variant: Sequence[Night],
    belts: Sequence[Night],
    seeds: Sequence[int],
    passes: int,
) -> Iterator[str]:
    """A line an arm: mean and range over the seeds of the variant nights' kappa, radar view and belt view."""
    training = replace(recipe.training, passes=passes)
    yield f"{len(train)} nights to train on, {passes} passes, {len(seeds)} seeds, {len(variant)} variant nights"
    yield f"{'labelled':12} {'unlabelled':11} {'method':10} {'radar kappa':>11} {'(range)':13} {'belt kappa':>10}"
    for arm in arms(train, belts):
        adaptation = Adaptation(arm.method, "radar", recipe.adaptation.weight)
        radar, belt = [], []
        for seed in seeds:
            network = fit.fit(arm.lesson, recipe.live, training, seed, adaptation)
            for view, scores in (("radar", radar), ("belt", belt)):
                some = [night for night in variant if night.kind == view]
                given = np.concatenate([z.argmax(axis=1) for z in fit.logits_of(network, some)])
                scores.append(Agreement.of(np.concatenate([night.stages for night in some]), given).kappa)
        spread = f"({min(radar):.3f}-{max(radar):.3f})"
        yield (
            f"{arm.labelled:12} {arm.unlabelled:11} {arm.method:10} {np.mean(radar):11.3f} {spread:13} "
            f"{np.mean(belt):10.3f}"
        )
