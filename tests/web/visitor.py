"""A visitor of the page without a screen: keeps cookies and knows the form token."""

from __future__ import annotations

import re
from pathlib import Path

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appliance.status import Status, write_status
from appliance.store import Role, Store
from appliance.web import create_app, guard


class Visitor:
    """One browser at one box; ``says`` and ``store`` are the box's own side."""

    def __init__(self, folder: Path) -> None:
        self.store_path = folder / "nights.sqlite3"
        self.status_path = folder / "status.json"
        self.app = create_app(self.store_path, self.status_path, timezone="Europe/Berlin")
        self.client: FlaskClient = self.app.test_client()

    def get(self, path: str, status: int = 200) -> str:
        """A page's HTML."""
        answer = self.client.get(path)
        assert answer.status_code == status, answer.text
        return answer.text

    def post(self, path: str, **fields: object) -> TestResponse:
        """A form sent as the page would."""
        self.client.get("/")
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
