"""A real belt night through a pseudo-terminal into the real box, and its capture replayed.

    python tests/measure_live.py FOLDER [SPEED [MINUTES]]

FOLDER holds the recordings (FIRSTLIGHT_DATA).  Printed: whether the capture that was teed gives the epochs that the box
wrote into its database while it lived, and how many stages agree with a replay of the bytes that were sent.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from itertools import takewhile
from pathlib import Path
from typing import Any

import recordings
from measure_recordings import replayed

from appliance.box import build, database
from appliance.clock import WallClock
from appliance.config import parse
from appliance.store import Role, Store
from drivers.capture import open_capture
from drivers.twins import TinyFrameTwin
from drivers.twins.port import PtyPort

NIGHT = "24_20231203"
START_UTC_S = 1_767_650_400.0  # 2026-01-05 22:00, as the captures say


def main() -> None:
    """Live, then twice from bytes."""
    if not 2 <= len(sys.argv) <= 4:
        raise SystemExit(__doc__)
    source = Path(sys.argv[1]) / "data" / "overnight_belts" / f"{NIGHT}_resp.npz"
    speed = float(sys.argv[2]) if len(sys.argv) > 2 else 30.0
    minutes = float(sys.argv[3]) if len(sys.argv) > 3 else 1e9
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sent = recordings.belt_night(source, folder / "sent.flcap")
        length_s, lived = _live(folder, sent, speed, minutes * 60.0)
        teed = epochs_of(replayed(folder / "live.flcap"))
        original = epochs_of(replayed(sent))
        print(f"night {NIGHT}, {length_s / 3600:.2f} h at {speed:g} times life")
        same = sum(teed.get(start_s) == epoch for start_s, epoch in lived.items())
        print(f"epochs written live: {len(lived)}; the teed capture gives the same for {same}")
        both = [start_s for start_s in lived if start_s in original]
        agree = sum(lived[start_s][0] == original[start_s][0] for start_s in both)
        print(
            f"stages that agree with the bytes that were sent: {agree} of {len(both)}, {100 * agree / len(both):.2f} %"
        )


def _live(folder: Path, sent: Path, speed: float, most_s: float) -> tuple[float, dict[int, Any]]:
    """(seconds played, what the database then holds of each epoch: stage, probabilities, coverage)."""
    (folder / "state").mkdir()
    config = parse(
        f"""
        [radar]
        port = "{folder / "radar"}"
        module = "tinyframe"
        baud = 115200
        [environment]
        enabled = false
        [outputs]
        pins = "mock"
        [paths]
        state = "{folder / "state"}"
        run = "{folder}"
        """
    )
    stop = threading.Event()
    with open_capture(sent) as capture:
        stream = [(record.t_s, record.data) for record in takewhile(lambda record: record.t_s < most_s, capture)]
    length_s = stream[-1][0]
    clock = WallClock(speed, START_UTC_S)
    with PtyPort(folder / "radar", TinyFrameTwin(1), stream, lambda: clock.now().mono_s):
        box = build(config, clock, stop, raw=folder / "live.flcap", simulated=True)
        timer = threading.Timer((length_s + 5.0 - clock.now().mono_s) / speed, stop.set)
        timer.start()
        box.run(stop)
    with Store(database(config), Role.WEB) as store:
        session = store.last_session()
        assert session is not None
        found = store.epochs(session)
    return length_s, {
        round(epoch.start_utc - START_UTC_S): (
            epoch.stage,
            *(None if p is None else round(p, 4) for p in (epoch.p_wake, epoch.p_light, epoch.p_deep, epoch.p_rem)),
            round(epoch.coverage, 3),
        )
        for epoch in found
    }


def epochs_of(lines: list[dict[str, Any]]) -> dict[int, Any]:
    """Stage, probabilities and coverage of each epoch of a replay, by its start in seconds."""
    keys = ("stage", "p_wake", "p_light", "p_deep", "p_rem", "coverage")
    return {round(line["t"]): tuple(line[key] for key in keys) for line in lines if line["kind"] == "epoch"}


if __name__ == "__main__":
    main()
