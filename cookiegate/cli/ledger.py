"""``cookiegate ledger``: checks the record of decisions against what was signed."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from cookiegate.cli.ledger_report import show_proved, show_verified
from cookiegate.clock import SystemClock
from cookiegate.errors import CheckpointError, KeyFileError, SourceUnreadableError
from cookiegate.ledger.checkpoint import Checkpoint, read_checkpoint
from cookiegate.ledger.database_source import DatabaseSource
from cookiegate.ledger.export_source import ExportSource
from cookiegate.ledger.keyfile import read_ledger_key
from cookiegate.ledger.proving import prove_by_database, prove_by_export
from cookiegate.ledger.receipt_reading import RECEIPT_LIMIT_CHARS, Receipt, read_receipt
from cookiegate.ledger.signed_note import NOTE_LIMIT_BYTES, NoteVerifier
from cookiegate.ledger.verifying import verify
from cookiegate.settings import Settings, read_settings
from cookiegate.sources.keysets import read_jwks
from cookiegate.sources.places import read_source
from cookiegate.storage.opening import open_storage
from cookiegate.tokens.jws import PublicKeys
from cookiegate.tokens.keys import KeyRing

#: Below this one process is done before a second one has started.
FEW_ENTRIES = 20_000
RECEIPT_LIMIT_BYTES = 4 * RECEIPT_LIMIT_CHARS


@click.group()
def command() -> None:
    """Check the record of decisions.

    \b
    Examples:
      cookiegate ledger verify                            everything, from the database
      cookiegate ledger verify --export ledger.jsonl.gz   from an export alone
      cookiegate ledger verify --receipt receipt.json     one visitor's decision
      cookiegate ledger verify --against saved.txt        nothing was taken back since
    """


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the options ask for. ``key`` is the log's key where it was given."""

    settings: Settings | None
    export: Path | None
    receipt: str | None
    against: tuple[str, ...]
    key: NoteVerifier | None
    jwks: str | None
    processes: int


@command.command("verify")
@click.option(
    "--data-dir", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of the service's data."
)
@click.option(
    "--export", "export", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Verify this export instead of the database.",
)  # fmt: skip
@click.option("--receipt", help="Prove the decision of this receipt alone; a file, - for standard input.")
@click.option("--against", multiple=True, help="A checkpoint that was saved earlier, file or address; may be repeated.")
@click.option("--key", help="The log's key as /ledger/key gives it, text or file. [default: key folder, or the export]")
@click.option("--jwks", help="Key set for receipts, file or address. [default: key folder, or the export]")
@click.option("--processes", type=click.IntRange(1, 64), default=2, show_default=True, help="How many share the work.")
@click.option("--json", "as_json", is_flag=True, help="Print a report for other programs.")
@click.pass_context
def verify_(
    ctx: click.Context, data_dir: Path | None, export: Path | None, receipt: str | None, against: tuple[str, ...],
    key: str | None, jwks: str | None, processes: int, as_json: bool,
) -> None:  # fmt: skip
    """Derive everything again and compare it with what was stored and signed.

    Every payload with its leaf, every leaf with the tree, every kept checkpoint with its signature and its tree; what
    is erased with the erasures that the ledger tells of. Exits 0 when all agrees, 1 on any finding.

    A ledger that was cut back to an older, signed state is found by what others kept: --against a saved checkpoint
    (keep what /ledger/checkpoint gives, every day, elsewhere), or a visitor's --receipt.
    """
    if receipt and against:
        raise click.UsageError("--against checks the whole ledger: run it without --receipt")
    overrides: dict[str, Any] = {"data_dir": data_dir} if data_dir else {}
    settings = None if export else read_settings(**overrides)
    asked = _Asked(settings, export, receipt, against, _read_key(key) if key else None, jwks, processes)
    started = time.perf_counter()
    is_sound = _prove(asked, as_json) if receipt else _verify(asked, as_json, started)
    ctx.exit(0 if is_sound else 1)


def _verify(asked: _Asked, as_json: bool, started: float) -> bool:
    with _open(asked) as (source, verifier, _):
        saved = [(f"checkpoint of {place}", read_saved(place, verifier)) for place in asked.against]
        processes = asked.processes if (source.total or 0) > FEW_ENTRIES else 1
        with tqdm(total=source.total, unit=" entries", unit_scale=True, disable=None) as bar:
            verified = verify(
                source, verifier, now_ms=SystemClock().now_ms(), saved=saved, processes=processes, progress=bar.update
            )
    return show_verified(verified, verifier, _key_source(asked), time.perf_counter() - started, as_json=as_json)


def _prove(asked: _Asked, as_json: bool) -> bool:
    with _open(asked) as (source, verifier, storage):
        receipt = _read_receipt(asked, source)
        if isinstance(source, ExportSource):
            proved = prove_by_export(source, receipt, verifier)
        else:
            proved = prove_by_database(storage, receipt, verifier)
    return show_proved(proved, verifier, _key_source(asked), as_json=as_json)


@contextmanager
def _open(asked: _Asked) -> Iterator[tuple[DatabaseSource | ExportSource, NoteVerifier, Any]]:
    """The ledger that was asked for, the log's key, and the record if there is one."""
    if asked.export is not None:
        with asked.export.open("rb") as file:
            export = ExportSource(file)
            yield export, asked.key or NoteVerifier.read(export.header.vkey), None
    elif asked.settings is not None:
        verifier = asked.key or read_ledger_key(asked.settings.data_dir).verifier  # before a database would be made
        storage = open_storage(asked.settings)
        try:
            yield DatabaseSource(storage, partial(_reopen, asked.settings)), verifier, storage
        finally:
            storage.close()


def _reopen(settings: Settings) -> DatabaseSource:
    return DatabaseSource(open_storage(settings))


def _key_source(asked: _Asked) -> str:
    if asked.key is not None:
        return "given"
    return "the export itself; compare it with /ledger/key" if asked.export else "the key folder"


def _read_key(text: str) -> NoteVerifier:
    if "+" in text and not Path(text).exists():
        return NoteVerifier.read(text)
    return NoteVerifier.read(read_source(text, NOTE_LIMIT_BYTES).decode(errors="replace"))


def read_saved(place: str, verifier: NoteVerifier) -> Checkpoint:
    """A checkpoint that somebody kept elsewhere.

    Args:
        place: a file or an address.
        verifier: the log's key.

    Raises:
        SourceUnreadableError: it cannot be read, or is no checkpoint of this log.
    """
    note = read_source(place, NOTE_LIMIT_BYTES).decode(errors="replace")
    try:
        return read_checkpoint(note, verifier)
    except CheckpointError as error:
        raise SourceUnreadableError(f"{place} is no checkpoint of this log: {error.detail}", source=place) from error


def _read_receipt(asked: _Asked, source: DatabaseSource | ExportSource) -> Receipt:
    place, limit = str(asked.receipt), RECEIPT_LIMIT_BYTES
    data = sys.stdin.buffer.read(limit + 1) if place == "-" else read_source(place, limit)
    return read_receipt(data.decode(errors="replace"), PublicKeys(_jwks(asked, source)))


def _jwks(asked: _Asked, source: DatabaseSource | ExportSource) -> dict[str, Any]:
    if asked.jwks is not None:
        return read_jwks(asked.jwks)
    if isinstance(source, ExportSource):
        return source.header.jwks
    assert asked.settings is not None
    if not (asked.settings.data_dir / "keys").is_dir():
        raise KeyFileError(f"there are no keys in {asked.settings.data_dir}; give the key set with --jwks")
    return KeyRing.open(asked.settings.data_dir).jwks()
