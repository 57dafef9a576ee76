"""YAML text → plain data and the place of every value in it.

Only the parser's events are used, never its constructors: a policy needs mappings, lists, texts, whole numbers and
true/false. Tags, anchors and aliases are refused, so nothing can be built, shared or blown up by a document, and
every fault is found in one pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from cookiegate.policy.faults import FAULT_LIMIT, Complaint, Fault, Path, path_text, quoted

SIZE_LIMIT_BYTES = 256_000
DEPTH_LIMIT = 12

_WHOLE_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,14})")  # 0120… is a telephone number, so a text
_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_FIRST = (1, 1)


class _UnreadableError(Exception):
    """Reading cannot go on; the fault is already noted."""


@dataclass(slots=True)
class Source:
    """What a text says. ``data`` is None when nothing could be read."""

    data: Any = None
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def locate(self, complaint: Complaint) -> Fault:
        """The complaint with its line and column: those of its path, or of the nearest thing that holds it."""
        places = self.keys if complaint.at_key else self.values
        path = complaint.path
        while path and path not in places:
            path, places = path[:-1], self.values
        line, column = places.get(path, _FIRST)
        return Fault(line, column, path_text(complaint.path), complaint.message, complaint.fix)

    def note(self, place: tuple[int, int], path: Path, message: str, fix: str) -> None:
        """Adds a fault at a known place."""
        self.faults.append(Fault(*place, path_text(path), message, fix))
        if len(self.faults) >= FAULT_LIMIT:
            raise _UnreadableError


def parse_source(text: str) -> Source:
    """Reads YAML 1.2 (JSON included).

    Args:
        text: the document, at most 256 kB in UTF-8 and 12 levels deep.

    Returns:
        The data, with faults for whatever is not plain data. It never raises for the text's sake.
    """
    source = Source()
    if len(text) > SIZE_LIMIT_BYTES or len(text.encode("utf-8", "replace")) > SIZE_LIMIT_BYTES:
        source.note(_FIRST, (), "The document is larger than 256 kB.", "Keep long texts on a page and link it.")
        return source
    try:
        source.data = _Reader(source, YAML(typ="safe", pure=True).parse(text)).document()
    except _UnreadableError:
        pass
    except YAMLError as error:
        source.faults.append(_syntax_fault(text, error))
    except (ValueError, IndexError, AttributeError, TypeError, AssertionError):
        # The parser itself trips over a few malformed directives and escapes, without saying where.
        source.faults.append(Fault(1, 1, path_text(()), "This is not readable YAML.", "Check escapes and directives."))
    return source


def _syntax_fault(text: str, error: YAMLError) -> Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = error.problem if isinstance(error, MarkedYAMLError) and error.problem else "a character is not allowed"
    if mark is not None:
        line, column = mark.line + 1, mark.column + 1
    else:
        before = text[: getattr(error, "position", 0)]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    message = f"This is not YAML: {' '.join(str(problem).split())}."
    return Fault(line, column, path_text(()), message, "Check indentation, quotes and colons here and just above.")


class _Reader:
    """Turns events into data. The depth cap bounds the recursion."""

    def __init__(self, source: Source, events: Iterator[Event]) -> None:
        self._source = source
        self._events = events

    def document(self) -> Any:
        """The one document of the stream."""
        if not any(isinstance(event, DocumentStartEvent) for event in self._events):
            self._source.note(_FIRST, (), "The document is empty.", "Start from examples/policies/demo.yaml.")
            raise _UnreadableError
        data = self._value(self._next(), ())
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                place = _place(event)
                self._source.note(place, (), "A second document starts here.", "Keep one policy per file.")
                break
        return data

    def _next(self) -> Any:
        return next(self._events)

    def _value(self, event: Any, path: Path) -> Any:
        place = _place(event)
        self._source.values.setdefault(path, place)
        if len(path) > DEPTH_LIMIT:
            raise self._too_deep(event, path[:DEPTH_LIMIT])
        if isinstance(event, AliasEvent):
            name = quoted(f"*{event.anchor}")
            self._source.note(place, path, f"The alias {name} is not allowed.", "Write the value out.")
            return None
        if event.anchor is not None:
            name = quoted(f"&{event.anchor}")
            self._source.note(place, path, f"The anchor {name} is not allowed.", "Remove it.")
        if event.tag is not None and event.tag != "!":
            self._source.note(place, path, f"The tag {quoted(str(event.tag))} is not allowed.", "Remove it.")
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(path)
        return self._scalar(event, path)

    def _too_deep(self, event: Any, path: Path) -> _UnreadableError:
        # The parser takes time that grows with the square of the depth, so nothing is read beyond this.
        self._source.note(_place(event), path, "The document nests too deeply.", "No policy needs 12 levels.")
        return _UnreadableError()

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            key = self._key(event, path)
            if key is None:
                self._skip()
            elif key in items:
                first = self._source.keys[(*path, key)][0]
                message = f"The key {quoted(key)} stands here a second time (first on line {first})."
                self._source.note(_place(event), (*path, key), message, "Keep one of the two.")
                self._skip()
            else:
                self._source.keys[(*path, key)] = _place(event)
                items[key] = self._value(self._next(), (*path, key))
        return items

    def _key(self, event: Any, path: Path) -> str | None:
        if isinstance(event, ScalarEvent) and event.anchor is None:
            return self._text(event.value, _place(event), path)
        self._source.note(_place(event), path, "A key here is not a plain word.", "Write `key: value`.")
        if not isinstance(event, (ScalarEvent, AliasEvent)):
            self._skip_rest()
        return None

    def _skip(self) -> None:
        if isinstance(self._next(), (MappingStartEvent, SequenceStartEvent)):
            self._skip_rest()

    def _skip_rest(self) -> None:
        depth = 1
        while depth:
            event = self._next()
            depth += isinstance(event, (MappingStartEvent, SequenceStartEvent))
            depth -= isinstance(event, (MappingEndEvent, SequenceEndEvent, DocumentEndEvent))
            if depth > DEPTH_LIMIT:
                raise self._too_deep(event, ())

    def _scalar(self, event: Any, path: Path) -> Any:
        text = event.value
        if event.style is None and event.tag is None:
            if text in _WORDS:
                return _WORDS[text]
            if _WHOLE_NUMBER.fullmatch(text):
                return int(text)
        return self._text(text, _place(event), path)

    def _text(self, text: str, place: tuple[int, int], path: Path) -> str:
        if any(0xD800 <= ord(char) <= 0xDFFF for char in text):
            self._source.note(place, path, "This text holds half a character (a lone surrogate).", "Retype it.")
            return "".join("?" if 0xD800 <= ord(char) <= 0xDFFF else char for char in text)
        return text


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
