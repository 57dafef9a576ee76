"""Where a visitor is, as far as regions need it: told by a trusted proxy, or by the registry of their address.

Nothing of it is kept or logged, and it decides nothing but what is shown besides.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Literal

from cookiegate.policy.document import Policy
from cookiegate.policy.regions import PLACE, Duties, duties
from cookiegate.settings import Settings
from cookiegate.web.call import Call
from cookiegate.web.clients import Clients

#: An IPv4 address inside an IPv6 one (RFC 4291, section 2.5.5.2).
_MAPPED = "::ffff:"
CountryOf = Callable[[str], str | None]


class Places:
    """Tells visitors' places.

    Args:
        settings: ``country_header`` names the header of trusted proxies, ``country_from_address`` allows the look-up.
        clients: knows trusted proxies and the visitor's address.
    """

    def __init__(self, settings: Settings, clients: Clients) -> None:
        self._clients = clients
        header = settings.country_header
        self.header = header
        self._environ_name = header and f"HTTP_{header.upper().replace('-', '_')}"
        self._country_of: CountryOf | None = _open_registry() if settings.country_from_address else None

    @property
    def knows_some(self) -> bool:
        """Whether there is anything to tell places by, so that answers may differ between visitors."""
        return self.header is not None or self._country_of is not None

    def place(self, call: Call) -> str | None:
        """``JP``, ``US-CA``; None where it is not known. The proxy's word goes before the registry's."""
        if self._environ_name is not None and self._clients.is_from_proxy(call):
            told = (call.header(self._environ_name) or "").strip().upper()
            if PLACE.fullmatch(told):
                return told
        if self._country_of is None:
            return None
        return self._country_of(self._clients.address(call).removeprefix(_MAPPED))

    def differs(self, policy: Policy) -> bool:
        """Whether what is served for a policy depends on the visitor's place."""
        return self.knows_some and (policy.regions is None or policy.regions.rules != "everyone")

    def cache_scope(self, policy: Policy) -> Literal["private", "public"]:
        """Who may keep what is served for a policy: no header tells caches in between where a visitor is."""
        return "private" if self.differs(policy) else "public"

    def duties(self, call: Call, policy: Policy) -> Duties:
        """What is to be done for the visitor of a call."""
        place = self.place(call) if self.differs(policy) else None
        return duties(place, sells=bool(policy.affected_purposes))

    def refused_days(self, call: Call, policy: Policy) -> int:
        """For how many days, at least, the visitor of a call is left in peace after a refusal."""
        return self.duties(call, policy).refused_days


def _open_registry() -> CountryOf:
    """The registries' tables that a package brings along: which country each network was given to."""
    found: CountryOf = import_module("iptocc").country_code
    return found
