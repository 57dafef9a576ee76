"""Who is told of an accident: the responsible manager at once, then the operator's systems, which can reach people.

Visitors have no address here: they read of it on their own page and on the notice page (APPI 26(2): where reaching each
person is hard, what protects them takes its place).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cookiegate.clock import rfc3339
from cookiegate.policy.document import Policy
from cookiegate.rights.delivery.outbox import enqueue_event, enqueue_mail
from cookiegate.rights.incidents.report import report_texts, write_report
from cookiegate.storage.contract import WriteTransaction
from cookiegate.storage.vault import Vault

if TYPE_CHECKING:
    from cookiegate.rights.incidents.incidents import Incident

#: Pseudonyms in one event.
SUBJECTS_AT_ONCE = 500


def tell_manager(transaction: WriteTransaction, vault: Vault, policy: Policy, incident: Incident, now_ms: int) -> None:
    """Mails the privacy officer's address in the policy, and tells subscribers that a file was opened.

    Args:
        transaction: of the opening: no file without its notice.
        vault: encrypts the mail.
        policy: the site's current one.
        incident: the new file.
        now_ms: the time.
    """
    payload = {"incident": incident.id, "state": incident.state, "cause": incident.cause}
    enqueue_event(transaction, kind="incident.opened", site=incident.site, payload=payload, at_ms=now_ms)
    if policy.controller.email is None:
        return
    language = "ja" if policy.authoritative_locale.split("-")[0] == "ja" else "en"
    enqueue_mail(
        transaction,
        vault,
        key_id=vault.new_key(),
        to=policy.controller.email,
        subject=report_texts(language)["mail_subject"].format(site=incident.site, id=incident.id),
        body=_manager_text(incident, policy, language, now_ms),
        at_ms=now_ms,
        about=incident.id,
    )


def tell_systems(transaction: WriteTransaction, incident: Incident, subjects: Sequence[str], now_ms: int) -> None:
    """Tells subscribers of an accident and, in pages, of the pseudonyms affected, so that they can reach people.

    Args:
        transaction: of the notification.
        incident: the file.
        subjects: pseudonyms of everyone affected.
        now_ms: the time.
    """
    payload = {
        "incident": incident.id,
        "cause": incident.cause,
        "fields": list(incident.fields),
        "from": rfc3339(incident.from_ms),
        "to": rfc3339(incident.to_ms),
        "affected": len(subjects),
    }
    enqueue_event(transaction, kind="incident.notified", site=incident.site, payload=payload, at_ms=now_ms)
    for at in range(0, len(subjects), SUBJECTS_AT_ONCE):
        page = {"incident": incident.id, "subjects": list(subjects[at : at + SUBJECTS_AT_ONCE])}
        enqueue_event(transaction, kind="incident.affected", site=incident.site, payload=page, at_ms=now_ms)


def _manager_text(incident: Incident, policy: Policy, language: str, now_ms: int) -> str:
    lead = report_texts(language)["mail_lead"].format(by=incident.opened_by, site=incident.site, id=incident.id)
    return f"{lead}\n\n{write_report(incident, policy, language, now_ms)}"
