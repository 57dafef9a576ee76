"""Rules that hold between the parts of a policy document.

They read the raw data, so that they find their faults also where other parts are wrong; a part of the wrong shape is
left to the schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from cookiegate.policy import wording
from cookiegate.policy.document import CATEGORIES
from cookiegate.policy.faults import Complaint, quoted, suggest
from cookiegate.policy.locales import is_locale
from cookiegate.policy.theme import LEAST_CONTRAST, PAIRS, contrast, read_colour

Data = Mapping[str, Any]

#: Longer lists and mappings are refused by the schema; looking further would only take time.
_LOOKED_AT = 256


def find_contradictions(data: Data) -> Iterator[Complaint]:
    """Every breach of a rule between parts.

    Args:
        data: the document as it was written, of any shape.
    """
    for rule in RULES:
        yield from rule(data)


def locales_of(data: Data) -> tuple[str, ...]:
    """The locales that the document names, as far as they are texts."""
    return tuple(dict.fromkeys(_words(data.get("locales"))))


def _authoritative_locale(data: Data) -> Iterator[Complaint]:
    locales, named = locales_of(data), data.get("authoritative_locale")
    if isinstance(named, str):
        if locales and named not in locales:
            fix = suggest(named, locales)
            yield Complaint(f"{quoted(named)} is not one of the locales.", fix, ("authoritative_locale",))
    elif len(locales) > 1 and "authoritative_locale" not in data:
        fix = f"Add `authoritative_locale: {locales[0]}`, or whichever version prevails."
        yield Complaint("With several languages, one must prevail, and none is named.", fix, ("locales",), at_key=True)


def _locale_texts(data: Data) -> Iterator[Complaint]:
    texts, categories = _mapping(data.get("texts")), _mapping(data.get("categories"))
    for index, locale in enumerate(_words(data.get("locales"))):
        if not is_locale(locale) or wording.built_in(locale):
            continue
        missing = [f"texts.{key}" for key in wording.missing_texts(locale, texts)]
        for category in CATEGORIES:
            own = _mapping(categories.get(category))
            missing += [f"categories.{category}.{part}" for part in wording.CATEGORY_PARTS if part not in own]
        if missing:
            message = f"There are no built-in texts in {quoted(locale)}, and {len(missing)} texts are not given here."
            yield Complaint(message, f"Add {', '.join(missing)}.", ("locales", index))


def _purpose_keys(data: Data) -> Iterator[Complaint]:
    seen: dict[str, int] = {}
    for index, purpose in _purposes(data):
        key = purpose.get("key")
        if isinstance(key, str) and seen.setdefault(key, index) != index:
            message = f"Two purposes have the key {quoted(key)}."
            yield Complaint(message, "Give each purpose a key of its own.", ("purposes", index, "key"))


def _legal_bases(data: Data) -> Iterator[Complaint]:
    for index, purpose in _purposes(data):
        basis, path = purpose.get("legal_basis"), ("purposes", index, "legal_basis")
        if purpose.get("always_on") is True and basis == "consent":
            message = "A purpose that is always on cannot rest on consent: nobody is asked."
            yield Complaint(message, "Name the true legal basis, or remove `always_on`.", path)
        elif purpose.get("always_on", False) is False and isinstance(basis, str) and basis != "consent":
            message = "A purpose that a visitor may refuse rests on consent, and this one names another legal basis."
            yield Complaint(message, "Write `legal_basis: consent`, or add `always_on: true`.", path)


def _recipients(data: Data) -> Iterator[Complaint]:
    defined = list(_mapping(data.get("recipients")))
    for index, purpose in _purposes(data):
        for place, key in enumerate(_list(purpose.get("recipients"))):
            if isinstance(key, str) and key not in defined:
                fix = suggest(key, defined, otherwise=f"Add `{key}:` under `recipients`.")
                path = ("purposes", index, "recipients", place)
                yield Complaint(f"The recipient {quoted(key)} is not defined.", fix, path)


def _contacts(data: Data) -> Iterator[Complaint]:
    controller = data.get("controller")
    if isinstance(controller, dict) and not {"email", "phone", "url"} & controller.keys():
        message = "Visitors find no way to reach you: no e-mail, telephone or contact page."
        yield Complaint(message, "Add `email`, `phone` or `url`.", ("controller",), at_key=True)


def _collector_purposes(data: Data) -> Iterator[Complaint]:
    keys = [purpose["key"] for _, purpose in _purposes(data) if isinstance(purpose.get("key"), str)]
    for tracker, collector in _entries(data.get("collectors")):
        purpose = _mapping(collector).get("purpose")
        if isinstance(purpose, str) and keys and purpose not in keys:
            path = ("collectors", tracker, "purpose")
            yield Complaint(f"There is no purpose {quoted(purpose)}.", suggest(purpose, keys), path)


def _collector_fields(data: Data) -> Iterator[Complaint]:
    for tracker, collector in _entries(data.get("collectors")):
        named = _mapping(collector).get("fields")
        if tracker == "plain" and isinstance(collector, dict) and not named:
            message = "Without `fields`, every field of a plain event is dropped."
            yield Complaint(
                message, "Add `fields: {page: browsing}` with your own.", ("collectors", tracker), at_key=True
            )
        elif tracker != "plain" and named:
            message = f"The fields of {quoted(tracker)} are known; they are not listed here."
            yield Complaint(message, "Delete `fields`.", ("collectors", tracker, "fields"), at_key=True)
        elif tracker == "plain":
            yield from _unused_categories(data, tracker, _mapping(collector))
            yield from _overlapping_fields(tracker, _mapping(_mapping(collector).get("fields")))


def _unused_categories(data: Data, tracker: str, collector: Data) -> Iterator[Complaint]:
    declared = [purpose for _, purpose in _purposes(data) if purpose.get("key") == collector.get("purpose")]
    used = _list(declared[0].get("acquire")) if declared else None
    for field, category in _entries(collector.get("fields")):
        if used is not None and category in CATEGORIES and category not in used:
            message = f"The purpose does not acquire {quoted(category)}, so this field would always be dropped."
            fix = f"Add {category} to the purpose's `acquire`, or delete this line."
            yield Complaint(message, fix, ("collectors", tracker, "fields", field))


def _overlapping_fields(tracker: str, named: Data) -> Iterator[Complaint]:
    for field, _ in _entries(named):
        parents = [field[:at] for at, char in enumerate(field) if char == "."]
        whole = next((parent for parent in parents if parent in named), None)
        if whole is not None:
            message = f"The field {quoted(whole)} is listed as a whole already."
            path = ("collectors", tracker, "fields", field)
            yield Complaint(message, "List a field as a whole or in its parts, not both.", path, at_key=True)


def _readable_colours(data: Data) -> Iterator[Complaint]:
    theme = _mapping(data.get("theme"))
    for surface, ink in PAIRS:
        pair = [read_colour(theme[name]) if isinstance(theme.get(name), str) else None for name in (surface, ink)]
        if pair[0] and pair[1] and (ratio := contrast(pair[0], pair[1])) < LEAST_CONTRAST:
            message = (
                f"{quoted(ink)} on {quoted(surface)} is hard to read: contrast {ratio:.1f}, {LEAST_CONTRAST} needed."
            )
            yield Complaint(message, "Make one darker or the other lighter, or leave it out.", ("theme", ink))


RULES: tuple[Callable[[Data], Iterator[Complaint]], ...] = (
    _authoritative_locale,
    _locale_texts,
    _purpose_keys,
    _legal_bases,
    _recipients,
    _contacts,
    _collector_purposes,
    _collector_fields,
    _readable_colours,
)


def _purposes(data: Data) -> Iterator[tuple[int, Data]]:
    for index, purpose in enumerate(_list(data.get("purposes"))):
        if isinstance(purpose, dict):
            yield index, purpose


def _mapping(value: Any) -> Data:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value[:_LOOKED_AT] if isinstance(value, list) else []


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    return islice(_mapping(value).items(), _LOOKED_AT)


def _words(value: Any) -> list[str]:
    return [word for word in _list(value) if isinstance(word, str)]
