"""The night's fourteen figures as exports and evaluation have them; the page gives them out and loads no numpy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def fourteen(told: Mapping[str, Any]) -> dict[str, float | None]:
    """The night's fourteen in minutes and per cent, from ``SleepStatistics`` as a dict; None where it is not known.

    TIB, SPT, TST, SOL, WASO, SE, REM latency, awakenings; light, deep and REM each in minutes and per cent of TST.
    """

    def minutes(key: str) -> float | None:
        seconds = told.get(key)
        return None if seconds is None else seconds / 60.0

    tst_s = told.get("tst_s")
    found = {f"{name}_min": minutes(f"{name}_s") for name in ("tib", "spt", "tst", "sol", "waso")}
    found["se_pct"] = None if told.get("se") is None else 100.0 * told["se"]
    found |= {"rem_latency_min": minutes("rem_latency_s"), "awakenings": told.get("awakenings")}
    stages = ("light", "deep", "rem")
    found |= {f"{stage}_min": minutes(f"{stage}_s") for stage in stages}
    for stage in stages:
        seconds = told.get(f"{stage}_s")
        found[f"{stage}_pct"] = 100.0 * seconds / tst_s if tst_s and seconds is not None else None
    return found
