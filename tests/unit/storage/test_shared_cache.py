"""What every shared cache does, in memory and in all three kinds of Redis."""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.caches import Watch, open_redis, works_again
from support.ports import free_port
from support.redis_servers import ClusterGroup, RedisServer, SentinelGroup, wait_until

from cookiegate.storage.cache.contract import Role, SharedCache, Versioned
from cookiegate.storage.cache.memory import COPIES_KEPT, MemoryCache

KINDS = {"standalone": RedisServer, "sentinel": SentinelGroup, "cluster": ClusterGroup}


@pytest.fixture(scope="module", params=[*KINDS])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with KINDS[request.param]() as servers:
        yield servers.url


@pytest.fixture
def shared(url: str) -> Iterator[tuple[SharedCache, SharedCache, Watch]]:
    """Two nodes of one service, with keys that no other test has."""
    fingerprint = secrets.token_hex(8)
    with ExitStack() as stack:
        one, watch = stack.enter_context(open_redis(url, fingerprint))
        two, _ = stack.enter_context(open_redis(url, fingerprint))
        yield one, two, watch


def copies_give_way_to_newer_ones_only(cache: SharedCache, other: SharedCache) -> None:
    assert cache.find(Role.CONSENTS, "a") is None
    assert cache.keep(Role.CONSENTS, "a", Versioned(5, b"five\n\x00"), 30)
    assert other.find(Role.CONSENTS, "a") == Versioned(5, b"five\n\x00")
    assert not other.keep(Role.CONSENTS, "a", Versioned(4, b"four"), 30)
    assert other.keep(Role.CONSENTS, "a", Versioned(5, b"five again"), 30)
    assert other.keep(Role.CONSENTS, "a", Versioned(6, b""), 30)
    assert cache.find(Role.CONSENTS, "a") == Versioned(6, b"")
    assert cache.find(Role.STATUS, "a") is None
    cache.forget(Role.CONSENTS, "a")
    assert other.find(Role.CONSENTS, "a") is None


def test_copies_in_memory_give_way_to_newer_ones_only() -> None:
    cache = MemoryCache()
    copies_give_way_to_newer_ones_only(cache, cache)


def test_copies_in_redis_give_way_to_newer_ones_only(shared: tuple[SharedCache, SharedCache, Watch]) -> None:
    copies_give_way_to_newer_ones_only(*shared[:2])


def test_copies_in_memory_are_not_kept_without_end() -> None:
    cache = MemoryCache()
    for number in range(COPIES_KEPT + 1):
        cache.keep(Role.CONSENTS, str(number), Versioned(1, b"x"), 30)
    assert cache.find(Role.CONSENTS, "0") is None
    assert cache.find(Role.CONSENTS, "1") is not None


def test_copies_expire(shared: tuple[SharedCache, SharedCache, Watch]) -> None:
    one, two, _ = shared
    memory = MemoryCache()
    for cache in (one, memory):
        assert cache.keep(Role.CONSENTS, "a", Versioned(9, b"x"), 0.05)
    wait_until(lambda: two.find(Role.CONSENTS, "a") is None, "it expires")
    wait_until(lambda: memory.find(Role.CONSENTS, "a") is None, "it expires")
    assert two.keep(Role.CONSENTS, "a", Versioned(1, b"x"), 30)
    assert memory.keep(Role.CONSENTS, "a", Versioned(1, b"x"), 30)


def test_nodes_count_together(shared: tuple[SharedCache, SharedCache, Watch]) -> None:
    one, two, watch = shared

    def count(cache: SharedCache) -> None:
        for number in range(50):
            cache.count(f"key-{number % 5}", 60)

    threads = [threading.Thread(target=count, args=(cache,)) for cache in (one, two) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not watch.failures:  # a machine that stands still for a moment makes calls fail, as it should
        found = [two.counted(f"key-{number}") for number in range(5)]
        assert [window and window.count for window in found] == [80] * 5
    assert one.counted("never") is not None


def test_a_window_keeps_the_end_that_it_began_with(shared: tuple[SharedCache, SharedCache, Watch]) -> None:
    one, two, _ = shared
    first, second = one.count("a", 60), two.count("a", 3600)
    assert first is not None
    assert second is not None
    assert (first.count, second.count) == (1, 2)
    assert abs(first.ends_at_s - second.ends_at_s) < 2
    one.forget(Role.COUNTERS, "a")
    again = one.count("a", 60)
    assert again is not None
    assert again.count == 1


def test_one_leads_until_it_yields_or_falls_silent(shared: tuple[SharedCache, SharedCache, Watch]) -> None:
    one, two, _ = shared
    assert [one.lead("seal", "A", 30), two.lead("seal", "B", 30), one.lead("seal", "A", 30)] == [True, False, True]
    two.yield_lead("seal", "B")
    assert two.lead("seal", "B", 30) is False
    one.yield_lead("seal", "A")
    assert two.lead("seal", "B", 0.05) is True
    wait_until(lambda: one.lead("seal", "A", 30), "the lead runs out")


def test_a_process_alone_cannot_tell_who_leads() -> None:
    assert MemoryCache().lead("seal", "A", 30) is None


def test_news_reach_every_node(shared: tuple[SharedCache, SharedCache, Watch]) -> None:
    one, two, watch = shared
    heard: list[bytes] = []
    one.listen(heard.append)
    wait_until(lambda: watch.listens, "it listens")
    for number in range(20):
        assert two.tell(b"news \x00 %d" % number)
    wait_until(lambda: len(heard) == 20, "all news")
    assert heard == [b"news \x00 %d" % number for number in range(20)]


def test_a_listener_that_fails_hears_the_next(shared: tuple[SharedCache, SharedCache, Watch]) -> None:
    one, two, watch = shared
    heard: list[bytes] = []

    def hear(message: bytes) -> None:
        heard.append(message)
        raise ValueError(message)

    one.listen(hear)
    wait_until(lambda: watch.listens, "it listens")
    assert two.tell(b"first")
    assert two.tell(b"second")
    wait_until(lambda: heard == [b"first", b"second"], "both")


def test_lines_are_encrypted_and_certificates_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = self_signed(tmp_path)
    port = free_port()
    files = {"tls_cert_file": str(certificate), "tls_key_file": str(key), "tls_ca_cert_file": str(certificate)}
    with RedisServer(tls_port=port, tls_auth_clients="no", **files) as server:
        server.ask("CONFIG", "SET", "requirepass", "secret")
        with open_redis(f"rediss://:secret@localhost:{port}") as (strange, watch):
            assert strange.count("a", 60) is None
            assert watch.failures
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with open_redis(f"rediss://:secret@localhost:{port}") as (cache, watch):
            heard: list[bytes] = []
            works_again(cache)
            cache.listen(heard.append)
            wait_until(lambda: watch.listens, "it listens")
            wait_until(lambda: cache.tell(b"news") and heard, "news")
            assert [window and window.count for window in (cache.count("a", 60), cache.count("a", 60))] == [1, 2]


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost and its key, as files."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *subject]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return certificate, key


def test_services_that_share_a_redis_do_not_meet(url: str) -> None:
    with open_redis(url, "one") as (one, _), open_redis(url, "two") as (two, _):
        one.keep(Role.CONSENTS, "a", Versioned(1, b"mine"), 30)
        assert two.find(Role.CONSENTS, "a") is None
        assert one.lead("seal", "A", 30)
        assert two.lead("seal", "B", 30)


def test_without_an_address_the_client_is_not_even_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from cookiegate.settings import read_settings; from cookiegate.web.app import create_front; "
        "from cookiegate.web.service import open_service; "
        f"service = open_service(read_settings({{}}, data_dir=__import__('pathlib').Path({str(tmp_path)!r}))); "
        "create_front(service); service.close(); print('redis' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["False"]
