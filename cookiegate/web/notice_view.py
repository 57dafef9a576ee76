"""What a notice itself brings to a page: its frame, contacts, purposes, and the tables made from them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from cookiegate.policy.locales import language_name
from cookiegate.web.wording import page_texts, span_text

Notice = Mapping[str, Any]
Context = dict[str, Any]

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{3,30}")
_CONTACTS = ("name", "address", "representative", "privacy_officer", "desk", "email", "phone", "url")


def frame(notice: Notice, locales: Sequence[str], title: str, page: str) -> Context:
    """What surrounds every page of a notice: language switch, links, contacts, and what to know about the notice.

    Args:
        title: of the page, in the notice's language.
        page: first part of its path, ``preferences`` or ``notice``.
    """
    site, locale = quote(str(notice["site"]), safe=""), notice["locale"]
    return {
        "lang": locale,
        "dir": notice.get("dir", "ltr"),
        "t": page_texts(locale),
        "texts": notice["texts"],
        "title": title,
        "site": notice["site"],
        "theme": f"/preferences/{site}/theme.css",
        "languages": [_language(f"/{page}/{site}", tag, locale) for tag in locales],
        "links": {
            "preferences": f"/preferences/{site}?lang={quote(locale)}",
            "notice": f"/notice/{site}?lang={quote(locale)}",
            "record": f"/preferences/{site}/record?lang={quote(locale)}",
            "request": f"/preferences/{site}/request?lang={quote(locale)}",
            "policy": safe_url(notice["links"].get("policy")),
        },
        "controller": notice["controller"]["name"],
        "contacts": contacts_view(notice),
        "version": page_texts(locale)["version_value"].format(version=notice["policy_version"]),
        "digest": notice["notice"],
        "notes": _notes(notice),
        "authoritative": _authoritative(notice, f"/{page}/{site}"),
        "out_of_scope": notice.get("out_of_scope"),
        "incidents": [],
        "vendors": None,
    }


def purpose_view(notice: Notice, purpose: Mapping[str, Any]) -> Context:
    """A purpose with its categories in words and no link that is not http(s)."""
    titles = _category_titles(notice)
    texts = page_texts(notice["locale"])
    recipients = [recipient_view(item, texts) for item in purpose["recipients"]]
    acquire = [titles.get(key, key) for key in purpose["acquire"]]
    return {**purpose, "acquire_titles": acquire, "recipients": recipients}


def recipient_view(recipient: Mapping[str, Any], texts: Mapping[str, str]) -> Context:
    """A recipient with what is told about its ground; a notice from before these were told has none of it."""
    shared, safeguards = recipient.get("joint_use") or {}, recipient.get("transfer_safeguards")
    told = [
        ("exception_label", recipient.get("exception_text"), None),
        ("transfer_label", recipient.get("transfer_text"), None),
        ("safeguards_label", safeguards, safe_url(safeguards)),
        ("joint_items_label", shared.get("items"), None),
        ("joint_purpose_label", shared.get("purpose"), None),
        ("joint_responsible_label", shared.get("responsible"), None),
    ]
    facts = [{"label": texts[label], "text": text, "href": href} for label, text, href in told if text]
    return {**recipient, "url": safe_url(recipient.get("url")), "facts": facts}


def matrix_view(notice: Notice) -> Context:
    """Purposes by categories: which purpose uses what."""
    rows = [
        {
            "title": purpose["title"],
            "always_on": purpose["always_on"],
            "cells": [
                {"title": category["title"], "used": category["key"] in purpose["acquire"]}
                for category in notice["acquire"]
            ],
        }
        for purpose in notice["purposes"]
    ]
    return {"columns": [category["title"] for category in notice["acquire"]], "rows": rows}


def transmissions_view(notice: Notice) -> list[Context]:
    """One row per purpose and recipient: what is sent, to whom, for what."""
    return [
        {"recipient": recipient, "purpose": purpose["title"], "acquire_titles": purpose["acquire_titles"]}
        for purpose in (purpose_view(notice, item) for item in notice["purposes"])
        for recipient in purpose["recipients"]
    ]


def safe_url(url: str | None) -> str | None:
    """The address if it is an absolute http(s) one, else None: nothing else becomes a link."""
    if not url or len(url.split()) != 1:
        return None
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    return url.strip() if parts.scheme in ("http", "https") and parts.hostname else None


def _language(path: str, tag: str, current: str) -> Context:
    return {"tag": tag, "name": language_name(tag, tag), "href": f"{path}?lang={quote(tag)}", "current": tag == current}


def _authoritative(notice: Notice, path: str) -> Context | None:
    """Which language prevails, for readers of another (S39)."""
    tag = notice["authoritative_locale"]
    if tag == notice["locale"]:
        return None
    return {"text": notice["texts"]["authoritative_note"], **_language(path, tag, notice["locale"])}


def _notes(notice: Notice) -> list[str]:
    texts = page_texts(notice["locale"])
    span = span_text(notice["ask_again_days"], notice["locale"])
    notes = [texts["ask_again"].format(span=span), texts["never_silent"]]
    if shared := notice["texts"].get("shared_note"):
        notes.append(shared)
    if kept := notice.get("retention"):
        notes.append(texts["records_kept"].format(consent=kept["consent_text"], refusal=kept["refusal_text"]))
    if any(category["key"] == "ip" and category["optional"] for category in notice["acquire"]):
        notes.append(texts["ip_truncate" if notice["ip_when_refused"] == "truncate" else "ip_drop"])
    if kept and "ip_evidence_text" in kept:
        notes.append(texts["ip_evidence"].format(span=kept["ip_evidence_text"]))
    return notes


def contacts_view(notice: Notice) -> list[Context]:
    """Who answers for the data and how to reach them (S32)."""
    texts, controller = page_texts(notice["locale"]), notice["controller"]
    return [
        {"label": texts[f"contact_{key}"], "text": controller[key], "href": _contact_href(key, controller[key])}
        for key in _CONTACTS
        if controller.get(key)
    ]


def _contact_href(key: str, value: str) -> str | None:
    if key == "url":
        return safe_url(value)
    if key == "email" and _EMAIL.fullmatch(value):
        return "mailto:" + quote(value, safe="@")
    if key == "phone" and _PHONE.fullmatch(value):
        return "tel:" + re.sub(r"[^0-9+]", "", value)
    return None


def _category_titles(notice: Notice) -> dict[str, str]:
    return {category["key"]: category["title"] for category in notice["acquire"]}
