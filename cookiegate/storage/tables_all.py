"""The whole schema: importing this fills ``metadata`` with every room's tables."""

from __future__ import annotations

from cookiegate.storage import (
    tables_deliveries,
    tables_incidents,
    tables_ip_evidence,
    tables_provisions,
    tables_requests,
    tables_retention,
    tables_schema,
)
from cookiegate.storage.tables import metadata

__all__ = [
    "metadata",
    "tables_deliveries",
    "tables_incidents",
    "tables_ip_evidence",
    "tables_provisions",
    "tables_requests",
    "tables_retention",
    "tables_schema",
]
