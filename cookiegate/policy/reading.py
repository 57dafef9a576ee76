"""From a YAML text to a :class:`Policy`, or to the list of everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, TypeAlias

from marshmallow import ValidationError

from cookiegate.errors import PolicyError
from cookiegate.policy.consistency import find_contradictions, locales_of
from cookiegate.policy.containers import in_locales
from cookiegate.policy.document import Policy
from cookiegate.policy.encoding import canonical_json, from_document, to_document
from cookiegate.policy.faults import FAULT_LIMIT, Complaint, Fault, Path, policy_error, unpack
from cookiegate.policy.locales import is_locale
from cookiegate.policy.raw import Data
from cookiegate.policy.schema import PolicySchema
from cookiegate.policy.source import SIZE_LIMIT_BYTES, parse_source
from cookiegate.policy.wording import with_known_purposes

_SCHEMA = PolicySchema()
Rules: TypeAlias = Sequence[Callable[[Data], Iterator[Complaint]]]


def check(text: str, *, rules: Rules = ()) -> list[Fault]:
    """Every fault of a document, in the order of its lines; none for a good one.

    Args:
        text: YAML 1.2 or JSON, at most 256 kB.
        rules: what else it must keep, such as :data:`cookiegate.gate.mapping.FIELD_RULES`.
    """
    return _read(text, rules)[1]


def read_policy(text: str, *, source: str = "<policy>", rules: Rules = ()) -> Policy:
    """The policy that a document describes.

    Args:
        text: YAML 1.2 or JSON, at most 256 kB.
        source: what to call the document in an error.
        rules: as for :func:`check`.

    Raises:
        PolicyError: it has faults; ``evidence["faults"]`` lists them all as :class:`Fault`.
    """
    document, faults = _read(text, rules)
    if document is None:
        raise policy_error(source, faults)
    return from_document(with_known_purposes(document))


def load_policy(path: FilePath, *, rules: Rules = ()) -> Policy:
    """The policy in a file.

    Args:
        path: the file.
        rules: as for :func:`check`.

    Raises:
        PolicyError: the file cannot be read, or has faults.
    """
    return read_policy(read_text(path), source=str(path), rules=rules)


def read_text(path: FilePath) -> str:
    """The text of a policy file.

    Raises:
        PolicyError: the file cannot be read or is not UTF-8; the fault names the line and column of the first bad byte.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        fault = Fault(1, 1, "(document)", f"The file cannot be read ({error.strerror}).", "Check its name and mode.")
        raise policy_error(str(path), [fault]) from error
    try:
        # A file past the limit may be cut inside a character; it is refused for its size all the same.
        return raw.decode("utf-8", "strict" if len(raw) <= SIZE_LIMIT_BYTES else "replace")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        fault = Fault(line, column, "(document)", "The file is not UTF-8 text.", "Save it as UTF-8.")
        raise policy_error(str(path), [fault]) from error


def _read(text: str, rules: Rules) -> tuple[dict[str, Any] | None, list[Fault]]:
    source = parse_source(text)
    if not isinstance(source.data, dict):
        if not source.faults:
            fault = Fault(1, 1, "(document)", "A policy is a mapping.", "Write `site: …` and the like, one per line.")
            source.faults.append(fault)
        return None, source.faults
    document, complaints = _apply_schema(source.data)
    complaints += find_contradictions(source.data)
    complaints += [complaint for rule in rules for complaint in rule(source.data)]
    faults = {*source.faults, *(source.locate(complaint) for complaint in complaints)}
    return (None if faults else document), sorted(faults)[:FAULT_LIMIT]


def _apply_schema(data: Mapping[str, Any]) -> tuple[dict[str, Any] | None, list[Complaint]]:
    locales = locales_of(data)
    known = locales if locales and all(map(is_locale, locales)) else None
    with in_locales(known):
        try:
            return _SCHEMA.load(data), []
        except ValidationError as error:
            return None, list(_flatten(error.messages, ()))


def _flatten(messages: Any, path: Path) -> Iterator[Complaint]:
    """marshmallow's nested messages as complaints, each with its path."""
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from _flatten(inner, path if key == "_schema" else (*path, key))
    elif isinstance(messages, list):
        yield from (unpack(str(message), path) for message in messages)


__all__ = [
    "Fault", "PolicyError", "canonical_json", "check", "from_document", "load_policy", "read_policy",
    "read_text", "to_document",
]  # fmt: skip
