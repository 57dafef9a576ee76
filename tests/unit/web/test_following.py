"""Following revocations in a record that may go back under a process that runs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cookiegate.clock import FrozenClock
from cookiegate.settings import Settings
from cookiegate.storage.contract import StatusSlot, Storage, WriteTransaction
from cookiegate.storage.opening import open_storage
from cookiegate.storage.tables import revocations
from cookiegate.web.following import Following


class Followed:
    """A record with three revocations that were followed; ``noted`` lists the status indices that were told."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.noted: list[int] = []
        self.following = Following(storage, lambda told: self.noted.append(told.slot.index), FrozenClock())
        for index in range(3):
            storage.write(partial(_revoke, index))

    def change(self, statement: Any) -> None:
        """Changes the record past everybody."""
        self._storage.write(lambda transaction: transaction.execute(statement))

    def catch_up(self) -> list[int]:
        """What one turn tells."""
        self.noted.clear()
        self.following.catch_up()
        return list(self.noted)


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[Followed]:
    storage = open_storage(Settings(data_dir=tmp_path))
    followed = Followed(storage)
    assert followed.catch_up() == [0, 1, 2]
    yield followed
    storage.close()


def numbered(sequence: int, index: int) -> Any:
    facts = {"status_list": 1, "status_index": index, "site": "demo", "sub": "t" * 22, "epoch": 2, "revoked_at_ms": 6}
    return sa.insert(revocations).values(sequence=sequence, **facts)


def test_each_is_told_once(followed: Followed) -> None:
    assert followed.catch_up() == []
    followed.change(numbered(4, 7))
    assert followed.catch_up() == [7]
    assert followed.following.sequence == 4


def test_a_number_that_comes_again_is_heard(followed: Followed) -> None:
    followed.change(sa.delete(revocations).where(revocations.c.sequence > 1))
    followed.change(numbered(2, 7))
    assert followed.catch_up() == [0, 7]
    assert followed.following.sequence == 2
    followed.change(numbered(3, 8))
    assert followed.catch_up() == [8]


def test_a_record_that_went_back_and_grew_past_where_it_was_is_noticed(followed: Followed) -> None:
    followed.change(sa.delete(revocations).where(revocations.c.sequence > 1))
    for sequence in range(2, 6):
        followed.change(numbered(sequence, 10 + sequence))
    assert followed.catch_up() == [0, 12, 13, 14, 15]


def test_a_record_without_any_is_followed_from_its_beginning(followed: Followed) -> None:
    followed.change(sa.delete(revocations))
    assert followed.catch_up() == []
    assert followed.following.sequence == 0
    followed.change(numbered(1, 7))
    assert followed.catch_up() == [7]


def test_a_subject_that_was_forgotten_is_no_step_back(followed: Followed) -> None:
    followed.change(sa.update(revocations).values(sub=None))
    assert followed.catch_up() == []


def _revoke(index: int, transaction: WriteTransaction) -> None:
    transaction.revoke(StatusSlot(1, index), "demo", "s" * 22, 2, 5)
