"""What is wrong with a policy document: where, in a plain sentence, and how to fix it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass

from cookiegate.errors import PolicyError

#: Where a value sits: mapping keys and list indices from the top.
Path = tuple[str | int, ...]

#: A document with more faults than this is not a policy; the rest would only scroll the first ones away.
FAULT_LIMIT = 200

_QUOTE_LIMIT = 60
_SENTENCE_LIMIT = 5


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault. ``line`` and ``column`` count from 1; ``path`` reads like ``purposes[1].title``."""

    line: int
    column: int
    path: str
    message: str
    fix: str

    def as_dict(self) -> dict[str, object]:
        """The fault for a JSON report."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Complaint:
    """A fault that does not know its line yet. ``at_key`` points at a mapping's key, not at its value."""

    message: str
    fix: str
    path: Path = ()
    at_key: bool = False


def complain(message: str, fix: str, *, at_key: bool = False) -> str:
    """Packs a sentence and its fix into one error text, which is all that a marshmallow field can carry."""
    return "\n".join((message, fix, "key" if at_key else "value"))


def unpack(text: str, path: Path) -> Complaint:
    """The complaint behind an error text. A text that is marshmallow's own has no fix of its own."""
    parts = text.split("\n")
    if len(parts) != 3:
        return Complaint(text, "Correct this value.", path)
    return Complaint(parts[0], parts[1], path, parts[2] == "key")


def quoted(value: object) -> str:
    """A value as it may stand in a sentence: in quotes, on one line, not longer than 60 characters."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    if len(text) > _QUOTE_LIMIT:
        text = text[: _QUOTE_LIMIT - 1] + "…"
    printable = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return f"“{printable}”"


def suggest(word: object, options: Collection[str], *, otherwise: str = "") -> str:
    """The fix for a name that is not known: the nearest option, or all of them, or ``otherwise``."""
    near = difflib.get_close_matches(str(word)[:_QUOTE_LIMIT].lower(), options, n=1)
    if near:
        return f"Did you mean {quoted(near[0])}?"
    return otherwise or f"Use one of: {', '.join(options)}."


def path_text(path: Path) -> str:
    """The path as people write it, such as ``purposes[1].acquire[0]``; the document itself is ``(document)``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "(document)"


def policy_error(source: str, faults: Iterable[Fault]) -> PolicyError:
    """The error that carries every fault, and says the first few."""
    faults = sorted(faults)
    said = [f"line {fault.line}, column {fault.column}: {fault.message}" for fault in faults[:_SENTENCE_LIMIT]]
    more = len(faults) - len(said)
    if more > 0:
        said.append(f"and {more} more")
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    return PolicyError(f"{source} has {count}: {'; '.join(said)}", source=source, faults=faults)
