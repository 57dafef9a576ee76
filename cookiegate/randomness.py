"""Random bytes for what is made with every decision. The system is asked for many of them at once."""

from __future__ import annotations

import os
import threading

_DRAWN_BYTES = 1_024


class _Drawn(threading.local):
    rest = b""
    used = 0


_drawn = _Drawn()


def random_bytes(count: int) -> bytes:
    """Bytes from the system's generator (``os.urandom``). None is given out twice, in a forked process neither.

    For salts, pseudonyms and ids. Keys and nonces are drawn one by one: a machine that is woken twice from one image
    of its memory would give out again what lies here.
    """
    drawn = _drawn
    first = drawn.used
    end = first + count
    if end > len(drawn.rest):
        drawn.rest = os.urandom(_DRAWN_BYTES + count)
        first, end = 0, count
    drawn.used = end
    return drawn.rest[first:end]


def _forget() -> None:
    _drawn.rest, _drawn.used = b"", 0


os.register_at_fork(after_in_child=_forget)
