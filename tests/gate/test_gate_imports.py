"""A pipeline starts light: what verifying and gating import, seen in a fresh interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = (
    "flask", "werkzeug", "sqlalchemy", "alembic", "marshmallow", "ruamel", "limits", "urllib.request", "http.client",
    "requests", "redis", "asyncio", "ssl", "fcntl",
)  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        "from cookiegate.gate import Gate, Verifier, Reason, Verdict, StatusBook, TrackerRequest",
        "import cookiegate.gate, cookiegate.tokens.verifying, cookiegate.tokens.statuslist, cookiegate.tokens.claims",
        "import cookiegate.gate.adapters.wsgi, cookiegate.gate.adapters.asgi",
    ],
)
def test_gate_and_verifier_import_no_server_no_sql_and_no_network(statement: str) -> None:
    code = f"{statement}\nimport sys\nprint(*(name for name in {FORBIDDEN!r} if name in sys.modules))"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True, timeout=60)
    assert done.stdout.split() == []


def test_package_alone_imports_not_even_the_verifier() -> None:
    code = "import cookiegate.gate, sys; print('joserfc' in sys.modules, 'msgspec' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True, timeout=60)
    assert done.stdout.split() == ["False", "False"]
