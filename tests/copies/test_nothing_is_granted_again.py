"""After a restore that lacks what came later, nobody's withdrawal is undone: not by tokens, pages or other systems."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from support.service import Bench, Visitor
from werkzeug.test import Client

from cookiegate.consent.deciding import Decided
from cookiegate.consent.ids import hash_handle
from cookiegate.rights.delivery.streams import append_stream
from cookiegate.settings import Settings
from cookiegate.storage.tables import revocations
from cookiegate.tokens.issuing import Issuer
from cookiegate.tokens.keys import SPENT_AFTER_S, KeyRing
from cookiegate.web.service import open_service
from cookiegate.web.visitors import handle_cookie
from copies.material import Kept, NewDatabase, consent_there, opened


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "restored"


def token_of(kept: Kept, decided: Decided) -> str:
    """A token as the service before the restore gave it."""
    row = kept.consent(decided)
    return Issuer(kept.ring, kept.settings.base_url).issue(
        site="demo", sub=row.sub, policy_version=1, epoch=row.epoch, scope=["analytics"], acquire=["browsing"],
        status_list=row.slot.list_id, status_index=row.slot.index, issued_at_ms=kept.clock.now_ms(),
    ).text  # fmt: skip


def serve(kept: Kept, uri: str, there: Path) -> Bench:
    settings = Settings(data_dir=there, base_url=kept.settings.base_url, database_url=uri)
    return Bench(open_service(settings, kept.clock), kept.clock, there)


def visitor_with(bench: Bench, handle: str) -> Visitor:
    visitor = Visitor(Client(bench.front))
    visitor.client.set_cookie(handle_cookie("demo"), handle)
    return visitor


def check(bench: Bench, token: str) -> int:
    answer = Client(bench.front).get("/gate/check?purpose=analytics&site=demo", headers={"X-Consent-Token": token})
    return answer.status_code


def test_a_lost_withdrawal_is_not_undone(kept: Kept, other_database: NewDatabase, there: Path) -> None:
    withdrew, stayed = kept.decide(), kept.decide()
    tokens = [token_of(kept, who) for who in (withdrew, stayed)]
    kept.back_up_to()
    kept.decide("withdraw", withdrew.handle)  # acknowledged, and lost
    late = kept.decide()
    tokens.append(token_of(kept, late))
    there.mkdir()
    uri = other_database(there)
    restored = kept.restore_to(uri, there)
    assert (restored.is_lossy, restored.to_confirm) == (True, 2)
    bench = serve(kept, uri, there)
    try:
        assert [check(bench, token) for token in tokens] == [401, 401, 401]
        for who in (withdrew, stayed, late):
            visitor = visitor_with(bench, str(who.handle))
            asked = visitor.send("GET", "/v1/sites/demo/consent").get_json()
            assert (asked["ask"], any(asked["purposes"][key] for key in ("analytics", "advertising"))) == (True, False)
            assert visitor.send("POST", "/v1/sites/demo/token").status_code == 404
        confirmed = visitor_with(bench, str(stayed.handle)).decide("accept").get_json()
        assert (
            check(bench, confirmed["token"]["token"] if isinstance(confirmed["token"], dict) else confirmed["token"])
            == 204
        )
        kept.clock.advance(SPENT_AFTER_S + 60)  # the old keys prove receipts again, and no token of theirs is left
        bench.service.follow()
        assert [check(bench, token) for token in tokens] == [401, 401, 401]
    finally:
        bench.service.close()


def test_a_signal_confirms_nothing(kept_in_a_file: Kept, there: Path) -> None:
    kept = kept_in_a_file
    held = kept.decide()
    kept.back_up_to()
    kept.decide("withdraw", held.handle)  # acknowledged, and lost
    kept.restore_to(f"sqlite:///{there / 'cookiegate.db'}", there)
    bench = serve(kept, f"sqlite:///{there / 'cookiegate.db'}", there)
    try:
        visitor, before = visitor_with(bench, str(held.handle)), bench.count
        for headers in ({}, {"Sec-GPC": "1"}):
            visitor.headers = headers
            answer = visitor.decide("signal", signal="gpc")
            assert (answer.status_code, answer.get_json()["code"]) == (404, "consent_missing")
            assert visitor.cookie("cg_token") is None
            asked = visitor.send("GET", "/v1/sites/demo/consent").get_json()
            assert (asked["ask_reason"], asked["purposes"]["analytics"]) == ("expired", False)
            assert visitor.send("POST", "/v1/sites/demo/token").status_code == 404
        assert bench.count == before
        visitor.headers = {}
        assert visitor.decide("accept").get_json()["consent"]["purposes"]["advertising"]
        narrowed = visitor.decide("signal", signal="gpc").get_json()  # what is confirmed is narrowed as ever
        assert narrowed["consent"]["purposes"]["analytics"]
        assert not narrowed["consent"]["purposes"]["advertising"]
        assert check(bench, narrowed["token"]) == 204
    finally:
        bench.service.close()


def test_no_status_index_epoch_or_event_number_is_given_out_twice(
    kept: Kept, other_database: NewDatabase, there: Path
) -> None:
    held = kept.decide()
    kept.back_up_to()
    late = [kept.decide() for _ in range(3)]
    kept.decide("withdraw", held.handle)
    given = {kept.consent(who).slot for who in late}
    newest = max(item.sequence for item in kept.storage.revocations())
    there.mkdir()
    uri = other_database(there)
    kept.restore_to(uri, there)
    with opened(uri, there) as storage:
        taken = storage.write(lambda transaction: [transaction.allocate_slot() for _ in range(600)])
        assert not given & set(taken)
        row = storage.find_consent("demo", hash_handle(str(held.handle)))
        assert row is not None
        assert row.epoch > 100
        assert min(item.sequence for item in storage.revocations(after=newest)) > newest
        ended = [item for item in storage.revocations() if item.sub == row.sub]
        assert [item.epoch for item in ended] == [row.epoch]  # other systems hear that it ended
        facts = {"kind": "erase", "site": "demo", "sub": "s" * 22, "epoch": 1, "at_ms": 1, "request_id": None}
        assert storage.write(lambda transaction: append_stream(transaction, **facts)) > newest + 100


def test_a_vouched_for_copy_goes_on_as_it_was(kept: Kept, other_database: NewDatabase, there: Path) -> None:
    held = kept.decide()
    token = token_of(kept, held)
    kept.back_up_to()
    there.mkdir()
    uri = other_database(there)
    assert not kept.restore_to(uri, there, nothing_since=True).is_lossy
    assert KeyRing.open(there).active.kid == kept.ring.active.kid
    with opened(uri, there) as storage:
        assert consent_there(kept, storage, hash_handle(str(held.handle))).is_usable
        assert not storage.read(sa.select(revocations))
    bench = serve(kept, uri, there)
    try:
        assert check(bench, token) == 204
    finally:
        bench.service.close()


def test_the_ledger_tells_of_the_restore(kept_in_a_file: Kept, there: Path) -> None:
    kept = kept_in_a_file
    kept.decide()
    kept.seal()
    kept.back_up_to()
    kept.restore_to(f"sqlite:///{there / 'cookiegate.db'}", there)
    with opened(f"sqlite:///{there / 'cookiegate.db'}", there) as storage:
        (entry,) = storage.entries(kind="restore")
        assert b'"to_confirm":1' in entry.record
        assert b'"nothing_since":false' in entry.record
