from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.consent import ConsentService
from support.shelves import Shelf


@pytest.fixture
def service(tmp_path: Path) -> ConsentService:
    """Keys and an issuer under a frozen clock."""
    return ConsentService(tmp_path)


@pytest.fixture(scope="session")
def lasting_service(tmp_path_factory: pytest.TempPathFactory) -> ConsentService:
    """The same, one for all tests that change nothing of it."""
    return ConsentService(tmp_path_factory.mktemp("service"))


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    """A folder behind an address."""
    (tmp_path / "shelf").mkdir()
    with Shelf(tmp_path / "shelf") as shelf:
        yield shelf
