"""Carrying requests out: at once for whoever showed that the record is theirs, for the desk, and in the background.

A request is carried out when every system that follows the streams has acknowledged what it was told.
"""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from cookiegate.errors import InvalidInputError, NotFoundError, OnHoldError, RecordDamagedError, RequestStepError
from cookiegate.rights.delivery.streams import Streams
from cookiegate.rights.erasure import Erasure
from cookiegate.rights.requests.case import Step, StepName
from cookiegate.rights.requests.casebook import SERVICE, Casebook
from cookiegate.rights.requests.files import Note, RequestFile
from cookiegate.rights.requests.intake import serves_at_once
from cookiegate.rights.requests.kinds import KINDS
from cookiegate.rights.requests.machine import take
from cookiegate.rights.restriction import Restriction
from cookiegate.storage.contract import WriteTransaction
from cookiegate.storage.tables_deliveries import stream_events


class Serving:
    """Acts on requests.

    Args:
        casebook: the requests.
        erasure: erases.
        restriction: stops use.
        streams: tells what subscribers have acknowledged.
    """

    def __init__(self, casebook: Casebook, erasure: Erasure, restriction: Restriction, streams: Streams) -> None:
        self._casebook = casebook
        self._erasure = erasure
        self._restriction = restriction
        self._streams = streams

    def serve(self, file: RequestFile) -> RequestFile:
        """Grants and carries out what needs no desk; anything else stays as it is.

        A legal hold leaves the request to the desk, and to the next turn of :meth:`carry_on`.
        """
        if not _needs_no_desk(file):
            return file
        try:
            sequence = self._do(file, SERVICE)
        except OnHoldError:
            return file
        granted = Note(Step("decide", self._casebook.now_ms(), outcome="granted"), SERVICE)
        return self._settle(file, [granted, self._acted(SERVICE, sequence)])

    def carry_out(self, reference: str, by: str, text: str = "") -> RequestFile:
        """Acts on a decision for the desk, or notes that the desk has acted.

        Args:
            reference: of a request that was decided, and not refused.
            by: who acts.
            text: what was done, for the person; needed where the service itself has nothing to do.

        Returns:
            The request: carried out, or still decided while subscribers have not acknowledged.

        Raises:
            InvalidInputError: ``text`` is missing.
            OnHoldError: a legal hold keeps the data.
            RequestStepError: it is not decided, was refused, or was carried out.
        """
        file = self._casebook.read(reference)
        if file.case.acted:
            return self.carry_on_with(file)
        acted = self._acted(by, 0, text)
        take(file.case, acted.step)
        if not _is_ours_to_do(file) and not text.strip():
            detail = "say what was done: this service has no record that it could act upon by itself"
            raise InvalidInputError(detail, errors={"text": ["must not be empty"]})
        sequence = self._do(file, by) if _is_ours_to_do(file) else 0
        return self._settle(file, [self._acted(by, sequence, text)])

    def carry_on(self) -> int:
        """Moves on every request that only waited: for subscribers, or for a hold to end. Returns how many moved.

        Raises:
            RecordDamagedError: some cannot be read; all others moved on.
        """
        moved, damage = 0, None
        for reference in self._casebook.waiting():
            try:
                file = self._casebook.read(reference)
                after = self.serve(file) if file.case.state == "deciding" else self.carry_on_with(file)
                moved += after.case.state != file.case.state
            except NotFoundError:  # disposed of a moment ago
                continue
            except RecordDamagedError as error:  # nobody else waits because of one damaged row
                damage = error
        if damage is not None:
            raise damage
        return moved

    def carry_on_with(self, file: RequestFile) -> RequestFile:
        """Notes that a request is carried out, once everyone has acknowledged."""
        return self._settle(file, []) if file.case.acted and file.case.state == "decided" else file

    def _do(self, file: RequestFile, by: str) -> int:
        """What the service itself does; the sequence to wait for, 0 for none. Doing it twice does no harm."""
        effect, key_id = KINDS[file.case.kind].effect, file.person.subject_key_id
        if key_id is None or effect not in ("erase", "restrict"):
            return 0
        try:
            if effect == "erase":
                return self._erasure.erase(key_id, site=file.site, by=by, request_id=file.reference).sequence or 0
            self._restriction.restrict(file.site, key_id, by=by, request_id=file.reference)
        except NotFoundError:  # nothing of theirs is kept or used, so nothing is left to do
            return 0
        return self._told_before(file.reference)

    def _told_before(self, reference: str) -> int:
        """What subscribers were told for this request, also when a crash kept us from noting it."""
        table = stream_events
        query = sa.select(sa.func.max(table.c.sequence).label("last")).where(table.c.request_id == reference)
        return int(self._casebook.storage.read(query)[0]["last"] or 0)

    def _acted(self, by: str, sequence: int, text: str = "") -> Note:
        words = {"sequence": str(sequence)} | ({"text": text} if text.strip() else {})
        return Note(Step("act", self._casebook.now_ms()), by, words)

    def _settle(self, file: RequestFile, notes: list[Note]) -> RequestFile:
        """Takes the steps, and ``carry_out`` as well when everyone has acknowledged."""
        after = replace(file, notes=(*file.notes, *notes))
        done: StepName = "carry_out"
        if not after.sequence or self._streams.is_acknowledged(after.sequence):
            notes = [*notes, Note(Step(done, self._casebook.now_ms()), SERVICE)]
        if not notes:
            return file

        def work(transaction: WriteTransaction) -> RequestFile:
            return self._casebook.close(transaction, self._casebook.load(transaction, file.reference), *notes)

        try:
            return self._casebook.write(work)
        except RequestStepError:  # somebody else was quicker; what they noted holds
            return self._casebook.read(file.reference)


def _needs_no_desk(file: RequestFile) -> bool:
    case = file.case
    proved = case.verified_by == "possession" and case.agent == "none"
    confirmed = case.verified_by == "address" and KINDS[case.kind].effect == "explain"
    return case.state == "deciding" and case.fee == "none" and serves_at_once(file, proved or confirmed)


def _is_ours_to_do(file: RequestFile) -> bool:
    """Whether the service's own record is all that the decision is about."""
    if file.case.outcome != "granted":
        return False
    effect = KINDS[file.case.kind].effect
    return effect == "explain" or (
        effect in ("disclose", "erase", "restrict") and file.person.subject_key_id is not None
    )
