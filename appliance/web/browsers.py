"""Which browsers may see the page: one file of the page's own, with the secret that signs their cookies.

It is no table of the record of nights, which the supervisor's user may read and which may be damaged or away.
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from appliance.atomic import replace_file

_log = logging.getLogger(__name__)

FILE = "browsers.json"
MODE = 0o600
MOST = 20  # the one that was longest away makes room
SECRET_BYTES = 32
SAME_WINDOW_S = 2  # the end of one window is told to the second, and the clock is set now and then


@dataclass(frozen=True, slots=True)
class Browser:
    """One that was paired; the day is of the zone that the page shows."""

    id: str
    name: str
    paired_utc: int
    seen_on: date


class Browsers:
    """All that were paired.  Any thread may call; one process writes the file, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._secret = secrets.token_bytes(SECRET_BYTES)
        self._browsers: Mapping[str, Browser] = {}
        self._used_utc = 0  # the end of the window in which the last one was paired
        try:
            self._load()
        except FileNotFoundError:
            self._begin()
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            _log.error("%s cannot be used (%s): every browser must be paired again", path, error)
            self._begin()

    def cookie(self, browser: Browser) -> str:
        """What this browser is given to show at every visit: its id, signed."""
        return f"{browser.id}.{self._sign(browser.id)}"

    def of(self, cookie: str) -> Browser | None:
        """Whose cookie this is; None for a forged one, and for a browser that was removed."""
        name, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(name).encode()):
            return None
        return self._browsers.get(name)

    def all(self) -> list[Browser]:
        """In the order in which they were paired, the latest first."""
        return sorted(self._browsers.values(), key=lambda browser: -browser.paired_utc)

    def is_used(self, window_utc: int) -> bool:
        """Whether a browser was paired already in the window that ends then."""
        return abs(window_utc - self._used_utc) <= SAME_WINDOW_S

    def pair(self, name: str, now_utc: int, today: date, window_utc: int) -> Browser | None:
        """Let one more in; None where somebody was quicker in this window.  Raises ``OSError`` and then has not."""
        with self._lock:
            if self.is_used(window_utc):
                return None
            browser = Browser(secrets.token_urlsafe(16), name, now_utc, today)
            kept = sorted(self._browsers.values(), key=lambda one: (one.seen_on, one.paired_utc))[-(MOST - 1) :]
            self._keep({one.id: one for one in (*kept, browser)}, window_utc)
        return browser

    def see(self, browser: Browser, today: date) -> bool:
        """Note that it was here today; True the first time of a day."""
        if browser.seen_on == today:
            return False
        with self._lock:
            if browser.id not in self._browsers:
                return False
            seen = replace(browser, seen_on=today)
            try:
                self._keep({**self._browsers, seen.id: seen}, self._used_utc)
            except OSError as error:
                _log.warning("%s cannot be written (%s)", self.path, error)
                return False
        return True

    def remove(self, browser_id: str) -> None:
        """Never let it in again.  Raises ``OSError`` and then it stays."""
        with self._lock:
            self._keep({i: one for i, one in self._browsers.items() if i != browser_id}, self._used_utc)

    # -- within

    def _sign(self, name: str) -> str:
        return hmac.new(self._secret, name.encode(), "sha256").hexdigest()

    def _load(self) -> None:
        document = json.loads(self.path.read_bytes())
        secret = bytes.fromhex(document["secret"])
        if len(secret) != SECRET_BYTES:
            raise ValueError("its secret has a wrong length")
        found = [_browser(values) for values in document["browsers"]]
        self._used_utc = int(document["used_utc"])
        self._browsers = {browser.id: browser for browser in found}
        self._secret = secret
        if self.path.stat().st_mode & 0o077:
            self.path.chmod(MODE)
            _log.warning("%s could be read by others, and is now the page's alone", self.path)

    def _begin(self) -> None:
        try:
            self._keep({}, 0)
        except OSError as error:  # the folder of nights may come later; until it does, nobody is let in
            _log.warning("%s cannot be written yet (%s)", self.path, error)

    def _keep(self, browsers: Mapping[str, Browser], used_utc: int) -> None:
        document: dict[str, Any] = {
            "secret": self._secret.hex(),
            "used_utc": used_utc,
            "browsers": [asdict(one) | {"seen_on": one.seen_on.isoformat()} for one in browsers.values()],
        }
        replace_file(self.path, json.dumps(document).encode(), durable=True, mode=MODE)
        self._browsers, self._used_utc = browsers, used_utc


def _browser(values: Mapping[str, Any]) -> Browser:
    seen_on = date.fromisoformat(values["seen_on"])
    return Browser(str(values["id"]), str(values["name"]), int(values["paired_utc"]), seen_on)
