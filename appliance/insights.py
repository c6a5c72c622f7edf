"""A few sentences about some nights, each with the nights and numbers behind it; nothing from fewer than five nights.

They say what was measured and what is commonly held of it, and never what somebody suffers from.  Bands: temperature
PMID 37474050 and custom; carbon dioxide Kang et al. 2023 (efficiency 1.8 % lower at 1 300 ppm).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from appliance.trends import FEWEST, TrendNight, median, since_noon_min, spread_min

MOST = 3
REGULAR_MIN, IRREGULAR_MIN = 20.0, 45.0  # standard deviation of the time of falling asleep
LONG_MIN, SHORT_MIN = 30.0, 5.0  # to fall asleep
WARM_C, COLD_C = 24.0, 18.0
STALE_PPM = 1150.0


def insights(nights: Sequence[TrendNight], zone: ZoneInfo) -> list[str]:
    """At most three sentences, the most telling first."""
    if len(nights) < FEWEST:
        return []
    found = (*_falling_asleep(nights), *_regular(nights, zone), *_air(nights), *_warmth(nights))
    return list(found)[:MOST]


def _falling_asleep(nights: Sequence[TrendNight]) -> list[str]:
    """Only where it is known when trying began: from going to bed alone, reading would count."""
    known = [
        night.told["sol_s"] / 60
        for night in nights
        if night.told.get("counted_from") == "trying" and night.told.get("sol_s") is not None
    ]
    if len(known) < FEWEST:
        return []
    middle, ends = median(known), f"{min(known):.0f} to {max(known):.0f} min"
    took = f"Falling asleep took {middle:.0f} min at the median of {len(known)} nights ({ends})"
    if middle > LONG_MIN:
        return [f"{took}; up to {LONG_MIN:.0f} min is common. Going to bed later, when sleepy, tends to shorten it."]
    if middle < SHORT_MIN:
        return [f"{took}; within {SHORT_MIN:.0f} min is quick, as after too little sleep. Try more time in bed."]
    return []


def _regular(nights: Sequence[TrendNight], zone: ZoneInfo) -> list[str]:
    sd = spread_min(nights, zone)
    if sd is None or REGULAR_MIN <= sd <= IRREGULAR_MIN:
        return []
    known = (night.onset_utc for night in nights if night.onset_utc is not None)
    onsets = sorted(known, key=lambda utc_s: since_noon_min(utc_s, zone))
    first, last = (datetime.fromtimestamp(t, UTC).astimezone(zone) for t in (onsets[0], onsets[-1]))
    spread = f"with a standard deviation of {sd:.0f} min over {len(onsets)} nights"
    between = f"between {first:%H:%M} and {last:%H:%M}, {spread}"
    if sd < REGULAR_MIN:
        return [f"You fell asleep at much the same time: {between}."]
    return [f"You fell asleep at very different times: {between}. The same time every day is the easiest thing to try."]


def _air(nights: Sequence[TrendNight]) -> list[str]:
    known = [night.co2_ppm for night in nights if night.co2_ppm is not None]
    stale = [value for value in known if value > STALE_PPM]
    if len(known) < FEWEST or len(stale) * 2 <= len(known):
        return []
    return [
        f"Carbon dioxide went above {STALE_PPM:.0f} ppm in {len(stale)} of {len(known)} nights, up to"
        f" {max(stale):.0f} ppm."
        " Studies found sleep a little lighter in such air; a window ajar helps."
    ]


def _warmth(nights: Sequence[TrendNight]) -> list[str]:
    known = [night.temperature_c for night in nights if night.temperature_c is not None]
    if len(known) < FEWEST or COLD_C <= median(known) <= WARM_C:
        return []
    side = "warm" if median(known) > WARM_C else "cool"
    return [
        f"The room was {side}: {median(known):.1f} °C at the median of {len(known)} nights, where {COLD_C:.0f} to"
        f" {WARM_C:.0f} °C suits most people."
    ]
