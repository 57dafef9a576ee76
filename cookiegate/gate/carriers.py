"""Where a request may carry its token, and how a token's text is kept out of everything else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import msgspec

TOKEN_HEADER = "x-consent-token"  # noqa: S105  a header's name
TOKEN_PARAMETER = "ct"  # noqa: S105  a parameter's name
TOKEN_COOKIE = "cg_token"  # noqa: S105  a cookie's name
CHOICE_COOKIE = "cg_choice"
#: Shorter text is no token of ours; taking it out of an event could take out anything.
_SHORTEST = 64
#: So many tokens are looked for one by one; of more, the parts between their dots are looked up.
_FEW = 4
#: A text that holds more tokens than this is left empty.
_MOST = 16
#: What stands in JSON as it is.
_PLAIN = re.compile(r"[A-Za-z0-9_.-]*", re.ASCII)
_encode = msgspec.json.Encoder().encode


def request_tokens(headers: Mapping[str, str], query: Mapping[str, str]) -> list[str]:
    """Every token of a request, the deciding one first: header, query, cookie. An empty carrier carries nothing.

    Args:
        headers: by lower-case name.
        query: the decoded query.
    """
    header = headers.get("cookie", "")
    cookie = cookies(header).get(TOKEN_COOKIE) if TOKEN_COOKIE in header else None
    found = (headers.get(TOKEN_HEADER, "").strip(), query.get(TOKEN_PARAMETER), cookie)
    return [token for token in found if token]


def says_refused(cookie_header: str) -> bool:
    """Whether the visitor's own browser says that they refused.

    A withdrawal shows in the page's cookie at once, even while it cannot reach the service to end the token, which the
    page cannot delete. This can only make a gate stricter.
    """
    return CHOICE_COOKIE in cookie_header and cookies(cookie_header).get(CHOICE_COOKIE, "").startswith("refused")


def cookies(header: str) -> dict[str, str]:
    """Names and raw values of a ``Cookie`` header; of two with one name the first, as browsers put it.

    Source: RFC 6265 sections 4.2 and 5.4.
    """
    found: dict[str, str] = {}
    for pair in header.split(";"):
        name, equals, value = pair.strip().partition("=")
        if equals and name not in found:
            found[name] = value.strip('"')
    return found


class Scrubber:
    """Takes the tokens of one request out of texts that a grant keeps, such as a page address with ``?ct=``.

    However many tokens there are, the work grows with the texts alone.

    Args:
        tokens: whatever came in a token's place.
    """

    def __init__(self, tokens: Iterable[object]) -> None:
        self._tokens = [*dict.fromkeys(token for token in tokens if isinstance(token, str) and len(token) >= _SHORTEST)]
        self._least = min(map(len, self._tokens), default=0)
        #: For many: the part between a token's two dots → the numbers of the tokens that have it.
        self._by_middle: dict[str, list[int]] = {}
        #: The numbers of those that have no such part; a request's own, so there are few.
        self._others: list[int] = []
        if len(self._tokens) > _FEW:
            self._sort()
        self._middles = frozenset(middle.encode("utf-8", "surrogatepass") for middle in self._by_middle)

    @cached_property
    def _is_plain(self) -> bool:
        return all(_PLAIN.fullmatch(token) for token in self._tokens)

    @cached_property
    def _encoded(self) -> tuple[bytes, ...]:
        return tuple(token.encode("utf-8", "surrogatepass") for token in self._tokens)

    def _sort(self) -> None:
        for number, token in enumerate(self._tokens):
            parts = token.split(".")
            if len(parts) == 3:
                self._by_middle.setdefault(parts[1], []).append(number)
            else:
                self._others.append(number)

    def text(self, value: str) -> str:
        """``value`` without any of the tokens."""
        if len(value) < self._least:
            return value
        found = self._in(value)
        if not found:
            return value
        if len(found) > _MOST:
            return ""
        for token in found:
            value = value.replace(token, "")
        # A text made so that taking a token out puts one together is not worth keeping.
        return "" if self._in(value) else value

    def _in(self, value: str) -> list[str]:
        """The tokens in a text, in their order; more than :data:`_MOST` that may be in it are not looked for."""
        found = self._tokens
        if len(found) > _FEW:
            numbers = set(self._others)
            for part in value.split(".")[1:-1]:
                numbers.update(self._by_middle.get(part, ()))
            found = [found[number] for number in sorted(numbers)]
            if len(found) > _MOST:
                return found
        return [token for token in found if token in value]

    def scrub(self, value: Any) -> Any:
        """A JSON value without any of the tokens in its texts."""
        # JSON writes a token as it is, so one look at all of it mostly does.
        if self._is_plain and not self._may_be_in(_encode(value)):
            return value
        return self._scrub(value)

    def _scrub(self, value: Any) -> Any:
        if type(value) is str:
            return self.text(value)
        if type(value) is dict:
            return {name: self._scrub(item) for name, item in value.items()}
        if type(value) is list:
            return [self._scrub(item) for item in value]
        return value

    def _may_be_in(self, data: bytes) -> bool:
        if len(self._encoded) <= _FEW:
            return any(token in data for token in self._encoded)
        return any(self._encoded[number] in data for number in self._others) or not self._middles.isdisjoint(
            data.split(b".")[1:-1]
        )
