"""The built files of ``static/``: the widget's code and styles, as ``make widget`` left them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from pathlib import Path
from typing import Any, Literal

import msgspec

#: The files that are made for each site and locale: the script tag's, those that it fetches when they are needed
#: (``second``: the dialog; ``covers``: what stands in for held boxes), and the core without an interface.
#: ``config`` is no code, but what the first one is given, for a page that wants it in another language.
Script = Literal["cookiegate", "second", "covers", "headless", "config"]
SCRIPTS: tuple[Script, ...] = ("cookiegate", "second", "covers", "headless")
#: Those that are fetched by the first.
FETCHED: tuple[Script, ...] = ("second", "covers")
_SHEETS = ("style", "dialog", "cover")
_UNSAFE = ((b"<", b"\\u003c"), ("\u2028".encode(), b"\\u2028"), ("\u2029".encode(), b"\\u2029"))


@dataclass(frozen=True, slots=True)
class Bundle:
    """The widget as it was built.

    ``scripts`` have one ``placeholder`` each for their config; ``reads`` is, by script, the shape of what it reads of
    that. ``parts`` are expressions by name; those that a site needs go as an array to the place named
    ``parts_placeholder``. ``style`` are the sheets that the scripts also carry inside.
    """

    scripts: Mapping[Script, bytes]
    style: str
    placeholder: bytes
    parts: Mapping[str, bytes]
    parts_placeholder: bytes
    reads: Mapping[Script, Any]

    def fill(self, script: Script, config: Mapping[str, Any], parts: Mapping[str, Any]) -> bytes:
        """A script with everything in its place.

        Args:
            config: of which the script gets what it reads: every byte of it is sent to every visitor.
            parts: those that the site needs, each with its own config.
        """
        given = _pick(config, self.reads[script]) | ({} if script in FETCHED else parts)
        encoded = msgspec.json.encode(given)
        for raw, escaped in _UNSAFE:
            encoded = encoded.replace(raw, escaped)
        array = b"[%b]" % b",".join(self.parts[name] for name in parts)
        code = self.scripts[script].replace(self.parts_placeholder, array, 1)
        return code.replace(self.placeholder, encoded, 1)

    def code(self, parts: Iterable[str]) -> dict[str, bytes]:
        """The code that draws what a visitor decides on, by name, without any config."""
        return {
            "cookiegate": self.scripts["cookiegate"],
            **{name: self.scripts[name] for name in FETCHED},
            **{f"parts/{name}": self.parts[name] for name in parts},
        }


@lru_cache(maxsize=1)
def widget_bundle() -> Bundle:
    """The widget of this installation."""
    folder = static_folder() / "widget"
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    sheets = ((folder / f"{name}.css").read_text(encoding="utf-8") for name in _SHEETS)
    placeholder, reads = manifest["placeholder"].encode(), manifest["reads"]
    return Bundle(
        {**{name: (folder / f"{name}.js").read_bytes() for name in SCRIPTS}, "config": placeholder},
        "\n".join(sheets),
        placeholder,
        {path.stem: path.read_bytes() for path in sorted((folder / "parts").glob("*.js"))},
        manifest["parts"].encode(),
        # Its texts are those of all that may be drawn: what is fetched brings them in its own language only.
        {**reads, "config": reduce(_both, (reads[name] for name in ("cookiegate", *FETCHED)))},
    )


@lru_cache(maxsize=1)
def panel_script() -> bytes:
    """The developer panel: one file for all sites, which only pages that ask for it load."""
    return (static_folder() / "widget" / "panel.js").read_bytes()


@lru_cache(maxsize=1)
def page_style() -> str:
    """The style sheet of the visitor's pages."""
    return (static_folder() / "pages" / "pages.css").read_text(encoding="utf-8")


def static_folder() -> Path:
    """Where built bundles lie: inside an installed package, or beside it in a checkout."""
    packaged = Path(__file__).parents[1] / "static"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "static"


def digest_of(code: bytes) -> str:
    """Names code: hex SHA-256."""
    return hashlib.sha256(code).hexdigest()


def _both(one: Any, other: Any) -> Any:
    """The shape of all that either of two shapes names."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return True
    return {key: _both(one.get(key, other.get(key)), other.get(key, one.get(key))) for key in one | other}


def _pick(value: Any, shape: Any) -> Any:
    if isinstance(value, list):
        return [_pick(item, shape) for item in value]
    if shape is True or value is None:
        return value
    return {key: _pick(value[key], inner) for key, inner in shape.items() if key in value}
