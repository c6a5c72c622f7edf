"""Several alarms that share one lamp, one buzzer and one button.

Each has its own setting and facts (``appliance/alarm.py``); at most one of them rings or is snoozed at a time.  When a
second one comes due while the first rings or is snoozed, the second takes over: its ring is a whole one, with its own
snoozes, and the first is over, even if its set time is the later one and it rang at a good moment before.  So whoever
snoozed the first is woken by the second at its time, nothing sounds twice, and one stop ends what sounds, but never an
alarm whose time has not come.  Two that are due at once are one ring.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from appliance import alarm
from appliance.alarm import NO_FACTS, AlarmEvent, AlarmFacts, Phase
from appliance.alarm_setting import AlarmSetting, read_alarms


class Ahead(NamedTuple):
    """The next ring: when, and of which alarm."""

    utc_s: int
    setting: AlarmSetting


@dataclass(frozen=True, slots=True)
class Alarms:
    """All settings and what happened to them, by the alarm's id: what is stored, and what follows from it."""

    settings: tuple[AlarmSetting, ...] = ()
    facts: Mapping[int, AlarmFacts] = field(default_factory=dict)

    def settled(self, now_utc: float) -> Alarms:
        """With all that the clock alone has brought about by ``now_utc``."""
        facts = {one.id: alarm.settled(one, self.of(one), now_utc) for one in self.settings}
        begun = {one.id for one in self.settings if _ring(facts[one.id]) != _ring(self.of(one))}
        active = sorted((key in begun, fact.due_utc or 0, key) for key, fact in facts.items() if fact.is_active)
        by_id = {one.id: one for one in self.settings}
        for *_, key in active[:-1]:
            facts[key] = facts[key].ended(math.floor(now_utc), by_id[key])
        return replace(self, facts=facts)

    def after(self, event: AlarmEvent, now_utc: float) -> Alarms:
        """After ``event``: it is for what rings or is snoozed, else for the dawn or window that ends first."""
        here = self.settled(now_utc)
        coming = [ahead.setting for ahead in here._ahead(now_utc)] if here.active is None else [here.active]
        for one in coming:
            told = alarm.after(here.of(one), event, one, now_utc)
            if told != here.of(one):
                return replace(here, facts={**here.facts, one.id: told})
        return here

    def moved(self, by_s: int) -> Alarms:
        """With the ring or snooze in progress as old as it is, though the clock was set forward by so much.

        After a power cut the clock may be hours behind until the network's time comes; a ring that has gone on for two
        minutes must not be over then because it seems to be as many hours old.
        """
        active = self.active
        if active is None:
            return self
        facts = self.of(active)
        ringing, snoozed = (None if at is None else at + by_s for at in (facts.ringing_utc, facts.snoozed_utc))
        return replace(self, facts={**self.facts, active.id: replace(facts, ringing_utc=ringing, snoozed_utc=snoozed)})

    def phase(self, now_utc: float) -> Phase:
        """What the box as a whole is doing."""
        here = self.settled(now_utc)
        phases = {alarm.phase(one, here.of(one), now_utc) for one in here.settings}
        order = (Phase.RINGING, Phase.SNOOZED, Phase.DAWN, Phase.DONE)
        return next((found for found in order if found in phases), Phase.IDLE)

    def window(self, now_utc: float) -> Ahead | None:
        """The alarm whose smart window is open, of several the first; None too while something rings or is snoozed."""
        here = self.settled(now_utc)
        coming = here._ahead(now_utc) if here.active is None else []
        return next((ahead for ahead in coming if here._is_open(ahead, now_utc)), None)

    @property
    def active(self) -> AlarmSetting | None:
        """Whichever rings or is snoozed, of settled ones."""
        return next((one for one in self.settings if self.of(one).is_active), None)

    def of(self, one: AlarmSetting) -> AlarmFacts:
        """Its facts."""
        return self.facts.get(one.id, NO_FACTS)

    def next_ring(self, now_utc: float) -> Ahead | None:
        """When something sounds next: a snooze's end or a set time, whichever is first."""
        here = self.settled(now_utc)
        ahead = here._ahead(now_utc)[:1]
        one = here.active
        if one is not None:
            snoozed = here.of(one).snoozed_utc
            if snoozed is not None:
                ahead.append(Ahead(snoozed + 60 * one.snooze_min, one))
        return min(ahead, default=None, key=lambda found: found.utc_s)

    def dawn_utc(self, now_utc: float) -> int | None:
        """When the lamp begins to rise, or began, for the next set time; None without a dawn."""
        ahead = self.settled(now_utc)._ahead(now_utc)
        dawns = [due - 60 * one.dawn_min for due, one in ahead if one.dawn_min]
        return min(dawns, default=None)

    def dawning(self, now_utc: float) -> AlarmSetting | None:
        """Whose dawn it is; of several, the one that rings first."""
        here = self.settled(now_utc)
        coming = (ahead.setting for ahead in here._ahead(now_utc))
        return next((one for one in coming if alarm.phase(one, here.of(one), now_utc) is Phase.DAWN), None)

    def last_ended(self) -> tuple[AlarmSetting, AlarmFacts] | None:
        """The alarm that was over last."""
        told = [(one, self.of(one)) for one in self.settings if self.of(one).ended_utc is not None]
        return max(told, default=None, key=lambda found: found[1].ended_utc or 0)

    def changes(self, before: Alarms) -> list[tuple[AlarmSetting, AlarmFacts]]:
        """Whose facts differ from ``before``, and speak of an occurrence."""
        told = [(one, self.of(one)) for one in self.settings]
        return [(one, facts) for one, facts in told if facts != before.of(one) and facts.due_utc is not None]

    def as_dict(self) -> dict[str, Any]:
        """As a JSON object, as it is kept beside the database."""
        return {
            "alarms": [one.as_dict() for one in self.settings],
            "facts": {str(key): facts.as_dict() for key, facts in self.facts.items()},
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Alarms:
        """From a JSON object, also one of the version that knew a single alarm.

        Raises ``ValueError``, ``TypeError`` or ``KeyError`` when it is not one of ours.
        """
        is_old = "alarms" not in document
        settings, complaints = read_alarms(document["setting" if is_old else "alarms"])
        if complaints and not settings:
            raise ValueError(complaints[0])
        kept = {settings[0].id: document["facts"]} if is_old else document["facts"]
        facts = {int(key): AlarmFacts.from_dict(values) for key, values in kept.items()}
        return cls(settings, facts)

    def _ahead(self, now_utc: float) -> list[Ahead]:
        """Of settled ones: the next set time of each, the first of them first."""
        dues = ((alarm.next_due(one, now_utc, self.of(one)), one) for one in self.settings)
        return sorted((Ahead(due, one) for due, one in dues if due is not None), key=lambda a: (a.utc_s, a.setting.id))

    def _is_open(self, ahead: Ahead, now_utc: float) -> bool:
        return alarm.may_ring(ahead.setting, self.of(ahead.setting), now_utc)


def _ring(facts: AlarmFacts) -> tuple[int | None, int | None]:
    """Which ring the facts speak of."""
    return facts.due_utc, facts.rang_utc
