"""One connection to a Redis server on which a whole call, whatever it is made of, ends at its deadline.

redis-py speaks the protocol, logs in and wraps in TLS. Its own time-outs count for a single read, so that a server that
drips a byte now and then would hold a caller for ever; here every read gets what is left of the call.
"""

from __future__ import annotations

import socket
import time
from typing import Any

from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection
from redis.exceptions import AuthenticationError, RedisError
from redis.retry import Retry

from cookiegate.settings import RedisServers

#: The longest answer that anything here asks for is a status list of some 16 kB.
ANSWER_LIMIT_BYTES = 4_194_304
SETTLE_S = 0.05
Address = tuple[str, int]


class DeadlineSocket:
    """A socket all of whose operations end at one time.

    Args:
        line: a connected socket.
    """

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._ends_at_s = 0.0
        self._left_bytes = 0
        self._shorter_s: float | None = None

    def allow(self, ends_at_s: float) -> None:
        """Begins a call that ends at this time (``time.monotonic``)."""
        self._ends_at_s, self._left_bytes = ends_at_s, ANSWER_LIMIT_BYTES

    def _arm(self) -> None:
        left_s = self._ends_at_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the call has come to its deadline")
        self._line.settimeout(left_s if self._shorter_s is None else min(left_s, self._shorter_s))

    def sendall(self, data: bytes) -> None:
        """Sends everything, or raises ``TimeoutError``."""
        self._arm()
        self._line.sendall(data)

    def recv(self, size: int) -> bytes:
        """What is there; an answer past the cap is an error."""
        self._arm()
        data = self._line.recv(size)
        self._took(len(data))
        return data

    def recv_into(self, buffer: bytearray, *size: int) -> int:
        """As ``recv``, into a buffer."""
        self._arm()
        count = self._line.recv_into(buffer, *size)
        self._took(count)
        return count

    def _took(self, count: int) -> None:
        self._left_bytes -= count
        if self._left_bytes < 0:
            raise OSError("the answer is too long")

    def settimeout(self, seconds: float | None) -> None:
        """Makes operations end sooner; none goes past the deadline."""
        self._shorter_s = seconds

    def fileno(self) -> int:
        """The descriptor."""
        return self._line.fileno()

    def shutdown(self, how: int) -> None:
        """Ends the connection, also under a thread that reads from it."""
        self._line.shutdown(how)

    def close(self) -> None:
        """Closes it."""
        self._line.close()


class _Plain(Connection):
    ends_at_s = 0.0

    def _connect(self) -> DeadlineSocket:
        return _with_deadline(super()._connect(), self.ends_at_s)  # type: ignore[no-untyped-call]  # redis-py's


class _Secure(SSLConnection):
    ends_at_s = 0.0

    def _connect(self) -> DeadlineSocket:
        return _with_deadline(super()._connect(), self.ends_at_s)  # type: ignore[no-untyped-call]  # redis-py's


def _with_deadline(line: socket.socket, ends_at_s: float) -> DeadlineSocket:
    wrapped = DeadlineSocket(line)
    wrapped.allow(ends_at_s)  # the log-in belongs to the same call
    return wrapped


class RedisLine:
    """A connection, connected. Only one thread uses it at a time.

    Args:
        servers: how to log in.
        address: the server.
        ends_at_s: when connecting must be over (``time.monotonic``). Looking up the name may take longer.
        log_in: whether to send user and password.

    Raises:
        OSError, redis.exceptions.RedisError: it cannot be reached, or does not let us in.
    """

    def __init__(self, servers: RedisServers, address: Address, ends_at_s: float, *, log_in: bool = True) -> None:
        self.address = address
        left_s = ends_at_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("no time is left to connect")
        kind = _Secure if servers.tls else _Plain
        self._connection: Any = kind(
            host=address[0],
            port=address[1],
            db=servers.db if log_in else 0,
            username=servers.user if log_in else None,
            password=servers.password if log_in else None,
            socket_timeout=left_s,
            socket_connect_timeout=left_s,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
        )
        self._connection.ends_at_s = ends_at_s
        self._log_in()

    def _log_in(self) -> None:
        self._connection.connect()

    def ask(self, ends_at_s: float, *command: bytes | str | int) -> Any:
        """Sends a command and gives its answer.

        Raises:
            OSError, redis.exceptions.RedisError: no answer before the deadline, or an error as the answer.
        """
        self.send(ends_at_s, *command)
        return self.read(ends_at_s)

    def send(self, ends_at_s: float, *command: bytes | str | int) -> None:
        """Sends a command."""
        self._allow(ends_at_s)
        self._connection.send_command(*command)

    def read(self, ends_at_s: float) -> Any:
        """The next answer."""
        self._allow(ends_at_s)
        return self._connection.read_response()

    def _allow(self, ends_at_s: float) -> None:
        if not self._connection.is_connected:  # redis-py would connect again
            raise ConnectionError("the connection is closed")
        self._connection._sock.allow(ends_at_s)

    def has_news(self, wait_s: float = 0.0) -> bool:
        """Whether there is something to read, the end of the connection included. Idle connections have none."""
        try:
            self._allow(time.monotonic() + wait_s + SETTLE_S)
            return bool(self._connection.can_read(wait_s))
        except (OSError, RedisError):
            return True

    def close(self) -> None:
        """Hangs up, also under a thread that waits for an answer."""
        self._connection.disconnect()


def open_line(servers: RedisServers, address: Address, ends_at_s: float) -> RedisLine:
    """A line to a sentinel: with the password, or without where it asks for none."""
    plain = RedisServers(kind="standalone", hosts=(), tls=servers.tls, user=servers.user, password=servers.password)
    try:
        return RedisLine(plain, address, ends_at_s)
    except AuthenticationError:
        return RedisLine(plain, address, ends_at_s, log_in=False)
