"""Which collector gets a tracker's events, and what of a request and an answer goes through to the other side."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping

from cookiegate.errors import SettingsError
from cookiegate.gate import trackers
from cookiegate.gate.adapters.outgoing import Outgoing
from cookiegate.gate.trackers.table import COMMON_HEADERS
from cookiegate.settings import PREFIX, Settings
from cookiegate.web.sinks.deadlines import Deadlines
from cookiegate.web.sinks.forwarding import Upstream

Header = tuple[str, str]
#: Headers that hold addresses, by lower-case name.
ADDRESS_HEADERS = frozenset(name for name, category in COMMON_HEADERS.items() if category == "ip")
_VIA = "1.1 cookiegate"
#: The gate's own word counts in an answer from its address. What is kept for one visitor must not answer another, nor
#: may a validator mark a visitor.
_OURS = frozenset(
    {
        "age", "cache-control", "content-security-policy", "date", "etag", "expires", "last-modified", "pragma",
        "cdn-cache-control", "surrogate-control", "ratelimit", "ratelimit-policy", "referrer-policy",
        "strict-transport-security", "x-consent-reason", "x-content-type-options",
    }
)  # fmt: skip


class Upstreams:
    """The collectors of one process.

    Args:
        settings: name them, and say how many request threads there are: half of those may wait for collectors, so that
            one that hangs takes neither the banner nor a withdrawal with it.

    Raises:
        SettingsError: one is named for a tracker that there is no table of.
    """

    def __init__(self, settings: Settings) -> None:
        check_trackers(settings)
        places = threading.BoundedSemaphore(max(1, settings.threads // 2))
        deadlines, timeout_s = Deadlines(), settings.collect_timeout_s
        self._named = {
            tracker: Upstream(address, timeout_s, places, deadlines) for tracker, address in settings.collect_upstreams
        }
        address = settings.collect_url
        self._usual = Upstream(address, timeout_s, places, deadlines) if address else None

    def of(self, tracker: str) -> Upstream | None:
        """A tracker's collector; None if its events stay in our own files."""
        return self._named.get(tracker, self._usual)

    def close(self) -> None:
        """Closes connections that wait for use."""
        for upstream in (*self._named.values(), self._usual):
            if upstream is not None:
                upstream.close()


def check_trackers(settings: Settings) -> None:
    """Stops a start with a collector for what no table describes.

    Raises:
        SettingsError: naming the setting and the tracker.
    """
    for tracker, _ in settings.collect_upstreams:
        if tracker not in trackers.NAMES:
            known = ", ".join(trackers.NAMES)
            raise SettingsError(f"{PREFIX}COLLECT_UPSTREAMS names the tracker {tracker}; there are tables for {known}")


def request_headers(outgoing: Outgoing, came: Collection[str]) -> dict[str, str]:
    """The headers of a request to a collector: what is granted, and addresses as we believe them, not as they came.

    Args:
        outgoing: what goes on.
        came: lower-case names of the headers that came.
    """
    headers = {name: value for name, value in outgoing.headers.items() if name not in ADDRESS_HEADERS}
    address = outgoing.accepted.ip
    if address is not None:
        written = dict.fromkeys(ADDRESS_HEADERS.intersection(came) | {"x-forwarded-for", "x-real-ip"}, address)
        written["forwarded"] = f'for="[{address}]"' if ":" in address else f"for={address}"
        headers |= written
    return {name.title(): value for name, value in headers.items()} | {"Via": _VIA}


def answer_headers(headers: Collection[Header], *, keeps_cors: bool) -> list[Header]:
    """The headers of a collector's answer that go back to the tracker.

    Args:
        headers: without those of the connection and ungranted cookies.
        keeps_cors: whether the collector says who may read the answer; else the gate does.
    """
    return [
        (name, value)
        for name, value in headers
        if name.lower() not in _OURS and (keeps_cors or not name.lower().startswith("access-control-"))
    ]


def says_who_reads(headers: Collection[Header]) -> bool:
    """Whether an answer has CORS headers of its own."""
    return any(name.lower() == "access-control-allow-origin" for name, _ in headers)


def lower_names(environ: Mapping[str, object]) -> set[str]:
    """The lower-case names of the headers in a WSGI environ."""
    return {name[5:].replace("_", "-").lower() for name in environ if name.startswith("HTTP_")}
