"""Which stage is told of an epoch, once it is known from when to when sleep is believed.

Apart from intent.py because the page asks too, and the page loads no numpy.
"""

from __future__ import annotations

from collections.abc import Sequence

EPOCH_S = 30
SLEEP = ("light", "deep", "rem")


def told_stages(staged: Sequence[tuple[float, str]], slept: Sequence[Sequence[float]]) -> list[str]:
    """Stages as words for epochs (start, stage) in order of time; ``slept`` are periods (start, end).

    Sleep outside of the periods is told as wake.  At both edges, before the first and after the last epoch that was
    staged asleep, wake inside of them is told as light: how sleep begins (N1), and what is commonest before waking.
    """
    inside = [any(start <= at + EPOCH_S / 2 < end for start, end in slept) for at, _ in staged]
    asleep = [k for k, (_, stage) in enumerate(staged) if inside[k] and stage in SLEEP]
    first, last = (asleep[0], asleep[-1]) if asleep else (len(staged), -1)
    told = []
    for k, (_, stage) in enumerate(staged):
        if not inside[k]:
            told.append("wake" if stage in SLEEP else stage)
        elif stage == "wake" and not first <= k <= last:
            told.append("light")
        else:
            told.append(stage)
    return told
