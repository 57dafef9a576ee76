from __future__ import annotations

from pathlib import Path

import pytest
from support.consent import ConsentService
from support.npm import install

_PACKAGE = Path(__file__).parents[2] / "verifier-js"


@pytest.fixture
def service(tmp_path: Path) -> ConsentService:
    """Keys and an issuer under a frozen clock."""
    return ConsentService(tmp_path)


@pytest.fixture(scope="session")
def package() -> Path:
    """``verifier-js``, with what it needs."""
    return install(_PACKAGE)
