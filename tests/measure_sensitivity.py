"""How far stages depend on when exactly samples are stamped: the ceiling of any live run against its original bytes.

    python tests/measure_sensitivity.py FOLDER

The belt night of ``measure_live.py`` is replayed with every record a constant 40 ms late, and with random lateness.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import recordings
from measure_live import NIGHT, epochs_of
from measure_recordings import replayed

from drivers.capture import CaptureWriter, open_capture

PROBABILITIES = slice(1, 5)
LATENESS = ((0.040, 0.0), (0.0, 0.005), (0.0, 0.020), (0.0, 0.040))  # seconds: constant, standard deviation


def late(source: Path, out: Path, constant_s: float, spread_s: float) -> Path:
    """The capture with every record later; their order stays."""
    random = np.random.default_rng(0)
    with open_capture(source) as capture, out.open("wb") as stream:
        writer, last_s = CaptureWriter(stream, capture.header), 0.0
        for record in capture:
            last_s = max(last_s, record.t_s + constant_s + abs(random.normal(0.0, spread_s)))
            writer.write(last_s, record.channel, record.data)
    return out


def main() -> None:
    """The table."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = Path(sys.argv[1]) / "data" / "overnight_belts" / f"{NIGHT}_resp.npz"
        sent = recordings.belt_night(source, folder / "sent.flcap")
        before = epochs_of(replayed(sent))
        print("| every record later by | stages that stay | lead of the stage that was lost, median |")
        print("|---|---|---|")
        for constant_s, spread_s in LATENESS:
            after = epochs_of(replayed(late(sent, folder / "late.flcap", constant_s, spread_s)))
            both = [start for start in before if start in after]
            lost = [start for start in both if before[start][0] != after[start][0]]
            leads = [float(np.diff(np.sort(before[start][PROBABILITIES])[-2:])[0]) for start in lost]
            words = f"{1000 * constant_s:.0f} ms" if constant_s else f"a random time, sd {1000 * spread_s:.0f} ms"
            share = 100 * (1 - len(lost) / len(both))
            print(f"| {words} | {share:.1f} % of {len(both)} | {np.median(leads):.2f} |", flush=True)


if __name__ == "__main__":
    main()
