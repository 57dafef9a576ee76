"""The kinds of single value that a policy document has, each with a plain complaint and a fix."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from typing import Any

from marshmallow import ValidationError, fields

from cookiegate.policy.faults import complain, quoted, suggest


def about(doc: str, example: str) -> dict[str, str]:
    """What the reference page and a fix say about a field."""
    return {"doc": doc, "example": example}


class PolicyField(fields.Field[Any]):
    """A value that says what is wrong with it in a sentence."""

    form = "text"

    def make_error(self, key: str, **kwargs: Any) -> ValidationError:
        """The complaint for a missing or an empty value."""
        example = self.metadata.get("example", "…")
        name = quoted(self.name or "value")
        if key == "required":
            return ValidationError(complain(f"{name} is missing.", f"Add `{self.name}: {example}`.", at_key=True))
        if key == "null":
            return ValidationError(complain(f"{name} is empty.", "Give it a value, or delete the line."))
        return super().make_error(key, **kwargs)


class Text(PolicyField):
    """Plain text without control characters, trimmed.

    Args:
        limit: the most characters.
    """

    def __init__(self, limit: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.limit = limit

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str):
            fix = "Write a text." if isinstance(value, (list, dict)) else f'Put it in quotes: "{value}".'
            raise ValidationError(complain("This must be a text.", fix))
        text = value.strip()
        if not text:
            raise ValidationError(complain("This text is empty.", "Write it, or delete the line."))
        if len(text) > self.limit:
            message = f"This text has {len(text)} characters; {self.limit} is the most."
            raise ValidationError(complain(message, "Shorten it."))
        if any(unicodedata.category(char) == "Cc" and char != "\n" for char in text):
            raise ValidationError(complain("This text holds a control character.", "Retype it without tabs or codes."))
        return self.accept(text)

    def accept(self, text: str) -> Any:
        """Checks what is special about this kind of text; returns it in its usual form."""
        return text


class Word(Text):
    """A text of a fixed shape.

    Args:
        pattern: what the whole text must match.
        shape: the shape in words, for the fix.
    """

    def __init__(self, pattern: str, shape: str, *, limit: int = 63, **kwargs: Any) -> None:
        super().__init__(limit, **kwargs)
        self.pattern = re.compile(pattern)
        self.shape = shape
        self.form = shape

    def accept(self, text: str) -> Any:
        """The text, if it matches."""
        if not self.pattern.fullmatch(text):
            raise ValidationError(complain(f"{quoted(text)} has the wrong form.", f"Use {self.shape}."))
        return text


class Checked(Text):
    """A text that a function normalises, or refuses by raising ``ValidationError``."""

    def __init__(self, check: Callable[[str], str], form: str, *, limit: int = 2_048, **kwargs: Any) -> None:
        super().__init__(limit, **kwargs)
        self.check = check
        self.form = form

    def accept(self, text: str) -> Any:
        """What the function makes of it."""
        return self.check(text)


class Choice(PolicyField):
    """One of a few words.

    Args:
        options: the words.
        retired: words that were options once, each with what to do about it.
    """

    def __init__(self, options: Collection[str], *, retired: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.options, self.retired = options, retired or {}
        self.form = ", ".join(f"`{option}`" for option in options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str) or value not in self.options:
            if isinstance(value, str) and value in self.retired:
                raise ValidationError(complain(f"{quoted(value)} is no longer used.", self.retired[value]))
            raise ValidationError(complain(f"{quoted(value)} is not known here.", suggest(value, self.options)))
        return value


class Whole(PolicyField):
    """A whole number from ``low`` to ``high``."""

    def __init__(self, low: int, high: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.low, self.high = low, high
        self.form = f"{low} to {high}"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError(complain(f"{quoted(value)} is not a whole number.", f"Write {self.form}."))
        if not self.low <= value <= self.high:
            raise ValidationError(complain(f"{value} is out of range.", f"Write {self.form}."))
        return value


class Flag(PolicyField):
    """True or false."""

    form = "`true` or `false`"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, bool):
            raise ValidationError(complain(f"{quoted(value)} is neither true nor false.", "Write `true` or `false`."))
        return value


class Agreed(PolicyField):
    """A clause that must be there: true, and nothing else."""

    form = "`true`"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if value is not True:
            message = "The contract must have this clause, and here it has not."
            raise ValidationError(complain(message, "Agree on it, then write `true`."))
        return True
