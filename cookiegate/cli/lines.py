"""Lines of a byte stream, in chunks as they arrive, in flat memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from cookiegate.gate.request import LINE_LIMIT_BYTES

CHUNK_BYTES = 1_048_576


class ByteStream(Protocol):
    """Anything with ``read1``."""

    def read1(self, size: int = -1, /) -> bytes:
        """What is there, at most ``size`` bytes; nothing at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes as they came, the whole lines that end in them, and how many lines were too long to keep."""

    raw: bytes
    lines: list[bytes]
    oversized: int


def read_chunks(stream: ByteStream, limit_bytes: int = LINE_LIMIT_BYTES) -> Iterator[Chunk]:
    """The stream as chunks of lines.

    Args:
        stream: the stream; a pipe gives what is there, so that a live log flows.
        limit_bytes: longest line; a longer one is counted and skipped.

    Yields:
        Chunks; empty lines are left out of ``lines``.
    """
    rest, skipping = b"", False
    while raw := stream.read1(CHUNK_BYTES):
        *lines, rest = (rest + raw).split(b"\n")
        oversized = 0
        if skipping and lines:
            del lines[0]
            skipping = False
        if skipping or len(rest) > limit_bytes:
            oversized += not skipping
            rest, skipping = b"", True
        yield Chunk(raw, [line for line in lines if line.strip()], oversized)
    if rest.strip():
        yield Chunk(b"", [rest], 0)
