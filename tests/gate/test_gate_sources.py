"""Keys and status lists from files and addresses: asked with validators, kept through an outage, believed so long."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.consent import ConsentService
from support.shelves import Shelf
from support.waiting import until

from cookiegate.errors import CookiegateError, SourceUnreadableError, StatusListError
from cookiegate.gate import Reason, Verifier
from cookiegate.sources.following import follow
from cookiegate.sources.keysets import FollowedKeys, read_jwks
from cookiegate.sources.places import Place, read_source
from cookiegate.sources.refreshing import Refresher
from cookiegate.sources.statuslists import MAX_STALE_S, FollowedStatuses


class Outside:
    """A verifier outside the service, whose seconds stand still."""

    def __init__(self, service: ConsentService, jwks: str, status: str, max_stale_s: float | None = None) -> None:
        self.service = service
        self.now_s = 1000.0
        self.warnings: list[CookiegateError] = []
        self.keys = FollowedKeys(jwks)
        self.lists = FollowedStatuses(
            self.keys.public,
            max_stale_s=max_stale_s,
            warn=self.warnings.append,
            clock=service.clock,
            seconds=lambda: self.now_s,
        )
        self.lists.load(status)
        self.refresher = Refresher(self.keys, self.lists, self.warnings.append)
        self.verifier = Verifier(self.keys, audience="demo", status=self.lists, clock=service.clock)

    def reason(self, **token: int) -> Reason:
        """What is made of a token that is issued now."""
        return self.verifier.verify(self.service.token(**token)).reason  # type: ignore[arg-type]


def _jwks(service: ConsentService) -> str:
    return json.dumps(service.ring.jwks())


def _list(service: ConsentService, number: int = 1) -> bytes:
    return service.register.signed(number) or b""


@pytest.fixture
def outside(service: ConsentService, shelf: Shelf) -> Outside:
    return Outside(service, shelf.put("jwks", _jwks(service)), shelf.put("1", _list(service)))


def test_what_has_not_changed_is_not_sent_again(outside: Outside, shelf: Shelf) -> None:
    for _ in range(3):
        outside.refresher.refresh()
    assert (shelf.whole, shelf.unchanged) == (["jwks", "1"], ["jwks", "1"] * 3)
    assert outside.reason() is Reason.OK


def test_new_keys_and_withdrawals_are_taken_over(service: ConsentService, outside: Outside, shelf: Shelf) -> None:
    token = service.token()
    assert outside.verifier.verify(token).ok
    service.ring.rotate()
    service.register.revoke(1, 7)
    shelf.put("jwks", _jwks(service))
    shelf.put("1", _list(service))
    outside.refresher.refresh()
    assert outside.verifier.verify(token).reason is Reason.WITHDRAWN
    assert outside.reason(idx=8) is Reason.OK


def test_outage_keeps_keys_for_ever_and_lists_for_five_minutes(outside: Outside, shelf: Shelf) -> None:
    shelf.is_down = True
    for _ in range(3):
        outside.refresher.refresh()
    assert [error.detail.rpartition(":")[0] for error in outside.warnings] == [
        f"cannot read {shelf.address}/jwks", f"cannot read {shelf.address}/1",
    ]  # fmt: skip
    outside.now_s += MAX_STALE_S
    assert outside.reason() is Reason.OK
    outside.now_s += 0.001
    assert outside.reason() is Reason.STATUS_UNAVAILABLE
    assert Verifier(outside.keys, audience="demo", clock=outside.service.clock).verify(outside.service.token()).ok
    shelf.is_down = False
    outside.refresher.refresh()
    assert outside.reason() is Reason.OK


def test_unchanged_answer_confirms_a_list_as_well_as_a_new_one(outside: Outside) -> None:
    for _ in range(10):
        outside.now_s += 200
        outside.refresher.refresh()
        assert outside.reason() is Reason.OK


def test_a_cache_that_repeats_an_old_list_does_not_make_it_young(outside: Outside, shelf: Shelf) -> None:
    shelf.age_s = 200
    outside.now_s += 200
    outside.refresher.refresh()
    outside.now_s += 100
    assert outside.reason() is Reason.OK
    outside.now_s += 1
    assert outside.reason() is Reason.STATUS_UNAVAILABLE
    assert outside.lists.behind() == "one that is followed is too old to be believed"
    shelf.age_s = 2
    outside.refresher.refresh()
    assert outside.reason() is Reason.OK
    assert outside.lists.behind() is None


def test_list_that_the_service_would_have_signed_anew_is_not_believed(
    service: ConsentService, outside: Outside, shelf: Shelf
) -> None:
    service.clock.advance(1800 + 300 + 60)
    outside.refresher.refresh()
    assert outside.reason() is Reason.OK
    service.clock.advance(1)
    outside.refresher.refresh()
    assert outside.reason() is Reason.STATUS_UNAVAILABLE, "an address that repeats it confirms nothing"
    shelf.put("1", _list(service))
    outside.refresher.refresh()
    assert outside.reason() is Reason.OK


def test_list_is_not_believed_past_its_own_end_however_often_it_is_confirmed(outside: Outside) -> None:
    outside.service.clock.advance(3700)
    outside.refresher.refresh()
    assert outside.reason() is Reason.STATUS_UNAVAILABLE


def test_file_is_read_again_when_it_changed(service: ConsentService, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(_jwks(service))
    (tmp_path / "list.jwt").write_bytes(_list(service))
    outside = Outside(service, str(tmp_path / "keys.json"), str(tmp_path / "list.jwt"))
    place = Place(str(tmp_path / "list.jwt"), 10**6)
    assert (place.read(), place.read()) == (_list(service), None)
    service.register.revoke(1, 7)
    (tmp_path / "new.jwt").write_bytes(_list(service))
    (tmp_path / "new.jwt").replace(tmp_path / "list.jwt")
    outside.refresher.refresh()
    assert outside.reason() is Reason.WITHDRAWN
    outside.now_s += 10**6
    assert outside.reason(idx=8) is Reason.OK, "a file counts until the list expires"
    (tmp_path / "list.jwt").unlink()
    outside.refresher.refresh()
    assert outside.reason(idx=8) is Reason.OK


def test_file_may_be_held_to_an_age_too(service: ConsentService, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(_jwks(service))
    (tmp_path / "list.jwt").write_bytes(_list(service))
    outside = Outside(service, str(tmp_path / "keys.json"), str(tmp_path / "list.jwt"), max_stale_s=600)
    service.clock.advance(600)
    assert outside.reason() is Reason.OK
    service.clock.advance(1)
    assert outside.reason() is Reason.STATUS_UNAVAILABLE


@pytest.mark.parametrize("age_s", [float("nan"), -1.0])
def test_age_that_is_none_is_refused(age_s: float) -> None:
    with pytest.raises(ValueError, match="max_stale_s must be 0 seconds or more"):
        FollowedStatuses(lambda: {}, max_stale_s=age_s)


def test_pipe_is_read_once(service: ConsentService) -> None:
    reader, writer = os.pipe()
    os.write(writer, _jwks(service).encode())
    os.close(writer)
    keys = FollowedKeys(f"/dev/fd/{reader}")
    assert not keys.refresh()
    assert keys() == service.ring.jwks()
    os.close(reader)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"keys":[]}', b"<html>", b'{"keys":[],"keys":[]}', b"\xff"])
def test_nonsense_in_place_of_keys_is_told_and_changes_nothing(outside: Outside, shelf: Shelf, content: bytes) -> None:
    shelf.put("jwks", content)
    for _ in range(2):
        outside.refresher.refresh()
    assert len(outside.warnings) == 1
    assert outside.reason() is Reason.OK


def test_forged_or_older_list_changes_nothing(service: ConsentService, outside: Outside, shelf: Shelf) -> None:
    older = _list(service)
    service.clock.advance(5)
    service.register.revoke(1, 7)
    shelf.put("1", _list(service))
    outside.refresher.refresh()
    for content in (older, service.token().encode(), b"", b"a.b.c"):
        shelf.put("1", content)
        outside.refresher.refresh()
        assert outside.reason() is Reason.WITHDRAWN


def test_lists_beside_the_given_one_are_followed_and_no_other(
    service: ConsentService, outside: Outside, shelf: Shelf
) -> None:
    service.register.ensure(2)
    shelf.put("2", _list(service, 2))
    assert outside.reason(status_list=2) is Reason.OK
    assert outside.reason(status_list=3) is Reason.STATUS_UNAVAILABLE
    assert "/3" in outside.warnings[0].detail
    outside.refresher.refresh()
    assert shelf.unchanged.count("2") == 1


def test_background_looks_again_by_itself(service: ConsentService, shelf: Shelf) -> None:
    jwks, status = shelf.put("jwks", _jwks(service)), shelf.put("1", _list(service))
    with follow("demo", jwks=jwks, statuses=[status], every_s=0.02, clock=service.clock) as verifier:
        token = service.token()
        assert verifier.verify(token).ok
        service.register.revoke(1, 7)
        shelf.put("1", _list(service))
        until(lambda: verifier.verify(token).reason is Reason.WITHDRAWN)


@pytest.mark.parametrize("path", ["/nothing", "/to/file", "/to/ftp"])
def test_address_that_fails_or_leads_elsewhere_is_refused(shelf: Shelf, path: str) -> None:
    with pytest.raises(SourceUnreadableError, match="cannot read"):
        read_source(shelf.address + path, 1000)


@pytest.mark.parametrize(
    "source", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "http://127.0.0.1:1/x", "http://", "\x00"]
)
def test_only_files_and_http_are_read(source: str) -> None:
    with pytest.raises(SourceUnreadableError):
        read_source(source, 1000)


def test_source_past_its_limit_is_refused(shelf: Shelf) -> None:
    for source in (shelf.put("big", bytes(1001)), str(shelf.folder / "big")):
        with pytest.raises(SourceUnreadableError, match="larger"):
            read_source(source, 1000)
        assert len(read_source(source, 1001)) == 1001


def test_list_that_expired_on_disk_is_refused(service: ConsentService, tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(_list(service))
    (tmp_path / "k").write_text(_jwks(service))
    assert read_jwks(str(tmp_path / "k")) == service.ring.jwks()
    service.clock.advance(10_000)
    with pytest.raises(StatusListError, match="expired"):
        Outside(service, str(tmp_path / "k"), str(tmp_path / "s"))
