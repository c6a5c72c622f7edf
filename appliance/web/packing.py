"""Answers are sent compressed to whoever takes gzip: a night's page is a quarter of its size then.

A page's length could tell what stands in it to one who reads along and chooses a part of it (BREACH).  Nobody does: the
page repeats only what came with a form that has our token, and to read along plain http needs no such trick.
"""

from __future__ import annotations

import gzip

from flask import Flask, Response, request

TYPES = frozenset({"text/html", "text/css", "text/javascript", "application/javascript", "image/svg+xml"})
LEAST_BYTES = 512
LEVEL = 6  # a night's page in a few ms; 9 takes twice as long for 1 % less


def install(app: Flask) -> None:
    """Compress the answers of ``app`` where that helps.  After the guard, which seals the headers last."""

    @app.after_request
    def pack(response: Response) -> Response:
        if response.mimetype not in TYPES:
            return response
        response.vary.add("Accept-Encoding")
        if response.status_code in (206, 304) or request.method == "HEAD" or not request.accept_encodings["gzip"]:
            return response
        response.direct_passthrough = False  # a file of the page's own, some kB
        plain = response.get_data()
        if len(plain) >= LEAST_BYTES:
            response.set_data(gzip.compress(plain, LEVEL, mtime=0))
            response.content_encoding = "gzip"
            tag, _ = response.get_etag()
            if tag is not None:
                response.set_etag(tag, weak=True)  # of the same text, in other bytes
        return response
