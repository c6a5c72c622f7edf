"""From a recipe and a folder of nights to the two models that the box carries: the night's and the morning's."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.evaluation.agreement import Agreement
from models.restager import combined
from models.stager import Manifest, StepNetwork
from models.training import adapt, dataset, evaluate, export, fit
from models.training.corpora.catalogue import person_of
from models.training.corpora.nights import PREFIX
from models.training.dataset import Night
from models.training.network import CausalNetwork, Committee
from models.training.recipe import Net, Recipe

CALIBRATION_NIGHTS = 12  # of the training's, by which the converter finds the ranges of int8
GOLDEN_EPOCHS = 240

Probabilities = NDArray[np.float64]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Nights:
    """All that a recipe needs."""

    train: Sequence[Night]
    held_out: Sequence[Night]
    variant: Sequence[Night]
    belts: Sequence[Night] = ()  # real ones without stages
    real: Sequence[Night] = ()  # real ones with stages, to learn from
    real_held_out: Sequence[Night] = ()  # and of other people, to be measured on

    @property
    def learnt(self) -> list[Night]:
        """All that stages are learnt from."""
        return [*self.train, *self.real]

    def sets(self) -> list[tuple[str, list[Night]]]:
        """What a model is measured on, by name."""
        simulated = [
            (f"simulated {word}{view}, {len(some)} nights", some)
            for word, nights in (("", self.held_out), ("variant ", self.variant))
            for view in dataset.VIEWS
            if (some := [night for night in nights if night.kind == view])
        ]
        real = list(self.real_held_out)
        return simulated + ([(f"real, people kept back, {len(real)} nights", real)] if real else [])


def make(
    recipe: Recipe, nights: Nights, out: Path, name: str, version: str, say: Say, tick: Callable[[float], None]
) -> list[Path]:
    """Train, choose, convert and write both models; the paths of their .tflite files.

    ``tick(loss)`` is called after each batch.  Raises export.ExportError, and has then not written the model that it is
    about.
    """
    facts = {
        "version": version,
        "training": _sources(recipe, nights),
        "recipe": asdict(recipe),
        "git_commit": dataset.commit(),
    }
    live = _trained(recipe, recipe.live, nights, False, say, tick)
    logits = fit.logits_of(live, nights.held_out)
    temperature = fit.fit_temperature(logits, nights.held_out)
    model = export.convert(live, _calibration(nights, False))
    fields = export.manifest(model, live, temperature, {"name": f"{name}-tcn", **facts})
    int8 = _network(fields, model)
    forwards = [[evaluate.stepped(int8, night.features) for night in some] for _, some in nights.sets()]
    in_float = [[softmax(z / temperature) for z in fit.logits_of(live, some)] for _, some in nights.sets()]
    fields["metrics"] = _measured(nights, forwards, in_float, f"{name}-tcn", say)
    paths = [export.write(out, f"{name}-tcn", model, fields)]
    _golden(paths[0], int8, nights.variant[0].features)

    backward = _trained(recipe, recipe.morning, nights, True, say, tick)
    own = fit.logits_of(backward, nights.held_out, backward=True)
    power, own_temperature = fit.fit_product([z / temperature for z in logits], own, nights.held_out)
    model = export.convert(backward, _calibration(nights, True))
    beside = {"live_sha256": fields["sha256"], "live_weight": power}
    fields = export.manifest(model, backward, own_temperature, {"name": f"{name}-morning", "beside": beside, **facts})
    int8 = _network(fields, model)
    given, expected = [], []
    for (_, some), before, float_before in zip(nights.sets(), forwards, in_float, strict=True):
        after = [evaluate.stepped(int8, night.features[::-1])[::-1] for night in some]
        given.append([combined(p, q, power) for p, q in zip(before, after, strict=True)])
        after = [softmax(z / own_temperature) for z in fit.logits_of(backward, some, backward=True)]
        expected.append([combined(p, q, power) for p, q in zip(float_before, after, strict=True)])
    fields["metrics"] = _measured(nights, given, expected, f"{name}-morning", say)
    paths.append(export.write(out, f"{name}-morning", model, fields))
    _golden(paths[1], int8, nights.variant[0].features)
    return paths


def _trained(
    recipe: Recipe, net: Net, nights: Nights, backward: bool, say: Say, tick: Callable[[float], None]
) -> Committee:
    """One network a seed; what of them is to ship."""
    others: Sequence[Night] = ()
    if recipe.adaptation.method != "none":
        simulated = [night for night in nights.train if night.kind == "radar"]
        others = nights.belts if recipe.adaptation.target == "belts" else simulated
    lesson = fit.Lesson(nights.learnt, others, backward)
    members: list[CausalNetwork] = []
    scores = []
    for seed in net.seeds:
        members.append(fit.fit(lesson, net, recipe.training, seed, recipe.adaptation, tick))
        scores.append(_kappa(members[-1:], nights.variant, backward))
        say(f"{'morning, alone' if backward else 'live'}, seed {seed}: variant kappa {scores[-1]:.3f}")
    if net.ship == "best":
        members = [members[int(np.argmax(scores))]]
    elif len(members) > 1:
        together = _kappa(members, nights.variant, backward)
        say(f"{'morning, alone' if backward else 'live'}, mean: variant kappa {together:.3f}")
    return Committee(members)


def _kappa(members: Sequence[CausalNetwork], nights: Sequence[Night], backward: bool) -> float:
    given = [z.argmax(axis=1) for z in fit.logits_of(Committee(members), nights, backward)]
    return Agreement.of(np.concatenate([n.stages for n in nights]), np.concatenate(given)).kappa


def softmax(z: NDArray[Any]) -> Probabilities:
    """Probabilities of logits, (n, 4)."""
    odds = np.exp(z.astype(np.float64) - z.max(axis=1, keepdims=True))
    p: Probabilities = odds / odds.sum(axis=1, keepdims=True)
    return p


def _measured(
    nights: Nights,
    given: Sequence[Sequence[Probabilities]],
    in_float: Sequence[Sequence[Probabilities]],
    name: str,
    say: Say,
) -> dict[str, Any]:
    """Figures on every set, int8 held to float."""
    metrics: dict[str, Any] = {}
    for (where, some), p, q in zip(nights.sets(), given, in_float, strict=True):
        truth = np.concatenate([night.stages for night in some])
        both = [Agreement.of(truth, np.concatenate(side).argmax(axis=1)) for side in (p, q)]
        error = evaluate.calibration_error(truth, np.concatenate(p))
        metrics[where] = both[0].as_dict() | {
            "kappa_float": round(both[1].kappa, 3),
            "calibration_error": round(error, 3),
        }
        say(f"\n{name} on {where}: float kappa {both[1].kappa:.3f}, calibration error {error:.3f}\n{both[0].table()}")
        export.hold_to(both[1].kappa, both[0].kappa, f"{name} on {where}")
    return metrics


def _network(fields: dict[str, Any], model: bytes) -> StepNetwork:
    return StepNetwork(Manifest.parse(json.dumps(fields)), model)


def _calibration(nights: Nights, backward: bool) -> list[NDArray[np.float32]]:
    every = max(len(nights.learnt) // CALIBRATION_NIGHTS, 1)
    return [night.features[:: -1 if backward else 1] for night in nights.learnt[::every]]


def _golden(path: Path, network: StepNetwork, features: NDArray[np.float32]) -> None:
    """What the model answers to a night's first epochs, for the tests of every runtime and machine."""
    some = features[:GOLDEN_EPOCHS]
    np.savez_compressed(path.with_suffix(".golden.npz"), features=some, probabilities=evaluate.stepped(network, some))


def _sources(recipe: Recipe, nights: Nights) -> list[dict[str, Any]]:
    """Training sets and subject counts, for the manifest."""
    sets = [
        (f"simulated nights (models/sleeper), {view} view", [n for n in nights.train if n.kind == view], 0)
        for view in dataset.VIEWS
    ]
    if recipe.adaptation.method != "none" and recipe.adaptation.target == "belts":
        sets.append(("real belt nights without stages (figshare 26013157)", list(nights.belts), adapt.BELT_PEOPLE))
    people = [person_of(night.name.removeprefix(PREFIX)) for night in nights.real]
    for corpus in sorted({person.corpus for person in people}):
        of_it = [night for night, person in zip(nights.real, people, strict=True) if person.corpus == corpus]
        sets.append((corpus, of_it, len({person for person in people if person.corpus == corpus})))
    return [
        {"set": name, "nights": len(some), "people": real or len(some), "real_people": real}
        for name, some, real in sets
    ]
