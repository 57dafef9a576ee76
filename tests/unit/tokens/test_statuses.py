"""Status lists, their register, their readers; and raised epochs."""

from __future__ import annotations

import random
import threading
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.consent import ISSUER, ConsentService

from cookiegate.clock import FrozenClock
from cookiegate.errors import StatusListError
from cookiegate.tokens import base64url
from cookiegate.tokens.jws import PublicKeys
from cookiegate.tokens.keys import KeyRing
from cookiegate.tokens.statuses import EpochRegister, StatusBook
from cookiegate.tokens.statuslist import StatusList, decode_lst, open_status_list, sign_status_list

URI = f"{ISSUER}/status/1"


def test_packing_follows_the_specifications_one_bit_example() -> None:
    statuses = StatusList(16)
    for idx in (0, 3, 4, 5, 7, 8, 9, 13, 15):
        statuses.set(idx)
    assert statuses.packed() == bytes.fromhex("b9a3")
    assert decode_lst("eNrbuRgAAhcBXQ") == bytes.fromhex("b9a3")


def test_two_bit_lists_are_read_as_the_specification_packs_them() -> None:
    statuses = StatusList(bits=2, packed=bytes.fromhex("c944f9"))
    assert [statuses.get(idx) for idx in range(12)] == [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]


@given(st.sets(st.integers(0, 1023)))
def test_what_was_set_is_what_is_read_back(revoked: set[int]) -> None:
    statuses = StatusList(1024)
    for idx in revoked:
        statuses.set(idx)
    again = StatusList(packed=decode_lst(statuses.encode()))
    assert {idx for idx in range(1024) if again.get(idx)} == revoked


@pytest.mark.parametrize("idx", [-1, 1024, 2**60])
def test_index_outside_the_list_is_no_status(idx: int) -> None:
    statuses = StatusList(1024)
    assert statuses.find(idx) is None
    with pytest.raises(IndexError):
        statuses.get(idx)
    with pytest.raises(IndexError):
        statuses.set(idx)


def test_bomb_is_refused_without_being_unfolded() -> None:
    bomb = base64url.encode(zlib.compress(bytes(50_000_000)))
    with pytest.raises(ValueError, match="too large"):
        decode_lst(bomb, max_bytes=1_000_000)


@pytest.mark.parametrize("lst", ["", "AAAA", "eNrbuRgAAhcBX", "eNrbuRgAAhcBXQ==", "not base64!"])
def test_broken_stream_is_refused(lst: str) -> None:
    with pytest.raises(ValueError):
        decode_lst(lst)


def test_list_of_exactly_the_limit_is_read() -> None:
    assert len(decode_lst(StatusList(8000).encode(), max_bytes=1000)) == 1000


def test_revocation_shows_at_once_and_in_the_next_signed_list(service: ConsentService) -> None:
    before = service.register.signed(1)
    assert service.register.signed(1) is before
    service.register.revoke(1, 5)
    assert service.register.is_revoked(1, 5)
    assert not service.register.is_revoked(1, 6)
    after = service.register.signed(1)
    assert after is not None
    opened = open_status_list(after.decode(), PublicKeys(service.ring.jwks()))
    assert (opened.uri, opened.ttl_s, opened.statuses.get(5), opened.statuses.get(6)) == (URI, 60, 1, 0)


def test_list_is_signed_anew_before_it_expires_and_after_a_rotation(service: ConsentService) -> None:
    first = service.register.signed(1)
    service.clock.advance(1799)
    assert service.register.signed(1) is first
    service.clock.advance(1)
    second = service.register.signed(1)
    assert second is not first
    service.ring.rotate()
    assert service.register.signed(1) is not second


def test_unknown_list_is_not_served_and_its_tokens_count_as_withdrawn(service: ConsentService) -> None:
    assert service.register.signed(2) is None
    assert service.register.is_revoked(2, 0)
    assert service.register.status(f"{ISSUER}/status/2", 0) is None


def test_recorded_revocations_are_taken_over(service: ConsentService) -> None:
    service.register.load([(1, 3), (4, 9)])
    assert service.register.numbers() == (1, 4)
    assert service.register.is_revoked(4, 9)


def test_threads_that_revoke_at_once_lose_nothing(service: ConsentService) -> None:
    def revoke(start: int) -> None:
        for idx in range(start, 1024, 8):
            service.register.revoke(1, idx)

    threads = [threading.Thread(target=revoke, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(service.register.is_revoked(1, idx) for idx in range(1024))


def _book(service: ConsentService) -> tuple[StatusBook, PublicKeys, str]:
    signed = service.register.signed(1)
    assert signed is not None
    return StatusBook(clock=service.clock), PublicKeys(service.ring.jwks()), signed.decode()


def test_reader_knows_a_loaded_list_until_it_expires(service: ConsentService) -> None:
    service.register.revoke(1, 5)
    book, keys, text = _book(service)
    book.load(text, keys, uri=URI)
    assert (book.status(URI, 5), book.status(URI, 6), book.status(f"{URI}0", 6)) == (1, 0, None)
    service.clock.advance(3600 + 59)
    assert book.status(URI, 6) == 0
    service.clock.advance(1)
    assert book.status(URI, 6) is None


def test_expired_or_future_list_is_refused(service: ConsentService) -> None:
    book, keys, text = _book(service)
    for seconds in (3661, -3661 - 61):
        service.clock.advance(seconds)
        with pytest.raises(StatusListError, match="expired"):
            book.load(text, keys)


def test_older_list_never_takes_the_place_of_a_newer_one(service: ConsentService) -> None:
    book, keys, older = _book(service)
    service.clock.advance(5)
    service.register.revoke(1, 5)
    newer = service.register.signed(1)
    assert newer is not None
    book.load(newer.decode(), keys)
    book.load(older, keys)
    assert book.status(URI, 5) == 1


def test_list_of_another_name_is_refused(service: ConsentService) -> None:
    book, keys, text = _book(service)
    with pytest.raises(StatusListError, match="another list"):
        book.load(text, keys, uri=f"{ISSUER}/status/2")


def test_consent_token_cannot_stand_in_for_a_list(service: ConsentService) -> None:
    book, keys, _ = _book(service)
    with pytest.raises(StatusListError, match="type_denied"):
        book.load(service.token(), keys)


def test_tampered_list_is_refused(service: ConsentService) -> None:
    book, keys, text = _book(service)
    head, body, tail = text.split(".")
    forged = base64url.encode(base64url.decode(body).replace(b'"ttl":60', b'"ttl":61'))
    with pytest.raises(StatusListError, match="signature_invalid"):
        book.load(f"{head}.{forged}.{tail}", keys)


def test_list_of_a_strangers_key_is_refused(service: ConsentService, tmp_path_factory: pytest.TempPathFactory) -> None:
    stranger = KeyRing.open(tmp_path_factory.mktemp("stranger"), service.clock)
    forged = sign_status_list(stranger.active, URI, StatusList(8), service.clock.now_ms() // 1000)
    book, keys, _ = _book(service)
    with pytest.raises(StatusListError, match="key_unknown"):
        book.load(forged, keys)


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b'{"sub":"x"}',
        b'{"sub":"x","iat":1,"exp":2,"status_list":{"bits":3,"lst":"eNrbuRgAAhcBXQ"}}',
        b'{"sub":"x","iat":1,"exp":2,"status_list":{"bits":1,"lst":"AAAA"}}',
        b'{"sub":"x","iat":1,"exp":2.5,"status_list":{"bits":1,"lst":"eNrbuRgAAhcBXQ"}}',
        b'{"sub":"x","sub":"y","iat":1,"exp":2,"status_list":{"bits":1,"lst":"eNrbuRgAAhcBXQ"}}',
    ],
)
def test_signed_payload_that_is_no_list_is_refused(service: ConsentService, payload: bytes) -> None:
    with pytest.raises(StatusListError, match="not a status list"):
        open_status_list(service.signed(payload, "statuslist+jwt"), PublicKeys(service.ring.jwks()))


def test_list_of_millions_of_entries_is_signed_and_opened(service: ConsentService) -> None:
    statuses = StatusList(16_777_216)
    for idx in random.Random(1).sample(range(100, 16_777_216), 200_000):
        statuses.set(idx)
    statuses.set(97)
    text = sign_status_list(service.ring.active, URI, statuses, service.clock.now_ms() // 1000)
    assert len(text) > 128_000
    opened = open_status_list(text, PublicKeys(service.ring.jwks()))
    assert (opened.statuses.get(97), opened.statuses.get(98)) == (1, 0)


def test_epochs_only_rise_and_are_forgotten_once_no_token_can_be_that_old() -> None:
    clock = FrozenClock()
    epochs = EpochRegister(clock)
    epochs.raise_to("a", 3)
    epochs.raise_to("a", 2)
    assert (epochs.minimum("a"), epochs.minimum("b")) == (3, 0)
    clock.advance(600)
    epochs.raise_to("a", 4)
    clock.advance(700)
    epochs.raise_to("b", 1)
    assert epochs.minimum("a") == 4
    clock.advance(1300)
    epochs.raise_to("c", 1)
    assert (len(epochs), epochs.minimum("c")) == (1, 1)
