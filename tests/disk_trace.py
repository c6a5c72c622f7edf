"""What a process did to a folder, from strace's own words, and what a disk may hold of it after a power cut.

The disk keeps what a file's fsync or fdatasync was told, and of all that was written since then any part: each sector
of 512 bytes of each write or none of it, and in half the cuts one of them torn.  A name that was made, moved or taken
away stays so from the next fsync of its folder on; until then any number of the oldest such changes has happened, as
in a journal.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

SECTOR = 512
BLOCK = 4096  # what a file system hands to a card
UNSYNCED = ("-shm",)  # SQLite's index of its WAL, which it makes anew: whatever is found of it must not matter
CALLS = (
    *("openat", "?open", "?creat", "close", "write", "pwrite64", "writev", "pwritev", "?pwritev2", "ftruncate"),
    *("truncate", "fallocate", "fsync", "fdatasync", "sync_file_range", "?rename", "?renameat", "renameat2"),
    *("?unlink", "unlinkat", "?link", "linkat", "copy_file_range", "sendfile"),
)
_LINE = re.compile(r"(?:\[pid +\d+\] |\d+ +)?(\w+)\((.*)\) += (-?\d+)")
_FD = re.compile(r"(\d+)<([^>]*)>")
_CUT = "<unfinished ...>"
_RESUMED = re.compile(r"\d+ +<\.\.\. \w+ resumed>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')


class TraceError(Exception):
    """A call that is not understood: better no answer than a wrong one."""


class Event(NamedTuple):
    """One thing that was done."""

    what: str  # create, write, size, sync, sync_folder, rename, unlink or note
    name: str = ""  # of the file in the folder
    at: int = 0  # where a write begins, how long the file became
    data: bytes = b""  # what was written, or the note
    to: str = ""  # of a rename


def can_trace() -> bool:
    """Whether strace is there and may watch a process here."""
    found = shutil.which("strace")
    return found is not None and subprocess.run([found, "-o", "/dev/null", "true"], capture_output=True).returncode == 0


def record(command: Sequence[str], trace: Path, folder: Path, notes: Path) -> list[Event]:
    """Run ``command`` under strace; what it did to ``folder``, and its notes, in order.  Raises ``TraceError``."""
    watch = ["strace", "-f", "--seccomp-bpf", "-y", "-xx", "-s", "1048576", "-o", str(trace)]
    done = subprocess.run([*watch, "-e", f"trace={','.join(CALLS)}", *command])
    if done.returncode:
        raise TraceError(f"{' '.join(command)} ended with {done.returncode}")
    with trace.open(encoding="ascii") as lines:
        return list(events(lines, folder, notes))


def events(lines: Iterable[str], folder: Path, notes: Path) -> Iterator[Event]:
    """strace's lines as events; calls on other files are left out."""
    root, note_path = f"{folder}/", str(notes)
    places: dict[int, int] = {}  # where each open file is written next
    known: set[str] = set()
    for line in _whole(lines):
        match = _LINE.match(line)
        if match is None or int(match[3]) < 0:
            continue
        call, arguments, result = match[1], match[2], int(match[3])
        handle = _FD.match(arguments)
        number, path = (int(handle[1]), _decoded(handle[2])) if handle else (-1, "")
        name = path.removeprefix(root) if path.startswith(root) else None
        if call in ("openat", "open", "creat"):
            opened = _texts(arguments)[0]
            places[result] = 0
            if opened.startswith(root) and ("O_CREAT" in arguments or call == "creat"):
                yield from _made(opened.removeprefix(root), arguments, known)
        elif call == "write" and path == note_path:
            yield Event("note", data=_bytes(arguments))
        elif call in ("rename", "renameat", "renameat2"):
            old, new = (text.removeprefix(root) for text in _texts(arguments))
            if old in known:
                known -= {old}
                known |= {new}
                yield Event("rename", old, to=new)
        elif call in ("unlink", "unlinkat"):
            gone = _texts(arguments)[0].removeprefix(root)
            if gone in known:
                known -= {gone}
                yield Event("unlink", gone)
        elif call in ("fsync", "fdatasync") and path == str(folder):
            yield Event("sync_folder")
        elif name is None or call == "close":
            continue
        elif call in ("fsync", "fdatasync"):
            yield Event("sync", name)
        elif call == "write":
            data = _bytes(arguments)[:result]
            yield Event("write", name, places[number], data)
            places[number] += len(data)
        elif call == "pwrite64":
            yield Event("write", name, int(arguments.rsplit(", ", 1)[1]), _bytes(arguments)[:result])
        elif call == "ftruncate":
            yield Event("size", name, int(arguments.rsplit(", ", 1)[1]))
        else:
            raise TraceError(f"a call that is not understood: {line[:200]}")


def _whole(lines: Iterable[str]) -> Iterator[str]:
    """The lines with each call in one, where it stood in two because another thread's came between.

    It counts from its end: until then a sync has promised nothing, and a write may be lost.
    """
    begun: dict[str, str] = {}  # by process
    for line in lines:
        process = line.split(" ", 1)[0]
        if line.rstrip().endswith(_CUT):
            begun[process] = line.rstrip().removesuffix(_CUT)
        elif (resumed := _RESUMED.match(line)) is not None:
            if process in begun:
                yield begun.pop(process) + line[resumed.end() :]
        else:
            yield line


def _made(name: str, arguments: str, known: set[str]) -> Iterator[Event]:
    if name not in known:
        known.add(name)
        yield Event("create", name)
    elif "O_TRUNC" in arguments:
        yield Event("size", name, 0)


def _decoded(text: str) -> str:
    return bytes.fromhex(text.replace("\\x", "")).decode() if "\\x" in text else text


def _texts(arguments: str) -> list[str]:
    return [_decoded(text) for text, _ in _TEXT.findall(arguments)]


def _bytes(arguments: str) -> bytes:
    match = _TEXT.search(arguments)
    if match is None or match[2]:
        raise TraceError(f"a write whose bytes are not told: {arguments[:200]}")
    return bytes.fromhex(match[1].replace("\\x", ""))


@dataclass
class _File:
    """One file: as it is read now, as the disk has it for certain, and what was done since."""

    live: bytearray = field(default_factory=bytearray)
    certain: bytes = b""
    since: list[Event] = field(default_factory=list)


def _apply(content: bytearray, at: int, data: bytes) -> None:
    if len(content) < at + len(data):
        content.extend(bytes(at + len(data) - len(content)))
    content[at : at + len(data)] = data


class Disk:
    """A folder on a card: ``do`` what was done, and ask at any time what a power cut may leave of it."""

    def __init__(self) -> None:
        self._names: dict[str, _File] = {}  # as a program sees them
        self._certain: dict[str, _File] = {}
        self._renamed: list[tuple[str, str, _File]] = []  # (name or "", name taken away or "", file) since then

    def do(self, event: Event) -> None:
        """One thing more."""
        match event.what:
            case "create":
                self._names[event.name] = file = _File()
                self._renamed.append((event.name, "", file))
            case "rename":
                self._names[event.to] = file = self._names.pop(event.name)
                self._renamed.append((event.to, event.name, file))
            case "unlink":
                self._renamed.append(("", event.name, self._names.pop(event.name)))
            case "write":
                file = self._names[event.name]
                _apply(file.live, event.at, event.data)
                file.since.append(event)
            case "size":
                file = self._names[event.name]
                _resize(file.live, event.at)
                file.since.append(event)
            case "sync":
                file = self._names[event.name]
                file.certain = bytes(file.live)
                file.since.clear()
            case "sync_folder":
                self._certain = dict(self._names)
                self._renamed.clear()

    def after_cut(self, dice: random.Random, whole_sectors: bool = False) -> dict[str, bytes]:
        """The files that a power cut in this moment may leave, drawn by ``dice``.

        ``whole_sectors``: a torn sector is garbage from end to end, so that synced bytes beside the write go with it.
        """
        names = dict(self._certain)
        for name, gone, file in self._renamed[: dice.randint(0, len(self._renamed))]:
            names.pop(gone, None)
            if name:
                names[name] = file
        share = dice.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        return {name: _left(name, file, dice, share, whole_sectors) for name, file in names.items()}


def _resize(content: bytearray, size: int) -> None:
    if size < len(content):
        del content[size:]
    else:
        content.extend(bytes(size - len(content)))


def _left(name: str, file: _File, dice: random.Random, share: float, whole_sectors: bool) -> bytes:
    if name.endswith(UNSYNCED):
        return dice.randbytes(dice.choice((0, len(file.live), 32_768)))
    content = bytearray(file.certain)
    sectors = [(one, k) for one in file.since for k in range(-(-len(one.data) // SECTOR) + 1)]
    torn = dice.choice(sectors) if sectors and share and dice.random() < 0.5 else None
    for one in file.since:
        if one.what == "size":
            if dice.random() < share:
                _resize(content, one.at)
            continue
        for k, (at, data) in enumerate(_sectors(one)):
            if torn is not None and one is torn[0] and k == torn[1]:
                _tear(content, at, data, dice, whole_sectors)
            elif dice.random() < share:
                _apply(content, at, data)
    return bytes(content)


def _sectors(write: Event) -> Iterator[tuple[int, bytes]]:
    at, end = write.at, write.at + len(write.data)
    while at < end:
        to = min(end, at // SECTOR * SECTOR + SECTOR)
        yield at, write.data[at - write.at : to - write.at]
        at = to


def _tear(content: bytearray, at: int, data: bytes, dice: random.Random, whole_sectors: bool) -> None:
    kept = dice.randrange(len(data))
    if not whole_sectors:
        _apply(content, at, data[:kept])  # the bytes beside a write keep what they had
        return
    start = at // SECTOR * SECTOR
    size = max(len(content), at + len(data))
    _apply(content, start, dice.randbytes(min(SECTOR, size - start)))


class Figures(NamedTuple):
    """What the card is asked to do."""

    written: Counter[str]  # bytes in calls, by file
    blocks: Counter[str]  # bytes in blocks of 4 KiB that differ between two syncs of the file, by file
    syncs: Counter[str]  # by file; "." is the folder


def figures(done: Iterable[Event]) -> Figures:
    """Bytes and syncs of all that was done."""
    written, blocks, syncs = Counter[str](), Counter[str](), Counter[str]()
    dirty: dict[str, set[int]] = {}
    for event in done:
        if event.what == "write":
            written[event.name] += len(event.data)
            touched = range(event.at // BLOCK, (event.at + len(event.data) - 1) // BLOCK + 1)
            dirty.setdefault(event.name, set()).update(touched)
        elif event.what == "sync":
            syncs[event.name] += 1
            blocks[event.name] += BLOCK * len(dirty.pop(event.name, ()))
        elif event.what == "sync_folder":
            syncs["."] += 1
    for name, touched_blocks in dirty.items():
        blocks[name] += BLOCK * len(touched_blocks)
    return Figures(written, blocks, syncs)
