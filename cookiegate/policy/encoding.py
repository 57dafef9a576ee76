"""A policy as a plain document and as canonical bytes, and back.

Reading back does not check again: what was published once must stay readable when checks grow stricter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from types import MappingProxyType
from typing import Any, cast

import rfc8785

from cookiegate.errors import PolicyError
from cookiegate.policy.cleaning import read_cleaning
from cookiegate.policy.consent_mode import read_consent_mode
from cookiegate.policy.document import (
    Collector,
    Contract,
    Controller,
    JointUse,
    Policy,
    Purpose,
    Recipient,
    Retention,
)
from cookiegate.policy.iab import read_gpp, read_tcf
from cookiegate.policy.pages import Hold, Regions, Sharing, Signals

Document = dict[str, Any]
#: Parts with a reader of their own.
_READERS: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "clean": read_cleaning,
    "google": read_consent_mode,
    "gpp": read_gpp,
    "tcf": read_tcf,
    "share": lambda values: Sharing(**_frozen(values)),
    "debug_origins": tuple,
}
#: Keys that repeat the key of the mapping they stand in.
_REPEATED = {Recipient: "key", Collector: "tracker"}
#: What a recipient is made of besides texts.
_PARTS = {"contract": Contract, "joint_use": JointUse}


def to_document(policy: Policy) -> Document:
    """The policy in the form of a YAML document: lists, mappings, texts; what is not given is left out."""
    return cast(Document, _plain(policy))


def canonical_json(policy: Policy) -> bytes:
    """The policy's one spelling in bytes.

    Source: RFC 8785 (JSON Canonicalization Scheme).
    """
    return rfc8785.dumps(to_document(policy))


def from_document(document: Mapping[str, Any]) -> Policy:
    """The policy behind a document that was checked before.

    Args:
        document: what :func:`to_document` gave, or a document that the schema has passed.

    Raises:
        PolicyError: it is not such a document.
    """
    try:
        return _policy(document)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise PolicyError("This is not a policy document of this program.", cause=type(error).__name__) from error


def _policy(document: Mapping[str, Any]) -> Policy:
    values: dict[str, Any] = {"theme": {}, "texts": {}, "categories": {}, "policy_url": None, **document}
    values["origins"] = tuple(document["origins"])
    values["locales"] = tuple(document["locales"])
    values.setdefault("authoritative_locale", document["locales"][0])
    values["controller"] = _controller(document["controller"])
    values["purposes"] = tuple(_purpose(purpose) for purpose in document["purposes"])
    values["recipients"] = {key: _recipient(key, value) for key, value in document.get("recipients", {}).items()}
    values["collectors"] = {key: _collector(key, value) for key, value in document.get("collectors", {}).items()}
    values["retention"] = Retention(**document.get("retention", {}))
    if "signals" in document:
        signals = document["signals"]
        values["signals"] = Signals(tuple(signals.get("affects", ())), signals.get("dnt"))
    if "regions" in document:
        values["regions"] = Regions(**document["regions"])
    values |= {name: read(document[name]) for name, read in _READERS.items() if name in document}
    if "hold" in document:
        values["hold"] = Hold(_frozen(document["hold"]["hosts"]))
    return Policy(**{name: _frozen(value) for name, value in values.items()})


def _controller(values: Mapping[str, Any]) -> Controller:
    optional = dict.fromkeys(("representative", "privacy_officer", "desk", "email", "phone", "url"))
    return Controller(**{name: _frozen(value) for name, value in {**optional, **values}.items()})


def _collector(key: str, values: Mapping[str, Any]) -> Collector:
    found = {name: values.get(name) for name in ("recipient", "late_events", "bind")}
    if prior := values.get("prior_consent"):
        found["prior_consent"] = _frozen({name: tuple(purposes) for name, purposes in prior.items()})
    return Collector(key, values["purpose"], _frozen(values.get("fields", {})), **found)


def _recipient(key: str, values: Mapping[str, Any]) -> Recipient:
    parts = {name: kind(**_frozen(values[name])) for name, kind in _PARTS.items() if name in values}
    return Recipient(key, **{name: _frozen(value) for name, value in {**values, **parts}.items()})


def _purpose(values: Mapping[str, Any]) -> Purpose:
    lists = {name: tuple(values.get(name, ())) for name in ("acquire", "recipients")}
    return Purpose(**{name: _frozen(value) for name, value in {**values, **lists}.items()})


def _frozen(value: Any) -> Any:
    """Mappings become read-only at every depth."""
    if isinstance(value, Mapping):
        return MappingProxyType({key: _frozen(item) for key, item in value.items()})
    return value


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        names = (field.name for field in fields(value) if field.init and field.name != _REPEATED.get(type(value)))
        return {name: _plain(getattr(value, name)) for name in names if getattr(value, name) is not None}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
