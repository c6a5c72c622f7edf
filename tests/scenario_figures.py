"""What many nights of the scenario suite come to: pooled figures, the table, and what falls short of the targets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from scenario_judge import CLOSE_BRPM, Reliability, Verdict

from drivers.readings import Module

SHARE_OVER_ALL, SHARE_OF_EACH = 0.99, 0.95
ABSENCE_MEDIAN_S = 30.0
WRONGS = ("lost", "merged", "invented", "split")
COLUMNS = (
    "right",
    "worst",
    "sessions",
    "wrong",
    "entry",
    "absence",
    "9 of 10",
    "presence",
    "you",
    "rated",
    "error",
    "phantom",
)


class Played(NamedTuple):
    """One night that was played and judged."""

    scenario: str
    module: Module
    seed: int
    knows: bool  # the scenario's file lists the module as able to know
    verdict: Verdict


@dataclass(frozen=True)
class Figures:
    """What several nights come to; shares 0-1, NaN of nothing."""

    nights: int
    share: float
    worst_night: float
    passages: int
    sessions: int
    lost: int
    merged: int
    invented: int
    split: int
    entry_error_s: float  # median
    absence_s: float  # median
    absence_90_s: float  # nine of ten are noticed by then
    presence_s: float  # median
    you_s: float  # median
    minutes: int
    rated: float
    rate_error_brpm: float  # median
    rate_close: float
    presence_calibration: float
    you_calibration: float
    phantom_s: int  # somebody said to be there, and nobody was

    @property
    def sessions_wrong(self) -> int:
        """All that is not one for one."""
        return self.lost + self.merged + self.invented + self.split


def figures_of(verdicts: Sequence[Verdict]) -> Figures:
    """Epochs, delays and minutes pooled, not nights averaged."""
    right, wrong = sum(v.epochs.right for v in verdicts), sum(v.epochs.wrong for v in verdicts)
    errors = [error for v in verdicts for error in v.rates.errors_brpm]
    minutes = sum(v.rates.minutes for v in verdicts)
    absences = [s for v in verdicts for s in v.absence_s]
    return Figures(
        nights=len(verdicts),
        share=_ratio(right, right + wrong),
        worst_night=min((v.epochs.share for v in verdicts), default=math.nan),
        passages=sum(v.epochs.passages for v in verdicts),
        sessions=sum(v.sessions.true for v in verdicts),
        lost=sum(v.sessions.lost for v in verdicts),
        merged=sum(v.sessions.merged for v in verdicts),
        invented=sum(v.sessions.invented for v in verdicts),
        split=sum(v.sessions.split for v in verdicts),
        entry_error_s=quantile([s for v in verdicts for s in v.sessions.entry_errors_s], 0.5),
        absence_s=quantile(absences, 0.5),
        absence_90_s=quantile(absences, 0.9),
        presence_s=quantile([s for v in verdicts for s in v.presence_s], 0.5),
        you_s=quantile([s for v in verdicts for s in v.you_s], 0.5),
        minutes=minutes,
        rated=_ratio(len(errors), minutes),
        rate_error_brpm=quantile(errors, 0.5),
        rate_close=_ratio(sum(error <= CLOSE_BRPM for error in errors), len(errors)),
        presence_calibration=joined(v.presence for v in verdicts).error,
        you_calibration=joined(v.you for v in verdicts).error,
        phantom_s=sum(v.phantom_s for v in verdicts),
    )


def joined(counts: Iterable[Reliability]) -> Reliability:
    """All of them as one."""
    total = Reliability()
    for one in counts:
        total.join(one)
    return total


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of them do not exceed, so that NEVER stays NEVER; NaN of none."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else math.nan


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def grouped(played: Iterable[Played]) -> dict[tuple[str, Module], list[Played]]:
    """By scenario and module, in the order in which they come."""
    groups: dict[tuple[str, Module], list[Played]] = {}
    for one in played:
        groups.setdefault((one.scenario, one.module), []).append(one)
    return groups


def shortfalls(played: Sequence[Played]) -> list[str]:
    """One line for each target that is missed; modules that cannot know are asked for nothing."""
    short = []
    known = [one for one in played if one.knows]
    for (name, module), own in grouped(known).items():
        figures = _pooled(own)
        if figures.share < SHARE_OF_EACH:
            short.append(f"{name}, {module}: {figures.share:.1%} of the epochs right, asked are {SHARE_OF_EACH:.0%}")
        if figures.sessions_wrong:
            words = [f"{getattr(figures, word)} {word}" for word in WRONGS if getattr(figures, word)]
            seeds = " ".join(str(one.seed) for one in own if one.verdict.sessions.wrong)
            short.append(f"{name}, {module}: sessions {', '.join(words)} (seed {seeds})")
    over_all = _pooled(known)
    if over_all.share < SHARE_OVER_ALL:
        short.append(f"over all: {over_all.share:.2%} of the epochs right, asked are {SHARE_OVER_ALL:.0%}")
    if over_all.absence_s > ABSENCE_MEDIAN_S:
        short.append(f"over all: absence noticed after {over_all.absence_s:.0f} s, asked are {ABSENCE_MEDIAN_S:.0f} s")
    return short


def table(played: Sequence[Played]) -> Iterator[str]:
    """A line for each scenario and module (in brackets where it cannot know), one for each module and one over all."""
    rows = [(f"{name} {module}", own) for (name, module), own in grouped(played).items()]
    known = [one for one in played if one.knows]
    for module in Module:
        own = [one for one in known if one.module is module]
        rows += [(f"all {module}", own)] if own else []
    rows.append(("all", known))
    width = max(len(name) for name, _ in rows) + 2
    yield " " * width + "".join(f"{column:>10}" for column in COLUMNS)
    for name, own in rows:
        shown = name if all(one.knows for one in own) else f"({name})"
        yield f"{shown:<{width}}" + "".join(f"{cell:>10}" for cell in _cells(_pooled(own)))
    overall = _pooled(known)
    yield (
        f"{overall.nights} nights; rates within {CLOSE_BRPM:g}/min {_pct(overall.rate_close)}; calibration error "
        f"presence {overall.presence_calibration:.3f}, you {overall.you_calibration:.3f}"
    )


def _cells(figures: Figures) -> list[str]:
    return [
        _pct(figures.share),
        _pct(figures.worst_night),
        str(figures.sessions),
        str(figures.sessions_wrong),
        _seconds(figures.entry_error_s),
        _seconds(figures.absence_s),
        _seconds(figures.absence_90_s),
        _seconds(figures.presence_s),
        _seconds(figures.you_s),
        _pct(figures.rated),
        "-" if math.isnan(figures.rate_error_brpm) else f"{figures.rate_error_brpm:.2f}",
        f"{figures.phantom_s} s",
    ]


def _pct(share: float) -> str:
    return "-" if math.isnan(share) else f"{100.0 * share:.2f} %"


def _seconds(value_s: float) -> str:
    return "-" if math.isnan(value_s) else "never" if math.isinf(value_s) else f"{value_s:.0f} s"


def document(played: Sequence[Played], short: Sequence[str]) -> dict[str, Any]:
    """Every figure for JSON; what is not known is null, and so is a delay without an end."""
    known = [one.verdict for one in played if one.knows]
    return {
        "all": _plain(asdict(figures_of(known))),
        "groups": [
            {"scenario": name, "module": module.value, "knows": own[0].knows, **_plain(asdict(_pooled(own)))}
            for (name, module), own in grouped(played).items()
        ],
        "nights": [
            {"scenario": one.scenario, "module": one.module.value, "seed": one.seed, **_plain(asdict(_pooled([one])))}
            for one in played
        ],
        "short": list(short),
    }


def _pooled(played: Sequence[Played]) -> Figures:
    return figures_of([one.verdict for one in played])


def _plain(values: dict[str, float]) -> dict[str, float | None]:
    return {key: value if math.isfinite(value) else None for key, value in values.items()}
