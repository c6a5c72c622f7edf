"""Three days and nights of the whole box in a quarter of an hour, and whether anything of it grows.

    python tests/long_life.py [--hours 72] [--module tinyframe] [--turn 0.1] [--json FILE]

Real are the box as ``appliance.box.build`` makes it, with its threads for radar, room and disk, the module's bytes at
their full rate, ten turns a second, the database, the status file, and the page in a process of its own, which is asked
for everything it has every ten minutes.  A sleeper comes each evening, goes to the bathroom, is woken, presses the
button and leaves.  Stood in for: the clock, which goes on as soon as what was due is done; the serial port, whose bytes
another process makes up; and pins.

Every hour is noted what both processes hold.  The first day is for caches to fill.  From then on the same hours of
different days are held against each other, so that a night, which takes memory and gives it back, is no growth.  Ends
with 1 and a line for whatever is not flat.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import asdict
from datetime import date
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench import furnished  # noqa: E402
from flatness import DAY_H, Mark, table, verdict  # noqa: E402
from life_world import LOST_S, RECORD, STARTED, Hand, Steps, Wire  # noqa: E402
from page_cost import asked  # noqa: E402

from appliance.alarm_copy import AlarmCopy  # noqa: E402
from appliance.alarm_setting import AlarmSetting  # noqa: E402
from appliance.bedside import Bedside  # noqa: E402
from appliance.box import build, database, status_file  # noqa: E402
from appliance.config import load  # noqa: E402
from appliance.morning import Morning  # noqa: E402
from appliance.scenario import Scenario, simulate_scenario, wire_of  # noqa: E402
from appliance.scenario.words import Knows, NightFacts, Sleeper  # noqa: E402
from appliance.store import Role, Store  # noqa: E402
from appliance.terminal import Bar  # noqa: E402
from appliance.web import pairing  # noqa: E402
from appliance.web.browsers import FILE, Browsers  # noqa: E402
from drivers.environment import Environment  # noqa: E402
from drivers.outputs import open_pins  # noqa: E402
from drivers.readings import Module  # noqa: E402
from drivers.twins import AcconeerTwin  # noqa: E402
from models.sleeper import Activity  # noqa: E402

DAY = ((30, "enter"), (50, "try_to_sleep"), (280, "visit_bathroom"), (525, "leave"))  # minutes after ten
ALARM = AlarmSetting(enabled=True, hour=6, minute=30, timezone="UTC")
PAGE_S = 600.0
PAGES = ("/", "/night", "/nights", "/trends", "/alarm", "/settings", "/placement")


def speak(module: Module, hours: float) -> None:
    """The other process: the module's bytes of the whole life to standard output."""
    days = range(int(hours / DAY_H) + 1)
    does = [Activity(at + 1440.0 * day, what) for day in days for at, what in DAY if at + 1440 * day < 60 * hours]
    night = NightFacts(hours=hours, started_utc=STARTED)
    scenario = Scenario("long life", night, (Sleeper("Ada", tuple(does)),), (), (), (), Knows())
    _, spoken = wire_of(scenario, simulate_scenario(scenario, 1), module, 1)
    if module is Module.ACCONEER:
        spoken = islice(spoken, len(AcconeerTwin().setup_replies()), None)  # the host hears those when it asks
    out = sys.stdout.buffer
    for t_s, data in spoken:
        out.write(RECORD.pack(t_s, len(data)) + data)
    out.flush()


def held(process: str) -> tuple[int, int, int, int]:
    """(RSS, PSS, file descriptors, threads) of a process."""
    with open(f"/proc/{process}/smaps_rollup", encoding="ascii") as lines:
        kb = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith("kB\n")}
    counts = [len(os.listdir(f"/proc/{process}/{folder}")) for folder in ("fd", "task")]
    return 1024 * kb["Rss"], 1024 * kb["Pss"], counts[0], counts[1]


def marked(state: Path, status: Path, page: int) -> Mark:
    """Now."""
    gc.collect()
    rss, pss, descriptors, threads = held("self")
    page_rss, page_pss, page_descriptors, page_threads = held(str(page))

    def size(*names: str) -> int:
        return sum((state / name).stat().st_size for name in names if (state / name).exists())

    return Mark(
        rss=rss,
        pss=pss,
        objects=len(gc.get_objects()),
        descriptors=descriptors,
        threads=threads,
        cpu_s=time.process_time(),
        database=size("firstlight.db", "firstlight.db-wal"),
        status=status.stat().st_size,
        copies=size("alarm.json", "alarm.previous.json"),
        page_rss=page_rss,
        page_pss=page_pss,
        page_descriptors=page_descriptors,
        page_threads=page_threads,
    )


def look(port: int, cookie: str) -> None:
    """Somebody looks at every page, and for a moment at the live one."""
    for path in PAGES:
        asked(port, path, cookie)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(f"GET /live/now HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n".encode())
        if not line.recv(1 << 12).startswith(b"HTTP/1.1 200"):
            raise SystemExit("the live view is not there")


def lived(hours: float, module: Module, turn_s: float, folder: Path) -> list[Mark]:
    """The life; raises SystemExit where it was none."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config_path, state, _ = furnished(folder, module.value, port=port)
    config = load(config_path)
    AlarmCopy(state).save({**Bedside(Morning((ALARM,))).document(), "bed_side": "left"})
    Store(database(config), Role.SUPERVISOR).close()
    browsers = Browsers(state / FILE)
    browser = browsers.pair("the watcher", int(time.time()), date.today(), int(time.time()))
    assert browser is not None
    cookie = f"{pairing.COOKIE}={browsers.cookie(browser)}"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "STATE_DIRECTORY": str(state), "MALLOC_ARENA_MAX": "1"}
    clock, stop, marks = Steps(), threading.Event(), list[Mark]()
    with ExitStack() as after:

        def start(*command: str, **options: Any) -> subprocess.Popen[bytes]:
            process = subprocess.Popen([sys.executable, *command], env=env, **options)
            after.callback(process.wait)
            after.callback(process.terminate)
            return process

        def over() -> None:
            stop.set()
            clock.end()
            box.close()
            for thread in box.threads:
                thread.join(LOST_S)

        voice = start(__file__, "--speak", module.value, "--hours", str(hours), stdout=subprocess.PIPE)
        page = start("-m", "appliance", "web", "--config", str(config_path), stderr=subprocess.DEVNULL)
        assert voice.stdout is not None
        after.enter_context(patch("drivers.radar.open_port", Wire(clock, voice.stdout, module, stop)))
        after.enter_context(patch("appliance.box.Environment", partial(Environment, sleep=clock.wait)))
        pins = open_pins("mock")
        after.enter_context(patch("appliance.box.open_pins", lambda _: pins))
        hand = Hand(pins.pin(config.outputs.button))
        box = build(config, clock, stop, simulated=True)
        after.callback(over)
        for thread in box.threads:
            thread.start()
        bar = after.enter_context(Bar(max(round(hours), 1), "hours", not sys.stderr.isatty()))
        next_page_s, began_s = PAGE_S, time.monotonic()
        turns = 0
        while clock.until_s < 3600.0 * hours:
            outcome = box.supervisor.turn(clock.now())
            hand.feel(clock.mono_s, outcome.levels.tone_hz is not None)
            if clock.mono_s >= 3600.0 * len(marks) and turns:
                marks.append(marked(state, status_file(config), page.pid))
                for pin in pins.pins.values():
                    pin.clear_states()  # of every one that it ever had, which no real pin keeps
                bar.update(len(marks) - 1)
            if clock.mono_s >= next_page_s:
                next_page_s += PAGE_S
                look(port, cookie)
            turns += 1
            clock.sleep(turns * turn_s - clock.until_s)
            if not all(thread.is_alive() for thread in box.threads):
                raise SystemExit("a thread has ended")
        took_s = time.monotonic() - began_s
        marks.append(marked(state, status_file(config), page.pid))
    with Store(database(config), Role.GUEST) as store:
        nights = [len(store.epochs(session)) for session in store.sessions(1000)[::-1]]
    print(
        f"{hours:g} h of {module.value} in {took_s:.0f} s, {3600 * hours / took_s:.0f} times as fast as life: "
        f"{turns} turns, {hand.rings} mornings rung and {hand.presses} presses, nights of {nights} epochs"
    )
    mornings = sum(hours - DAY_H * day > 8.75 for day in range(int(hours / DAY_H) + 1))
    if hand.rings < mornings or len(nights) < mornings:
        raise SystemExit(f"{mornings} nights and mornings were to be lived")
    return marks


def main() -> int:
    """Lives, tells, judges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=72.0)
    parser.add_argument("--module", type=Module, choices=list(Module), default=Module.TINYFRAME)
    parser.add_argument("--turn", type=float, default=0.1, help="simulated seconds from turn to turn")
    parser.add_argument("--json", type=Path, help="every hour's figures, a line each")
    parser.add_argument("--speak", type=Module, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.speak is not None:
        speak(chosen.speak, chosen.hours)
        return 0
    logging.basicConfig(level=logging.WARNING)
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        marks = lived(chosen.hours, chosen.module, chosen.turn, Path(folder))
    if chosen.json is not None:
        chosen.json.write_text("".join(json.dumps(asdict(mark)) + "\n" for mark in marks), encoding="utf-8")
    print("\n".join(table(marks)))
    if len(marks) <= 3 * DAY_H:
        print(f"not judged: that takes {3 * DAY_H} h")
        return 0
    found = verdict(marks)
    print("\n".join(found) or "flat")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
