"""The memory of a process that serves: few arenas, whatever its threads do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap

SCRIPT = textwrap.dedent(
    """
    import ctypes, os, threading
    from cookiegate.web.memory import share_arenas

    share_arenas()
    barrier = threading.Barrier(16)

    def take() -> None:
        held = [bytes(2_000) for _ in range(500)]
        barrier.wait()

    threads = [threading.Thread(target=take) for _ in range(16)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    ctypes.CDLL(None).malloc_stats()
    """
)


def arenas(**environment: str) -> int:
    """How many arenas sixteen threads of a process took."""
    env = {**{name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}, **environment}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=True)
    return len(re.findall(r"^Arena \d+:", done.stderr, re.MULTILINE))


def test_threads_share_two_arenas_unless_the_operator_says_otherwise() -> None:
    assert arenas() == 2
    assert arenas(MALLOC_ARENA_MAX="5") > 2
