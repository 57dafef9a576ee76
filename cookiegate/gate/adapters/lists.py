"""The items of the list in a large JSON body, one by one as it comes: never more of it in memory than an item."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator

from cookiegate.gate import bodies
from cookiegate.tokens.reasons import Denied, Reason

_SPACE = re.compile(r"[ \t\n\r]*")
#: A number or a word, good or not.
_SCALAR = re.compile(r"[^ \t\n\r,\]}]*")
#: So near to the end of what came, a fault may only be that the rest has not come yet.
_SHORTEST_REST = 16


class _NotJsonError(Exception):
    """NaN or Infinity."""


def _refuse(name: str) -> None:
    raise _NotJsonError(name)


_read = json.JSONDecoder(parse_int=len, parse_float=len, parse_constant=_refuse).raw_decode


def _name(text: str) -> str:
    name = str(json.loads(text))
    try:
        name.encode()
    except UnicodeEncodeError as error:  # half of a surrogate pair
        raise Denied(Reason.EVENT_MALFORMED) from error
    return name


class ListReader:
    """Finds where items begin and end; whether they are good is for the gate to say.

    Args:
        list_at: the member that holds the list; None if the body can only be the list itself.
        many: whether the body may also be the list itself.
        item_limit_bytes: largest item, and largest rest of the body around the list, in characters.

    Attributes:
        around: the other members, name → JSON text, in their order.
        is_bare: whether the body is the list itself.
    """

    def __init__(self, list_at: str | None, many: bool, item_limit_bytes: int) -> None:
        self.around: dict[str, str] = {}
        self.is_bare = False
        self._list_at = list_at
        self._many = many
        self._limit = item_limit_bytes
        self._around_size = 0
        self._decode = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._at = 0
        self._patience = 0
        self._expects = "body"
        self._seen_list = False

    def feed(self, data: bytes, *, is_last: bool = False) -> Iterator[str]:
        """The JSON texts of the items that are whole now.

        Raises:
            Denied: event_malformed if it cannot become such a body, body_too_large for an item past the limit.
        """
        try:
            more = self._decode.decode(data, is_last)
        except UnicodeDecodeError as error:
            raise Denied(Reason.EVENT_MALFORMED) from error
        self._text, self._at = self._text[self._at :] + more, 0
        # A long item is looked at again only when twice as much of it is there: the work stays in proportion.
        if len(self._text) >= self._patience or is_last:
            self._patience = 0
            while (item := self._step(is_last)) is not None:
                if item:
                    yield item
        if is_last and self._expects != "nothing":
            raise Denied(Reason.EVENT_MALFORMED)

    def _step(self, is_last: bool) -> str | None:
        """Reads one thing: an item's text, an empty text for anything else, None when more must come first."""
        self._skip_space()
        mark = self._text[self._at : self._at + 1]
        if not mark:
            return None
        if self._expects == "item" or (self._expects == "first item" and mark != "]"):
            text = self._value(is_last)
            if text is not None:
                self._expects = "next item"
            return text
        if self._expects in ("first item", "next item"):
            return self._after_item(mark)
        return self._outside(mark, is_last)

    def _after_item(self, mark: str) -> str:
        if mark == "," and self._expects == "next item":
            self._expects = "item"
        elif mark == "]":
            self._expects = "nothing" if self.is_bare else "next member"
        else:
            raise Denied(Reason.EVENT_MALFORMED)
        self._at += 1
        return ""

    def _outside(self, mark: str, is_last: bool) -> str | None:
        if self._expects == "body" and mark == "[" and self._many:
            self.is_bare, self._expects = True, "first item"
        elif self._expects == "body" and mark == "{" and self._list_at is not None:
            self._expects = "first member"
        elif self._expects == "next member" and mark == ",":
            self._expects = "member"
        elif self._expects in ("first member", "next member") and mark == "}":
            if not self._seen_list:
                raise Denied(Reason.EVENT_MALFORMED)
            self._expects = "nothing"
        elif self._expects in ("first member", "member") and mark == '"':
            return self._member(is_last)
        else:
            raise Denied(Reason.EVENT_MALFORMED)
        self._at += 1
        return ""

    def _member(self, is_last: bool) -> str | None:
        """A member around the list, or the beginning of the list."""
        began = self._at
        name = self._value(is_last)
        if name is None:
            return None
        self._skip_space()
        colon = self._text[self._at : self._at + 1]
        if colon not in ("", ":"):
            raise Denied(Reason.EVENT_MALFORMED)
        self._at += 1
        self._skip_space()
        key, mark = _name(name), self._text[self._at : self._at + 1]
        if mark and key == self._list_at:
            if mark != "[" or self._seen_list:
                raise Denied(Reason.EVENT_MALFORMED)
            self._at += 1
            self._seen_list, self._expects = True, "first item"
            return ""
        text = self._value(is_last) if mark else None
        if text is None:
            self._at = began
            return None
        self._around_size += len(name) + len(text)
        if self._around_size > self._limit:
            raise Denied(Reason.BODY_TOO_LARGE)
        if key in self.around:
            bodies.read_json(self.around[key])  # what is written over must be good, too
        self.around[key] = text
        self._expects = "next member"
        return ""

    def _value(self, is_last: bool) -> str | None:
        """The text of the value that begins here; None if it may go on past what came."""
        text, began = self._text, self._at
        scalar = None if text[began] in '"[{' else _SCALAR.match(text, began)
        if scalar is not None and scalar.end() == len(text) and not is_last:  # it may go on
            self._wait(len(text) - began)
            return None
        try:
            _, ends = _read(text, began)
        except (_NotJsonError, RecursionError) as error:
            raise Denied(Reason.EVENT_MALFORMED) from error
        except json.JSONDecodeError as error:
            is_cut = error.msg.startswith("Unterminated") or error.pos >= len(text) - _SHORTEST_REST
            if is_last or not is_cut:
                raise Denied(Reason.EVENT_MALFORMED) from error
            self._wait(len(text) - began)
            return None
        if scalar is not None and scalar.end() != ends:
            raise Denied(Reason.EVENT_MALFORMED)
        if ends - began > self._limit:
            raise Denied(Reason.BODY_TOO_LARGE)
        self._at = ends
        return text[began:ends]

    def _wait(self, size: int) -> None:
        if size > self._limit:
            raise Denied(Reason.BODY_TOO_LARGE)
        self._patience = 2 * size

    def _skip_space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at
