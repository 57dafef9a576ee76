"""What a grant leaves of a request's headers and address."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from cookiegate.gate import ip
from cookiegate.gate.allowance import IP, Allowance
from cookiegate.gate.carriers import TOKEN_COOKIE, TOKEN_HEADER, Scrubber, cookies
from cookiegate.gate.trackers.table import COMMON_HEADERS, TrackerTable

#: They belong to the connection that ended here: gone without being counted.
_FRAMING = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
#: Left out without being counted.
SILENT = _FRAMING | {TOKEN_HEADER, "content-type"}
_RECEIVED_AT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)


class HeaderRules:
    """A tracker's headers and cookies as allow-lists."""

    def __init__(self, table: TrackerTable) -> None:
        self._table = table
        #: Lower-case name → category.
        self.categories: Mapping[str, str] = {
            name: category
            for name in (*COMMON_HEADERS, *table.headers)
            if name != "content-type" and (category := table.category_of_header(name)) is not None
        }

    def strip(
        self,
        headers: Mapping[str, str],
        allowance: Allowance,
        scrubber: Scrubber,
        stripped: list[str],
        content_type: str | None,
    ) -> dict[str, str]:
        """The granted headers, without any token.

        Args:
            headers: by lower-case name.
            allowance: the grant.
            scrubber: knows the request's tokens.
            stripped: receives ``header name`` for every header that is left out or cut.
            content_type: of the body that the gate writes, whatever was claimed; None if it writes none.
        """
        kept: dict[str, str] = {}
        categories, granted = self.categories, allowance.categories
        for name, value in headers.items():
            category = categories.get(name)
            if category in granted and category != IP:
                kept[name] = scrubber.text(value)
                continue
            left = self._value(name, value, category, allowance, content_type)
            if left is not None:
                kept[name] = scrubber.text(left)
            if left != value and name not in SILENT:
                if name == "cookie":
                    stripped.extend(f"cookie {item}" for item in self._lost_cookies(value, allowance))
                else:
                    stripped.append(f"header {name}")
        return kept

    def _value(
        self, name: str, value: str, category: str | None, allowance: Allowance, content_type: str | None
    ) -> str | None:
        if name == "content-type":
            return content_type
        if name == "cookie":
            found = cookies(value).items()
            return "; ".join(f"{key}={item}" for key, item in found if self._grants(key, allowance)) or None
        return _address_header(name, value, allowance) if category == IP else None

    def address_reader(self, allowance: Allowance) -> Callable[[str, str], str | None]:
        """What a grant leaves of the addresses in a header, by its lower-case name and value; others are one."""
        return lambda name, value: _address_header(name, value, allowance)

    def _grants(self, cookie: str, allowance: Allowance) -> bool:
        return self._table.cookies.get(cookie) in allowance.categories

    def _lost_cookies(self, header: str, allowance: Allowance) -> list[str]:
        return [name for name in cookies(header) if name != TOKEN_COOKIE and not self._grants(name, allowance)]


def _address_header(name: str, value: str, allowance: Allowance) -> str | None:
    read = {"x-forwarded-for": ip.filter_list, "forwarded": ip.filter_forwarded}.get(name, ip.filter_address)
    return read(value, granted=allowance.ip, truncating=allowance.truncate_ip)


def received_at(text: str | None) -> str | None:
    """The time of receipt if it is one, RFC 3339 or close to it; None otherwise."""
    return text if text is not None and _RECEIVED_AT.fullmatch(text) else None
