"""Publishing a policy so that other systems hear of it: the webhook ``policy.published`` (S31).

People are told by the notice itself, its list of versions and its feed.
"""

from __future__ import annotations

from cookiegate.clock import Clock, rfc3339
from cookiegate.policy.document import Policy, PublishedPolicy
from cookiegate.policy.publishing import publish
from cookiegate.rights.delivery.outbox import enqueue_event
from cookiegate.storage.contract import Storage, WriteTransaction

EVENT = "policy.published"


def publish_and_announce(storage: Storage, policy: Policy, clock: Clock) -> PublishedPolicy:
    """Makes a policy the newest version of its site, and queues the announcement when it is a new one.

    Args:
        storage: the record.
        policy: a policy that passed its checks.
        clock: dates both.

    Raises:
        StorageError: nothing was published, or it was and nobody is told: the notice's own feed tells in any case.
    """
    before = storage.policies.latest(policy.site)
    published = publish(storage, policy, clock)
    if before is None or published.version > before.version:
        storage.write(lambda transaction: _enqueue(transaction, published))
    return published


def _enqueue(transaction: WriteTransaction, published: PublishedPolicy) -> str:
    payload = {
        "site": published.policy.site,
        "policy_version": published.version,
        "sha256": published.sha256,
        "asks_again": published.holds_since == published.version,
        "in_effect_since": rfc3339(published.published_at_ms),
    }
    at_ms = published.published_at_ms
    return enqueue_event(transaction, kind=EVENT, site=published.policy.site, payload=payload, at_ms=at_ms)
