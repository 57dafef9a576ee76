"""The demo's files: the example shop, the live view, and the real tracker where it was fetched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
import msgspec

ASSETS = Path(__file__).parent / "assets"
LOCALES = ("ja", "en")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
SNOWPLOW_PATH = "/vendor/snowplow.js"
_PLAIN_TAG = re.compile(
    r'( *<script type="text/plain" data-consent="analytics" src=")plain-logger\.js(" defer></script>\n)'
)
#: Nothing inline, nothing from elsewhere, also for the real tracker; only the live view may frame the shop.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


@dataclass(frozen=True, slots=True)
class File:
    """A file to answer with."""

    content_type: str
    body: bytes


def examples_folder() -> Path:
    """Where the examples lie: inside an installed package, or beside it in a checkout."""
    packaged = Path(__file__).parents[2] / "examples"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "examples"


def demo_policy_file() -> Path:
    """The demo's policy."""
    folder = examples_folder()
    packaged = folder / "demo.yaml"
    return packaged if packaged.is_file() else folder / "policies" / "demo.yaml"


class Shop:
    """The example shop: plain files, in Japanese, and in English where ``name.en.html`` stands beside ``name.html``.

    Args:
        folder: the files; only what is there now, with a known ending, is served.
        snowplow: the unmodified tracker; None for the plain logger that the files name.
    """

    def __init__(self, folder: Path, snowplow: Path | None) -> None:
        self._files = {
            f"/{path.relative_to(folder).as_posix()}": path
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in TYPES
        }
        self._snowplow = snowplow
        if snowplow is not None:
            self._files[SNOWPLOW_PATH] = snowplow

    @property
    def tracker(self) -> str:
        """The tracker that the pages run: ``snowplow`` or ``plain``."""
        return "plain" if self._snowplow is None else "snowplow"

    def is_page(self, path: str) -> bool:
        """Whether a path is a page, whose language is to be chosen."""
        return self._name(path).endswith(".html") and self._name(path) in self._files

    def find(self, path: str, locale: str) -> File | None:
        """The file at a path; of a page the one in this language."""
        name = self._name(path)
        path_on_disk = self._files.get(name)
        if path_on_disk is None:
            return None
        translated = self._files.get(f"{name.removesuffix('.html')}.{locale}.html")
        body = (translated or path_on_disk).read_bytes()
        if name.endswith(".html") and self._snowplow is not None:
            body = self._with_snowplow(body)
        return File(TYPES[path_on_disk.suffix], body)

    @staticmethod
    def _name(path: str) -> str:
        return f"{path}index.html" if path.endswith("/") else path

    @staticmethod
    def _with_snowplow(page: bytes) -> bytes:
        """The page with the real tracker's two files, held just like the logger that they replace."""
        held = rf"\g<1>{SNOWPLOW_PATH}\g<2>\g<1>snowplow-start.js\g<2>"
        return _PLAIN_TAG.sub(held, page.decode(), count=1).encode()


def asset(name: str) -> File | None:
    """A file of the live view."""
    path = ASSETS / name
    if Path(name).name != name or path.suffix not in (".css", ".js", ".svg") or not path.is_file():
        return None
    return File(TYPES[path.suffix], path.read_bytes())


def live_page(locale: str, tracker: str, notice: dict[str, Any]) -> File:
    """The live view beside the shop.

    Args:
        locale: its language.
        tracker: the tracker that the shop runs.
        notice: gives the names of purposes and categories as the visitor reads them.
    """
    texts = _texts(locale)
    titles = {
        "purposes": {item["key"]: item["title"] for item in notice["purposes"]},
        "categories": {item["key"]: item["title"] for item in notice["acquire"]},
    }
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string((ASSETS / "live.html").read_text(encoding="utf-8"))
    data = msgspec.json.encode({"texts": texts["script"], "tracker": tracker, **titles}).decode()
    page = template.render(locale=locale, texts=texts["page"], tracker=tracker, titles=titles, data=data)
    return File(TYPES[".html"], page.encode())


@lru_cache
def _texts(locale: str) -> dict[str, Any]:
    texts: dict[str, Any] = msgspec.json.decode((ASSETS / f"texts.{locale}.json").read_bytes())
    return texts
