"""Everything that handles requests, wired once, for the service and for the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cookiegate.clock import Clock
from cookiegate.policy.publishing import PolicyBook
from cookiegate.rights.delivery.streams import Streams
from cookiegate.rights.erasure import Erasure
from cookiegate.rights.requests.casebook import Casebook
from cookiegate.rights.requests.counter import Counter
from cookiegate.rights.requests.desk import RequestDesk
from cookiegate.rights.requests.documents import drop_old_documents
from cookiegate.rights.requests.intake import Reception
from cookiegate.rights.requests.links import RequestLinks
from cookiegate.rights.requests.messages import Messenger
from cookiegate.rights.requests.serving import Serving
from cookiegate.rights.restriction import Restriction
from cookiegate.settings import Settings
from cookiegate.storage.contract import Storage


@dataclass(frozen=True, slots=True)
class RequestOffice:
    """``reception`` takes requests in, ``counter`` serves the person, ``desk`` the officer, ``serving`` carries out."""

    book: PolicyBook
    casebook: Casebook
    reception: Reception
    counter: Counter
    desk: RequestDesk
    serving: Serving
    messenger: Messenger
    document_days: int

    def drop_old_documents(self) -> int:
        """Destroys the proofs of identity that were kept for long enough; returns how many."""
        return drop_old_documents(self.casebook.storage, self.casebook.now_ms(), self.document_days)


def open_office(
    settings: Settings,
    storage: Storage,
    book: PolicyBook,
    clock: Clock,
    *,
    secret: bytes,
    jwks: Callable[[], Mapping[str, Any]],
    erasure: Erasure,
    restriction: Restriction,
) -> RequestOffice:
    """Wires the office.

    Args:
        settings: addresses and spans.
        storage: the record.
        book: the policies.
        clock: stamps the steps.
        secret: 32 bytes for codes and links.
        jwks: gives the published keys, for receipts.
        erasure, restriction: carry out.
    """
    links = RequestLinks(secret, settings.base_url)
    messenger = Messenger(storage.vault, book, links, settings.document_days)
    casebook = Casebook(storage, book, messenger, clock)
    return RequestOffice(
        book=book,
        casebook=casebook,
        reception=Reception(casebook, jwks, secret, settings.request_target_days),
        counter=Counter(casebook, links),
        desk=RequestDesk(casebook),
        serving=Serving(casebook, erasure, restriction, Streams(storage)),
        messenger=messenger,
        document_days=settings.document_days,
    )
