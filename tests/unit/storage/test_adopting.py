"""A record from before payloads were encrypted."""

from __future__ import annotations

import json
from pathlib import Path

import pysqlite3
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from support import engines

from cookiegate.errors import KeyFileError
from cookiegate.ledger.hashing import canonical, leaf_hash
from cookiegate.ledger.ids import new_id
from cookiegate.settings import Settings
from cookiegate.storage import tables
from cookiegate.storage.opening import open_storage
from cookiegate.storage.revisions import MIGRATIONS

pytestmark = engines.sqlite_only("no PostgreSQL record is as old as that")

SALT = b"s" * 16
SUB = "s" * 22


@pytest.fixture
def old_record(tmp_path: Path) -> list[str]:
    """A database of the first schema with two decisions of one visitor and a refusal."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'cookiegate.db'}", module=pysqlite3)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    ids = [new_id(at_ms) for at_ms in (1_000, 2_000, 3_000)]
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for row_id, sub in zip(ids, (SUB, None, SUB), strict=True):
            record = canonical({"id": row_id, "sub": sub, "device": "plaintext-canary"})
            values = (row_id, "demo", sub, 1, record, SALT, leaf_hash(SALT, record), 1 if sub else None, 7, 5)
            connection.exec_driver_sql("INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        consent = ("demo", b"h" * 32, SUB, 1, 1, "analytics-canary", "device", 1, 7, ids[2], 5)
        connection.exec_driver_sql("INSERT INTO consents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", consent)
        connection.exec_driver_sql("INSERT INTO revocations VALUES (1, 1, 7, ?, 2, 5)", (SUB,))
    engine.dispose()
    return ids


def test_an_old_record_is_taken_over_and_nothing_stays_in_clear(tmp_path: Path, old_record: list[str]) -> None:
    storage = open_storage(Settings(data_dir=tmp_path))
    rows = storage.decisions("demo")
    assert [row.id for row in rows] == old_record
    assert [row.sub for row in rows] == [SUB, None, SUB]
    assert rows[0].key_id == rows[2].key_id != rows[1].key_id
    assert all(json.loads(row.record)["device"] == "plaintext-canary" for row in rows)
    assert all(leaf_hash(row.salt, row.record) == row.leaf for row in rows)
    consent = storage.find_consent("demo", b"h" * 32)
    assert consent is not None
    assert (consent.purposes, consent.key_id) == ("analytics-canary", rows[0].key_id)
    assert [item.slot.index for item in storage.revocations()] == [7]
    waiting = storage.read(sa.select(tables.unsealed.c.entry_id).order_by(tables.unsealed.c.sequence))
    assert [row["entry_id"] for row in waiting] == old_record
    storage.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("cookiegate.db*"))
    assert b"canary" not in stored
    assert SUB.encode() not in stored


def test_an_interrupted_taking_over_goes_on(tmp_path: Path, old_record: list[str]) -> None:
    storage = open_storage(Settings(data_dir=tmp_path))
    first = storage.decisions("demo")[0]
    connection = storage._connect()  # type: ignore[attr-defined]
    connection.execute(
        "CREATE TABLE decisions_plain (id, site, sub, epoch, record, salt, leaf, status_list, status_index, at)"
    )
    for row_id in (old_record[0], new_id(9_000)):
        values = (row_id, "demo", SUB, 1, b"{}", SALT, leaf_hash(SALT, b"{}"), None, None, 5)
        connection.execute("INSERT INTO decisions_plain VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    connection.close()
    storage.close()
    rows = open_storage(Settings(data_dir=tmp_path)).decisions("demo")
    assert len(rows) == 4
    assert {row.key_id for row in rows if row.sub} == {first.key_id}


def test_subject_keys_older_than_the_record_stop_the_start(tmp_path: Path, old_record: list[str]) -> None:
    storage = open_storage(Settings(data_dir=tmp_path))
    storage.close()
    (tmp_path / "subject-keys" / "keys.bin").write_bytes(b"")
    with pytest.raises(KeyFileError, match="older than the record"):
        open_storage(Settings(data_dir=tmp_path))
