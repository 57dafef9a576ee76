"""The script tag's file: one request, one language, cacheable, pinned for ever."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable, Mapping

import brotli
import pytest
from support import engines
from support.policies import demo_policy
from support.service import Bench, Visitor

from cookiegate.web.bundle import FETCHED, Script

UNPACK: Mapping[str | None, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "br": brotli.decompress, None: bytes}


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


@pytest.mark.parametrize("path", ["/w/demo.en.js", "/w/demo.headless.en.js"])
@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("gzip, br", "br"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("*", "br"),
        ("identity, gzip;q=0.1", None),
        ("zstd", None),
        ("", None),
    ],
)
def test_a_file_comes_in_the_coding_that_the_client_wants(
    visitor: Visitor, path: str, accept: str, coding: str | None
) -> None:
    plain = visitor.send("GET", path)
    answer = visitor.send("GET", path, headers={"Accept-Encoding": accept})
    assert answer.headers.get("Content-Encoding") == coding
    assert UNPACK[coding](answer.data) == plain.data
    assert (answer.headers["ETag"] == plain.headers["ETag"]) == (coding is None)
    assert "Accept-Encoding" in answer.headers["Vary"]
    head = visitor.send("HEAD", path, headers={"Accept-Encoding": accept})
    assert (head.data, head.headers["Content-Length"]) == (b"", str(len(answer.data)))
    assert head.headers["ETag"] == answer.headers["ETag"]


def test_what_is_not_yet_packed_well_goes_out_packed_all_the_same(visitor: Visitor, bench: Bench) -> None:
    file = bench.service.widgets.current("demo", "en")
    file.packed.pop("br", None)
    answer = visitor.send("GET", "/w/demo.en.js", headers={"Accept-Encoding": "gzip, br"})
    assert answer.headers["Content-Encoding"] == "gzip"
    bench.service.widgets.prepare()
    answer = visitor.send("GET", "/w/demo.en.js", headers={"Accept-Encoding": "gzip, br"})
    assert answer.headers["Content-Encoding"] == "br"


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_unchanged_file_is_not_sent_again(visitor: Visitor, form: str, method: str) -> None:
    first = visitor.send("GET", "/w/demo.en.js", headers={"Accept-Encoding": "gzip"})
    asked = {"If-None-Match": form.format(first.headers["ETag"]), "Accept-Encoding": "gzip"}
    again = visitor.send(method, "/w/demo.en.js", headers=asked)
    assert (again.status_code, again.data) == (304, b"")
    kept = ("ETag", "Vary", "Cache-Control", "Content-Language")
    assert [again.headers[name] for name in kept] == [first.headers[name] for name in kept]


def test_who_has_it_in_another_coding_gets_it_in_the_one_they_ask_for(visitor: Visitor) -> None:
    etag = visitor.send("GET", "/w/demo.en.js").headers["ETag"]
    asked = {"If-None-Match": etag, "Accept-Encoding": "gzip"}
    assert visitor.send("GET", "/w/demo.en.js", headers=asked).status_code == 200


def test_the_short_address_may_be_kept_while_the_service_is_slow_or_down(visitor: Visitor) -> None:
    caching = visitor.send("GET", "/w/demo.en.js").headers["Cache-Control"]
    assert re.fullmatch(r"public, max-age=\d+, stale-while-revalidate=\d+, stale-if-error=\d+", caching)


def test_the_short_address_names_the_one_that_lasts(visitor: Visitor) -> None:
    for path in ("/w/demo.en.js", "/w/demo.js", "/w/demo.headless.js"):
        short = visitor.send("GET", path)
        lasting = visitor.send("GET", short.headers["Content-Location"])
        assert lasting.data == short.data
        assert short.headers["Content-Location"] == f"/w/demo@{hashlib.sha256(short.data).hexdigest()}.js"
        assert lasting.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert lasting.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("name", FETCHED)
def test_a_pinned_file_and_what_it_fetches_outlive_their_policy(visitor: Visitor, bench: Bench, name: Script) -> None:
    first = visitor.send("GET", "/w/demo.en.js").data
    digest = bench.service.widgets.current("demo", "en").digest
    fetched = bench.service.widgets.current("demo", "en", name)
    bench.publish(demo_policy(ask_again_days=30))
    assert visitor.send("GET", "/w/demo.en.js").data != first
    pinned = visitor.send("GET", f"/w/demo@{digest}.js")
    assert pinned.data == first
    assert f'"{name}":"{fetched.digest}"' in pinned.text
    assert visitor.send("GET", f"/w/demo@{fetched.digest}.js").data == fetched.body
    assert bench.service.widgets.current("demo", "en", name).digest != fetched.digest


def test_the_file_without_an_interface_has_no_texts(visitor: Visitor) -> None:
    body = visitor.send("GET", "/w/demo.headless.ja.js").text
    assert visitor.notice("ja")["notice"] in body
    assert not re.search("[ぁ-ん]", body)
    assert visitor.send("GET", "/w/demo.headless.fr.js").status_code == 404
    assert "Accept-Language" in visitor.send("GET", "/w/demo.headless.js").headers["Vary"]


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
