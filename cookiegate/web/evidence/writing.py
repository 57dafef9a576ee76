"""Evidence as files: one page, a folder, or an archive, readable only by whoever asked for it."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cookiegate.errors import OutputRefusedError
from cookiegate.web.evidence.check import run
from cookiegate.web.evidence.page import Results, draw_evidence, evidence_json, script_text

_MODE = 0o600
_README = """evidence.html   to read and to print
evidence.json   the same facts, for the check
check.py        checks them: python check.py evidence.json (needs the package "cryptography")
"""


def check_evidence(evidence: Mapping[str, Any]) -> Results:
    """What ``check.py`` says of evidence with the keys inside it."""
    return run(dict(evidence), evidence["keys"]["jwks"], evidence["keys"]["ledger"])


def write_evidence(evidence: Mapping[str, Any], results: Results, to: Path, lang: str) -> list[Path]:
    """Writes the files.

    Args:
        evidence: what was gathered.
        results: what the checks said of it.
        to: a path that ends in ``.html`` (one page with everything inside) or ``.zip``; any other is a folder.
        lang: of the page's own words.

    Returns:
        What was written.

    Raises:
        OutputRefusedError: something is there already, or the place cannot be written.
    """
    page = draw_evidence(evidence, results, lang)
    if to.suffix == ".html":
        return [_write(to, page.encode())]
    files = {"evidence.html": page, "evidence.json": evidence_json(evidence), "check.py": script_text()}
    if to.suffix == ".zip":
        return [_write(to, _pack({**files, "README.txt": _README}))]
    try:
        to.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise OutputRefusedError(f"{to} cannot be made ({error.strerror})") from error
    return [_write(to / name, text.encode()) for name, text in files.items()]


def _pack(files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


def _write(path: Path, data: bytes) -> Path:
    """A new file that nobody else can read: it holds personal data."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    except FileExistsError as error:
        raise OutputRefusedError(f"{path} is there already; name another place with --to") from error
    except OSError as error:
        raise OutputRefusedError(f"{path} cannot be written ({error.strerror})") from error
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    return path
