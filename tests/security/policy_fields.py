"""Every text of a policy, found by walking the policy's contract: a new field is attacked without being listed."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from support.policies import DEMO, ORIGIN

from cookiegate.policy import cleaning, values, wording
from cookiegate.policy.consent_mode import CONSENT_TYPES
from cookiegate.policy.containers import Block, ListOf, Localized, MapOf
from cookiegate.policy.document import CATEGORIES, Policy
from cookiegate.policy.fields import Checked, Text, Word
from cookiegate.policy.iab import EU_SECTION, OPT_OUTS
from cookiegate.policy.reading import read_policy
from cookiegate.policy.schema import PolicySchema


@dataclass(frozen=True)
class Leaf:
    """A text: where it is in the document, where in the contract, its field, and whether it is given per language.

    With ``is_name`` it is the name of an entry, whose place ``way`` is.
    """

    way: tuple[str | int, ...]
    contract: str
    field: Text
    is_localized: bool = False
    is_name: bool = False

    @property
    def path(self) -> str:
        """The place as one text."""
        return ".".join(map(str, self.way)) + (NAME if self.is_name else "")


#: At the end of paths: the name of the entry, not what it holds.
NAME = "=name"


#: Where the site has its vendor list.
VENDORS = "/vendors.json"


def _both(text: str) -> dict[str, str]:
    return {"ja": text, "en": text}


def whole_document() -> dict[str, Any]:
    """The demo policy with every field that a policy can have."""
    document: dict[str, Any] = YAML(typ="safe").load(DEMO.read_text(encoding="utf-8"))
    document |= {"origins": [ORIGIN], "source_document": "policy.pdf"}
    document["controller"] |= {"phone": "+81-3-0000-0000", "country": "JP"}
    document["categories"] = {key: {"title": _both(key), "description": _both(key)} for key in CATEGORIES}
    document["texts"] = {key: _both(key) for key in wording.text_keys()}
    joint = {"items": _both("items"), "purpose": _both("purpose"), "responsible": _both("somebody")}
    document["recipients"]["partner"] = {
        "name": _both("Partner"), "kind": "joint_user", "country": "JP", "url": "https://partner.example.jp/",
        "joint_use": joint,
    }  # fmt: skip
    document["recipients"]["abroad"] = {
        "name": _both("Abroad"), "kind": "third_party", "country": "US", "transfer": "consent",
        "transfer_safeguards": _both("a contract"),
    }  # fmt: skip
    document["collectors"]["snowplow"]["recipient"] = "hosting"
    plain = document["collectors"]["plain"]
    plain["fields"]["blood_type"] = "event"
    plain["prior_consent"] = {"blood_type": ["analytics"]}
    document["purposes"][-1]["recipients"] += ["partner", "abroad"]
    nameless = {**document["purposes"][2], "key": "nameless"}  # of which nobody says what its loss is
    for purpose in document["purposes"]:
        purpose["loss"] = _both("nothing")
    document["purposes"].append(nameless)
    return document | _for_pages()


def _for_pages() -> dict[str, Any]:
    """What the pages of the site are told to do."""
    analytics, advertising = ["analytics"], ["advertising"]
    return {
        "attach": {"snowplow": "analytics"},
        "clean": {
            "trackers": {"ga4": analytics}, "cookies": {"_fbp": advertising}, "storage": {"heat": analytics},
            "databases": {"recordings": analytics}, "caches": {"pixels": advertising},
        },
        "debug_origins": [ORIGIN],
        "google": {**dict.fromkeys(CONSENT_TYPES, "advertising"), "advanced": True, "region": ["JP", "US-CA"]},
        "gpp": {"sections": [EU_SECTION, "usnat"], **dict.fromkeys(OPT_OUTS, advertising)},
        "hold": {"hosts": {"stats.example": "analytics"}},
        "share": {"domain": "shop.test", "group": {"blog": _both("Blog")}},
        "signals": {"affects": analytics},
        "tcf": {
            "cmp_id": 300, "cmp_version": 2, "purposes": {"analytics": [1, 8], "advertising": [2]},
            "publisher_country": "DE", "gvl": f"{ORIGIN}{VENDORS}", "cookie": "advertising",
        },
    }  # fmt: skip


def _walk(field: Any, value: Any, way: tuple[str | int, ...], contract: str) -> Iterator[Leaf]:
    if isinstance(field, Block):
        yield from _members(field.schema, value, way, f"{contract}.")
    elif isinstance(field, ListOf):
        for number, item in enumerate(value):
            yield from _walk(field.inner, item, (*way, number), f"{contract}.*")
    elif isinstance(field, MapOf):
        for key, item in value.items():
            if _has_free_names(field):
                yield Leaf((*way, key), f"{contract}.*{NAME}", field.key, is_name=True)
            yield from _walk(field.value, item, (*way, key), f"{contract}.*")
    elif isinstance(field, Localized):
        yield Leaf(way, contract, field.inner, is_localized=True)
    elif isinstance(field, Text):
        yield Leaf(way, contract, field)


def _members(
    schema: Any, document: Mapping[str, Any], way: tuple[str | int, ...] = (), contract: str = ""
) -> Iterator[Leaf]:
    for name, field in schema.fields.items():
        key = field.data_key or name
        if key in document:
            yield from _walk(field, document[key], (*way, key), f"{contract}{key}")


def _has_free_names(field: MapOf) -> bool:
    """Whether a mapping's entries are named by more than keys and words of ours."""
    return isinstance(field.key, Checked)


def all_texts(schema: Any, prefix: str = "") -> Iterator[str]:
    """The fields of the contract that hold texts, without the keys and numbers of any document."""
    for name, field in schema.fields.items():
        yield from _of_field(field, f"{prefix}{field.data_key or name}")


def _of_field(field: Any, path: str) -> Iterator[str]:
    if isinstance(field, Block):
        yield from all_texts(field.schema, f"{path}.")
    elif isinstance(field, (ListOf, MapOf)):
        if isinstance(field, MapOf) and _has_free_names(field):
            yield f"{path}.*{NAME}"
        yield from _of_field(field.inner if isinstance(field, ListOf) else field.value, f"{path}.*")
    elif isinstance(field, (Localized, Text)):
        yield path


def _is_free(leaf: Leaf) -> bool:
    if isinstance(leaf.field, Checked):
        return leaf.field.check in (values.read_ui_text, cleaning.read_pattern)
    return not isinstance(leaf.field, Word) and leaf.path != "authoritative_locale"


LEAVES = tuple(_members(PolicySchema(), whole_document()))
#: Where an operator writes what they like.
FREE = tuple(leaf.path for leaf in LEAVES if _is_free(leaf))
LINKS = tuple(leaf.path for leaf in LEAVES if isinstance(leaf.field, Checked) and leaf.field.check is values.read_link)
#: Words, codes, colours, addresses: what does not have the form is refused.
SHAPED = tuple(leaf for leaf in LEAVES if not _is_free(leaf))
#: Every text of the contract that the whole document above lacks: empty, or the document needs another line.
MISSED = frozenset(all_texts(PolicySchema())) - {leaf.contract for leaf in LEAVES}


def demo_with(changes: Mapping[str, str]) -> Policy:
    """The whole document with other texts, the same in every language.

    Raises:
        PolicyError: one of them is refused.
    """
    document = copy.deepcopy(whole_document())
    leaves = {leaf.path: leaf for leaf in LEAVES}
    for path, text in sorted(changes.items(), key=lambda change: leaves[change[0]].is_name):
        leaf = leaves[path]
        *way, last = leaf.way
        place: Any = document
        for step in way:
            place = place[step]
        if leaf.is_name:
            place[text] = place.pop(last)
        else:
            place[last] = _both(text) if leaf.is_localized else text
    return read_policy(json.dumps(document, default=str))
