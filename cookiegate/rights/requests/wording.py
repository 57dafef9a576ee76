"""What requests, states, outcomes and grounds are called, in the languages that the service speaks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from ruamel.yaml import YAML

#: The first stands in for every other language.
LANGUAGES = ("en", "ja")


def request_language(tag: str) -> str:
    """The language in which a reader of ``tag`` is written to: ``ja`` for ``ja-JP``, English for ``fr``."""
    primary = tag.replace("_", "-").partition("-")[0].lower()
    return primary if primary in LANGUAGES else LANGUAGES[0]


def request_texts(tag: str) -> Mapping[str, Mapping[str, str]]:
    """Every word about requests by group (``kinds``, ``grounds``, …) and key."""
    return _texts(request_language(tag))


@cache
def _texts(language: str) -> Mapping[str, Mapping[str, str]]:
    text = files("cookiegate.rights.requests").joinpath("texts", f"{language}.yaml").read_text(encoding="utf-8")
    groups: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return MappingProxyType({name: MappingProxyType(words) for name, words in groups.items()})
