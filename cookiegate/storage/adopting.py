"""Takes over rows from before payloads were encrypted, once, at the first start with subject keys."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from cookiegate.storage.contract import ConsentRow, DecisionRow, StatusSlot, Storage, WriteTransaction
from cookiegate.storage.vault import Vault

PAGE = 500


def adopt_plain_rows(storage: Storage, connection: Any) -> int:
    """Encrypts what ``decisions_plain`` and ``consents_plain`` hold, and removes every trace of it in clear.

    Args:
        storage: takes the rows; they join the ledger in their old order.
        connection: a raw connection to the same database, outside any transaction.

    Returns:
        How many decisions were taken over. A crash in between loses nothing: the next start goes on.
    """
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%_plain'")}
    if not names:
        return 0
    keys: dict[str, int] = {}
    count = 0
    for page in _pages(connection, "decisions_plain", names):
        rows = _untaken(storage, page, keys)
        storage.write(partial(_append, rows))
        count += len(rows)
    for page in _pages(connection, "consents_plain", names):
        consents = [_consent(storage.vault, columns, keys) for columns in page]
        storage.write(partial(_put, consents))
    for name in names:
        connection.execute(f"DROP TABLE {name}")
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return count


def _pages(connection: Any, table: str, names: set[str]) -> Iterator[list[Any]]:
    at = 0
    while table in names:
        query = f"SELECT * FROM {table} ORDER BY 1, 2 LIMIT {PAGE} OFFSET {at}"  # noqa: S608  our own names
        page = connection.execute(query).fetchall()
        if not page:
            return
        yield page
        at += PAGE


def _untaken(storage: Storage, page: list[Any], keys: dict[str, int]) -> list[DecisionRow]:
    rows = []
    for columns in page:
        taken = storage.decision(columns[0])  # by a start that was interrupted
        if taken is None:
            rows.append(_decision(storage.vault, columns, keys))
        elif taken.sub is not None:
            keys[taken.sub] = taken.key_id
    return rows


def _key(vault: Vault, sub: str | None, keys: dict[str, int]) -> int:
    if sub is None:
        return vault.new_key()
    if sub not in keys:
        keys[sub] = vault.new_key()
    return keys[sub]


def _decision(vault: Vault, columns: Any, keys: dict[str, int]) -> DecisionRow:
    row_id, site, sub, epoch, record, salt, leaf, list_id, index, decided_at_ms = columns
    slot = None if list_id is None else StatusSlot(list_id, index)
    return DecisionRow(row_id, site, _key(vault, sub, keys), sub, epoch, record, salt, leaf, slot, decided_at_ms)


def _consent(vault: Vault, columns: Any, keys: dict[str, int]) -> ConsentRow:
    site, handle_hash, sub, epoch, version, purposes, acquire, list_id, index, decision_id, decided_at_ms = columns
    slot = None if list_id is None else StatusSlot(list_id, index)
    key_id = _key(vault, sub, keys)
    return ConsentRow(
        site, handle_hash, key_id, sub, epoch, version, purposes, acquire, slot, decision_id, decided_at_ms
    )


def _append(rows: list[DecisionRow], transaction: WriteTransaction) -> None:
    for row in rows:
        transaction.append_decision(row)


def _put(rows: list[ConsentRow], transaction: WriteTransaction) -> None:
    for row in rows:
        transaction.put_consent(row)
