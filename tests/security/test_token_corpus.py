"""Hundreds of broken and forged tokens through every carrier of every door: none passes, none breaks anything."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from support.service import Bench
from werkzeug.test import Client, TestResponse

from cookiegate.tokens import base64url
from cookiegate.web.app import create_app
from security.people import OTHER_ORIGIN
from security.token_corpus import ORDER, Forger, Named, b64

GATE_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "gate.md"
CHECK = "/gate/check?purpose=analytics&site=demo"
EVENT = {"n": "pageview", "u": "http://shop.test/", "d": "shop.test"}


def forger_of(bench: Bench) -> Forger:
    good = bench.visitor().decide("accept").get_json()["token"]
    foreign = bench.visitor(site="other", origin=OTHER_ORIGIN).decide("accept").get_json()["token"]
    return Forger(bench, good, foreign)


def in_header(text: str) -> str | None:
    """The text as a header brings it; None for what cannot be in one."""
    sent = text.encode().decode("latin-1")
    return sent if sent.isprintable() or not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", sent) else None


def by_header(client: Client, text: str) -> TestResponse | None:
    sent = in_header(text)
    return None if sent is None else client.open(CHECK, environ_overrides={"HTTP_X_CONSENT_TOKEN": sent})


def by_query(client: Client, text: str) -> TestResponse:
    return client.get(f"{CHECK}&ct={quote(text)}")


def by_original_address(client: Client, text: str) -> TestResponse:
    return client.get(CHECK, headers={"X-Original-URI": f"/i?ct={quote(text)}"})


def by_cookie(client: Client, text: str) -> TestResponse | None:
    sent = in_header(text)
    if ";" in text:  # it would end the cookie's value
        return None
    return None if sent is None else client.open(CHECK, environ_overrides={"HTTP_COOKIE": f"cg_token={sent}"})


def by_event(client: Client, text: str) -> TestResponse:
    body = {"event": "page_view", "consent_token": text}
    return client.post("/gate/strip/plain?purpose=analytics&site=demo", json=body)


def by_batch(client: Client, text: str) -> TestResponse:
    body = [{"event": "page_view", "consent_token": text}, {"event": "click", "consent_token": [text]}]
    return client.post("/gate/strip/plain?purpose=analytics&site=demo", json=body)


def by_collected_event(client: Client, text: str) -> TestResponse:
    body = json.dumps({**EVENT, "p": {"consent_token": text}})
    return client.post("/collect/plausible/api/event?site=demo", data=body, headers={"Content-Type": "text/plain"})


CARRIERS = (by_header, by_query, by_original_address, by_cookie, by_event, by_batch, by_collected_event)


def documented_reasons() -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|", GATE_PAGE.read_text(encoding="utf-8"), re.MULTILINE))


def faults(answer: TestResponse, reasons: set[str]) -> list[str]:
    """What is wrong with a refusal."""
    reason = answer.headers.get("X-Consent-Reason", "nothing")
    found = [] if answer.status_code in (202, 401, 403, 422) else [f"status {answer.status_code}"]
    return found if reason in reasons - {"ok"} else [*found, f"reason {reason}"]


def test_the_corpus_is_large_and_has_no_good_token(bench: Bench) -> None:
    forger = forger_of(bench)
    corpus = forger.corpus()
    assert len(corpus) > 300
    assert len({name for name, _ in corpus}) == len(corpus)
    assert forger.good not in {text for _, text in corpus}


@pytest.mark.parametrize("door", ["front", "flask"])
@pytest.mark.parametrize("carrier", CARRIERS, ids=lambda carrier: carrier.__name__)
def test_no_broken_or_forged_token_passes(bench: Bench, carrier: Any, door: str) -> None:
    forger, reasons = forger_of(bench), documented_reasons()
    corpus: list[Named] = forger.corpus() if door == "front" else forger.corpus()[::5]
    app = bench.front if door == "front" else create_app(bench.service)
    client = Client(app, use_cookies=False)
    good = carrier(client, forger.good)
    assert good is not None
    assert good.headers.get("X-Consent-Reason") in (None, "token_malformed")  # a batch has a second event without one
    assert good.status_code in (200, 202, 204)
    before = collected(bench)
    wrong = {}
    for name, text in corpus:
        answer = carrier(client, text)
        if answer is not None and (found := faults(answer, reasons)):
            wrong[name] = found
    assert not wrong
    assert collected(bench) == before


def collected(bench: Bench) -> int:
    """Bytes of the analytics log."""
    return sum(path.stat().st_size for path in (bench.folder / "collected").rglob("*.jsonl"))


def test_the_other_s_of_a_signature_is_the_same_grant_and_ends_with_it(bench: Bench) -> None:
    # (r, n - s) verifies wherever (r, s) does. It is no forgery: the same claims, and the same withdrawal ends both.
    visitor = bench.visitor()
    good = visitor.decide("accept").get_json()["token"]
    head, body, tail = good.split(".")
    raw = base64url.decode(tail)
    twin = f"{head}.{body}.{b64(raw[:32] + (ORDER - int.from_bytes(raw[32:], 'big')).to_bytes(32, 'big'))}"
    client = Client(bench.front, use_cookies=False)
    answers = [client.get(CHECK, headers={"X-Consent-Token": text}) for text in (good, twin)]
    assert [answer.status_code for answer in answers] == [204, 204]
    assert answers[0].headers["X-Consent-Subject"] == answers[1].headers["X-Consent-Subject"]
    visitor.decide("withdraw")
    for text in (good, twin):
        answer = client.get(CHECK, headers={"X-Consent-Token": text})
        assert (answer.status_code, answer.headers["X-Consent-Reason"]) == (403, "withdrawn")
