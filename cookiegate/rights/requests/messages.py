"""What the person is written at each step, and what other systems are told, in the transaction of the step itself.

The texts lie in ``mails/<language>/<step>.txt``. Nothing that the sender of a request wrote is ever repeated in a mail:
the address may be a stranger's, and the words an advertisement.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from cookiegate.clock import rfc3339
from cookiegate.policy.publishing import PolicyBook
from cookiegate.rights.delivery.outbox import enqueue_event, enqueue_mail
from cookiegate.rights.requests.deadlines import DAY_MS
from cookiegate.rights.requests.files import Note, RequestFile
from cookiegate.rights.requests.kinds import KINDS
from cookiegate.rights.requests.links import LINK_DAYS, RequestLinks
from cookiegate.rights.requests.machine import MOVES
from cookiegate.rights.requests.wording import request_language, request_texts
from cookiegate.storage.contract import WriteTransaction
from cookiegate.storage.vault import Vault

#: Steps that the person is written about; of several in one transaction the last one's text says it all.
TOLD = ("ask_identity", "quote_fee", "extend", "route", "decide", "notify")
_CONTACTS = ("name", "desk", "address", "email", "phone", "url")


@dataclass(frozen=True, slots=True)
class Mail:
    """A text and its subject, which has one line."""

    subject: str
    body: str


class Messenger:
    """Queues mails and events about requests.

    Args:
        vault: encrypts mails under the request's own key.
        book: names who writes.
        links: of the service.
        document_days: how long a proof of identity is kept at the most.
    """

    def __init__(self, vault: Vault, book: PolicyBook, links: RequestLinks, document_days: int) -> None:
        self._vault = vault
        self._book = book
        self._links = links
        self._document_days = document_days

    def tell(
        self,
        transaction: WriteTransaction,
        file: RequestFile,
        fresh: Sequence[Note],
        at_ms: int,
        *,
        is_new: bool,
        silent: bool,
    ) -> None:
        """Queues what follows from steps that were just taken.

        Args:
            transaction: of the steps.
            file: after them.
            fresh: the steps.
            at_ms: now.
            is_new: whether the request has just come.
            silent: whether the person is told in another way, so that no mail is written.
        """
        for state in states_of(fresh, is_new=is_new):
            facts = file.facts() | {"state": state, "due_on": file.case.deadline(at_ms).due_on.isoformat()}
            enqueue_event(transaction, kind=f"request.{state}", site=file.site, payload=facts, at_ms=at_ms)
        template = "received" if is_new else _template(file, fresh)
        if template is not None and file.person.email is not None and not silent:
            mail = self.compose(file, template, at_ms)
            enqueue_mail(
                transaction,
                self._vault,
                key_id=file.key_id,
                to=file.person.email,
                subject=mail.subject,
                body=mail.body,
                at_ms=at_ms,
                about=f"request:{file.reference}",
            )

    def compose(self, file: RequestFile, template: str, at_ms: int) -> Mail:
        """The mail of one template, in the language of the request."""
        language = request_language(file.locale)
        values = self._values(file, at_ms)
        values["next"] = _fill(language, _next_text(file), values).strip()
        values["complaint"] = _fill(language, "complaint", values).strip()
        subject, _, body = _fill(language, template, values).partition("\n")
        signed = f"{body.strip()}\n\n{_fill(language, 'signature', values)}"
        return Mail(" ".join(subject.removeprefix("Subject:").split()), re.sub(r"\n{3,}", "\n\n", signed))

    def _values(self, file: RequestFile, at_ms: int) -> dict[str, str]:
        case, texts = file.case, request_texts(file.locale)
        controller = self._book.notice(file.site, file.locale).body["controller"]
        words = file.notes[-1].words if file.notes else {}
        last_told = next((note.words for note in reversed(file.notes) if note.step.name in TOLD[:4]), words)
        return {
            "kind": texts["kinds"][case.kind],
            "reference": file.reference,
            "received_on": rfc3339(case.received_at_ms)[:10],
            "due_on": case.deadline(at_ms).due_on.isoformat(),
            "outcome": texts["outcomes"].get(case.outcome or "", ""),
            "reasons": reasons_text(file, file.locale),
            "after": "" if case.outcome == "refused" else texts["phrases"]["after"],
            "result": self.result_text(file, file.locale),
            "text": last_told.get("text", ""),
            "amount": file.words_of("quote_fee").get("amount", ""),
            "authority": texts["authorities"][case.residence],
            "controller": controller["name"],
            "contact": "\n".join(controller[key] for key in _CONTACTS if controller.get(key)),
            "status_url": self._links.status(file),
            "link": self._links.confirmation(file, at_ms),
            "link_until": rfc3339(at_ms + LINK_DAYS * DAY_MS)[:10],
            "document_days": str(self._document_days),
        }

    def result_text(self, file: RequestFile, locale: str) -> str:
        """What came of a request that was carried out, in a language; the desk's own words where there are any."""
        said = file.words_of("act").get("text")
        if said:
            return said
        texts = request_texts(locale)
        purposes = self._book.notice(file.site, locale).body["purposes"]
        listed = [texts["phrases"]["purpose"].format(**purpose) for purpose in purposes]
        return texts["results"][KINDS[file.case.kind].effect].format(
            status_url=self._links.status(file), notice_url=self._links.notice(file), purposes="\n".join(listed)
        )


def reasons_text(file: RequestFile, locale: str) -> str:
    """Why it was decided so: the ground, the desk's words, what is recorded from now on. Empty before the decision."""
    case, texts, words = file.case, request_texts(locale), file.words_of("decide")
    parts = []
    if case.ground is not None:
        parts.append(texts["phrases"]["reason"].format(text=texts["grounds"][case.ground]))
    if words.get("text"):
        form = texts["phrases"]["measure"] if case.outcome == "alternative_measure" else "{text}"
        parts.append(form.format(text=words["text"]))
    if words.get("value"):
        parts.append(texts["phrases"]["value"].format(text=words["value"]))
    return "\n\n".join(parts)


def states_of(fresh: Sequence[Note], *, is_new: bool) -> list[str]:
    """The states that a request came into by these steps."""
    return (["received"] if is_new else []) + [state for note in fresh if (state := MOVES[note.step.name].end)]


def _template(file: RequestFile, fresh: Sequence[Note]) -> str | None:
    told = [note.step for note in fresh if note.step.name in TOLD]
    if not told:
        return None
    if told[-1].name != "notify":
        return told[-1].name
    if told[-1].channel != "mail":
        return None
    by_outcome = {"withdrawn": "withdraw", "refused": "decide"}
    return by_outcome.get(str(file.case.outcome), "notify")


def _next_text(file: RequestFile) -> str:
    if file.case.state != "received":
        return "recognised"
    return "recognise" if file.case.address_confirmed else "confirm"


def _fill(language: str, template: str, values: dict[str, str]) -> str:
    # One pass: braces in a value are words, not places to fill in.
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], ""), _read(language, template))


@cache
def _read(language: str, template: str) -> str:
    return (
        files("cookiegate.rights.requests").joinpath("mails", language, f"{template}.txt").read_text(encoding="utf-8")
    )
