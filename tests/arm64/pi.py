"""Boots the emulated Pi with a twin of the radar on its UART and says what its console told.

    tests/arm64/pi.sh make && python tests/arm64/pi.py LOG [CUTS]

The twin stands outside: its bytes reach the Pi through a pseudo-terminal that QEMU has for the first serial line.
CUTS is how often the power is cut (the emulator killed) in the middle of ringing and the Pi booted again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from drivers.twins import Scene, TinyFrameTwin
from drivers.twins.port import PtyPort, live

PATIENCE_S = 3600.0
HERE = Path(__file__).parent


def sleeper() -> Scene:
    """Somebody who comes after a minute and a half and then breathes 15 times a minute for six hours."""
    t_s = np.arange(6 * 3600 * 20) / 20
    breath = 3 * np.sin(2 * np.pi * 0.25 * t_s + 0.6 * np.sin(t_s / 7) + 0.4 * np.sin(t_s / 3.1))
    return Scene.of_one(t_s, breath, np.full(len(t_s), 0.6), np.where(t_s < 10, 0.8, 0.0))


def boot(port: Path, log: Path, ends: str, words: str) -> bool:
    """One life of the Pi, until its console tells ``ends``; then the power is cut."""
    began, seen = time.monotonic(), 0
    wire = ["-chardev", f"serial,id=radar,path={port}", "-serial", "chardev:radar"]
    command = [HERE / "pi.sh", "boot", *wire, "-serial", f"file:{log}"]
    pi = subprocess.Popen(command, env=os.environ | {"PI_WORDS": words})
    try:
        while time.monotonic() < began + PATIENCE_S and pi.poll() is None:
            time.sleep(1.0)
            lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
            for line in lines[seen:]:
                if "proof " in line:
                    print(f"{time.monotonic() - began:6.0f} s  {line[line.index('proof ') :]}", flush=True)
                    if ends in line:
                        return True
            seen = len(lines)
        return False
    finally:
        pi.kill()
        pi.wait()


def main() -> None:
    log = Path(sys.argv[1])
    cuts = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with tempfile.TemporaryDirectory(prefix="firstlight-pi-") as folder:
        origin, twin = time.monotonic(), TinyFrameTwin(1)
        with PtyPort(Path(folder) / "radar", twin, live(twin, sleeper()), lambda: time.monotonic() - origin):
            for life in range(cuts + 1):
                ends = "over" if life == cuts else "the alarm rings"
                print(f"boot {life + 1}", flush=True)
                words = "firstlight.keep" if life else ""
                if not boot(Path(folder) / "radar", log.with_suffix(f".{life + 1}.log"), ends, words):
                    sys.exit(f"the Pi never told '{ends}'")


if __name__ == "__main__":
    main()
