"""Which parts a site's widget is put together from: code that few sites need, chosen by the policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cookiegate.policy.attaching import ATTACHED
from cookiegate.policy.cleaning import page_rules
from cookiegate.policy.consent_mode import page_consent_mode
from cookiegate.policy.document import Policy
from cookiegate.policy.regions import Duties
from cookiegate.policy.tags import names_of
from cookiegate.web.bundle import digest_of, panel_script, widget_bundle
from cookiegate.web.iab import page_frameworks
from cookiegate.web.notes import note_parts, shared_part


@dataclass(frozen=True, slots=True)
class Part:
    """A part: the file ``static/widget/parts/<name>.js``.

    ``config`` gives what the part reads as ``config[name]``; a site for which it gives None does without the part.
    """

    name: str
    config: Callable[[Policy], Any]


def _attached(tracker: str) -> Callable[[Policy], str | None]:
    return lambda policy: (policy.attach or {}).get(tracker)


def _languages(policy: Policy) -> dict[str, Any] | None:
    if len(policy.locales) == 1:
        return None
    return {"offers": names_of(policy.locales), "code": digest_of(widget_bundle().scripts["cookiegate"])[:12]}


def _debugging(policy: Policy) -> dict[str, Any] | None:
    if not policy.debug_origins:
        return None
    return {"origins": list(policy.debug_origins), "file": digest_of(panel_script())}


#: In the order in which they run: a tracker is stopped before what it keeps is removed, and the page goes last.
PARTS = (
    Part("language", _languages),
    Part("debug", _debugging),
    Part("guard", lambda policy: dict(policy.hold.hosts) if policy.hold else None),
    Part("bindings", lambda policy: list(policy.bound_trackers) or None),
    Part("iab", page_frameworks),
    Part("google", lambda policy: page_consent_mode(policy.google)),
    *(Part(f"attach-{tracker}", _attached(tracker)) for tracker in ATTACHED),
    Part("clean", lambda policy: page_rules(policy.clean)),
    Part("reload", lambda policy: None if policy.reload_on_withdrawal == "never" else True),
)


_OF_THE_INTERFACE = ("region", "language", "guard", "reload", "debug")


def parts_config(policy: Policy) -> dict[str, Any]:
    """The parts of a policy's site: name → what the part is given, JSON."""
    chosen = ((part.name, part.config(policy)) for part in PARTS)
    return {name: config for name, config in chosen if config is not None}


def page_parts(policy: Policy, notice: Mapping[str, Any], wanted: Duties) -> dict[str, Any]:
    """The same with those that depend on the language and on the visitor's place.

    Args:
        policy: of the site.
        notice: its body, with all texts.
        wanted: what the visitor's place asks for.
    """
    # The last may stand between all others and the service.
    return {**note_parts(policy, notice, wanted), **parts_config(policy), **shared_part(policy, notice)}


def without_interface(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the parts that a page with an interface of its own gets: nothing that draws, holds or loads anew."""
    return {name: config for name, config in parts.items() if name not in _OF_THE_INTERFACE}
