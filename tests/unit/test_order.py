"""The files that begin first are there."""

from __future__ import annotations

from support.order import LONG, TESTS


def test_every_long_file_exists() -> None:
    assert [name for name in LONG if not (TESTS / name).is_file()] == []
