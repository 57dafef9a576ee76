"""What ``evidence.html`` says, in words and tables: pure functions from the evidence to what the template prints."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cookiegate.policy.locales import language_name, text_direction
from cookiegate.web.evidence.frames import frames_of
from cookiegate.web.notice_view import Notice, contacts_view, purpose_view, transmissions_view
from cookiegate.web.wording import date_text, moment_text

Document = Mapping[str, Any]
Texts = Mapping[str, str]
Context = dict[str, Any]
_WHERE = ("widget", "preferences")
_MEMBERS = (
    "id", "decided_at", "site", "sub", "epoch", "action", "purposes", "acquire", "policy_version", "notice", "ui",
    "device", "signal", "shared", "v",
)  # fmt: skip


def describe(evidence: Document, texts: Texts, lang: str) -> Context:
    """What the page prints of a decision.

    Args:
        evidence: the content of ``evidence.json``.
        texts: the page's own words.
        lang: their language; dates are written in it.
    """
    record, notice, surface = (
        json.loads(evidence[name]) if evidence[name] else None for name in ("record", "notice", "surface")
    )
    return {
        "record": record,
        "surface": surface,
        "facts": _facts(evidence, record, notice, surface, texts, lang),
        "sentence": _sentence(record, notice, texts, lang) if record and notice else None,
        "answers": _answers(record, notice, texts) if record and notice else [],
        "members": _members(record or {}, texts),
        "notice": _notice(evidence, notice) if notice else None,
        "frames": frames_of(surface, evidence["style"], record, texts) if surface and record else [],
        "timeline": _timeline(evidence, texts, lang),
        "erased_at": _erased_at(evidence, lang),
    }


def _facts(
    evidence: Document,
    record: Document | None,
    notice: Notice | None,
    surface: Document | None,
    texts: Texts,
    lang: str,
) -> list[tuple[str, str]]:
    """What there is to know at a glance, as label and text."""
    facts = [(texts["decision_label"], evidence["id"]), (texts["site_label"], evidence["site"])]
    if record and notice:
        version = texts["version_text"].format(
            version=record["policy_version"],
            date=date_text(evidence["published_at"], lang),
            language=language_name(notice["locale"], lang),
        )
        where = surface["surface"] if surface and surface["surface"] in _WHERE else "unknown"
        where = "elsewhere" if "shared" in record else where
        facts += [
            (texts["controller_label"], notice["controller"]["name"]),
            (texts["version_label"], version),
            (texts["where_label"], texts[f"where_{where}"]),
            (texts["subject_label"], record["sub"] or texts["no_subject"]),
            (texts["device_label"], _device(record["device"], texts)),
        ]
    return [
        *facts,
        (texts["when_label"], f"{moment_text(evidence['at'], lang)} · {evidence['at']}"),
        (texts["service_label"], evidence["service"]),
        (texts["ledger_label"], evidence["keys"]["ledger"].partition("+")[0]),
        (texts["made_label"], moment_text(evidence["made_at"], lang)),
    ]


def _device(device: Document, texts: Texts) -> str:
    browser = " ".join(str(part) for part in (device.get("browser"), device.get("browser_major")) if part)
    return texts["device_text"].format(
        browser=browser or "?", os=device.get("os") or "?", kind=device.get("kind") or "?"
    )


def _sentence(record: Document, notice: Notice, texts: Texts, lang: str) -> str:
    label = notice["texts"].get({"choose": "save"}.get(record["action"], record["action"]), "")
    act = texts[f"act_{record['action']}"].format(label=label)
    moment = moment_text(record["decided_at"], lang)
    return texts["sentence"].format(moment=moment, controller=notice["controller"]["name"], act=act)


def _answers(record: Document, notice: Notice, texts: Texts) -> list[Context]:
    """Two tables: each purpose and each category, with what was answered."""
    fixed = {item["key"] for item in notice["purposes"] if item["always_on"]}
    fixed |= {item["key"] for item in notice["acquire"] if not item["optional"]}

    def rows(part: str) -> list[Context]:
        return [
            {"title": item["title"], "key": item["key"], "tone": tone, "answer": texts[tone]}
            for item in notice[part]
            for tone in [
                "always_on" if item["key"] in fixed else "allowed" if record[part].get(item["key"]) else "refused"
            ]
        ]

    return [
        {"column": texts["purpose_column"], "heading": texts["purposes_heading"], "rows": rows("purposes")},
        {"column": texts["category_column"], "heading": texts["categories_heading"], "rows": rows("acquire")},
    ]


def _members(record: Document, texts: Texts) -> list[tuple[str, str, str]]:
    """The members of the record in the order of a story, each with what it means."""
    names = sorted(record, key=lambda name: (_MEMBERS.index(name) if name in _MEMBERS else len(_MEMBERS), name))
    return [(name, _plain(record[name]), texts.get(f"member_{name}", "")) for name in names]


def _notice(evidence: Document, notice: Notice) -> Context:
    body = {**notice, "notice": hashlib.sha256(evidence["notice"].encode()).hexdigest()}
    return {
        "body": body,
        "lang": notice["locale"],
        "dir": text_direction(notice["locale"]),
        "purposes": [purpose_view(body, item) for item in body["purposes"]],
        "transmissions": transmissions_view(body),
        "contacts": contacts_view(body),
    }


def _timeline(evidence: Document, texts: Texts, lang: str) -> list[Context]:
    """Everything under the same key, this decision and the erasure included, in order of time."""
    mine = {**evidence, "kind": "decision", "is_this": True}
    items = sorted([mine, *evidence["history"], *evidence["erasure"]], key=lambda item: (item["at"], item["id"]))
    return [
        {
            "moment": moment_text(item["at"], lang),
            "what": _what(item, texts),
            "id": item["id"],
            "is_this": item.get("is_this", False),
            "detail": _detail(item),
            "proof": texts["position_text"].format(
                number=item["inclusion"]["index"] + 1, size=item["inclusion"]["size"]
            ),
        }
        for item in items
    ]


def _what(item: Document, texts: Texts) -> str:
    if item["kind"] != "decision":
        return texts.get(f"kind_{item['kind']}", item["kind"])
    return texts[f"short_{json.loads(item['record'])['action']}"] if item["record"] else texts["history_erased"]


def _detail(item: Document) -> str:
    """What else an entry says, or what a decision allowed."""
    if not item["record"]:
        return ""
    record = json.loads(item["record"])
    if item["kind"] == "decision":
        return " · ".join(key for part in ("purposes", "acquire") for key, on in record[part].items() if on)
    own = {"v", "id", "kind", "site", "recorded_at"}
    return " · ".join(f"{name}: {_plain(value)}" for name, value in record.items() if name not in own)


def _erased_at(evidence: Document, lang: str) -> str | None:
    if not evidence["is_erased"]:
        return None
    return moment_text(evidence["erasure"][0]["at"], lang) if evidence["erasure"] else "?"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
