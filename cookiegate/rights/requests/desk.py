"""What the privacy officer's desk does with a request.

Every act is one transaction: the step, its ledger entry, its mail. Where a step ends the matter and an e-mail address
is there, the person is told in the same transaction.
"""

from __future__ import annotations

from cookiegate.errors import InvalidInputError
from cookiegate.rights.requests.case import Channel, Method, Step, StepName
from cookiegate.rights.requests.casebook import Casebook
from cookiegate.rights.requests.files import Note, RequestFile
from cookiegate.rights.requests.grounds import Outcome
from cookiegate.rights.requests.kinds import KINDS
from cookiegate.storage.contract import WriteTransaction


class RequestDesk:
    """Moves requests on for the desk. ``by`` names who acts; ``text`` is for the person to read.

    Every method raises NotFoundError for an unknown reference, RequestStepError for a step that is not possible now,
    and StorageError when nothing was kept.

    Args:
        casebook: the requests.
    """

    def __init__(self, casebook: Casebook) -> None:
        self._casebook = casebook

    def verify(self, reference: str, by: str, method: Method, text: str = "") -> RequestFile:
        """Ends the check: the person, and an agent if there is one, are who they say. The documents are destroyed."""
        now_ms = self._casebook.now_ms()

        def work(transaction: WriteTransaction) -> RequestFile:
            file = self._casebook.load(transaction, reference)
            notes = [Note(Step("check_agent", now_ms), by)] if file.case.agent == "named" else []
            notes += [Note(Step("verify", now_ms, method=method), by, _words(text=text))]
            return self._casebook.advance(transaction, file, *notes, Note(Step("take_up", now_ms), by))

        return self._casebook.write(work)

    def ask_identity(self, reference: str, by: str, text: str = "") -> RequestFile:
        """Asks for a proof of identity; the clock stands still where the law lets it."""
        return self._take(reference, by, "ask_identity", text=text)

    def quote_fee(self, reference: str, by: str, amount: str, text: str = "") -> RequestFile:
        """Asks for a fee of ``amount``, such as ``500 JPY``.

        Raises:
            InvalidInputError: outside Japan a fee needs its reason (GDPR 12(5), CCPA 1798.145(h)(3)).
        """
        file = self._casebook.read(reference)
        if file.case.residence != "jp" and not text:
            detail = "a fee is only for requests that are manifestly unfounded or excessive; say why this one is"
            raise InvalidInputError(detail, errors={"text": ["a reason is needed"]})
        return self._take(reference, by, "quote_fee", amount=amount, text=text)

    def settle_fee(self, reference: str, by: str, *, waived: bool = False) -> RequestFile:
        """Notes that the fee was paid, or is not asked for any more."""
        return self._take(reference, by, "waive_fee" if waived else "pay_fee")

    def extend(self, reference: str, by: str, text: str) -> RequestFile:
        """Takes the longer time, and says why."""
        return self._take(reference, by, "extend", text=_needed(text, "the person is told why"))

    def route(self, reference: str, by: str, text: str) -> RequestFile:
        """Notes that a complaint was passed to the supervisory authority: which one, under which number."""
        return self._take(reference, by, "route", text=_needed(text, "the person is told to whom"))

    def decide(
        self,
        reference: str,
        by: str,
        outcome: Outcome,
        *,
        ground: str | None = None,
        text: str = "",
        value: str = "",
        investigation: str = "",
    ) -> RequestFile:
        """Decides a request, and queues the notice of it; a refusal is told at once and needs nothing more.

        Args:
            outcome: granted, partly, alternative_measure or refused.
            ground: the coded ground; needed for all but granted.
            text: reasons for the person to read; an alternative measure must be described.
            value: what a correction or addition records from now on.
            investigation: what was looked into and found; for the file alone.

        Raises:
            RequestGroundError: the ground is missing or does not fit.
            InvalidInputError: a correction without a value or an investigation, a measure without its description.
        """
        file = self._casebook.read(reference)
        if KINDS[file.case.kind].effect == "correct":
            _needed(investigation, "the investigation is recorded (APPI 34(2))", "investigation")
            if outcome in ("granted", "partly"):
                _needed(value, "what is recorded from now on", "value")
        if outcome == "alternative_measure":
            _needed(text, "the measure is described to the person")
        step = Step("decide", self._casebook.now_ms(), outcome=outcome, ground=ground)
        words = _words(text=text, value=value, investigation=investigation)
        return self._close(reference, Note(step, by, words))

    def notify(self, reference: str, by: str, channel: Channel) -> RequestFile:
        """Notes how the person was told, where no mail could do it.

        Raises:
            InvalidInputError: ``mail`` without an address.
        """
        if channel == "mail" and self._casebook.read(reference).person.email is None:
            raise InvalidInputError("there is no e-mail address", errors={"channel": ["use letter or page"]})
        return self._advance(reference, Note(Step("notify", self._casebook.now_ms(), channel=channel), by))

    def _take(self, reference: str, by: str, name: StepName, **words: str) -> RequestFile:
        return self._advance(reference, Note(Step(name, self._casebook.now_ms()), by, _words(**words)))

    def _advance(self, reference: str, *notes: Note) -> RequestFile:
        return self._casebook.write(
            lambda transaction: self._casebook.advance(transaction, self._casebook.load(transaction, reference), *notes)
        )

    def _close(self, reference: str, note: Note) -> RequestFile:
        return self._casebook.write(
            lambda transaction: self._casebook.close(transaction, self._casebook.load(transaction, reference), note)
        )


def _words(**words: str) -> dict[str, str]:
    return {name: text for name, text in words.items() if text}


def _needed(text: str, why: str, name: str = "text") -> str:
    if not text.strip():
        raise InvalidInputError(f"{name} is missing: {why}", errors={name: ["must not be empty"]})
    return text
