"""The page as its own process before a real browser, and the hands that press what it shows."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import plausible_nights
from chromium import Chromium
from plausible_nights import MORNING_UTC, asleep

from appliance.status import Status, write_status
from appliance.store import Role, Store

PHONE, DESKTOP = (390, 844), (1280, 800)
PAGES = {
    "now": "/",
    "tonight": "/night",
    "night": "/night/{id}",
    "nights": "/nights",
    "trends": "/trends",
    "alarms": "/alarm",
    "alarm": "/alarm/1",
    "settings": "/settings",
    "placement": "/placement",
    "privacy": "/privacy",
    "first": "/first",
    "first-place": "/first/place",
    "first-alarm": "/first/alarm",
}  # {id} is the latest night that is over
NIGHT_UTC = MORNING_UTC + 86_400 - 3 * 3600


class Served:
    """The page as its own process, and the supervisor's side of it."""

    def __init__(self, folder: Path, is_new: bool = False) -> None:
        self.store_path, self.status_path = folder / "nights.sqlite3", folder / "status.json"
        if is_new:
            Store(self.store_path, Role.SUPERVISOR).close()
        else:
            plausible_nights.fill(self.store_path, nights=10, tonight=0.6)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.is_paired = False
        script = (
            "import sys; from pathlib import Path; from appliance.web import serve;"
            "serve(Path(sys.argv[1]), Path(sys.argv[2]), port=int(sys.argv[3]), timezone='Europe/Berlin')"
        )
        arguments = [sys.executable, "-c", script, str(self.store_path), str(self.status_path), str(port)]
        self.process = subprocess.Popen(arguments)
        end_s = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    return
            except OSError:
                assert time.monotonic() < end_s, "the page did not start"
                time.sleep(0.05)

    def address(self, name: str) -> str:
        """Of one of the ``PAGES``."""
        with Store(self.store_path, Role.GUEST) as store:
            over = next(session for session in store.sessions(2) if session.left_utc is not None)
        return self.url + PAGES[name].format(id=over.id)

    def says(self, status: Status) -> None:
        write_status(self.status_path, status)
        # It stays fresh for the whole test: only its age is judged by the wall clock.
        os.utime(self.status_path, (time.time() + 600, time.time() + 600))

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def pair(served: Served, browser: Chromium, held_s: float = 0.0) -> None:
    """The box says that its button was held, ``held_s`` after the night's moment; then Pair is pressed."""
    until = int(NIGHT_UTC + 110 + held_s)
    served.says(replace(asleep(NIGHT_UTC), simulated=True, speed=60.0, pairing_until_utc=until))
    browser.open(served.url + "/")
    press(browser, "main form button")


def press(browser: Chromium, selector: str) -> None:
    """Press with the mouse, which needs no script, and wait for the page that comes."""
    place = browser.call("DOM.getDocument")["root"]["nodeId"]
    button = browser.call("DOM.querySelector", nodeId=place, selector=selector)["nodeId"]
    browser.call("DOM.scrollIntoViewIfNeeded", nodeId=button)
    x1, y1, _, _, x3, y3, _, _ = browser.call("DOM.getBoxModel", nodeId=button)["model"]["content"]
    for kind in ("mousePressed", "mouseReleased"):
        where = {"x": (x1 + x3) / 2, "y": (y1 + y3) / 2, "button": "left", "clickCount": 1}
        browser.call("Input.dispatchMouseEvent", type=kind, **where)
    browser.wait_for_load()
