"""Stays in bed, what was slept in them, and the figures that the field takes from that.

All instants are seconds of one steady clock (the stream's): a wall clock set in the night must not change a duration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

from models.contract import EPOCH_S, SleepStage, StageEstimate

SETTLE_S = 300.0  # a stay is a session once it has lasted so long; sitting down to tie a shoe is none
FLICKER_S = 60.0  # until then, the longest that presence may be lost without starting afresh
ABSENCE_S = 1800.0  # a bathroom visit stays inside the session, a longer absence ended it when it began
_SLEEP = (SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM)


class Span(NamedTuple):
    """Whole seconds ``[start_s, end_s)`` of one stage."""

    start_s: int
    end_s: int
    stage: SleepStage

    @property
    def length_s(self) -> int:
        """Whole seconds."""
        return self.end_s - self.start_s


class Absence(NamedTuple):
    """From when until when the bed was empty."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Hypnogram:
    """A stay in bed from ``start_s`` to ``end_s`` (whole seconds) without a hole, in order.

    Where no epoch was staged it is wake if the bed was empty (the AASM counts getting up as wake), else unscored.
    """

    start_s: int
    end_s: int
    spans: tuple[Span, ...]

    @classmethod
    def of(
        cls,
        estimates: Iterable[StageEstimate],
        start_s: float,
        end_s: float,
        absences: Iterable[Absence] = (),
    ) -> Hypnogram:
        """From epochs in order of time, clipped to the stay; of two that overlap the earlier stands."""
        start, end = round(start_s), round(end_s)
        away = [Span(round(a.start_s), round(a.end_s), SleepStage.WAKE) for a in absences]
        staged = [Span(round(e.start_s), round(e.start_s) + EPOCH_S, e.stage) for e in estimates]
        unstaged = _tiled(away, start, end, (Span(start, end, SleepStage.UNSCORED),))
        return cls(start, end, tuple(_tiled(staged, start, end, tuple(unstaged))))

    def since(self, start_s: float) -> Hypnogram:
        """The part from ``start_s`` on."""
        start = min(max(round(start_s), self.start_s), self.end_s)
        return Hypnogram(start, self.end_s, tuple(_clipped(self.spans, start, self.end_s)))

    @property
    def onset_s(self) -> int | None:
        """Sleep onset: the start of the first epoch of any sleep stage (AASM)."""
        return next((span.start_s for span in self.spans if span.stage in _SLEEP), None)

    @property
    def final_awakening_s(self) -> int | None:
        """The end of the last epoch of any sleep stage."""
        return next((span.end_s for span in reversed(self.spans) if span.stage in _SLEEP), None)

    def seconds_of(self, *stages: SleepStage) -> int:
        """Whole seconds spent in these stages."""
        return sum(span.length_s for span in self.spans if span.stage in stages)


@dataclass(frozen=True, slots=True)
class SleepStatistics:
    """One stay in integer seconds, by the AASM scoring manual's definitions; None where there was no sleep.

    TIB = SOL + TST + WASO + what is unscored after onset.  SE divides by the whole TIB, so unscored time lowers it:
    read it beside ``unscored_s``.  WASO runs until getting up, as the manual has it (recording time - SOL - TST); tools
    that stop at the final awakening say TIB - SOL - SPT less, if all of that was scored.
    """

    counted_from: Literal["trying", "entering"]  # entering bed stands in where it is not known when trying began
    tib_s: int  # time in bed: from then until getting up
    unscored_s: int  # of TIB, not enough signal
    before_trying_s: int | None = None  # in bed before trying, None where not known; no part of any other figure
    spt_s: int | None = None  # sleep period time: onset to final awakening
    tst_s: int | None = None  # total sleep time
    sol_s: int | None = None  # sleep onset latency: to the first epoch of any sleep stage
    waso_s: int | None = None  # wake after sleep onset; absences and lying awake before getting up are part of it
    se: float | None = None  # sleep efficiency: TST / TIB, the only ratio
    rem_latency_s: int | None = None  # from sleep onset to the first REM epoch; None without REM
    awakenings: int | None = None  # runs of wake, of one epoch or more, that sleep followed
    light_s: int | None = None
    deep_s: int | None = None
    rem_s: int | None = None

    @classmethod
    def of(cls, hypnogram: Hypnogram, began_trying_s: float | None = None) -> SleepStatistics:
        """The statistics of a stay; sleep before ``began_trying_s`` is left out of them."""
        scored = hypnogram if began_trying_s is None else hypnogram.since(began_trying_s)
        tib_s = scored.end_s - scored.start_s
        awake = cls(
            counted_from="entering" if began_trying_s is None else "trying",
            tib_s=tib_s,
            unscored_s=scored.seconds_of(SleepStage.UNSCORED),
            before_trying_s=None if began_trying_s is None else scored.start_s - hypnogram.start_s,
        )
        onset_s, final_s = scored.onset_s, scored.final_awakening_s
        if onset_s is None or final_s is None:
            return awake
        first_rem_s = next((span.start_s for span in scored.spans if span.stage is SleepStage.REM), None)
        tst_s = scored.seconds_of(*_SLEEP)
        return replace(
            awake,
            spt_s=final_s - onset_s,
            tst_s=tst_s,
            sol_s=onset_s - scored.start_s,
            waso_s=scored.since(onset_s).seconds_of(SleepStage.WAKE),
            se=tst_s / tib_s,
            rem_latency_s=None if first_rem_s is None else first_rem_s - onset_s,
            awakenings=_awakenings(scored),
            light_s=scored.seconds_of(SleepStage.LIGHT),
            deep_s=scored.seconds_of(SleepStage.DEEP),
            rem_s=scored.seconds_of(SleepStage.REM),
        )

    def as_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


def _awakenings(hypnogram: Hypnogram) -> int:
    count, asleep, woke = 0, False, False
    for span in hypnogram.spans:
        if span.stage in _SLEEP:
            count += woke
            asleep, woke = True, False
        elif span.stage is SleepStage.WAKE:
            woke = asleep  # unscored time between two runs of wake does not make them two
    return count


def _clipped(spans: Iterable[Span], start: int, end: int) -> Iterator[Span]:
    for span in spans:
        begin, until = max(span.start_s, start), min(span.end_s, end)
        if begin < until:
            yield Span(begin, until, span.stage)


def _tiled(spans: Iterable[Span], start: int, end: int, background: tuple[Span, ...]) -> Iterator[Span]:
    """The spans laid over a background that covers ``[start, end)``."""
    reached = start
    for span in spans:
        for part in _clipped((span,), reached, end):
            yield from _clipped(background, reached, part.start_s)
            yield part
            reached = part.end_s
    yield from _clipped(background, reached, end)


class Staged(Protocol):
    """Whatever carries an epoch's stage."""

    @property
    def estimate(self) -> StageEstimate:
        """The stage."""
        ...


E = TypeVar("E", bound=Staged)


@dataclass(frozen=True, slots=True)
class SleepSession:
    """One stay in bed of the primary user; ``left_s`` is None while it lasts."""

    entered_s: float
    left_s: float | None = None
    estimates: tuple[StageEstimate, ...] = ()
    absences: tuple[Absence, ...] = ()  # that ended inside it

    def hypnogram(self, until_s: float | None = None) -> Hypnogram:
        """The stay so far, or up to ``until_s``; by default to leaving or the end of the last epoch."""
        if until_s is None:
            until_s = self.last_seen_s if self.left_s is None else self.left_s
        return Hypnogram.of(self.estimates, self.entered_s, until_s, self.absences)

    @property
    def last_seen_s(self) -> float:
        """The latest instant of which something is known."""
        ends = [e.start_s + EPOCH_S for e in self.estimates[-1:]]
        return max([self.entered_s, *ends, *(a.end_s for a in self.absences[-1:])])


@dataclass(frozen=True, slots=True)
class SessionStarted(Generic[E]):
    """A stay has lasted long enough to be a session: back-dated to entering, with the epochs kept until now."""

    entered_s: float
    epochs: tuple[E, ...]


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A session is over: back-dated to leaving."""

    session: SleepSession


@dataclass(slots=True)
class _Stay(Generic[E]):
    """What is remembered of somebody in bed; a session once it has lasted."""

    entered_s: float
    last_here_s: float
    is_session: bool = False
    empty_since_s: float | None = None
    kept: list[E] = field(default_factory=list)  # until it is a session
    estimates: list[StageEstimate] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)

    def note_empty(self, t_s: float, empty: bool) -> None:
        if empty and self.empty_since_s is None:
            self.empty_since_s = t_s
        elif not empty and self.empty_since_s is not None:
            self.absences.append(Absence(self.empty_since_s, t_s))
            self.empty_since_s = None

    def ended(self) -> SleepSession:
        left_s = self.last_here_s
        return SleepSession(
            self.entered_s,
            left_s,
            tuple(e for e in self.estimates if e.start_s < left_s),
            tuple(a for a in self.absences if a.start_s < left_s),
        )


class SessionTracker(Generic[E]):
    """Tells sessions from presence; the first epochs of a stay are kept in memory until it is known to be one.

    ``resume`` continues a session that an earlier process had begun, its instants put onto this process's clock.
    """

    def __init__(
        self, settle_s: float = SETTLE_S, absence_s: float = ABSENCE_S, resume: SleepSession | None = None
    ) -> None:
        self._settle_s = settle_s
        self._absence_s = absence_s
        self._stay: _Stay[E] | None = None
        if resume is not None:
            self._stay = _Stay(resume.entered_s, resume.last_seen_s, is_session=True)
            self._stay.estimates += resume.estimates
            self._stay.absences += resume.absences

    @property
    def session(self) -> SleepSession | None:
        """The session in progress, or None."""
        stay = self._stay
        if stay is None or not stay.is_session:
            return None
        return SleepSession(stay.entered_s, None, tuple(stay.estimates), tuple(stay.absences))

    def update(self, t_s: float, present: bool | None, primary: bool) -> list[SessionStarted[E] | SessionEnded]:
        """Somebody is in bed, or nobody, or (None) it cannot be known, at ``t_s``; ``primary``: it is the sleeper.

        While only somebody else is there, the sleeper is away.
        """
        events: list[SessionStarted[E] | SessionEnded] = []
        stay = self._stay
        if stay is not None and t_s - stay.last_here_s >= (self._absence_s if stay.is_session else FLICKER_S):
            if stay.is_session:
                events.append(SessionEnded(stay.ended()))
            stay = None
        here = present is True and primary
        if here:
            stay = stay or _Stay(t_s, t_s)
            stay.last_here_s = t_s
            if not stay.is_session and t_s - stay.entered_s >= self._settle_s:
                stay.is_session = True
                events.append(SessionStarted(stay.entered_s, tuple(stay.kept)))
                stay.kept.clear()
        if stay is not None:
            stay.note_empty(t_s, present is not None and not here)
        self._stay = stay
        return events

    def add(self, epoch: E, primary: bool = True) -> bool:
        """A staged epoch: True when it belongs to the session in progress, False when it is kept or forgotten.

        One that is not the sleeper's own stays out of the hypnogram.
        """
        stay = self._stay
        if stay is None:
            return False
        if primary:
            stay.estimates.append(epoch.estimate)
        if not stay.is_session:
            stay.kept.append(epoch)
        return stay.is_session
