"""What choices under one policy version come to, each worked out once: most visitors choose one of a few things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from cookiegate.consent.grants import Action, Grant, decide_grant, shown_acquire, shown_purposes
from cookiegate.ledger.hashing import canonical
from cookiegate.policy.document import CATEGORIES, PublishedPolicy

#: Choices of one version, and versions, that are remembered. Beyond that they are worked out again.
KEPT_CHOICES = 4_096
KEPT_VERSIONS = 256
Chosen = Mapping[str, bool]
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A grant, and what a record says of it: every purpose and optional category with whether it is on, canonical."""

    grant: Grant
    purposes: msgspec.Raw
    acquire: msgspec.Raw


class Choices:
    """The choices under one policy version.

    Args:
        published: the version.
    """

    def __init__(self, published: PublishedPolicy) -> None:
        self.published = published
        self._by_action: dict[tuple[Action, bool], Choice] = {}
        self._by_grant: dict[Grant, Choice] = {}
        self._recorded: dict[tuple[int, bytes, bytes], Grant] = {}

    def decide(
        self, action: Action, purposes: Chosen | None, acquire: Chosen | None, *, under_signal: bool = False
    ) -> Choice:
        """What a decision allows.

        Args:
            action, purposes, acquire, under_signal: as for :func:`~cookiegate.consent.grants.decide_grant`.

        Raises:
            InvalidInputError: likewise.
        """
        if purposes is not None or acquire is not None:
            return self.of(decide_grant(self.published.policy, action, purposes, acquire, under_signal=under_signal))
        known = self._by_action.get((action, under_signal))
        if known is None:
            grant = decide_grant(self.published.policy, action, None, None, under_signal=under_signal)
            known = self._by_action[action, under_signal] = self.of(grant)
        return known

    def of(self, grant: Grant) -> Choice:
        """A grant under this version."""
        known = self._by_grant.get(grant)
        if known is None:
            policy = self.published.policy
            shown = shown_purposes(policy, grant.purposes), shown_acquire(policy, grant.acquire)
            known = Choice(grant, *(msgspec.Raw(canonical(part)) for part in shown))
            _remember(self._by_grant, grant, known, KEPT_CHOICES)
        return known

    def recorded(self, version: int, purposes: bytes, acquire: bytes) -> Grant:
        """What is left, under this version, of what a record says.

        Args:
            version: the record's.
            purposes, acquire: the record's members of these names, JSON.
        """
        place = version, purposes, acquire
        grant = self._recorded.get(place)
        if grant is None:
            policy = self.published.policy
            on, taken = _read_chosen(purposes), _read_chosen(acquire)
            grant = Grant(
                tuple(purpose.key for purpose in policy.optional_purposes if on.get(purpose.key)),
                tuple(category for category in CATEGORIES if taken.get(category)),
            )
            if version != self.published.version:
                grant = grant.within(policy)
            _remember(self._recorded, place, grant, KEPT_CHOICES)
        return grant


class ChoiceBook:
    """The choices under every version that is asked for. Safe for threads: what two work out at once is the same."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, int], Choices] = {}

    def under(self, published: PublishedPolicy) -> Choices:
        """The choices under a version."""
        place = published.policy.site, published.version
        known = self._versions.get(place)
        if known is None or known.published is not published:
            known = Choices(published)
            _remember(self._versions, place, known, KEPT_VERSIONS)
        return known


_read_chosen = msgspec.json.Decoder(dict[str, bool]).decode


def _remember(known: dict[K, V], key: K, value: V, most: int) -> None:
    if len(known) >= most:
        known.clear()
    known[key] = value
