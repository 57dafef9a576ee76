"""Texts with rules of their own: addresses, origins, colours, locales. Each function normalises or refuses."""

from __future__ import annotations

import re
from datetime import date
from urllib.parse import SplitResult, urlsplit

from marshmallow import ValidationError

from cookiegate.policy import locales, wording
from cookiegate.policy.faults import complain, quoted, suggest
from cookiegate.policy.theme import RADIUS_LIMIT_PX, read_colour

_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")
_IPV6 = re.compile(r"[0-9a-f:.]{2,45}")
_EMAIL = re.compile(r"[^\s@<>()\",;:\\]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_PHONE = re.compile(r"\+?[0-9][0-9 ()/-]{3,30}[0-9]")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_RADIUS = re.compile(r"([0-9]{1,2})(?:px)?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
#: Codes that people write for countries out of habit.
_HABITUAL_CODES = {"UK": "GB", "EL": "GR"}
#: Country codes that people write for languages.
_HABITUAL_TAGS = {"jp": "ja", "cn": "zh-Hans", "tw": "zh-Hant", "kr": "ko", "us": "en", "uk": "en", "gb": "en"}


def read_link(text: str) -> str:
    """An http(s) address that a visitor can follow."""
    parts = _split(text)
    if parts is None or parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValidationError(complain(f"{quoted(text)} is not a web address.", "Use an https:// address."))
    if parts.username is not None or re.search(r"[\s\\]", text):
        raise ValidationError(complain("A web address must not hold a user name or spaces.", "Remove them."))
    return text


def read_origin(text: str) -> str:
    """An origin in the form in which browsers send it.

    Source: RFC 6454, section 6.2 (ASCII serialization); Fetch, the ``Origin`` header.
    """
    if "*" in text:
        raise ValidationError(complain("An origin must not hold a wildcard.", "List every origin by itself."))
    parts = _split(text)
    if parts is None or parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValidationError(complain(f"{quoted(text)} is not an origin.", "Use the form https://www.example.jp."))
    host = _ascii_host(parts.hostname)
    if host is None:
        raise ValidationError(complain(f"{quoted(text)} has no usable host name.", "Use https://www.example.jp."))
    port = f":{parts.port}" if parts.port and parts.port != _DEFAULT_PORTS[parts.scheme] else ""
    origin = f"{parts.scheme}://{host}{port}"
    if text != origin:
        message = f"{quoted(text)} is more than an origin, or not in the form that browsers send."
        raise ValidationError(complain(message, f"Write {origin}."))
    return origin


def read_email(text: str) -> str:
    """An e-mail address."""
    if not _EMAIL.fullmatch(text):
        raise ValidationError(complain(f"{quoted(text)} is not an e-mail address.", "Use the form name@example.jp."))
    return text


def read_phone(text: str) -> str:
    """A telephone number."""
    if not _PHONE.fullmatch(text):
        raise ValidationError(complain(f"{quoted(text)} is not a telephone number.", "Use the form +81-3-0000-0000."))
    return text


def read_date(text: str) -> str:
    """A day as ISO 8601 writes it."""
    try:
        return _date_of(text).isoformat()
    except ValueError:
        raise ValidationError(complain(f"{quoted(text)} is not a date.", "Use the form 2026-04-01.")) from None


def _date_of(text: str) -> date:
    if not _DATE.fullmatch(text):
        raise ValueError(text)
    return date.fromisoformat(text)


def read_locale(text: str) -> str:
    """A language tag that exists."""
    if not locales.is_locale(text):
        tag = _HABITUAL_TAGS.get(text.lower()) or text.replace("_", "-")
        fix = f"Write {tag}." if locales.is_locale(tag) else "Use a tag such as ja, en or pt-BR."
        raise ValidationError(complain(f"{quoted(text)} is not a locale.", fix))
    return text


def read_country(text: str) -> str:
    """An ISO 3166-1 alpha-2 code."""
    if locales.is_country(text):
        return text
    by_name = {locales.country_name(code, "en").lower(): code for code in locales.country_codes()}
    code = _HABITUAL_CODES.get(text.upper()) or by_name.get(text.lower())
    fix = (
        f"Write {code}."
        if code
        else suggest(text.upper(), locales.country_codes(), otherwise="Use JP, US or the like.")
    )
    raise ValidationError(complain(f"{quoted(text)} is not a country's two-letter code (ISO 3166).", fix))


def read_theme_colour(text: str) -> str:
    """A colour as ``#rrggbb``."""
    colour = read_colour(text)
    if colour is None:
        fix = 'Write it as "#1a6b4a" (in quotes) or rgb(26, 107, 74).'
        raise ValidationError(complain(f"{quoted(text)} is not a colour.", fix))
    return colour


def read_radius(text: str) -> str:
    """A corner radius in pixels, such as ``8px``."""
    match = _RADIUS.fullmatch(text)
    if match is None or int(match[1]) > RADIUS_LIMIT_PX:
        message = f"{quoted(text)} is not a corner radius."
        raise ValidationError(complain(message, f"Write 0px to {RADIUS_LIMIT_PX}px."))
    return f"{int(match[1])}px"


def read_ui_text(text: str) -> str:
    """A text of the interface, whose braces somebody fills in."""
    unknown = wording.unknown_placeholders(text)
    if unknown:
        fix = suggest(unknown[0], wording.PLACEHOLDERS)
        raise ValidationError(complain(f"Nothing fills in {quoted('{' + unknown[0] + '}')}.", fix))
    return text


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises when it is not a number below 65536
    except ValueError:
        return None
    return parts


def _ascii_host(host: str) -> str | None:
    if ":" in host:
        return f"[{host}]" if _IPV6.fullmatch(host) else None
    try:
        name = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        return None
    return name if _HOST.fullmatch(name) and ".." not in name else None
