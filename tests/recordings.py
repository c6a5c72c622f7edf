"""Real recordings turned into the wire bytes that their module would have sent, as captures.

    python tests/recordings.py FOLDER OUT      # FOLDER: where the recordings lie (FIRSTLIGHT_DATA)

The recordings are not part of the project and are never copied into it.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from drivers.capture import CaptureHeader, CaptureWriter, Channel
from drivers.micradar import Frame, encode
from drivers.readings import Module
from drivers.twins import AcconeerTwin, Scene, TinyFrameTwin
from drivers.twins.acconeer import sweeps_of

STARTED = "2026-01-05T22:00:00Z"
BELT_MM = 4.0  # given to a belt's typical breath (5th to 95th percentile of 20 s): a chest seen from the side
BELT_DISTANCE_M = 0.6
LEAD_S = 60.0  # of an empty room before the belt begins
PHASE_STEP_S = 0.0625  # TinyFrame phases leave 16 times a second

Chunks = Iterable[tuple[float, bytes]]


def write(path: Path, module: Module, chunks: Chunks, **extra: Any) -> Path:
    """One capture of bytes from a radar."""
    with path.open("wb") as stream:
        writer = CaptureWriter(stream, CaptureHeader(module, STARTED, extra))
        for t_s, data in chunks:
            writer.write(t_s, Channel.RADAR_RX, data)
    return path


def xm125_seat(source: Path, out: Path) -> tuple[Path, float]:
    """A seat that is empty and then taken; returns the capture and the second at which somebody sat down."""
    with np.load(source) as night:
        t_s = night["t_unix"] - night["t_unix"][0]
        sweeps = sweeps_of(night["iq"], night["sweep_std"])
        enter_s = float(night["enter_unix"] - night["t_unix"][0])
        base_m = 0.0025022  # the module's, as in the vendor's metadata
        start, step = night["range_m"][0] / base_m, np.diff(night["range_m"]).mean() / base_m
    config = {
        "start_point": round(float(start)),
        "num_points": sweeps.shape[2],
        "step_length": round(float(step)),
        "sweeps_per_frame": sweeps.shape[1],
        "frame_rate": 20.0,
    }
    twin = AcconeerTwin(sensor_config=config, base_step_m=base_m)
    return write(out, Module.ACCONEER, twin.recorded(t_s, sweeps), sensor_config=config), enter_s


def a121_vendor(source: Path, out: Path) -> Path:
    """A recording of the module's maker, with the subsweeps that it was made with."""
    with np.load(source) as recording:
        sweeps = recording["iq"]
        rate_hz = float(recording["fs"])
        t_s = np.arange(len(sweeps)) / rate_hz
        group = next(iter(json.loads(str(recording["session_config"]))["groups"][0].values()))
        base_m = json.loads(str(recording["metadata"]))["base_step_length_m"]
    config = [
        {key: subsweep[key] for key in ("start_point", "num_points", "step_length")}
        | {"sweeps_per_frame": group["sweeps_per_frame"], "frame_rate": rate_hz}
        for subsweep in group["subsweeps"]
    ]
    setup = config if len(config) > 1 else config[0]
    twin = AcconeerTwin(sensor_config=setup, base_step_m=base_m)
    return write(out, Module.ACCONEER, twin.recorded(t_s, sweeps), sensor_config=setup)


def micradar_logs(source: Path) -> dict[str, list[tuple[float, str, float]]]:
    """The decoded log of a Micradar module, by recording: (seconds since its start, key, value)."""
    with source.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    logs: dict[str, list[tuple[float, str, float]]] = {}
    for name, group in groupby(rows, key=lambda row: row["file"]):
        log: list[tuple[float, str, float]] = []
        second = None
        for row in group:
            hours, minutes, seconds = (int(part) for part in row["time"].split(":"))
            clock = 3600 * hours + 60 * minutes + seconds
            if second is None:
                first = second = clock
            # Lines a little out of order stay where they are; a log across midnight goes on.
            second = max(second, clock + 86_400 * round((second - clock) / 86_400))
            log.append((float(second - first), row["key"], float(row["value"] or "nan")))
        logs[name] = log
    return logs


def micradar_log(log: list[tuple[float, str, float]], out: Path) -> Path:
    """Body movement, distance, rates and motion state, as the frames that carried them."""
    words = {"body": (0x80, 0x03), "dist_cm": (0x80, 0x04), "rr": (0x81, 0x02), "hr": (0x85, 0x02)}

    def chunks() -> Iterator[tuple[float, bytes]]:
        for t_s, key, value in log:
            if key in ("moving", "stationary"):
                yield t_s, encode(Frame(0x80, 0x02, b"\x02" if key == "moving" else b"\x01"))
            elif key in words and value == value:
                data = int(value).to_bytes(2 if key == "dist_cm" else 1, "big")
                yield t_s, encode(Frame(*words[key], data))

    return write(out, Module.MICRADAR, chunks())


def belt_mm(source: Path) -> tuple[np.ndarray, np.ndarray]:
    """(seconds, millimetres) of a night of a breathing belt, scaled to a chest's travel."""
    with np.load(source) as night:
        resp = night["resp"].astype(float)
        rate_hz = float(night["fs"])
    windows = resp[: len(resp) // (20 * round(rate_hz)) * 20 * round(rate_hz)].reshape(-1, 20 * round(rate_hz))
    depth = np.median(np.diff(np.percentile(windows, (5, 95), axis=1), axis=0))
    return np.arange(len(resp)) / rate_hz, (resp - np.median(resp)) / depth * BELT_MM


def belt_night(source: Path, out: Path, lead_s: float = LEAD_S) -> Path:
    """A whole night of a belt as TinyFrame phases, after a minute of an empty room."""
    belt_s, mm = belt_mm(source)
    t_s = np.arange(0.0, lead_s + belt_s[-1], PHASE_STEP_S)
    displacement = np.interp(t_s - lead_s, belt_s, mm)
    there = t_s >= lead_s
    distance = np.where(there, BELT_DISTANCE_M, np.nan)
    twin = TinyFrameTwin(seed=1)
    chunks = twin.night(Scene.of_one(t_s, np.where(there, displacement, np.nan), distance))
    return write(out, Module.TINYFRAME, chunks)


def main() -> None:
    """Turn the three kinds of recording into captures, one file each."""
    if len(sys.argv) != 3:
        raise SystemExit("usage: python tests/recordings.py FOLDER OUT")
    data, out = Path(sys.argv[1]) / "data", Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    for source in sorted((data / "xm125_seat_enter").glob("*.npz")):
        _, enter_s = xm125_seat(source, out / f"xm125_{source.stem}.flcap")
        print(f"xm125_{source.stem}.flcap: somebody sits down at {enter_s:.1f} s")
    for source in sorted((data / "a121_vendor").glob("a121_*.npz")):
        print(a121_vendor(source, out / f"{source.stem}.flcap").name)
    for name, log in micradar_logs(data / "mr60bha1_logs" / "module_log.csv").items():
        print(micradar_log(log, out / f"mr60bha1_{name}.flcap").name)
    for name in ("07_20231116", "17_20231124", "24_20231203"):
        print(belt_night(data / "overnight_belts" / f"{name}_resp.npz", out / f"belt_{name}.flcap").name)


if __name__ == "__main__":
    main()
