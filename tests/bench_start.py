"""How soon the box senses after a start and after a kill, and what its imports cost.

    python tests/bench_start.py start [KILLS]   process start and kill -9 to sensing, on a twin, in the time of life
    python tests/bench_start.py imports         seconds and memory of each import and each model, in their order

A process is started again after the unit's RestartSec, as systemd does.  It senses once the status tells whether
somebody is there, from frames that this process has heard.  That a still sleeper is there takes as many breaths as it
takes to be sure of them, and is told beside it for the last start.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import ROOT, furnished, sleeper

from appliance.status import Status, read_status
from appliance.terminal import Bar
from drivers.twins import TinyFrameTwin
from drivers.twins.port import PtyPort, live

PATIENCE_S = 120.0
Moments = dict[str, Callable[[Status], bool]]
MOMENTS: Moments = {
    "first turn, so that an alarm rings": lambda status: True,
    "first frame understood": lambda status: status.radar.connected,
    "sensing": lambda status: status.present is not None,
}
SURE: Moments = {"sure": lambda status: status.present is True}
SERVICES = {
    "supervisor": (
        *("import click", "import sqlite3", "import numpy", "import serial", "import smbus2", "import gpiozero"),
        *("import numba", "import appliance.kernels", "import appliance.box"),
        "from appliance.box import load_stager; stager = load_stager(None)",
        "from appliance.box import load_restager; restager = load_restager(None)",
    ),
    "page": ("import click", "import sqlite3", "import waitress", "import flask", "import appliance.web"),
}


def start(folder: Path, kills: int = 20) -> None:
    """A first start with nothing compiled, then kills and starts again."""
    config, state, run = furnished(folder, "auto", '"auto"')
    unit = (ROOT / "systemd" / "firstlight.service").read_text(encoding="utf-8")
    restart_s = float(re.findall(r"^RestartSec=(.+)$", unit, re.M)[0])
    env = {**os.environ, "STATE_DIRECTORY": str(state), "NUMBA_CACHE_DIR": str(folder / "numba")}
    dice, twin, origin = random.Random(1), TinyFrameTwin(1), time.monotonic()
    took: list[dict[str, float]] = []
    with (
        PtyPort(folder / "radar", twin, live(twin, sleeper(2.0)), lambda: time.monotonic() - origin),
        Bar(kills, "killing", not sys.stderr.isatty()) as bar,
    ):
        for number in range(kills + 2):
            began = time.monotonic()
            if number > 1:
                time.sleep(restart_s)
            since = time.time()
            process = subprocess.Popen(
                [sys.executable, "-m", "appliance", "run", "--config", str(config)],
                env=env,
                stderr=subprocess.DEVNULL,
            )
            try:
                took.append(_moments(run / "status.json", since, began, MOMENTS))
                if number == kills + 1:
                    sure = _moments(run / "status.json", since, began, SURE)
                time.sleep(dice.uniform(0.0, 3.0))
            finally:
                process.kill()
                process.wait()
            bar.update(max(0, number - 1))
    for name in MOMENTS:
        again = sorted(one[name] for one in took[2:])
        print(
            f"{name}: {took[0][name]:.1f} s at the first start ever, {took[1][name]:.1f} s at the second; "
            f"after a kill, {restart_s:g} s before the start included: median {again[len(again) // 2]:.1f} s, "
            f"longest {again[-1]:.1f} s of {len(again)}"
        )
    print(f"after the last kill it was sure of a sleeper who lies still after {sure['sure']:.0f} s")


def _moments(path: Path, since_utc: float, began: float, moments: Moments) -> dict[str, float]:
    """Seconds from ``began`` until each of ``moments`` is told by a process that started at ``since_utc``."""
    found: dict[str, float] = {}
    while len(found) < len(moments):
        if time.monotonic() > began + PATIENCE_S:
            raise SystemExit(f"not sensing after {PATIENCE_S:.0f} s: {read_status(path)}")
        status = read_status(path)
        if status is not None and status.utc_s > since_utc:
            for name, holds in moments.items():
                if name not in found and holds(status):
                    found[name] = time.monotonic() - began
        time.sleep(0.01)
    return found


def imports() -> None:
    """Each in a fresh process of its service, in the order given: what an earlier one brought costs a later nothing."""
    for service, statements in SERVICES.items():
        print(f"{service}:", flush=True)
        subprocess.run([sys.executable, ROOT / "tests" / "weigh.py", *statements], cwd=ROOT, check=True)


def main() -> None:
    """One of the two."""
    match sys.argv[1:]:
        case ["imports"]:
            imports()
        case ["start", *kills]:
            (ROOT / "build").mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
                start(Path(folder), *(int(number) for number in kills))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
