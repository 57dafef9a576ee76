"""Officers: the persons in charge, each with a passphrase and the roles that limit what they reach (S33)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from cookiegate.clock import Clock
from cookiegate.errors import InvalidInputError, OfficerDeniedError
from cookiegate.ledger.entries import record_entry
from cookiegate.storage.contract import Record, Storage, WriteTransaction
from cookiegate.storage.tables_ip_evidence import officers

Role = Literal["look-up", "approve"]
ROLES: tuple[Role, ...] = get_args(Role)
PASSPHRASE_MIN_CHARS = 12
PASSPHRASE_MAX_CHARS = 256
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
#: Verified when nobody has the name, so that both refusals take as long.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$bD571B+nNbqWrha2Uw1/fw$eM0OjTxDw1zdZ3XM/UyMQmbaF3GSagJJBF0EJHHb+cE"


@dataclass(frozen=True, slots=True)
class Officer:
    """Someone who may act, and in which roles."""

    name: str
    roles: tuple[Role, ...]
    added_at_ms: int
    disabled_at_ms: int | None

    @property
    def is_active(self) -> bool:
        """Whether they may still act."""
        return self.disabled_at_ms is None


class Officers:
    """The register of officers.

    Args:
        storage: the record.
        clock: dates changes.
    """

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._hasher = PasswordHasher()

    def add(self, name: str, passphrase: str, roles: Iterable[str]) -> Officer:
        """Adds an officer.

        Args:
            name: 1 to 63 of ``a-z 0-9 . _ -``; it appears in the ledger.
            passphrase: 12 to 256 characters; its Argon2id hash alone is stored.
            roles: of ``look-up`` (may ask for a look-up) and ``approve`` (may allow one).

        Raises:
            InvalidInputError: naming the field.
        """
        given = tuple(sorted(set(roles)))
        faults = _faults(name, passphrase, given)
        if faults:
            raise InvalidInputError("; ".join(faults.values()), errors={key: [text] for key, text in faults.items()})
        now_ms, digest = self._clock.now_ms(), self._hasher.hash(passphrase)
        row = {"name": name, "roles": " ".join(given), "passphrase_hash": digest, "added_at_ms": now_ms}

        def work(transaction: WriteTransaction) -> None:
            if transaction.execute(sa.select(officers.c.name).where(officers.c.name == name)):
                raise InvalidInputError(f"{name} is an officer already", errors={"name": ["taken"]})
            transaction.execute(sa.insert(officers).values(**row))
            _record(transaction, "officer_added", {"officer": name, "roles": list(given)}, now_ms)

        self._storage.write(work)
        return self._find(name)

    def disable(self, name: str) -> Officer:
        """Ends an officer's powers; the name stays, since the ledger mentions it.

        Raises:
            InvalidInputError: nobody has this name.
        """
        officer = self._find(name)
        now_ms = self._clock.now_ms()

        def work(transaction: WriteTransaction) -> None:
            transaction.execute(sa.update(officers).where(officers.c.name == name).values(disabled_at_ms=now_ms))
            _record(transaction, "officer_disabled", {"officer": name}, now_ms)

        if officer.is_active:
            self._storage.write(work)
        return self._find(name)

    def every(self) -> list[Officer]:
        """Every officer, by name."""
        return [_officer(row) for row in self._storage.read(sa.select(officers).order_by(officers.c.name))]

    def authenticate(self, name: str, passphrase: str, role: Role) -> Officer:
        """The officer behind a name, if the passphrase is theirs and the role is one of theirs.

        Raises:
            OfficerDeniedError: whatever it is that does not fit; who asks learns no more.
        """
        rows = self._storage.read(sa.select(officers).where(officers.c.name == name))
        known = self._verify(rows[0]["passphrase_hash"] if rows else _NOBODY, passphrase)
        officer = _officer(rows[0]) if rows and known else None
        if officer is None or not officer.is_active or role not in officer.roles:
            raise OfficerDeniedError(f"no active officer has this name, this passphrase and the role {role}")
        return officer

    def _verify(self, digest: str, passphrase: str) -> bool:
        try:
            return self._hasher.verify(digest, passphrase[:PASSPHRASE_MAX_CHARS])
        except (Argon2Error, InvalidHashError):
            return False

    def _find(self, name: str) -> Officer:
        rows = self._storage.read(sa.select(officers).where(officers.c.name == name))
        if not rows:
            raise InvalidInputError(
                f"nobody is called {name}; see cookiegate officers list", errors={"name": ["unknown"]}
            )
        return _officer(rows[0])


def _record(transaction: WriteTransaction, step: str, facts: Mapping[str, Any], at_ms: int) -> None:
    # Whoever adds a second person to approve their own look-up leaves a trace of that, too.
    record_entry(transaction, kind="break_glass", site=None, body={"step": step, **facts}, at_ms=at_ms)


def _faults(name: str, passphrase: str, roles: tuple[str, ...]) -> dict[str, str]:
    faults = {}
    if _NAME.fullmatch(name) is None:
        faults["name"] = "a name is 1 to 63 of a-z, 0-9, dot, _ and -"
    if not PASSPHRASE_MIN_CHARS <= len(passphrase) <= PASSPHRASE_MAX_CHARS:
        faults["passphrase"] = f"a passphrase has {PASSPHRASE_MIN_CHARS} to {PASSPHRASE_MAX_CHARS} characters"
    if not roles or not set(roles) <= set(ROLES):
        faults["roles"] = "a role is one of " + ", ".join(ROLES)
    return faults


def _officer(row: Record) -> Officer:
    roles = tuple(role for role in ROLES if role in row["roles"].split())
    return Officer(row["name"], roles, row["added_at_ms"], row["disabled_at_ms"])
