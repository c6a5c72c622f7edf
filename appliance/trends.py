"""Nights beside each other: one a day, how regular they are, and what is usual of them.

Sleep regularity index: Phillips et al. 2017, Sci Rep 7:3216.  It is the chance that one is in the same state, asleep or
awake, at two instants 24 h apart, on a scale where 100 is always and 0 is chance.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

EPOCH_S = 30
NIGHT_S = 3600  # a shorter stay in bed is no night
DAY_EPOCHS = 86_400 // EPOCH_S
FEWEST = 5  # nights, below which nothing is said of what is usual
BAND_SD = 2.0


@dataclass(frozen=True, slots=True)
class TrendNight:
    """What trends need of a night; instants in UTC seconds, None where not known."""

    id: int
    entered_utc: int
    left_utc: int
    trying_utc: int | None
    onset_utc: int | None
    final_utc: int | None
    told: Mapping[str, Any]  # SleepStatistics as a dict
    asleep: Sequence[int]  # starts of the epochs asleep
    rate_brpm: float | None  # mean while asleep
    temperature_c: float | None = None  # mean of the night
    co2_ppm: float | None = None  # the highest

    def day(self, zone: ZoneInfo) -> date:
        """The date of its morning: that of the noon which follows the middle of the stay."""
        middle_utc = (self.entered_utc + self.left_utc) // 2
        return datetime.fromtimestamp(middle_utc + 12 * 3600, UTC).astimezone(zone).date()


class Band(NamedTuple):
    """What is usual: the mean and two standard deviations to either side, of so many nights."""

    low: float
    mean: float
    high: float
    nights: int


def one_a_day(nights: Sequence[TrendNight], zone: ZoneInfo) -> list[TrendNight]:
    """The longest stay from each noon to the next, earliest first, so that naps are left out."""
    best: dict[date, TrendNight] = {}
    for night in nights:
        length_s, standing = night.left_utc - night.entered_utc, best.get(night.day(zone))
        if length_s >= NIGHT_S and (standing is None or length_s > standing.left_utc - standing.entered_utc):
            best[night.day(zone)] = night
    return [best[day] for day in sorted(best)]


def regularity(nights: Sequence[TrendNight], zone: ZoneInfo) -> tuple[float, int] | None:
    """The sleep regularity index and how many pairs of days it rests on; None from fewer than four pairs.

    A day runs from noon to noon; outside of bed one counts as awake, so a nap elsewhere is not seen.  ``nights`` as
    ``one_a_day`` gives them; days without a night are left out with both their pairs.
    """
    states = {night.day(zone): _state(night, zone) for night in nights if night.asleep}
    pairs = [(states[day], states[day + timedelta(1)]) for day in states if day + timedelta(1) in states]
    if len(pairs) < FEWEST - 1:
        return None
    unlike = sum(len(one ^ next_one) for one, next_one in pairs)
    return 100.0 - 200.0 * unlike / (DAY_EPOCHS * len(pairs)), len(pairs)


def _state(night: TrendNight, zone: ZoneInfo) -> set[int]:
    """The half minutes asleep since the noon before."""
    noon = datetime.combine(night.day(zone) - timedelta(1), datetime.min.time(), zone).replace(hour=12)
    first = int(noon.timestamp())
    found = {(start - first) // EPOCH_S for start in night.asleep}
    return {k for k in found if 0 <= k < DAY_EPOCHS}


def band(values: Sequence[float | None]) -> Band | None:
    """What is usual of the values that are known; None from fewer than five."""
    known = [value for value in values if value is not None]
    if len(known) < FEWEST:
        return None
    mean, sd = statistics.fmean(known), statistics.stdev(known)
    return Band(mean - BAND_SD * sd, mean, mean + BAND_SD * sd, len(known))


def since_noon_min(utc_s: float, zone: ZoneInfo) -> float:
    """The time of day in minutes since noon, so that midnight is in the middle: 0 up to 1440."""
    at = datetime.fromtimestamp(utc_s, UTC).astimezone(zone)
    return ((at.hour - 12) * 60 + at.minute + at.second / 60) % 1440


def spread_min(nights: Sequence[TrendNight], zone: ZoneInfo) -> float | None:
    """Standard deviation of the time of falling asleep in minutes; None from fewer than five."""
    onsets = [since_noon_min(night.onset_utc, zone) for night in nights if night.onset_utc is not None]
    return statistics.stdev(onsets) if len(onsets) >= FEWEST else None


def median(values: Sequence[float]) -> float:
    """The middle one; NaN of none."""
    return statistics.median(values) if values else math.nan
