"""Replacing a small file so that a reader, or a power cut, meets the old one or the new one and nothing between."""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: Path, data: bytes, *, durable: bool, mode: int = 0o644) -> None:
    """Write ``data`` in place of ``path``; with ``durable`` it has reached the disk on return.  Raises ``OSError``.

    One writer per path: the new content is gathered in ``NAME.new`` beside it.
    """
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        if durable:
            os.fsync(descriptor)
    os.replace(new, path)
    if durable:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
