"""Locales: which tags exist, what they are called, and which one a visitor gets."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from babel import Locale, UnknownLocaleError

from cookiegate.policy.tags import nearest

if TYPE_CHECKING:
    from cookiegate.policy.document import Policy

ACCEPT_LANGUAGE_LIMIT_BYTES = 256

_TAG = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-[A-Z]{2})?")
_RANGE = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?\s*"
)
#: CLDR's codes for groups of countries, tests and "unknown": nobody is established there.
_NOT_COUNTRIES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})


def is_locale(tag: str) -> bool:
    """Whether this is a language tag that exists, in its usual letter case, such as ``ja`` or ``pt-BR``."""
    named = _locale(tag) if _TAG.fullmatch(tag) else None
    # ``eng`` names English too, but nobody's browser asks for it.
    return named is not None and named.language == tag.split("-", maxsplit=1)[0]


def is_country(code: str) -> bool:
    """Whether this is an ISO 3166-1 alpha-2 code, in capitals."""
    return bool(re.fullmatch("[A-Z]{2}", code)) and code in _territories("en") and code not in _NOT_COUNTRIES


def country_codes() -> tuple[str, ...]:
    """Every ISO 3166-1 alpha-2 code."""
    return tuple(sorted(code for code in _territories("en") if is_country(code)))


def country_name(code: str, locale: str) -> str:
    """The country in the words of a locale; the code itself where CLDR has no name."""
    return _territories(locale).get(code, code)


def language_name(tag: str, locale: str) -> str:
    """A language in the words of a locale, such as ``Japanese`` for ``ja`` in ``en``."""
    named = _locale(tag)
    return (named.get_display_name(locale.replace("-", "_")) if named else None) or tag


def text_direction(tag: str) -> str:
    """``ltr`` or ``rtl``."""
    named = _locale(tag)
    return named.text_direction if named else "ltr"


def negotiate(policy: Policy, wanted: str | None, accept_language: str | None) -> str:
    """Picks the locale that a visitor gets.

    Args:
        policy: its ``locales`` are what there is; the first is the default.
        wanted: an explicit wish (``?lang=``); it wins when the policy offers it.
        accept_language: the header, of which the first 256 bytes are read.

    Returns:
        One of ``policy.locales``.

    Source: RFC 9110, section 12.5.4; RFC 4647, section 3.4 (lookup).
    """
    if wanted and (found := nearest(policy.locales, wanted)):
        return found
    for tag in _accepted(accept_language or ""):
        if tag == "*":
            break
        if found := nearest(policy.locales, tag):
            return found
    return policy.locales[0]


def _accepted(header: str) -> list[str]:
    ranges = []
    for position, part in enumerate(header[:ACCEPT_LANGUAGE_LIMIT_BYTES].split(",")):
        match = _RANGE.fullmatch(part)
        quality = float(match[2] or 1) if match else 0.0
        if match and quality > 0:
            ranges.append((-quality, position, match[1]))
    return [tag for _, _, tag in sorted(ranges)]


@lru_cache(maxsize=512)
def _locale(tag: str) -> Locale | None:
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return None


@lru_cache(maxsize=512)
def _territories(tag: str) -> dict[str, str]:
    named = _locale(tag)
    return dict(named.territories) if named else {}
