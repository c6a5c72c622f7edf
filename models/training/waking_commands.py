"""The two commands about waking: learn a policy, and measure the shipped one on nights that nothing was chosen on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from appliance.smart import PolicyError, WakingPolicy
from models.stager import DEFAULT_MODEL, ModelError, Stager, StepNetwork
from models.training import dataset, mornings, waking
from models.training import pictures as draw
from models.training.dataset import HELD_OUT_FROM, Order
from models.training.windows import Windows

LEARNT, CHOSEN_ON_FROM, CHOSEN_ON = 280, 210_000, 100
MEASURED_FROM, MEASURED_VARIANT_FROM = 300_000, 310_000
SHIPPED = DEFAULT_MODEL.with_name("firstlight-waking.json")
FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
JOBS = click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Processes that make nights.")


@click.command("waking")
@click.argument("folder", type=FOLDER)
@click.option("--model", default=DEFAULT_MODEL, type=FILE)
@click.option("--out", default=SHIPPED, type=FILE)
@click.option("--version", default="1", show_default=True)
@click.option("--picture", type=FILE, default=None, help="An SVG of what it asks of a moment.")
@JOBS
def learn(folder: Path, model: Path, out: Path, version: str, picture: Path | None, jobs: int) -> None:
    """Learn when to wake, behind this model; nights are simulated into FOLDER.  Again after each training."""
    network = _network(model)
    train = _lived(network, _nights(folder, _training(), jobs))
    chosen_on = _lived(network, _nights(folder, _orders(CHOSEN_ON_FROM, CHOSEN_ON, True), jobs))
    told = {
        "set": "simulated nights (models/sleeper), radar view",
        "nights": len(train),
        "people": len(train),
        "real_people": 0,
    }
    facts = {"version": version, "training": [told], "git_commit": dataset.commit()}
    fields = waking.make(train, chosen_on, network.manifest, facts)
    for name, figures in fields["metrics"].items():
        _say(waking.lines(name, figures))
    out.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
    if picture is not None:
        policy = WakingPolicy.parse(out.read_text(encoding="utf-8"), network.manifest.sha256)
        picture.write_text(draw.asked(policy, fields["situations"]), encoding="utf-8")


@click.command("waking-figures")
@click.argument("folder", type=FOLDER)
@click.option("--model", default=DEFAULT_MODEL, type=FILE)
@click.option("--policy", default=SHIPPED, type=FILE)
@click.option("--nights", default=160, show_default=True, help="Of the sleeper that the policy learnt from.")
@click.option("--variant", default=80, show_default=True, help="Of a sleeper with other effect sizes.")
@click.option("--real", is_flag=True, help="And the hypnograms in $FIRSTLIGHT_DATA, in the signals of those nights.")
@click.option("--without", is_flag=True, help="What policies learnt without events, or with true stages, would do.")
@click.option("--picture", type=FILE, default=None, help="An SVG of what it gains for the minutes given up.")
@JOBS
def measure(
    folder: Path,
    model: Path,
    policy: Path,
    nights: int,
    variant: int,
    real: bool,
    without: bool,
    picture: Path | None,
    jobs: int,
) -> None:
    """Judge a policy on simulated nights of seeds that nothing was learnt from or chosen on."""
    network = _network(model)
    try:
        text = policy.read_text(encoding="utf-8")
        WakingPolicy.parse(text, network.manifest.sha256)
    except (OSError, UnicodeDecodeError, PolicyError) as error:
        raise click.ClickException(f"{policy.name}: {error}") from None
    fields = json.loads(text)
    sensed = {
        "simulated": _nights(folder, _orders(MEASURED_FROM, nights, False), jobs),
        "variant sleeper": _nights(folder, _orders(MEASURED_VARIANT_FROM, variant, True), jobs),
    }
    for name, some in sensed.items():
        windows = Windows.of(_lived(network, some))
        _say(waking.lines(name, waking.figures(fields, windows)))
        if picture is not None and name == "simulated":
            where = f"{len(some)} simulated nights of seeds never learnt from"
            picture.write_text(waking.frontier(fields, windows, where), encoding="utf-8")
    if real:
        donors = sensed["simulated"]
        dressed = mornings.real_ones(_hypnograms(), network, donors)
        _say(waking.lines("real hypnograms", waking.figures(fields, Windows.of(dressed))))
    if without:
        learning = _nights(folder, _training(), jobs)
        _say(_ablations(network, learning, sensed["simulated"]))


def _ablations(network: StepNetwork, learning: list[mornings.Senses], judging: list[mornings.Senses]) -> Iterator[str]:
    both = [Windows.of(_lived(network, some)) for some in (learning, judging)]
    yield from waking.lines("simulated, learnt alike", waking.judged(*both))
    blind = [waking.without_events(windows) for windows in both]
    yield from waking.lines("simulated, without movement and breathing", waking.judged(*blind))
    true = [Windows.of(_lived(None, some)) for some in (learning, judging)]
    yield from waking.lines("simulated, with true stages", waking.judged(*true))


def _network(model: Path) -> StepNetwork:
    try:
        return Stager.load(model).network
    except ModelError as error:
        raise click.ClickException(str(error)) from None


def _training() -> list[Order]:
    return _orders(HELD_OUT_FROM, LEARNT, False)


def _orders(first: int, count: int, variant: bool) -> list[Order]:
    return [Order(first + k, "radar", variant) for k in range(count)]


def _nights(folder: Path, orders: Sequence[Order], jobs: int) -> list[mornings.Senses]:
    try:
        with click.progressbar(mornings.sensed(folder, orders, jobs), len(orders), label="nights") as bar:
            return list(bar)
    except ValueError as error:
        raise click.ClickException(str(error)) from None


def _lived(network: StepNetwork | None, nights: Sequence[mornings.Senses]) -> list[mornings.Morning]:
    lived = (mornings.morning_of(network, night) for night in nights)
    return [one for one in lived if one is not None]


def _hypnograms() -> Path:
    data = os.environ.get("FIRSTLIGHT_DATA")
    if not data:
        raise click.ClickException("set FIRSTLIGHT_DATA to the folder of real recordings")
    return Path(data) / "data" / "hypnograms.npz"


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)
