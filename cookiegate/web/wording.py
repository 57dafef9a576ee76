"""The words of the visitor's pages, and dates and spans as a language writes them.

A folder of texts has a file per language, named by its tag. A language that has none reads English, marked as such.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from babel.dates import format_date, format_time

from cookiegate.policy.cldr import babel_locale, days_text, list_text
from cookiegate.policy.tags import nearest
from cookiegate.shipped import read_shipped
from cookiegate.web.foreign import FALLBACK, marked

#: The folder of what the pages themselves say.
PAGES = "texts"


@cache
def languages(folder: str = PAGES) -> tuple[str, ...]:
    """The languages that a folder of texts has files in; the one that stands in for all others comes first."""
    names = (entry.name for entry in files("cookiegate.web").joinpath(*folder.split("/")).iterdir())
    tags = sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))
    return (FALLBACK, *(tag for tag in tags if tag != FALLBACK))


def shipped_language(tag: str, folder: str = PAGES) -> str:
    """The language in which a reader of ``tag`` gets a folder's texts: ``ja`` for ``ja-JP``, English for ``cy``."""
    return nearest(languages(folder), tag.replace("_", "-"), any_script=False) or FALLBACK


def texts_in(folder: str, tag: str) -> Any:
    """A folder's texts for a reader of ``tag``; those that are English for want of others are marked as such."""
    language = nearest(languages(folder), tag.replace("_", "-"), any_script=False)
    return _texts(folder, language or FALLBACK, language is None)


def page_texts(tag: str) -> Mapping[str, str]:
    """Every text of the pages for a reader of ``tag``, by key."""
    texts: Mapping[str, str] = texts_in(PAGES, tag)
    return texts


def date_text(rfc3339_text: str, tag: str) -> str:
    """The day of an instant in UTC, such as ``November 21, 2026`` or ``2026年11月21日``."""
    return format_date(_utc(rfc3339_text), "long", locale=babel_locale(tag))


def moment_text(rfc3339_text: str, tag: str) -> str:
    """The day and minute of an instant, saying that it is UTC."""
    moment = _utc(rfc3339_text)
    return f"{date_text(rfc3339_text, tag)} {format_time(moment, 'short', locale=babel_locale(tag))} (UTC)"


def span_text(days: int, tag: str) -> str:
    """A number of days in words, such as ``180 days`` or ``180日``."""
    return days_text(days, tag)


@cache
def _texts(folder: str, language: str, is_foreign: bool) -> Any:
    texts = read_shipped("cookiegate.web", f"{folder}/{language}.yaml")
    return marked(texts) if is_foreign else MappingProxyType(texts)


def _utc(rfc3339_text: str) -> datetime:
    return datetime.fromisoformat(rfc3339_text).astimezone(UTC)


__all__ = [
    "date_text", "languages", "list_text", "moment_text", "page_texts", "shipped_language", "span_text",
    "texts_in",
]  # fmt: skip
