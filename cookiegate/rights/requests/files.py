"""A request as it lies in the record: its person, its steps with their words, and how these become rows.

What is said about a person, and every word that somebody wrote, is encrypted under the request's own key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec

from cookiegate.errors import RecordDamagedError
from cookiegate.rights.requests.case import Case, Step
from cookiegate.rights.requests.machine import replay
from cookiegate.storage.contract import Record
from cookiegate.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks, in their own words.

    ``name`` and ``email`` are those of whoever wrote, the person or their agent. ``subject_key_id`` is the key of the
    record that they proved to be theirs, None while nothing is proved.
    """

    name: str = ""
    email: str | None = None
    message: str = ""
    agent: str | None = None
    authority: str | None = None
    subject_key_id: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A step that was taken: by whom, and with which words (``text``, ``value``, ``amount``, …)."""

    step: Step
    by: str
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequestFile:
    """One request, whole. ``received`` is what the case began as."""

    id: str
    reference: str
    site: str
    locale: str
    key_id: int
    code_hash: bytes
    person: Person
    received: Case
    notes: tuple[Note, ...] = ()

    @property
    def case(self) -> Case:
        """Where it stands: what it began as, and all its steps."""
        return replay(self.received, (note.step for note in self.notes))

    def words_of(self, name: str) -> Mapping[str, str]:
        """The words of the last step of this name."""
        return next((note.words for note in reversed(self.notes) if note.step.name == name), {})

    @property
    def sequence(self) -> int:
        """The place in the streams that subscribers have to acknowledge; 0 for none."""
        return int(self.words_of("act").get("sequence", "0"))

    def facts(self) -> dict[str, str | None]:
        """What the ledger and other systems are told of it: nothing about the person."""
        case = self.case
        outcome, ground = case.outcome, case.ground
        return {
            "request": self.reference, "request_kind": case.kind, "state": case.state,
            "outcome": outcome, "ground": ground,
        }  # fmt: skip


def file_columns(vault: Vault, file: RequestFile) -> Record:
    """The columns of ``requests`` that are made from a file; the intake adds its own."""
    case = file.case
    return {
        "id": file.id,
        "reference": file.reference,
        "site": file.site,
        "kind": case.kind,
        "residence": case.residence,
        "locale": file.locale,
        "target_days": case.target_days,
        "received_at_ms": case.received_at_ms,
        "state": case.state,
        "notified_at_ms": None,
        "code_hash": file.code_hash,
        "key_id": file.key_id,
        "sealed": seal_person(vault, file),
    }


def seal_person(vault: Vault, file: RequestFile) -> bytes:
    """The person, encrypted."""
    return vault.encrypt(file.key_id, f"requests:{file.id}", msgspec.json.encode(asdict(file.person)))


def file_from_rows(vault: Vault, row: Record, steps: list[Record]) -> RequestFile:
    """A file from its row and those of its steps, in order.

    Raises:
        RecordDamagedError: what was encrypted was changed, or its key is gone.
    """
    person = Person(**_open(vault, row["key_id"], f"requests:{row['id']}", row["sealed"]))
    received = Case.open(row["kind"], row["residence"], row["received_at_ms"], row["target_days"])
    notes = tuple(_note(vault, row["key_id"], step) for step in steps)
    return RequestFile(
        row["id"], row["reference"], row["site"], row["locale"], row["key_id"], row["code_hash"],
        person, received, notes,
    )  # fmt: skip


def step_columns(vault: Vault, file: RequestFile, number: int) -> Record:
    """The columns of ``request_steps`` for one of a file's notes."""
    note = file.notes[number]
    step, context = note.step, f"request_steps:{file.id}:{number}"
    return {
        "request_id": file.id,
        "number": number,
        "name": step.name,
        "at_ms": step.at_ms,
        "actor": note.by[:64],
        "method": step.method,
        "outcome": step.outcome,
        "ground": step.ground,
        "channel": step.channel,
        "sealed": vault.encrypt(file.key_id, context, msgspec.json.encode(note.words)) if note.words else None,
    }


def _note(vault: Vault, key_id: int, row: Record) -> Note:
    names = ("name", "at_ms", "method", "outcome", "ground", "channel")
    words: dict[str, str] = {}
    if row["sealed"] is not None:
        words = _open(vault, key_id, f"request_steps:{row['request_id']}:{row['number']}", row["sealed"])
    return Note(Step(**{name: row[name] for name in names}), row["actor"], words)


def _open(vault: Vault, key_id: int, context: str, sealed: bytes) -> dict[str, Any]:
    plain = vault.decrypt(key_id, context, sealed)
    if plain is None:
        raise RecordDamagedError(f"the key of {context} is gone but its row is not", context=context)
    found: dict[str, Any] = msgspec.json.decode(plain)
    return found
