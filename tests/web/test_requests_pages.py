"""``/preferences/<site>/request`` and its status page, as a browser without JavaScript uses them."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages_material import Outline
from support.asking import PDF, SAME_ORIGIN, Asker, form_fields
from support.service import Bench, make_bench
from werkzeug.test import TestResponse

from cookiegate.rights.requests.documents import open_documents
from cookiegate.rights.requests.kinds import KINDS
from cookiegate.rights.requests.links import RequestLinks
from cookiegate.web.request_view import request_page_texts

FORM = "/preferences/demo/request"
WEEK_S = 7 * 86_400


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """The demo site's service, where anyone may ask as often as they like."""
    bench = make_bench(tmp_path, RATE_LIMIT_REQUESTS="100000/minute", RATE_LIMIT_TOKENS="100000/minute")
    yield bench
    bench.service.close()


@pytest.fixture
def asker(bench: Bench) -> Asker:
    """Someone unknown, on the service's own pages."""
    return Asker(bench, bench.visitor(origin=None))


def send(asker: Asker, lang: str = "en", hidden: dict[str, str] | None = None, **fields: str) -> TestResponse:
    """Fills in the form and sends it; notes what the page then shows."""
    given = hidden if hidden is not None else form_fields(asker.visitor.send("GET", f"{FORM}?lang={lang}").text)
    data = {**given, "kind": "disclosure", "residence": "jp", **fields}
    answer = asker.visitor.send("POST", f"{FORM}?lang={lang}", data=data, headers=SAME_ORIGIN)
    if answer.status_code == 201:
        asker.reference, asker.code = re.findall(r'<code class="kept">([^<]+)</code>', answer.text)
    return answer


def upload(asker: Asker, content: bytes, name: str = "passport.pdf") -> TestResponse:
    return asker.press("document", document=(io.BytesIO(content), name))


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_form_offers_every_kind_and_asks_for_nothing_that_is_not_needed(asker: Asker, lang: str) -> None:
    page = asker.visitor.send("GET", f"{FORM}?lang={lang}")
    outline = Outline(page.text)
    assert [field["value"] for field in outline.all("input") if field.get("name") == "kind"] == list(KINDS)
    assert {str(field["name"]) for field in outline.all("input") if "required" in field} == {"kind"}
    assert [label.get("for") for label in outline.all("label") if label.get("for")]
    assert page.headers["Cache-Control"] == "no-store"
    assert f'lang="{lang}"' in page.text
    assert "<script" not in page.text


def test_the_whole_way_by_form(asker: Asker, bench: Bench) -> None:
    received = send(asker, email="mori@example.org", name="森 はな", message="Please.\r\nThank you.")
    assert received.status_code == 201
    assert asker.file.person.message == "Please.\nThank you."
    assert asker.file.locale == "en"
    assert "Received; we check who is asking" in asker.press().text
    bench.service.requests.desk.ask_identity(asker.reference, "hana", "A passport or the like.")
    assert 'type="file"' in asker.press().text
    assert "The document has arrived" in upload(asker, PDF).text
    bench.service.requests.desk.verify(asker.reference, "hana", "document")
    bench.service.requests.desk.decide(asker.reference, "hana", "refused", ground="no_data", text="We looked twice.")
    closed = asker.press().text
    assert "Not granted" in closed
    assert "We hold no such data about you" in closed
    assert "We looked twice." in closed
    assert "Personal Information Protection Commission" in closed


def test_the_code_is_shown_once_and_is_never_in_an_address(asker: Asker) -> None:
    received = send(asker)
    assert "Location" not in received.headers
    assert received.text.count(asker.code) == 2  # to be read, and in the form that leads on
    assert asker.code not in asker.visitor.send("GET", f"{asker.page}?lang=en").text
    for action in re.findall(r'action="([^"]*)"', asker.press().text):
        assert asker.code not in html.unescape(action)
    assert asker.visitor.send("GET", asker.page, query_string={"code": asker.code}).text.count("Your request") == 0


def test_the_same_form_sent_twice_is_one_request(asker: Asker, bench: Bench) -> None:
    hidden = form_fields(asker.visitor.send("GET", FORM).text)
    first = send(asker, hidden=hidden)
    assert send(asker, hidden=hidden).text == first.text
    assert len(bench.service.requests.casebook.files()) == 1
    assert send(asker, hidden=hidden, kind="deletion").status_code == 422
    assert len(bench.service.requests.casebook.files()) == 1


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"kind": "nonsense"}, "fault_kind"),
        ({"kind": "complaint", "message": " "}, "fault_message"),
        ({"message": "x" * 4001}, "fault_message"),
        ({"email": "mori"}, "fault_email"),
        ({"email": "m@example.org\r\nBcc: all@example.org"}, "fault_email"),
        ({"name": "x" * 201}, "fault_name"),
        ({"residence": "mars"}, "fault_residence"),
        ({"receipt": "nonsense"}, "fault_receipt"),
        ({"agent": "A. Gent"}, "fault_agent"),
        ({"key": "short"}, "fault_key"),
    ],
)
def test_a_fault_is_named_in_words_and_nothing_that_was_filled_in_is_lost(
    asker: Asker, bench: Bench, fields: dict[str, str], text: str
) -> None:
    answer = send(asker, **{"name": "Hana <Mori>", "message": "It's & mine.", **fields})
    assert answer.status_code == 422
    assert request_page_texts("en")[text] in html.unescape(answer.text)
    outline = Outline(answer.text)
    if "name" not in fields:
        assert any(field.get("value") == "Hana <Mori>" for field in outline.all("input"))
    assert bench.service.requests.casebook.files() == []


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_a_form_of_another_site_is_refused_everywhere(asker: Asker, bench: Bench, headers: dict[str, str]) -> None:
    send(asker, email="mori@example.org")
    for path in (FORM, asker.page, f"{asker.page}/confirm"):
        answer = asker.visitor.send("POST", path, data={"code": asker.code, "action": "withdraw"}, headers=headers)
        assert answer.status_code == 403
    assert len(bench.service.requests.casebook.files()) == 1
    assert asker.state == "received"


@pytest.mark.parametrize("reference", ["R-0000-0000", "R-7K3M-9QXT"])
def test_a_page_tells_nothing_to_who_has_no_code(asker: Asker, reference: str) -> None:
    send(asker)
    own = asker.visitor.send("GET", f"{asker.page}?lang=en").text
    other = asker.visitor.send("GET", f"/preferences/demo/request/{reference}?lang=en").text
    assert own.replace(asker.reference, "") == other.replace(reference, "")
    asker.code = "0000-0000-0000-0000-0000"
    assert asker.press().status_code == 404
    assert asker.visitor.send("GET", "/preferences/demo/request/nonsense").status_code == 404


def link_of(bench: Bench, asker: Asker, secret: bytes | None = None) -> dict[str, str]:
    links = RequestLinks(secret or bench.service.keyring.secret("request"), "")
    address = links.confirmation(asker.file, bench.clock.now_ms())
    return {"t": address.rpartition("t=")[2]}


def test_s26_the_mailed_link_asks_before_it_confirms_and_works_once(asker: Asker, bench: Bench) -> None:
    send(asker, kind="complaint", message="Too slow.", email="mori@example.org")
    link, path = link_of(bench, asker), f"{asker.page}/confirm"
    shown = asker.visitor.send("GET", path, query_string=link)
    assert shown.status_code == 200
    assert asker.state == "received"  # a program that follows links in mails confirms nothing
    confirmed = asker.visitor.send("POST", path, data=form_fields(shown.text), headers=SAME_ORIGIN)
    assert confirmed.status_code == 200
    assert (asker.state, asker.file.case.verified_by) == ("deciding", "address")
    for again in (
        asker.visitor.send("GET", path, query_string=link),
        asker.visitor.send("POST", path, data=link, headers=SAME_ORIGIN),
    ):
        assert again.status_code == 404
        assert "used already" in html.unescape(again.text) or "すでに使われたか" in again.text


def test_s26_a_link_that_is_old_changed_or_of_another_request_confirms_nothing(asker: Asker, bench: Bench) -> None:
    send(asker, email="mori@example.org")
    link, path = link_of(bench, asker), f"{asker.page}/confirm"
    forged = link_of(bench, asker, b"x" * 32)
    later = {"t": "9999999999" + link["t"][10:]}
    other = Asker(bench, asker.visitor)
    send(other, email="mori@example.org")
    for token in (forged, later, link_of(bench, other), {"t": ""}, {"t": "x" * 9000}):
        assert asker.visitor.send("POST", path, data=token, headers=SAME_ORIGIN).status_code == 404
    bench.clock.advance(WEEK_S)
    assert asker.visitor.send("POST", path, data=link, headers=SAME_ORIGIN).status_code == 404
    assert not asker.file.case.address_confirmed


def test_s26_an_address_alone_does_not_show_anyone_s_data(asker: Asker, bench: Bench) -> None:
    send(asker, email="mori@example.org")
    path = f"{asker.page}/confirm"
    asker.visitor.send("POST", path, data=link_of(bench, asker), headers=SAME_ORIGIN)
    assert asker.file.case.address_confirmed
    assert asker.state == "received"


def test_s21_a_confirmed_address_is_enough_to_be_told_the_purposes(asker: Asker, bench: Bench) -> None:
    send(asker, kind="purpose_notice", email="mori@example.org")
    asker.visitor.send("POST", f"{asker.page}/confirm", data=link_of(bench, asker), headers=SAME_ORIGIN)
    assert (asker.state, asker.file.case.notified_by) == ("notified", "mail")
    shown = asker.press().text
    for purpose in bench.service.book.current("demo").policy.purposes:
        assert html.escape(purpose.description["en"], quote=False).split(".")[0] in shown.replace("&#39;", "'")


def test_a_document_is_taken_only_when_it_was_asked_for(asker: Asker, bench: Bench) -> None:
    send(asker)
    assert upload(asker, PDF).status_code == 200
    assert asker.file.case.identity == "none"
    assert open_documents(bench.service.storage, asker.file.id) == []


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "empty.pdf"),
        (b"MZ\x90\x00", "passport.pdf"),
        (b"<svg onload=alert(1)>", "passport.png"),
        (b"%PDF-" + bytes(100_000), "large.pdf"),
    ],
)
def test_a_file_that_is_no_document_or_too_large_is_refused_in_words(tmp_path: Path, content: bytes, name: str) -> None:
    bench = make_bench(tmp_path, DOCUMENT_LIMIT_BYTES="65536")
    asker = Asker(bench, bench.visitor(origin=None))
    send(asker)
    bench.service.requests.desk.ask_identity(asker.reference, "hana")
    answer = upload(asker, content, name)
    assert answer.status_code == 422
    assert "Please choose a PDF, JPEG or PNG file" in answer.text
    assert asker.file.case.identity == "asked"
    bench.service.close()


def test_an_upload_past_every_cap_is_cut_off(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, DOCUMENT_LIMIT_BYTES="65536")
    asker = Asker(bench, bench.visitor(origin=None))
    send(asker)
    bench.service.requests.desk.ask_identity(asker.reference, "hana")
    assert upload(asker, b"%PDF-" + bytes(200_000)).status_code == 413
    bench.service.close()


def test_more_than_one_document_may_be_needed_but_not_endlessly_many(asker: Asker, bench: Bench) -> None:
    send(asker)
    bench.service.requests.desk.ask_identity(asker.reference, "hana")
    assert [upload(asker, PDF).status_code for _ in range(4)] == [200, 200, 200, 422]
    assert len(open_documents(bench.service.storage, asker.file.id)) == 3


def test_the_person_can_withdraw_until_it_is_decided(asker: Asker, bench: Bench) -> None:
    send(asker)
    assert "withdrawn" in asker.press("withdraw").text.lower()
    assert (asker.state, asker.file.case.outcome, asker.file.case.notified_by) == ("notified", "withdrawn", "page")
    assert asker.press("withdraw").status_code == 200
    decided = Asker(bench, asker.visitor)
    send(decided, kind="deletion")
    bench.service.requests.desk.verify(decided.reference, "hana", "desk")
    bench.service.requests.desk.decide(decided.reference, "hana", "granted")
    decided.press("withdraw")
    assert decided.state == "decided"


def test_the_pages_are_well_formed_in_every_state_and_language(asker: Asker, bench: Bench) -> None:
    for lang in ("en", "ja"):
        Outline(asker.visitor.send("GET", f"{FORM}?lang={lang}").text)
        Outline(send(asker, lang, email="mori@example.org", message="<b>&\"'").text)
        Outline(asker.visitor.send("GET", f"{asker.page}?lang={lang}").text)
        Outline(asker.press().text)
        desk = bench.service.requests.desk
        desk.ask_identity(asker.reference, "hana", "<script>alert(1)</script>")
        assert "<script" not in asker.press().text
        desk.verify(asker.reference, "hana", "desk")
        desk.quote_fee(asker.reference, "hana", "500 円 <b>")
        assert "500 円 &lt;b&gt;" in asker.press().text
        desk.settle_fee(asker.reference, "hana")
        desk.extend(asker.reference, "hana", "Holidays.")
        desk.decide(asker.reference, "hana", "partly", ground="harm_to_rights", text="<i>Part</i> of it.")
        assert "&lt;i&gt;Part" in asker.press().text
        bench.service.requests.serving.carry_out(asker.reference, "hana", "Sent by post.")
        Outline(asker.press().text)


def test_the_preferences_page_leads_here(asker: Asker) -> None:
    for page in ("/preferences/demo?lang=en", "/preferences/demo?lang=ja"):
        assert f'href="{FORM}?lang=' in asker.visitor.send("GET", page).text
