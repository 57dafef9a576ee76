"""Status slots on PostgreSQL: each process takes them in blocks, in transactions of their own.

A block is taken for good before one slot of it is used, so that no transaction waits for another's and none that is
undone gives a slot to two people. What a process leaves of its block is never used.

A standby that takes the server's place may not know of a block, or of a list: it would give the same slots to others.
So a block ends with the history in which it was taken, and whoever notices first closes the lists of before.
"""

from __future__ import annotations

import threading

from cookiegate.errors import StorageError
from cookiegate.storage.contract import StatusSlot
from cookiegate.storage.group_commit import BATCH_MAX
from cookiegate.storage.patience import OUT_OF_REACH, PATIENCE_S
from cookiegate.storage.postgres_lines import LOCKS, SLOTS, Connection, Lines
from cookiegate.storage.status_walk import Walk, new_walk

#: It divides the size of a list, and is several times what one batch needs.
BLOCK = 1_024
#: Makes a counted column go on above a number, never back.
GO_ON = (
    "SELECT setval(counter, greatest(%s, coalesce(pg_sequence_last_value(counter), 0))) "
    "FROM (SELECT pg_get_serial_sequence(%s, %s)::regclass AS counter) AS counted"
)
_TAKE = (
    "UPDATE status_lists SET used = used + %s WHERE id = (SELECT max(id) FROM status_lists) AND used < size "
    "RETURNING id, size, used, multiplier, start"
)
_OPEN = (
    "INSERT INTO status_lists (size, used, multiplier, start) VALUES (%s, %s, %s, %s) "
    "RETURNING id, size, used, multiplier, start"
)
_CLOSE = "UPDATE status_lists SET used = size WHERE used < size AND id <= %s"
#: More lists than others may have opened, of which neither this process nor the record knows.
LISTS_LOST = 100


class Slots:
    """The rest of this process's block. Safe for threads.

    Args:
        lines: the pool.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._block: tuple[str, list[StatusSlot]] = "", []  # the history in which it was taken, and what is left
        self._list_id = 0  # from which the last block was taken
        self._filling = threading.Lock()

    def provide(self) -> None:
        """Makes sure, before a transaction is begun, that a batch of grants finds its slots.

        Raises:
            StorageError: the record cannot be written now.
        """
        if self._is_low():
            if not self._filling.acquire(timeout=PATIENCE_S):
                raise StorageError(OUT_OF_REACH)
            try:
                if self._is_low():
                    self._fill()
            finally:
                self._filling.release()

    def keep_up(self) -> None:
        """Gives up a block of another history soon, so that no other process is given its slots."""
        if self._list_id and self._block[0] != self._lines.history:
            self.provide()

    def take(self) -> StatusSlot:
        """A slot that nobody had before."""
        while True:
            history, free = self._block
            if history == self._lines.history:
                try:
                    return free.pop()
                except IndexError:
                    pass
            self.provide()

    def _is_low(self) -> bool:
        history, free = self._block
        return len(free) < BATCH_MAX or history != self._lines.history

    def _fill(self) -> None:
        history = self._lines.history  # should it change while a block is taken, that one ends, too
        before, left = self._block
        with self._lines.line(writes=True) as connection:
            if self._list_id and before != history:
                _close_lists(connection, self._list_id)
            found = connection.execute(_TAKE, (BLOCK,)).fetchall() or _open_list(connection)
        walk = Walk(*found[0])
        self._list_id = walk.list_id
        self._block = history, walk.last(BLOCK) + (left if before == history else [])


def _close_lists(connection: Connection, last_id: int) -> None:
    with connection.transaction():
        connection.execute(_CLOSE, (last_id,))
        connection.execute(GO_ON, (last_id + LISTS_LOST, "status_lists", "id"))


def _open_list(connection: Connection) -> list[tuple[int, ...]]:
    # One process opens a list; the others find it when their turn comes.
    with connection.transaction():
        connection.execute(f"SELECT pg_advisory_xact_lock({LOCKS}, {SLOTS})")
        size, multiplier, start = new_walk()
        return (
            connection.execute(_TAKE, (BLOCK,)).fetchall()
            or connection.execute(_OPEN, (size, BLOCK, multiplier, start)).fetchall()
        )
