"""One choice for several hosts: for all sub-domains of a site, and for the other sites of a group.

Sub-domains share the cookies themselves. A cookie for a domain under which strangers register names (a public suffix,
such as ``co.uk``) would be everybody's. Browsers refuse it; a policy that asks for it is refused sooner, so that nobody
wonders why nothing is shared.

Sites of a group share through the service, which records a choice on one for the others; ``agreement.py`` says when.

Source: RFC 6265, section 5.3, step 5; the Public Suffix List.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

from cookiegate.policy.containers import Localized, MapOf
from cookiegate.policy.faults import Complaint, quoted
from cookiegate.policy.fields import Text, Word, about
from cookiegate.policy.pages import Sharing
from cookiegate.policy.raw import Data, as_mapping, words
from cookiegate.policy.strict_schema import SITE, SITE_SHAPE, StrictSchema

#: Other sites of a group: each costs a write for every decision.
GROUP_LIMIT = 20

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = rf"(?:{_LABEL}\.)+{_LABEL}"
_DOMAIN_SHAPE = "a domain in small ASCII letters, such as example.com"


class SharingSchema(StrictSchema):
    """Who shares a choice."""

    domain = Word(
        _DOMAIN,
        _DOMAIN_SHAPE,
        limit=253,
        metadata=about("The domain whose sub-domains share it. All of them must be this one site's.", "example.com"),
    )
    group = MapOf(
        Word(SITE, SITE_SHAPE),
        Localized(Text(120), is_name=True),
        most=GROUP_LIMIT,
        metadata=about(
            "Other sites of this service that share it: id of the site → its name, as visitors read it. At most"
            f" {GROUP_LIMIT}. Each of them must name this one, too.",
            "{blog: The Aoba blog}",
        ),
    )


def sharing_fits(data: Data) -> Iterator[Complaint]:
    """Somebody is named, and the others of the group are others."""
    share = data.get("share")
    if not isinstance(share, dict):
        return
    if not {"domain", "group"} & set(share):
        yield Complaint("Nobody is named who shares the choice.", "Add `domain` or `group`.", ("share",))
    group, path = share.get("group"), ("share", "group")
    if group == {}:
        yield Complaint("The group has no other site.", "Name one, or delete the line.", path)
    site = data.get("site")
    if isinstance(site, str) and site in as_mapping(group):
        message = f"{quoted(site)} is this site itself."
        yield Complaint(message, "Name only the other sites of the group.", (*path, site), at_key=True)
    yield from _domain_fits(data)


def _domain_fits(data: Data) -> Iterator[Complaint]:
    """The shared domain is nobody else's too, and the site is there."""
    domain, path = as_mapping(data.get("share")).get("domain"), ("share", "domain")
    if not isinstance(domain, str) or not re.fullmatch(_DOMAIN, domain):
        return
    if domain.rpartition(".")[2].isdigit():
        yield Complaint("Addresses have no sub-domains.", "Delete `share`, or name a domain.", path)
    elif is_public_suffix(domain):
        message = f"Under {quoted(domain)} others have sites too, so no browser sets cookies for it."
        yield Complaint(message, "Name your own domain, with one more part in front.", path)
    elif (origins := words(data.get("origins"))) and not any(Sharing(domain).holds(host_of(item)) for item in origins):
        message = f"None of the origins is at or beneath {quoted(domain)}."
        yield Complaint(message, "Name the domain that your origins share, or add an origin.", path)


def is_public_suffix(domain: str) -> bool:
    """Whether strangers register names right under a domain."""
    return bool(_suffixes().is_public(domain))


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def host_of(origin: str) -> str:
    """The host of an origin or another address, in small letters; empty where it has none."""
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""
