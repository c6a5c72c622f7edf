"""Raw bytes of a module as JSON fields, one frame after another: what ``firstlight decode`` prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from drivers import acconeer, micradar, tinyframe
from drivers.readings import LinkCounters, Module


class Decoder(Protocol):
    """What the FrameDecoder of every protocol can do."""

    counters: LinkCounters
    offsets: list[int]

    @property
    def pending(self) -> int: ...

    def feed(self, data: bytes) -> list[Any]: ...

    def idle(self) -> list[Any]: ...


class Wire(NamedTuple):
    """One protocol: its decoder and the words for its frames."""

    decoder: Callable[[], Decoder]
    describe: Callable[[Any], dict[str, object]]


WIRES = {
    Module.TINYFRAME: Wire(tinyframe.FrameDecoder, tinyframe.describe),
    Module.MICRADAR: Wire(micradar.FrameDecoder, micradar.describe),
    Module.ACCONEER: Wire(acconeer.FrameDecoder, acconeer.describe),
}


def decode_stream(module: Module, data: Iterable[bytes]) -> Iterator[dict[str, object]]:
    """``{"t": byte offset, "kind": ..., fields}`` of every good frame, either direction, and last the summary.

    Bytes that wait for the rest of a frame when the stream ends count as garbage.
    """
    decoder, describe = WIRES[module].decoder(), WIRES[module].describe

    def described(frames: list[Any]) -> Iterator[dict[str, object]]:
        for offset, frame in zip(decoder.offsets, frames, strict=True):
            yield {"t": offset, **describe(frame)}

    for chunk in data:
        yield from described(decoder.feed(chunk))
    while decoder.pending:
        yield from described(decoder.idle())
    counters = decoder.counters
    yield {
        "kind": "summary",
        "frames": counters.frames,
        "bad_checksums": counters.bad_checksums,
        "garbage_bytes": counters.garbage_bytes,
        "unknown_kinds": counters.unknown_kinds,
    }
