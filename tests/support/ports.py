"""Free ports for the servers that tests start."""

from __future__ import annotations

import secrets
import socket

#: Below those that the system gives to the clients' own ends, which come and go all the time.
_FIRST, _LAST = 20_000, 32_767
_ATTEMPTS = 100


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    for _ in range(_ATTEMPTS):
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port of 127.0.0.1 from {_FIRST} to {_LAST}")
