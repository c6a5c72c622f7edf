"""What of a night is written down: sessions and their epochs as records, from presence and staged epochs.

Instants come on the stream's clock and are written in UTC as the two clocks stand at that turn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from appliance.clock import Instant
from appliance.intent import Course, Evidence, IntentTracker, believed
from appliance.records import BreathingRecord, EpochRecord, SessionRecord
from appliance.sensing import StagedEpoch
from appliance.sleep import ABSENCE_S, SessionEnded, SessionStarted, SessionTracker, SleepSession, SleepStatistics
from models.contract import EPOCH_S, SleepStage, StageEstimate
from models.intent import Intent, Scores
from models.stager import ChangeRules

TOLD_EPOCHS = 10  # a night in progress is written with its figures every five minutes,
TOLD_SHARE = 32  # or once it has grown by this part: figures cost as much as the night is long, an epoch must not


Written = SessionRecord | EpochRecord | BreathingRecord


class Diary:
    """Remembers the stay in bed; answers with what is to be written."""

    def __init__(self, model: str | None, rules: ChangeRules | None = None) -> None:
        """``rules`` None: nobody tells who is trying to sleep, and times count from entering bed."""
        self._model = model
        self.keeps_breathing = True  # whether raw breathing is written down too
        self.rules = rules
        self._intent: IntentTracker | None = None  # of the session in progress
        self._sessions: SessionTracker[StagedEpoch] = SessionTracker()
        self._record: SessionRecord | None = None
        self._epochs = self._told_epochs = 0  # of this session: written, and written when it was last told

    @property
    def session(self) -> SessionRecord | None:
        """The session in progress, as it was begun."""
        return self._record

    def presence(self, t_s: float, present: bool | None, primary: bool, now: Instant) -> list[Written]:
        """Somebody is there, nobody, or (None) it is not known."""
        written: list[Written] = []
        for event in self._sessions.update(t_s, present, primary):
            match event:
                case SessionStarted():
                    entered = _utc(event.entered_s, now)
                    self._epochs = self._told_epochs = len(event.epochs)
                    self._record = SessionRecord(id=entered, entered_utc=entered, model=self._model)
                    written.append(self._record)
                    self._intent = None if self.rules is None else IntentTracker(self.rules)
                    for epoch in event.epochs:
                        self._weigh(epoch)
                        written += self._epoch(epoch, now)
                case SessionEnded():
                    written += self._ended(event.session, now)
        return written

    def epoch(self, staged: StagedEpoch, now: Instant) -> list[Written]:
        """An epoch of whoever is there; nothing is written of one who has not stayed."""
        if not self._sessions.add(staged, staged.primary.is_primary):
            return []
        self._weigh(staged)
        written: list[Written] = [*self._epoch(staged, now)]
        self._epochs += 1
        if self._epochs >= self._told_epochs + max(TOLD_EPOCHS, self._told_epochs // TOLD_SHARE):
            self._told_epochs = self._epochs
            so_far = self.so_far(now)
            written += [] if so_far is None else [so_far]
        return written

    def so_far(self, now: Instant) -> SessionRecord | None:
        """The session in progress with its figures up to now, or None."""
        session = self._sessions.session
        return None if session is None or self._record is None else self._told(self._record, session, now)

    def close(self, now: Instant) -> list[Written]:
        """Nobody is looked at any more: what was seen ends here."""
        session, self._sessions = self._sessions.session, SessionTracker()
        return [] if session is None else self._ended(replace(session, left_s=now.mono_s), now)

    def resume(self, record: SessionRecord, epochs: Sequence[EpochRecord], now: Instant) -> list[Written]:
        """Go on with a night that an earlier process began, or close it where it broke off too long ago."""
        if self._record is not None:
            return []
        zero_utc = now.utc_s - now.mono_s
        estimates = tuple(_estimate(epoch, zero_utc) for epoch in epochs if epoch.is_primary)
        session = SleepSession(record.entered_utc - zero_utc, None, estimates)
        self._record = record
        if self.rules is not None:
            self._intent = IntentTracker(self.rules)
            for epoch in epochs:
                if epoch.is_primary:
                    self._intent.add(_evidence(epoch, zero_utc))
        if now.mono_s - session.last_seen_s < ABSENCE_S:
            self._sessions = SessionTracker(resume=session)
            return []
        return self._ended(replace(session, left_s=session.last_seen_s), now)

    def _ended(self, session: SleepSession, now: Instant) -> list[Written]:
        record, self._record = self._record, None
        return [] if record is None else [self._told(record, session, now)]

    def _told(self, record: SessionRecord, session: SleepSession, now: Instant) -> SessionRecord:
        course = self._course()
        began_s: float | None = None
        if course is not None:
            session = replace(session, estimates=tuple(believed(session.estimates, course)))
            began_s = course.began_trying_s
        hypnogram = session.hypnogram()
        # Who never tried has spent the whole stay before trying.
        counted_s = hypnogram.end_s if course is not None and began_s is None else began_s
        onset_s, final_s = hypnogram.onset_s, hypnogram.final_awakening_s
        return replace(
            record,
            began_trying_utc=None if began_s is None else _utc(began_s, now),
            onset_utc=None if onset_s is None else _utc(onset_s, now),
            final_awakening_utc=None if final_s is None else _utc(final_s, now),
            left_utc=None if session.left_s is None else _utc(session.left_s, now),
            statistics=SleepStatistics.of(hypnogram, counted_s).as_dict(),
            absences=tuple((_utc(a.start_s, now), _utc(a.end_s, now)) for a in session.absences),
            intent=None if course is None else self._told_intent(course, now),
        )

    def _course(self) -> Course | None:
        """What the change points say of all that is known by now; None where no epoch was scored."""
        if self._intent is None or not self._intent.knows:
            return None
        return self._intent.course()

    def _told_intent(self, course: Course, now: Instant) -> dict[str, Any]:
        """Where sleep is believed, what was said live and when, and why; instants in UTC seconds."""
        assert self._intent is not None
        return {
            "slept": [[_utc(one.start_s, now), _utc(one.end_s, now)] for one in course.slept],
            "said": [[said.what, _utc(said.at_s, now), _utc(said.said_s, now)] for said in self._intent.said],
            "reasons": [
                reason._asdict()
                | {
                    "at_s": _utc(reason.at_s, now),
                    "still_since_s": None if reason.still_since_s is None else _utc(reason.still_since_s, now),
                }
                for reason in self._intent.reasons(course)
            ],
        }

    def _weigh(self, staged: StagedEpoch) -> None:
        """What an epoch of the sleeper says about intent."""
        if self._intent is not None and staged.primary.is_primary:
            start_s = staged.estimate.start_s
            scores = staged.intent or Scores(None, None)
            self._intent.add(Evidence(start_s, *scores, staged.motion, staged.breath_cv, staged.light_lx))

    def _epoch(self, staged: StagedEpoch, now: Instant) -> list[EpochRecord | BreathingRecord]:
        estimate = staged.estimate
        p_wake, p_light, p_deep, p_rem = estimate.probabilities or (None, None, None, None)
        now_told, ago_told = staged.intent or Scores(None, None)
        epoch = EpochRecord(
            start_utc=_utc(estimate.start_s, now),
            session_id=None if self._record is None else self._record.id,
            stage=estimate.stage.word,
            p_wake=p_wake,
            p_light=p_light,
            p_deep=p_deep,
            p_rem=p_rem,
            coverage=estimate.coverage,
            rate_brpm=staged.rate_brpm,
            motion=staged.motion,
            is_primary=staged.primary.is_primary,
            model=self._model,
            features=staged.features,
            distance_m=None if math.isnan(staged.primary.distance_m) else staged.primary.distance_m,
            p_trying=None if now_told is None else now_told.trying,
            p_asleep=None if now_told is None else now_told.asleep,
            p_trying_ago=None if ago_told is None else ago_told.trying,
            p_asleep_ago=None if ago_told is None else ago_told.asleep,
            not_you=None if staged.primary.is_primary else f"{staged.primary.reason} ({staged.primary.confidence:.0%})",
        )
        if staged.breathing is None or not self.keeps_breathing:
            return [epoch]
        return [epoch, BreathingRecord(epoch.start_utc, staged.breathing)]


def _estimate(epoch: EpochRecord, zero_utc: float) -> StageEstimate:
    """An epoch of the database on this process's clock."""
    start_s = epoch.start_utc - zero_utc
    p = (epoch.p_wake, epoch.p_light, epoch.p_deep, epoch.p_rem)
    known = None if None in p else cast("tuple[float, float, float, float]", p)
    return StageEstimate(int(start_s // EPOCH_S), start_s, SleepStage[epoch.stage.upper()], known, epoch.coverage)


def _evidence(epoch: EpochRecord, zero_utc: float) -> Evidence:
    """What is left of an epoch's evidence in the database."""
    now, ago = _intent(epoch.p_trying, epoch.p_asleep), _intent(epoch.p_trying_ago, epoch.p_asleep_ago)
    return Evidence(epoch.start_utc - zero_utc, now, ago, epoch.motion)


def _intent(trying: float | None, asleep: float | None) -> Intent | None:
    return None if trying is None or asleep is None else Intent(1.0 - trying - asleep, trying, asleep)


def _utc(t_s: float, now: Instant) -> int:
    """Whole UTC seconds of an instant of the stream's clock."""
    return round(t_s + now.utc_s - now.mono_s)
