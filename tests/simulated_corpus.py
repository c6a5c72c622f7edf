"""A corpus that nobody recorded: simulated nights as EDF recordings with EDF+ hypnograms, named as those of Sleep-EDF.

    python tests/simulated_corpus.py FOLDER [--nights 500] [--minutes 60] [--hz 20]

Stages are told as Rechtschaffen and Kales have them.  Beside the belt lies a signal of EEG's size that nobody reads.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from edf_files import Channel, edf_bytes, hypnogram_bytes

from models.contract import EPOCH_S
from models.sleeper import SAMPLE_HZ, simulate_night

SEED = 300_000
EEG_HZ = 256
WORDS = ("W", "1", "2", "3", "R")


def write(folder: Path, number: int, minutes: int, times: int) -> None:
    """One recording and its hypnogram: so many minutes around the middle of a night, 0 for the whole of it; every
    sample of the belt stands so many times, as a laboratory that samples all alike would have it.
    """
    night = simulate_night(SEED + number, "belt")
    count = minutes * 60 // EPOCH_S or night.stage5.size
    first = max(night.stage5.size - count, 0) // 2
    stages = night.stage5[first : first + count]
    chest = night.displacement_mm[first * EPOCH_S * SAMPLE_HZ :][: stages.size * EPOCH_S * SAMPLE_HZ]
    digital = np.repeat(np.clip(np.round(chest * 100), -32768, 32767), times)
    eeg = np.zeros(stages.size * EPOCH_S * EEG_HZ, np.int16)
    belt = Channel("Thor", digital, times * SAMPLE_HZ, (-327.68, 327.67), (-32768, 32767))
    name = f"ST7{number:03d}"
    spans = [(k * EPOCH_S, EPOCH_S, f"Sleep stage {WORDS[stage]}") for k, stage in enumerate(stages.tolist())]
    (folder / f"{name}J0-PSG.edf").write_bytes(edf_bytes([Channel("EEG Fpz-Cz", eeg, EEG_HZ), belt]))
    (folder / f"{name}JP-Hypnogram.edf").write_bytes(hypnogram_bytes(spans))


def main() -> None:
    """Write the corpus."""
    parser = argparse.ArgumentParser(description="Write simulated recordings with hypnograms.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--nights", type=int, default=500, choices=range(1, 1001), metavar="1-1000")
    parser.add_argument("--minutes", type=int, default=60, help="of each night; 0 is the whole night")
    parser.add_argument("--hz", type=int, default=SAMPLE_HZ, help=f"of the belt, a multiple of {SAMPLE_HZ}")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for number in range(options.nights):
        write(options.folder, number, options.minutes, options.hz // SAMPLE_HZ)


if __name__ == "__main__":
    main()
