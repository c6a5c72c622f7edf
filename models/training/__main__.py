"""``python -m models.training``: nights, training, evaluation.  Progress bars appear on a terminal and nowhere else.

dataset    simulates nights into a folder
train      learns from them and writes the model, its manifest and its golden vectors
evaluate   stages nights that training never saw
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import click
import numpy as np

from models.stager import DEFAULT_MODEL, Manifest, ModelError, Stager, StepNetwork
from models.training import dataset, evaluate

FOLDER = click.Path(file_okay=False, path_type=Path)
TRAIN_FROM, HELD_OUT_FROM, VARIANT_FROM = 0, 100_000, 200_000
GOLDEN_EPOCHS = 240
REAL_NIGHTS = ("sleepedf_SC4001.npz", "slpdb_slp60.npz")


@click.group()
def main() -> None:
    """Make and judge the stager's model."""


@main.command("dataset")
@click.argument("folder", type=FOLDER)
@click.option("--nights", default=320, show_default=True, help="Nights to train on, each in both views.")
@click.option("--held-out", default=40, show_default=True, help="Nights for calibration, and as many of the variant.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Processes.")
def dataset_command(folder: Path, nights: int, held_out: int, jobs: int) -> None:
    """Simulate nights into FOLDER; those already there are kept."""
    seeds = [(TRAIN_FROM + k, False) for k in range(nights)]
    seeds += [(HELD_OUT_FROM + k, False) for k in range(held_out)]
    seeds += [(VARIANT_FROM + k, True) for k in range(held_out)]
    orders = [dataset.Order(seed, view, variant) for seed, variant in seeds for view in dataset.VIEWS]
    with click.progressbar(dataset.make_nights(folder, orders, jobs), len(orders), label="nights") as bar:
        for _ in bar:
            pass
    for name, mean, spread in dataset.typical_measures(read(folder, False, held_out=True)):
        click.echo(f"{name:28s} mean {mean:6.2f}  spread {spread:5.2f}")


def read(folder: Path, variant: bool, held_out: bool, view: str = "") -> list[dataset.Night]:
    """Nights of a folder, by kind; an error of theirs ends the command in one line."""

    def wanted(name: str) -> bool:
        kind, its_view, seed = name.split("-")
        same_kind = (kind == "variant") == variant and (variant or (int(seed) >= HELD_OUT_FROM) == held_out)
        return same_kind and view in ("", its_view)

    try:
        nights = dataset.read_nights(folder, wanted)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    if not nights:
        raise click.ClickException(f"{folder} holds no such nights: run the dataset command first")
    return nights


@main.command()
@click.argument("folder", type=FOLDER)
@click.option("--out", default=DEFAULT_MODEL.parent, type=FOLDER, help="Where the model goes.")
@click.option("--name", default=DEFAULT_MODEL.stem, show_default=True)
@click.option("--version", default="1", show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--passes", default=20, show_default=True)
@click.option("--width", default=40, show_default=True)
def train(folder: Path, out: Path, name: str, version: str, seed: int, passes: int, width: int) -> None:
    """Train on FOLDER's nights; write model, manifest and golden vectors."""
    from models.training import export, fit

    recipe = fit.Recipe(seed=seed, passes=passes, width=width)
    nights, held_out = read(folder, False, held_out=False), read(folder, False, held_out=True)
    with click.progressbar(length=-(-len(nights) // recipe.batch) * recipe.passes, label="training") as bar:
        network = fit.fit(nights, recipe, lambda _done, _total, _loss: bar.update(1))
    temperature = fit.fit_temperature(fit.logits_of(network, held_out), held_out)
    model = export.convert(network, [night.features for night in nights[:: max(len(nights) // 12, 1)]])
    facts = {
        "name": name,
        "version": version,
        "training": [
            {
                "set": f"simulated nights (models/sleeper), {view} view",
                "nights": len(read(folder, False, held_out=False, view=view)),
                "people": len(read(folder, False, held_out=False, view=view)),
                "real_people": 0,
            }
            for view in dataset.VIEWS
        ],
        "recipe": {key: list(v) if isinstance(v, tuple) else v for key, v in vars(recipe).items()},
        "git_commit": _commit(),
    }
    fields = export.manifest(model, network, temperature, facts)
    int8 = StepNetwork(Manifest.parse(json.dumps(fields)), model)
    metrics = {}
    for view in dataset.VIEWS:
        for variant in (False, True):
            some = read(folder, variant, held_out=True, view=view)
            agreement = evaluate.stage_nights(int8, some)
            given = np.concatenate([z.argmax(axis=1) for z in fit.logits_of(network, some)])
            in_float = evaluate.Agreement.of(np.concatenate([night.stages for night in some]), given)
            key = f"simulated {'variant ' if variant else ''}{view}, {len(some)} nights"
            metrics[key] = agreement.as_dict() | {"kappa_float": round(in_float.kappa, 3)}
            click.echo(f"\n{key} (float kappa {in_float.kappa:.3f})\n{agreement.table()}")
    fields["metrics"] = metrics
    path = export.write(out, name, model, fields)
    golden(path, read(folder, True, held_out=True)[0])
    click.echo(f"\n{path} {len(model)} bytes, {network.parameters} parameters, temperature {temperature:.2f}")


def golden(path: Path, night: dataset.Night) -> None:
    """Write what the model answers to a night's first epochs, for the tests of every runtime and machine."""
    features = night.features[:GOLDEN_EPOCHS]
    network = StepNetwork(Manifest.parse(path.with_suffix(".json").read_text(encoding="utf-8")), path.read_bytes())
    probabilities = np.array([network.step(row) for row in features])
    np.savez_compressed(path.with_suffix(".golden.npz"), features=features, probabilities=probabilities)


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent)
    return done.stdout.strip() or "unknown"


@main.command("evaluate")
@click.argument("folder", type=FOLDER, required=False)
@click.option("--model", default=DEFAULT_MODEL, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--real", is_flag=True, help="The real test nights in $FIRSTLIGHT_DATA too: each look is to be counted.")
def evaluate_command(folder: Path | None, model: Path, real: bool) -> None:
    """Stage FOLDER's held-out and variant nights with the int8 model, and on request the real ones."""
    try:
        stager = Stager.load(model)
    except ModelError as error:
        raise click.ClickException(str(error)) from None
    if folder is not None:
        for view in dataset.VIEWS:
            for variant in (False, True):
                nights = read(folder, variant, held_out=True, view=view)
                click.echo(f"\n{len(nights)} simulated {'variant ' if variant else ''}nights, {view} view")
                click.echo(evaluate.stage_nights(stager.network, nights).table())
                click.echo(f"always light: accuracy {evaluate.always_light(nights).accuracy:.3f}")
    if real:
        data = os.environ.get("FIRSTLIGHT_DATA")
        if not data:
            raise click.ClickException("set FIRSTLIGHT_DATA to the folder of real recordings")
        for name in REAL_NIGHTS:
            click.echo(f"\nreal: {name}")
            click.echo(evaluate.stage_recording(stager, Path(data) / "data" / "labelled_nights" / name).table())


if __name__ == "__main__":
    main()
