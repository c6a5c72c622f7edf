"""A visitor of the page without a screen: keeps cookies and knows the form token."""

from __future__ import annotations

import re
import time
from datetime import date
from pathlib import Path

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appliance.status import Status, write_status
from appliance.store import Role, Store
from appliance.web import create_app, guard, pairing
from appliance.web.browsers import Browser, Browsers


class Visitor:
    """One browser at one box, paired unless said otherwise; ``says`` and ``store`` are the box's own side."""

    def __init__(self, folder: Path, is_paired: bool = True, database: str = "nights.sqlite3") -> None:
        self.store_path = folder / database
        self.status_path = folder / "status.json"
        self.app = create_app(self.store_path, self.status_path, timezone="Europe/Berlin")
        self.client: FlaskClient = self.app.test_client()
        if is_paired:
            self.pair()

    def pair(self) -> Browser:
        """Let this browser in as a press of Pair would, without the button."""
        browsers: Browsers = self.app.extensions["browsers"]
        window_utc = 1000 * (len(browsers.all()) + 1)
        browser = browsers.pair("Firefox on Linux", int(time.time()), date.today(), window_utc)
        assert browser is not None
        self.client.set_cookie(pairing.COOKIE, browsers.cookie(browser))
        return browser

    def get(self, path: str, status: int = 200) -> str:
        """A page's HTML."""
        answer = self.client.get(path)
        assert answer.status_code == status, answer.text
        return answer.text

    def post(self, path: str, **fields: object) -> TestResponse:
        """A form sent as the page would."""
        self.client.get("/pair")
        cookie = self.client.get_cookie(guard.COOKIE)
        assert cookie is not None
        return self.client.post(path, data={guard.FIELD: cookie.value, **fields})

    def says(self, status: Status) -> None:
        """The supervisor replaces its status."""
        write_status(self.status_path, status)

    def store(self) -> Store:
        """The supervisor's store."""
        return Store(self.store_path, Role.SUPERVISOR)


def text_of(html: str) -> str:
    """What a reader sees, in one line, its no-break spaces made plain."""
    text = re.sub(r"<(script|style|datalist).*?</\1>|<[^>]+>", " ", html, flags=re.S)
    return re.sub(r"\s+", " ", text)
