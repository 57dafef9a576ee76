"""Who is calling, as far as limits need it: an address from a trusted hop, hashed with a daily key, never stored."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from cookiegate.clock import Clock
from cookiegate.settings import Network
from cookiegate.web.call import Call

ROTATION_MS = 86_400_000
CACHED_ADDRESSES = 4_096  # in memory only, for as long as they keep coming
_IPV6_SITE_BITS = 64  # one customer gets at least a /64; counting single addresses would limit nobody


class Clients:
    """Derives a caller's bucket.

    Args:
        trusted_proxies: networks whose ``X-Forwarded-For`` is believed.
        secret: 32 bytes; the day's key is derived from it, so that yesterday's buckets say nothing about today's.
    """

    def __init__(self, trusted_proxies: Sequence[Network], secret: bytes, clock: Clock) -> None:
        self._trusted = tuple(trusted_proxies)
        self._secret = secret
        self._clock = clock
        self._hash = lru_cache(maxsize=CACHED_ADDRESSES)(self._digest)

    def address(self, call: Call) -> str:
        """The client's address: the rightmost hop that is not a trusted proxy. May be empty."""
        peer: str = call.environ.get("REMOTE_ADDR", "")
        if not self._trusted or not self._is_trusted(peer):
            return peer
        hops = [hop.strip() for hop in (call.header("HTTP_X_FORWARDED_FOR") or "").split(",") if hop.strip()]
        for hop in reversed(hops):
            if _parse(hop) is None:
                return peer  # a garbled chain proves nothing
            if not self._is_trusted(hop):
                return hop
        return hops[0] if hops else peer

    def is_from_proxy(self, call: Call) -> bool:
        """Whether a call comes from a trusted proxy, so that the headers that it sets are believed."""
        return bool(self._trusted) and self._is_trusted(call.environ.get("REMOTE_ADDR", ""))

    def bucket(self, call: Call, site: str) -> str:
        """A key for rate limits: 16 hex digits that change every day, and the site."""
        return f"{site}:{self._hash(self.address(call), self._clock.now_ms() // ROTATION_MS)}"

    def _digest(self, address: str, day: int) -> str:
        key = hmac.digest(self._secret, str(day).encode(), "sha256")
        return hmac.digest(key, _network(address).encode(), "sha256").hex()[:16]

    def _is_trusted(self, text: str) -> bool:
        address = _parse(text)
        return address is not None and any(address in network for network in self._trusted)


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _network(text: str) -> str:
    address = _parse(text)
    if address is None:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, _IPV6_SITE_BITS), strict=False))
    return str(address)
