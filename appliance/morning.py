"""The alarm as the supervisor lives with it: setting and facts in force, what lamp and buzzer show, what was pressed.

All that it remembers is what is stored: the setting, the facts, and standby.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from appliance.alarm import (
    NO_FACTS,
    AlarmEvent,
    AlarmFacts,
    AlarmSetting,
    Phase,
    after,
    dawn_progress,
    next_due,
    phase,
    settled,
)
from appliance.sunrise import dawn, ring_tone
from drivers.outputs import LampLevel

DARK = LampLevel(0.0, 0.0, 0.0)


class Levels(NamedTuple):
    """What lamp and buzzer show until the next turn."""

    lamp: LampLevel = DARK
    tone_hz: float | None = None


class AlarmChange(NamedTuple):
    """The alarm entered a phase."""

    t_s: float
    phase: Phase
    reason: str


class Morning:
    """Setting and facts of the alarm; asks nothing but them and the clock."""

    def __init__(self, setting: AlarmSetting, facts: AlarmFacts = NO_FACTS) -> None:
        self.setting = setting
        self.facts = facts
        self._phase = Phase.IDLE
        self._reason: str | None = None

    def levels(self, now_utc: float) -> Levels:
        """Lamp and buzzer at this instant."""
        facts = settled(self.setting, self.facts, now_utc)
        match phase(self.setting, facts, now_utc):
            case Phase.DAWN:
                return Levels(self._lamp(facts, now_utc))
            case Phase.SNOOZED:
                return Levels(self._lamp(facts, now_utc))
            case Phase.RINGING:
                # Counted from the stored start of this ring, so a restart goes on at the same loudness.
                since_s = now_utc - (facts.ringing_utc or now_utc)
                return Levels(self._lamp(facts, now_utc), ring_tone(max(since_s, 0.0)))
        return Levels()

    def press(self, event: AlarmEvent, now_utc: float, reason: str) -> bool:
        """Snooze or stop; True when it meant something in the present phase."""
        facts = after(self.facts, event, self.setting, now_utc)
        heard = facts != settled(self.setting, self.facts, now_utc)
        if heard:
            self.facts, self._reason = facts, reason
        return heard

    def woke_utc(self, now_utc: float) -> float:
        """Since when there is something to snooze or stop: the beginning of the dawn of this ring or the next."""
        due = self.facts.due_utc if self.facts.is_active else next_due(self.setting, now_utc, self.facts)
        return now_utc if due is None else due - 60.0 * self.setting.dawn_min

    def settle(self, now_s: float, now_utc: float) -> tuple[bool, AlarmChange | None]:
        """Let the clock do its part: (whether the facts changed, the phase that was entered if any)."""
        facts = settled(self.setting, self.facts, now_utc)
        changed = facts != self.facts
        self.facts = facts
        entered = phase(self.setting, facts, now_utc)
        reason, self._reason = self._reason, None
        if entered is self._phase:
            return changed, None
        self._phase = entered
        return changed, AlarmChange(now_s, entered, reason or self._why(entered, now_utc))

    @property
    def phase(self) -> Phase:
        """The phase of the last turn."""
        return self._phase

    def next_utc(self, now_utc: float) -> int | None:
        """When it will ring next: a snooze's end, or the next due instant that was not stopped in its dawn."""
        if self.facts.snoozed_utc is not None:
            return self.facts.snoozed_utc + 60 * self.setting.snooze_min
        return next_due(self.setting, now_utc, self.facts)

    def document(self) -> dict[str, Any]:
        """Setting and facts as they are kept beside the database."""
        return {"setting": self.setting.as_dict(), "facts": self.facts.as_dict()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Morning:
        """From what was kept.  Raises ``ValueError`` or ``TypeError`` when it is not a document of ours."""
        return cls(AlarmSetting.from_dict(document["setting"]), AlarmFacts.from_dict(document["facts"]))

    def _lamp(self, facts: AlarmFacts, now_utc: float) -> LampLevel:
        return dawn(dawn_progress(self.setting, facts, now_utc), self.setting.dawn_brightness)

    def _why(self, entered: Phase, now_utc: float) -> str:
        match entered:
            case Phase.DAWN:
                return f"{self.setting.dawn_min} min before the set time"
            case Phase.RINGING:
                return "snooze over" if self.facts.snoozes else "set time"
            case Phase.DONE:
                return (
                    f"rang for {self.setting.ring_max_min} min unanswered" if self.setting.enabled else "switched off"
                )
        return "nothing is due"
