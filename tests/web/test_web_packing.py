"""Compressed answers: the same bytes for whoever takes gzip, the plain ones for whoever does not."""

from __future__ import annotations

import gzip

import pytest
from visitor import Visitor

GZIP = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.mark.parametrize("path", ["/night", "/static/style.css", "/static/icon.svg", "/static/live.js"])
def test_what_is_packed_is_what_was_written(filled: Visitor, path: str) -> None:
    filled.get("/")
    plain = filled.client.get(path, buffered=True)
    packed = filled.client.get(path, headers=GZIP, buffered=True)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Vary"] == plain.headers["Vary"]
    assert "Accept-Encoding" in packed.headers["Vary"]
    if packed.headers.get("Content-Encoding") == "gzip":
        assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data)
        assert gzip.decompress(packed.data) == plain.data
    else:
        assert len(plain.data) < 512


@pytest.mark.parametrize("refused", ["", "identity", "gzip;q=0", "br"])
def test_whoever_does_not_take_gzip_is_not_given_it(filled: Visitor, refused: str) -> None:
    answer = filled.client.get("/night", headers={"Accept-Encoding": refused}, buffered=True)
    assert "Content-Encoding" not in answer.headers
    assert answer.text.startswith("<!doctype html>")


def test_what_a_browser_has_is_not_sent_again(filled: Visitor) -> None:
    first = filled.client.get("/static/style.css", headers=GZIP, buffered=True)
    again = filled.client.get(
        "/static/style.css", headers=GZIP | {"If-None-Match": first.headers["ETag"]}, buffered=True
    )
    assert first.headers["Content-Encoding"] == "gzip"
    assert (again.status_code, again.data) == (304, b"")


def test_a_part_of_a_file_is_a_part_of_the_file(filled: Visitor) -> None:
    part = filled.client.get("/static/style.css", headers=GZIP | {"Range": "bytes=0-9"}, buffered=True)
    assert part.status_code == 206
    assert part.data == filled.client.get("/static/style.css", buffered=True).data[:10]
