"""The same texts in what is no page: mails, the feed, tables, JSON, headers. Markup stays text, lines stay lines."""

from __future__ import annotations

import csv
import io
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from marshmallow import ValidationError
from support.asking import Asker, delivered
from support.mailing import MailServer
from support.service import Bench, make_bench

from cookiegate.errors import PolicyError
from security.people import ROOM
from security.policy_fields import SHAPED, demo_with
from security.xss import PAYLOADS, policy_texts

LINES = (
    "Win\r\nBcc: all@example.org",
    "Win\nSubject: other",
    "Win\r\n\r\n<b>body</b>",
    "Win\u2028Bcc: a@b.test",
    "Win\x0bTo: a",
)


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Bench]:
    """A service of a policy whose every text is an attack."""
    bench = make_bench(tmp_path, policies=(demo_with(policy_texts(0)),), **ROOM)
    bench.publish(demo_with(policy_texts(11)))
    yield bench
    bench.service.close()


def test_xss_in_what_has_a_form_is_refused() -> None:
    """Words, keys, hosts, colours, addresses: no payload has the form, and a document with one is no policy."""
    for number, leaf in enumerate({leaf.contract: leaf for leaf in SHAPED}.values()):
        with pytest.raises(PolicyError) as refused:
            demo_with({leaf.path: PAYLOADS[number % len(PAYLOADS)]})
        faults = refused.value.evidence["faults"]
        assert [fault.path for fault in faults if leaf.way[0] in fault.path], leaf.path
        for payload in PAYLOADS if leaf.path != "authoritative_locale" else ():  # which is one of the locales
            with pytest.raises(ValidationError):
                leaf.field.deserialize(payload)


def test_xss_in_mails_they_are_text_alone_and_go_to_one_person(hostile: Bench) -> None:
    server = MailServer().start()
    for number, payload in enumerate((*PAYLOADS[:6], *LINES)):
        asker = Asker(hostile, hostile.visitor())
        contact = {
            "email": f"mori{number}@example.org",
            "name": "".join(char for char in payload if char.isprintable()),
        }
        words = "".join(char for char in payload if char.isprintable() or char == "\n")
        assert asker.ask("complaint", message=words, contact=contact, locale="en").status_code == 201
    mails = delivered(hostile, server)
    server.stop()
    assert len(mails) >= len(PAYLOADS[:6])
    for mail in mails:
        assert mail.get_content_type() == "text/plain"
        assert not mail.is_multipart()
        assert len(mail.get_all("To", [])) == len(mail.get_all("Subject", [])) == len(mail.get_all("From", [])) == 1
        assert not {"Bcc", "Cc", "Reply-To"} & set(mail.keys())
        assert str(mail["To"]).endswith("@example.org")
        assert "\n" not in str(mail["Subject"])
        for payload in PAYLOADS[:6]:  # what a stranger wrote is repeated to nobody
            assert f"\n{payload}\n" not in mail.get_content() or payload in json.dumps(
                policy_texts(11), ensure_ascii=False
            )


@pytest.mark.parametrize("line", LINES, ids=ascii)
def test_xss_in_mails_no_line_of_an_address_becomes_a_header(hostile: Bench, line: str) -> None:
    asker = Asker(hostile, hostile.visitor())
    for contact in (
        {"email": f"a@example.org{line}"},
        {"email": f"{line}@example.org"},
        {"email": "a@example.org", "name": line},
    ):
        answer = asker.ask("complaint", message="hello", contact=contact)
        assert (answer.status_code, answer.get_json()["code"]) == (422, "input_invalid")


def test_xss_in_the_feed_is_escaped(hostile: Bench) -> None:
    for lang in ("en", "ja"):
        answer = hostile.visitor().send("GET", f"/notice/demo/changes.atom?lang={lang}")
        assert answer.mimetype == "application/atom+xml"
        root = ElementTree.fromstring(answer.data)
        assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
            "feed", "id", "title", "updated", "link", "author", "name", "entry", "content", "summary", "published",
            "rights",
        }  # fmt: skip
        for element in root.iter():
            if element.get("type") in ("html", "xhtml"):  # a reader shows that as markup, so it is escaped once more
                assert "<script" not in (element.text or "")


def test_xss_in_answers_no_payload_is_served_as_a_page(hostile: Bench) -> None:
    visitor = hostile.visitor()
    visitor.decide("accept")
    for payload in PAYLOADS:
        event = {"n": payload, "u": payload, "d": payload}
        visitor.send(
            "POST",
            "/collect/plausible/api/event?site=demo",
            data=json.dumps(event),
            headers={"Content-Type": "text/plain"},
        )
    for path in (
        "/v1/sites/demo/notice?lang=en", "/v1/sites/demo/consent", "/v1/sites/demo/record",
        "/v1/sites/demo/record?format=csv",
        "/preferences/demo/receipt.json", "/preferences/demo/theme.css", "/w/demo.en.js", "/w/demo.en.json",
        "/w/demo.headless.en.js", "/notice/demo/changes.atom",
        "/openapi.json",
        "/v1/sites/<script>alert(1)</script>/consent", "/ledger/proof/<script>alert(1)</script>", "/w/<img src=x>.js",
    ):  # fmt: skip
        answer = visitor.send("GET", path)
        assert answer.mimetype != "text/html", path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"], path
    for path in ("/v1/sites/demo/record", "/v1/sites/demo/record?format=csv", "/preferences/demo/receipt.json"):
        assert visitor.send("GET", path).headers["Content-Disposition"].startswith("attachment; "), path


def test_xss_in_the_table_every_cell_is_text(hostile: Bench) -> None:
    visitor = hostile.visitor()
    visitor.decide("accept")
    text = visitor.send("GET", "/v1/sites/demo/record?format=csv&lang=en").data.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert {len(row) for row in rows} == {4}
    assert any("window.hit" in row[3] for row in rows)
    assert not [cell for row in rows for cell in row if cell.lstrip().startswith(("=", "+", "@", "＝"))]
    assert not [cell for row in rows for cell in row if "\n" in cell or "\r" in cell]


def free_strings(schema: Any, spec: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths to the texts of a body that are bound to no form, from the API's own description."""
    if "$ref" in schema:
        schema = spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for part in schema.get("anyOf", schema.get("allOf", ())):
        yield from free_strings(part, spec, path)
    kinds = schema.get("type", [])
    if "string" in ([kinds] if isinstance(kinds, str) else kinds) and not {"enum", "pattern"} & set(schema):
        yield path
    for name, part in schema.get("properties", {}).items():
        yield from free_strings(part, spec, (*path, name))


def test_xss_of_visitors_every_text_of_every_body_is_taken_as_text_or_not_at_all(hostile: Bench) -> None:
    visitor = hostile.visitor()
    spec = visitor.send("GET", "/openapi.json").get_json()
    tried = 0
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
                for way in set(free_strings(content.get("schema", {}), spec)) - {()}:
                    for payload in PAYLOADS[::5]:
                        tried += 1
                        answer = send(visitor, method, path, media_type, way, payload)
                        assert answer.status_code < 500, (path, way)
                        if answer.mimetype == "text/html":
                            assert payload not in answer.text or not payload.startswith("<"), (path, way)
                        else:
                            assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert tried > 80


def send(visitor: Any, method: str, path: str, media_type: str, way: tuple[str, ...], payload: str) -> Any:
    """One request with one hostile text in a body that is good otherwise."""
    address = path.replace("{site}", "demo").replace("{reference}", "R-7K3M-9QXT").replace("{act}", "restrict")
    address = address.replace("{stream}", "erase").replace("{tracker}", "plain").replace("{rest}", "x")
    headers = {"Idempotency-Key": secrets.token_urlsafe(24), "Sec-Fetch-Site": "same-origin"}
    body: dict[str, Any] = {"kind": "complaint", "message": "hello", "residence": "jp"} if "request" in path else {}
    place = body
    for name in way[:-1]:
        place = place.setdefault(name, {"name": "agent", "authority": "parent"} if name == "agent" else {})
    place[way[-1]] = payload
    if media_type == "application/json":
        return visitor.send(method.upper(), address, json=body, headers=headers)
    return visitor.send(method.upper(), address, data={**body, "key": "k" * 24}, headers=headers)
