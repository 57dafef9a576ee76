"""Whoever changes a backup's file past its rows changes nothing in what is restored from it."""

from __future__ import annotations

from pathlib import Path

import pysqlite3
import pytest

from cookiegate.errors import BackupError
from cookiegate.rights.copies.manifest import RECORD
from cookiegate.storage.places import DATABASE_FILE
from cookiegate.storage.sqlite import engine_of, migrate_file
from copies.conftest import on_sqlite
from copies.material import Kept, NewDatabase, refit

TRIGGERS = [
    "CREATE TRIGGER quiet AFTER INSERT ON revocations BEGIN DELETE FROM revocations; END",
    "CREATE TRIGGER quiet BEFORE UPDATE ON consents BEGIN SELECT RAISE(IGNORE); END",
    "CREATE TRIGGER policies_no_delete_2 BEFORE DELETE ON policies BEGIN SELECT RAISE(IGNORE); END",
]
COLUMNS = "sequence, status_list, status_index, site, sub, epoch, revoked_at_ms"
SILENT = [
    f"CREATE TABLE heard ({COLUMNS.replace('site', 'site UNIQUE ON CONFLICT IGNORE')}, PRIMARY KEY (sequence))",
    f"INSERT INTO heard SELECT {COLUMNS} FROM revocations",
    "DROP TABLE revocations",
    "ALTER TABLE heard RENAME TO revocations",
    "CREATE VIEW everything AS SELECT * FROM decisions",
    "CREATE UNIQUE INDEX alone ON consents (site)",
    "CREATE TABLE more (anything)",
]


@pytest.fixture
def backed_up(kept_in_a_file: Kept) -> Kept:
    """One person has consented; the backup may be vouched for."""
    kept_in_a_file.decide()
    kept_in_a_file.seal()
    kept_in_a_file.back_up_to()
    return kept_in_a_file


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "restored"


def change(kept: Kept, *statements: str) -> None:
    connection = pysqlite3.connect(str(kept.place / "backup" / RECORD), isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()
    refit(kept.place / "backup")


def schema(file: Path) -> set[tuple[str, str, str]]:
    connection = pysqlite3.connect(str(file))
    found = set(connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall())
    connection.close()
    return found


@pytest.mark.parametrize("statement", TRIGGERS)
def test_a_backup_with_triggers_of_somebody_else_is_refused(
    backed_up: Kept, there: Path, other_database: NewDatabase, statement: str
) -> None:
    change(backed_up, statement)
    there.mkdir()
    with pytest.raises(BackupError, match="triggers"):
        backed_up.restore_to(other_database(there), there, nothing_since=True)
    assert [path.name for path in there.iterdir()] == []


def test_a_restored_file_has_the_tables_of_this_program_and_nothing_else(
    backed_up: Kept, there: Path, tmp_path: Path
) -> None:
    change(backed_up, *SILENT)
    assert backed_up.restore_to(on_sqlite(there), there, nothing_since=True).is_done
    migrate_file(engine_of(f"sqlite:///{tmp_path / 'fresh.db'}"))
    assert schema(there / DATABASE_FILE) == schema(tmp_path / "fresh.db")
    assert (there / DATABASE_FILE).stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in there.iterdir()) == sorted([DATABASE_FILE, "keys", "subject-keys"])


@pytest.mark.parametrize(
    "statement",
    ["UPDATE decisions SET leaf = 'a text'", "ALTER TABLE decisions RENAME COLUMN leaf TO other"],
)
def test_a_file_that_holds_no_such_rows_is_refused(backed_up: Kept, there: Path, statement: str) -> None:
    change(backed_up, statement)
    with pytest.raises(BackupError, match="no record that can be read"):
        backed_up.restore_to(on_sqlite(there), there, nothing_since=True)
    assert [path.name for path in there.iterdir()] == []
