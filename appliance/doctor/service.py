"""What the running service says of itself, by its status file."""

from __future__ import annotations

import time

from appliance.box import status_file
from appliance.config import Config
from appliance.status import STALE_S, Status, read_status, status_age_s


def fresh(config: Config) -> Status | None:
    """What the service says this second, or None when it is not running."""
    path = status_file(config)
    age_s = status_age_s(path, time.time())
    return read_status(path) if age_s is not None and age_s <= STALE_S else None
