"""The built-in texts, and how a policy's own texts override them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cookiegate.policy.cldr import list_text, span_text
from cookiegate.policy.locales import text_direction
from cookiegate.policy.tags import nearest
from cookiegate.shipped import read_shipped

if TYPE_CHECKING:
    from cookiegate.policy.document import Policy, Purpose

#: Language that decides which keys exist.
REFERENCE = "en"
#: Words in braces that a text may hold, in the order of who fills them in: the server, then the widget.
PLACEHOLDERS = (
    "controller", "language", "period", "days", "purposes", "sites", "always_on_note", "text",
    "purpose", "signal", "date", "until",
)  # fmt: skip
#: Texts that earlier programs had, and what to do about them.
RETIRED_TEXTS = {
    "placeholder_allow": "Write `placeholder_once` and `placeholder_always` instead.",
    **dict.fromkeys(
        ("retention_one_day", "retention_days", "retention_one_year", "retention_years"),
        "Delete it: spans of time are written as each language writes them.",
    ),
}

#: What there is to say about a category.
CATEGORY_PARTS = ("title", "description")
#: What there must be to say about a purpose.
PURPOSE_PARTS = ("title", "description")

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]*)\}")
#: No space follows it.
_FULL_WIDTH_STOP = "。"


def _shipped() -> tuple[str, ...]:
    names = (entry.name for entry in files("cookiegate.policy").joinpath("texts").iterdir())
    tags = sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))
    return (REFERENCE, *(tag for tag in tags if tag != REFERENCE))


#: Languages that the package brings all texts for: those of the files that are there.
BUILT_IN_LOCALES = _shipped()


@dataclass(frozen=True, slots=True)
class Wording:
    """One locale's built-in texts.

    Args:
        ui: the texts that go to the widget and the pages.
        vocabulary: words that the server composes notices with.
        categories: ``title`` and ``description`` by acquisition category.
        purposes: ``title``, ``description`` and mostly ``loss`` by the key of a purpose that many policies have.
    """

    ui: Mapping[str, str]
    vocabulary: Mapping[str, str]
    categories: Mapping[str, Mapping[str, str]]
    purposes: Mapping[str, Mapping[str, str]]


def built_in(locale: str) -> Wording | None:
    """The built-in texts that a reader of a locale reads, or None where the package has none."""
    found = nearest(BUILT_IN_LOCALES, locale, any_script=False)
    return _read(found) if found else None


@cache
def _read(tag: str) -> Wording:
    data: dict[str, Any] = read_shipped("cookiegate.policy", f"texts/{tag}.yaml")
    return Wording(*(MappingProxyType(data[section]) for section in Wording.__slots__))


@cache
def ui_keys() -> tuple[str, ...]:
    """Every key of the texts that a notice carries."""
    return tuple(_reference().ui)


@cache
def text_keys() -> tuple[str, ...]:
    """Every key that a policy may override under ``texts``."""
    return (*_reference().ui, *_reference().vocabulary)


@cache
def known_purposes() -> tuple[str, ...]:
    """Keys of the purposes whose texts a policy may leave out."""
    return tuple(_reference().purposes)


def with_known_purposes(document: Mapping[str, Any]) -> dict[str, Any]:
    """A policy document whose purposes all have a title and a description: its own, else the built-in ones.

    Args:
        document: as the schema passed it; a purpose without texts has a known key, and every locale its built-in texts.
    """
    return {**document, "purposes": [_complete(purpose, document["locales"]) for purpose in document["purposes"]]}


def _complete(purpose: Mapping[str, Any], locales: Iterable[str]) -> dict[str, Any]:
    missing = [part for part in PURPOSE_PARTS if part not in purpose]
    known = {locale: _known(locale).purposes[purpose["key"]] for locale in locales} if missing else {}
    return {**purpose, **{part: {tag: texts[part] for tag, texts in known.items()} for part in missing}}


def unknown_placeholders(text: str) -> list[str]:
    """Words in braces that nobody would fill in."""
    return [word for word in _PLACEHOLDER.findall(text) if word not in PLACEHOLDERS]


def apart(text: str, locale: str) -> str:
    """A name that running text takes up, kept apart where the text runs from right to left and the name may not.

    Source: Unicode Standard Annex #9, section 2.3 (isolates).
    """
    return f"\u2068{text}\u2069" if text_direction(locale) == "rtl" else text


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
        self._built_in = _known(locale)

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

    def loss(self, purpose: Purpose) -> str | None:
        """What is lost by refusing a purpose; None for one that cannot be refused."""
        if purpose.always_on:
            return None
        own = (purpose.loss or {}).get(self._locale)
        return own or self._built_in.purposes.get(purpose.key, {}).get("loss") or self.text("loss_none")

    def titles(self, purposes: Iterable[Purpose]) -> str:
        """The titles of purposes as a list in running text."""
        return list_text([purpose.title[self._locale] for purpose in purposes], self._locale)

    def retention(self, days: int) -> str:
        """A retention period in words: years where they come out even, else days."""
        return span_text(days, self._locale)


def is_silent(purpose: Purpose) -> bool:
    """Whether the purpose acquires something from everybody, asked or not."""
    return purpose.always_on and bool(purpose.acquire)


def missing_texts(locale: str, own: Mapping[str, object]) -> list[str]:
    """Keys that a policy must give itself in a locale without built-in texts."""
    return [] if built_in(locale) else [key for key in text_keys() if key not in own]


def _known(locale: str) -> Wording:
    return built_in(locale) or _reference()


def _reference() -> Wording:
    return _read(REFERENCE)
