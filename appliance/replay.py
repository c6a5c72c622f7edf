"""A capture through the whole supervisor, into a temporary database: the same code and the same answer as live."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from appliance.alarm_copy import AlarmCopy
from appliance.bedside import Bedside
from appliance.clock import CaptureClock, Instant
from appliance.disk import Disk
from appliance.ledger import Ledger
from appliance.morning import AlarmChange, Levels, Morning
from appliance.night import Night
from appliance.presence import Presence
from appliance.records import SessionRecord
from appliance.respiration import Breathing
from appliance.sensing import Finding, Sensing, StagedEpoch
from appliance.settings import Settings
from appliance.smart import WakingPolicy
from appliance.status import RadarStatus
from appliance.supervisor import Supervisor
from appliance.tracking import PrimaryUser
from appliance.turn import Inputs, Outcome
from drivers.capture import CaptureError, CaptureHeader, Channel, Record, open_capture
from drivers.outputs import PressDetector
from drivers.probing import PROTOCOLS
from drivers.radar import Conversation
from drivers.readings import EnvironmentReading, Module, RadarSample
from models.contract import EPOCH_S

TURN_S = 1.0  # a replay needs fewer turns: nothing below depends on how many there are


class Recording(Protocol):
    """What was recorded, once through: a capture, or bytes that never saw a file."""

    header: CaptureHeader

    def __iter__(self) -> Iterator[Record]:
        """In order of time."""
        ...


class CaptureSenses:
    """Hands on what a capture holds, up to now."""

    def __init__(self, capture: Recording) -> None:
        self._module = capture.header.module
        self._records: Iterator[Record] = iter(capture)
        self._next = next(self._records, None)
        self.conversation = conversation(capture)
        self._presses = PressDetector()
        learnt = capture.header.extra.get("learnt")
        self._learnt: Mapping[str, Any] | None = learnt if isinstance(learnt, Mapping) else None

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self._next is None

    def take(self, now: Instant) -> Inputs:
        """Everything recorded until now."""
        samples: list[RadarSample] = []
        room: list[EnvironmentReading] = []
        presses = []
        talk, record = self.conversation, self._next
        while record is not None and record.t_s <= now.mono_s:
            if record.channel == Channel.RADAR_RX:
                samples += talk.receive(record.t_s, record.data)
            elif record.channel == Channel.ENVIRONMENT:
                room.append(_reading(record.data))
            elif record.channel == Channel.BUTTON:
                presses += self._presses.edge(record.t_s, record.data == b"1")
            record = next(self._records, None)
        self._next = record
        presses += self._presses.poll(now.mono_s)
        link = RadarStatus(True, self._module.value, talk.firmware, talk.fault(now.mono_s))
        learnt, self._learnt = self._learnt, None  # what the box knew of its bed when this was recorded
        return Inputs(module=self._module, radar=samples, room=room, presses=presses, link=link, learnt=learnt)


class NoEffectors:
    """A replay moves no pins."""

    def show(self, levels: Levels, indicator: bool) -> None:
        """Nothing."""


def conversation(capture: Recording) -> Conversation:
    """Our side of the talk with the module that was captured; an Acconeer's ranges stand in the header."""
    protocol = PROTOCOLS[capture.header.module]
    if capture.header.module is Module.ACCONEER:
        try:
            talk: Conversation = protocol.Conversation(capture.header.extra.get("sensor_config"))
        except ValueError as error:
            raise CaptureError(f"the capture's first line: {error}") from error
    else:
        talk = protocol.Conversation()
    return talk


def replay(
    path: Path,
    settings: Settings,
    sense: Callable[[Module, Settings], Sensing],
    say: Callable[[dict[str, Any]], None],
    speed: float | None = None,
    model: str | None = None,
    progress: Callable[[float], None] | None = None,
    policy: WakingPolicy | None = None,
) -> None:
    """Replay the capture; ``say`` is given each line, ``speed`` None means as fast as it goes."""
    with open_capture(path) as capture:
        play(capture, settings, sense, say, speed, model, progress, policy=policy)


def play(
    capture: Recording,
    settings: Settings,
    sense: Callable[[Module, Settings], Sensing],
    say: Callable[[dict[str, Any]], None],
    speed: float | None = None,
    model: str | None = None,
    progress: Callable[[float], None] | None = None,
    hear: Callable[[Outcome, Instant], None] | None = None,
    policy: WakingPolicy | None = None,
) -> None:
    """Replay what is open already; ``hear`` is given each turn's outcome."""
    with tempfile.TemporaryDirectory(prefix="firstlight-replay-") as folder:
        senses = CaptureSenses(capture)
        clock = CaptureClock(_utc(capture.header.started_utc), speed)
        disk = Disk(Ledger(Path(folder) / "firstlight.db"), AlarmCopy(Path(folder)))
        night = Night(settings, Bedside(Morning(settings.alarms)), sense, model, policy)

        def listen(outcome: Outcome, now: Instant) -> None:
            for finding in outcome.findings:
                say(line(finding, now))
            if hear is not None:
                hear(outcome, now)

        supervisor = Supervisor(night, senses, NoEffectors(), disk, clock, listen=listen)
        stop = threading.Event()
        writer = threading.Thread(target=disk.run, args=(stop,), name="disk")
        writer.start()
        try:
            while not senses.ended:
                supervisor.turn(clock.now())
                if progress is not None:
                    progress(clock.mono_s)
                clock.sleep(TURN_S)
            supervisor.turn(clock.now())
        finally:
            stop.set()
            writer.join()
        unfinished = night.so_far(clock.now())
        if unfinished is not None:
            say(line(unfinished, clock.now()))
        say({"kind": "counters", "t": round(clock.mono_s, 3), **asdict(senses.conversation.counters)})


def line(finding: Finding | AlarmChange | SessionRecord, now: Instant) -> dict[str, Any]:
    """One finding as a JSON line; ``t`` is in seconds since the start."""
    match finding:
        case Presence():
            return {
                "kind": "presence",
                "t": round(finding.t_s, 1),
                "present": finding.present,
                "confidence": round(finding.confidence, 3),
                "reason": finding.reason,
            }
        case PrimaryUser():
            return {
                "kind": "person",
                "t": round(finding.t_s, 1),
                "who": finding.who.value,
                "confidence": round(finding.confidence, 3),
                "reason": finding.reason,
            }
        case Breathing():
            return {
                "kind": "breath",
                "t": round(finding.t_s, 1),
                "brpm": _rounded(finding.rate_brpm, 2),
                "quality": round(finding.quality, 3),
                "interval_s": _rounded(finding.interval_s, 2),
                "amplitude": _rounded(finding.amplitude, 3),
                "sigh": finding.sigh,
                "pause_s": _rounded(finding.pause_s, 1),
                "inhaling_sign": finding.inhaling_sign,
            }
        case StagedEpoch(estimate=estimate):
            p = (None,) * 4 if estimate.probabilities is None else [round(v, 4) for v in estimate.probabilities]
            return {
                "kind": "epoch",
                "t": estimate.start_s,
                "stage": estimate.stage.word,
                **dict(zip(("p_wake", "p_light", "p_deep", "p_rem"), p, strict=True)),
                "coverage": round(estimate.coverage, 3),
                "primary": finding.primary.is_primary,
            }
        case AlarmChange():
            return {"kind": "alarm", "t": round(finding.t_s, 1), "phase": finding.phase.value, "reason": finding.reason}
        case SessionRecord():
            offset = now.utc_s - now.mono_s

            def since(utc: int | None) -> float | None:
                return None if utc is None else round(utc - offset, 1)

            return {
                "kind": "session",
                "t": round(now.mono_s, 1),
                "in_bed": since(finding.entered_utc),
                "intent": since(finding.began_trying_utc),
                "onset": since(finding.onset_utc),
                "final_awakening": since(finding.final_awakening_utc),
                "out_of_bed": since(finding.left_utc),
                "statistics": finding.statistics,
            }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _utc(started: str) -> float:
    return datetime.fromisoformat(started).replace(tzinfo=UTC).timestamp()


def _reading(data: bytes) -> EnvironmentReading:
    try:
        values = json.loads(data)
        return EnvironmentReading(**{key: values.get(key) for key in EnvironmentReading._fields})
    except (ValueError, AttributeError):
        return EnvironmentReading(0.0)


def summary(lines: list[dict[str, Any]]) -> Iterator[str]:
    """The lines of a replay for people: what happened, then the night in one row of letters."""
    marks = {"wake": "W", "light": "L", "deep": "D", "rem": "R", "unscored": "."}
    stages: dict[int, str] = {}
    for item in lines:
        match item["kind"]:
            case "presence":
                there = "somebody" if item["present"] else "nobody"
                yield f"{_clock(item['t'])}  {there} ({item['confidence']:.0%}): {item['reason']}"
            case "person":
                yield f"{_clock(item['t'])}  in bed: {item['who']} ({item['confidence']:.0%}): {item['reason']}"
            case "alarm":
                yield f"{_clock(item['t'])}  alarm {item['phase']}: {item['reason']}"
            case "session" if item["statistics"] is not None:
                yield f"{_clock(item['t'])}  night from {_clock(item['in_bed'])}: {_figures(item['statistics'])}"
            case "epoch":
                stages[int(item["t"]) // EPOCH_S] = marks[item["stage"]]
    if stages:
        yield "one letter per 30 s (W wake, L light, D deep, R rem, . not enough signal, - nobody):"
        for start in range(0, max(stages) + 1, 120):
            row = "".join(stages.get(i, "-") for i in range(start, min(start + 120, max(stages) + 1)))
            yield f"{_clock(start * EPOCH_S)}  {row}"
    rates = sorted(item["brpm"] for item in lines if item["kind"] == "breath" and item["brpm"] is not None)
    if rates:
        yield f"breathing: median {rates[len(rates) // 2]:.1f} a minute over {len(rates)} s"


def _clock(t_s: float | None) -> str:
    whole = int(t_s or 0)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _figures(statistics: Mapping[str, Any]) -> str:
    parts = []
    for key, name in (("tib_s", "in bed"), ("tst_s", "asleep"), ("sol_s", "to fall asleep"), ("waso_s", "awake after")):
        value = statistics[key]
        parts.append(f"{name} {'-' if value is None else _clock(value)}")
    for key in ("light_s", "deep_s", "rem_s"):
        value = statistics[key]
        parts.append(f"{key[:-2]} {'-' if value is None else _clock(value)}")
    return ", ".join(parts)
