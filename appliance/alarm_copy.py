"""The alarm's settings and facts beside the database, so that a lost database costs no morning."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from appliance.atomic import replace_file

_log = logging.getLogger(__name__)


class AlarmCopy:
    """``alarm.json`` and the same once more, each with its SHA-256, so that one that is damaged costs nothing."""

    def __init__(self, folder: Path) -> None:
        # The second is written after the first: between the two it is the one before, as its name says.
        self._files = (folder / "alarm.json", folder / "alarm.previous.json")
        self._failed = False

    def save(self, document: Mapping[str, Any]) -> bool:
        """Replace whichever file is another; False when the disk would not take it (said once): the old one stands."""
        body = json.dumps(document, sort_keys=True, ensure_ascii=False)
        data = json.dumps({"sha256": _digest(body), "body": body}, ensure_ascii=False).encode()
        try:
            for path in self._files:
                if _read(path) != data:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    replace_file(path, data, durable=True, mode=0o640)
        except OSError as error:
            if not self._failed:
                _log.error("the alarm's copy cannot be written (%s): free or mend the disk", error)
            self._failed = True
            return False
        if self._failed:
            _log.info("the alarm's copy is written again")
        self._failed = False
        return True

    def load(self) -> dict[str, Any] | None:
        """The newest copy whose checksum holds, or None."""
        for path in self._files:
            try:
                data = _read(path)
            except OSError as error:
                _log.warning("%s cannot be read (%s)", path, error)
                continue
            if data is None:
                continue
            document = _parse(data)
            if document is not None:
                return document
            _log.warning("%s is damaged and is not used", path)
        return None


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _parse(data: bytes) -> dict[str, Any] | None:
    try:
        outer = json.loads(data)
        body = outer["body"]
        if outer["sha256"] != _digest(body):
            return None
        document = json.loads(body)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()
