"""The built files of ``static/``: the widget's code and styles, as ``make widget`` left them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Bundle:
    """The widget as it was built.

    ``code`` has one ``placeholder`` for the config; ``reads`` is the shape of what it reads of that; ``style`` is the
    sheet that the code also carries inside. ``bindings`` is an expression for the place named ``bindings_placeholder``,
    where a policy binds tokens to trackers' clients; else ``null`` stands there.
    """

    code: bytes
    style: str
    placeholder: bytes
    bindings: bytes
    bindings_placeholder: bytes
    reads: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The widget's version: hex SHA-256 of its code."""
        return hashlib.sha256(self.code).hexdigest()


@lru_cache(maxsize=1)
def widget_bundle() -> Bundle:
    """The widget of this installation."""
    folder = static_folder() / "widget"
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    style = (folder / "cookiegate.css").read_text(encoding="utf-8")
    return Bundle(
        (folder / "cookiegate.js").read_bytes(),
        style,
        manifest["placeholder"].encode(),
        (folder / "bindings.js").read_bytes(),
        manifest["bindings"].encode(),
        manifest["reads"],
    )


@lru_cache(maxsize=1)
def page_style() -> str:
    """The style sheet of the visitor's pages."""
    return (static_folder() / "pages" / "pages.css").read_text(encoding="utf-8")


def static_folder() -> Path:
    """Where built bundles lie: inside an installed package, or beside it in a checkout."""
    packaged = Path(__file__).parents[1] / "static"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "static"
