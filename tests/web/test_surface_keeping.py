"""What was shown is kept once, and a decision points at it."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest
import rfc8785
from support import engines
from support.policies import demo_policy
from support.service import AGENT, Bench, Visitor, make_bench

from cookiegate.policy.reading import load_policy
from cookiegate.web import surfaces
from cookiegate.web.bundle import SCRIPTS, widget_bundle
from cookiegate.web.notes import strictest
from cookiegate.web.surfaces import read_surface
from cookiegate.web.widget_parts import page_parts

PAGE = "/preferences/demo?lang=en"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


def ui_of(bench: Bench, kind: Any = "widget", locale: str = "en", site: str = "demo") -> str:
    return bench.service.surfaces.current(site, locale, kind).digest


def recorded(bench: Bench) -> list[dict[str, Any]]:
    return [json.loads(row.record) for row in bench.service.storage.decisions("demo")]


@pytest.mark.parametrize("kind", ["widget", "preferences"])
@pytest.mark.parametrize("locale", ["ja", "en"])
def test_s03_what_was_shown_is_kept_by_its_digest_before_anyone_asks(bench: Bench, kind: str, locale: str) -> None:
    digest = ui_of(bench, kind, locale)
    body = bench.service.storage.artifact(digest)
    assert body is not None
    assert hashlib.sha256(body).hexdigest() == digest
    document = json.loads(body)
    assert rfc8785.dumps(document) == body
    notice = bench.service.book.notice("demo", locale)
    assert (document["kind"], document["surface"], document["site"]) == ("surface", kind, "demo")
    assert (document["policy_version"], document["locale"], document["notice"]) == (1, locale, notice.sha256)
    style = bench.service.storage.artifact(document["style"])
    assert hashlib.sha256(style or b"").hexdigest() == document["style"]


def test_s03_the_kept_widget_names_its_code_and_its_texts(bench: Bench) -> None:
    document = read_surface(bench.service.storage, ui_of(bench))
    assert document is not None
    policy = bench.service.book.current("demo").policy
    parts = page_parts(policy, bench.service.book.notice("demo", "en").body, strictest(policy))
    code = widget_bundle().code(parts)
    assert set(code) == {"cookiegate", "second", "covers", *(f"parts/{name}" for name in parts)}
    assert document["widget"] == document["code"]["cookiegate"]
    assert {name: bench.service.storage.artifact(digest) for name, digest in document["code"].items()} == code
    texts = bench.service.book.notice("demo", "en").body["texts"]
    assert set(document["html"]) == {"banner", "banner_asked_again", "dialog", "cover"}
    for answer in ("accept", "reject", "choose"):
        assert texts[answer] in document["html"]["banner"]
    assert " checked" not in document["html"]["dialog"]


def test_the_script_carries_the_digest_and_a_decision_records_it(visitor: Visitor, bench: Bench) -> None:
    script = visitor.send("GET", "/w/demo.en.js").data.decode()
    digest = re.search(r'"ui":"([0-9a-f]{64})"', script)
    assert digest is not None
    assert digest[1] == ui_of(bench)
    assert visitor.decide("accept", ui=digest[1]).status_code == 201
    assert recorded(bench)[0]["ui"] == digest[1]


@pytest.mark.parametrize("ui", [None, "0" * 64])
def test_a_decision_without_a_known_screen_is_taken_and_says_so(visitor: Visitor, bench: Bench, ui: str | None) -> None:
    assert visitor.decide("accept", ui=ui).status_code == 201
    assert visitor.decide("reject").status_code == 201
    assert [record["ui"] for record in recorded(bench)] == [None, None]


@pytest.mark.parametrize("ui", ["", "0" * 63, "A" * 64, 5, ["0" * 64]])
def test_a_digest_of_another_form_is_refused_and_named(visitor: Visitor, bench: Bench, ui: Any) -> None:
    answer = visitor.decide("accept", ui=ui)
    assert answer.status_code == 422
    assert "ui" in answer.get_json()["errors"]
    assert bench.count == 0


def test_a_digest_of_something_else_that_is_kept_is_not_a_screen(visitor: Visitor, bench: Bench) -> None:
    document = read_surface(bench.service.storage, ui_of(bench))
    assert document is not None
    files = [bench.service.widgets.current("demo", "en", script).digest for script in SCRIPTS]
    others = (*files, document["style"], *document["code"].values())
    for ui in others:
        visitor.decide("reject", ui=ui)
    assert [record["ui"] for record in recorded(bench)] == [None] * len(others)


def test_another_site_s_screen_is_not_this_site_s(visitor: Visitor, bench: Bench) -> None:
    bench.publish(demo_policy(site="other"))
    visitor.decide("reject", ui=ui_of(bench, site="other"))
    bench.clock.advance(1)
    visitor.decide("reject", ui=ui_of(bench))
    assert [record["ui"] for record in recorded(bench)] == [None, ui_of(bench)]


def test_an_earlier_version_s_screen_stays_known_also_after_a_restart(bench: Bench) -> None:
    earlier = ui_of(bench)
    bench.publish(demo_policy(ask_again_days=20))
    assert ui_of(bench) != earlier
    bench.service.close()
    again = make_bench(bench.folder, policies=(demo_policy(ask_again_days=20),))
    again.visitor().decide("reject", ui=earlier)
    assert recorded(again)[0]["ui"] == earlier
    again.service.close()


def test_a_screen_that_another_process_kept_since_is_found(visitor: Visitor, bench: Bench) -> None:
    body = bench.service.storage.artifact(ui_of(bench)) or b""
    other = body.replace(b'"v":1', b'"v":1,"w":1')
    digest = hashlib.sha256(other).hexdigest()
    bench.service.storage.keep_artifact(digest, "demo", "surface/widget/1/en", other)
    visitor.decide("reject", ui=digest)
    assert recorded(bench)[0]["ui"] == digest


def test_made_up_digests_cost_a_bounded_number_of_look_ups(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []
    read = surfaces.read_surface
    monkeypatch.setattr(surfaces, "read_surface", lambda *given: looked_up.append(given[1]) or read(*given))  # type: ignore[func-returns-value]
    known = bench.service.surfaces
    for number in range(1000):
        assert known.recognise("demo", f"{number:064x}") is None
    assert known.recognise("demo", ui_of(bench)) == ui_of(bench)
    assert len(looked_up) == surfaces.LOOKUPS_PER_S
    bench.clock.advance(1)
    assert known.recognise("demo", "f" * 64) is None
    assert len(looked_up) == surfaces.LOOKUPS_PER_S + 1


def test_a_repeated_request_is_the_same_one_with_or_without_the_digest(visitor: Visitor, bench: Bench) -> None:
    first = visitor.decide("accept", key="k" * 20, ui=ui_of(bench))
    assert visitor.decide("accept", key="k" * 20).get_json()["decision"] == first.get_json()["decision"]
    assert bench.count == 1


def test_the_form_without_javascript_names_what_it_shows(bench: Bench) -> None:
    visitor = bench.visitor(origin=None)
    page = visitor.send("GET", PAGE).text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    assert hidden["ui"] == ui_of(bench, "preferences")
    visitor.send("POST", PAGE, data={**hidden, "action": "reject"}, headers=SAME_SITE)
    bench.clock.advance(1)
    visitor.send("POST", PAGE, data={**hidden, "action": "reject", "ui": "x", "key": "k" * 20}, headers=SAME_SITE)
    assert [record["ui"] for record in recorded(bench)] == [hidden["ui"], None]


@pytest.mark.parametrize("locale", ["ja", "en"])
def test_s03_the_kept_form_is_the_page_s_form_with_nothing_ticked(bench: Bench, locale: str) -> None:
    page = bench.visitor(agent=AGENT).send("GET", f"/preferences/demo?lang={locale}").text
    shown = re.search(r'<section class="card" aria-labelledby="choose">.*?</section>', page, re.DOTALL)
    assert shown is not None
    document = read_surface(bench.service.storage, ui_of(bench, "preferences", locale))
    assert document is not None
    visible = re.sub(r'<input type="hidden"[^>]*>\n', "", shown[0])
    assert lines(visible) == lines(document["html"]["form"])
    assert " checked" not in document["html"]["form"]


def lines(markup: str) -> list[str]:
    return [line for line in markup.splitlines() if line.strip()]


def test_what_is_kept_is_not_served_as_a_script(visitor: Visitor, bench: Bench) -> None:
    assert visitor.send("GET", f"/w/demo@{ui_of(bench)}.js").status_code == 404


def test_texts_cannot_leave_the_kept_markup(bench: Bench) -> None:
    bench.publish(demo_policy(texts={"accept": {"ja": '</button><script>alert(1)</script>"', "en": "x"}}))
    document = read_surface(bench.service.storage, ui_of(bench, locale="ja"))
    assert document is not None
    assert "<script" not in json.dumps(document["html"])


def test_a_record_that_cannot_be_written_keeps_nobody_from_deciding(visitor: Visitor, bench: Bench) -> None:
    with engines.locked(bench.folder):
        assert visitor.send("GET", "/w/demo.en.js").status_code == 200
        assert visitor.send("GET", PAGE).status_code == 200


def test_every_example_policy_has_its_surfaces(tmp_path: Any) -> None:
    from support.policies import ROOT

    policies = tuple(load_policy(path) for path in sorted((ROOT / "examples" / "policies").glob("*.yaml")))
    bench = make_bench(tmp_path, policies=policies)
    for policy in policies:
        for locale in policy.locales:
            for kind in surfaces.KINDS:
                document = read_surface(bench.service.storage, ui_of(bench, kind, locale, policy.site))
                assert document is not None
                assert document["locale"] == locale
    bench.service.close()
