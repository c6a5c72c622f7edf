"""What a recorder costs: the same simulated nights as a belt or airflow would have told them, at several rates.

    python -m models.training.recorders [--nights N]

Each night is simulated, sensed and staged anew for each recorder, by the shipped models; nobody was trained on these.
"""

from __future__ import annotations

import argparse

from models.restager import Restager
from models.sleeper import Recorder, night_drawn, simulate
from models.stager import Stager
from models.training.ceiling import Pair, kappa_of
from models.training.dataset import night_of_epochs, sensed
from models.training.evaluate import stepped

FIRST_SEED = 3_000_000  # nights that nothing else is made of
RECORDERS = (Recorder("belt", 10.0), Recorder("belt", 2.0), Recorder("airflow", 10.0), Recorder("airflow", 1.0))


def kappas(recorder: Recorder, seeds: range, variant: bool, stager: Stager, restager: Restager) -> tuple[float, float]:
    """Live and in the morning, of all epochs together."""
    live: list[Pair] = []
    morning: list[Pair] = []
    for seed in seeds:
        drawn = night_drawn(seed, variant=variant)
        night = simulate(
            drawn.person,
            drawn.plan,
            drawn.hours,
            drawn.seed,
            view="belt",
            cues=drawn.cues,
            variant=variant,
            recorder=recorder,
        )
        told = night_of_epochs(str(seed), *sensed(night, "belt", seed))
        live.append((told.stages, stepped(stager.network, told.features).argmax(axis=1)))
        morning.append((told.stages, restager.probabilities(told.features).argmax(axis=1)))
    return kappa_of(live), kappa_of(morning)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Kappa by recorder, of the same simulated nights.")
    parser.add_argument("--nights", type=int, default=14)
    nights = parser.parse_args().nights
    stager, restager = Stager.load(), Restager.load()
    for variant in (False, True):
        for recorder in RECORDERS:
            seeds = range(FIRST_SEED, FIRST_SEED + nights)
            live, morning = kappas(recorder, seeds, variant, stager, restager)
            name = f"{recorder.sensor} at {recorder.kept_hz:g} Hz"
            print(
                f"{nights} {'variant ' if variant else ''}nights, {name:16} live {live:.3f} morning {morning:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
