"""The alarm's phases as a picture, found by living every morning there is: ``python tests/phase_picture.py`` draws it.

Mornings are lived in steps of five minutes with every event at every step; so whatever arrow the code has in
it is walked, and none is drawn that it has not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from appliance.alarm import NO_FACTS, AlarmEvent, AlarmFacts, Phase, after, phase, settled
from appliance.alarm_setting import AlarmSetting

STEP_S = 300
DUE = int(datetime(2026, 11, 24, 7, tzinfo=UTC).timestamp())
DAWNING = AlarmSetting(
    enabled=True, timezone="UTC", dawn_min=30, window_min=45, snooze_min=15, snooze_count=1, ring_max_min=30
)
CAUSES = {
    None: "clock",
    AlarmEvent.RANG: "good moment in the window",
    AlarmEvent.SNOOZE: "snooze",
    AlarmEvent.STOP: "stop",
}
Arrow = tuple[Phase, Phase, str]


def arrows(setting: AlarmSetting) -> Iterator[Arrow]:
    """Every change of phase between two hours before one set time and the next day's ring, some of them often."""
    here = {NO_FACTS}
    for now in range(DUE - 7200, DUE + 86_400 + 3600, STEP_S):
        there: set[AlarmFacts] = set()
        for facts in here:
            before = phase(setting, facts, now)
            told = {event: after(facts, event, setting, now) for event in AlarmEvent}
            for event, result in told.items():
                yield before, phase(setting, result, now), CAUSES[event]
            for result in {facts, *told.values()}:
                yield phase(setting, result, now), phase(setting, result, now + STEP_S), CAUSES[None]
                there.add(settled(setting, result, now + STEP_S))
        here = there


def picture() -> str:
    """A state diagram in the language of Mermaid."""
    found = {*arrows(DAWNING), *arrows(replace(DAWNING, dawn_min=0))}
    order = list(Phase)
    lines = ["stateDiagram-v2", "    [*] --> IDLE"]
    for source in order:
        for target in order:
            causes = [cause for cause in CAUSES.values() if source is not target and (source, target, cause) in found]
            if causes:
                lines.append(f"    {source.name} --> {target.name}: {' or '.join(causes)}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(picture())
