"""Values made of values: lists, mappings, blocks with a schema, and texts in several languages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import Any

from marshmallow import Schema, ValidationError

from cookiegate.policy.faults import complain, quoted, suggest
from cookiegate.policy.fields import PolicyField, Text

#: Nobody reads more complaints than this about one mapping.
_LOOKED_AT = 256

#: A value that begins so is the same in every language.
_SCHEMES = ("https://", "http://")

#: The locales of the document being read, or None while they are not known.
_LOCALES: ContextVar[tuple[str, ...] | None] = ContextVar("locales", default=None)


@contextmanager
def in_locales(locales: tuple[str, ...] | None) -> Iterator[None]:
    """Localized values inside must be given in exactly these locales."""
    token = _LOCALES.set(locales)
    try:
        yield
    finally:
        _LOCALES.reset(token)


class ListOf(PolicyField):
    """A list without repeats.

    Args:
        inner: its items.
        least, most: how many.
    """

    def __init__(self, inner: PolicyField, *, least: int = 0, most: int = 64, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner, self.least, self.most = inner, least, most
        self.form = f"list of {inner.form}"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, list):
            raise ValidationError(complain("This must be a list.", "Write `[a, b]`, or one `- item` per line."))
        if not self.least <= len(value) <= self.most:
            message = f"This list has {len(value)} items; it takes {self.least} to {self.most}."
            raise ValidationError(complain(message, "Add or remove items."))
        items, errors = _each(self.inner, enumerate(value))
        for index, item in enumerate(value):
            if not isinstance(item, dict) and item in value[:index]:
                errors.setdefault(index, [complain(f"{quoted(item)} stands in this list twice.", "Remove one.")])
        if errors:
            raise ValidationError(errors)
        return list(items.values())


class MapOf(PolicyField):
    """A mapping whose keys the operator chooses.

    Args:
        key: what every key must be.
        value: what every value must be.
        most: how many entries there may be.
    """

    def __init__(self, key: PolicyField, value: PolicyField, *, most: int = 128, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.key, self.value, self.most = key, value, most
        self.form = f"mapping of {value.form}"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        entries = _mapping(value)
        if len(entries) > self.most:
            raise ValidationError(
                complain(f"There are {len(entries)} entries; {self.most} is the most.", "Remove some.")
            )
        items, errors = _each(self.value, entries.items())
        for key, fault in _each(self.key, ((key, key) for key in entries))[1].items():
            errors[key] = [complain(*text.split("\n")[:2], at_key=True) for text in fault]
        if errors:
            raise ValidationError(errors)
        return items


class Block(PolicyField):
    """A mapping with a schema of its own."""

    form = "mapping"

    def __init__(self, schema: Schema, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.schema = schema

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return self.schema.load(_mapping(value))


class Localized(PolicyField):
    """A value per locale of the policy; in a policy of one locale also the value alone.

    Args:
        inner: the value.
        is_name: whether it may be the same in every language, as names and addresses are; then it may stand alone in
            any policy. A web address always may.
    """

    def __init__(self, inner: Text, *, is_name: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner
        self.is_name = is_name
        self.form = f"{inner.form}, {'for all or ' if is_name else ''}per locale"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        locales = _LOCALES.get()
        if not isinstance(value, dict):
            text = self.inner.deserialize(value)
            if locales is not None and len(locales) != 1 and not (self.is_name or text.startswith(_SCHEMES)):
                lines = " and ".join(f"`{locale}: …`" for locale in locales)
                fix = f"Write it as {lines}, one line each."
                raise ValidationError(complain("This is given in one language only.", fix))
            return dict.fromkeys(locales or (), text)
        items, errors = _each(self.inner, value.items())
        if locales is not None:
            errors |= _wrong_locales(value, locales)
        if errors:
            raise ValidationError(errors)
        return items


def _wrong_locales(value: Mapping[str, Any], locales: tuple[str, ...]) -> dict[Any, list[str]]:
    errors = {}
    for locale in islice(value, _LOOKED_AT):
        if locale not in locales:
            fix = suggest(locale, locales, otherwise=f"Delete this line, or add {locale} to `locales`.")
            errors[locale] = [complain(f"{quoted(locale)} is not a locale of this policy.", fix, at_key=True)]
    for locale in locales:
        if locale not in value:
            errors[locale] = [complain(f"The text in {quoted(locale)} is missing.", f"Add `{locale}: …`.", at_key=True)]
    return errors


def _each(field: PolicyField, entries: Iterable[tuple[Any, Any]]) -> tuple[dict[Any, Any], dict[Any, Any]]:
    items, errors = {}, {}
    for key, value in entries:
        try:
            items[key] = field.deserialize(value)
        except ValidationError as error:
            errors[key] = error.messages
    return items, errors


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValidationError(complain("This must be a mapping.", "Write `key: value` lines, indented below it."))
    return value
