"""What a backup says of itself: ``manifest.json`` in its folder."""

from __future__ import annotations

from pathlib import Path

import msgspec

from cookiegate.errors import BackupError
from cookiegate.storage.copying.durable import Progress, digest_of

FORMAT = "cookiegate-backup"
VERSION = 1
MANIFEST = "manifest.json"
RECORD = "record.db"
CHECKPOINT = "checkpoint.txt"


class FileFacts(msgspec.Struct, frozen=True):
    """Size in bytes and SHA-256 in hex."""

    bytes: int
    sha256: str


class LedgerFacts(msgspec.Struct, frozen=True):
    """The sealed ledger of the copy. ``root`` is base64, ``checkpoint`` the signed note; ``waiting`` entries follow."""

    size: int
    root: str | None
    checkpoint: str | None
    waiting: int


class Manifest(msgspec.Struct, frozen=True):
    """A backup.

    Args:
        format, version: of this document.
        made_by: the program's version.
        engine: that the record was kept in; the copy is an SQLite file always.
        schema: revision of the record's tables.
        taken_at, taken_at_ms: when the copy began.
        beside_service: whether a service worked on the record then; None where nobody can tell.
        ledger: its ledger.
        newest_key: the highest number of a subject key that the record names: a key file must reach that far.
        erased_mark: how far erasures had come.
        counts: rows of each table.
        files: the other files of the folder by name.
        verified: whether the whole ledger was derived again from the copy and was sound.
    """

    format: str
    version: int
    made_by: str
    engine: str
    schema: str
    taken_at: str
    taken_at_ms: int
    beside_service: bool | None
    ledger: LedgerFacts
    newest_key: int
    erased_mark: int
    counts: dict[str, int]
    files: dict[str, FileFacts]
    verified: bool


def facts_of(path: Path, progress: Progress = lambda count: None) -> FileFacts:
    """What the manifest says of a file."""
    return FileFacts(path.stat().st_size, digest_of(path, progress))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Puts the manifest into the folder."""
    path = folder / MANIFEST
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup.

    Raises:
        BackupError: the folder is no backup, or one of a newer version.
    """
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
        version = msgspec.json.decode(data, type=dict[str, msgspec.Raw]).get("version", msgspec.Raw(b"0"))
        if bytes(version) != str(VERSION).encode():
            raise BackupError(f"{path} is not of version {VERSION} of backups: use the cookiegate that made it")
        manifest = msgspec.json.decode(data, type=Manifest)
    except OSError as error:
        raise BackupError(f"{folder} is no backup: {MANIFEST} cannot be read ({error.strerror})") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BackupError(f"{path} is garbled: use another backup") from error
    if manifest.format != FORMAT or RECORD not in manifest.files:
        raise BackupError(f"{path} is no manifest of a backup")
    return manifest


def check_files(folder: Path, manifest: Manifest, progress: Progress = lambda count: None) -> None:
    """Compares the files of a backup with its manifest.

    Raises:
        BackupError: naming the file that is missing, cut or changed.
    """
    for name, facts in manifest.files.items():
        path = folder / name
        if Path(name).name != name or not path.is_file():
            raise BackupError(f"{path} is missing: this backup is not whole, use another one")
        if path.stat().st_size != facts.bytes:
            raise BackupError(f"{path} was cut or added to: it has {path.stat().st_size:,} bytes, not {facts.bytes:,}")
        if digest_of(path, progress) != facts.sha256:
            raise BackupError(f"{path} is not what was backed up (its SHA-256 differs): use another backup")
