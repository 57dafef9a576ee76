"""Published versions, and the book that they are read from."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import replace

import pytest
from policy_material import DEMO, small

from cookiegate.clock import FrozenClock
from cookiegate.errors import PolicyError, SiteUnknownError, StorageError
from cookiegate.policy.encoding import canonical_json
from cookiegate.policy.notice import build_notice
from cookiegate.policy.publishing import PolicyBook, publish
from cookiegate.policy.reading import load_policy
from cookiegate.storage.contract import NoticeRow, PolicyRow, Storage

_WIDER = ("acquire: [ip]", "acquire: [ip, other]")
_TYPO = ("To count visits.", "To count the visits.")


def test_the_first_version_holds_from_itself(storage: Storage, clock: FrozenClock) -> None:
    published = publish(storage, small(), clock)
    assert (published.version, published.holds_since, published.published_at_ms) == (1, 1, clock.now_ms())
    assert published.policy == small()
    assert published.sha256 == hashlib.sha256(canonical_json(small())).hexdigest()


def test_the_same_document_is_published_once(storage: Storage, clock: FrozenClock) -> None:
    first = publish(storage, small(), clock)
    clock.advance(60)
    assert publish(storage, small(), clock) == first
    assert storage.policies.version("shop", 2) is None


def test_s05_decisions_hold_across_typos_and_not_across_a_wider_use(storage: Storage, clock: FrozenClock) -> None:
    held = [publish(storage, policy, clock).holds_since for policy in (small(), small(_TYPO), small(_TYPO, _WIDER))]
    held.append(publish(storage, small(_WIDER), clock).holds_since)
    held.append(publish(storage, small(), clock).holds_since)
    assert held == [1, 1, 3, 3, 3]


def test_a_version_never_changes(storage: Storage, clock: FrozenClock) -> None:
    publish(storage, small(), clock)
    before = storage.policies.version("shop", 1)
    publish(storage, small(_WIDER), clock)
    assert storage.policies.version("shop", 1) == before
    assert before is not None
    with pytest.raises(StorageError):
        storage.policies.add(replace(before, document=b"{}"), [])


def test_s03_every_published_notice_is_kept_by_its_digest(storage: Storage, clock: FrozenClock) -> None:
    policy = load_policy(DEMO)
    publish(storage, policy, clock)
    rows = {row.locale: row for row in storage.policies.notices("demo", 1)}
    assert set(rows) == {"ja", "en"}
    for locale, row in rows.items():
        assert row.sha256 == hashlib.sha256(row.body).hexdigest() == build_notice(policy, 1, locale).sha256
        shown = json.loads(row.body)["purposes"]
        assert [purpose["description"] for purpose in shown] == [item.description[locale] for item in policy.purposes]


def test_the_book_knows_the_sites_and_their_newest_version(storage: Storage, clock: FrozenClock) -> None:
    publish(storage, load_policy(DEMO), clock)
    publish(storage, small(), clock)
    newest = publish(storage, small(_WIDER), clock)
    book = PolicyBook(storage, clock)
    assert book.sites() == ("demo", "shop")
    assert book.current("shop") == newest


def test_an_unknown_site_is_an_error_that_repeats_nothing(storage: Storage, clock: FrozenClock) -> None:
    book = PolicyBook(storage, clock)
    with pytest.raises(SiteUnknownError) as caught:
        book.current("nobody")
    assert "nobody" not in str(caught.value)
    assert caught.value.evidence == {}
    with pytest.raises(SiteUnknownError):
        book.notice("nobody", "ja")
    assert book.notice_by_digest("nobody", "0" * 64) is None
    assert book.sites() == ()


def test_the_book_turns_the_page_when_it_is_refreshed(storage: Storage, clock: FrozenClock) -> None:
    publish(storage, small(), clock)
    book = PolicyBook(storage, clock)
    old = book.notice("shop", "en")
    publish(storage, small(_WIDER), clock)
    assert book.current("shop").version == 1
    clock.advance(5)
    assert book.refresh()
    assert book.current("shop").version == 2
    assert book.refreshed_at_ms == clock.now_ms()
    assert not book.refresh()
    assert book.notice_by_digest("shop", old.sha256) is None


def test_notices_are_found_by_locale_and_by_digest(storage: Storage, clock: FrozenClock) -> None:
    publish(storage, load_policy(DEMO), clock)
    book = PolicyBook(storage, clock)
    japanese, english = book.notice("demo", "ja"), book.notice("demo", "en")
    assert book.notice_by_digest("demo", english.sha256) is english
    assert book.notice_by_digest("demo", japanese.sha256) is japanese
    assert book.notice_by_digest("demo", japanese.sha256[::-1]) is None
    assert book.notice("demo", "fr") is japanese


def test_s03_an_old_version_keeps_the_words_it_was_published_with(storage: Storage, clock: FrozenClock) -> None:
    policy = small()
    shown = build_notice(policy, 1, "en")
    body = {key: value for key, value in shown.body.items() if key != "notice"}
    body["texts"] = {**body["texts"], "accept": "The wording of an earlier program"}
    kept = json.dumps(body, sort_keys=True).encode()
    document = canonical_json(policy)
    row = PolicyRow("shop", 1, hashlib.sha256(document).hexdigest(), document, True, 1, clock.now_ms())
    storage.policies.add(row, [NoticeRow(hashlib.sha256(kept).hexdigest(), "shop", 1, "en", kept)])
    notice = PolicyBook(storage, clock).notice("shop", "en")
    assert notice.sha256 == hashlib.sha256(kept).hexdigest()
    assert notice.body["texts"]["accept"] == "The wording of an earlier program"


def test_a_version_that_cannot_be_read_leaves_the_book_as_it_was(storage: Storage, clock: FrozenClock) -> None:
    publish(storage, small(), clock)
    book = PolicyBook(storage, clock)
    storage.policies.add(PolicyRow("shop", 2, "0" * 64, b'{"a": 1}', False, 1, 0), [])
    with pytest.raises(PolicyError, match="Version 2 of “shop”"):
        book.refresh()
    assert book.current("shop").version == 1


def test_readers_see_whole_pages_while_others_publish(storage: Storage, clock: FrozenClock) -> None:
    publish(storage, small(), clock)
    book = PolicyBook(storage, clock)
    stop, torn = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            notice = book.notice("shop", "en")
            versions = {notice.body["policy_version"]}
            found = book.notice_by_digest("shop", notice.sha256)
            if found is not None and found is not notice:
                torn.append(versions)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for thread in readers:
        thread.start()
    for days in range(100, 105):
        publish(storage, small(("retention_days: 180", f"retention_days: {days}")), clock)
        book.refresh()
    stop.set()
    for thread in readers:
        thread.join()
    assert torn == []
    assert book.current("shop").version == 6
