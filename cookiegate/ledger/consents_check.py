"""Compares the consents that gates go by with the decisions that the ledger proves."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from cookiegate.errors import RecordDamagedError
from cookiegate.ledger.findings import Findings
from cookiegate.storage.contract import ConsentRow, DecisionRow, Record, Storage
from cookiegate.storage.sealed_rows import consent_from_columns, decision_from_columns
from cookiegate.storage.tables import consents, decisions

PAGE = 1_000
_DAMAGE = (RecordDamagedError, msgspec.DecodeError, TypeError, ValueError, IndexError)


class _Choice(msgspec.Struct):
    purposes: dict[str, bool]
    acquire: dict[str, bool]
    epoch: int


def check_consents(storage: Storage, found: Findings, erased: Container[int] = ()) -> None:
    """Finds every consent that is not what its person last decided.

    A row is read in one statement with its decision, so that a service at work cannot come in between.

    Args:
        storage: the record.
        found: takes a ``consent_differs`` for each.
        erased: subject keys that were destroyed after this copy of a record was made.
    """
    for row in _rows(storage):
        if row["key_id"] in erased:
            continue
        where = f"consent of decision {row['decision_id']}"
        try:
            fault = _fault(storage, row)
        except _DAMAGE:
            fault = "its payload does not open"
        if fault is not None:
            found.add("consent_differs", where, fault)


def _rows(storage: Storage) -> Iterator[Record]:
    others = decisions.alias("others")
    # By epochs: whoever's clock was set back stamps a later decision with an earlier time.
    newest = sa.select(sa.func.max(others.c.epoch)).where(others.c.key_id == consents.c.key_id).scalar_subquery()
    theirs = [column.label(f"of_{column.name}") for column in decisions.c]
    source = consents.outerjoin(decisions, decisions.c.id == consents.c.decision_id)
    place = sa.tuple_(consents.c.site, consents.c.handle_hash)
    query = sa.select(*consents.c, *theirs, newest.label("newest")).select_from(source).limit(PAGE)
    query = query.order_by(consents.c.site, consents.c.handle_hash)
    page = storage.read(query)
    while page:
        yield from page
        last = sa.tuple_(sa.literal(page[-1]["site"]), sa.literal(page[-1]["handle_hash"]))
        page = storage.read(query.where(place > last))


def _fault(storage: Storage, row: Record) -> str | None:
    consent = consent_from_columns(storage.vault, tuple(row[column.name] for column in consents.c))
    if consent is None:
        return "it lies under a key that was destroyed"
    if row["of_id"] is None:
        return "there is no such decision"
    decision = decision_from_columns(storage.vault, tuple(row[f"of_{column.name}"] for column in decisions.c))
    if row["newest"] > decision.epoch:
        return f"the person decided again later, at epoch {row['newest']}"
    return _difference(consent, decision)


def _difference(consent: ConsentRow, decision: DecisionRow) -> str | None:
    choice = msgspec.json.decode(decision.record, type=_Choice)
    pairs: tuple[tuple[str, Any, Any], ...] = (
        ("key", consent.key_id, decision.key_id),
        ("site", consent.site, decision.site),
        ("pseudonym", consent.sub, decision.sub),
    )
    for name, held, decided in pairs:
        if held != decided:
            return f"its {name} is another than the decision's"
    if consent.epoch < choice.epoch:
        return "its epoch is older than the decision's"
    for name, held, chosen in (
        ("purposes", consent.purposes, choice.purposes), ("categories", consent.acquire, choice.acquire)
    ):  # fmt: skip
        more = sorted(set(held.split()) - {key for key, given in chosen.items() if given})
        if more:
            return f"it allows {name} that were not granted: {', '.join(more)}"
    return None
