"""What the page costs: bytes of the first view of last night, time of each page over ten years of nights, memory.

    python tests/page_cost.py [NIGHTS]      3650 made-up nights take some minutes to make and 0.4 GB under build/

Every page is asked for over a socket of its own, as by a browser that takes gzip, from the page's own process.
"""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "web")]

import plausible_nights  # noqa: E402
from bench import memory_mb  # noqa: E402

from appliance.status import write_status  # noqa: E402
from appliance.store import Role, Store  # noqa: E402
from appliance.web import pairing  # noqa: E402
from appliance.web.browsers import FILE, Browsers  # noqa: E402

TIMES = 25
SERVE = (
    "import sys; from pathlib import Path; from appliance.web import serve;"
    "serve(Path(sys.argv[1]), Path(sys.argv[2]), port=int(sys.argv[3]), timezone='Europe/Berlin')"
)


def asked(port: int, path: str, cookie: str) -> bytes:
    """The whole answer, headers and all."""
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip, deflate\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(f"{head}Cookie: {cookie}\r\nConnection: close\r\n\r\n".encode())
        parts = []
        while part := line.recv(1 << 16):
            parts.append(part)
    answer = b"".join(parts)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"{path}: {answer[:200]!r}")
    return answer


def first_view(path: str, port: int, cookie: str) -> int:
    """Bytes of a page and of all that it names."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode())
        html = b"".join(iter(lambda: line.recv(1 << 16), b"")).decode()
    named = sorted(set(re.findall(r'(?:href|src)="(/static/[^"]+)"', html)))
    sizes = {one: len(asked(port, one, cookie)) for one in [path, *named]}
    for one, size in sizes.items():
        print(f"  {size:6d} bytes  {one.split('?')[0]}")
    return sum(sizes.values())


def main() -> None:
    """Make the nights once, serve them, ask."""
    nights = int(sys.argv[1]) if len(sys.argv) > 1 else 3650
    folder = ROOT / "build" / f"nights-{nights}"
    store = folder / "nights.sqlite3"
    if not (folder / "made").exists():
        folder.mkdir(parents=True, exist_ok=True)
        plausible_nights.fill(store, nights=nights)
        (folder / "made").touch()
    print(f"{nights} nights, {store.stat().st_size / 1e6:.0f} MB")
    browsers = Browsers(folder / FILE)
    browser = browsers.pair("the measurer", int(time.time()), date.today(), int(time.time()))
    assert browser is not None
    cookie = f"{pairing.COOKIE}={browsers.cookie(browser)}"
    with Store(store, Role.GUEST) as kept:
        latest = kept.sessions(1)[0].id
        middle = kept.sessions(nights)[nights // 2].id
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as run:
        status = Path(run) / "status.json"
        env = {**os.environ, "PYTHONPATH": str(ROOT), "MALLOC_ARENA_MAX": "1"}  # as its service has it
        page = subprocess.Popen([sys.executable, "-c", SERVE, str(store), str(status), str(port)], env=env)
        try:
            time.sleep(3)
            pages = ["/", "/night", f"/night/{latest}", f"/night/{middle}", "/nights", f"/nights?before={middle}"]
            pages += ["/trends", "/trends?span=month", "/alarm", "/alarm/1", "/settings", "/placement"]
            for path in pages:
                took_s = []
                for _ in range(TIMES):
                    write_status(status, plausible_nights.asleep(time.time()))
                    began_s = time.perf_counter()
                    asked(port, path, cookie)
                    took_s.append(time.perf_counter() - began_s)
                first, median = 1000 * took_s[0], 1000 * statistics.median(took_s)
                most = 1000 * max(took_s)
                print(f"  {median:5.1f} ms median, {first:5.1f} ms the first, {most:5.1f} ms at most  {path}")
            print("first view of last night, gzip, headers and all:")
            print(f"  {first_view('/night', port, cookie)} bytes together")
            print(f"memory of the page's process (PSS): {memory_mb(page.pid):.1f} MB")
        finally:
            page.terminate()
            page.wait()


if __name__ == "__main__":
    main()
