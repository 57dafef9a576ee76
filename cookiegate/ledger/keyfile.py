"""The ledger's own signing key: ``<data-dir>/keys/ledger.skey``, made on the first start.

The file holds one line, the secret key text of Go's sumdb/note, which carries the log's name: a ledger keeps its name
although the service's address may change.
"""

from __future__ import annotations

import fcntl
from pathlib import Path

from cookiegate.errors import CheckpointError, KeyFileError
from cookiegate.ledger.signed_note import NoteSigner
from cookiegate.tokens import keyfiles

FILE = "ledger.skey"


def open_ledger_key(data_dir: Path, origin: str, *, is_begun: bool) -> NoteSigner:
    """Opens the ledger's key, or makes it.

    Args:
        data_dir: the service's data folder.
        origin: the log's name if the key is made now.
        is_begun: whether the ledger has checkpoints already; then the key that signed them must be there.

    Raises:
        KeyFileError: the file is missing although the ledger is begun, or garbled, or open to others.
    """
    path = Path(data_dir) / "keys" / FILE
    keyfiles.make_folder(path.parent)
    with keyfiles.open_lock(path.parent) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists() and not is_begun:
            keyfiles.write(path, NoteSigner.generate(origin).skey.encode() + b"\n")
    return read_ledger_key(data_dir)


def read_ledger_key(data_dir: Path) -> NoteSigner:
    """The ledger's key as it is kept.

    Raises:
        KeyFileError: the file is missing, garbled, or open to others.
    """
    path = Path(data_dir) / "keys" / FILE
    data = keyfiles.read(path)
    try:
        return NoteSigner.read(data.decode())
    except (CheckpointError, UnicodeDecodeError) as error:
        raise KeyFileError(f"{path} is garbled; restore it from a backup", file=path.name) from error
