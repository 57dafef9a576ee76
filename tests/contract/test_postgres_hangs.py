"""A PostgreSQL server that says nothing: paused, or at a commit that waits for a standby which is away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.postgres import PostgresServer
from support.waiting import until

from contract.storage_contract import a_decision
from cookiegate.errors import StorageError
from cookiegate.settings import Settings
from cookiegate.storage.contract import AnswerRow, Storage, WriteTransaction
from cookiegate.storage.opening import open_storage
from cookiegate.storage.patience import UNKNOWN

SILENCE_S = 0.7


@pytest.fixture
def storage(own_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    monkeypatch.setattr("cookiegate.storage.postgres_silence.SILENCE_MAX_S", SILENCE_S)
    monkeypatch.setattr("cookiegate.storage.postgres_silence.STALLED_S", SILENCE_S / 2)
    name = f"hangs_{tmp_path.name}".lower().replace("-", "_")
    own_server.ask(f"CREATE DATABASE {name}")
    opened = open_storage(Settings(data_dir=tmp_path, database_url=own_server.uri(name)))
    opened.vault.new_key()
    yield opened
    opened.close()


def decide(storage: Storage, key: str) -> str:
    """Records a decision under an idempotency key; the id of the one that answers it."""

    def work(transaction: WriteTransaction) -> str:
        mine = AnswerRow("demo", key.encode().ljust(32), b"body", a_decision(key).id, 1)
        earlier = transaction.claim_answer(mine)
        if earlier is not None:
            return earlier.decision_id
        transaction.append_decision(a_decision(key))
        return mine.decision_id

    return storage.write(work, side_by_side=True)


def is_refused(act: Callable[[], object]) -> bool:
    """Whether the record cannot be reached for it."""
    try:
        act()
    except StorageError:
        return True
    return False


def test_a_server_that_is_paused_holds_nobody_for_ever_and_is_used_again(
    own_server: PostgresServer, storage: Storage
) -> None:
    decide(storage, "before")
    own_server.pause()
    try:
        for act in (lambda: decide(storage, "paused"), lambda: storage.count_decisions("demo"), storage.ping):
            with pytest.raises(StorageError):
                act()
    finally:
        own_server.go_on()
    until(lambda: not is_refused(storage.ping))
    assert decide(storage, "before") == a_decision("before").id
    decide(storage, "after")
    assert storage.count_decisions("demo") == 2


def test_a_commit_that_waits_for_a_standby_is_not_acknowledged_nor_followed_by_more_of_them(
    own_server: PostgresServer, storage: Storage
) -> None:
    standby = own_server.standby()
    own_server.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
    try:
        own_server.ask("SELECT pg_reload_conf()")
        until(lambda: own_server.ask("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"))
        decide(storage, "with-standby")
        standby.stop()
        with pytest.raises(StorageError, match=UNKNOWN):
            decide(storage, "in-doubt")
        hanging = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        assert own_server.ask(hanging) == [(1,)]
        for act in (lambda: decide(storage, "more"), lambda: decide(storage, "in-doubt"), storage.ping):
            assert is_refused(act)
        assert own_server.ask(hanging) == [(1,)]
        assert storage.count_decisions("demo") == 1  # reading goes on; what no standby has is not to be seen
        own_server.restart()
        until(lambda: not is_refused(lambda: storage.count_decisions("demo")))
        assert storage.count_decisions("demo") == 2  # now it is to be seen
        assert is_refused(lambda: decide(storage, "in-doubt"))  # and still no standby has it
        standby.start()
        until(lambda: not is_refused(storage.ping))
        assert decide(storage, "in-doubt") == a_decision("in-doubt").id
        assert storage.count_decisions("demo") == 2
    finally:
        own_server.ask("ALTER SYSTEM RESET synchronous_standby_names")
        own_server.ask("SELECT pg_reload_conf()")
        standby.remove()
