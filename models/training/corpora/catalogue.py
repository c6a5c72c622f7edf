"""What recordings a folder holds, whose they are, and where their stages lie: by the names of files alone.

Known by name, from their public descriptions: Sleep-EDF Expanded (``SC4ssNE0-PSG.edf`` and ``SC4ssNEC-Hypnogram.edf``,
ss the person), SHHS (``shhs1-200001.edf``), MESA (``mesa-sleep-0001.edf``), BOAS (BIDS names), slpdb (``slp01a.hea``)
and Challenge 2018 (``tr03-0005.hea``).  Others are taken too, each recording as a person of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

SLEEP_EDF = re.compile(r"(s[ct][47]\d{3}[a-z])[a-z\d]-(psg|hypnogram)", re.I)
ENDING = re.compile(r"([-_](nsrr|profusion|hypnogram|sleepscoring|scoring|annotations|stages|eeg|events))$", re.I)
HYPNOGRAM = re.compile(r"hypnogram|scoring|annotations$|stages$", re.I)
ANNOTATORS = (".st", ".arousal")  # of slpdb and Challenge 2018
OTHER = "other recordings"
SETS = (
    ("Sleep-EDF Expanded", re.compile(r"(s[ct][47]\d\d)\d[a-z]", re.I)),
    ("SHHS", re.compile(r"shhs\d-(\d+)")),
    ("MESA", re.compile(r"mesa-sleep-(\d+)")),
    ("BOAS", re.compile(r"(sub-\d+)_task-sleep_acq-psg", re.I)),
    ("MIT-BIH Polysomnographic Database", re.compile(r"(slp\d\d)[a-z]?")),
    ("Challenge 2018", re.compile(r"(t[re]\d\d-\d{4})")),
)
# Sleep-EDF's first person and slpdb's record 60 are what the shipped models are judged by: nothing may learn from them.
TEST_PEOPLE = frozenset({("Sleep-EDF Expanded", "SC400"), ("MIT-BIH Polysomnographic Database", "SLP60")})


class Person(NamedTuple):
    """Whose night it is: a person's nights are never split between learning and judging."""

    corpus: str
    code: str


@dataclass(frozen=True)
class Recording:
    """A file of signals (EDF, or the header of a PhysioNet record) and the file of its stages."""

    key: str  # its name in the corpus, without what tells it from its hypnogram
    path: Path
    scoring: Path | None  # None: its stages stand in the recording itself, if anywhere


def person_of(key: str) -> Person:
    """By the table of sets; a key that it does not know is a person."""
    for corpus, pattern in SETS:
        if found := pattern.fullmatch(key):
            return Person(corpus, found[1].upper())
    return Person(OTHER, key)


def catalogue(folder: Path) -> list[Recording]:
    """Every recording below a folder, in the order of their paths."""
    signals: list[Path] = []
    scorings: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        suffix = path.suffix.lower()
        scored = suffix in (".xml", *ANNOTATORS) or (suffix == ".edf" and HYPNOGRAM.search(path.stem))
        if scored or path.name.endswith("_events.tsv"):
            scorings.setdefault(_key(path), []).append(path)
        elif suffix in (".edf", ".hea"):
            signals.append(path)
    keys = [_key(path) for path in signals]
    times = Counter(keys)
    recordings = []
    for path, key in zip(signals, keys, strict=True):
        found = sorted(scorings.get(key, []), key=_preference)
        beside = [one for one in found if one.parent == path.parent]
        if times[key] > 1:  # such as psg.edf in a folder for each person: the folder is part of the name
            key = "_".join(path.relative_to(folder).with_name(key).parts)
            found = []
        recordings.append(Recording(key, path, next(iter(beside or found), None)))
    return recordings


def _key(path: Path) -> str:
    found = SLEEP_EDF.fullmatch(path.stem)
    return found[1] if found else ENDING.sub("", path.stem)


def _preference(path: Path) -> tuple[int, str]:
    """NSRR's own XML before Profusion's: it tells the times of its stages."""
    return (path.stem.endswith("-profusion"), str(path))
