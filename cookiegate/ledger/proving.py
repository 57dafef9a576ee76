"""Proving one decision by the receipt that its visitor holds, from the database or from an export."""

from __future__ import annotations

from dataclasses import dataclass, field

from cookiegate.errors import CheckpointError, LedgerDamagedError, NotFoundError
from cookiegate.ledger.checkpoint import Checkpoint, read_checkpoint
from cookiegate.ledger.export_source import ExportSource
from cookiegate.ledger.findings import Findings
from cookiegate.ledger.frontier import Frontier
from cookiegate.ledger.ledger import InclusionProof, Ledger
from cookiegate.ledger.receipt_reading import Receipt
from cookiegate.ledger.signed_note import NoteVerifier
from cookiegate.ledger.tree import verify_inclusion
from cookiegate.storage.contract import Storage


@dataclass(slots=True)
class Proved:
    """What became of a receipt: its place under the newest checkpoint, or findings."""

    receipt: Receipt
    position: int | None = None
    checkpoint: Checkpoint | None = None
    findings: Findings = field(default_factory=Findings)

    @property
    def where(self) -> str:
        """What a report calls it."""
        return f"receipt of decision {self.receipt.decision_id}"


def prove_by_database(storage: Storage, receipt: Receipt, verifier: NoteVerifier) -> Proved:
    """Proves a receipt by a few tiles of the record.

    Raises:
        NotSealedYetError: the decision is a moment old.
        StorageError: the record cannot be read.
    """
    proved = Proved(receipt)
    try:
        proof = Ledger(storage).proof(receipt.decision_id)
    except NotFoundError:
        proved.findings.add("receipt_unknown", proved.where, "the ledger has no such decision")
    except LedgerDamagedError as error:
        proved.findings.add("tile_changed", proved.where, error.detail)
    else:
        check_proof(proof, proved, verifier)
    return proved


def check_proof(proof: InclusionProof, proved: Proved, verifier: NoteVerifier) -> None:
    """Checks a proof for a receipt against the signed checkpoint that comes with it."""
    try:
        proved.checkpoint = read_checkpoint(proof.checkpoint, verifier)
    except CheckpointError as error:
        proved.findings.add("checkpoint_invalid", f"checkpoint {proof.size}", error.detail)
        return
    proved.position = proof.index
    signed = proved.checkpoint
    if not verify_inclusion(proved.receipt.leaf, proof.index, signed.size, proof.path, signed.root):
        detail = f"its leaf is not what was signed at position {proof.index}"
        proved.findings.add("receipt_contradicted", proved.where, detail)


def prove_by_export(source: ExportSource, receipt: Receipt, verifier: NoteVerifier) -> Proved:
    """Proves a receipt by an export: the tree is computed from its leaves.

    Raises:
        SourceUnreadableError: the export cannot be read to its end.
    """
    proved, frontier = Proved(receipt), Frontier()
    source.known(Findings())
    note, leaves = None, list[bytes]()
    for piece in source.pieces():
        batch = source.load(piece)
        for row in batch.rows:
            if row.id == receipt.decision_id and row.position is not None:
                proved.position = row.position
                leaves = [row.leaf]
        frontier.push(row.leaf for row in batch.rows if row.position is not None)
        frontier.take_finished()
        note = batch.checkpoints[-1].note if batch.checkpoints else note
    if proved.position is None:
        proved.findings.add("receipt_unknown", proved.where, "the export has no such decision")
    elif leaves != [receipt.leaf]:
        detail = f"its leaf is not the one at position {proved.position}"
        proved.findings.add("receipt_contradicted", proved.where, detail)
    _check_root(frontier, note, proved, verifier)
    source.finish(proved.findings)
    return proved


def _check_root(frontier: Frontier, note: str | None, proved: Proved, verifier: NoteVerifier) -> None:
    try:
        signed = proved.checkpoint = read_checkpoint(note or "", verifier)
    except CheckpointError as error:
        proved.findings.add("checkpoint_invalid", "last checkpoint", error.detail)
        return
    if (signed.size, signed.root) != (frontier.size, frontier.root()):
        proved.findings.add("root_mismatch", f"checkpoint {signed.size}", "the leaves give another root")
