"""``firstlight pair``: what holding the button does, from a shell on the box.

It leaves the request that no route of the page can leave, and waits until the box has taken it up.
"""

from __future__ import annotations

import socket
import sqlite3
import time
from collections.abc import Iterator

from appliance.bedside import PAIRING_S
from appliance.config import Config
from appliance.web.glance import BoxFiles, RecordError, explain
from appliance.web.words import local

PATIENCE_S = 10.0
LOOK_S = 0.2


class PairingError(Exception):
    """No browser can pair now; one line that says what to do."""


def allow(config: Config, database: str, status: str) -> Iterator[str]:
    """Open the two minutes, and say what to do in them, line by line.  Raises ``PairingError``."""
    if not config.web.pairing:
        raise PairingError(
            f"the page needs no pairing (web.pairing is false): open {_address(config)} on this computer"
        )
    files = BoxFiles(config.paths.state / database, config.paths.run / status, config.timezone)
    glance = files.glance()
    if glance.status is None:
        raise PairingError("the box is not answering: look whether firstlight is running, and call this with sudo")
    asked_utc = int(glance.now_utc)
    try:
        with files.store() as store:
            store.put_request("pair", asked_utc)
    except (RecordError, sqlite3.Error) as error:
        raise PairingError(explain(error)) from error
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        glance = files.glance()
        until = None if glance.status is None else glance.status.pairing_until_utc
        if until is not None and until >= asked_utc + PAIRING_S - 1:
            yield f"One browser may pair until {local(until, glance.zone):%H:%M:%S}."
            yield f"Open {_address(config)} in it and press Pair."
            return
        time.sleep(LOOK_S)
    raise PairingError(f"the box has not taken it up in {PATIENCE_S:.0f} s: look whether its disk is full, then again")


def _address(config: Config) -> str:
    host = config.web.host
    name = (
        f"{socket.gethostname().lower()}.local" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    )
    return f"http://{name}" if config.web.port == 80 else f"http://{name}:{config.web.port}"
