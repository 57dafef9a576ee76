"""The words of the visitor's pages, and dates and spans as a language writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, format_timedelta
from babel.lists import format_list
from ruamel.yaml import YAML

#: Languages that the pages themselves speak; the first stands in for all others.
LANGUAGES = ("en", "ja")
_SECONDS_OF_A_DAY = 86_400


def list_text(items: Sequence[str], tag: str) -> str:
    """Items as a language lists them, such as ``A, B, and C`` or ``A、B、C``."""
    return format_list(items, locale=_babel(tag))


def shipped_language(tag: str) -> str:
    """The language that the pages speak to a reader of ``tag``: ``ja`` for ``ja-JP``, English for ``fr``."""
    primary = tag.replace("_", "-").split("-")[0].lower()
    return primary if primary in LANGUAGES else LANGUAGES[0]


def page_texts(tag: str) -> Mapping[str, str]:
    """Every text of the pages in the language that fits ``tag``."""
    return _texts(shipped_language(tag))


def read_yaml(name: str) -> Any:
    """A data file of this package.

    Args:
        name: its path below ``cookiegate/web``.
    """
    text = files("cookiegate.web").joinpath(*name.split("/")).read_text(encoding="utf-8")
    return YAML(typ="safe", pure=True).load(text)


def date_text(rfc3339_text: str, tag: str) -> str:
    """The day of an instant in UTC, such as ``November 21, 2026`` or ``2026年11月21日``."""
    return format_date(_utc(rfc3339_text), "long", locale=_babel(tag))


def moment_text(rfc3339_text: str, tag: str) -> str:
    """The day and minute of an instant, saying that it is UTC."""
    moment = _utc(rfc3339_text)
    return f"{date_text(rfc3339_text, tag)} {format_time(moment, 'short', locale=_babel(tag))} (UTC)"


def span_text(days: int, tag: str) -> str:
    """A number of days in words, such as ``180 days`` or ``180日``."""
    span = days * _SECONDS_OF_A_DAY
    text = format_timedelta(span, granularity="day", threshold=10**9, locale=_babel(tag), format="long")
    # CLDR sets a space before 日; Japanese running text does not.
    return text.replace(" ", "") if shipped_language(tag) == "ja" else text


@cache
def _texts(language: str) -> Mapping[str, str]:
    return MappingProxyType(read_yaml(f"texts/{language}.yaml"))


def _utc(rfc3339_text: str) -> datetime:
    return datetime.fromisoformat(rfc3339_text).astimezone(UTC)


@cache
def _babel(tag: str) -> Locale:
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale.parse(LANGUAGES[0])
