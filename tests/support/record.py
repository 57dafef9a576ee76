"""What the record of a live service holds, read from its database file as an auditor would."""

from __future__ import annotations

import json
from typing import Any

import pysqlite3

from support.live import LiveService


def rows(service: LiveService, table: str) -> list[dict[str, Any]]:
    """Every row of a table."""
    file = service.folder / "data" / "cookiegate.db"
    connection = pysqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        connection.row_factory = pysqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]
    finally:
        connection.close()


def actions(service: LiveService) -> list[str]:
    """What was decided, in order."""
    return [
        json.loads(row["record"])["action"] for row in sorted(rows(service, "decisions"), key=lambda row: row["id"])
    ]
