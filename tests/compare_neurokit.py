"""The same displacement through our breathing and through NeuroKit2's ``rsp_process``: time, and error against a belt.

    pip install neurokit2
    python tests/compare_neurokit.py [FOLDER]

Without FOLDER (FIRSTLIGHT_DATA) only the simulated night is compared, whose every breath is known.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from pathlib import Path

import neurokit2 as nk
import numpy as np
import recordings

from appliance.displacement import Bodies, Tick
from appliance.replay import CaptureSenses
from appliance.respiration import Respiration
from drivers.capture import open_capture
from drivers.readings import Module
from models.contract import SIGNAL_HZ
from models.sleeper import simulate_night

FRESH_S = 5.0  # a rate counts for so long
LAG_S = 15.0  # a causal rate, ours or the belt's, speaks of the half minute before it


def ours(ticks: list[Tick]) -> tuple[np.ndarray, float]:
    """((n, 2) second and rate, CPU seconds)."""
    respiration = Respiration()
    began = time.process_time()
    told = [respiration.update(tick) for tick in ticks]
    took = time.process_time() - began
    return np.array([(b.t_s - LAG_S, b.rate_brpm) for b in told if b is not None and b.rate_brpm is not None]), took


def theirs(ticks: list[Tick]) -> tuple[np.ndarray, float]:
    """The same from NeuroKit2, which takes no holes: they are filled by interpolation first."""
    t_s = np.array([tick.t_s for tick in ticks])
    signal = np.array([tick.displacement for tick in ticks])
    known = np.isfinite(signal)
    signal = np.interp(t_s, t_s[known], signal[known])
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signals, _ = nk.rsp_process(signal, sampling_rate=SIGNAL_HZ)
    took = time.process_time() - began
    return np.column_stack((t_s, signals["RSP_Rate"].to_numpy())), took


def errors(told: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, int]:
    """(differences where a rate was told within FRESH_S of the truth's instant, instants of truth)."""
    found = []
    for t_s, brpm in truth:
        near = told[(told[:, 0] <= t_s + FRESH_S) & (told[:, 0] > t_s - FRESH_S)]
        if len(near):
            found.append(float(np.median(near[:, 1])) - brpm)
    return np.array(found), len(truth)


def row(name: str, told: np.ndarray, truth: np.ndarray) -> str:
    """One line of the table."""
    away, asked = errors(told, truth)
    away = np.abs(away)
    shares = [100 * (away <= limit).mean() for limit in (1.0, 2.0)]
    return (
        f"| {name} | {len(away)} of {asked} | {np.median(away):.2f} | {np.percentile(away, 90):.2f} | "
        f"{shares[0]:.0f} % | {shares[1]:.0f} % |"
    )


def simulated() -> None:
    """A night of which every breath is known: the mean rate of each quiet half minute is the truth."""
    night = simulate_night(11, "radar")
    every = slice(None, None, 2)
    there = np.isfinite(night.distance_m[every])
    ticks = [
        Tick(float(t), float(d), float(m))
        for t, d, m in zip(
            night.t_s[every][there], night.displacement_mm[every][there], night.moving[every][there], strict=True
        )
    ]
    starts = np.asarray(night.breaths.start_s)
    truth = []
    for at in np.arange(ticks[0].t_s + 60.0, ticks[-1].t_s - 60.0, 30.0):
        inside = starts[(starts >= at - 15.0) & (starts < at + 15.0)]
        calm = night.moving[(night.t_s >= at - 20.0) & (night.t_s < at + 20.0)].max() < 0.5
        if len(inside) >= 4 and calm:
            truth.append((at, 60.0 * (len(inside) - 1) / (inside[-1] - inside[0])))
    mine, my_s = ours(ticks)
    their, their_s = theirs(ticks)
    hours = len(ticks) / SIGNAL_HZ / 3600
    print(f"{hours:.1f} h of displacement at {SIGNAL_HZ} Hz: ours {my_s:.2f} s of CPU, rsp_process {their_s:.2f} s")
    print("\n| simulated night, quiet half minutes | rated | median error /min | 90th | within 1 | within 2 |")
    print("|---|---|---|---|---|---|")
    print(row("ours, causal", mine, np.array(truth)))
    print(row("rsp_process, whole night at once", their, np.array(truth)))


def belt(data: Path) -> None:
    """Seats that are taken: the belt's rate from half a minute after sitting down."""
    mine, their, truth = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for number, source in enumerate(sorted((data / "xm125_seat_enter").glob("*.npz"))):
            path, enter_s = recordings.xm125_seat(source, Path(folder) / "seat.flcap")
            front = Bodies(Module.ACCONEER)
            with open_capture(path) as capture:
                talk = CaptureSenses(capture).conversation
            with open_capture(path) as capture:
                ticks = [
                    tick
                    for record in capture
                    for sample in talk.receive(record.t_s, record.data)
                    for tick, *_ in front.update(sample)
                    if tick is not None and tick.t_s > enter_s + 3.0
                ]
            with np.load(source) as night:
                belt_s = night["belt_t_unix"] - night["t_unix"][0]
                fresh = np.isfinite(night["belt_bpm"]) & (belt_s > enter_s + 33.0)
                points = np.column_stack((belt_s[fresh] - LAG_S, night["belt_bpm"][fresh]))
            far = number * 1e6  # the sessions one after another, so that they do not mix
            for into, told in ((mine, ours(ticks)[0]), (their, theirs(ticks)[0]), (truth, points)):
                into.append(np.asarray(told).reshape(-1, 2) + np.array((far, 0.0)))
    print("\n| XM125 at a seat, against a belt | rated | median error /min | 90th | within 1 | within 2 |")
    print("|---|---|---|---|---|---|")
    print(row("ours, causal", np.vstack(mine), np.vstack(truth)))
    print(row("rsp_process, whole session at once", np.vstack(their), np.vstack(truth)))


if __name__ == "__main__":
    simulated()
    if len(sys.argv) > 1:
        belt(Path(sys.argv[1]) / "data")
