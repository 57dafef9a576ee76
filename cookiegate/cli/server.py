"""The one way in which the commands start granian."""

from __future__ import annotations

import socket
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.common import AbstractServer

from cookiegate.errors import SettingsError

BACKLOG = 4096
BACKPRESSURE = 2048  # more waiting connections than threads: slow clients must not fill the door
WORKER_KILL_S = 5  # a worker that is told to stop while it starts may not hear it


def refuse_taken_port(host: str, port: int) -> None:
    """Stops the start where somebody listens already.

    The server would share the port with them, and each connection would land in one record or the other.

    Raises:
        SettingsError: naming the port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what a stopped server left behind is no matter
        try:
            probe.bind((host, port))
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "no such host"
            raise SettingsError(f"--host {host} --port {port} cannot be listened on ({reason})") from error


def make_server(target: str, host: str, port: int, threads: int, *, factory: bool = False) -> AbstractServer[Any]:
    """A server of one worker process: SQLite is quickest and safest with one writer; threads share its commits.

    Args:
        target: ``module:name`` of the WSGI application.
        host: address to listen on.
        port: port to listen on.
        threads: request threads.
        factory: whether the name is a function that makes the application.
    """
    return Granian(
        target,
        factory=factory,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=threads,
        backlog=BACKLOG,
        backpressure=BACKPRESSURE,
        websockets=False,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=WORKER_KILL_S,
    )
