"""View models of the vendors that hear of a choice by IAB TCF: who they are, and what each declared. Pure functions.

What a list says was written by strangers. What has not the form that the framework demands is left out, nothing but an
https address becomes a link, and texts are printed as they are.

Sources: IAB Tech Lab, "Consent string and vendor list formats v2.3"; IAB Europe, "TCF policies", appendix B.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import quote

from babel.lists import format_list

from cookiegate.policy.cldr import babel_locale, span_text
from cookiegate.policy.pages import Tcf
from cookiegate.policy.wording import REFERENCE, built_in
from cookiegate.web.foreign import FALLBACK, InEnglish
from cookiegate.web.notice_view import Context, Notice, frame, safe_url
from cookiegate.web.wording import date_text, page_texts

Listed = Mapping[str, Any]

_SECONDS_OF_A_DAY: Final = 86_400
#: What Python can still write as a span; who declares more has declared nothing.
_DAYS_MAX: Final = 999_999_999
#: Characters; the framework's own names and texts are far shorter. A name stands at every vendor that declares it.
_NAME_MAX: Final = 500
_TEXT_MAX: Final = 5_000
#: Languages whose word for "or" CLDR lacks.
_OR: Final = {"mt": " jew "}


@dataclass(frozen=True, slots=True)
class _Kind:
    """Something that vendors declare by number.

    Args:
        member: of a vendor.
        table: where the list explains the numbers.
        word: what it is called: a key of the pages' texts, else of the notice's built-in ones.
    """

    member: str
    table: str
    word: str


_PURPOSES = _Kind("purposes", "purposes", "notice_purposes_heading")
_SPECIAL_PURPOSES = _Kind("specialPurposes", "specialPurposes", "vendors_special_purposes")
_SPECIAL_FEATURES = _Kind("specialFeatures", "specialFeatures", "vendors_special_features")
_KINDS: Final = (
    _PURPOSES,
    _SPECIAL_PURPOSES,
    _Kind("features", "features", "vendors_features"),
    _SPECIAL_FEATURES,
    _Kind("dataDeclaration", "dataCategories", "uses_label"),
)


def vendors_card(notice: Notice, listed: Listed | None) -> Context | None:
    """What other pages say of the vendors: how many there are, and where they are listed."""
    if listed is None:
        return None
    href = f"/notice/{quote(str(notice['site']), safe='')}/vendors?lang={quote(notice['locale'])}"
    return {"count": len(listed["vendors"]), "href": href}


def vendors_page(notice: Notice, listed: Listed, tcf: Tcf, *, locales: Sequence[str]) -> Context:
    """What ``vendors.html`` shows anyone.

    Args:
        notice: the body of the current notice, in the language of the page.
        listed: the vendor list, with the policy's vendors alone.
        tcf: what the policy's purposes stand for.
        locales: every locale of the policy.
    """
    locale = notice["locale"]
    page = frame(notice, locales, page_texts(locale)["vendors_title"], "notice")
    for language in page["languages"]:
        language["href"] = f"/notice/{quote(str(notice['site']), safe='')}/vendors?lang={quote(language['tag'])}"
    reader = _Reader(locale, listed)
    return {
        **page,
        "words": {name: reader.word(name) for name in ("policy_link", "retention_label")},
        "edition": reader.edition(),
        "count": len(listed["vendors"]),
        "kinds": [found for kind in _KINDS if (found := _kind(kind, reader, notice, tcf))],
        "companies": _companies(reader, tcf),
    }


class _Reader:
    """Reads a list for one language."""

    def __init__(self, locale: str, listed: Listed) -> None:
        self.locale = locale
        self.listed = listed
        self.vendors: list[Mapping[str, Any]] = list(listed["vendors"].values())
        self._spans: dict[int, str] = {}

    def word(self, key: str) -> str:
        """A text of the pages, else one that notices have, in our words: a policy's own may speak of its site alone."""
        if found := page_texts(self.locale).get(key):
            return found
        own = built_in(self.locale)
        return own.ui[key] if own else InEnglish(cast(Any, built_in(REFERENCE)).ui[key])

    def told(self, value: object, most: int = _TEXT_MAX) -> str | None:
        """A text of the list, which is in English; None where it is none, or has more characters than ``most``."""
        text = _text(value)
        if text is None or len(text) > most:
            return None
        return text if self.locale == FALLBACK else InEnglish(text)

    def span(self, days: object) -> str | None:
        """A number of days in words; None where it is none."""
        if (count := _whole(days)) is None or not 0 < count <= _DAYS_MAX:
            return None
        if count not in self._spans:
            self._spans[count] = span_text(count, self.locale)
        return self._spans[count]

    def explained(self, kind: _Kind, number: int) -> Mapping[str, Any]:
        """What the list says of a number; nothing where it does not know it."""
        return _mapping(_mapping(self.listed.get(kind.table)).get(str(number)))

    def name(self, kind: _Kind, number: int) -> str:
        """What the list calls a number; the number itself where it does not know it."""
        return self.told(self.explained(kind, number).get("name"), _NAME_MAX) or str(number)

    def edition(self) -> Context:
        """Which list it is, and of which day."""
        updated = self.listed["lastUpdated"]
        try:
            day = {"text": date_text(updated, self.locale), "datetime": updated}
        except (ValueError, OverflowError):
            day = None
        return {"name": self.told(f"Global Vendor List {self.listed['vendorListVersion']}"), "day": day}


def _kind(kind: _Kind, reader: _Reader, notice: Notice, tcf: Tcf) -> Context | None:
    """Everything of a kind that a vendor declares or a visitor may allow; None where that is nothing."""
    titles = {item["key"]: item["title"] for item in notice["purposes"]}
    by_purpose = {_PURPOSES: tcf.purposes, _SPECIAL_FEATURES: tcf.special_features or {}}.get(kind)
    counts: dict[int, int] = dict.fromkeys(_numbers(n for given in (by_purpose or {}).values() for n in given), 0)
    for vendor in reader.vendors:
        for number in _numbers(vendor.get(kind.member)):
            counts[number] = counts.get(number, 0) + 1
    terms = []
    for number, count in sorted(counts.items()):
        explained = reader.explained(kind, number)
        keys = [key for key, given in (by_purpose or {}).items() if number in given]
        terms.append(
            {
                "name": reader.name(kind, number),
                "description": reader.told(explained.get("description")),
                "illustrations": [text for one in _list(explained.get("illustrations")) if (text := reader.told(one))],
                "count": count,
                # As the string is made: 1 may stand under several purposes, and any of them is enough for it.
                "allowed_with": _either([titles[key] for key in keys if key in titles], reader.locale),
                "is_never": by_purpose is not None and not keys,
                "is_always": kind is _SPECIAL_PURPOSES,
            }
        )
    return {"id": kind.member, "heading": reader.word(kind.word), "terms": terms} if terms else None


def _companies(reader: _Reader, tcf: Tcf) -> list[Context]:
    """Every vendor, by name."""
    allowed = {number for numbers in tcf.purposes.values() for number in numbers}
    vendors = sorted(reader.vendors, key=lambda vendor: (vendor["name"].casefold(), vendor["id"]))
    return [_company(vendor, reader, allowed) for vendor in vendors]


def _company(vendor: Mapping[str, Any], reader: _Reader, allowed: set[int]) -> Context:
    retention = _mapping(vendor.get("dataRetention"))
    purposes = _numbers(vendor.get("purposes"))
    declared = [
        {"label": reader.word(kind.word), "said": _declared(kind, numbers, retention, reader)}
        for kind in _KINDS
        if (numbers := _numbers(vendor.get(kind.member)))
    ]
    return {
        "name": vendor["name"],
        # As the string is made: whoever asks for nothing, or for more than can be granted, is never granted anything.
        "is_never": not purposes or not allowed.issuperset(purposes),
        "privacy": _privacy(vendor, reader.locale),
        "declared": declared,
        "storage": _storage(vendor, reader),
    }


def _declared(kind: _Kind, numbers: Iterable[int], retention: Mapping[str, Any], reader: _Reader) -> list[Context]:
    """What a vendor declares of a kind; for purposes of both sorts with how long it keeps the data."""
    own = _mapping(retention.get(kind.member)) if kind in (_PURPOSES, _SPECIAL_PURPOSES) else None
    return [
        _said(
            reader.name(kind, number),
            kept=reader.span(own.get(str(number), retention.get("stdRetention"))) if own is not None else None,
        )
        for number in numbers
    ]


def _storage(vendor: Mapping[str, Any], reader: _Reader) -> list[Context]:
    """What a vendor says it keeps on the visitor's device."""
    texts, found = page_texts(reader.locale), []
    if vendor.get("usesCookies") is True:
        seconds = _whole(vendor.get("cookieMaxAgeSeconds"))
        # A day that has begun counts: what is told is the longest time.
        kept = None if seconds is None else reader.span(-(-seconds // _SECONDS_OF_A_DAY))
        # By the framework, 0 and less stand for cookies of a session.
        found.append(_said(texts["vendors_cookies"], kept=kept, is_session=seconds is not None and seconds <= 0))
        if vendor.get("cookieRefresh") is True:
            found.append(_said(texts["vendors_refresh"]))
    if vendor.get("usesNonCookieAccess") is True:
        found.append(_said(texts["vendors_other_storage"]))
    if href := _https(vendor.get("deviceStorageDisclosureUrl")):
        found.append(_said(texts["vendors_disclosure"], href=href))
    return found


def _said(text: str, *, kept: str | None = None, is_session: bool = False, href: str | None = None) -> Context:
    """Something that a vendor says, with how long it keeps the data: a span, or until the browser is closed."""
    return {"text": text, "kept": kept, "is_session": is_session, "href": href}


def _privacy(vendor: Mapping[str, Any], locale: str) -> str | None:
    """The address of a vendor's privacy policy: in the reader's language, else in English, else in any."""
    addresses = {
        str(one.get("langId")).lower(): href
        for one in map(_mapping, _list(vendor.get("urls")))
        if (href := _https(one.get("privacy")))
    }
    wanted = (locale.lower(), locale.lower().partition("-")[0], FALLBACK, *addresses)
    return next((addresses[tag] for tag in wanted if tag in addresses), None)


def _either(titles: Sequence[str], locale: str) -> str:
    """Titles of which any one is enough, such as ``A, B, or C`` or ``A、B、またはC``."""
    if word := _OR.get(locale.partition("-")[0]):
        return word.join(titles)
    return format_list(titles, style="or", locale=babel_locale(locale)) if titles else ""


def _https(value: object) -> str | None:
    found = safe_url(_text(value))
    return found if found and found.lower().startswith("https:") else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _numbers(value: object) -> list[int]:
    """The numbers in a list, each once, the lowest first."""
    found = value if isinstance(value, Iterable) and not isinstance(value, (str, Mapping)) else ()
    return sorted({number for one in found if (number := _whole(one)) is not None})


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
