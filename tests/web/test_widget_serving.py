"""The script tag's file: one request, one language, cacheable, pinned for ever."""

from __future__ import annotations

import gzip
import re

import pytest
from support import engines
from support.policies import demo_policy
from support.service import Bench, Visitor


def test_one_file_holds_code_policy_and_texts(visitor: Visitor) -> None:
    notice = visitor.notice("ja")
    body = visitor.send("GET", "/w/demo.ja.js").data.decode()
    assert notice["notice"] in body
    assert "__COOKIEGATE_CONFIG__" not in body


@pytest.mark.parametrize(
    ("accept", "locale"), [("ja", "ja"), ("en-GB,en;q=0.9", "en"), ("fr", "ja"), ("", "ja"), ("x" * 9000, "ja")]
)
def test_the_language_is_one_that_the_visitor_reads(visitor: Visitor, accept: str, locale: str) -> None:
    answer = visitor.send("GET", "/w/demo.js", headers={"Accept-Language": accept})
    assert answer.headers["Content-Language"] == locale
    assert "Accept-Language" in answer.headers["Vary"]


def test_gzip_holds_the_same_bytes(visitor: Visitor) -> None:
    plain = visitor.send("GET", "/w/demo.en.js")
    packed = visitor.send("GET", "/w/demo.en.js", headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data


def test_an_unchanged_file_is_not_sent_again(visitor: Visitor) -> None:
    etag = visitor.send("GET", "/w/demo.en.js").headers["ETag"]
    again = visitor.send("GET", "/w/demo.en.js", headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")


def test_a_pinned_file_outlives_its_policy(visitor: Visitor, bench: Bench) -> None:
    first = visitor.send("GET", "/w/demo.en.js").data
    digest = bench.service.widgets.current("demo", "en").digest
    bench.publish(demo_policy(ask_again_days=30))
    assert visitor.send("GET", "/w/demo.en.js").data != first
    pinned = visitor.send("GET", f"/w/demo@{digest}.js")
    assert pinned.data == first
    assert "immutable" in pinned.headers["Cache-Control"]


def test_texts_cannot_leave_their_script(bench: Bench) -> None:
    texts = {"accept": {"ja": "</script><script>alert(1)//\u2028", "en": "x"}}
    bench.publish(demo_policy(texts=texts))
    body = bench.visitor().send("GET", "/w/demo.ja.js").data.decode()
    assert "</script>" not in body
    assert "\u2028" not in body
    assert re.search(r"\\u003c/script>", body)


def test_a_visitor_gets_the_banner_even_while_the_record_cannot_be_written(visitor: Visitor, bench: Bench) -> None:
    bench.publish(demo_policy(ask_again_days=31))
    bench.service.widgets._built.clear()
    with engines.locked(bench.folder):
        assert visitor.send("GET", "/w/demo.en.js").status_code == 200
