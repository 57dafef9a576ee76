"""The built-in texts, and how a policy's own texts override them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from cookiegate.policy.document import Policy, Purpose
from cookiegate.policy.source import parse_source

#: Languages that the package brings all texts for. The first decides which keys exist.
BUILT_IN_LOCALES = ("en", "ja")
#: Words in braces that a text may hold, in the order of who fills them in: the server, then the widget.
PLACEHOLDERS = ("controller", "language", "days", "always_on_note", "count", "text", "purposes", "purpose")

#: What there is to say about a category.
CATEGORY_PARTS = ("title", "description")

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]*)\}")
_DAYS_OF_A_YEAR = 365
#: No space follows it.
_FULL_WIDTH_STOP = "。"


@dataclass(frozen=True, slots=True)
class Wording:
    """One locale's built-in texts.

    Args:
        ui: the texts that go to the widget and the pages.
        vocabulary: words that the server composes notices with.
        categories: ``title`` and ``description`` by acquisition category.
    """

    ui: Mapping[str, str]
    vocabulary: Mapping[str, str]
    categories: Mapping[str, Mapping[str, str]]


@cache
def built_in(locale: str) -> Wording | None:
    """The built-in texts of a locale or of its language, or None where the package has none."""
    language = locale.split("-", maxsplit=1)[0]
    if language not in BUILT_IN_LOCALES:
        return None
    text = files("cookiegate.policy").joinpath("texts", f"{language}.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = parse_source(text).data
    return Wording(*(MappingProxyType(data[section]) for section in ("ui", "vocabulary", "categories")))


@cache
def ui_keys() -> tuple[str, ...]:
    """Every key of the texts that a notice carries."""
    return tuple(_reference().ui)


@cache
def text_keys() -> tuple[str, ...]:
    """Every key that a policy may override under ``texts``."""
    return (*_reference().ui, *_reference().vocabulary)


def unknown_placeholders(text: str) -> list[str]:
    """Words in braces that nobody would fill in."""
    return [word for word in _PLACEHOLDER.findall(text) if word not in PLACEHOLDERS]


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with the given placeholders filled in; others stay as they are."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


class Phrasebook:
    """All words of one policy in one locale: its own first, then the built-in ones.

    Args:
        policy: a policy that passed its checks, so that no word is missing.
        locale: one of its locales.
    """

    def __init__(self, policy: Policy, locale: str) -> None:
        self._policy = policy
        self._locale = locale
        # A policy without built-in texts names every key there was when it was published; newer keys speak English.
        self._built_in = built_in(locale) or _reference()

    def text(self, key: str) -> str:
        """A text of the interface or a word of the vocabulary."""
        own = self._policy.texts.get(key, {}).get(self._locale)
        return own or self._built_in.ui.get(key) or self._built_in.vocabulary[key]

    def category(self, key: str) -> dict[str, str]:
        """The title and description of an acquisition category."""
        own = self._policy.categories.get(key, {})
        default = self._built_in.categories[key]
        return {part: own.get(part, {}).get(self._locale) or default[part] for part in CATEGORY_PARTS}

    def always_on_note(self) -> str:
        """What is collected without asking, in a sentence; nothing when nothing is."""
        titles = [purpose.title[self._locale] for purpose in self._policy.purposes if is_silent(purpose)]
        if not titles:
            return ""
        keys = ["purpose_first"] + ["purpose_next"] * (len(titles) - 1)
        named = "".join(fill(self.text(key), {"text": title}) for key, title in zip(keys, titles, strict=True))
        return fill(self.text("always_on_note"), {"purposes": named})

    def description(self, purpose: Purpose) -> str:
        """What is done with the data, and that a machine alone decides where it does (S10)."""
        text = purpose.description[self._locale]
        if not purpose.automated_decisions:
            return text
        gap = "" if text.endswith(_FULL_WIDTH_STOP) else " "
        return f"{text}{gap}{self.text('automated_note')}"

    def retention(self, days: int) -> str:
        """A retention period in words: years where they come out even, else days."""
        years, rest = divmod(days, _DAYS_OF_A_YEAR)
        count, unit = (years, "year") if years and not rest else (days, "day")
        key = f"retention_one_{unit}" if count == 1 else f"retention_{unit}s"
        return fill(self.text(key), {"count": str(count)})


def is_silent(purpose: Purpose) -> bool:
    """Whether the purpose acquires something from everybody, asked or not."""
    return purpose.always_on and bool(purpose.acquire)


def missing_texts(locale: str, own: Mapping[str, object]) -> list[str]:
    """Keys that a policy must give itself in a locale without built-in texts."""
    return [] if built_in(locale) else [key for key in text_keys() if key not in own]


def _reference() -> Wording:
    wording = built_in(BUILT_IN_LOCALES[0])
    if wording is None:  # pragma: no cover - the tuple above names shipped files
        raise LookupError(BUILT_IN_LOCALES[0])
    return wording
