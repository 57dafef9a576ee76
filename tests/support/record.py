"""What the record of a live service holds, read from its database and subject keys as an auditor would."""

from __future__ import annotations

import json
from typing import Any

from cookiegate.storage.sealed_rows import consent_from_columns, decision_from_columns
from cookiegate.storage.vault import Vault
from support import engines
from support.live import LiveService

KEYS = {"decisions": "id", "consents": "handle_hash", "revocations": "sequence"}


class Record:
    """The rows that were added since this was made, for services that several tests share."""

    def __init__(self, service: LiveService) -> None:
        self._folder = service.folder / "data"
        self._vault = Vault.open(self._folder)
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
        return [
            row | self._opened(table, tuple(row.values()))
            for row in engines.rows(self._folder, f"SELECT * FROM {table}")
        ]

    def _opened(self, table: str, columns: tuple[Any, ...]) -> dict[str, Any]:
        if table == "decisions":
            decision = decision_from_columns(self._vault, columns)
            return {"sub": decision.sub, "record": decision.record}
        if table == "consents":
            consent = consent_from_columns(self._vault, columns)
            assert consent is not None
            return {"sub": consent.sub, "purposes": consent.purposes, "acquire": consent.acquire}
        return {}
