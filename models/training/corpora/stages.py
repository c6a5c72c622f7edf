"""What scorers write, as the four classes.

Codes of Rechtschaffen and Kales 1968 (stages 1 to 4, movement time) and of the AASM (Iber 2007: N1, N2, N3, R); both
merge as in the contract: 1 and 2 are light, 3 and 4 are deep.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.contract import EPOCH_S, SleepStage
from models.training.dataset import NO_STAGE

W, L, D, R = (int(stage) for stage in (SleepStage.WAKE, SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM))

WORDS = {
    **dict.fromkeys(("W", "WAKE", "0"), W),
    **dict.fromkeys(("1", "N1", "S1", "2", "N2", "S2"), L),
    **dict.fromkeys(("3", "N3", "S3", "4", "S4"), D),
    **dict.fromkeys(("R", "REM"), R),
    # Movement time, undefined, unscored, and nobody's word.
    **dict.fromkeys(("MT", "M", "U", "?"), NO_STAGE),
}
# NSRR and Compumedics Profusion: the number behind the bar of "REM sleep|5"; 6 movement, 9 unscored.
NSRR_CODES = {"0": W, "1": L, "2": L, "3": D, "4": D, "5": R, "6": NO_STAGE, "9": NO_STAGE}
# BOAS, its README: AASM 0 W, 1 N1, 2 N2, 3 N3, 4 REM; 8 disconnected, -2 not scored.
BOAS_CODES = {"0": W, "1": L, "2": L, "3": D, "4": R, "8": NO_STAGE, "-2": NO_STAGE}


class CorpusError(Exception):
    """A night of a corpus cannot be used; one line."""


class Span(NamedTuple):
    """A stretch of one stage."""

    onset_s: float  # since the first sample
    duration_s: float
    stage: int  # SleepStage value or NO_STAGE


def stage_of_text(text: str) -> int | None:
    """The stage of an EDF+ annotation (``Sleep stage N2``, ``Movement time``); None when it tells of something else."""
    words = text.upper().split()
    if words[:2] == ["SLEEP", "STAGE"] and len(words) == 3:
        return WORDS.get(words[2])
    return NO_STAGE if words == ["MOVEMENT", "TIME"] else None


def until_the_next(starts: Sequence[tuple[float, int]]) -> list[Span]:
    """Spans of ``(onset_s, stage)`` in order of time, each lasting until the next begins; the last one an epoch."""
    ends_s = [onset_s for onset_s, _ in starts[1:]] + [onset_s + EPOCH_S for onset_s, _ in starts[-1:]]
    return [Span(onset_s, end_s - onset_s, stage) for (onset_s, stage), end_s in zip(starts, ends_s, strict=True)]


def stages_of(spans: Iterable[Span], epochs: int) -> NDArray[np.int8]:
    """The stage in the middle of each of so many 30 s epochs, (epochs,); where spans overlap, the later one's."""
    stages = np.full(epochs, NO_STAGE, np.int8)
    for span in spans:
        first = math.ceil(span.onset_s / EPOCH_S - 0.5)
        last = math.ceil((span.onset_s + span.duration_s) / EPOCH_S - 0.5)
        stages[max(first, 0) : max(last, 0)] = span.stage
    return stages
