"""What went wrong in other consent software, one test per CVE: its root cause, tried here as its attacker did.

Where the cause has no counterpart yet (there is no settings page, no scanner behind HTTP), the attack goes to every
address of the URL map, so that the test fails on the day on which one appears that falls for it.
"""

from __future__ import annotations

import io
import json
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.asking import SAME_ORIGIN, Asker
from support.policies import DEMO, demo_policy
from support.service import AGENT, Bench, make_bench
from werkzeug.test import Client

from cookiegate.errors import PolicyError
from cookiegate.storage.tables_all import metadata
from security.access import TABLE
from security.attacks import FIELDS, HEADERS, broken, everywhere, writing_cells
from security.people import ELSEWHERE, EVIL, ROOM, TWO_SITES, make_owner, roles_of
from security.policy_fields import LINKS, demo_with

QUOTES = (
    "' OR '1'='1",
    "'; DROP TABLE decisions; --",
    "1 UNION SELECT sealed FROM decisions",
    "\\' OR 1=1 -- ",
    "%' --",
)
MARK = "<script>window.hit=1</script>"


def published(bench: Bench) -> list[dict[str, Any]]:
    """Everything that an operator has set."""
    return [
        dict(row)
        for table in ("policies", "notices", "subscribers")
        for row in bench.service.storage.read(sa.select(metadata.tables[table]))
    ]


def tables(bench: Bench) -> set[str]:
    return {row["name"] for row in bench.service.storage.read(sa.text("SELECT name FROM sqlite_master"))}  # type: ignore[arg-type]


def test_cve_2018_19207_no_call_sets_an_option(bench: Bench) -> None:
    before, settings = published(bench), bench.service.settings
    options = dict.fromkeys(FIELDS, "users_can_register") | {"settings": {"rate_limit_writes": "1/minute"}}
    answers = list(everywhere(bench, cells=writing_cells(), body=options))
    answers += everywhere(bench, cells=writing_cells(), form=dict.fromkeys(FIELDS, "administrator"))
    assert not broken(iter(answers))
    assert published(bench) == before
    assert bench.service.settings is settings


def test_cve_2021_4348_no_import_sends_visitors_elsewhere(bench: Bench) -> None:
    widget = Client(bench.front).get("/w/demo.en.js").data
    policy = DEMO.read_text(encoding="utf-8").replace("www.example.jp", "evil.test")
    for file in ("policy.yaml", "settings.json"):
        upload = {name: (io.BytesIO(policy.encode()), file) for name in ("file", "import", "policy")}
        for cell in writing_cells():
            fresh = {name: (io.BytesIO(policy.encode()), label) for name, (_, label) in upload.items()}
            assert not broken(everywhere(bench, cells=[cell], form=fresh))
    assert Client(bench.front).get("/w/demo.en.js").data == widget
    for address in (EVIL, "//evil.test", "/\\evil.test", "javascript:alert(1)", "\thttps://evil.test"):
        asked = dict.fromkeys(FIELDS, address)
        for options in ({"query": asked}, {"query": asked, "form": asked}):
            for cell, answer in everywhere(bench, **options):  # type: ignore[arg-type]
                assert answer.headers.get("Location", "/preferences/demo").startswith("/preferences/demo"), cell


def test_cve_2025_11754_no_answer_holds_a_secret_of_the_service(tmp_path: Path) -> None:
    password = "smtp-password-of-the-operator"
    settings = {"SMTP_URL": f"smtps://shop:{password}@mail.example.jp", "MAIL_FROM": "privacy@example.jp"}
    bench = make_bench(tmp_path, policies=TWO_SITES, **settings, **ROOM)
    owner = make_owner(bench)
    keys = [path.read_bytes() for path in (bench.folder / "keys").rglob("*") if path.is_file()]
    private = {part for key in keys if b'"d"' in key for part in [json.loads(key).get("d", "")] if part}
    secrets_ = {password, owner.handle, owner.asker.code, *private}
    secrets_ |= {value["d"] for key in keys if b'"keys"' in key for value in json.loads(key)["keys"] if "d" in value}
    for cell, answer in everywhere(bench):
        said = answer.text + str(answer.headers)
        assert not [secret for secret in secrets_ if secret in said], cell
    bench.service.close()


def test_cve_2024_11069_nobody_deletes_another_s_record(bench: Bench) -> None:
    owner = make_owner(bench)
    for name, headers in roles_of(owner).items():
        if name in ("owner", "requester"):
            continue
        named = {**dict.fromkeys(FIELDS, owner.decision), "do": "erase", "kind": "deletion", "action": "withdraw"}
        asked = {"query": {"id": owner.decision}, "headers": headers, "arguments": {"reference": owner.asker.reference}}
        for options in ({"body": named}, {"form": named}):
            assert not broken(everywhere(bench, **asked, **options))  # type: ignore[arg-type]
    row = bench.service.storage.decision(owner.decision)
    assert row is not None
    assert not row.is_erased
    assert owner.visitor.send("GET", "/v1/sites/demo/consent").get_json()["state"] == "granted"
    assert owner.asker.state == "received"


NOTHING = ("", " ", "null", "undefined", "None", "0", "true", "*", "%", "[]", "{}", "admin", "A" * 22, "\x01")


def test_cve_2026_4019_a_check_of_permission_says_no_to_nothing(bench: Bench) -> None:
    owner = make_owner(bench)
    guarded = [
        cell
        for cell, access in TABLE.items()
        if (access.everyone in (401, 404) and set(access.sees)) or "subscriber" in access.by_role
    ]
    assert len(guarded) > 8
    for nothing in NOTHING:
        held = {
            "Cookie": f"cg_handle.demo={nothing}; cg_token={nothing}; session={nothing}; admin=1",
            "Authorization": f"Bearer {nothing}",
            "X-Request-Code": nothing,
            "X-Consent-Token": nothing,
            "X-Admin": "true",
        }
        asked = {"cells": guarded, "headers": held, "arguments": {"reference": owner.asker.reference, "rest": "x"}}
        for options in ({}, {"form": {"code": nothing, "receipt": nothing, "admin": "1"}}):
            for cell, answer in everywhere(bench, **asked, **options):  # type: ignore[arg-type]
                assert answer.status_code in (400, 401, 403, 404, 415, 422), (cell, nothing)


@pytest.mark.parametrize("text", QUOTES)
def test_cve_2026_4304_a_consent_parameter_is_no_sql(bench: Bench, text: str) -> None:
    owner, before = make_owner(bench), tables(bench)
    count = bench.count
    digest = bench.service.book.notice("demo", "en").sha256
    for body in (
        {"notice": text, "action": "accept"}, {"notice": digest, "action": text},
        {"notice": digest, "action": "choose", "purposes": {text: True}},
        {"notice": digest, "action": "choose", "acquire": {text: True}},
        {"notice": digest, "action": "accept", "ui": text},
    ):  # fmt: skip
        answer = bench.visitor().post(json.dumps(body).encode())
        assert 400 <= answer.status_code < 500
    answer = bench.visitor().post(json.dumps({"notice": digest, "action": "accept"}).encode(), key=text)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "idempotency_key_invalid")
    assert (bench.count, tables(bench)) == (count, before)
    assert owner.visitor.send("GET", "/v1/sites/demo/consent").get_json()["state"] == "granted"


@pytest.mark.parametrize("text", QUOTES)
def test_cve_2022_44727_a_cookie_value_is_no_sql(bench: Bench, text: str) -> None:
    make_owner(bench)
    before = tables(bench)
    cookies = {"Cookie": f"cg_handle.demo={text}; cg_choice={text}; cg_token={text}"}
    for cell, answer in everywhere(bench, headers=cookies, form={"do": "see"}):
        assert answer.status_code < 500, cell
    consent = Client(bench.front).get("/v1/sites/demo/consent", headers=cookies).get_json()
    assert consent["state"] == "undecided"
    assert tables(bench) == before


@pytest.mark.parametrize("text", QUOTES)
def test_cve_2022_3494_a_language_or_its_text_is_no_sql(bench: Bench, text: str) -> None:
    before = tables(bench)
    assert not broken(
        everywhere(bench, query={"lang": text}, headers={"Accept-Language": text}, arguments={"locale": text})
    )
    bench.publish(demo_with({"texts.banner_title": text, "purposes.2.title": text}))
    notice = bench.visitor().notice("en")
    assert notice["texts"]["banner_title"] == text.strip()
    assert tables(bench) == before


CLIENT_ADDRESS = (
    "X-Forwarded-For",
    "X-Real-IP",
    "Client-IP",
    "X-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "Forwarded",
)


def shown_after(bench: Bench, **headers: str) -> str:
    """Everything that is shown to anybody after a whole visit with these headers."""
    visitor = bench.visitor(headers=headers)
    visitor.decide("accept")
    Asker(bench, visitor).ask("complaint", message="hello", contact={"email": "mori@example.org"})
    visitor.send(
        "POST", "/collect/plausible/api/event?site=demo", data='{"n":"pageview","u":"http://shop.test/","d":"s"}'
    )
    answers = [visitor.send("GET", path, headers=SAME_ORIGIN) for path in (
        "/preferences/demo", "/preferences/demo/record", "/preferences/demo/receipt", "/notice/demo", "/metrics",
        "/v1/sites/demo/record", "/v1/sites/demo/record?format=csv",
    )]  # fmt: skip
    return "".join(answer.text for answer in answers)


@pytest.mark.parametrize("mark", [MARK, '"><img src=x onerror=alert(1)>'])
def test_cve_2024_4869_a_client_address_header_is_shown_nowhere(tmp_path: Path, mark: str) -> None:
    kept = demo_policy()
    bench = make_bench(tmp_path, policies=(kept,), TRUSTED_PROXIES="127.0.0.0/8", **ROOM)
    assert mark not in shown_after(bench, **dict.fromkeys(CLIENT_ADDRESS, mark))
    bench.service.close()


@pytest.mark.parametrize("mark", [f"203.0.113.7, {MARK}", f"{MARK}, 203.0.113.7", f"203.0.113.7{MARK}"])
def test_cve_2024_8397_nothing_of_a_garbled_address_is_kept(tmp_path: Path, mark: str) -> None:
    bench = make_bench(tmp_path, TRUSTED_PROXIES="127.0.0.0/8", **ROOM)
    assert MARK not in shown_after(bench, **dict.fromkeys(CLIENT_ADDRESS, mark))
    bench.service.close()
    for path in bench.folder.rglob("*"):
        assert not path.is_file() or b"window.hit" not in path.read_bytes(), path


def test_cve_2025_10496_no_id_of_a_client_s_making_is_kept(bench: Bench) -> None:
    visitor = bench.visitor()
    digest = visitor.notice()["notice"]
    for name in ("id", "uuid", "sub", "decision", "consent_id", "handle"):
        body = {"notice": digest, "action": "accept", name: MARK}
        assert visitor.post(json.dumps(body).encode()).status_code == 422
    assert visitor.post(json.dumps({"notice": digest, "action": "accept"}).encode(), key=MARK).status_code == 400
    assert bench.count == 0
    told = visitor.decide("accept").get_json()
    assert MARK not in json.dumps(told)


BAD_LINKS = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,x",
    "vbscript:x", "//evil.test/x", "/relative", "file:///etc/passwd", "blob:https://x.test/1", "https:evil", "https://",
    "https://user@www.example.jp/", "https://www.example.jp\\@evil.test/", "https://www.example.jp/ onmouseover=x",
)  # fmt: skip


@pytest.mark.parametrize("link", BAD_LINKS)
def test_cve_2023_3388_a_banner_s_link_is_http_or_none(link: str) -> None:
    for place in LINKS:
        with pytest.raises(PolicyError):
            demo_with({place: link})


def test_cve_2020_12742_every_link_that_is_shown_has_its_scheme(bench: Bench) -> None:
    notice = bench.visitor().notice("en")
    found = [value for value in texts_of(notice) if ":" in value.partition("/")[0] and "//" in value]
    assert len(found) >= 4
    assert all(value.startswith(("https://", "http://")) for value in found)
    assert {"controller.url", "policy_url", "recipients.ad_network.url"} <= set(LINKS)


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)
    elif isinstance(value, str):
        yield value


class Trap:
    """A server on this machine that notes who comes."""

    def __init__(self) -> None:
        visits: list[str] = []

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                visits.append(self.client_address[0])

        self.visits = visits
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def trap() -> Iterator[Trap]:
    trap = Trap()
    yield trap
    trap.close()


def test_cve_2025_12136_no_address_in_a_request_is_fetched(bench: Bench, trap: Trap) -> None:
    url = f"http://{trap.address}/x"
    fields = dict.fromkeys(FIELDS, url)
    headers = dict.fromkeys(HEADERS, url) | {"Host": trap.address, "User-Agent": AGENT}
    for options in (
        {"headers": headers}, {"query": fields}, {"body": fields}, {"form": fields},
        {"query": fields, "headers": headers},
        {"arguments": {"rest": f"@{trap.address}/", "site": trap.address, "entry": url}},
    ):  # fmt: skip
        for _ in everywhere(bench, **options):  # type: ignore[arg-type]
            pass
    assert trap.visits == []


def test_cve_2026_65496_neither_a_token_nor_an_event_leads_the_service_anywhere(tmp_path: Path, trap: Trap) -> None:
    # The one address that is fetched is the operator's own collector; what a visitor sends cannot bend it.
    bench = make_bench(tmp_path, COLLECT_URL="http://127.0.0.1:9", **ROOM)
    visitor = bench.visitor()
    visitor.decide("accept")
    token = str(visitor.cookie("cg_token"))
    place = trap.address
    rests = (
        f"@{place}/api/event",
        f"collect/plausible@{place}/api/event",
        f"/{place}/api/event",
        f"api/event@{place}",
        "../api/event",
    )
    for rest in (*rests, f"http://{place}/api/event", "api/event"):
        body = json.dumps({"n": "pageview", "u": f"http://{place}/", "d": place})
        headers = {"X-Consent-Token": token, "Host": place, "X-Forwarded-Host": place}
        answer = visitor.send("POST", f"/collect/plausible/{rest}", data=body, headers=headers)
        assert answer.status_code in (202, 404, 502)
    for name in ("jku", "x5u", "iss"):
        head = {"alg": "ES256", "kid": f"http://{place}", "typ": "consent+jwt", name: f"http://{place}/jwks.json"}
        from security.token_corpus import b64

        forged = f"{b64(head)}.{token.split('.')[1]}.{token.split('.')[2]}"
        assert (
            visitor.send("GET", "/gate/check?purpose=analytics", headers={"X-Consent-Token": forged}).status_code == 401
        )
        answer = visitor.send("POST", "/preferences/demo/receipt", data={"receipt": forged}, headers=SAME_ORIGIN)
        assert answer.status_code == 422
    assert trap.visits == []
    bench.service.close()


#: Writes that a page elsewhere can cause, because nothing that a browser brings by itself decides about them.
WITHOUT_AMBIENT_AUTHORITY = ("/gate/", "/collect/", "/v1/streams/", "/v1/erasures/")


def test_cve_2022_0445_a_page_elsewhere_cannot_write(bench: Bench) -> None:
    owner = make_owner(bench)
    cells = [cell for cell in writing_cells() if not cell.split(" ")[1].startswith(WITHOUT_AMBIENT_AUTHORITY)]
    assert len(cells) >= 10
    own = roles_of(owner)["owner"]
    for headers in (
        ELSEWHERE,
        {"Origin": "null"},
        {"Origin": EVIL, "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        client = Client(bench.front, use_cookies=False)
        for cell in cells:
            path = everywhere_path(cell, owner.asker.reference)
            given = {"Cookie": own["Cookie"], "User-Agent": AGENT, **headers}
            answer = client.open(path, method="POST", headers=given, data={"do": "erase", "action": "withdraw"})
            assert answer.status_code == 403, (cell, headers)
    assert owner.visitor.send("GET", "/v1/sites/demo/consent").get_json()["state"] == "granted"


def everywhere_path(cell: str, reference: str) -> str:
    from security.addresses import ARGUMENTS, path_of

    return path_of(cell.split(" ", 1)[1], {**ARGUMENTS, "reference": reference})
