"""Every type of record that retention knows, wired once, for the service and for the command line."""

from __future__ import annotations

from collections.abc import Callable

from cookiegate.clock import Clock
from cookiegate.policy.publishing import PolicyBook
from cookiegate.rights.addresses.evidence import IpEvidence
from cookiegate.rights.delivery.outbox_rows import ENDED_KEPT_MS, Outbox
from cookiegate.rights.delivery.streams import SUBJECT_KEPT_MS, Streams
from cookiegate.rights.events.files import FOLDER, EventFiles
from cookiegate.rights.holds import Holds
from cookiegate.rights.provision.provisions import Provisions
from cookiegate.rights.requests.casebook import Casebook
from cookiegate.rights.retention.disposals import DAY_MS, Disposal
from cookiegate.rights.retention.event_disposal import EventDisposal
from cookiegate.rights.retention.record_disposals import (
    AddressDisposal,
    LeftoverDisposal,
    ProvisionDisposal,
    RequestDisposal,
)
from cookiegate.rights.retention.retention import PurgeReport, Retention
from cookiegate.rights.retention.subject_disposal import SubjectDisposal
from cookiegate.settings import Settings
from cookiegate.storage.contract import Storage
from cookiegate.storage.tables import answers, revocations
from cookiegate.storage.tables_deliveries import outbox

#: How long a repeated idempotency key is answered.
ANSWERS_KEPT_DAYS = 7


def open_retention(
    settings: Settings,
    storage: Storage,
    book: PolicyBook,
    holds: Holds,
    clock: Clock,
    *,
    casebook: Casebook,
    provisions: Provisions,
    on_purged: Callable[[PurgeReport], object] = lambda report: None,
) -> Retention:
    """Retention over every type of record that the service keeps.

    Args:
        settings: name the folder of collected events.
        storage, book, holds, clock: as for :class:`Retention`.
        casebook: of requests.
        provisions: of provisions.
        on_purged: as for :class:`Retention`.
    """
    streams, deliveries = Streams(storage), Outbox(storage, clock)
    disposals: list[Disposal] = [
        SubjectDisposal(storage),
        RequestDisposal(casebook),
        ProvisionDisposal(storage, provisions),
        AddressDisposal(storage, IpEvidence(storage, clock)),
        EventDisposal(storage, EventFiles(settings.data_dir / FOLDER)),
        LeftoverDisposal(
            storage,
            "answer",
            ANSWERS_KEPT_DAYS,
            answers,
            lambda before_ms: answers.c.created_at_ms < before_ms,
            storage.forget_answers,
        ),
        LeftoverDisposal(
            storage,
            "delivery",
            ENDED_KEPT_MS // DAY_MS,
            outbox,
            lambda before_ms: outbox.c.state.in_(("delivered", "dropped")) & (outbox.c.ended_at_ms < before_ms),
            lambda before_ms: deliveries.forget_ended(),
        ),
        LeftoverDisposal(
            storage,
            "revocation",
            SUBJECT_KEPT_MS // DAY_MS,
            revocations,
            lambda before_ms: revocations.c.sub.is_not(None) & (revocations.c.revoked_at_ms < before_ms),
            lambda before_ms: streams.forget_subjects(before_ms + SUBJECT_KEPT_MS),
        ),
    ]
    return Retention(storage, disposals, book, holds, clock, on_purged)
