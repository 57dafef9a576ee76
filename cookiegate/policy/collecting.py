"""Whether a policy's collectors may have what they ask for: sensitive fields, and tokens bound to client ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cookiegate.policy.faults import Complaint, quoted, suggest
from cookiegate.policy.raw import Data, as_list, as_mapping, entries, purposes
from cookiegate.policy.sensitive import is_sensitive

#: Trackers whose client id the widget knows where to find.
BOUND_TRACKERS = ("snowplow", "matomo", "ga4", "posthog")


def _sensitive_fields(data: Data) -> Iterator[Complaint]:
    for tracker, collector in entries(data.get("collectors")):
        prior = as_mapping(as_mapping(collector).get("prior_consent"))
        for field, _ in entries(as_mapping(collector).get("fields")):
            if is_sensitive(field) and field not in prior:
                message = f"{quoted(field)} names something that is never acquired without prior consent."
                fix = f"Delete this line, or add `prior_consent: {{{field}: [purpose]}}`."
                yield Complaint(message, fix, ("collectors", tracker, "fields", field), at_key=True)


def _prior_consents(data: Data) -> Iterator[Complaint]:
    bases = {purpose["key"]: purpose.get("legal_basis") for _, purpose in purposes(data) if _has_key(purpose)}
    for tracker, collector in entries(data.get("collectors")):
        for field, named in entries(as_mapping(collector).get("prior_consent")):
            path = ("collectors", tracker, "prior_consent", field)
            if not is_sensitive(field):
                message = f"{quoted(field)} is not on the list of sensitive names; its category says who may have it."
                yield Complaint(message, "Delete this line.", path, at_key=True)
            for number, purpose in enumerate(as_list(named)):
                if isinstance(purpose, str) and bases and purpose not in bases:
                    yield Complaint(
                        f"There is no purpose {quoted(purpose)}.", suggest(purpose, list(bases)), (*path, number)
                    )
                elif isinstance(purpose, str) and bases.get(purpose, "consent") != "consent":
                    message = f"The purpose {quoted(purpose)} does not rest on consent."
                    yield Complaint(message, "Name a purpose with `legal_basis: consent`.", (*path, number))


def _bindings(data: Data) -> Iterator[Complaint]:
    for tracker, collector in entries(data.get("collectors")):
        if as_mapping(collector).get("bind") is True and tracker not in BOUND_TRACKERS:
            message = f"Pages cannot tell the client id of {quoted(tracker)}."
            fix = f"Delete `bind`; it is for {', '.join(BOUND_TRACKERS)}."
            yield Complaint(message, fix, ("collectors", tracker, "bind"), at_key=True)


def _has_key(purpose: Data) -> bool:
    return isinstance(purpose.get("key"), str)


COLLECTING_RULES: tuple[Callable[[Data], Iterator[Complaint]], ...] = (_sensitive_fields, _prior_consents, _bindings)
