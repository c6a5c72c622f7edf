"""What the supervisor hands to the disk: frozen rows, each with a key of its own, so writing one twice is harmless.

Instants are integer UTC seconds.  A record of the same key replaces the earlier one: a session grows through the night.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One stay in bed.  ``id`` is chosen by the writer (its first idea of ``entered_utc``) and never changes."""

    id: int
    entered_utc: int
    began_trying_utc: int | None = None
    onset_utc: int | None = None
    final_awakening_utc: int | None = None
    left_utc: int | None = None  # None while somebody is in bed
    statistics: Mapping[str, Any] | None = None  # SleepStatistics as a dict: integer seconds and one ratio
    model: str | None = None
    absences: tuple[tuple[int, int], ...] = ()  # (from, to): when the bed was empty in between
    intent: Mapping[str, Any] | None = None  # what the change points say (diary.py): slept, said, reasons; None unknown


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """30 s of the sleeper from ``start_utc``; ``stage`` is one word, probabilities are None when it is ``unscored``."""

    start_utc: int
    session_id: int | None
    stage: str
    p_wake: float | None
    p_light: float | None
    p_deep: float | None
    p_rem: float | None
    coverage: float  # share of valid signal, 0-1
    rate_brpm: float | None
    motion: float | None  # mean motion index, 0-1
    is_primary: bool
    model: str | None = None
    features: bytes | None = None  # packed (models.features): what the morning stages the night again from
    distance_m: float | None = None  # from the box to the sleeper's chest
    p_trying: float | None = None  # trying to sleep and awake, as the intent model has it
    p_asleep: float | None = None  # asleep, as the intent model has it; the rest is not trying
    p_trying_ago: float | None = None  # the same of the epoch models.intent.AGO_EPOCHS before, told now
    p_asleep_ago: float | None = None
    not_you: str | None = None  # what told that these were not the sleeper's; None where they were


@dataclass(frozen=True, slots=True)
class BreathingRecord:
    """The sleeper's raw breathing in the epoch from ``start_utc``, packed (waveform.py); kept for some nights alone."""

    start_utc: int
    samples: bytes


@dataclass(frozen=True, slots=True)
class RestagedRecord:
    """A session as it was staged again when it was over: the live answer stays beside it, each with its model."""

    session_id: int
    model: str
    made_utc: int
    onset_utc: int | None
    final_awakening_utc: int | None
    statistics: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RestagedEpochRecord:
    """The stage of one epoch by ``model``; probabilities as in ``EpochRecord``."""

    start_utc: int
    model: str
    stage: str
    p_wake: float | None
    p_light: float | None
    p_deep: float | None
    p_rem: float | None


@dataclass(frozen=True, slots=True)
class EnvironmentRecord:
    """The room in the minute that begins at ``utc_s``."""

    utc_s: int
    temperature_c: float | None = None
    humidity_pct: float | None = None
    illuminance_lx: float | None = None
    co2_ppm: float | None = None
    pressure_hpa: float | None = None


@dataclass(frozen=True, slots=True)
class AlarmFactRecord:
    """What is true of an alarm due at ``due_utc``: ``AlarmFacts`` as a dict, and the alarm's id."""

    due_utc: int
    facts: Mapping[str, Any]
    alarm: int = 1


@dataclass(frozen=True, slots=True)
class RingRecord:
    """The first ring of an alarm due at ``due_utc``: when and why it rang, and what the box knew in that second."""

    due_utc: int
    alarm: int
    rang_utc: int
    reason: str
    window_min: int  # how long before the set time it might have rung
    stage: str | None = None  # of the last epoch: one word, None where nothing was known
    stage_probability: float | None = None  # 0-1
    present: bool | None = None  # whether somebody was in bed, None: not known


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Something that happened, with a word for programs and a line for people."""

    utc_s: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class HandledRecord:
    """The page's request ``request_id`` was done."""

    request_id: int
    utc_s: int


@dataclass(frozen=True, slots=True)
class HabitsRecord:
    """What was learnt of the bed so far: ``Habits`` as a dict; there is one row."""

    learnt: Mapping[str, Any]
    id: int = 1


@dataclass(frozen=True, slots=True)
class DeletionRecord:
    """A session that is over is to be deleted, and all that was kept of it."""

    session_id: int


Record = (
    SessionRecord
    | EpochRecord
    | BreathingRecord
    | RestagedRecord
    | RestagedEpochRecord
    | EnvironmentRecord
    | AlarmFactRecord
    | RingRecord
    | EventRecord
    | HandledRecord
    | HabitsRecord
    | DeletionRecord
)


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for.

    ``kind`` is stop, snooze, standby_on, standby_off, light_on, light_off, preview_on (its value the dawn's brightness,
    0-1), preview_off or delete_night (an id) on the page, and pair in a shell on the box, which no route of the page
    asks for.
    """

    id: int
    utc_s: int
    kind: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class CorrectionRecord:
    """What the sleeper knows better than the box; it stands beside what was measured and replaces nothing.

    ``kind`` is in_bed, trying, asleep or up, which have one instant, or not_me, which is ``[utc_s, end_utc)``.
    """

    session_id: int
    kind: str
    utc_s: int
    end_utc: int | None
    made_utc: int
