"""What banner, dialog and pages say besides: of a signal, of what the visitor's place wants, of other sites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from cookiegate.consent.current import Consent
from cookiegate.consent.signals import affected_keys
from cookiegate.policy.document import Policy
from cookiegate.policy.regions import Duties, duties

#: Text, path at the service, label of the link; the last two are empty where there is none.
RegionNote = tuple[str, str, str]


def strictest(policy: Policy) -> Duties:
    """What is to be done for visitors whose place is not known."""
    return duties(None, sells=bool(policy.affected_purposes))


def patience(policy: Policy, wanted: Duties) -> dict[str, int]:
    """What a notice tells scripts besides: ``refused_days``, where a refusal counts for longer than a yes.

    Args:
        wanted: what the visitor's place asks for.
    """
    days = max(policy.refused_days, wanted.refused_days)
    return {"refused_days": days} if days > policy.ask_again_days else {}


def region_notes(notice: Mapping[str, Any], wanted: Duties) -> list[RegionNote]:
    """The lines that a visitor's place asks for.

    Args:
        notice: the body of a notice, with all texts.
        wanted: what the place asks for.
    """
    texts, site, lang = notice["texts"], quote(str(notice["site"]), safe=""), f"?lang={quote(notice['locale'])}"
    notes: list[RegionNote] = []
    if wanted.transmission_note:
        notes.append((texts["transmission_note"], f"/notice/{site}{lang}#sent", texts["transmission_link"]))
    if wanted.opt_out_link:
        notes.append(("", f"/preferences/{site}{lang}#choose", texts["do_not_sell_link"]))
    return notes


def note_parts(policy: Policy, notice: Mapping[str, Any], wanted: Duties) -> dict[str, Any]:
    """The widget's parts ``signal`` and ``region`` with what each is given; a site that needs none has none."""
    parts: dict[str, Any] = {}
    if policy.affected_purposes:
        parts["signal"] = {
            "affects": [purpose.key for purpose in policy.affected_purposes],
            **({"dnt": True} if policy.honours_dnt else {}),
        }
    if notes := region_notes(notice, wanted):
        parts["region"] = notes
    return parts


def shared_part(policy: Policy, notice: Mapping[str, Any]) -> dict[str, str]:
    """The widget's part ``shared`` with what it says: on which sites the choice counts, too."""
    return {"shared": notice["texts"]["shared_note"]} if policy.share is not None and policy.share.group else {}


def signal_note(consent: Consent, texts: Mapping[str, str]) -> str | None:
    """What a page says of the signal that came with its request; None where none counts.

    Args:
        consent: of the visitor.
        texts: of the notice.
    """
    standing, affected = consent.standing, affected_keys(consent.published.policy)
    if standing.seen is None or not affected:
        return None
    overridden = not standing.holds_back and not affected.isdisjoint(consent.effective.purposes)
    return texts.get("signal_overridden" if overridden else "signal_honoured") or None
