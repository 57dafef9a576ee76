"""What the person themselves does with their request, on the pages: see it, confirm the address, show who they are."""

from __future__ import annotations

from cookiegate.errors import NotFoundError, RequestStepError
from cookiegate.rights.requests.case import Step
from cookiegate.rights.requests.casebook import SERVICE, Casebook
from cookiegate.rights.requests.codes import is_code
from cookiegate.rights.requests.documents import check_document, keep_document
from cookiegate.rights.requests.files import Note, RequestFile
from cookiegate.rights.requests.kinds import KINDS
from cookiegate.rights.requests.links import RequestLinks
from cookiegate.rights.requests.machine import possible_steps
from cookiegate.storage.contract import WriteTransaction

PERSON = "person"


class Counter:
    """Serves the person who made a request.

    Args:
        casebook: the requests.
        links: checks the links that were mailed.
    """

    def __init__(self, casebook: Casebook, links: RequestLinks) -> None:
        self._casebook = casebook
        self._links = links

    def open(self, site: str, reference: str, code: str) -> RequestFile:
        """The request, for whoever has its code.

        Raises:
            NotFoundError: there is none, or the code is another one; which of these is not told.
        """
        try:
            file = self._casebook.read(reference)
        except NotFoundError:
            is_code(code, bytes(32))  # takes as long as for a reference that there is
            raise
        if not is_code(code, file.code_hash) or file.site != site:
            raise NotFoundError("there is no request with this reference and code")
        return file

    def find_by_link(self, site: str, reference: str, token: str) -> RequestFile | None:
        """The request whose address a link would confirm; None for a link that does nothing any more."""
        try:
            file = self._casebook.read(reference)
        except NotFoundError:
            return None
        works = file.site == site and is_waiting_for_address(file)
        return file if works and self._links.check(file, token, self._casebook.now_ms()) else None

    def confirm_address(self, site: str, reference: str, token: str) -> RequestFile:
        """The person followed the link in our mail, and pressed the button.

        Raises:
            NotFoundError: the link is not ours, has run out, or was used.
        """
        now_ms = self._casebook.now_ms()

        def work(transaction: WriteTransaction) -> RequestFile:
            file = self._casebook.load(transaction, reference)
            if file.site != site or not self._links.check(file, token, now_ms) or not is_waiting_for_address(file):
                raise NotFoundError("this link was used already or has run out")
            notes = [Note(Step("confirm_address", now_ms), PERSON)]
            if KINDS[file.case.kind].address_suffices and file.case.agent == "none":
                notes += [
                    Note(Step("verify", now_ms, method="address"), SERVICE),
                    Note(Step("take_up", now_ms), SERVICE),
                ]
            return self._casebook.advance(transaction, file, *notes)

        return self._casebook.write(work)

    def give_document(self, file: RequestFile, content: bytes, limit_bytes: int) -> RequestFile:
        """The person sent a proof of identity.

        Raises:
            BodyTooLargeError, InvalidInputError: it cannot be taken.
            RequestStepError: none was asked for.
        """
        media_type, now_ms = check_document(content, limit_bytes), self._casebook.now_ms()

        def work(transaction: WriteTransaction) -> RequestFile:
            current = self._casebook.load(transaction, file.reference)
            if current.case.identity != "given" or current.case.state != "received":
                current = self._casebook.advance(transaction, current, Note(Step("give_identity", now_ms), PERSON))
            keep_document(self._casebook.storage, transaction, file.id, media_type, content, now_ms)
            return current

        return self._casebook.write(work)

    def withdraw(self, file: RequestFile) -> RequestFile:
        """The person takes the request back."""
        note = Note(Step("withdraw", self._casebook.now_ms()), PERSON)
        return self._casebook.write(
            lambda transaction: self._casebook.close(
                transaction, self._casebook.load(transaction, file.reference), note, seen=True
            )
        )

    def show_result(self, file: RequestFile) -> RequestFile:
        """The person looks at their request: what waited to be told is told by that."""
        if "notify" not in possible_steps(file.case):
            return file
        note = Note(Step("notify", self._casebook.now_ms(), channel="page"), SERVICE)
        try:
            return self._casebook.write(
                lambda transaction: self._casebook.advance(
                    transaction, self._casebook.load(transaction, file.reference), note
                )
            )
        except RequestStepError:  # told elsewhere at the same moment
            return self._casebook.read(file.reference)


def is_waiting_for_address(file: RequestFile) -> bool:
    """Whether the link that was mailed may still be used."""
    return file.person.email is not None and "confirm_address" in possible_steps(file.case)
