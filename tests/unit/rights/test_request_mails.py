"""What persons are written, through a real mail server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.asking import OFFICER, SAME_ORIGIN, Asker, delivered, form_fields, waiting_mails
from support.mailing import MailServer
from support.policies import demo_policy
from support.service import Bench, make_bench

from cookiegate.rights.delivery.outbox_rows import Outbox
from cookiegate.rights.delivery.subscriber_rows import read_events
from cookiegate.rights.delivery.subscribers import Subscribers
from cookiegate.rights.requests.grounds import GROUNDS
from cookiegate.rights.requests.kinds import KINDS
from cookiegate.rights.requests.machine import MOVES
from cookiegate.rights.requests.messages import Messenger
from cookiegate.rights.requests.wording import LANGUAGES, request_texts

MAILS = Path(__file__).parents[3] / "cookiegate" / "rights" / "requests" / "mails"
HOOK = "https://crm.example.jp/hook"
HOSTILE = "Win at https://evil.example\r\nBcc: all@example.org"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """The demo site's service at a public address."""
    bench = make_bench(tmp_path, RATE_LIMIT_REQUESTS="100000/minute", BASE_URL="https://consent.example.jp")
    yield bench
    bench.service.close()


@pytest.fixture
def asker(bench: Bench) -> Asker:
    """Someone of whom only an e-mail address is known."""
    return Asker(bench, bench.visitor())


@pytest.fixture
def server() -> Iterator[MailServer]:
    """The operator's mail server."""
    server = MailServer().start()
    yield server
    server.stop()


def test_the_mailed_link_leads_to_a_button_and_the_answer_comes_by_mail(
    asker: Asker, bench: Bench, server: MailServer
) -> None:
    asker.by_mail("purpose_notice", locale="en")
    (receipt,) = delivered(bench, server)
    assert receipt["To"] == "mori@example.org"
    assert asker.reference in receipt["Subject"]
    link = re.search(r"https://consent\.example\.jp(/\S+/confirm\?\S+)", receipt.get_content())
    assert link is not None
    visitor = bench.visitor(origin=None)
    page = visitor.send("GET", link[1])
    path = f"{asker.page}/confirm"
    assert visitor.send("POST", path, data=form_fields(page.text), headers=SAME_ORIGIN).status_code == 200
    answer = delivered(bench, server)[1].get_content()
    assert "Granted" in answer
    assert "Analytics: To count which pages are viewed" in answer
    assert "https://consent.example.jp/notice/demo?lang=en" in answer
    assert asker.state == "notified"


@pytest.mark.parametrize("lang", demo_policy().locales)
def test_s25_a_refusal_is_told_with_its_reasons_and_where_to_complain(
    asker: Asker, bench: Bench, server: MailServer, lang: str
) -> None:
    asker.by_mail("disclosure", locale=lang)
    bench.service.requests.desk.verify(asker.reference, OFFICER, "desk")
    bench.service.requests.desk.decide(
        asker.reference, OFFICER, "refused", ground="harm_to_rights", text="It names a third person."
    )
    (mail,) = [mail for mail in delivered(bench, server) if "決定" in mail["Subject"] or "decision" in mail["Subject"]]
    told, texts = mail.get_content(), request_texts(lang)
    for part in (texts["outcomes"]["refused"], texts["grounds"]["harm_to_rights"], "It names a third person."):
        assert part in told
    assert "https://www.ppc.go.jp/" in told
    assert "privacy@example.jp" in told


def test_s25_a_decision_to_act_is_told_at_once_and_its_end_again(
    asker: Asker, bench: Bench, server: MailServer
) -> None:
    asker.by_mail("deletion", locale="en")
    delivered(bench, server)
    bench.service.requests.desk.verify(asker.reference, OFFICER, "desk")
    bench.service.requests.desk.decide(asker.reference, OFFICER, "granted")
    assert "We carry this out now" in delivered(bench, server)[-1].get_content()
    bench.service.requests.serving.carry_out(asker.reference, OFFICER, "Erased in the customer system.")
    done = delivered(bench, server)[-1]
    assert "has been carried out" in done["Subject"]
    assert "Erased in the customer system." in done.get_content()


def test_every_step_that_the_person_must_know_is_told(asker: Asker, bench: Bench, server: MailServer) -> None:
    desk = bench.service.requests.desk
    asker.by_mail("disclosure", locale="en")
    desk.ask_identity(asker.reference, OFFICER, "A passport will do.")
    desk.verify(asker.reference, OFFICER, "desk")
    desk.quote_fee(asker.reference, OFFICER, "500 JPY", "Paper costs.")
    desk.extend(asker.reference, OFFICER, "The archive is being moved.")
    told = {mail["Subject"].partition(": ")[2]: mail.get_content() for mail in delivered(bench, server)}
    assert len(told) == 4
    for subject, part in (
        ("we have received", "2026-12-02"),
        ("please show us", "A passport will do."),
        ("a fee", "500 JPY"),
        ("we need more time", "The archive is being moved."),
        ("we need more time", "2026-12-16"),
    ):
        (text,) = [text for name, text in told.items() if name.startswith(subject)]
        assert part in text


def test_a_complaint_s_routing_and_a_withdrawal_are_told(asker: Asker, bench: Bench, server: MailServer) -> None:
    asker.by_mail("complaint", message="Slow.", locale="en")
    bench.service.requests.desk.verify(asker.reference, OFFICER, "desk")
    bench.service.requests.desk.route(asker.reference, OFFICER, "PPC, number 7")
    bench.service.requests.counter.withdraw(asker.file)
    subjects = " ".join(str(mail["Subject"]) for mail in delivered(bench, server))
    assert "passed on" in subjects
    assert "withdrawn" in subjects
    assert asker.file.case.notified_by == "mail"


def test_what_a_stranger_wrote_is_never_repeated_in_a_mail(asker: Asker, bench: Bench, server: MailServer) -> None:
    asker.ask(
        "complaint",
        message=HOSTILE.replace("\r", ""),
        contact={"email": "victim@example.org", "name": HOSTILE.partition("\r")[0]},
        agent={"name": "evil.example", "authority": HOSTILE.replace("\r", "")},
    )
    (mail,) = delivered(bench, server)
    assert "evil" not in mail.as_string()
    assert "evil" not in mail.get_content()
    assert mail["Bcc"] is None
    assert server.envelopes == [("privacy@example.jp", ["victim@example.org"])]


def test_no_word_of_the_desk_becomes_a_header(asker: Asker, bench: Bench, server: MailServer) -> None:
    asker.by_mail("disclosure", locale="en")
    delivered(bench, server)
    bench.service.requests.desk.ask_identity(asker.reference, OFFICER, HOSTILE)
    mail = delivered(bench, server)[-1]
    assert mail["Bcc"] is None
    assert "Bcc: all@example.org" in mail.get_content()
    assert len(server.envelopes[-1][1]) == 1


def test_braces_in_words_stay_words(asker: Asker, bench: Bench) -> None:
    asker.by_mail("disclosure", locale="en")
    bench.service.requests.desk.ask_identity(asker.reference, OFFICER, "{link} {reference} {0}")
    told = bench.service.requests.messenger.compose(asker.file, "ask_identity", bench.clock.now_ms())
    assert "{link} {reference} {0}" in told.body
    assert "\n" not in told.subject


def test_the_step_and_its_mail_are_kept_together_or_not_at_all(
    asker: Asker, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker.by_mail("disclosure")
    tell = Messenger.tell

    def tell_and_fail(*args: object, **options: object) -> None:
        tell(*args, **options)  # type: ignore[arg-type]
        raise OSError

    monkeypatch.setattr(Messenger, "tell", tell_and_fail)
    with pytest.raises(OSError):
        bench.service.requests.desk.ask_identity(asker.reference, OFFICER)
    assert asker.file.notes == ()
    assert waiting_mails(bench) == 1


def test_other_systems_are_told_states_and_nothing_about_the_person(asker: Asker, bench: Bench) -> None:
    Subscribers(bench.service.storage, bench.clock).add("crm", read_events(("request.*",)), url=HOOK)
    asker.by_mail("disclosure")
    bench.service.requests.desk.verify(asker.reference, OFFICER, "desk")
    rows = [row for row in Outbox(bench.service.storage, bench.clock).rows() if row.channel == "webhook"]
    assert sorted(row.kind for row in rows) == ["request.deciding", "request.received", "request.verified"]
    for row in rows:
        assert asker.reference.encode() in row.content
        assert b"mori" not in row.content


def test_a_request_that_is_served_at_once_brings_one_mail(bench: Bench, asker: Asker, server: MailServer) -> None:
    asker.visitor.decide("accept")
    asker.ask("disclosure", contact={"email": "mori@example.org"}, locale="en")
    (mail,) = delivered(bench, server)
    assert "has been carried out" in mail["Subject"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_state_step_outcome_and_ground_has_its_words(language: str) -> None:
    texts = request_texts(language)
    assert set(texts["kinds"]) == set(texts["kind_hints"]) == set(KINDS)
    assert set(texts["grounds"]) == set(GROUNDS)
    assert set(texts["steps"]) == {"received", *MOVES}
    assert set(texts["results"]) == {rule.effect for rule in KINDS.values()}
    assert all(text.strip() for group in texts.values() for text in group.values())


def test_every_mail_has_a_subject_and_every_place_in_it_is_filled_in(asker: Asker, bench: Bench) -> None:
    asker.by_mail("disclosure", locale="en")
    for language in LANGUAGES:
        file = replace(asker.file, locale=language)
        for path in sorted((MAILS / language).iterdir()):
            if not path.read_text(encoding="utf-8").startswith("Subject: "):
                continue
            mail = bench.service.requests.messenger.compose(file, path.stem, bench.clock.now_ms())
            assert asker.reference in mail.subject
            assert "Subject" not in mail.body
            assert not re.search(r"\{\w+\}", mail.subject + mail.body)
