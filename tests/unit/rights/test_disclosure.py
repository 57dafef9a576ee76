"""Disclosures: complete, in forms that stay what they are, and safe to open."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from support.policies import ROOT, demo_policy
from support.service import Bench, Visitor, make_bench

from cookiegate.rights.disclosure.csv_form import BYTE_ORDER_MARK, COLUMNS, csv_rows, safe_cell
from cookiegate.rights.disclosure.disclosure import Disclosure
from cookiegate.rights.events.search import EventSearch
from cookiegate.rights.provision.exceptions import ExceptionalProvision, provide_by_exception

SCHEMA = json.loads((ROOT / "docs/reference/disclosure.schema.json").read_text(encoding="utf-8"))
DAY_S = 86_400
VALIDATOR = Draft202012Validator(SCHEMA)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """The demo site's service."""
    bench = make_bench(tmp_path)
    yield bench
    bench.service.close()


def key_of(bench: Bench) -> int:
    """The subject key of the only person."""
    (key,) = {row.key_id for row in bench.service.storage.decisions("demo")}
    return key


def disclose(bench: Bench, locale: str = "en") -> Disclosure:
    """The only person's disclosure."""
    return bench.service.records.disclose("demo", key_of(bench), locale)


def document(disclosure: Disclosure) -> dict[str, Any]:
    """As it is downloaded."""
    read = json.loads(b"".join(disclosure.as_json()))
    VALIDATOR.validate(read)
    return dict(read)


def table(disclosure: Disclosure) -> list[list[str]]:
    """As it is downloaded for a spreadsheet, without its heading."""
    text = b"".join(disclosure.as_csv()).decode()
    assert text.startswith(BYTE_ORDER_MARK)
    rows = list(csv.reader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK))))
    assert rows[0] == list(COLUMNS)
    return rows[1:]


def collect(visitor: Visitor, **event: Any) -> None:
    """An event that the gate lets through."""
    body = {"event": "view", **event, "consent_token": visitor.cookie("cg_token")}
    answer = visitor.send("POST", "/collect/plain/events", data=json.dumps(body), content_type="application/json")
    assert answer.status_code == 204


def test_the_schema_itself_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("locale", ["en", "ja"])
def test_s19_a_disclosure_holds_everything_and_fits_its_published_schema(bench: Bench, locale: str) -> None:
    visitor = bench.visitor()
    visitor.decide("accept")
    collect(visitor, page="/bowls")
    bench.clock.advance(DAY_S)
    visitor.decide("choose", purposes={"analytics": True}, acquire={"browsing": True})
    collect(visitor, page="/cloth")
    bench.service.restriction.restrict("demo", key_of(bench), by="self")
    bench.service.holds.place("demo", reason="docket 7", by="officer", key_id=key_of(bench))
    found = document(disclose(bench, locale))
    rows = bench.service.storage.decisions("demo")
    for item, row in zip(found["decisions"], rows, strict=True):
        assert item.items() >= json.loads(row.record).items()
        assert item["leaf"] == row.leaf.hex()
        assert item["notice_locale"] == "en"
    assert found["subject"]["pseudonym"] == rows[0].sub
    assert found["consent"]["restricted"] is True
    assert [item["kind"] for item in found["entries"]] == ["restriction"]
    assert [item["scope"] for item in found["holds"]] == ["subject"]
    assert "docket" not in json.dumps(found)
    assert [item["revoked_at"] is not None for item in found["tokens"]] == [True, True]
    assert [(item["day"], item["event"]["page"]) for item in found["events"]] == [
        ("2026-11-18", "/bowls"),
        ("2026-11-19", "/cloth"),
    ]
    assert {one["right"] for one in found["rights"]} >= {"erase", "restrict", "portability", "complain", "request"}
    assert found["locale"] == locale


def test_s21_a_disclosure_says_what_data_is_used_for(bench: Bench) -> None:
    bench.visitor().decide("accept")
    found = document(disclose(bench))
    policy = demo_policy()
    assert [one["key"] for one in found["purposes"]] == [one.key for one in policy.purposes]
    for shown, purpose in zip(found["purposes"], policy.purposes, strict=True):
        assert shown["title"] == purpose.title["en"]
        assert shown["legal_basis"] == purpose.legal_basis
        assert shown["retention_days"] == purpose.retention_days
        assert [one["key"] for one in shown["recipients"]] == list(purpose.recipients)
        assert all(one["country"] for one in shown["recipients"])


def test_an_anonymous_refusal_is_disclosed_without_a_person(bench: Bench) -> None:
    bench.visitor().decide("reject")
    found = document(disclose(bench))
    assert (found["subject"]["pseudonym"], found["consent"], found["tokens"], found["events"]) == (None, None, [], [])
    assert [item["action"] for item in found["decisions"]] == ["reject"]


def test_what_was_erased_discloses_that_nothing_is_left(bench: Bench) -> None:
    visitor = bench.visitor()
    visitor.decide("accept")
    collect(visitor)
    key = key_of(bench)
    bench.service.erasure.erase(key, site="demo", by="self")
    found = document(bench.service.records.disclose("demo", key, "en"))
    assert (found["decisions"], found["consent"], found["entries"], found["events"]) == ([], None, [], [])


def test_nothing_of_another_person_is_disclosed(bench: Bench) -> None:
    visitor, other = bench.visitor(), bench.visitor()
    first = visitor.decide("accept").get_json()["decision"]["id"]
    second = other.decide("accept").get_json()["decision"]["id"]
    collect(other, page="/theirs", title=visitor.cookie("cg_handle.demo"))
    key = next(row.key_id for row in bench.service.storage.decisions("demo") if row.id == first)
    text = json.dumps(document(bench.service.records.disclose("demo", key, "en")))
    assert first in text
    assert second not in text
    assert "/theirs" not in text


def test_an_event_that_names_a_person_in_its_text_is_not_theirs(bench: Bench) -> None:
    visitor, other = bench.visitor(), bench.visitor()
    visitor.decide("accept")
    sub = bench.service.storage.decisions("demo")[0].sub
    other.decide("accept")
    collect(other, page=f'/"sub":"{sub}"')
    search = EventSearch(bench.folder / "collected")
    assert list(search.find("demo", str(sub))) == []


def test_a_half_written_line_and_suspended_ones_do_no_harm(bench: Bench) -> None:
    visitor = bench.visitor()
    visitor.decide("accept")
    collect(visitor, page="/whole")
    sub = str(bench.service.storage.decisions("demo")[0].sub)
    log = bench.folder / "collected" / "demo" / "plain.2026-11-18.jsonl"
    line = log.read_bytes()
    (log.parent / "plain.2026-11-18.suspended.jsonl").write_bytes(line)
    log.write_bytes(line + line[: len(line) // 2])
    found = list(EventSearch(bench.folder / "collected").find("demo", sub))
    assert [(event.suspended, json.loads(event.line)["page"]) for event in found] == [
        (False, "/whole"),
        (True, "/whole"),
    ]
    overview = EventSearch(bench.folder / "collected").overview("demo", sub, 10_000)
    assert [(one.tracker, one.count) for one in overview.counts] == [("plain", 2)]
    assert EventSearch(bench.folder / "collected").overview("demo", sub, 10).complete is False


def test_what_was_shown_is_named(bench: Bench) -> None:
    bench.service.widgets.prepare()
    ui = bench.service.surfaces.current("demo", "en", "widget").digest
    bench.visitor().decide("accept", ui=ui)
    (item,) = document(disclose(bench))["decisions"]
    assert item["shown"] == {"sha256": ui, "surface": "widget", "locale": "en"}


def test_provisions_by_exception_are_for_the_desk(bench: Bench) -> None:
    bench.visitor().decide("accept")
    (decision,) = bench.service.storage.decisions("demo")
    exceptional = ExceptionalProvision("law", "warrant 5", "Tokyo District Court", "JP", ("device",), "officer")
    provide_by_exception(bench.service.provisions, exceptional, decision, bench.clock.now_ms())
    assert "warrant" not in json.dumps(document(disclose(bench)))
    desk = bench.service.records.disclose("demo", key_of(bench), "en", with_exceptions=True)
    (provided,) = document(desk)["provisions"]
    assert (provided["ground"], provided["reason"]) == ("law", "warrant 5")
    assert "by" not in provided


@pytest.mark.parametrize(
    ("actions", "record", "days"),
    [
        (["reject"], "refusal", 365),
        (["accept"], "consent", 180 + 1095),
        (["accept", "withdraw"], "consent", 1095),
    ],
)
def test_s17_the_time_of_disposal_that_is_told_is_the_one_that_is_kept(
    bench: Bench, actions: list[str], record: str, days: int
) -> None:
    visitor = bench.visitor()
    for action in actions:
        visitor.decide(action)
        bench.clock.advance(1)
    part = document(disclose(bench))["retention"][0]
    assert (part["section"], part["record"], part["days"]) == ("decisions", record, days)
    decided_at_ms = bench.service.storage.decisions("demo")[-1].decided_at_ms
    bench.clock.at_ms = decided_at_ms + days * DAY_S * 1000 - 1000
    bench.service.retention.purge()
    assert not bench.service.storage.decisions("demo")[-1].is_erased
    bench.clock.advance(2)
    bench.service.retention.purge()
    assert bench.service.storage.decisions("demo")[-1].is_erased


def test_an_operator_s_own_collector_is_named_as_a_place_that_this_service_cannot_search(tmp_path: Path) -> None:
    bench = make_bench(tmp_path / "own", COLLECT_URL="http://127.0.0.1:9/")
    bench.visitor().decide("accept")
    assert {"section": "events", "source": "browser", "kept_here": False} in document(disclose(bench))["sources"]
    bench.service.close()


def test_the_table_says_the_same_as_the_document(bench: Bench) -> None:
    visitor = bench.visitor()
    visitor.decide("accept")
    collect(visitor, page="/bowls")
    disclosure = disclose(bench, "ja")
    found, rows = document(disclosure), table(disclosure)
    decision, prefix = found["decisions"][0], ["decisions/1", found["decisions"][0]["decided_at"]]
    assert [*prefix, "action", "accept"] in rows
    assert [*prefix, "device.browser", decision["device"]["browser"]] in rows
    assert [*prefix, "purposes.analytics", "true"] in rows
    assert ["events/1", "2026-11-18", "event.page", "/bowls"] in rows
    assert ["purposes/2", "", "title", found["purposes"][1]["title"]] in rows
    assert {row[0].partition("/")[0] for row in rows} >= {name for name in SCHEMA["required"] if found[name]}


DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1+1", "＠x", '=HYPERLINK("http://evil")', "\n@x"]


@pytest.mark.parametrize("text", DANGEROUS)
def test_no_cell_is_taken_for_a_formula(text: str) -> None:
    assert safe_cell(text).startswith("'")
    *_, row = b"".join(csv_rows({}, [{"day": "2026-11-18", "event": {text: text}}])).decode().splitlines()
    assert all(not cell.lstrip().startswith(tuple("=+-@＝＋－＠")) for cell in next(csv.reader([row])))


@settings(max_examples=200, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=8))  # fmt: skip
def test_any_event_becomes_rows_of_four_cells(event: Any) -> None:
    text = b"".join(csv_rows({}, [{"day": "2026-11-18", "event": event}])).decode()
    for row in csv.reader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline="")):
        assert len(row) == len(COLUMNS)
        assert all(cell.isprintable() for cell in row)


def test_a_large_log_is_read_line_by_line(bench: Bench) -> None:
    visitor = bench.visitor()
    visitor.decide("accept")
    collect(visitor, page="/bowls")
    log = bench.folder / "collected" / "demo" / "plain.2026-11-18.jsonl"
    line = log.read_bytes()
    log.write_bytes(line * 20_000)
    chunks = disclose(bench).as_json()
    largest = max(len(chunk) for chunk in chunks)
    assert largest < 100_000
    assert sum(1 for _ in disclose(bench).events()) == 20_000


def test_members_of_the_notice_that_are_not_there_yet_are_left_empty(bench: Bench) -> None:
    recipients = {key: replace(one, url=None) for key, one in demo_policy().recipients.items()}
    bench.publish(replace(demo_policy(), recipients=recipients))
    bench.visitor().decide("accept")
    assert all(one["url"] is None for purpose in document(disclose(bench))["purposes"] for one in purpose["recipients"])
    assert msgspec.json.decode(b"".join(disclose(bench).as_json()))["format"] == "cookiegate-disclosure"
