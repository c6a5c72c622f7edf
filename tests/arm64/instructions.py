"""How many arm64 instructions the box takes for a second of life, from which a Pi's processor share follows.

    tests/arm64/count.sh RELEASE live [MODULE MINUTES]     the supervisor at life's own pace, somebody asleep
    tests/arm64/count.sh RELEASE replay CAPTURE [TURN_S]   a capture through the supervisor, by turns of 0.1 s as live

That runs this file in an emulated root and gives it, in COUNTED, the command before a Python that counts its
instructions into the file COUNT.  ``live`` needs a machine that keeps the pace under emulation; ``replay`` comes out
the same on a busy machine, but has no port, no pins and no status file.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import appliance.replay
from appliance.box import sense_with
from appliance.loading import load_scorer, load_stager
from appliance.settings import Settings
from appliance.status import Status, read_status
from drivers.readings import Module
from drivers.twins import AcconeerTwin, MicradarTwin, TinyFrameTwin
from drivers.twins.port import PtyPort, live

TWINS = {Module.TINYFRAME: TinyFrameTwin, Module.MICRADAR: MicradarTwin, Module.ACCONEER: AcconeerTwin}
PERIOD_S = 60.0  # two epochs
SETTLING_S = 180.0  # after the session began
MARK_S = 150  # five epochs


def counted(file: Path) -> int:
    return int.from_bytes(file.read_bytes(), "little")


def status_of(run: Path, box: subprocess.Popen[bytes]) -> Status | None:
    if box.poll() is not None:
        sys.exit(f"the supervisor ended: {box.returncode}")
    return read_status(run / "status.json")


def measure(folder: Path, module: Module, minutes: int) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from bench import furnished, sleeper  # here, so that a counted replay starts without it

    config, state, run = furnished(folder, module.value, '"auto"')
    scene = sleeper(2.0)
    origin, twin = time.monotonic(), TWINS[module](1)
    with PtyPort(folder / "radar", twin, live(twin, scene), lambda: time.monotonic() - origin):
        command = [*shlex.split(os.environ["COUNTED"]), sys.executable, "-m", "appliance", "run"]
        began = time.monotonic()
        box = subprocess.Popen([*command, "--config", str(config)], env=os.environ | {"STATE_DIRECTORY": str(state)})
        count = Path(os.environ["COUNT"])
        try:
            status = status_of(run, box)
            while status is None or not status.radar.connected:
                time.sleep(0.1)
                status = status_of(run, box)
            took_s, spent = time.monotonic() - began, counted(count) / 1e9
            print(f"start to first sample: {took_s:.0f} s, {spent:.2f}e9 instructions", flush=True)
            while status is None or status.session_id is None:
                time.sleep(0.5)
                status = status_of(run, box)
            time.sleep(SETTLING_S)
            rates = []
            for _ in range(minutes):
                before, at = counted(count), time.monotonic()
                time.sleep(PERIOD_S)
                rates.append((counted(count) - before) / (time.monotonic() - at) / 1e6)
                status = status_of(run, box)
                print(f"{rates[-1]:.2f}e6 instructions a second; stage {status and status.stage}", flush=True)
            spread = f"least {min(rates):.2f}e6, most {max(rates):.2f}e6"
            print(f"{module.value}, {minutes} minutes: mean {np.mean(rates):.2f}e6 instructions a second, {spread}")
        finally:
            box.terminate()
            box.wait()


def replayed(capture: str, turn_s: str) -> None:
    """Starts itself again under the counter."""
    command = [*shlex.split(os.environ["COUNTED"]), sys.executable, __file__, "within", capture, turn_s]
    subprocess.run(command, check=True)


def within(capture: Path, turn_s: float) -> None:
    """A replay that reads, as it goes, how many instructions it has taken."""
    count, marks = Path(os.environ["COUNT"]), [(0.0, 0)]

    def look(t_s: float) -> None:
        if t_s >= marks[-1][0] + MARK_S:
            before, spent = marks[-1]
            marks.append((t_s, counted(count)))
            if before:
                rate = (marks[-1][1] - spent) / (t_s - before) / 1e6
                print(f"{before:.0f} to {t_s:.0f} s: {rate:.3f}e6 instructions a second of night", flush=True)

    appliance.replay.TURN_S = turn_s
    sense = sense_with(load_stager(None)[0], scorer=load_scorer(None)[0])
    appliance.replay.replay(capture, Settings(), sense, lambda line: None, progress=look)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="firstlight-count-") as folder:
        match sys.argv[1:]:
            case ["live", *options] if len(options) in (0, 2):
                module, minutes = options or ("tinyframe", "10")
                measure(Path(folder), Module(module), int(minutes))
            case ["replay", capture, *turn_s] if len(turn_s) < 2:
                replayed(capture, *(turn_s or ("0.1",)))
            case ["within", capture, turn_s]:
                within(Path(capture), float(turn_s))
            case _:
                sys.exit(__doc__)


if __name__ == "__main__":
    main()
