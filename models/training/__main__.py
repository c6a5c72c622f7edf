"""``python -m models.training``: nights, training, evaluation.  Progress bars appear on a terminal and nowhere else.

dataset      simulates nights into a folder
data         makes nights of the recordings of sleep laboratories, thousands if need be
train        learns from them and writes both models, their manifests and their golden vectors
evaluate     stages nights that training never saw, beside simpler ways to do it
kinds        the same, by module, age, apnoea, body and posture
ceiling      how well they could be staged by one who knows the sleeper
people       what forty real belt nights and the scorers of others say, without any stages of ours
waking       learns when to wake, behind the model that was trained; waking-figures measures it on nights of its own
intent       simulates evenings, learns who is trying to sleep and what a change point costs, writes that model
adapt-study  what each way to learn from unlabelled nights is worth
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from models.restager import DEFAULT_MORNING, Restager
from models.stager import DEFAULT_MODEL, ModelError, Stager
from models.training import dataset, evaluate, waking_commands
from models.training.dataset import HELD_OUT_FROM, TRAIN_FROM, VARIANT_FROM
from models.training.recipe import RECIPE, Recipe, RecipeError, load_recipe

FOLDER = click.Path(file_okay=False, path_type=Path)
MODELS = DEFAULT_MODEL.parent
REAL_NIGHTS = ("sleepedf_SC4001.npz", "slpdb_slp60.npz")


@click.group()
def main() -> None:
    """Make and judge the stager's model."""


def _recipe(_context: click.Context, _parameter: click.Parameter, path: Path) -> Recipe:
    try:
        return load_recipe(path)
    except RecipeError as error:
        raise click.ClickException(str(error)) from None


RECIPE_OPTION = click.option(
    "--recipe",
    type=click.Path(dir_okay=False, path_type=Path),
    default=RECIPE,
    callback=_recipe,
    help="What decides the model; the shipped one by default.",
)


@main.command("dataset")
@click.argument("folder", type=FOLDER)
@RECIPE_OPTION
def dataset_command(folder: Path, recipe: Recipe) -> None:
    """Simulate nights into FOLDER; those already there are kept."""
    want = recipe.nights
    seeds = [(TRAIN_FROM + k, False) for k in range(want.train)]
    seeds += [(HELD_OUT_FROM + k, False) for k in range(want.held_out)]
    seeds += [(VARIANT_FROM + k, True) for k in range(want.variant)]
    jobs = want.jobs or os.cpu_count() or 1
    orders = [dataset.Order(seed, view, variant) for seed, variant in seeds for view in dataset.VIEWS]
    with click.progressbar(dataset.make_nights(folder, orders, jobs), len(orders), label="nights") as bar:
        for _ in bar:
            pass
    for name, mean, spread in dataset.typical_measures(read(folder, False, held_out=True)):
        click.echo(f"{name:28s} mean {mean:6.2f}  spread {spread:5.2f}")


def read(folder: Path, variant: bool, held_out: bool, view: str = "") -> list[dataset.Night]:
    """Nights of a folder, by kind; an error of theirs ends the command in one line."""

    def wanted(name: str) -> bool:
        kind, its_view, *seed = name.split("-")
        if kind != ("variant" if variant else "main") or view not in ("", its_view):
            return False
        return variant or (int(seed[0]) >= HELD_OUT_FROM) == held_out

    try:
        nights = dataset.read_nights(folder, wanted)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    if not nights:
        raise click.ClickException(f"{folder} holds no such nights: run the dataset command first")
    return nights


def _belts(folder: Path, wanted: bool) -> list[dataset.Night]:
    """Real belt nights without stages, where they are wanted and $FIRSTLIGHT_DATA names them."""
    from models.training import adapt

    data = os.environ.get("FIRSTLIGHT_DATA")
    if wanted and not data:
        raise click.ClickException("the recipe adapts to real belts: set FIRSTLIGHT_DATA to the folder of recordings")
    return adapt.real_belts(Path(data) / "data", folder / "real") if wanted and data else []


@main.command()
@click.argument("corpus", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("folder", type=FOLDER)
@click.option("--jobs", type=click.IntRange(min=0), default=0, help="Processes here; 0, the default: one a core.")
@click.option(
    "--scheduler", metavar="ADDRESS", help="Of a Dask cluster whose workers see both folders, as tcp://host:8786."
)
def data(corpus: Path, folder: Path, jobs: int, scheduler: str | None) -> None:
    """Make a night in FOLDER of every recording below CORPUS that has stages; those already there are kept.

    EDF and EDF+ with an EDF+ hypnogram (Sleep-EDF), a table of events (BOAS) or the XML of the NSRR (SHHS, MESA), and
    records of PhysioNet (slpdb, Challenge 2018).  A recording that cannot be used costs one line.
    """
    from models.training.corpora.catalogue import catalogue
    from models.training.corpora.prepare import Prepared, has_dask, prepare

    jobs = jobs or os.cpu_count() or 1
    if not has_dask():
        if scheduler:
            raise click.ClickException("--scheduler needs Dask, which comes with the train extra")
        click.echo(f"without Dask: {jobs} processes of this computer", err=True)
    recordings = catalogue(corpus.resolve())
    if not recordings:
        raise click.ClickException(f"{corpus} holds no recording: no .edf and no .hea")
    done: list[Prepared] = []
    began_s = time.monotonic()
    try:
        with click.progressbar(length=len(recordings), label="nights") as bar:
            for prepared in prepare(recordings, folder.resolve(), jobs, scheduler):
                done.append(prepared)
                bar.update(1)
                if prepared.problem:
                    click.echo(f"{prepared.recording.path.name}: skipped: {prepared.problem}", err=True)
    except OSError as error:
        raise click.ClickException(str(error)) from None
    skipped = sum(bool(prepared.problem) for prepared in done)
    click.echo(
        f"{len(done) - skipped} nights in {folder}, {skipped} recordings skipped; {time.monotonic() - began_s:.0f} s, "
        f"at most {max(prepared.peak_mb for prepared in done):.0f} MB a process"
    )
    if skipped == len(done):
        raise click.ClickException("no recording could be used")


def _real(folder: Path | None, most: int) -> tuple[list[dataset.Night], list[dataset.Night]]:
    """Real nights to learn from and of people kept back, where the recipe wants them and --real names their folder."""
    from models.training.corpora.nights import read_real

    if not most and folder is None:
        return [], []
    if folder is None:
        raise click.ClickException(f"the recipe learns from {most} real nights: name their folder with --real")
    if not most:
        raise click.ClickException("the recipe learns from no real night: set nights.real in it to their number")
    try:
        return read_real(folder, most)
    except ValueError as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("folder", type=FOLDER)
@RECIPE_OPTION
@click.option("--real", type=FOLDER, help="Folder of real nights, as the data command fills it.")
@click.option("--out", default=MODELS, type=FOLDER, help="Where the models go.")
@click.option("--name", default="firstlight", show_default=True, help="NAME-tcn and NAME-morning are written.")
@click.option("--version", default="2", show_default=True)
def train(folder: Path, recipe: Recipe, real: Path | None, out: Path, name: str, version: str) -> None:
    """Train on FOLDER's nights; write both models, their manifests and their golden vectors."""
    from models.training import export, fit, make

    adapting = recipe.adaptation
    nights = make.Nights(
        read(folder, False, held_out=False),
        read(folder, False, held_out=True),
        read(folder, True, held_out=True),
        _belts(folder, adapting.method != "none" and adapting.target == "belts"),
        *_real(real, recipe.nights.real),
    )
    trainings = len(recipe.live.seeds) + len(recipe.morning.seeds)
    try:
        with click.progressbar(length=trainings * fit.batches(len(nights.learnt), recipe.training)) as bar:
            paths = make.make(recipe, nights, out, name, version, click.echo, lambda _loss: bar.update(1))
    except export.ExportError as error:
        raise click.ClickException(str(error)) from None
    for path in paths:
        click.echo(f"{path} {path.stat().st_size} bytes")


@main.command("intent")
@click.argument("folder", type=FOLDER)
@click.option("--out", default=MODELS, type=FOLDER, help="Where the model goes.")
@click.option("--name", default="firstlight", show_default=True, help="NAME-intent is written.")
@click.option("--version", default="2", show_default=True)
@click.option("--train", default=500, show_default=True, help="Evenings to train on.")
@click.option("--heard", default=240, show_default=True, help="And such as are heard through a module's bytes.")
@click.option("--choose", default=60, show_default=True, help="Further ones, to choose penalties on.")
@click.option("--heard-choose", default=36, show_default=True, help="And such as are heard.")
@click.option("--jobs", default=0, help="Processes; 0: one a core.")
def intent_command(
    folder: Path, out: Path, name: str, version: str, train: int, heard: int, choose: int, heard_choose: int, jobs: int
) -> None:
    """Simulate evenings into FOLDER, train the intent model on them and choose its penalties."""
    from models.training import export, intent

    sizes = intent.Sizes(train, heard, choose, heard_choose, jobs or os.cpu_count() or 1)
    try:
        path = intent.make(folder, out, name, {"version": version, "git_commit": dataset.commit()}, sizes, click.echo)
    except (export.ExportError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{path} {path.stat().st_size} bytes")


@main.command("adapt-study")
@click.argument("folder", type=FOLDER)
@RECIPE_OPTION
@click.option("--seeds", default=3, show_default=True, help="Trainings of each arm.")
@click.option("--passes", default=6, show_default=True, help="Over the nights, fewer than for a model that ships.")
def adapt_study(folder: Path, recipe: Recipe, seeds: int, passes: int) -> None:
    """Radar-view kappa with each way to learn from unlabelled nights, and without."""
    from models.training import study

    train, variant = read(folder, False, held_out=False), read(folder, True, held_out=True)
    belts = _belts(folder, bool(os.environ.get("FIRSTLIGHT_DATA")))
    for line in study.table(recipe, train, variant, belts, range(1, seeds + 1), passes):
        click.echo(line)


def _models(live: Path, morning: Path) -> tuple[Stager, Restager]:
    try:
        return Stager.load(live), Restager.load(morning, live)
    except ModelError as error:
        raise click.ClickException(str(error)) from None


def _recordings() -> Path:
    data = os.environ.get("FIRSTLIGHT_DATA")
    if not data:
        raise click.ClickException("set FIRSTLIGHT_DATA to the folder of real recordings")
    return Path(data) / "data"


LIVE_OPTION = click.option("--model", default=DEFAULT_MODEL, type=click.Path(dir_okay=False, path_type=Path))
MORNING_OPTION = click.option("--morning", default=DEFAULT_MORNING, type=click.Path(dir_okay=False, path_type=Path))


@main.command("kinds")
@click.argument("folder", type=FOLDER)
@LIVE_OPTION
@MORNING_OPTION
def kinds_command(folder: Path, model: Path, morning: Path) -> None:
    """Kappa of FOLDER's held-out and variant nights by kind of sleeper, radar view and belt view."""
    from models.training import kinds

    stager, restager = _models(model, morning)
    for view in dataset.VIEWS:
        nights = [n for variant in (False, True) for n in read(folder, variant, held_out=True, view=view)]
        staged = [(n, evaluate.stepped(stager.network, n.features), restager.probabilities(n.features)) for n in nights]
        click.echo(f"\n{len(nights)} simulated nights, held-out and variant, {view} view")
        for line in kinds.table(staged):
            click.echo(line)


@main.command("ceiling")
@LIVE_OPTION
@MORNING_OPTION
@click.option("--nights", default=9, show_default=True, help="Held-out nights to stage, in each view.")
@click.option("--others", default=20, show_default=True, help="Nights of each one's sleeper that the oracle has seen.")
@click.option("--jobs", type=click.IntRange(min=0), default=0, help="Processes; 0, the default: one a core.")
@click.argument("folder", type=FOLDER)
def ceiling_command(folder: Path, model: Path, morning: Path, nights: int, others: int, jobs: int) -> None:
    """Kappa of an oracle that knows each of FOLDER's first held-out nights' sleeper, beside ours of the same nights."""
    from models.training import ceiling

    stager, restager = _models(model, morning)
    for view in dataset.VIEWS:
        orders = [ceiling.Job(HELD_OUT_FROM + k, view, others) for k in range(nights)]
        mine = {night.name: night for night in read(folder, False, held_out=True, view=view)}
        pairs: dict[str, list[ceiling.Pair]] = {}
        with click.progressbar(ceiling.table(orders, jobs or os.cpu_count() or 1), len(orders), label=view) as bar:
            for name, known in bar:
                features = mine[name].features
                live = evaluate.stepped(stager.network, features).argmax(axis=1)
                again = restager.probabilities(features).argmax(axis=1)
                for who, given in (*known.answers(), ("ours, live", live), ("ours, morning", again)):
                    pairs.setdefault(who, []).append((known.truth, given))
        click.echo(f"{nights} nights, {view} view, {others} others of each sleeper")
        for who, some in pairs.items():
            click.echo(f"{who:32}  {ceiling.kappa_of(some):5.3f}")


@main.command("people")
@LIVE_OPTION
@MORNING_OPTION
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="An SVG of the belt nights.")
def people_command(model: Path, morning: Path, picture: Path | None) -> None:
    """Stages of real belt nights in $FIRSTLIGHT_DATA beside what is usual, and how far scorers agree."""
    from models.training import people

    recordings = _recordings()
    stager, restager = _models(model, morning)
    try:
        for line in people.scorers(recordings / "hypnograms.npz"):
            click.echo(line)
        nights = list(people.belt_nights(recordings / "overnight_belts", stager, restager))
        for line in people.belts_told(nights, people.usual(recordings / "hypnograms.npz")):
            click.echo(line)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    if picture is not None:
        picture.write_text(people.picture(nights), encoding="utf-8")


@main.command("evaluate")
@click.argument("folder", type=FOLDER, required=False)
@LIVE_OPTION
@MORNING_OPTION
@click.option("--beside/--alone", default=True, help="With simpler ways to stage the same nights.")
@click.option("--real", is_flag=True, help="The real test nights in $FIRSTLIGHT_DATA too: each look is to be counted.")
def evaluate_command(folder: Path | None, model: Path, morning: Path, beside: bool, real: bool) -> None:
    """Stage FOLDER's held-out and variant nights with the int8 models, and on request the real ones."""
    stager, restager = _models(model, morning)
    if folder is not None:
        from models.training.baselines import agreement, baselines

        simple = baselines(read(folder, False, held_out=False)) if beside else {}
        for view in dataset.VIEWS:
            for variant in (False, True):
                nights = read(folder, variant, held_out=True, view=view)
                click.echo(f"\n{len(nights)} simulated {'variant ' if variant else ''}nights, {view} view")
                for line in evaluate.compared(stager.network, restager, nights):
                    click.echo(line)
                for name, given in simple.items():
                    click.echo(evaluate.row(name, agreement(given, nights)))
    if real:
        for name in REAL_NIGHTS:
            path = _recordings() / "labelled_nights" / name
            night = evaluate.stage_recording(stager, restager, path)
            for answer, given in (("live", night.live), ("morning", night.morning)):
                click.echo(f"\nreal: {name}, {answer}")
                for line in night.told(given):
                    click.echo(line)


main.add_command(waking_commands.learn)
main.add_command(waking_commands.measure)

if __name__ == "__main__":
    main()
