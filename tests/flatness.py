"""Whether anything of a long life grows: what is noted of it every hour, and what of that is judged.

The first day is for caches to fill.  From then on the same hours of different days are held against each other, so that
a night, which takes memory and gives it back, is no growth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

DAY_H = 24
MB = 1e6


@dataclass(frozen=True)
class Mark:
    """What both processes hold at the end of an hour; sizes in bytes."""

    rss: int
    pss: int
    objects: int  # that the garbage collector knows
    descriptors: int
    threads: int
    cpu_s: float  # since the start
    database: int  # and its WAL
    status: int
    copies: int  # of the alarm
    page_rss: int
    page_pss: int
    page_descriptors: int
    page_threads: int


@dataclass(frozen=True)
class Limit:
    """How much one of a mark's figures may grow from one day to the next."""

    name: str
    words: str
    share: float | None = None  # of its own mean
    size: float | None = None  # in its own unit


# Two per cent of a hundred megabytes in a day fill a Zero 2 W in half a year, and less is lost in what allocators do.
# A night is 1.4 MB in the database with its raw breathing (docs/measured.md), and its WAL may be a megabyte longer.
LIMITS = (
    Limit("rss", "resident memory", share=0.02),
    Limit("pss", "memory (PSS)", share=0.02),
    Limit("objects", "Python's objects", share=0.02),
    Limit("status", "status file", share=0.10),
    Limit("copies", "the alarm's copies", share=0.02),
    Limit("database", "database", size=4 * MB),
    Limit("page_rss", "the page's resident memory", share=0.02),
    Limit("page_pss", "the page's memory (PSS)", share=0.02),
)
COUNTED = ("descriptors", "threads", "page_descriptors", "page_threads")  # of which none more may be there
CPU_RATIO = 1.10  # of like hours; other programs on the machine alone do some per cent


def drift(values: Sequence[float], day: int = DAY_H) -> float:
    """Growth per step of a series with a daily course: the slope of a line through each hour's values of all days.

    ``values`` is (steps,); the first ``day`` of them are left out.  NaN where no hour is there twice.
    """
    above = below = 0.0
    for hour in range(day, 2 * day):
        like = values[hour::day]
        middle, mean = (len(like) - 1) / 2, fmean(like) if like else 0.0
        above += sum((k - middle) * (value - mean) for k, value in enumerate(like))
        below += sum((k - middle) ** 2 for k in range(len(like)))
    return above / below / day if below else float("nan")


def grown(values: Sequence[float], day: int = DAY_H) -> float:
    """How much more the least of the last day is than the least of the second; a moment's more is none."""
    return min(values[-day:]) - min(values[day : 2 * day])


def dearer(cpu_s: Sequence[float], day: int = DAY_H) -> float:
    """Median ratio of an hour's cost in the last day to that of the same hour in the second; ``cpu_s`` adds up."""
    cost = [after - before for before, after in pairwise(cpu_s)]
    days = (len(cost) - day) // day
    return median(cost[hour + (days - 1) * day] / cost[hour] for hour in range(day, 2 * day))


def verdict(marks: Sequence[Mark]) -> list[str]:
    """One line for whatever is not flat; ``marks`` begin with hour 0 and are of three days at least."""
    found = []
    for limit in LIMITS:
        values = [float(getattr(mark, limit.name)) for mark in marks]
        a_day = DAY_H * drift(values)
        most = limit.size if limit.share is None else limit.share * fmean(values[DAY_H:])
        if a_day > most:
            found.append(f"{limit.words} grows by {a_day:.4g} a day, more than {most:.4g}")
    for name in COUNTED:
        more = grown([getattr(mark, name) for mark in marks])
        if more > 0:
            found.append(f"{name.replace('_', ' ')}: {more:.0f} more than on the second day")
    ratio = dearer([mark.cpu_s for mark in marks])
    if ratio > CPU_RATIO:
        found.append(f"an hour costs {ratio:.2f} times what the same one did on the second day")
    return found


def table(marks: Sequence[Mark], every: int = 6) -> Iterator[str]:
    """The marks of every so many hours, and how much each figure grows."""
    yield (
        "hour |  RSS MB  PSS MB objects files threads CPU s/h | database kB status B copies B | page: RSS PSS MB files"
    )
    for hour in range(0, len(marks), every):
        mark, before = marks[hour], marks[max(hour - every, 0)]
        cost = (mark.cpu_s - before.cpu_s) / min(max(hour, 1), every)
        yield (
            f"{hour:4d} | {mark.rss / MB:7.1f} {mark.pss / MB:7.1f} {mark.objects:7d} {mark.descriptors:5d} "
            f"{mark.threads:7d} {cost:7.2f} | {mark.database / 1e3:11.0f} {mark.status:8d} {mark.copies:8d} | "
            f"{mark.page_rss / MB:9.1f} {mark.page_pss / MB:6.1f} {mark.page_descriptors:5d}"
        )
    if len(marks) <= 2 * DAY_H:
        return
    for limit in LIMITS:
        values = [float(getattr(mark, limit.name)) for mark in marks]
        slope, mean = drift(values), fmean(values[DAY_H:])
        yield f"{limit.words}: {slope / 1e3:+.3f} thousand an hour, {DAY_H * slope / mean:+.2%} of its mean a day"
