"""The smart window through real bytes: from a movement to the sound, and a live ring that a replay repeats."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.alarm_copy import AlarmCopy
from appliance.alarm_setting import AlarmSetting
from appliance.bedside import Bedside
from appliance.box import sense_with
from appliance.clock import Instant, WallClock
from appliance.disk import Disk
from appliance.ledger import Ledger
from appliance.loading import load_policy, load_stager
from appliance.morning import AlarmChange, Levels, Morning
from appliance.night import Night
from appliance.raw import RawRecorder
from appliance.replay import play
from appliance.senses import LiveSenses
from appliance.settings import Settings
from appliance.smart import EVIDENCE, WakingPolicy
from appliance.supervisor import Supervisor
from appliance.turn import Outcome
from appliance.watchdog import ServiceManager
from drivers.capture import CaptureHeader, CaptureWriter, Channel, open_capture
from drivers.radar import Radar
from drivers.readings import Module
from drivers.twins import AcconeerTwin, MicradarTwin, Scene, TinyFrameTwin
from drivers.twins.port import PtyPort, live

STARTED = "2026-01-06T06:30:00Z"
SIX_THIRTY = 1_767_681_000
SETTING = AlarmSetting(enabled=True, hour=6, minute=45, timezone="UTC", window_min=10, dawn_min=5)
TWINS = {Module.TINYFRAME: TinyFrameTwin, Module.MICRADAR: MicradarTwin, Module.ACCONEER: AcconeerTwin}


def _startled() -> WakingPolicy:
    """Rings at a movement of the last five seconds, and only then; behind the shipped stager."""
    stager, _ = load_stager(None)
    assert stager is not None
    policy, complaint = load_policy(None, stager)
    assert complaint is None
    assert policy is not None
    none = (0.0,) * len(EVIDENCE)
    moved = tuple(20.0 if name == "moved_5_s" else 0.0 for name in EVIDENCE)
    return replace(
        policy,
        means=none,
        spreads=(1.0,) * len(EVIDENCE),
        now=((-5.0, *moved), (0.0, *none), (-9.0, *none)),
        later=((0.5, *none), *((0.0, *none) for _ in policy.fades_min)),
        least_sleep_h=0.0,
    )


def _morning(moves_s: float, minutes: float) -> Scene:
    """Somebody at 0.6 m who breathes 15 times a minute from the second minute on, and turns over at ``moves_s``."""
    t_s = np.arange(round(minutes * 60 * 20) + 1) / 20
    there, turns = t_s >= 60.0, (t_s >= moves_s) & (t_s < moves_s + 4.0)
    # Its length wanders by some 4 %: what is as even as a machine is taken for one.
    breath = 3 * np.sin(2 * np.pi * 0.25 * t_s + 0.6 * np.sin(t_s / 7) + 0.4 * np.sin(t_s / 3.1))
    breath += np.where(turns, 25 * np.sin(2 * np.pi * 0.6 * (t_s - moves_s)), 0.0)
    moving = np.where(turns | (there & (t_s < 70.0)), 0.8, 0.0)
    return Scene.of_one(t_s, np.where(there, breath, np.nan), np.where(there, 0.6, np.nan), moving)


def _played(path: Path, policy: WakingPolicy) -> tuple[list[tuple[float, str]], float]:
    """Rings of a capture with their reasons, and when it first sounded."""
    rings: list[tuple[float, str]] = []
    sounds: list[float] = []

    def hear(outcome: Outcome, now: Instant) -> None:
        rings.extend(_rings(outcome, now))
        if outcome.levels.tone_hz is not None:
            sounds.append(now.mono_s)

    lines: list[dict[str, Any]] = []
    stager, _ = load_stager(None)
    with open_capture(path) as capture:
        play(capture, Settings((SETTING,)), sense_with(stager), lines.append, hear=hear, policy=policy)
    return rings, min(sounds, default=math.nan)


def _rings(outcome: Outcome, now: Instant) -> list[tuple[float, str]]:
    return [
        (now.mono_s, finding.reason)
        for finding in outcome.findings
        if isinstance(finding, AlarmChange) and finding.phase == "ringing"
    ]


@pytest.mark.parametrize("module", list(Module))
@pytest.mark.parametrize("after_s", [0.1, 0.5, 0.95])
def test_from_a_movement_to_the_sound_it_takes_less_than_a_second_and_a_half(
    tmp_path: Path, module: Module, after_s: float
) -> None:
    twin, moves_s = TWINS[module](1), 600.0 + after_s
    extra = {"sensor_config": twin.sensor_config} if isinstance(twin, AcconeerTwin) else {}
    path = tmp_path / "morning.flcap"
    with path.open("wb") as stream:
        writer = CaptureWriter(stream, CaptureHeader(module, STARTED, extra))
        for t_s, data in twin.night(_morning(moves_s, 11.0)):
            writer.write(t_s, Channel.RADAR_RX, data)
    ((_, reason),), sounded_s = _played(path, _startled())
    print(f"{module.value}: {sounded_s - moves_s:.2f} s")
    assert reason.startswith("a good moment: you moved")
    assert moves_s <= sounded_s < moves_s + 1.5


class Dark:
    """No pins."""

    def show(self, levels: Levels, indicator: bool) -> None:
        """Nothing."""


@pytest.mark.slow
def test_a_live_morning_replays_to_the_same_ring(tmp_path: Path) -> None:
    speed = 40.0
    clock, stop, policy = WallClock(speed, SIX_THIRTY), threading.Event(), _startled()
    lived: list[tuple[float, str]] = []

    def listen(outcome: Outcome, now: Instant) -> None:
        lived.extend(_rings(outcome, now))
        if lived or now.mono_s > 700.0:
            stop.set()

    stager, _ = load_stager(None)
    twin, raw = TinyFrameTwin(3), tmp_path / "live.flcap"
    with PtyPort(tmp_path / "radar", twin, live(twin, _morning(600.5, 20.0)), lambda: clock.now().mono_s) as port:
        recorder = RawRecorder(raw, STARTED, lambda: Module.TINYFRAME)
        senses = LiveSenses(
            lambda deliver, tee: Radar(
                str(port.link), Module.TINYFRAME, 115_200, lambda: clock.now().mono_s, deliver, tee, speed
            ),
            None,
            None,
            clock,
            recorder.tee,
        )
        night = Night(Settings((SETTING,)), Bedside(Morning((SETTING,))), sense_with(stager), "firstlight-tcn", policy)
        disk = Disk(Ledger(tmp_path / "firstlight.db"), AlarmCopy(tmp_path), speed)
        supervisor = Supervisor(night, senses, Dark(), disk, clock, listen=listen)
        threads = [*senses.threads(stop), *(threading.Thread(target=t.run, args=(stop,)) for t in (disk, recorder))]
        for thread in threads:
            thread.start()
        try:
            supervisor.run(stop, ServiceManager(""), threads)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    again, _ = _played(raw, policy)
    assert len(lived) == 1
    assert [reason for _, reason in again] == [reason for _, reason in lived]
    # A live turn takes what has come by then: at forty times the speed a tenth of a second is four.
    assert again[0][0] == pytest.approx(lived[0][0], abs=6.0)
