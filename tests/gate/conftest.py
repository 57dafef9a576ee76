from __future__ import annotations

from pathlib import Path

import pytest
from support.consent import ConsentService


@pytest.fixture
def service(tmp_path: Path) -> ConsentService:
    """Keys and an issuer under a frozen clock."""
    return ConsentService(tmp_path)
