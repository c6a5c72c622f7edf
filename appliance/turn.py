"""One turn of the box: what it brings and what it leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.clock_trust import ClockSource
from appliance.morning import AlarmChange, Levels
from appliance.records import EpochRecord, Record, Request, SessionRecord
from appliance.sensing import Finding
from appliance.status import RadarStatus, Status
from drivers.outputs import ButtonPress
from drivers.readings import EnvironmentReading, Module, RadarSample


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one turn brings."""

    module: Module | None = None  # as soon as it is known which radar there is
    radar: Sequence[RadarSample] = ()
    room: Sequence[EnvironmentReading] = ()
    presses: Sequence[ButtonPress] = ()
    requests: Sequence[Request] = ()
    settings: Mapping[str, Any] | None = None  # the page's rows, when they changed
    link: RadarStatus = field(default_factory=RadarStatus)
    complaints: tuple[str, ...] = ()  # of the shell: configuration, model, disk
    clock: ClockSource = ClockSource.NETWORK  # who has told this machine the time
    unfinished: tuple[SessionRecord, Sequence[EpochRecord]] | None = None  # what an earlier process left open
    learnt: Mapping[str, Any] | None = None  # of the bed, by earlier processes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one turn leads to."""

    levels: Levels
    indicator: bool = False
    records: tuple[Record, ...] = ()
    findings: tuple[Finding | AlarmChange | SessionRecord, ...] = ()
    kept: Mapping[str, Any] | None = None  # what must outlive a restart, when it changed
    status: Status | None = None  # once a second
    standby: bool = False  # nothing is to be sensed
