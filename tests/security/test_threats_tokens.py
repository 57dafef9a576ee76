"""Threats against consent and its tokens: forged consent, replay, stale lists and bombs, clocks, leaked keys."""

from __future__ import annotations

import json
import re
import stat
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.live import ServiceProcess
from support.policies import demo_policy
from support.service import Bench, make_bench
from werkzeug.test import Client

from cookiegate.errors import KeyFileError
from cookiegate.gate import StatusBook, Verifier
from cookiegate.settings import read_settings
from cookiegate.tokens import base64url
from cookiegate.tokens.jws import PublicKeys
from cookiegate.tokens.keys import KeyRing
from cookiegate.tokens.signing import SigningKey, sign_jws
from cookiegate.tokens.statuslist import STATUS_LIST_TYPE
from cookiegate.web.service import open_service
from security.outside import accept, command, fetch, make_process
from security.outside import reason as outside_reason
from security.people import OTHER_ORIGIN, ROOM
from security.token_corpus import b64

CHECK = "/gate/check?purpose=analytics"
HOUR_S = 3600


def reason(bench: Bench, token: str, site: str = "demo") -> str:
    """What the gate of a site says of a token; ``ok`` when it passes."""
    answer = Client(bench.front, use_cookies=False).get(f"{CHECK}&site={site}", headers={"X-Consent-Token": token})
    return "ok" if answer.status_code == 204 else answer.headers["X-Consent-Reason"]


def token_of(bench: Bench, **options: Any) -> str:
    return str(bench.visitor(**options).decide("accept").get_json()["token"])


def test_forged_consent_no_field_of_a_visitor_is_believed(bench: Bench) -> None:
    visitor = bench.visitor()
    digest = visitor.notice()["notice"]
    for name, value in {
        "decided_at": "2020-01-01T00:00:00Z", "policy_version": 99, "site": "other", "sub": "s" * 22, "id": "0" * 36,
        "handle": "h" * 22, "granted": True, "token": "x", "device": {}, "leaf": "0" * 64, "state": "granted",
    }.items():  # fmt: skip
        answer = visitor.post(json.dumps({"notice": digest, "action": "accept", name: value}).encode())
        assert answer.status_code == 422, name
    headers = {"Date": "Wed, 01 Jan 2020 00:00:00 GMT", "X-Policy-Version": "99", "X-Consent-Subject": "s" * 22}
    told = visitor.post(json.dumps({"notice": digest, "action": "accept"}).encode(), **headers).get_json()
    assert told["decision"]["decided_at"] == bench.service.now_text()
    assert told["decision"]["policy_version"] == 1
    stranger = bench.visitor()
    for handle in ("h" * 22, told["decision"]["id"], "s" * 22):
        stranger.client.set_cookie("cg_handle.demo", handle)
        stranger.client.set_cookie("cg_choice", "granted.1.20261118.1.security+analytics.device")
        assert stranger.send("GET", "/v1/sites/demo/consent").get_json()["state"] != "granted"
        assert stranger.send("POST", "/v1/sites/demo/token").status_code == 404


def test_forged_consent_a_notice_that_is_not_the_current_one_grants_nothing(bench: Bench) -> None:
    visitor = bench.visitor()
    for digest in ("0" * 64, bench.service.book.notice("other", "en").sha256):
        answer = visitor.decide("accept", notice=digest)
        assert (answer.status_code, answer.get_json()["code"]) == (409, "notice_stale")
    assert bench.count == 0


def test_token_replay_no_site_takes_another_s_token(tmp_path: Path) -> None:
    sites = ["demo", "demo2", "shop", "shop-demo"]
    bench = make_bench(
        tmp_path, policies=tuple(demo_policy(site=site, origins=(f"http://{site}.test",)) for site in sites), **ROOM
    )
    tokens = {site: token_of(bench, site=site, origin=f"http://{site}.test") for site in sites}
    subjects = {json.loads(_payload(token))["sub"] for token in tokens.values()}
    assert len(subjects) == len(sites)
    for mine in sites:
        for other in sites:
            assert reason(bench, tokens[other], mine) == ("ok" if mine == other else "audience_mismatch")
    bench.clock.advance(15 * 60 + 3)
    assert {reason(bench, tokens[site], site) for site in sites} == {"token_expired"}
    bench.service.close()


def _payload(token: str) -> bytes:
    return base64url.decode(token.split(".")[1])


def test_token_replay_one_visitor_has_another_name_on_every_site(bench: Bench) -> None:
    subjects = [
        json.loads(_payload(token_of(bench, site=site, origin=origin)))["sub"]
        for site, origin in (("demo", "http://shop.test"), ("other", OTHER_ORIGIN))
    ]
    assert subjects[0] != subjects[1]


def status_list(bench: Bench) -> str:
    return Client(bench.front).get("/status/1").text


def verifier_of(bench: Bench, book: StatusBook) -> Verifier:
    jwks = Client(bench.front).get("/.well-known/jwks.json").get_json()
    return Verifier(jwks, audience="demo", issuer=bench.service.settings.base_url, status=book, clock=bench.clock)


def book_of(bench: Bench) -> tuple[StatusBook, PublicKeys]:
    return StatusBook(clock=bench.clock), PublicKeys(Client(bench.front).get("/.well-known/jwks.json").get_json())


def test_status_list_stale_a_verifier_outside_denies(bench: Bench) -> None:
    token = token_of(bench)
    book, keys = book_of(bench)
    verifier = verifier_of(bench, book)
    assert verifier.verify(token).reason == "status_unavailable"  # none was fetched yet
    book.load(status_list(bench), keys)
    assert verifier.verify(token).ok
    bench.clock.advance(2 * HOUR_S)
    fresh = token_of(bench)
    assert verifier.verify(fresh).reason == "status_unavailable"  # the list has expired, so it says nothing
    book.load(status_list(bench), keys)
    assert verifier.verify(fresh).ok


def test_status_list_stale_a_withdrawal_is_in_the_next_list(bench: Bench) -> None:
    visitor = bench.visitor()
    token = str(visitor.decide("accept").get_json()["token"])
    book, keys = book_of(bench)
    visitor.decide("withdraw")
    assert reason(bench, token) == "withdrawn"
    book.load(status_list(bench), keys)
    assert verifier_of(bench, book).verify(token).reason == "withdrawn"


def bomb(megabytes: int) -> bytes:
    """A zlib stream of so many zeros, packed once and repeated."""
    block, check = bytes(1_048_576), 1
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(megabytes):
        check = zlib.adler32(block, check)
    return b"\x78\xda" + packed * megabytes + b"\x03\x00" + check.to_bytes(4, "big")


def test_status_list_bomb_of_a_gigabyte_is_refused_in_bounded_memory(bench: Bench) -> None:
    book, keys = book_of(bench)
    key = bench.service.keyring.active
    payload = {
        "sub": f"{bench.service.settings.base_url}/status/1",
        "iat": bench.clock.now_ms() // 1000,
        "exp": bench.clock.now_ms() // 1000 + HOUR_S,
        "status_list": {"bits": 1, "lst": b64(bomb(1024))},
    }
    text = sign_jws(SigningKey(key.kid, key.key), STATUS_LIST_TYPE, payload)
    assert len(text) < 2_000_000
    tracemalloc.start()
    with pytest.raises(Exception, match="not a status list"):
        book.load(text, keys)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50 * 1_048_576
    assert verifier_of(bench, book).verify(token_of(bench)).reason == "status_unavailable"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip"])
def test_status_list_bomb_as_a_packed_event_is_refused_too(bench: Bench, encoding: str) -> None:
    token = token_of(bench)
    packed = zlib.compress(bytes(200 * 1_048_576), 9)
    headers = {"X-Consent-Token": token, "Content-Type": "application/json", "Content-Encoding": encoding}
    tracemalloc.start()
    answers = [
        Client(bench.front).post(path, data=packed, headers=headers)
        for path in ("/collect/plausible/api/event?site=demo", "/gate/strip/plain?purpose=analytics&site=demo")
    ]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50 * 1_048_576
    assert all(
        answer.headers["X-Consent-Reason"] in ("event_malformed", "body_too_large", "encoding_unknown")
        for answer in answers
    )


def test_clock_skew_of_an_hour_neither_revives_nor_kills(bench: Bench) -> None:
    visitor = bench.visitor()
    first = str(visitor.decide("accept").get_json()["token"])
    for ahead_s in (HOUR_S, -HOUR_S):  # a verifier whose clock is off by an hour denies; it never passes what is over
        bench.clock.advance(ahead_s)
        assert reason(bench, first) == ("token_expired" if ahead_s > 0 else "ok")
    bench.clock.advance(-HOUR_S)
    assert reason(bench, first) == "token_not_yet_valid"
    answer = visitor.decide("withdraw")  # the clock was set back: the order is that of epochs, not of times
    assert answer.status_code == 201
    bench.clock.advance(HOUR_S)
    assert reason(bench, first) == "withdrawn"
    second = visitor.decide("accept").get_json()
    assert reason(bench, second["token"]) == "ok"
    assert reason(bench, first) in ("withdrawn", "epoch_stale")


def test_key_leak_a_key_that_others_can_read_stops_the_start(tmp_path: Path) -> None:
    make_bench(tmp_path).service.close()
    files = [path for path in (tmp_path / "keys").rglob("*") if path.is_file() and path.stat().st_size]
    assert len(files) > 2
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for path in files:
        for mode in (0o640, 0o604, 0o644):
            path.chmod(mode)
            with pytest.raises(KeyFileError, match=re.escape(path.name)):
                open_service(read_settings({}, data_dir=tmp_path))
            path.chmod(0o600)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ServiceProcess]:
    """A real service."""
    with make_process(tmp_path) as process:
        yield process


def until(condition: Callable[[], bool]) -> None:
    """Waits until a running service has taken something over."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        threading.Event().wait(0.05)


def test_key_leak_rotation_drill(process: ServiceProcess) -> None:
    leaked = KeyRing.open(process.folder / "data").active
    before = accept(process).token
    command(process, "keys", "rotate", "--now")
    until(lambda: json.loads(_header(accept(process).token))["kid"] != leaked.kid)
    after = accept(process).token
    assert (outside_reason(process, before), outside_reason(process, after)) == ("ok", "ok")  # nobody is refused
    command(process, "keys", "disable", "--now", leaked.kid)
    forged = sign_jws(leaked, "consent+jwt", _payload(after))
    until(lambda: outside_reason(process, before) == "key_unknown")
    assert outside_reason(process, forged) == "key_unknown"  # whoever has the leaked key has nothing
    assert outside_reason(process, after) == "ok"
    assert leaked.kid not in fetch(f"{process.base_url}/.well-known/jwks.json").body.decode()


def test_key_leak_no_key_is_printed_or_logged(process: ServiceProcess) -> None:
    accept(process)
    said = (
        command(process, "keys", "list")
        + command(process, "keys", "rotate", "--now")
        + command(process, "keys", "list")
    )
    process.stop()
    said += process.log.read_text(errors="replace")
    secrets_ = [secret for path in (process.folder / "data" / "keys").rglob("*") for secret in _secrets(path)]
    assert len(secrets_) > 2
    assert not [secret for secret in secrets_ if secret in said]


def _secrets(path: Path) -> list[str]:
    content = path.read_bytes() if path.is_file() else b""
    try:
        document = json.loads(content)
    except ValueError:
        return [content.hex(), b64(content)] if content else []
    return [document["d"]] if "d" in document else []


def _header(token: str) -> bytes:
    return base64url.decode(token.split(".", maxsplit=1)[0])
