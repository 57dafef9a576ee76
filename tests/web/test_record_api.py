"""``/v1/sites/<site>/record``: the same for programs of the site's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from record_material import API, collect, decided
from support.policies import ORIGIN
from support.service import Bench, Visitor, make_bench
from test_record import corrupt
from werkzeug.test import TestResponse

from cookiegate.errors import RateLimitedError
from cookiegate.web.records import Records


def send(visitor: Visitor, path: str = "", body: dict[str, Any] | None = None) -> TestResponse:
    """A POST with a JSON body, or without any."""
    options: dict[str, Any] = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
    return visitor.send("POST", API + path, **options)


def test_s19_the_holder_of_the_handle_reads_the_record(bench: Bench, visitor: Visitor) -> None:
    decided(visitor)
    collect(bench, visitor)
    answer = visitor.send("GET", API, query_string={"lang": "ja"})
    found = answer.get_json()
    assert (found["format"], found["locale"], len(found["decisions"]), len(found["events"])) == (
        "cookiegate-disclosure", "ja", 1, 1,
    )  # fmt: skip
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "RateLimit" in answer.headers


def test_a_table_is_given_when_it_is_asked_for(visitor: Visitor) -> None:
    decided(visitor)
    answer = visitor.send("GET", API, query_string={"format": "csv"})
    assert answer.mimetype == "text/csv"
    assert answer.text.startswith("\ufeffsection,time,name,value\r\n")
    assert visitor.send("GET", API, query_string={"format": "xml"}).status_code == 422


def test_a_receipt_reads_the_record_from_anywhere(bench: Bench, visitor: Visitor) -> None:
    receipt = decided(visitor)
    answer = send(bench.visitor(), body={"receipt": receipt})
    assert [item["action"] for item in answer.get_json()["decisions"]] == ["accept"]


def test_a_post_without_a_receipt_is_for_the_handle(visitor: Visitor) -> None:
    decided(visitor)
    for body in (None, {}, {"receipt": None}):
        assert send(visitor, body=body).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_holds_nothing_reads_nothing(bench: Bench, method: str) -> None:
    answer = bench.visitor().send(method, API)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "consent_missing")


def test_a_receipt_that_proves_nothing_is_refused(bench: Bench, visitor: Visitor) -> None:
    receipt = decided(visitor)
    for bad in ("", "x", corrupt(receipt), receipt[:-2]):
        for path in ("", "/erase", "/restrict"):
            answer = send(visitor, path, {"receipt": bad})
            assert (answer.status_code, answer.get_json()["code"]) == (422, "receipt_invalid")
    assert not bench.service.storage.decisions("demo")[0].is_erased


@pytest.mark.parametrize("body", [{"receipt": 5}, {"receipt": "x", "other": 1}, {"receipt": "x" * 300_000}])
def test_a_body_that_does_not_fit_is_refused(visitor: Visitor, body: dict[str, Any]) -> None:
    assert send(visitor, body=body).status_code == 422


def test_s24_restricting_and_lifting(bench: Bench, visitor: Visitor) -> None:
    decided(visitor)
    assert send(visitor, "/restrict").get_json() == {"site": "demo", "restricted": True}
    assert visitor.send("GET", "/v1/sites/demo/consent").get_json()["restricted"] is True
    assert send(visitor, "/lift").get_json() == {"site": "demo", "restricted": False}
    assert visitor.send("GET", "/v1/sites/demo/consent").get_json()["restricted"] is False


def test_s23_erasing_answers_with_the_entry_that_proves_it(bench: Bench, visitor: Visitor) -> None:
    receipt = decided(visitor)
    answer = send(visitor, "/erase")
    done = answer.get_json()
    assert (done["erased"], done["decisions"]) == (True, 1)
    assert done["proof"] == f"http://127.0.0.1:8000/ledger/proof/{done['entry']}"
    assert visitor.cookie("cg_handle.demo") is None
    assert visitor.cookie("cg_choice") is None
    again = send(bench.visitor(), "/erase", {"receipt": receipt})
    assert again.get_json() == done
    gone = send(bench.visitor(), body={"receipt": receipt})
    assert (gone.status_code, gone.get_json()["code"], gone.get_json()["entry"]) == (
        410,
        "record_erased",
        done["entry"],
    )
    assert send(bench.visitor(), "/lift", {"receipt": receipt}).status_code == 410
    assert send(bench.visitor(), "?format=xml", {"receipt": receipt}).status_code == 422


def test_a_hold_answers_with_its_ground(bench: Bench, visitor: Visitor) -> None:
    decided(visitor)
    bench.service.holds.place("demo", reason="docket 1", by="officer")
    answer = send(visitor, "/erase")
    assert answer.get_json()["ground"] == "legal_claims"
    assert answer.status_code == 409
    assert visitor.cookie("cg_handle.demo")


def test_an_anonymous_refusal_cannot_be_restricted(bench: Bench, visitor: Visitor) -> None:
    receipt = decided(visitor, "reject")
    assert send(visitor, "/restrict", {"receipt": receipt}).status_code == 404


@pytest.mark.parametrize("path", ["", "/erase", "/restrict", "/lift"])
def test_another_origin_can_do_nothing(bench: Bench, visitor: Visitor, path: str) -> None:
    decided(visitor)
    visitor.origin = "http://evil.test"
    answer = send(visitor, path)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Access-Control-Allow-Origin" not in visitor.send("GET", API).headers


def test_a_listed_origin_may_ask_beforehand(visitor: Visitor) -> None:
    for path, methods in (("", "GET, POST"), ("/erase", "POST")):
        answer = visitor.send("OPTIONS", API + path)
        assert answer.status_code == 204
        assert answer.headers["Access-Control-Allow-Methods"] == methods


def test_other_acts_and_methods_are_refused(visitor: Visitor) -> None:
    decided(visitor)
    assert send(visitor, "/publish").status_code == 404
    assert visitor.send("DELETE", API).status_code == 405
    assert visitor.send("GET", f"{API}/erase").status_code == 405


def test_a_head_reads_nothing_and_keeps_no_place(bench: Bench, visitor: Visitor) -> None:
    decided(visitor)
    for _ in range(20):
        answer = visitor.send("HEAD", API)
        assert (answer.status_code, answer.data) == (200, b"")
    assert visitor.send("GET", API).status_code == 200


def test_only_a_few_disclosures_are_written_at_a_time(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, THREADS="8")
    visitor = bench.visitor()
    decided(visitor)
    records: Records = bench.service.records
    disclosure = records.disclose("demo", bench.service.storage.decisions("demo")[0].key_id, "en")
    slow = [records.download(disclosure, "json") for _ in range(2)]
    answer = visitor.send("GET", API)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
    with pytest.raises(RateLimitedError):
        records.download(disclosure, "csv")
    slow.pop().stream.close()  # type: ignore[union-attr]
    assert visitor.send("GET", API).status_code == 200
    assert b"".join(slow.pop().stream or ())
    assert [visitor.send("GET", API).status_code for _ in range(3)] == [200] * 3
    bench.service.close()
