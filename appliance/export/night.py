"""All that is kept of one night, gathered from the store, and the answer that is given out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from appliance.answers import believed, staged_by, told_by
from appliance.records import (
    BreathingRecord,
    CorrectionRecord,
    EnvironmentRecord,
    EpochRecord,
    RestagedRecord,
    SessionRecord,
)
from appliance.store import Store

EPOCH_S = 30
NIGHT_S = 3600  # a shorter stay is not meant by "last" or by a date, unless there is no other
LONGEST_S = 2 * 86_400  # beyond it the clock was set in the night, and nothing can be placed


class ExportError(Exception):
    """The night cannot be given out; one line that says why."""


class Stage(NamedTuple):
    """Consecutive epochs of one stage; ``confidence`` is the mean probability of that stage, None where unscored."""

    name: str  # wake, light, deep, rem, unscored; other where it was somebody else
    start_utc: int
    end_utc: int
    confidence: float | None


@dataclass(frozen=True, slots=True)
class KeptNight:
    """A stay in bed that is over."""

    measured: SessionRecord  # by the live answer
    session: SessionRecord  # by the answer that is given out
    epochs: Sequence[EpochRecord]  # with the stages and probabilities of that answer
    zone: ZoneInfo
    is_morning: bool = False  # whether the answer is a second staging
    answers: Sequence[RestagedRecord] = ()  # every second staging, latest first
    breathing: Sequence[BreathingRecord] = ()
    room: Sequence[EnvironmentRecord] = ()
    corrections: Sequence[CorrectionRecord] = ()

    def local(self, utc_s: float) -> datetime:
        """The instant as the clock on that wall shows it."""
        return datetime.fromtimestamp(utc_s, UTC).astimezone(self.zone)

    def iso(self, utc_s: int | None) -> str | None:
        """ISO 8601 with the offset of that moment, ``2026-11-25T23:10:00+01:00``."""
        return None if utc_s is None else self.local(utc_s).isoformat()

    @property
    def left_utc(self) -> int:
        """When the bed was left."""
        return self.measured.left_utc or self.measured.entered_utc

    @property
    def subject(self) -> str:
        """The night's name in tables: when it began."""
        return str(self.iso(self.measured.entered_utc))

    def stages(self) -> Iterator[Stage]:
        """The night in stages; minutes without an epoch belong to none."""
        run: list[EpochRecord] = []
        for epoch in self.epochs:
            if run and (_name(epoch) != _name(run[0]) or epoch.start_utc != run[-1].start_utc + EPOCH_S):
                yield _stage(run)
                run = []
            run.append(epoch)
        if run:
            yield _stage(run)


def _name(epoch: EpochRecord) -> str:
    return epoch.stage if epoch.is_primary or epoch.stage == "unscored" else "other"


def _stage(run: Sequence[EpochRecord]) -> Stage:
    name = _name(run[0])
    p = [getattr(epoch, f"p_{name}", None) for epoch in run]
    known = [one for one in p if one is not None]
    end_utc = run[-1].start_utc + EPOCH_S
    return Stage(name, run[0].start_utc, end_utc, sum(known) / len(known) if known else None)


def gather(store: Store, session: SessionRecord, zone: ZoneInfo, live: bool = False) -> KeptNight:
    """The night by its latest second staging, or by the live answer where there is none or ``live`` is wanted.

    Raises ``ExportError`` while the night is going on.
    """
    if session.left_utc is None:
        raise ExportError("that night is still going on: export it when it is over")
    if session.left_utc - session.entered_utc > LONGEST_S:
        hours = (session.left_utc - session.entered_utc) / 3600
        raise ExportError(f"the night of id {session.id} is said to last {hours:.0f} h: the clock was set in it")
    answers = store.restagings(session.id)
    again = answers[0] if answers and not live else None
    epochs = store.epochs(session)
    if again is not None:
        epochs = staged_by(store.restaged_epochs(session, again.model), epochs)
    return KeptNight(
        measured=session,
        session=told_by(again, session),
        epochs=believed(session, epochs),
        zone=zone,
        is_morning=again is not None,
        answers=answers,
        breathing=store.breathing(session),
        room=store.environment(session.entered_utc, session.left_utc),
        corrections=store.corrections(session.id),
    )


def find(store: Store, wanted: str, zone: ZoneInfo) -> SessionRecord:
    """The night called ``last``, or by the date of its morning, or by its id.  Raises ``ExportError``."""
    if wanted.isascii() and wanted.isdigit():
        session = store.session(int(wanted)) if len(wanted) < 16 else None
        if session is None:
            raise ExportError(f"there is no night of id {wanted}")
        return session
    over = [session for session in store.sessions(-1) if session.left_utc is not None]
    if wanted != "last":
        try:
            day = date.fromisoformat(wanted)
        except ValueError:
            raise ExportError(f"{wanted}: say last, the date of a morning such as 2026-11-26, or an id") from None
        over = [session for session in over if morning(session, zone) == day]
    nights = [one for one in over if one.left_utc is not None and one.left_utc - one.entered_utc >= NIGHT_S]
    if not over:
        raise ExportError("no night is kept that is over" if wanted == "last" else f"no night is kept of {wanted}")
    return (nights or over)[0]


def morning(session: SessionRecord, zone: ZoneInfo) -> date:
    """The date by which people call a night."""
    utc_s = session.left_utc if session.left_utc is not None else session.entered_utc + 9 * 3600
    return (datetime.fromtimestamp(0, UTC) + timedelta(seconds=utc_s)).astimezone(zone).date()
