"""The memory of a process that serves for months."""

from __future__ import annotations

import ctypes
import gc
import os

#: ``M_ARENA_MAX`` of ``malloc.h`` (glibc).
_ARENA_MAX = -8
_ARENAS = 2


def share_arenas() -> None:
    """Lets the threads of this process take memory from few arenas; to be called before they begin.

    Left alone, glibc gives each thread an arena of its own, up to eight for every core, and what is free in one serves
    no other thread: an eighth more memory, which went on growing (docs/explanation/cost.md). With another C library,
    or where ``MALLOC_ARENA_MAX`` says otherwise, nothing changes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt(_ARENA_MAX, _ARENAS)


def keep_what_is_here() -> None:
    """Spares what the process has made so far: walking through it again and again costs 3 % of the decisions."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
