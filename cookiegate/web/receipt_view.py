"""View models of the receipt pages: from a receipt and the notice it names to what a template prints.

Pure functions. A receipt is shown from its record and from the notice as it was published then, not from what it says
about itself, so that receipts of every version look the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from cookiegate.ledger.receipt_authorities import authorities, jurisdictions
from cookiegate.ledger.receipt_reading import Receipt
from cookiegate.policy.document import Policy
from cookiegate.policy.locales import language_name
from cookiegate.policy.signals import SIGNAL_NAMES
from cookiegate.tokens import base64url
from cookiegate.web.notice_view import Context, Notice, frame, purpose_view
from cookiegate.web.wording import moment_text, page_texts

#: Where the notice has a word for what was pressed; the pages have one for withdrawing.
_PRESSED = {"accept": "accept", "reject": "reject", "choose": "save"}
_STATES = {
    "all": "receipt_state_granted_all",
    "some": "receipt_state_granted",
    "refused": "receipt_state_refused",
    "withdrawn": "receipt_state_withdrawn",
}
_CHOICES = {"allowed": "receipt_allowed", "refused": "receipt_refused", "withdrawn": "receipt_withdrawn"}
#: A reason of ``ReceiptInvalidError`` → the sentence for visitors; one stands for all others.
_FAULTS: Mapping[str, str] = {
    "signature_invalid": "receipt_bad_changed",
    "leaf_differs": "receipt_bad_changed",
    "readable_part_changed": "receipt_bad_changed",
    "key_unknown": "receipt_bad_key",
    "other_site": "receipt_bad_site",
}


def receipt_page(
    receipt: Receipt,
    policy: Policy,
    notice: Notice,
    *,
    seen_in: str,
    base_url: str,
    is_own: bool,
    record_page: str | None = None,
) -> Context:
    """What ``receipt.html`` shows.

    Args:
        receipt: read and found good.
        policy: the version that the receipt names.
        notice: the body of one of that version's notices, in the language of the page.
        seen_in: the locale in which the visitor saw it.
        base_url: address of the service: a printed page needs whole addresses.
        is_own: whether the visitor's handle led here; else they brought the receipt, and it goes along with the form.
        record_page: address of the page with everything recorded, where there is one.
    """
    texts, site = page_texts(notice["locale"]), quote(receipt.site, safe="")
    path, query = f"/preferences/{site}/receipt", f"?lang={quote(notice['locale'])}"
    return {
        **_frame(notice, policy.locales if is_own else (), texts["receipt_title"]),
        "result": _result(receipt, notice, seen_in),
        "purposes": _purposes(receipt, notice),
        "categories": _categories(receipt, notice),
        "places": _places(policy, notice, f"{base_url}/preferences/{site}"),
        "proof": _proof(receipt, notice, base_url),
        "text": receipt.text,
        "file": {"href": f"{path}.json"} if is_own else {"action": path + query, "receipt": receipt.text},
        "record_page": record_page and record_page + query,
    }


def receipt_form_page(notice: Notice, locales: Sequence[str], *, problem: str | None = None) -> Context:
    """What ``receipt_form.html`` shows whoever brings a receipt.

    Args:
        notice: the body of the current notice, in the language of the page.
        locales: every locale of the policy.
        problem: why the receipt that was brought before was not taken, as a reason of ``ReceiptInvalidError``.
    """
    texts, site = page_texts(notice["locale"]), quote(str(notice["site"]), safe="")
    action = f"/preferences/{site}/receipt?lang={quote(notice['locale'])}"
    fault = texts[_FAULTS.get(problem, "receipt_bad_none")] if problem else None
    return {**_frame(notice, locales, texts["receipt_form_title"]), "action": action, "fault": fault}


def _frame(notice: Notice, locales: Sequence[str], title: str) -> Context:
    framed = frame(notice, locales, title, "preferences")
    # The switch must lead to this page again; where the receipt came by a form, it cannot.
    languages = [{**item, "href": item["href"].replace("?", "/receipt?", 1)} for item in framed["languages"]]
    return {**framed, "languages": languages}


def _result(receipt: Receipt, notice: Notice, seen_in: str) -> Context:
    texts, facts = page_texts(notice["locale"]), receipt.facts
    optional = [item["key"] for item in notice["purposes"] if not item["always_on"]]
    allowed = [key for key in optional if facts["purposes"].get(key)]
    everything = len(allowed) == len(optional) and all(facts["acquire"].values())
    granted = "all" if everything else "some"
    return {
        "tone": "granted" if allowed else "refused",
        "title": texts[_STATES[granted if allowed else _no(facts["action"])]],
        "facts": _result_facts(receipt, notice, seen_in),
    }


def _result_facts(receipt: Receipt, notice: Notice, seen_in: str) -> list[Context]:
    texts, facts = page_texts(notice["locale"]), receipt.facts
    pressed = notice["texts"][_PRESSED[facts["action"]]] if facts["action"] in _PRESSED else texts["withdraw"]
    if facts["action"] == "signal":
        pressed = SIGNAL_NAMES[facts["signal"]["seen"]]
    shown = {
        "decided_label": moment_text(facts["decided_at"], notice["locale"]),
        "receipt_pressed_label": pressed,
        "site_label": receipt.site,
        "version_label": texts["version_value"].format(version=facts["policy_version"]),
        "receipt_seen_label": language_name(seen_in, notice["locale"]),
        "receipt_subject_label": facts["sub"] or texts["receipt_subject_none"],
    }
    return [{"label": texts[label], "text": text} for label, text in shown.items()]


def _no(action: str) -> str:
    """What a no was."""
    return "withdrawn" if action in ("withdraw", "signal") else "refused"


def _choice(texts: Mapping[str, str], action: str, allowed: bool) -> Context:
    return {"allowed": allowed, "choice": texts[_CHOICES["allowed" if allowed else _no(action)]]}


def _purposes(receipt: Receipt, notice: Notice) -> list[Context]:
    texts, facts = page_texts(notice["locale"]), receipt.facts
    rows = []
    for purpose in notice["purposes"]:
        choice = _choice(texts, facts["action"], bool(facts["purposes"].get(purpose["key"])))
        rows.append({**purpose_view(notice, purpose), **choice})
    return rows


def _categories(receipt: Receipt, notice: Notice) -> list[Context]:
    texts, facts = page_texts(notice["locale"]), receipt.facts
    return [
        {"title": item["title"], **_choice(texts, facts["action"], bool(facts["acquire"].get(item["key"])))}
        for item in notice["acquire"]
        if item["optional"]
    ]


def _places(policy: Policy, notice: Notice, preferences: str) -> list[Context]:
    """Where to take the choice back, exercise rights, and complain."""
    texts = page_texts(notice["locale"])
    countries = jurisdictions(policy.controller.country, eu_data=policy.eu_data)
    request = f"{preferences}/request"
    places = [("receipt_back_label", preferences, preferences), ("receipt_rights_label", request, request)]
    complaints = authorities(countries, notice["locale"])
    places += [("receipt_authority_label", f"{name} {url}", url) for name, url in complaints]
    return [{"label": texts[label], "text": text, "href": href} for label, text, href in places]


def _proof(receipt: Receipt, notice: Notice, base_url: str) -> list[Context]:
    texts, facts = page_texts(notice["locale"]), receipt.facts
    ledger = f"{base_url}/ledger/proof/{receipt.decision_id}"
    shown: list[tuple[str, str, str | None]] = [
        ("receipt_id_label", receipt.decision_id, None),
        ("digest_label", facts["notice"], None),
        ("receipt_ui_label", facts.get("ui") or texts["receipt_ui_none"], None),
        ("receipt_leaf_label", receipt.leaf.hex(), None),
        ("receipt_salt_label", base64url.encode(receipt.salt), None),
        ("receipt_key_label", receipt.key_id, None),
        ("receipt_ledger_label", ledger, ledger),
        ("receipt_keys_label", f"{base_url}/.well-known/jwks.json", f"{base_url}/.well-known/jwks.json"),
    ]
    return [{"label": texts[label], "text": text, "href": href} for label, text, href in shown]


def receipt_links(site: str, locale: str, receipt: str | None) -> Context:
    """How the preferences page leads to the receipt of the choice that it shows.

    Args:
        site, locale: of the page.
        receipt: the compact text, right after a refusal: nothing in the browser leads back to it. None: the visitor's
            handle does.
    """
    path, query = f"/preferences/{quote(site, safe='')}/receipt", f"?lang={quote(locale)}"
    return {"page": path + query, "file": f"{path}.json", "text": receipt}
