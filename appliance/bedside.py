"""What people ask of the box, by button and page: snooze, stop, standby, pairing, a light to read by, a dawn to see.

It remembers what is stored (the alarms, standby, since when the light is on) and for how long a browser may pair.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from appliance.alarm import WAKING, AlarmEvent, Phase
from appliance.alarms import Alarms
from appliance.clock import Instant
from appliance.morning import Levels, Morning
from appliance.records import EventRecord, Request
from appliance.sunrise import brighter, dawn, reading_light
from drivers.outputs import HOLD_S, LONG_HOLD_S, ButtonPress

READING_S = 3600  # after which the light to read by goes out by itself
PREVIEW_S = 30.0  # in which a whole dawn is shown to somebody who looks at the lamp
PREVIEW_STAYS_S = 5.0  # at its end, before it is dark again
WAITS_S = 120.0  # for so long after it was asked for a preview may begin
PAIRING_S = 120.0  # in which a browser may pair after the button allowed it
BLINK_S = 0.5  # of the indicator meanwhile, lit and dark
TWICE_S = 15.0  # after an alarm's end in which a second stop is the first said twice, and not for the next one's dawn
NOD_S = 1.5  # for which it shows that standby was switched
_EVENTS = {"stop": AlarmEvent.STOP, "snooze": AlarmEvent.SNOOZE}


class Bedside:
    """Hears presses and requests; says what lamp, buzzer and indicator show."""

    def __init__(self, morning: Morning, standby: bool = False, reading_utc: int | None = None) -> None:
        self.morning = morning
        self.standby = standby
        self._reading_utc = reading_utc
        self._preview_utc = -math.inf  # when it began; not kept, so a restart ends it
        self._preview_brightness = 1.0
        self._pairing_s = -math.inf  # until when a browser may pair; not kept, so a restart shuts that door
        self._nod_s = -math.inf
        self._stopping_s: float | None = None  # the press that stopped an alarm, which may be held on
        self._notes: list[EventRecord] = []

    # -- what is asked

    def press(self, press: ButtonPress, now: Instant) -> bool:
        """Short: snooze, or standby on and off where no alarm is at work; held: stop; held on: let a browser pair.

        True when what must be kept has changed.
        """
        waking = self.morning.phase in WAKING
        if press.held_s >= LONG_HOLD_S:
            if press.t_s != self._stopping_s:
                self._let_pair(now, "by the button")
            return False
        if press.held_s >= HOLD_S:
            again = self.morning.phase is Phase.DAWN and self.morning.over_for_s(now.utc_s) < TWICE_S
            stopped = waking and not again and self.morning.press(AlarmEvent.STOP, now.utc_s, "stop by the button")
            self._stopping_s = press.t_s if stopped else self._stopping_s
            return stopped
        if waking:
            return self.morning.press(AlarmEvent.SNOOZE, now.utc_s, "snooze by the button")
        return self._stand_by(not self.standby, now, "by the button")

    def ask(self, request: Request, now: Instant) -> bool:
        """Something was asked for on the page, or in the box's shell; True when what must be kept has changed."""
        match request.kind:
            case "stop" | "snooze":
                if request.utc_s < math.floor(self.morning.woke_utc(now.utc_s)):
                    return False  # asked for while the box was down, of an alarm that is over
                return self.morning.press(_EVENTS[request.kind], now.utc_s, f"{request.kind} on the page")
            case "standby_on" | "standby_off":
                return self._stand_by(request.kind == "standby_on", now, "on the page")
            case "light_on" | "light_off":
                on = request.kind == "light_on" and now.utc_s < request.utc_s + READING_S
                before, self._reading_utc = self._reading_utc, int(now.utc_s) if on else None
                return before != self._reading_utc
            case "preview_on" | "preview_off":
                self._preview(request, now)
            case "pair":
                if now.utc_s < request.utc_s + PAIRING_S:  # and not one that waited while the box was down
                    self._let_pair(now, "on the box")
        return False

    def _preview(self, request: Request, now: Instant) -> None:
        """Begin or end a dawn for somebody who looks at the lamp; nothing in standby, or while an alarm is at work."""
        self._preview_utc = -math.inf
        brightness = request.value
        if request.kind != "preview_on" or isinstance(brightness, bool) or not isinstance(brightness, int | float):
            return
        if 0.0 <= brightness <= 1.0 and now.utc_s < request.utc_s + WAITS_S and not self.standby:
            self._preview_utc, self._preview_brightness = now.utc_s, float(brightness)

    def _let_pair(self, now: Instant, how: str) -> None:
        self._pairing_s = now.mono_s + PAIRING_S
        self._note(now, "pair", f"Pairing of a browser allowed {how} for {PAIRING_S / 60:.0f} min")

    def _stand_by(self, standby: bool, now: Instant, how: str) -> bool:
        if standby is self.standby:
            return False
        self.standby = standby
        self._preview_utc = -math.inf
        self._nod_s = now.mono_s + NOD_S
        self._note(now, "standby", f"Standby {'on' if standby else 'off'} {how}")
        return True

    # -- what is shown

    def levels(self, now_utc: float) -> Levels:
        """Lamp and buzzer, from stored facts and the clock alone; dark unless a dawn or the reading light is on.

        A dawn that somebody wants to look at is the one thing that is not stored.
        """
        levels = self.morning.levels(now_utc)
        if self.is_previewing(now_utc):
            return levels._replace(lamp=dawn((now_utc - self._preview_utc) / PREVIEW_S, self._preview_brightness))
        return levels._replace(lamp=brighter(levels.lamp, reading_light())) if self.is_reading(now_utc) else levels

    def is_reading(self, now_utc: float) -> bool:
        """Whether the reading light is on."""
        return self._reading_utc is not None and 0 <= now_utc - self._reading_utc < READING_S

    def is_previewing(self, now_utc: float) -> bool:
        """Whether a dawn is shown only to be looked at: bounded by the clock, and an alarm goes before it."""
        if not 0.0 <= now_utc - self._preview_utc < PREVIEW_S + PREVIEW_STAYS_S:
            return False
        return self.morning.alarms.phase(now_utc) not in WAKING

    def pairing_until(self, now: Instant) -> int | None:
        """Until when (UTC seconds) a browser may pair, or None."""
        left_s = self._pairing_s - now.mono_s
        return math.floor(now.utc_s + left_s) if left_s > 0.0 else None

    def indicator(self, is_troubled: bool, now: Instant) -> bool:
        """Blinking while a browser may pair; lit for a moment as standby is switched; lit where something is wrong."""
        if now.mono_s < self._pairing_s:
            return int(now.mono_s / BLINK_S) % 2 == 0
        return now.mono_s < self._nod_s or is_troubled

    # -- what is kept

    def notes(self) -> list[EventRecord]:
        """What happened since it was asked last."""
        notes, self._notes = self._notes, []
        return notes

    def document(self) -> dict[str, Any]:
        """What must outlive a restart."""
        return {**self.morning.alarms.as_dict(), "standby": self.standby, "reading_utc": self._reading_utc}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Bedside:
        """From what was kept, by this version or an earlier one.

        Raises ``ValueError``, ``TypeError`` or ``KeyError`` when the alarms in it cannot be understood.
        """
        alarms = Alarms.from_dict(document)
        reading = document.get("reading_utc")
        return cls(
            Morning(alarms.settings, alarms.facts),
            document.get("standby") is True,
            reading if isinstance(reading, int) else None,
        )

    def _note(self, now: Instant, kind: str, text: str) -> None:
        self._notes.append(EventRecord(int(now.utc_s), kind, text))
