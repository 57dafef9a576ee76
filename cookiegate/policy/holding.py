"""Hosts whose scripts, frames, pictures and requests a site's pages hold back by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from marshmallow import ValidationError

from cookiegate.policy.containers import MapOf
from cookiegate.policy.faults import Complaint, complain, quoted, suggest
from cookiegate.policy.fields import Checked, Word, about
from cookiegate.policy.raw import Data, as_mapping, entries, purposes, words
from cookiegate.policy.strict_schema import KEY, KEY_SHAPE, StrictSchema

#: Every visitor gets the list.
HOSTS_LIMIT = 64
_HOST = re.compile(r"(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9_-]{1,63}")
_FORM = "host name, or *.host for every host below it"


def read_host_pattern(text: str) -> str:
    """A host name as browsers write it, or ``*.`` and one."""
    if _HOST.fullmatch(text) is None:
        bare = _bare(text)
        fix = f"Write {bare}." if bare else "Write it as www.example.com, or *.example.com for every host below."
        raise ValidationError(complain(f"{quoted(text)} is not a host name.", fix))
    return text


class HoldSchema(StrictSchema):
    """What is held without a mark in the page."""

    hosts = MapOf(
        Checked(read_host_pattern, _FORM, limit=253),
        Word(KEY, KEY_SHAPE),
        required=True,
        most=HOSTS_LIMIT,
        metadata=about(
            "Host → the purpose that it waits for. `*.example.com` is every host below `example.com`, not that one. The"
            " nearest entry counts. At most 64.",
            '{"www.google-analytics.com": analytics}',
        ),
    )


def held_hosts(data: Data) -> Iterator[Complaint]:
    """Each host waits for a purpose that can be refused, and none of them is the site's own."""
    known = {key: one.get("always_on") is True for _, one in purposes(data) if isinstance(key := one.get("key"), str)}
    optional = [key for key, always_on in known.items() if not always_on]
    own = [name for origin in words(data.get("origins")) if (name := _host_of(origin))]
    for host, purpose in entries(as_mapping(data.get("hold")).get("hosts")):
        path = ("hold", "hosts", host)
        if isinstance(purpose, str) and known and purpose not in optional:
            what = "is always on, so nothing waits for it" if purpose in known else "is no purpose of this policy"
            yield Complaint(f"{quoted(purpose)} {what}.", suggest(purpose, optional), path)
        if isinstance(host, str) and (met := next((name for name in own if _covers(host, name)), None)):
            message = f"{quoted(met)} is one of the site's own hosts, whose code is never held."
            yield Complaint(message, "Delete this line, or name the other hosts one by one.", path, at_key=True)


def _covers(pattern: str, host: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def _bare(text: str) -> str | None:
    """The host in an address or another spelling, if there is one."""
    address = text.strip().lower()
    name = _host_of(address if "//" in address else f"//{address}")
    try:
        name = name.encode("idna").decode("ascii") if name and not name.isascii() else name
    except UnicodeError:
        return None
    return name if name and _HOST.fullmatch(name) else None


def _host_of(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
