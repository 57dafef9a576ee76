"""Checkpoints: a log's size and root at one moment, signed, so that nobody can take back what was shown.

Source: C2SP tlog-checkpoint.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from cookiegate.errors import CheckpointError
from cookiegate.ledger.signed_note import NoteSigner, NoteVerifier
from cookiegate.ledger.tiles import HASH_BYTES

_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log commits to: the tree of its first ``size`` entries has this ``root`` (32 bytes)."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def origin_of_ledger(base_url: str) -> str:
    """The name of a service's log: its public address without the scheme, and ``/ledger``.

    Args:
        base_url: such as ``https://consent.example.jp``, which gives ``consent.example.jp/ledger``.
    """
    parts = urlsplit(base_url)
    host = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    return quote(f"{host}{parts.path.rstrip('/')}/ledger", safe="/:[]~")


def sign_checkpoint(signer: NoteSigner, size: int, root: bytes) -> str:
    """The signed note of a checkpoint; its origin is the key's name."""
    return signer.sign(Checkpoint(signer.verifier.name, size, root).text)


def read_checkpoint(note: str, verifier: NoteVerifier) -> Checkpoint:
    """The checkpoint in a note that the log's key signed.

    Raises:
        CheckpointError: it is no checkpoint, of another log, or not signed by this key.
    """
    lines = verifier.open(note).split("\n")
    if len(lines) < 4 or not all(lines[:-1]):
        raise CheckpointError("this is no checkpoint: origin, size and root, a line each")
    origin, size, encoded = lines[:3]
    if origin != verifier.name:
        raise CheckpointError(f"the checkpoint is of another log; this one is {verifier.name}")
    try:
        root = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise CheckpointError("the checkpoint's root is no base64") from error
    if not _SIZE.fullmatch(size) or len(root) != HASH_BYTES or base64.b64encode(root).decode() != encoded:
        raise CheckpointError("the checkpoint's size or root is garbled")
    return Checkpoint(origin, int(size), root)
