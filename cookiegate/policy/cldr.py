"""Lists and spans of time as a language writes them, by CLDR."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.dates import format_timedelta
from babel.lists import format_list

_SECONDS_OF_A_DAY = 86_400
_DAYS_OF_A_YEAR = 365
#: Never the next larger unit.
_NO_LARGER_UNIT = 10**9
#: Units by plural form where CLDR has abbreviations only, or a word for 24 hours on the clock.
_WORDS = {
    ("et", "day"): {"one": "{0} päev", "other": "{0} päeva"},
    ("ga", "year"): {"few": "{0} bliana", "many": "{0} mbliana", "two": "{0} bhliain", "other": "{0} bliain"},
    ("mt", "day"): {"one": "jum", "two": "jumejn", "few": "{0} ijiem", "many": "{0}-il jum", "other": "{0} jum"},
    ("mt", "year"): {"one": "sena", "two": "sentejn", "few": "{0} snin", "many": "{0}-il sena", "other": "{0} sena"},
    ("nb", "day"): {"one": "{0} dag", "other": "{0} dager"},
    ("sv", "day"): {"one": "{0} dag", "other": "{0} dagar"},
}


@lru_cache(maxsize=512)
def babel_locale(tag: str) -> Locale:
    """CLDR's data for a language tag; English where there are none."""
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en")


def list_text(items: Sequence[str], tag: str) -> str:
    """Items as a language lists them, such as ``A, B, and C`` or ``A、B、C``."""
    return format_list(items, locale=babel_locale(tag)) if items else ""


def days_text(days: int, tag: str) -> str:
    """A number of days in words, such as ``180 days`` or ``180日``."""
    return _counted(days, "day", tag)


def span_text(days: int, tag: str) -> str:
    """A span in words: in years where they come out even, else in days."""
    years, rest = divmod(days, _DAYS_OF_A_YEAR)
    return _counted(years, "year", tag) if years and not rest else _counted(days, "day", tag)


def _counted(count: int, unit: Literal["day", "year"], tag: str) -> str:
    locale = babel_locale(tag)
    words = _WORDS.get((locale.language, unit), {})
    if pattern := words.get(locale.plural_form(count)):
        return pattern.format(count)
    seconds = count * _SECONDS_OF_A_DAY * (_DAYS_OF_A_YEAR if unit == "year" else 1)
    threshold = 1 if unit == "year" else _NO_LARGER_UNIT
    text = format_timedelta(seconds, granularity=unit, threshold=threshold, format="long", locale=locale)
    # CLDR sets a space before 日 and 年; Japanese running text does not.
    return text.replace(" ", "") if locale.language == "ja" else text
