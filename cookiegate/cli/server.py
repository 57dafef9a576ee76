"""The one way in which the commands start granian."""

from __future__ import annotations

import resource
import socket
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces, RuntimeModes
from granian.log import LogLevels
from granian.server.common import AbstractServer

from cookiegate.errors import SettingsError

BACKLOG = 4096
#: Open connections of a worker, as far as its limit of open files lets it: slow clients must not fill the door.
CONNECTIONS_MAX = 32_768
FILES_KEPT = 512
WORKER_KILL_S = 5  # what a worker has to end the requests that are under way


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


def allow_connections() -> int:
    """Raises this process's limit of open files as far as it may; returns how many connections a worker may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + FILES_KEPT
    most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(FILES_KEPT, max(soft, most) - FILES_KEPT) if soft != resource.RLIM_INFINITY else CONNECTIONS_MAX


def make_server(target: str, host: str, port: int, threads: int, *, workers: int = 1) -> AbstractServer[Any]:
    """A server of worker processes; one that dies is started anew, and a stop lets requests under way end.

    Args:
        target: a name for the application; what makes it goes to the server's ``serve`` as ``target_loader``.
        host: address to listen on.
        port: port to listen on.
        threads: request threads of each worker.
        workers: processes. On SQLite one: it is quickest and safest with one writer; threads share its commits.
    """
    return Granian(
        target,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        # One thread for input and output, and no guessing of the protocol: 4 % less of the processor, measured.
        runtime_mode=RuntimeModes.st,
        http=HTTPModes.http1,
        backlog=BACKLOG,
        backpressure=allow_connections(),
        websockets=False,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=WORKER_KILL_S,
    )
