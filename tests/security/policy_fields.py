"""Every text of a policy, found by walking the policy's contract: a new field is attacked without being listed."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from support.policies import DEMO, ORIGIN

from cookiegate.policy import values, wording
from cookiegate.policy.containers import Block, ListOf, Localized, MapOf
from cookiegate.policy.document import CATEGORIES, Policy
from cookiegate.policy.fields import Checked, Text, Word
from cookiegate.policy.reading import read_policy
from cookiegate.policy.schema import PolicySchema


@dataclass(frozen=True)
class Leaf:
    """A text: where it is in the document, where in the contract, its field, and whether it is given per language."""

    path: str
    contract: str
    field: Text
    is_localized: bool = False


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
    return document


def _walk(field: Any, value: Any, path: str, contract: str) -> Iterator[Leaf]:
    if isinstance(field, Block):
        yield from _members(field.schema, value, f"{path}.", f"{contract}.")
    elif isinstance(field, ListOf):
        for number, item in enumerate(value):
            yield from _walk(field.inner, item, f"{path}.{number}", f"{contract}.*")
    elif isinstance(field, MapOf):
        for key, item in value.items():
            yield from _walk(field.value, item, f"{path}.{key}", f"{contract}.*")
    elif isinstance(field, Localized):
        yield Leaf(path, contract, field.inner, is_localized=True)
    elif isinstance(field, Text):
        yield Leaf(path, contract, field)


def _members(schema: Any, document: Mapping[str, Any], prefix: str = "", contract: str = "") -> Iterator[Leaf]:
    for name, field in schema.fields.items():
        key = field.data_key or name
        if key in document:
            yield from _walk(field, document[key], f"{prefix}{key}", f"{contract}{key}")


def all_texts(schema: Any, prefix: str = "") -> Iterator[str]:
    """The fields of the contract that hold texts, without the keys and numbers of any document."""
    for name, field in schema.fields.items():
        yield from _of_field(field, f"{prefix}{field.data_key or name}")


def _of_field(field: Any, path: str) -> Iterator[str]:
    if isinstance(field, Block):
        yield from all_texts(field.schema, f"{path}.")
    elif isinstance(field, (ListOf, MapOf)):
        yield from _of_field(field.inner if isinstance(field, ListOf) else field.value, f"{path}.*")
    elif isinstance(field, (Localized, Text)):
        yield path


def _is_free(leaf: Leaf) -> bool:
    if isinstance(leaf.field, Checked):
        return leaf.field.check is values.read_ui_text
    return not isinstance(leaf.field, Word) and leaf.path != "authoritative_locale"


LEAVES = tuple(_members(PolicySchema(), whole_document()))
#: Where an operator writes what they like.
FREE = tuple(leaf.path for leaf in LEAVES if _is_free(leaf))
LINKS = tuple(leaf.path for leaf in LEAVES if isinstance(leaf.field, Checked) and leaf.field.check is values.read_link)
#: Words, codes, colours, addresses: what does not have the form is refused.
SHAPED = tuple(leaf.path for leaf in LEAVES if not _is_free(leaf))
#: Every text of the contract that the whole document above lacks: empty, or the document needs another line.
MISSED = frozenset(all_texts(PolicySchema())) - {leaf.contract for leaf in LEAVES}


def demo_with(changes: Mapping[str, str]) -> Policy:
    """The whole document with other texts, the same in every language.

    Raises:
        PolicyError: one of them is refused.
    """
    document = copy.deepcopy(whole_document())
    localized = {leaf.path: leaf.is_localized for leaf in LEAVES}
    for path, text in changes.items():
        *way, last = path.split(".")
        place: Any = document
        for step in way:
            place = place[int(step) if isinstance(place, list) else step]
        key: Any = int(last) if isinstance(place, list) else last
        place[key] = _both(text) if localized[path] else text
    return read_policy(json.dumps(document, default=str))
