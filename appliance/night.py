"""The functional core: what the box knows, and what it does about it, one turn at a time.

It remembers, but it does not look: samples, readings, presses and time are given, and levels, records and a status come
back.  So a recorded night replays to the same answer as the live one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from appliance.alarm import AlarmEvent
from appliance.bedside import Bedside
from appliance.clock import Instant
from appliance.clock_trust import ClockWatch
from appliance.diary import Diary, Written
from appliance.morning import AlarmChange, FirstRing, Levels
from appliance.presence import Presence
from appliance.records import (
    AlarmFactRecord,
    DeletionRecord,
    EventRecord,
    HabitsRecord,
    HandledRecord,
    Record,
    RingRecord,
    SessionRecord,
)
from appliance.respiration import Breathing
from appliance.room import Room
from appliance.sensing import Finding, Sensing, StagedEpoch
from appliance.settings import Settings
from appliance.smart import SmartWindow, WakingPolicy
from appliance.status import BedStatus, RadarStatus, Status
from appliance.tracking import PrimaryUser
from appliance.turn import Inputs, Outcome
from drivers.lamp import DARK, LampLevel
from drivers.readings import EnvironmentReading, Module
from models.stager import ChangeRules

STATUS_S = 1.0
HABITS_S = 1800.0
UNKNOWN_AFTER_S = 10.0  # without a word from the radar it is not known whether somebody is there


class Night:
    """Everything that is remembered between turns."""

    def __init__(
        self,
        settings: Settings,
        bedside: Bedside,
        sense: Callable[[Module, Settings], Sensing],
        model: str | None = None,
        policy: WakingPolicy | None = None,
        rules: ChangeRules | None = None,
    ) -> None:
        """``rules``: what a change of intent costs, before there is a sensing to ask."""
        self._settings = settings
        self._bedside = bedside
        self._sense = sense
        self._module: Module | None = None
        self._sensing: Sensing | None = None
        self._diary = Diary(model, rules)
        self._window = SmartWindow(policy)
        self._presence: Presence | None = None
        self._primary: PrimaryUser | None = None
        self._breathing: Breathing | None = None
        self._staged: StagedEpoch | None = None
        self._room = Room()
        self._clock = ClockWatch()
        self._status_s = -STATUS_S
        self._learnt: Mapping[str, Any] | None = None  # not yet taken up
        self._habits_s, self._habits_kept_s = 0.0, 0.0  # when what was learnt was last written, and how much it was
        self._alarms_shown = tuple(alarm.as_dict() for alarm in settings.alarms)
        self._setting_complaints: tuple[str, ...] = ()
        # one turn's harvest
        self._records: list[Record] = []
        self._findings: list[Finding | AlarmChange | SessionRecord] = []

    def levels(self, now: Instant) -> Levels:
        """What lamp and buzzer must show at ``now``, from the stored facts and the clock alone."""
        self._mind_clock(now)
        return self._bedside.levels(now.utc_s)

    def step(self, inputs: Inputs, now: Instant) -> Outcome:
        """One turn."""
        self._records, self._findings = [], []
        self._mind_clock(now)
        if inputs.unfinished is not None:
            self._write(self._diary.resume(*inputs.unfinished, now))
        if inputs.learnt is not None:
            self._learnt = inputs.learnt
        changed = self._obey(inputs, now)
        changed |= self._ring(now)
        self._records += self._clock.update(inputs.clock, now)
        room = self._room.take(inputs.room, self._bedside.levels(now.utc_s).lamp != DARK, now.mono_s)
        self._see(inputs, room, now)
        changed |= self._wake(now)
        self._keep_habits(now)
        self._feel(room, now)
        complaints = (*inputs.complaints, *self._setting_complaints, *self._clock.complaints)
        levels = self._bedside.levels(now.utc_s)
        return Outcome(
            levels=levels,
            indicator=self._bedside.indicator(bool(complaints) or inputs.link.fault is not None, now),
            records=tuple(self._records),
            findings=tuple(self._findings),
            kept=self.kept() if changed else None,
            status=self._status(inputs.link, complaints, levels.lamp, now),
            standby=self._bedside.standby,
        )

    def _mind_clock(self, now: Instant) -> None:
        """Whether it was set since the last look; several looks of one turn are one."""
        moved_s = self._clock.step_s(now)
        if moved_s > 0.0:
            self._bedside.morning.set_forward(round(moved_s))

    def kept(self) -> dict[str, Any]:
        """What must outlive a restart: the alarms' settings and facts, and what people asked for."""
        return {**self._bedside.document(), "bed_side": self._settings.bed_side}

    # -- what people want

    def _obey(self, inputs: Inputs, now: Instant) -> bool:
        changed = False
        if inputs.settings is not None:
            self._settings, complaints = self._settings.changed(inputs.settings)
            self._setting_complaints = tuple(complaints)
            self._bedside.morning.choose(self._settings.alarms)
            self._alarms_shown = tuple(alarm.as_dict() for alarm in self._settings.alarms)
            self._diary.keeps_breathing = self._settings.breathing_nights > 0
            changed = True
        for request in inputs.requests:
            changed |= self._bedside.ask(request, now)
            if request.kind == "delete_night" and isinstance(request.value, int):
                self._records.append(DeletionRecord(request.value))
            self._records.append(HandledRecord(request.id, int(now.utc_s)))
        for press in inputs.presses:
            changed |= self._bedside.press(press, now)
        self._records += self._bedside.notes()
        return changed

    def _ring(self, now: Instant) -> bool:
        settled = self._bedside.morning.settle(now.mono_s, now.utc_s)
        for alarm, facts in settled.changed:
            if facts.due_utc is not None:
                self._records.append(AlarmFactRecord(facts.due_utc, facts.as_dict(), alarm.id))
        if settled.rang is not None:
            self._records.append(self._report(settled.rang, now))
        if settled.entered is not None:
            self._findings.append(settled.entered)
            self._note(now, "alarm", f"Alarm {settled.entered.phase}: {settled.entered.reason}")
        return bool(settled.changed)

    def _wake(self, now: Instant) -> bool:
        """Ring before the set time where the window is open and the moment is good; after what it rests on was seen."""
        left_s = self._bedside.morning.left_s(now.utc_s) if self._window.take_second() else None
        why = None if left_s is None else self._window.ring(now.mono_s, left_s)
        return why is not None and self._bedside.morning.press(AlarmEvent.RANG, now.utc_s, why) and self._ring(now)

    def _report(self, rang: FirstRing, now: Instant) -> RingRecord:
        """What the sleeper may want to know of a ring: why then, and what the box knew."""
        staged, presence = self._staged, self._presence
        estimate = None if staged is None or not staged.primary.is_primary else staged.estimate
        probabilities = None if estimate is None else estimate.probabilities
        waited = rang.setting.window_min > 0 and rang.rang_utc >= rang.due_utc
        return RingRecord(
            due_utc=rang.due_utc,
            alarm=rang.setting.id,
            rang_utc=rang.rang_utc,
            reason=f"{rang.reason}; {self._window.why_not_before(now.mono_s)}" if waited else rang.reason,
            window_min=rang.setting.window_min,
            stage=None if estimate is None or probabilities is None else estimate.stage.word,
            stage_probability=None if probabilities is None else max(probabilities),
            present=None if presence is None or not presence.heard else presence.present,
        )

    # -- what the radar sees

    def _see(self, inputs: Inputs, room: Sequence[EnvironmentReading], now: Instant) -> None:
        if self._bedside.standby:
            self._forget(now)
            return
        if inputs.module is not None and inputs.module is not self._module:
            self._module = inputs.module
            self._sensing = None
        if self._sensing is None:
            if self._module is None:
                return
            self._sensing = self._sense(self._module, self._settings)
            self._diary.rules = self._sensing.change_rules
        if self._learnt is not None:
            self._recall(self._learnt, now)
            self._learnt = None
        self._sensing.feel(room)
        for finding in self._sensing.update(inputs.radar, now.mono_s):
            self._window.hear(finding)
            match finding:
                case Presence():
                    self._present(finding)
                case PrimaryUser():
                    self._person(finding, now)
                case Breathing():
                    self._breathing = finding
                    self._findings.append(finding)
                case StagedEpoch():
                    self._epoch(finding, now)

    def _present(self, presence: Presence) -> None:
        before, self._presence = self._presence, presence
        if before is None or before.present is not presence.present:
            self._findings.append(presence)
        if not presence.present:
            self._breathing = self._staged = None

    def _person(self, primary: PrimaryUser, now: Instant) -> None:
        before, self._primary = self._primary, primary
        if before is None or before.who is not primary.who:
            self._findings.append(primary)
        presence = self._presence
        present = None if presence is None or not presence.heard else presence.present
        self._write(self._diary.presence(primary.t_s, present, primary.is_primary, now))

    def _recall(self, learnt: Mapping[str, Any], now: Instant) -> None:
        assert self._sensing is not None
        try:
            self._sensing.habits.recall(learnt)
            self._habits_kept_s = self._sensing.habits.learnt_s
        except ValueError as error:
            self._note(now, "habits", f"The bed is learnt anew: {error}")

    def _keep_habits(self, now: Instant) -> None:
        """Now and then, while there is more of it."""
        if self._sensing is None or now.mono_s - self._habits_s < HABITS_S:
            return
        self._habits_s, habits = now.mono_s, self._sensing.habits
        if habits.learnt_s != self._habits_kept_s:
            self._habits_kept_s = habits.learnt_s
            self._records.append(HabitsRecord(habits.as_dict()))

    def _epoch(self, staged: StagedEpoch, now: Instant) -> None:
        self._staged = staged
        self._findings.append(staged)
        self._records += self._diary.epoch(staged, now)

    def _write(self, written: Sequence[Written]) -> None:
        self._records += written
        for record in written:
            if isinstance(record, SessionRecord):
                self._findings.append(record)
                if record.left_utc is not None and self._sensing is not None:
                    self._sensing.new_night()
                    self._window.forget()

    def so_far(self, now: Instant) -> SessionRecord | None:
        """The session in progress with its figures up to now, or None."""
        return self._diary.so_far(now)

    def _forget(self, now: Instant) -> None:
        """Standby: what was seen is closed, and nothing more is looked at."""
        if self._sensing is not None:
            self._write(self._diary.close(now))
            self._window.forget()
            self._sensing = self._presence = self._primary = self._breathing = self._staged = None

    # -- the room, and what is said

    def _feel(self, readings: Sequence[EnvironmentReading], now: Instant) -> None:
        if readings and self._diary.session is not None:
            record = self._room.record(now)
            self._records += () if record is None else (record,)

    def _note(self, now: Instant, kind: str, text: str) -> None:
        self._records.append(EventRecord(int(now.utc_s), kind, text))

    def _status(self, link: RadarStatus, complaints: tuple[str, ...], lamp: LampLevel, now: Instant) -> Status | None:
        if now.mono_s - self._status_s < STATUS_S:
            return None
        self._status_s = now.mono_s
        presence = self._presence
        if presence is not None and now.mono_s - presence.t_s > UNKNOWN_AFTER_S:
            presence = None
        here = presence is not None and presence.present
        primary = None if presence is None else self._primary
        mine = here and primary is not None and primary.is_primary
        breathing = self._breathing if here else None
        estimate = self._staged.estimate if mine and self._staged is not None else None
        session = self._diary.session
        return Status(
            utc_s=now.utc_s,
            present=None if presence is None else presence.present,
            confidence=None if presence is None else presence.confidence,
            presence_reason="" if presence is None else presence.reason,
            who=None if primary is None else primary.who.value,
            who_confidence=None if primary is None else primary.confidence,
            who_reason="" if primary is None else primary.reason,
            distance_m=None if primary is None or primary.distance_m != primary.distance_m else primary.distance_m,
            angle_deg=None if self._sensing is None or not here else self._sensing.angle_deg,
            depth_mm=None if breathing is None or self._module is Module.MICRADAR else breathing.amplitude,
            bed=self._bed(),
            rate_brpm=None if breathing is None else breathing.rate_brpm,
            breathing_quality=None if breathing is None else breathing.quality,
            stage=None if estimate is None else estimate.stage.word,
            stage_probability=None if estimate is None or not estimate.probabilities else max(estimate.probabilities),
            entered_utc=None if session is None else session.entered_utc,
            session_id=None if session is None else session.id,
            alarm_phase=self._bedside.morning.phase.value,
            next_alarm_utc=self._bedside.morning.next_utc(now.utc_s),
            dawn_utc=self._bedside.morning.alarms.dawn_utc(now.utc_s),
            alarms=self._alarms_shown,
            alarm_facts={str(key): facts.as_dict() for key, facts in self._bedside.morning.alarms.facts.items()},
            is_reading=self._bedside.is_reading(now.utc_s),
            is_previewing=self._bedside.is_previewing(now.utc_s),
            pairing_until_utc=self._bedside.pairing_until(now),
            lamp=(lamp.red, lamp.green, lamp.blue),
            standby=self._bedside.standby,
            radar=link,
            room=self._room.status(now.mono_s),
            clock=self._clock.source.value,
            complaints=complaints,
            trace=self._sensing.trace if here and self._sensing is not None else (),
        )

    def _bed(self) -> BedStatus:
        if self._sensing is None:
            return BedStatus()
        habits = self._sensing.habits
        near_m, far_m = habits.bed_m or (None, None)
        return BedStatus(near_m, far_m, habits.usual_m, habits.other_m, habits.learnt_s / 3600.0)
