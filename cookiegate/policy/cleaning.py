"""What trackers leave in a browser, and which of it pages remove while nobody allows its purpose."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError

from cookiegate.policy.containers import ListOf, MapOf
from cookiegate.policy.faults import Complaint, complain, quoted, suggest
from cookiegate.policy.fields import Checked, Choice, Word, about
from cookiegate.policy.pages import Cleaning
from cookiegate.policy.raw import Data, as_list, as_mapping, entries, purposes
from cookiegate.policy.strict_schema import KEY, KEY_SHAPE, StrictSchema

#: Name of a place → patterns of names in it.
Leftovers = Mapping[str, tuple[str, ...]]

#: What known trackers keep. What says that a visitor opted out (``plausible_ignore``, ``umami.disabled``,
#: ``mtm_consent_removed``, ``__ph_opt_in_out_…``) is theirs and stays.
KNOWN_LEFTOVERS: Mapping[str, Leftovers] = MappingProxyType(
    {
        "ga4": {"cookies": ("_ga", "_ga_*", "_gid", "_gat", "_gat_*", "_dc_gtm_*")},
        "jitsu": {"cookies": ("__eventn_*",), "storage": ("__anon_id", "__user_id", "__user_traits", "__group_id",
                                                          "__group_traits")},
        "matomo": {"cookies": ("_pk_*", "mtm_consent", "mtm_cookie_consent"), "storage": ("_pk_*",)},
        "plausible": {},
        "posthog": {"cookies": ("ph_*_posthog",),
                    "storage": ("ph_*_posthog", "ph_*_window_id", "ph_*_primary_window_exists")},
        "rudderstack": {"cookies": ("rl_*",), "storage": ("rl_*", "rudder_*")},
        "segment": {"cookies": ("ajs_*",), "storage": ("ajs_*", "persisted-queue:v1:*")},
        "snowplow": {"cookies": ("_sp_id.*", "_sp_ses.*"),
                     "storage": ("_sp_id.*", "_sp_ses.*", "snowplowOutQueue_*")},
        "umami": {"storage": ("umami.visitor",)},
    }
)  # fmt: skip
#: What the names of this service's own cookies and storage begin with.
OWN_PREFIX = "cg_"
#: So that a slip of the pen does not take a site's own cookies.
_LEAST_PREFIX = 2
_MOST_STARS = 3
_COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


#: Where something is left: the fields beside ``trackers``.
PLACES = tuple(item.name for item in fields(Cleaning) if item.name != "trackers")


def read_cleaning(document: Mapping[str, Any]) -> Cleaning:
    """The value behind a document that was checked before."""
    return Cleaning(**{place: _by_purposes(patterns) for place, patterns in document.items()})


def page_rules(cleaning: Cleaning | None) -> list[dict[str, list[str]]] | None:
    """What a page is told to remove: for each set of purposes the names by place; None where that is nothing."""
    found: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for place, pattern, keeping in _all(cleaning) if cleaning else ():
        names = found.setdefault(tuple(sorted(keeping)), {}).setdefault(place, [])
        if pattern not in names:
            names.append(pattern)
    return [{"purposes": list(keeping), **names} for keeping, names in found.items()] or None


def _all(cleaning: Cleaning) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for tracker, keeping in cleaning.trackers.items():
        for place, patterns in KNOWN_LEFTOVERS.get(tracker, {}).items():
            yield from ((place, pattern, keeping) for pattern in patterns)
    for place in PLACES:
        yield from ((place, pattern, keeping) for pattern, keeping in getattr(cleaning, place).items())


def read_cookie_pattern(text: str) -> str:
    """The name of a cookie, with ``*`` for any text."""
    if not _COOKIE_NAME.fullmatch(text):
        raise ValidationError(
            complain(f"{quoted(text)} cannot be a cookie's name.", "Use a name such as _ga or _ga_*.")
        )
    return read_pattern(text)


def read_pattern(text: str) -> str:
    """A name, with ``*`` for any text, that takes nothing of ours and does not take everything."""
    prefix = text.partition("*")[0]
    if prefix.startswith(OWN_PREFIX) or ("*" in text and OWN_PREFIX.startswith(prefix)):
        message = f"{quoted(text)} would take the visitor's choice itself, whose names begin with {OWN_PREFIX}."
        raise ValidationError(complain(message, "Begin it with the tracker's own letters, such as _ga*."))
    if "*" in text and len(prefix) < _LEAST_PREFIX:
        message = f"{quoted(text)} would take cookies of your own."
        raise ValidationError(complain(message, f"Begin it with at least {_LEAST_PREFIX} letters of the name."))
    if text.count("*") > _MOST_STARS:
        message = f"{quoted(text)} has more than {_MOST_STARS} stars."
        raise ValidationError(complain(message, "Write several names instead."))
    return text


def _patterns(check: Callable[[str], str], doc: str, example: str) -> MapOf:
    pattern = Checked(check, "name", limit=128)
    return MapOf(pattern, ListOf(Word(KEY, KEY_SHAPE), least=1), metadata=about(doc, example))


class CleaningSchema(StrictSchema):
    """What pages remove from the browser while none of its purposes is granted."""

    trackers = MapOf(
        Choice(tuple(KNOWN_LEFTOVERS)),
        ListOf(Word(KEY, KEY_SHAPE), least=1),
        metadata=about("Trackers, all that they keep, and the purposes that keep it.", "{ga4: [analytics]}"),
    )
    cookies = _patterns(
        read_cookie_pattern, "Cookies by name, `*` for any text, and the purposes that keep them.", '{"_fbp": [ads]}'
    )
    storage = _patterns(read_pattern, "The same for keys of local and session storage.", '{"heat*": [analytics]}')
    databases = _patterns(read_pattern, "The same for IndexedDB databases.", "{recordings: [analytics]}")
    caches = _patterns(read_pattern, "The same for caches of service workers.", "{pixels: [ads]}")


def cleaned_purposes(data: Data) -> Iterator[Complaint]:
    """Every purpose that ``clean`` names is one that a visitor may refuse."""
    known = {key: one.get("always_on") is True for _, one in purposes(data) if isinstance(key := one.get("key"), str)}
    optional = [key for key, always_on in known.items() if not always_on]
    for place, patterns in entries(data.get("clean")):
        for pattern, named in entries(as_mapping(patterns)):
            for index, key in enumerate(as_list(named)):
                if isinstance(key, str) and known and key not in optional:
                    what = "is always on, so this would never be removed" if key in known else "is no purpose here"
                    path = ("clean", place, pattern, index)
                    yield Complaint(f"{quoted(key)} {what}.", suggest(key, optional), path)


def _by_purposes(patterns: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({name: tuple(keeping) for name, keeping in patterns.items()})
