"""Addresses of visitors: kept whole, cut to a network, or removed.

Source: IPv4 keeps 24 bits and IPv6 48; a mapped IPv4 address counts as IPv4, and a port is no part of an address.
"""

from __future__ import annotations

import ipaddress
import re
import socket

_IPV6_KEPT_BYTES = 6
_LONGEST = 64
#: A header with more addresses than proxies put there goes as a whole: to read them would take long.
_MOST = 64
#: Most addresses, which need no reader.
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)", re.ASCII)
_FORWARDED_FOR = re.compile(r'(?:^|[;,])\s*for=("[^"]*"|[^;,\s]*)', re.IGNORECASE)


def parse(text: object) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in ``text``: bare, with a port, in brackets, with a zone; None if there is none."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def truncate(text: object) -> str | None:
    """The network's first address, such as ``203.0.113.0`` or ``2001:db8:1::``; None if ``text`` is no address."""
    if isinstance(text, str) and _IPV4.fullmatch(text):
        return text[: text.rindex(".")] + ".0"
    address = parse(text)
    if address is None:
        return None
    if address.version == 4:
        return f"{str(address).rpartition('.')[0]}.0"
    return socket.inet_ntop(socket.AF_INET6, address.packed[:_IPV6_KEPT_BYTES] + bytes(16 - _IPV6_KEPT_BYTES))


def filter_address(text: object, *, granted: bool, truncating: bool) -> str | None:
    """One address as the grant allows it; None where it must go. What is no address always goes."""
    if granted:
        if isinstance(text, str) and _IPV4.fullmatch(text):
            return text
        address = parse(text)
        return None if address is None else str(address)
    return truncate(text) if truncating else None


def filter_list(value: str, *, granted: bool, truncating: bool) -> str | None:
    """An ``X-Forwarded-For`` value as the grant allows it; None if nothing is left, or it holds too many."""
    if value.count(",") >= _MOST:
        return None
    found = (filter_address(part, granted=granted, truncating=truncating) for part in value.split(","))
    return ", ".join(part for part in found if part is not None) or None


def filter_forwarded(value: str, *, granted: bool, truncating: bool) -> str | None:
    """A ``Forwarded`` value, its ``for`` members only, as the grant allows them; None as above.

    Source: RFC 7239 sections 4 and 6.
    """
    kept = []
    members = _FORWARDED_FOR.findall(value)
    for member in members if len(members) <= _MOST else ():
        address = filter_address(member.strip('"'), granted=granted, truncating=truncating)
        if address is not None:
            kept.append(f'for="[{address}]"' if ":" in address else f"for={address}")
    return ", ".join(kept) or None
