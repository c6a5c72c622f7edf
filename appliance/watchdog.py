"""Telling systemd that a whole turn was finished (the sd_notify protocol: one datagram to $NOTIFY_SOCKET)."""

from __future__ import annotations

import os
import socket


class ServiceManager:
    """Speaks to systemd where there is one, and is silent where there is none."""

    def __init__(self, address: str | None = None) -> None:
        address = os.environ.get("NOTIFY_SOCKET") if address is None else address
        self._socket: socket.socket | None = None
        if address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._address = "\0" + address[1:] if address.startswith("@") else address

    def ready(self) -> None:
        """The first turn is done."""
        self._send(b"READY=1")

    def alive(self) -> None:
        """One more turn is done."""
        self._send(b"WATCHDOG=1")

    def stopping(self) -> None:
        """An orderly end has begun; nothing more will be told."""
        self._send(b"STOPPING=1")
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, message: bytes) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto(message, self._address)
        except OSError:
            # A lost datagram costs at most one watchdog restart; it must never cost a turn.
            return
