"""The page: reads the database and the status file, writes settings and requests, and can be killed at any time.

It must never import the signal chain (numpy, numba, a model): a test holds this.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import waitress
from flask import Flask

from appliance.web import (
    alarm_pages,
    first,
    guard,
    keeping,
    live,
    packing,
    pages,
    pairing,
    settings_pages,
    taking,
    trends,
)
from appliance.web.browsers import FILE, Browsers
from appliance.web.glance import BoxFiles

FIRST_FD = 3  # SD_LISTEN_FDS_START of sd_listen_fds(3)
THREADS = 4  # beside one for each live view: pages are short, so a queue forms only for a moment
CONNECTIONS = 4 * live.MOST  # a browser holds up to six
UNSENT_BYTES = 256 * 1024  # of one answer, to a browser that takes its time; more than any page has


class ServeError(Exception):
    """The page cannot be served; one line that says what to do."""


def create_app(
    store_path: Path,
    status_path: Path,
    *,
    timezone: str = "UTC",
    hosts: Iterable[str] = (),
    is_open: bool = False,
) -> Flask:
    """The page over one database and one status file; neither needs to exist yet.

    ``timezone`` holds until one is set on the page; ``hosts`` are further names by which the box is called; a page that
    ``is_open`` needs no pairing.  Who is paired is kept beside the database.
    """
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 16 * 1024  # the largest form has a few hundred bytes
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 365 * 86_400  # the address of a file changes with the file
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions["box_files"] = BoxFiles(store_path, status_path, timezone)
    guard.install(app, hosts)
    packing.install(app)
    pairing.install(app, None if is_open else Browsers(store_path.with_name(FILE)))
    pages.install(app, alarm_pages.routes)
    live.install(app)
    first.install(app)
    for part in (keeping, trends, settings_pages, taking):
        app.register_blueprint(part.bp)
    return app


def handed_over(environ: Mapping[str, str] = os.environ) -> list[socket.socket]:
    """The listening sockets that a socket unit of systemd's has opened for this process (sd_listen_fds(3)), or none."""
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    return [socket.socket(fileno=FIRST_FD + k) for k in range(int(environ.get("LISTEN_FDS", "0")))]


def server(app: Flask, host: str = "127.0.0.1", port: int = 8080, listeners: Sequence[socket.socket] = ()) -> Any:
    """A waitress server that listens already; ``run()`` serves until the process ends.  Raises ``ServeError``.

    It listens at ``listeners`` where there are any, and else at host and port.
    """
    try:
        if not listeners:
            family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
            listeners = [socket.create_server(address[:2], family=family, backlog=128)]
    except (OSError, OverflowError) as error:
        code = getattr(error, "errno", None) or 0  # below 0 for a name that was not found
        reason = os.strerror(code) if code > 0 else str(getattr(error, "strerror", None) or error)
        raise ServeError(
            f"the page cannot listen at {host} port {port} ({reason}): choose another address or port"
        ) from error
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a line for every page that waits a moment
    made = waitress.create_server(
        app,
        sockets=list(listeners),
        threads=THREADS,
        connection_limit=CONNECTIONS,
        outbuf_high_watermark=UNSENT_BYTES,
        ident=None,
        clear_untrusted_proxy_headers=True,
    )
    app.extensions["live"].on_seats = lambda taken: made.task_dispatcher.set_thread_count(THREADS + taken)
    return made


def serve(
    store_path: Path,
    status_path: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    timezone: str = "UTC",
    hosts: Iterable[str] = (),
    is_open: bool = False,
) -> None:
    """Serve the page until the process is told to end, at systemd's sockets where it has any.

    Raises ``ServeError`` in one line.
    """
    listeners = handed_over()
    if is_open and not all(ip_address(one.getsockname()[0]).is_loopback for one in listeners):
        raise ServeError("web.pairing is false and the socket unit opens the page to the network: set one of them back")
    app = create_app(store_path, status_path, timezone=timezone, hosts=hosts, is_open=is_open)
    server(app, host, port, listeners).run()
