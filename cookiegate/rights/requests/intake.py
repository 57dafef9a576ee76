"""Taking a request in: once, however often it is sent; with its first steps where they are clear from the beginning."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cookiegate.consent.ids import hash_handle
from cookiegate.errors import IdempotencyConflictError, InvalidInputError, ReceiptInvalidError, RecordDamagedError
from cookiegate.ledger.hashing import canonical
from cookiegate.ledger.ids import new_id
from cookiegate.ledger.receipt_reading import read_receipt
from cookiegate.rights.requests.case import Case, Step
from cookiegate.rights.requests.casebook import SERVICE, Casebook, Intake
from cookiegate.rights.requests.codes import derive_code, hash_code, new_reference
from cookiegate.rights.requests.deadlines import Residence
from cookiegate.rights.requests.files import Note, Person, RequestFile
from cookiegate.rights.requests.kinds import KINDS, Kind
from cookiegate.storage.contract import WriteTransaction
from cookiegate.tokens.jws import PublicKeys


@dataclass(frozen=True, slots=True)
class Application:
    """What somebody asks for, already of the right shape.

    ``agent`` is who writes for the person, ``authority`` why they may. ``receipt`` proves whose record is meant.
    """

    site: str
    kind: Kind
    residence: Residence
    locale: str
    message: str = ""
    name: str = ""
    email: str | None = None
    agent: str | None = None
    authority: str | None = None
    receipt: str | None = None

    def digest(self, idempotency_key: str) -> bytes:
        """What must be equal for a repeated key to be the same request.

        The key is hashed too: without it, which is not stored, nobody can try addresses and names until one fits, not
        even in a backup from before the request was erased.
        """
        return hashlib.sha256(canonical({"key": idempotency_key, **asdict(self)})).digest()


@dataclass(frozen=True, slots=True)
class Received:
    """A request that is in the record. ``code`` is for the person alone; ``is_new`` is false for a repetition."""

    file: RequestFile
    code: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Proof:
    """What somebody showed: whose record it is, None when nothing of it is left."""

    subject_key_id: int | None


class Reception:
    """Takes requests in.

    Args:
        casebook: where they go.
        jwks: gives the published keys, for receipts.
        secret: 32 bytes from which codes are derived.
        target_days: what "without delay" means.
    """

    def __init__(
        self, casebook: Casebook, jwks: Callable[[], Mapping[str, Any]], secret: bytes, target_days: int
    ) -> None:
        self._casebook = casebook
        self._jwks = jwks
        self._secret = secret
        self._target_days = target_days

    def receive(
        self, application: Application, idempotency_key: str, *, handle: str | None = None, by: str = "person"
    ) -> Received:
        """Records a request and returns once it is durable.

        Args:
            application: what is asked for.
            idempotency_key: of the submission; the same one gives the same request and code.
            handle: the visitor's, if their browser holds one.
            by: who enters it.

        Raises:
            InvalidInputError: the receipt is not one of ours, or of another site.
            RecordDamagedError: the receipt is ours, and the record says something else.
            IdempotencyConflictError: the key came before with another request.
            StorageError: nothing was recorded; a retry is safe.
        """
        proof = self._prove(application, handle)
        code = derive_code(self._secret, application.site, idempotency_key)
        intake = Intake(hashlib.sha256(idempotency_key.encode()).digest(), application.digest(idempotency_key))

        def work(transaction: WriteTransaction) -> Received:
            began = self._casebook.began(transaction, application.site, intake.key)
            if began is None:
                file, steps = self._open(application, proof, code), self._first_steps(application, proof, by)
                told = serves_at_once(file, proof is not None and application.agent is None)
                return Received(self._casebook.begin(transaction, file, steps, intake, told=told), code, is_new=True)
            if began[1] != intake.digest:
                raise IdempotencyConflictError("this key was used for another request; use a new one")
            return Received(began[0], code, is_new=False)

        return self._casebook.write(work)

    def _prove(self, application: Application, handle: str | None) -> _Proof | None:
        storage = self._casebook.storage
        if application.receipt is not None:
            return self._read_receipt(application.site, application.receipt)
        consent = storage.find_consent(application.site, hash_handle(handle)) if handle else None
        return _Proof(consent.key_id) if consent else None

    def _read_receipt(self, site: str, text: str) -> _Proof:
        try:
            receipt = read_receipt(text, PublicKeys(self._jwks()))
        except ReceiptInvalidError as error:
            raise InvalidInputError("the receipt does not fit", errors={"receipt": [error.detail]}) from error
        decision = self._casebook.storage.decision(receipt.decision_id)
        if receipt.site != site or decision is None or decision.site != site:
            raise InvalidInputError("the receipt does not fit", errors={"receipt": ["it is of another site"]})
        if decision.leaf != receipt.leaf:
            raise RecordDamagedError("the record differs from a receipt that was signed over it", decision=decision.id)
        return _Proof(None if decision.is_erased else decision.key_id)

    def _open(self, application: Application, proof: _Proof | None, code: str) -> RequestFile:
        now_ms = self._casebook.now_ms()
        person = Person(
            name=application.name,
            email=application.email,
            message=application.message,
            agent=application.agent,
            authority=application.authority,
            subject_key_id=proof.subject_key_id if proof else None,
        )
        return RequestFile(
            id=new_id(now_ms),
            reference=new_reference(),
            site=application.site,
            locale=application.locale,
            key_id=self._casebook.storage.vault.new_key(),
            code_hash=hash_code(code),
            person=person,
            received=Case.open(application.kind, application.residence, now_ms, self._target_days),
        )

    def _first_steps(self, application: Application, proof: _Proof | None, by: str) -> list[Note]:
        now_ms = self._casebook.now_ms()
        if application.agent is not None:
            return [Note(Step("name_agent", now_ms), by)]  # what an agent shows proves nothing of their authority
        if proof is None:
            return []
        return [Note(Step("verify", now_ms, method="possession"), SERVICE), Note(Step("take_up", now_ms), SERVICE)]


def serves_at_once(file: RequestFile, is_proved: bool) -> bool:
    """Whether the service itself answers a request, without the desk."""
    effect = KINDS[file.received.kind].effect
    is_known = effect == "explain" or file.person.subject_key_id is not None
    return is_proved and is_known and KINDS[file.received.kind].is_served_at_once
