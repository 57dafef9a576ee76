"""A receipt that somebody brings is believed only as far as the service signed it."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.service import Bench, Visitor

from cookiegate.clock import SystemClock
from cookiegate.errors import ReceiptInvalidError
from cookiegate.ledger.receipt_reading import RECEIPT_LIMIT_CHARS, download_document, read_receipt
from cookiegate.ledger.receipts import RECEIPT_TYPE
from cookiegate.tokens import base64url
from cookiegate.tokens.jws import PublicKeys
from cookiegate.tokens.keys import KeyRing
from cookiegate.tokens.signing import sign_jws
from receipts.material import as_graph, newest, payload, take


def keys_of(bench: Bench) -> PublicKeys:
    return PublicKeys(bench.service.keyring.jwks())


def reason(text: str, keys: PublicKeys) -> str:
    with pytest.raises(ReceiptInvalidError) as caught:
        read_receipt(text, keys)
    assert caught.value.code == "receipt_invalid"
    assert caught.value.detail
    return str(caught.value.evidence["reason"])


@pytest.fixture
def receipt(visitor: Visitor) -> str:
    """Of a full yes."""
    return take(visitor, "accept", "en")


def test_a_receipt_reads_back_as_the_row_it_was_made_from(receipt: str, bench: Bench) -> None:
    row, read = newest(bench, "demo"), read_receipt(receipt, keys_of(bench))
    assert (read.decision_id, read.site, read.record) == (row.id, "demo", row.record)
    assert (read.salt, read.leaf, read.text) == (row.salt, row.leaf, receipt)
    assert read.key_id == bench.service.keyring.active.kid


def test_the_downloaded_file_reads_back_and_needs_no_network(receipt: str, bench: Bench) -> None:
    document = download_document(read_receipt(receipt, keys_of(bench)))
    assert isinstance(document["@context"], dict)
    for text in (
        json.dumps(document),
        json.dumps(document, indent=2, ensure_ascii=False),
        "\ufeff" + json.dumps(document),
    ):
        assert read_receipt(text, keys_of(bench)).text == receipt
    inlined = {name: value for name, value in document.items() if name != "jws"}
    assert set(as_graph(inlined).predicates()) == set(as_graph(payload(receipt)).predicates())
    assert len(as_graph(inlined)) == len(as_graph(payload(receipt)))


def test_the_documented_check_needs_nothing_of_ours(
    receipt: str, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = download_document(read_receipt(receipt, keys_of(bench)))
    (tmp_path / "receipt.json").write_text(json.dumps(document), encoding="utf-8")
    (tmp_path / "jwks.json").write_text(json.dumps(bench.service.keyring.jwks()), encoding="utf-8")
    page = (Path(__file__).parents[2] / "docs" / "reference" / "receipts.md").read_text(encoding="utf-8")
    steps = [textwrap.dedent(code) for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL)]
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for step in steps:
        assert "cookiegate" not in step
        exec(step, names)
    assert names["document"]["jti"] == newest(bench, "demo").id


def test_a_receipt_that_a_mail_program_folded_still_reads(receipt: str, bench: Bench) -> None:
    folded = "\r\n ".join(receipt[start : start + 72] for start in range(0, len(receipt), 72))
    assert read_receipt(f"\n{folded}\n", keys_of(bench)).text == receipt


def test_a_receipt_of_the_former_version_still_reads(bench: Bench, visitor: Visitor) -> None:
    take(visitor, "accept", "en")
    row = newest(bench, "demo")
    claims = {
        "iss": "http://127.0.0.1:8000",
        "iat": row.decided_at_ms // 1000,
        "jti": row.id,
        "record": json.loads(row.record),
        "salt": base64url.encode(row.salt),
        "leaf": row.leaf.hex(),
    }
    former = sign_jws(bench.service.keyring.active, RECEIPT_TYPE, claims)
    read = read_receipt(former, keys_of(bench))
    assert (read.decision_id, read.record) == (row.id, row.record)
    assert read_receipt(json.dumps(download_document(read)), keys_of(bench)).text == former


def test_an_old_key_still_proves_and_a_disabled_one_does_not(receipt: str, bench: Bench) -> None:
    ring = bench.service.keyring
    old = ring.active.kid
    ring.rotate()
    assert read_receipt(receipt, keys_of(bench)).key_id == old
    ring.disable(old, now=True)
    assert reason(receipt, keys_of(bench)) == "key_unknown"


def test_another_service_s_receipt_is_refused(receipt: str, tmp_path: Any) -> None:
    stranger = KeyRing.open(tmp_path / "elsewhere", SystemClock())
    assert reason(receipt, PublicKeys(stranger.jwks())) == "key_unknown"


def test_a_consent_token_is_no_receipt(visitor: Visitor, bench: Bench) -> None:
    token = visitor.decide("accept").get_json()["token"]
    assert reason(token, keys_of(bench)) == "type_denied"


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("place", [0, 0.25, 0.5, 0.75, 0.999])
def test_a_changed_character_anywhere_is_found(receipt: str, bench: Bench, part: int, place: float) -> None:
    parts = receipt.split(".")
    text = parts[part]
    at = int(place * len(text))
    parts[part] = text[:at] + ("B" if text[at] == "A" else "A") + text[at + 1 :]
    assert reason(".".join(parts), keys_of(bench)) in (
        "signature_invalid", "token_malformed", "key_unknown", "type_denied", "algorithm_denied", "not_json",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"salt": base64url.encode(bytes(16))}, "leaf_differs"),
        ({"leaf": "0" * 64}, "leaf_differs"),
        ({"leaf": None}, "incomplete"),
        ({"salt": "="}, "incomplete"),
        ({"record": []}, "incomplete"),
        ({"record": {"id": 1, "site": "demo"}}, "incomplete"),
        ({"jti": "another"}, "incomplete"),
    ],
)
def test_what_does_not_fit_together_is_refused_even_when_signed(
    receipt: str, bench: Bench, change: dict[str, Any], expected: str
) -> None:
    signed = sign_jws(bench.service.keyring.active, RECEIPT_TYPE, {**payload(receipt), **change})
    assert reason(signed, keys_of(bench)) == expected


def test_a_record_with_another_choice_does_not_fit_its_leaf(receipt: str, bench: Bench) -> None:
    document = payload(receipt)
    document["record"]["purposes"]["advertising"] = False
    signed = sign_jws(bench.service.keyring.active, RECEIPT_TYPE, document)
    assert reason(signed, keys_of(bench)) == "leaf_differs"


@pytest.mark.parametrize("change", [("iss", "https://evil.test"), ("iat", 1), ("record", {}), ("more", True)])
def test_a_file_whose_readable_part_was_changed_is_refused(receipt: str, bench: Bench, change: tuple[str, Any]) -> None:
    document = download_document(read_receipt(receipt, keys_of(bench)))
    document[change[0]] = change[1]
    assert reason(json.dumps(document), keys_of(bench)) == "readable_part_changed"


def test_true_is_not_one(receipt: str, bench: Bench) -> None:
    document = json.loads(json.dumps(download_document(read_receipt(receipt, keys_of(bench)))))
    document["record"]["purposes"]["analytics"] = 1
    assert reason(json.dumps(document), keys_of(bench)) == "readable_part_changed"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "token_malformed"),
        ("a.b.c", "token_malformed"),
        ("ａ.ｂ.ｃ", "token_malformed"),
        ("\ud800.x.y", "token_malformed"),
        ("{", "not_json"),
        ('{"jws":"a","jws":"b"}', "not_json"),
        ("{" * 100_000, "not_json"),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, "not_json"),
        ('{"a":NaN}', "not_json"),
        ('{"a":"\ud800"}', "not_json"),
        ("{}", "not_signed"),
        ('{"jws":5}', "not_signed"),
        ("A" * (RECEIPT_LIMIT_CHARS + 1), "too_long"),
    ],
    ids=lambda value: str(value)[:12].encode("ascii", "replace").decode(),
)
def test_anything_else_is_refused_with_a_sentence(bench: Bench, text: str, expected: str) -> None:
    assert reason(text, keys_of(bench)) == expected


@pytest.fixture(scope="module")
def some_keys(tmp_path_factory: pytest.TempPathFactory) -> PublicKeys:
    """Keys of a service that signed nothing."""
    return PublicKeys(KeyRing.open(tmp_path_factory.mktemp("keys"), SystemClock()).jwks())


@settings(deadline=None)
@given(text=st.one_of(st.text(), st.from_regex(r"\{.*\}"), st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[\w-]*")))
def test_no_text_does_more_than_be_refused(some_keys: PublicKeys, text: str) -> None:
    reason(text, some_keys)
