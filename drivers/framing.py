"""What the three protocols share in turning a stream of bytes into frames: a bounded buffer and its bookkeeping."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, NamedTuple, TypeVar

from drivers.readings import LinkCounters

F = TypeVar("F")


class Scan(NamedTuple, Generic[F]):
    """What one look at the buffer found."""

    frames: list[F]
    starts: list[int]  # where in the buffer each of them began
    position: int  # the first byte that has to wait


class StreamDecoder(ABC, Generic[F]):
    """Bytes in, good frames out.  Never raises; after a bad check it looks again from the next byte."""

    def __init__(self) -> None:
        self.counters = LinkCounters()
        self.offsets: list[int] = []  # where in the stream each of the frames last returned began
        self._buffer = b""
        self._base = 0  # stream offset of the buffer's first byte

    @property
    def pending(self) -> int:
        """Bytes that wait for the rest of their frame: fewer than the largest legal frame has."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[F]:
        """The frames that ``data`` completes.  Any split of a stream gives the same frames."""
        return self._take(self._buffer + data, 0)

    def idle(self) -> list[F]:
        """Gives up the frame that waits, because nothing came for 100 ms, and looks again from its next byte."""
        if not self._buffer:
            return []
        self.counters.garbage_bytes += 1
        return self._take(self._buffer, 1)

    def _take(self, buffer: bytes, position: int) -> list[F]:
        frames, starts, position = self._scan(buffer, position)
        self.counters.frames += len(frames)
        self.offsets = [self._base + start for start in starts]
        self._base += position
        self._buffer = buffer[position:]
        return frames

    @abstractmethod
    def _scan(self, buffer: bytes, position: int) -> Scan[F]:
        """All whole frames of ``buffer`` from ``position`` on; counts what is passed over."""
