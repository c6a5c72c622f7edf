"""Presence and breathing on real recordings: seats entered, the module maker's own, a module's logs.

    python tests/test_real_presence.py FOLDER      # a table; FOLDER is where the recordings lie (FIRSTLIGHT_DATA)

Thresholds were chosen with these recordings in sight, so they show that the gate works and not how well.
"""

from __future__ import annotations

import csv
import sys
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from breathing import ticks_of

from appliance.displacement import Tick
from appliance.presence import Presence, PresenceGate
from appliance.respiration import Breathing, Respiration
from drivers.readings import Module, RadarSample

SEATS = 6
VENDOR = {  # breaths a minute that the recording's own documents give; None: no breathing analysis is possible in 15 s
    "a121_breathing-sitting": (17.4, 17.9),
    "a121_breathing-sitting-no-presence": (20.2, 20.7),
}
VENDOR_PRESENT = (
    "a121_presence-default",
    "a121_presence-medium_range_no_timeout",
    "a121_presence-short_range",
)


class Heard(NamedTuple):
    """What came of one recording."""

    presence: list[Presence]
    breathing: list[Breathing]

    def present(self, start_s: float, end_s: float = 1e9) -> float:
        """Share of the seconds in which somebody was said to be there."""
        said = [one.present for one in self.presence if start_s < one.t_s <= end_s]
        return float(np.mean(said)) if said else float("nan")


def hear(module: Module, samples: list[RadarSample]) -> Heard:
    ticks: list[Tick] = ticks_of(module, samples)
    gate, respiration = PresenceGate(module), Respiration()
    presence = [one for tick in ticks if (one := gate.update(tick)) is not None]
    breathing = [report for tick in ticks if (report := respiration.update(tick)) is not None]
    return Heard(presence, breathing)


class Seat(NamedTuple):
    name: str
    heard: Heard
    enter_s: float
    belt: list[tuple[float, float]]  # t_s, breaths a minute

    @property
    def delay_s(self) -> float:
        return next(one.t_s for one in self.heard.presence if one.present) - self.enter_s

    def errors(self) -> tuple[list[float], int]:
        """Against the belt, where there is a rate and 33 s have passed since the entry; and how many were compared."""
        ours = {round(one.t_s): one.rate_brpm for one in self.heard.breathing}
        pairs = [(ours.get(int(t_s)), brpm) for t_s, brpm in self.belt if t_s >= self.enter_s + 33.0]
        return [rate - brpm for rate, brpm in pairs if rate is not None], len(pairs)


def seats(folder: Path) -> list[Seat]:
    found = []
    for path in sorted((folder / "xm125_seat_enter").glob("*.npz")):
        with np.load(path) as data:
            start = data["t_unix"][0]
            t_s = (data["t_unix"] - start).tolist()
            rows = zip(t_s, data["iq"], data["sweep_std"], strict=True)
            samples = [RadarSample(t, iq=iq, sweep_spread=spread) for t, iq, spread in rows]
            known = np.isfinite(data["belt_bpm"])
            belt = list(
                zip((data["belt_t_unix"] - start)[known].tolist(), data["belt_bpm"][known].tolist(), strict=True)
            )
            enter_s = float(data["enter_unix"] - start)
        found.append(Seat(path.stem, hear(Module.ACCONEER, samples), enter_s, belt))
    return found


def vendor(folder: Path, name: str) -> Heard:
    with np.load(folder / "a121_vendor" / f"{name}.npz") as data:
        sweeps = data["iq"]  # (frames, sweeps, points)
        mean = sweeps.mean(axis=1)
        spread = np.sqrt((np.abs(sweeps - mean[:, None]) ** 2).mean(axis=1))
        t_s = (data["tick_ms"] - data["tick_ms"][0]) / 1e6  # the recorded ticks are microseconds
    rows = zip(t_s.tolist(), mean.astype(np.complex64), spread.astype(np.float32), strict=True)
    return hear(Module.ACCONEER, [RadarSample(t, iq=iq, sweep_spread=std) for t, iq, std in rows])


def logs(folder: Path) -> dict[tuple[str, str], Heard]:
    """(file, label) of a module's logs: body movement and distance, no waveform."""
    with (folder / "mr60bha1_logs" / "module_log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = {}
    for key, group in groupby(rows, key=lambda row: (row["file"], row["label"])):
        samples, first_s = [], None
        for row in group:
            hours, minutes, seconds = map(int, row["time"].split(":"))
            at_s = hours * 3600 + minutes * 60 + seconds
            first_s = at_s if first_s is None else first_s
            t_s, value = float((at_s - first_s) % 86400), float(row["value"])
            if row["key"] == "body":
                samples.append(RadarSample(t_s, movement_pct=int(value)))
            elif row["key"] == "dist_cm" and value > 0:
                samples.append(RadarSample(t_s, distance_m=value / 100.0))
        found[key] = hear(Module.MICRADAR, sorted(samples, key=lambda sample: sample.t_s))
    return found


@pytest.fixture(scope="module")
def data_folder(shared_folder: Path) -> Path:
    return shared_folder / "data"


def test_a_seat_is_empty_until_somebody_sits_down(data_folder: Path) -> None:
    found = seats(data_folder)
    assert len(found) == SEATS
    for seat in found:
        assert seat.heard.present(0, seat.enter_s - 3) <= 0.01, seat.name  # the entry is known to 3 s
        assert seat.heard.present(seat.enter_s + 15) >= 0.99, seat.name
        assert -3.0 <= seat.delay_s <= 15.0, seat.name
    assert np.median([seat.delay_s for seat in found]) <= 5.0


def test_rates_agree_with_the_belt(data_folder: Path) -> None:
    both = [seat.errors() for seat in seats(data_folder)]
    errors = np.abs([error for errors, _ in both for error in errors])
    assert errors.size >= 0.5 * sum(count for _, count in both)
    assert np.median(errors) <= 0.5
    assert np.mean(errors <= 2.0) >= 0.95


@pytest.mark.parametrize("name", VENDOR)
def test_the_makers_sitting_people(data_folder: Path, name: str) -> None:
    heard, (low, high) = vendor(data_folder, name), VENDOR[name]
    rates = [one.rate_brpm for one in heard.breathing if one.rate_brpm is not None]
    assert low - 0.5 <= np.median(rates) <= high + 0.5
    assert heard.present(10) == 1.0


@pytest.mark.parametrize("name", VENDOR_PRESENT)
def test_the_makers_people_in_range(data_folder: Path, name: str) -> None:
    assert vendor(data_folder, name).presence[-1].present


def test_rooms_and_walls_are_nobody_and_seated_people_somebody(data_folder: Path) -> None:
    found = logs(data_folder)
    for (name, label), heard in found.items():
        if label in ("empty", "wall"):
            assert heard.present(0) <= 0.01, name
    seated = [heard.present(60) for (_, label), heard in found.items() if label not in ("empty", "wall")]
    assert np.median(seated) >= 0.99


def main(folder: Path) -> None:
    print(f"{'recording':42} {'empty: present':>14} {'taken: present':>14} {'delay s':>8}  breaths a minute")
    total: list[float] = []
    for seat in seats(folder):
        errors, count = seat.errors()
        total += errors
        print(
            f"{seat.name:42} {seat.heard.present(0, seat.enter_s - 3):14.3f} "
            f"{seat.heard.present(seat.enter_s + 15):14.3f} {seat.delay_s:8.1f}  {len(errors)} of {count} belt values, "
            f"median error {np.median(np.abs(errors)) if errors else float('nan'):.2f}"
        )
    away = np.abs(total)
    print(f"  all seats: median {np.median(away):.2f}, within 1: {np.mean(away <= 1):.2f}, 2: {np.mean(away <= 2):.2f}")
    for name in (*VENDOR, *VENDOR_PRESENT, "a121_presence-long_range", "a121_hand-motion-no-presence"):
        heard = vendor(folder, name)
        rates = [one.rate_brpm for one in heard.breathing if one.rate_brpm is not None]
        said = f"{np.median(rates):.1f}" if rates else "none"
        print(f"{name:42} {'':14} {heard.present(10):14.3f} {'':8}  {said}, maker {VENDOR.get(name, '-')}")
    for (name, label), heard in logs(folder).items():
        nobody = label in ("empty", "wall")
        before, after = (heard.present(0), float("nan")) if nobody else (float("nan"), heard.present(60))
        print(f"{f'micradar {name}':42} {before:14.3f} {after:14.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) / "data")
