"""What goes on of one request, in the form in which it is sent: a head, and a body that may lie in a file."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, BinaryIO

from cookiegate.gate.counts import Counts
from cookiegate.gate.request import AcceptedRequest

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class StoredBody:
    """A body whose items lie in a file, with what stands around them.

    Args:
        file: holds items of several bodies.
        places: offset and size of each run of this body's items.
        before, after: what stands around the items.
    """

    file: IO[bytes]
    places: Sequence[tuple[int, int]]
    before: bytes
    after: bytes

    @property
    def size(self) -> int:
        """Bytes in all."""
        commas = max(0, len(self.places) - 1)
        return len(self.before) + sum(size for _, size in self.places) + commas + len(self.after)

    def blocks(self) -> Iterator[bytes]:
        """The body, a block at a time."""
        yield self.before
        for number, (offset, size) in enumerate(self.places):
            if number:
                yield b","
            for start in range(offset, offset + size, BLOCK_BYTES):
                self.file.seek(start)
                yield self.file.read(min(BLOCK_BYTES, offset + size - start))
        yield self.after


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request to send on: the events of one grant.

    Args:
        accepted: says all but the body; its ``events`` and ``body`` are a part where ``stored`` has the whole.
        allowed: the categories that the grant allows at this gate.
        stored: the body of a large request.
    """

    accepted: AcceptedRequest
    allowed: tuple[str, ...]
    stored: StoredBody | None = None

    @property
    def size(self) -> int:
        """Bytes of the body; 0 for none."""
        return self.stored.size if self.stored else len(self.accepted.body or b"")

    def blocks(self) -> Iterator[bytes]:
        """The body, a block at a time."""
        if self.stored is None:
            yield self.accepted.body or b""
        else:
            yield from self.stored.blocks()

    def open(self) -> BinaryIO:
        """The body as a file to read."""
        if self.stored is None:
            return io.BytesIO(self.accepted.body or b"")
        return io.BufferedReader(_Blocks(self.stored.blocks()), BLOCK_BYTES)

    @property
    def headers(self) -> dict[str, str]:
        """What is granted of the headers, by lower-case name, and what says so; without lengths and host."""
        claims = self.accepted.claims
        return {
            **self.accepted.headers,
            "x-consent-subject": claims.sub,
            "x-consent-scope": claims.scope,
            "x-consent-acquire": " ".join(self.allowed),
        }


class _Blocks(io.RawIOBase):
    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        room = memoryview(buffer)
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = memoryview(block)
        size = min(len(room), len(self._rest))
        room[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


@dataclass(slots=True)
class Passed:
    """The outcome of one request: what to send on, one entry per grant in it, and what was counted."""

    outgoing: list[Outgoing] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    file: IO[bytes] | None = None

    def close(self) -> None:
        """Lets go of the file behind large bodies."""
        if self.file is not None:
            self.file.close()
