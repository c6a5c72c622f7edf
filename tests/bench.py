"""What the box costs: time for a night, memory, start-up, disk.

    python tests/bench.py night       an 8 h TinyFrame night from bytes to hypnogram, and where the time goes
    python tests/bench.py long        CPU of hour 23 against hour 1 of a 24 h replay
    python tests/bench.py stages      an epoch through features and network, and a night staged again
    python tests/bench.py live        the two services on a twin: start-up, memory, disk and processor

Machines differ and are noisy: read the ratios first.
"""

from __future__ import annotations

import atexit
import cProfile
import os
import pstats
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from appliance.box import sense_with
from appliance.config import parse, render
from appliance.loading import load_scorer, load_stager
from appliance.recording import ticks_from_recording
from appliance.replay import replay
from appliance.respiration import epochs_of
from appliance.scenario import load_scenario, write_simulation
from appliance.settings import Settings
from appliance.status import read_status
from drivers.readings import Module
from drivers.twins import Scene, TinyFrameTwin
from drivers.twins.port import PtyPort, live
from models.features import FEATURE_NAMES
from models.restager import KeptEpoch, Restager
from models.sleeper import SAMPLE_HZ, simulate_night
from models.stager import Stager

ROOT = Path(__file__).parents[1]
STAY = """
[night]
hours = 24
[[person]]
name = "Ada"
[[person.does]]
at = 3
what = "enter"
[[person.does]]
at = 20
what = "try_to_sleep"
"""
ROOMS = {  # which part of the way a file belongs to
    "bytes to samples": ("drivers/",),
    "displacement": ("appliance/displacement.py", "appliance/echo.py"),
    "presence": ("appliance/presence.py",),
    "breathing": ("appliance/respiration.py", "appliance/breaths.py", "appliance/kernels.py", "appliance/tracking.py"),
    "features and stages": ("models/",),
    "core and shell": ("appliance/",),
}


def simulated(folder: Path, text: str | None = None) -> Path:
    """A simulated night as a capture."""
    scenario = ROOT / "tests" / "scenarios" / "alone.toml"
    if text is not None:
        scenario = folder / "stay.toml"
        scenario.write_text(text, encoding="utf-8")
    write_simulation(load_scenario(scenario), 1, Module.TINYFRAME, folder / "night.flcap", folder / "truth.csv")
    return folder / "night.flcap"


def night(folder: Path) -> None:
    """Bytes to hypnogram, and the share of each part."""
    path = simulated(folder)
    stager, _ = load_stager(None)
    settings = Settings()
    times = []
    for _ in range(3):
        lines: list[dict[str, object]] = []
        began, wall = time.process_time(), time.monotonic()
        replay(path, settings, sense_with(stager), lines.append)
        times.append((time.process_time() - began, time.monotonic() - wall))
    frames = lines[-1]["frames"]
    cpu, wall = min(times)
    print(f"{frames} frames, {path.stat().st_size / 1e6:.0f} MB: {cpu:.1f} s of CPU, {wall:.1f} s (best of 3)")
    profile = cProfile.Profile()
    profile.runcall(replay, path, settings, sense_with(stager), lines.append)
    shares = dict.fromkeys([*ROOMS, "Python and libraries"], 0.0)
    for (file, _, _), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        name = file.removeprefix(f"{ROOT}/")
        room = next((room for room, starts in ROOMS.items() if name.startswith(starts)), "Python and libraries")
        shares[room] += own
    total = sum(shares.values())
    print("share of the time under the profiler, each part's own lines:")
    for room, own in shares.items():
        print(f"  {room:22s} {100 * own / total:4.0f} %")


def long(folder: Path) -> None:
    """Whether an hour gets dearer as the night goes on."""
    path = simulated(folder, STAY)
    stager, _ = load_stager(None)
    marks: dict[int, float] = {}
    replay(
        path,
        Settings(),
        sense_with(stager, scorer=load_scorer()[0]),
        lambda line: None,
        progress=lambda t_s: marks.setdefault(int(t_s // 3600), time.process_time()),
    )
    hours = np.diff([marks[hour] for hour in sorted(marks)])
    print("CPU s of each hour: " + " ".join(f"{hour:.2f}" for hour in hours))
    first, last = np.median(hours[1:4]), np.median(hours[20:23])
    print(f"hours 21 to 23 against hours 2 to 4, medians: {last / first:.3f}")
    print(f"hour 23 against hour 1: {hours[22] / hours[1]:.3f}")


def stages(folder: Path) -> None:
    """What the stager costs."""
    simulated_night = simulate_night(1, "belt", hours=8.0)
    epochs = list(epochs_of(ticks_from_recording(simulated_night.displacement_mm, SAMPLE_HZ)))
    stager = Stager.load()
    began, kept = time.process_time(), []
    for epoch in epochs:
        stager.update(epoch)
        kept.append(KeptEpoch(epoch.start_s, epoch.coverage, stager.kept))
    epoch_ms = 1e3 * (time.process_time() - began) / len(epochs)
    row, began = np.zeros(len(FEATURE_NAMES), np.float32), time.process_time()
    for _ in epochs:
        stager.network.step(row)
    step_ms = 1e3 * (time.process_time() - began) / len(epochs)
    restager, began = Restager.load(), time.process_time()
    restager.restage(kept)
    print(
        f"{len(epochs)} epochs: {epoch_ms:.2f} ms each, of which the network {step_ms:.2f} ms; "
        f"staged again in {1e3 * (time.process_time() - began):.0f} ms"
    )


def furnished(
    folder: Path, module: str = "tinyframe", baud: str = "115200", port: int = 8099
) -> tuple[Path, Path, Path]:
    """(configuration, state, run) of a box on a twin at ``folder / "radar"``, with made-up pins and room."""
    run = Path(tempfile.mkdtemp(dir="/dev/shm", prefix="firstlight-bench-"))
    atexit.register(shutil.rmtree, run, ignore_errors=True)
    state = folder / "state"
    state.mkdir()
    text = f"""
        [radar]
        port = "{folder / "radar"}"
        module = "{module}"
        baud = {baud}
        [environment]
        bus = "twin"
        [outputs]
        pins = "mock"
        [paths]
        state = "{state}"
        run = "{run}"
        [web]
        port = {port}
    """
    (folder / "config.toml").write_text(render(parse(text)), encoding="utf-8")
    return folder / "config.toml", state, run


def sleeper(hours: float) -> Scene:
    """Somebody who lies down and breathes, as unevenly as a sleeper."""
    t_s = np.arange(int(hours * 3600) * 20) / 20
    breath = 3 * np.sin(2 * np.pi * 0.25 * t_s + 0.6 * np.sin(t_s / 7) + 0.4 * np.sin(t_s / 3.1))
    return Scene.of_one(t_s, breath, np.full(len(t_s), 0.6), np.where(t_s < 10, 0.8, 0.0))


def live_box(folder: Path, speed: float = 10.0, minutes: float = 30.0) -> None:
    """Both services, a sleeper on a twin."""
    config, state, run = furnished(folder)
    scene = sleeper(4.0)
    origin = time.monotonic()
    twin = TinyFrameTwin(1)
    env = {**os.environ, "STATE_DIRECTORY": str(state)}
    with PtyPort(folder / "radar", twin, live(twin, scene), lambda: (time.monotonic() - origin) * speed):
        base = [sys.executable, "-m", "appliance"]
        command = ["--config", str(config)]
        began = time.monotonic()
        box = subprocess.Popen(
            [*base, "run", *command, "--speed", str(speed), "--start-utc", "2026-01-06T22:00:00Z"], env=env
        )
        page = subprocess.Popen([*base, "web", *command], env=env)
        try:
            status = None
            while status is None or not status.radar.connected:
                status = read_status(run / "status.json")
                time.sleep(0.01)
            print(f"start to first decoded sample: {time.monotonic() - began:.1f} s")
            while status is None or status.session_id is None:
                status = read_status(run / "status.json")
                time.sleep(0.1)
            written, cpu, wall = _written(box.pid), _cpu(box.pid), time.monotonic()
            time.sleep(minutes * 60 / speed)
            hours = (time.monotonic() - wall) * speed / 3600
            print(f"written to disk: {(_written(box.pid) - written) / hours / 1e6:.2f} MB per hour asleep")
            share = (_cpu(box.pid) - cpu) / (time.monotonic() - wall)
            print(f"supervisor: {100 * share:.1f} % of one core at {speed:g} times life")
            print(f"memory (PSS): supervisor {memory_mb(box.pid):.0f} MB, page {memory_mb(page.pid):.0f} MB")
        finally:
            for service in (box, page):
                service.terminate()
                service.wait()


def memory_mb(pid: int) -> float:
    """PSS of a process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no Pss")


def _written(pid: int) -> int:
    fields = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(fields["write_bytes"])


def _cpu(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """One of the four."""
    runs = {"night": night, "long": long, "stages": stages, "live": live_box}
    if len(sys.argv) != 2 or sys.argv[1] not in runs:
        raise SystemExit(__doc__)
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        runs[sys.argv[1]](Path(folder))


if __name__ == "__main__":
    main()
