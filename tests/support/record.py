"""What the record of a live service holds, read from its database file and subject keys as an auditor would."""

from __future__ import annotations

import json
from typing import Any

import pysqlite3

from cookiegate.storage.sealed_rows import consent_from_columns, decision_from_columns
from cookiegate.storage.vault import Vault
from support.live import LiveService

KEYS = {"decisions": "id", "consents": "handle_hash", "revocations": "sequence"}


class Record:
    """The rows that were added since this was made, for services that several tests share."""

    def __init__(self, service: LiveService) -> None:
        self._file = service.folder / "data" / "cookiegate.db"
        self._vault = Vault.open(service.folder / "data")
        self._before = {table: {row[key] for row in self._read(table)} for table, key in KEYS.items()}

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The new rows of a table, in the order of their keys; those of ``decisions`` tell the time."""
        key = KEYS[table]
        found = [row for row in self._read(table) if row[key] not in self._before[table]]
        return sorted(found, key=lambda row: row[key])

    def actions(self) -> list[str]:
        """What was decided, in order."""
        return [json.loads(row["record"])["action"] for row in self.rows("decisions")]

    def _read(self, table: str) -> list[dict[str, Any]]:
        connection = pysqlite3.connect(f"file:{self._file}?mode=ro", uri=True)
        try:
            connection.row_factory = pysqlite3.Row
            return [dict(row) | self._opened(table, row) for row in connection.execute(f"SELECT * FROM {table}")]
        finally:
            connection.close()

    def _opened(self, table: str, row: Any) -> dict[str, Any]:
        if table == "decisions":
            decision = decision_from_columns(self._vault, tuple(row))
            return {"sub": decision.sub, "record": decision.record}
        if table == "consents":
            consent = consent_from_columns(self._vault, tuple(row))
            assert consent is not None
            return {"sub": consent.sub, "purposes": consent.purposes, "acquire": consent.acquire}
        return {}
