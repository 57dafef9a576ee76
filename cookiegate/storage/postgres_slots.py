"""Status slots on PostgreSQL: each process takes them in blocks, in transactions of their own.

A block is taken for good before one slot of it is used, so that no transaction waits for another's and none that is
undone gives a slot to two people. What a process leaves of its block is never used.
"""

from __future__ import annotations

import threading

from cookiegate.storage.contract import StatusSlot
from cookiegate.storage.group_commit import BATCH_MAX
from cookiegate.storage.postgres_lines import LOCKS, SLOTS, Connection, Lines
from cookiegate.storage.status_walk import Walk, new_walk

#: It divides the size of a list, and is several times what one batch needs.
BLOCK = 1_024
_TAKE = (
    "UPDATE status_lists SET used = used + %s WHERE id = (SELECT max(id) FROM status_lists) AND used < size "
    "RETURNING id, size, used, multiplier, start"
)
_OPEN = (
    "INSERT INTO status_lists (size, used, multiplier, start) VALUES (%s, %s, %s, %s) "
    "RETURNING id, size, used, multiplier, start"
)


class Slots:
    """The rest of this process's block. Safe for threads.

    Args:
        lines: the pool.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._free: list[StatusSlot] = []
        self._filling = threading.Lock()

    def provide(self) -> None:
        """Makes sure, before a transaction is begun, that a batch of grants finds its slots.

        Raises:
            StorageError: the record cannot be written now.
        """
        if len(self._free) < BATCH_MAX:
            with self._filling:
                if len(self._free) < BATCH_MAX:
                    self._free = self._take_block() + self._free

    def take(self) -> StatusSlot:
        """A slot that nobody had before."""
        while True:
            try:
                return self._free.pop()
            except IndexError:
                self.provide()

    def _take_block(self) -> list[StatusSlot]:
        with self._lines.line() as connection:
            found = connection.execute(_TAKE, (BLOCK,)).fetchall() or _open_list(connection)
        return Walk(*found[0]).last(BLOCK)


def _open_list(connection: Connection) -> list[tuple[int, ...]]:
    # One process opens a list; the others find it when their turn comes.
    with connection.transaction():
        connection.execute(f"SELECT pg_advisory_xact_lock({LOCKS}, {SLOTS})")
        size, multiplier, start = new_walk()
        return (
            connection.execute(_TAKE, (BLOCK,)).fetchall()
            or connection.execute(_OPEN, (size, BLOCK, multiplier, start)).fetchall()
        )
