"""Whether a choice on one site of a group counts on another: only where both say so, and nothing more is asked there.

The rule is that of a new version of one policy: whoever has chosen under the one need not be asked under the other.
What makes them two sites (id, origins, sharing) does not count; that they are of one controller does.

Source: GDPR, articles 4(11) and 6(1)(a), recital 42 (consent names the controller and the purposes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from cookiegate.policy.difference import compare
from cookiegate.policy.document import Localized, Policy
from cookiegate.policy.faults import quoted
from cookiegate.policy.pages import Sharing
from cookiegate.policy.sharing import host_of


def disagreements(policy: Policy, find: Callable[[str], Policy | None]) -> Iterator[tuple[str, str]]:
    """Why the sites that a policy names do not share its choices: id of the site, and a sentence for its operator.

    Args:
        policy: of a site.
        find: gives the current policy of another, or None where none is published.
    """
    for site in named(policy):
        other = find(site)
        reason = f"{quoted(site)} has no published policy." if other is None else disagreement(policy, other)
        if reason is not None:
            yield site, reason


def named(policy: Policy) -> tuple[str, ...]:
    """The sites that a policy wants to share its choices."""
    return tuple(policy.share.group) if policy.share is not None and policy.share.group else ()


def disagreement(chosen: Policy, other: Policy) -> str | None:
    """Why a choice under one policy does not count under that of another site; None where it does.

    Args:
        chosen: the policy that the visitor chose under, which names the other site.
        other: of that site.
    """
    here, there = quoted(chosen.site), quoted(other.site)
    if chosen.site not in named(other):
        return f"{there} does not name {here} in its share.group."
    for one, beside in ((chosen, other), (other, chosen)):
        if any((one.share or Sharing()).holds(host_of(origin)) for origin in beside.origins):
            return f"The share.domain of {quoted(one.site)} also holds pages of {quoted(beside.site)}."
    if not _same_name(chosen.controller.name, other.controller.name):
        return f"{there} has another controller than {here}."
    as_version = replace(chosen, site=other.site, origins=other.origins, share=other.share)
    for change in compare(as_version, other).changes:
        if change.asks_again:
            return f"{there} asks for more than {here}: {change.sentence}"
    for key in sorted({key for purpose in other.purposes for key in purpose.recipients}):
        if not _same_name(chosen.recipients[key].name, other.recipients[key].name):
            return f"The recipient {quoted(key)} of {there} has another name on {here}."
    return None


def _same_name(one: Localized, other: Localized) -> bool:
    """Whether two names are the same in every language that both have; False where there is none."""
    shared = [locale for locale in one if locale in other]
    return bool(shared) and all(one[locale] == other[locale] for locale in shared)
