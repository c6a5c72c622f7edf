"""A simulated night on the real box: the real two services, a radar spoken from the other end of a pseudo-terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from appliance.alarm_copy import AlarmCopy
from appliance.alarm_setting import AlarmSetting
from appliance.bedside import Bedside
from appliance.clock import WallClock
from appliance.config import Config, parse, render
from appliance.morning import Morning
from appliance.scenario import load_scenario, scene_of, simulate_scenario
from appliance.status import Status, read_status
from drivers.twins import Scene, TinyFrameTwin, Twin
from drivers.twins.port import PtyPort, live

SCENARIO = Path(__file__).with_name("demo.toml")
BEDTIME_H, ALARM_H = 22, 6
LOOK_S = 0.5
PATIENCE_S = 10.0
_PHASES = {
    "dawn": "the lamp begins to rise",
    "ringing": "the alarm rings: stop or snooze it on the page",
    "snoozed": "snoozed",
    "done": "the alarm is over",
}


def demo(speed: float, port: int, seed: int, say: Callable[[str], None]) -> int:
    """Run until Ctrl-C; returns the exit status.  Nothing outlives it: the night lies in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="firstlight-demo-") as name:
        folder = Path(name)
        config_path = folder / "config.toml"
        config = _config(folder, port)
        config_path.write_text(render(config), encoding="utf-8")
        bedtime = _bedtime(ZoneInfo(config.timezone))
        setting = AlarmSetting(enabled=True, hour=ALARM_H, timezone=config.timezone)
        AlarmCopy(config.paths.state).save(Bedside(Morning((setting,))).document())

        say("simulating a night ...")
        scenario = load_scenario(SCENARIO)
        scene = scene_of(scenario, simulate_scenario(scenario, seed), seed)
        clock = WallClock(speed)
        twin = TinyFrameTwin(seed)
        with PtyPort(Path(config.radar.port), twin, _and_then_nobody(twin, scene), lambda: clock.now().mono_s, seed):
            env = {**os.environ, "STATE_DIRECTORY": str(config.paths.state)}
            base = [sys.executable, "-m", "appliance"]
            start = ["--speed", str(speed), "--start-utc", bedtime.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")]
            services = [
                subprocess.Popen([*base, "run", "--config", str(config_path), *start], env=env),
                subprocess.Popen([*base, "web", "--config", str(config_path)], env=env),
            ]
            say(f"the page: http://{config.web.host}:{port}   ({speed:g} times faster than life; Ctrl-C ends it)")
            say("no pairing here, since only this computer can open it; on the box its button lets a browser in")
            say(f"from another terminal: firstlight doctor --placement --config {config_path}")
            try:
                return _tell(services, config.paths.run / "status.json", ZoneInfo(config.timezone), say)
            except KeyboardInterrupt:
                say("ending ...")
                return 0
            finally:
                _end(services)


def _config(folder: Path, port: int) -> Config:
    state, run = folder / "state", folder / "run"
    state.mkdir()
    run.mkdir()
    zone = parse("").timezone if not os.path.exists("/etc/localtime") else _zone()
    return parse(
        f"""
        timezone = "{zone}"
        [radar]
        port = "{folder / "radar"}"
        module = "tinyframe"
        baud = 115200
        [environment]
        bus = "twin"
        [outputs]
        pins = "mock"
        [paths]
        state = "{state}"
        run = "{run}"
        [web]
        port = {port}
        pairing = false
        """
    )


def _zone() -> str:
    name = os.path.realpath("/etc/localtime").partition("zoneinfo/")[2]
    return name if name and "/" in name else "UTC"


def _bedtime(zone: ZoneInfo) -> datetime:
    """The last time that it was ten in the evening."""
    now = datetime.now(zone)
    evening = now.replace(hour=BEDTIME_H, minute=0, second=0, microsecond=0)
    return evening if evening <= now else evening - timedelta(days=1)


def _and_then_nobody(twin: Twin, scene: Scene) -> Iterator[tuple[float, bytes]]:
    """The night, and for as long as anybody looks an empty room: a radar that falls silent would be a fault."""
    yield from live(twin, scene, block_s=60.0)
    for minute in count():
        yield from live(twin, Scene(scene.t_s[-1] + 60.0 * minute + np.arange(61.0)), block_s=60.0)


def _tell(services: list[subprocess.Popen[bytes]], path: Path, zone: ZoneInfo, say: Callable[[str], None]) -> int:
    """What happens in the night, a line each; returns when a service has ended."""
    told: Status | None = None
    while True:
        for service in services:
            status = service.poll()
            if status is not None:
                return status or 1
        now = read_status(path)
        if now is not None:
            for line in _news(told, now):
                say(f"{datetime.fromtimestamp(now.utc_s, zone):%H:%M}  {line}")
            told = now
        time.sleep(LOOK_S)


def _news(before: Status | None, now: Status) -> Iterator[str]:
    if now.present is not None and now.present != (before.present if before else None):
        yield "somebody is in bed" if now.present else "nobody is there"
    if now.stage is not None and now.stage != (before.stage if before else None):
        yield f"stage: {now.stage}" + (f" ({now.stage_probability:.0%})" if now.stage_probability else "")
    if now.alarm_phase != (before.alarm_phase if before else "idle"):
        yield _PHASES.get(now.alarm_phase, now.alarm_phase)


def _end(services: list[subprocess.Popen[bytes]]) -> None:
    for service in services:
        if service.poll() is None:
            service.terminate()
    waiters = [threading.Thread(target=service.wait, daemon=True) for service in services]
    for waiter in waiters:
        waiter.start()
    for waiter, service in zip(waiters, services, strict=True):
        waiter.join(PATIENCE_S)
        if service.poll() is None:
            service.kill()
            service.wait()
