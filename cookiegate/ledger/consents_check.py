"""Compares the consents that gates go by with what the ledger proves: decisions, restrictions and their ends.

What a consent allows is encrypted. Its epoch, time, status index and restriction are not: whoever writes the database
can write them, and here it is found.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from cookiegate.clock import rfc3339
from cookiegate.errors import RecordDamagedError
from cookiegate.ledger.findings import Findings
from cookiegate.storage.contract import ConsentRow, DecisionRow, Record, StatusSlot, Storage
from cookiegate.storage.sealed_rows import (
    ENTRY_COLUMNS,
    consent_from_columns,
    decision_from_columns,
    entry_from_columns,
)
from cookiegate.storage.tables import consents, decisions, entries

PAGE = 1_000
#: How far each restore that may lack something moves every epoch on: more changes than a consent sees in that time.
EPOCHS_LOST = 1_000
RESTRICTED, LIFTED = "restriction", "restriction_lifted"
_DAMAGE = (RecordDamagedError, msgspec.DecodeError, TypeError, ValueError, IndexError)


class _Signal(msgspec.Struct):
    """``since``: when what a browser's signal left standing was allowed."""

    since: str | None = None


class _Choice(msgspec.Struct):
    purposes: dict[str, bool]
    acquire: dict[str, bool]
    epoch: int
    signal: _Signal | None = None


class _Act(msgspec.Struct):
    """A restriction, or its end; ``status`` is the slot that a consent got with that."""

    kind: str
    epoch: int
    status: tuple[int, int] | None = None


def check_consents(storage: Storage, found: Findings, erased: Container[int] = ()) -> None:
    """Finds every consent that is not what its person last decided, and what was restricted or lifted since.

    A row is read in one statement with its decision and the number of restrictions, so that a service at work cannot
    come in between.

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
    numbers = (_count_of(RESTRICTED).label("restrictions"), _count_of(LIFTED).label("lifts"))
    query = sa.select(*consents.c, *theirs, newest.label("newest"), *numbers).select_from(source).limit(PAGE)
    query = query.order_by(consents.c.site, consents.c.handle_hash)
    page = storage.read(query)
    while page:
        yield from page
        last = sa.tuple_(sa.literal(page[-1]["site"]), sa.literal(page[-1]["handle_hash"]))
        page = storage.read(query.where(place > last))


def _count_of(kind: str) -> sa.ScalarSelect[int]:
    mine = (entries.c.key_id == consents.c.key_id, entries.c.site == consents.c.site, entries.c.kind == kind)
    return sa.select(sa.func.count()).select_from(entries).where(*mine).scalar_subquery()


def _fault(storage: Storage, row: Record) -> str | None:
    consent = consent_from_columns(storage.vault, tuple(row[column.name] for column in consents.c))
    if consent is None:
        return "it lies under a key that was destroyed"
    if row["of_id"] is None:
        return "there is no such decision"
    decision = decision_from_columns(storage.vault, tuple(row[f"of_{column.name}"] for column in decisions.c))
    if row["newest"] > decision.epoch:
        return f"the person decided again later, at epoch {row['newest']}"
    choice = msgspec.json.decode(decision.record, type=_Choice)
    since = (choice.signal and choice.signal.since) or rfc3339(decision.decided_at_ms)
    if rfc3339(consent.decided_at_ms) != since:
        return "its time is another than the decision's"
    return _difference(consent, decision, choice) or _beside(
        storage, row, consent, replace(decision, epoch=choice.epoch)
    )


def _difference(consent: ConsentRow, decision: DecisionRow, choice: _Choice) -> str | None:
    pairs: tuple[tuple[str, Any, Any], ...] = (
        ("key", consent.key_id, decision.key_id),
        ("site", consent.site, decision.site),
        ("pseudonym", consent.sub, decision.sub),
    )
    for name, held, decided in pairs:
        if held != decided:
            return f"its {name} is another than the decision's"
    for name, held, chosen in (
        ("purposes", consent.purposes, choice.purposes), ("categories", consent.acquire, choice.acquire)
    ):  # fmt: skip
        more = sorted(set(held.split()) - {key for key, given in chosen.items() if given})
        if more:
            return f"it allows {name} that were not granted: {', '.join(more)}"
    return None


def _beside(storage: Storage, row: Record, consent: ConsentRow, decision: DecisionRow) -> str | None:
    """What of the columns in clear is not as the ledger tells."""
    if consent.restricted != (row["restrictions"] > row["lifts"]):
        return "it is restricted, and nobody asked for that" if consent.restricted else "its restriction was taken away"
    act = _last_act(storage, row)
    told = max(decision.epoch, act.epoch if act else 0)
    restores, rest = divmod(consent.epoch - told, EPOCHS_LOST)
    if rest or restores < 0 or (restores and restores > _count_restores(storage)):
        return f"its epoch is {consent.epoch}, and the ledger tells of {told}"
    if consent.slot != _slot(consent, decision, act if restores == 0 else _Act(RESTRICTED, consent.epoch)):
        return "its status index is not the one that it was given"
    return None


def _slot(consent: ConsentRow, decision: DecisionRow, act: _Act | None) -> StatusSlot | None:
    """Where the tokens of a consent stand in the status lists."""
    if act is None or act.epoch <= decision.epoch:
        return decision.slot
    if act.kind == RESTRICTED or not consent.is_granted:
        return None
    if act.status is None:  # lifted by an older program: any, if there is one
        return consent.slot or StatusSlot(0, 0)
    return StatusSlot(*act.status)


def _last_act(storage: Storage, row: Record) -> _Act | None:
    """The last restriction or lift; of those that were there when the consent was read: each has a higher epoch."""
    count = row["restrictions"] + row["lifts"]
    if not count:
        return None
    query = sa.select(*(entries.c[name] for name in ENTRY_COLUMNS)).where(
        entries.c.key_id == row["key_id"], entries.c.site == row["site"], entries.c.kind.in_((RESTRICTED, LIFTED))
    )
    found = (entry_from_columns(storage.vault, tuple(entry.values())) for entry in storage.read(query))
    acts = (msgspec.json.decode(entry.record, type=_Act) for entry in found)
    return sorted(acts, key=lambda act: act.epoch)[:count][-1]


def _count_restores(storage: Storage) -> int:
    query = sa.select(sa.func.count().label("restores")).select_from(entries).where(entries.c.kind == "restore")
    return int(storage.read(query)[0]["restores"])
