"""What requests, states, outcomes and grounds are called, in the languages that the service speaks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from cookiegate.policy.tags import nearest
from cookiegate.shipped import read_shipped

_TEXTS = files("cookiegate.rights.requests").joinpath("texts")
#: Stands in for every language that has no file.
FALLBACK = "en"
LANGUAGES = tuple(
    sorted(entry.name.removesuffix(".yaml") for entry in _TEXTS.iterdir() if entry.name.endswith(".yaml"))
)


def request_language(tag: str) -> str:
    """The language in which a reader of ``tag`` is written to: ``ja`` for ``ja-JP``, English for ``cy``."""
    return nearest(LANGUAGES, tag.replace("_", "-"), any_script=False) or FALLBACK


def request_texts(tag: str) -> Mapping[str, Mapping[str, str]]:
    """Every word about requests by group (``kinds``, ``grounds``, …) and key."""
    return _texts(request_language(tag))


@cache
def _texts(language: str) -> Mapping[str, Mapping[str, str]]:
    groups: dict[str, Any] = read_shipped("cookiegate.rights.requests", f"texts/{language}.yaml")
    return MappingProxyType({name: MappingProxyType(words) for name, words in groups.items()})
