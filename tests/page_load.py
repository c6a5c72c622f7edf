"""What a hammered page does to the supervisor: its turns beside a quiet page and beside one under load, in one run.

    python tests/page_load.py [SECONDS [REQUESTS_A_SECOND [WATCHERS]]]      60, 200 and 50 unless said otherwise

Supervisor, page and a radar twin are processes of their own, as on a box; somebody sleeps before the radar.  Quiet and
load take turns twice, so that what else this machine does falls on both.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "web")]

import numpy as np  # noqa: E402
import plausible_nights  # noqa: E402
from bench import furnished, memory_mb  # noqa: E402

from appliance.config import load  # noqa: E402
from appliance.status import read_status  # noqa: E402
from appliance.web import pairing  # noqa: E402
from appliance.web.browsers import FILE, Browsers  # noqa: E402

MIX = ("/", "/", "/", "/", "/", "/", "/alarm", "/settings", "/nights", "/night")  # a night costs five of the others
LINES = 16  # connections that ask, kept open as browsers keep theirs
ROUNDS = 2
PATIENCE_S = 240.0

# The supervisor as `firstlight run` starts it, with a line for each of its turns: when it began and how long it took.
TIMED = """
import sys, time
from appliance import supervisor
from appliance.__main__ import main
turn, told = supervisor.Supervisor.turn, open(sys.argv.pop(1), "w", buffering=1 << 12)
def timed(self, now):
    began_s = time.monotonic()
    outcome = turn(self, now)
    told.write(f"{began_s} {time.monotonic() - began_s}\\n")
    return outcome
supervisor.Supervisor.turn = timed
main()
"""
TWIN = """
import sys, time
from pathlib import Path
import numpy as np
from drivers.twins import Scene, TinyFrameTwin
from drivers.twins.port import PtyPort, live
t_s = np.arange(3600 * 20) / 20
breath = 3 * np.sin(2 * np.pi * 0.25 * t_s + 0.6 * np.sin(t_s / 7) + 0.4 * np.sin(t_s / 3.1))
scene = Scene.of_one(t_s, breath, np.full(len(t_s), 0.6), np.where(t_s < 10, 0.8, 0.0))
twin, origin = TinyFrameTwin(1), time.monotonic()
with PtyPort(Path(sys.argv[1]), twin, live(twin, scene), lambda: time.monotonic() - origin):
    time.sleep(3600)
"""


class Load:
    """Those who watch and those who ask; what came of it."""

    def __init__(self, port: int, cookies: list[str]) -> None:
        self.port = port
        self.cookies = cookies
        self.answers: Counter[int] = Counter()
        self.failed: Counter[str] = Counter()
        self.took_s: list[float] = []
        self.events = 0
        self.behind_s = 0.0  # the most that a request went out after its time

    async def run(self, seconds: float, rate: float, watchers: int) -> None:
        """Open everything, then ask at an even pace whatever the answers do."""
        ends_s = time.monotonic() + seconds
        watching = [asyncio.create_task(self._watch(k, ends_s)) for k in range(watchers)]
        due: asyncio.Queue[tuple[float, str] | None] = asyncio.Queue()
        asking = [asyncio.create_task(self._ask(k, due)) for k in range(LINES)]
        began_s = time.monotonic()
        for k, path in enumerate(itertools.cycle(MIX)):
            at_s = began_s + k / rate
            if at_s >= ends_s:
                break
            await asyncio.sleep(max(0.0, at_s - time.monotonic()))
            due.put_nowait((at_s, path))
        for _ in asking:
            due.put_nowait(None)
        await asyncio.gather(*asking, *watching)

    def _head(self, path: str, k: int) -> bytes:
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Accept-Encoding: gzip"]
        return "\r\n".join([*lines, f"Cookie: {self.cookies[k % len(self.cookies)]}", "", ""]).encode()

    async def _watch(self, k: int, ends_s: float) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(self._head("/live/now", k))
            status = int((await reader.readline()).split()[1])
            self.answers[status] += 1
            while status == 200 and (left_s := ends_s - time.monotonic()) > 0:
                line = await asyncio.wait_for(reader.readline(), min(left_s, 10.0))
                self.events += line.startswith((b"data:", b":"))
                if not line:
                    self.failed["a stream ended"] += 1
                    break
            writer.close()
        except TimeoutError:
            if time.monotonic() < ends_s - 0.1:
                self.failed["a stream fell silent"] += 1
        except OSError as error:
            self.failed[type(error).__name__] += 1

    async def _ask(self, k: int, due: asyncio.Queue[tuple[float, str] | None]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while (one := await due.get()) is not None:
            at_s, path = one
            began_s = time.monotonic()
            self.behind_s = max(self.behind_s, began_s - at_s)
            try:
                writer.write(self._head(path, k))
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30.0)
                length = next(int(line[15:]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:")
                await reader.readexactly(length)
                self.answers[int(head.split()[1])] += 1
                self.took_s.append(time.monotonic() - at_s)
            except (OSError, EOFError, TimeoutError, StopIteration) as error:
                self.failed[type(error).__name__] += 1
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.close()


def main() -> None:
    """Start the box, wait for a sleeper, measure."""
    given = [float(text) for text in sys.argv[1:]]
    seconds, rate, watchers = (*given, *(60.0, 200.0, 50.0)[len(given) :])
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="firstlight-load-") as name:
        folder = Path(name)
        turns = folder / "turns"
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        config_path, state, run = furnished(folder, port=port)
        from appliance.box import database

        plausible_nights.fill(database(load(config_path)), nights=30)
        browsers, cookies = Browsers(state / FILE), []
        for k in range(10):
            browser = browsers.pair(f"watcher {k}", int(time.time()), date.today(), 1000 * (k + 1))
            assert browser is not None
            cookies.append(f"{pairing.COOKIE}={browsers.cookie(browser)}")
        env = {**os.environ, "PYTHONPATH": str(ROOT), "STATE_DIRECTORY": str(state), "MALLOC_ARENA_MAX": "1"}
        config = ["--config", str(config_path)]
        started = [subprocess.Popen([sys.executable, "-c", TWIN, str(folder / "radar")], env=env)]
        try:
            while not (folder / "radar").exists():
                time.sleep(0.05)
            started.append(subprocess.Popen([sys.executable, "-c", TIMED, str(turns), "run", *config], env=env))
            page = subprocess.Popen([sys.executable, "-m", "appliance", "web", *config], env=env)
            started.append(page)
            began_s = time.monotonic()
            while (status := read_status(run / "status.json")) is None or status.stage is None:
                if time.monotonic() - began_s > PATIENCE_S:
                    raise SystemExit("nobody was seen in bed")
                time.sleep(0.2)
            print(f"somebody is in bed and staged after {time.monotonic() - began_s:.0f} s")
            measure(seconds, rate, int(watchers), port, cookies, turns, page)
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(20)


def measure(
    seconds: float,
    rate: float,
    watchers: int,
    port: int,
    cookies: list[str],
    turns: Path,
    page: subprocess.Popen[bytes],
) -> None:
    """Quiet, load, quiet, load; then the figures of both."""
    spans: dict[str, list[tuple[float, float]]] = {"quiet": [], "load": []}
    loads = []
    for _ in range(ROUNDS):
        for kind in spans:
            begin_s = time.monotonic()
            if kind == "load":
                load = Load(port, cookies)
                asyncio.run(load.run(seconds, rate, watchers))
                loads.append(load)
            else:
                time.sleep(seconds)
            spans[kind].append((begin_s, time.monotonic()))
            time.sleep(2.0)
    time.sleep(6.0)  # until the turns are written
    told = np.array([[float(part) for part in line.split()] for line in turns.read_text().splitlines()[:-1]])
    p95 = {}
    for kind, found in spans.items():
        inside = np.zeros(len(told), dtype=bool)
        for begin_s, end_s in found:
            inside |= (told[:, 0] >= begin_s) & (told[:, 0] < end_s)
        took_ms, gaps_s = 1e3 * told[inside, 1], np.diff(told[:, 0])[inside[1:]]
        p95[kind] = float(np.percentile(took_ms, 95))
        print(
            f"{kind}: {inside.sum()} turns, median {np.median(took_ms):.2f} ms, 95th percentile {p95[kind]:.2f} ms, "
            f"most {took_ms.max():.1f} ms; from turn to turn at most {gaps_s[gaps_s < seconds / 2].max():.2f} s"
        )
    print(f"95th percentile under load against quiet: {p95['load'] / p95['quiet']:.2f}")
    for load in loads:
        took_ms = 1e3 * np.array(load.took_s)
        print(
            f"{len(took_ms) / seconds:.0f} requests a second of {rate:.0f}, answers {dict(load.answers)}, "
            f"failed {dict(load.failed)}, median {np.median(took_ms):.1f} ms, 95th percentile "
            f"{np.percentile(took_ms, 95):.1f} ms, {load.events} events for {watchers} watchers"
        )
    print(f"memory of the page's process (PSS): {memory_mb(page.pid):.1f} MB")


if __name__ == "__main__":
    main()
