"""What ``cookiegate ledger verify`` prints."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import click

from cookiegate.ledger.findings import Findings
from cookiegate.ledger.proving import Proved
from cookiegate.ledger.signed_note import NoteVerifier
from cookiegate.ledger.verification import Verified


def show_verified(
    verified: Verified, verifier: NoteVerifier, key_source: str, seconds: float, *, as_json: bool
) -> bool:
    """Prints the report of a whole verification; returns whether the ledger is sound."""
    root = b64encode(verified.root).decode()
    if as_json:
        document = {
            "size": verified.size,
            "root": root,
            "checkpoints": verified.checkpoints,
            "kinds": dict(sorted(verified.kinds.items())),
            "erased": verified.erased,
            "waiting": verified.waiting,
            "seconds": round(seconds, 3),
        }
        return _print_json(document, verified.findings, verifier, key_source)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(verified.kinds.items())) or "nothing yet"
    lines = [
        f"{verifier.name}: {verified.size:,} entries ({kinds}), {verified.erased:,} of them erased; "
        f"{verified.waiting:,} wait to be sealed",
        f"root {root}, {verified.checkpoints:,} checkpoints; {seconds:.1f} s",
    ]
    return _print_lines(lines, verified.findings, verifier, key_source)


def show_proved(proved: Proved, verifier: NoteVerifier, key_source: str, *, as_json: bool) -> bool:
    """Prints what became of a receipt; returns whether it is proved."""
    receipt, signed = proved.receipt, proved.checkpoint
    if as_json:
        document = {
            "decision": receipt.decision_id,
            "site": receipt.site,
            "position": proved.position,
            "size": signed and signed.size,
            "root": signed and b64encode(signed.root).decode(),
        }
        return _print_json(document, proved.findings, verifier, key_source)
    lines = [f"decision {receipt.decision_id} of site {receipt.site}: signature, record, salt and leaf agree"]
    if signed is not None and not proved.findings:
        lines.append(f"it is at position {proved.position} of the {signed.size:,} entries that {signed.origin} signed")
    return _print_lines(lines, proved.findings, verifier, key_source)


def _print_json(document: dict[str, Any], found: Findings, verifier: NoteVerifier, key_source: str) -> bool:
    frame = {"ok": not found, "origin": verifier.name, "key": verifier.vkey, "key_from": key_source}
    findings = [finding.document() for finding in found.kept]
    click.echo(json.dumps({**frame, **document, "counts": dict(found.counts), "findings": findings}, indent=2))
    return not found


def _print_lines(lines: list[str], found: Findings, verifier: NoteVerifier, key_source: str) -> bool:
    for line in [*found.lines, *lines]:
        click.echo(line)
    click.echo(f"key {verifier.vkey} (from {key_source})")
    total = found.counts.total()
    click.echo(f"NOT SOUND: {total:,} finding{'s' if total > 1 else ''}" if total else "sound: everything agrees")
    return not found
