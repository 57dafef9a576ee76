"""Identifiers."""

from __future__ import annotations

from uuid import UUID

from cookiegate.consent.ids import HANDLE_PATTERN, derive_handle, hash_handle, new_subject
from cookiegate.ledger.ids import new_id


def test_a_decision_id_is_a_uuid_that_tells_its_time() -> None:
    found = UUID(new_id(1_795_000_000_123))
    assert (found.version, found.variant) == (7, "specified in RFC 4122")
    assert found.int >> 80 == 1_795_000_000_123


def test_decision_ids_sort_by_time() -> None:
    ids = [new_id(at_ms) for at_ms in range(1_795_000_000_000, 1_795_000_000_050)]
    assert ids == sorted(ids)
    assert len({new_id(1) for _ in range(100)}) == 100


def test_subjects_are_random() -> None:
    assert len({new_subject() for _ in range(1000)}) == 1000
    assert HANDLE_PATTERN.fullmatch(new_subject())


def test_a_handle_follows_from_secret_site_and_key_alone() -> None:
    handle = derive_handle(b"s" * 32, "demo", "key")
    assert HANDLE_PATTERN.fullmatch(handle)
    assert derive_handle(b"s" * 32, "demo", "key") == handle
    others = {derive_handle(*other) for other in [(b"t" * 32, "demo", "key"), (b"s" * 32, "demo2", "key")]}
    assert handle not in others | {derive_handle(b"s" * 32, "demo", "kez")}
    assert hash_handle(handle) != hash_handle(handle[::-1])
