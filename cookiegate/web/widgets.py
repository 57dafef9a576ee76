"""The script tag's answer: one file with code, style, policy and texts for one locale."""

from __future__ import annotations

import gzip
import hashlib
from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
import sqlalchemy as sa

from cookiegate.errors import StorageError
from cookiegate.policy.document import PublishedPolicy
from cookiegate.policy.publishing import PolicyBook
from cookiegate.storage.contract import Storage
from cookiegate.storage.tables import artifacts
from cookiegate.web.bundle import widget_bundle
from cookiegate.web.surfaces import Surfaces

_UNSAFE = ((b"<", b"\\u003c"), ("\u2028".encode(), b"\\u2028"), ("\u2029".encode(), b"\\u2029"))


@dataclass(frozen=True, slots=True)
class Widget:
    """One built file. ``digest`` (hex SHA-256) names it for ever; ``integrity`` goes into a script tag (SRI)."""

    body: bytes
    gzipped: bytes
    digest: str

    @property
    def etag(self) -> str:
        """A strong validator."""
        return f'"{self.digest[:32]}"'

    @property
    def integrity(self) -> str:
        """The value of a script tag's ``integrity`` attribute."""
        return "sha384-" + b64encode(hashlib.sha384(self.body).digest()).decode()


class Widgets:
    """Builds each site's file once per policy version and locale, and keeps it for immutable addresses.

    Args:
        book: current policies and notices.
        storage: keeps every file that was ever served, so that a pinned script tag never breaks.
        surfaces: draws and keeps what each file will show.
        token_ttl_s: tells the page how soon to refresh.
    """

    def __init__(self, book: PolicyBook, storage: Storage, surfaces: Surfaces, token_ttl_s: int) -> None:
        self._book = book
        self._storage = storage
        self._surfaces = surfaces
        self._token_ttl_s = token_ttl_s
        self._built: dict[tuple[str, str], tuple[int, Widget]] = {}

    def current(self, site: str, locale: str) -> Widget:
        """The file for a locale that the site's policy offers.

        Raises:
            SiteUnknownError: no policy is published.
        """
        published = self._book.current(site)
        found = self._built.get((site, locale))
        if found is not None and found[0] == published.version:
            return found[1]
        widget = self._build(published, locale)
        try:
            self._surfaces.keep(site, locale)
            self._storage.keep_artifact(widget.digest, site, f"widget/{published.version}/{locale}", widget.body)
        except StorageError:
            return widget  # the page gets its banner all the same; the next request tries to keep it again
        self._built[site, locale] = published.version, widget
        return widget

    def prepare(self) -> None:
        """Builds every site's files that are not built yet, so that no visitor waits for it."""
        for site in self._book.sites():
            for locale in self._book.current(site).policy.locales:
                self.current(site, locale)

    def pinned(self, digest: str) -> Widget | None:
        """The file that had this digest when it was served, however old."""
        kept = sa.select(artifacts.c.body).where(artifacts.c.sha256 == digest, artifacts.c.name.like("widget/%"))
        found = self._storage.read(kept)
        return _pack(found[0]["body"]) if found else None

    def _build(self, published: PublishedPolicy, locale: str) -> Widget:
        known = {
            "site": published.policy.site,
            "api": "",
            "notice": self._book.notice(published.policy.site, locale).body,
            "holds_since": published.holds_since,
            "token_ttl_s": self._token_ttl_s,
            "ui": self._surfaces.current(published.policy.site, locale, "widget").digest,
            "languages": list(published.policy.locales),
        }
        if bound := published.policy.bound_trackers:
            known["bind"] = list(bound)
        bundle = widget_bundle()
        config = msgspec.json.encode(_pick(known, bundle.reads))
        for raw, escaped in _UNSAFE:
            config = config.replace(raw, escaped)
        binder = bundle.bindings if "bind" in known else b"null"
        code = bundle.code.replace(bundle.bindings_placeholder, binder, 1)
        return _pack(code.replace(bundle.placeholder, config, 1))


def _pick(value: Any, shape: Any) -> Any:
    """Of a config only what the widget reads: every byte of it is sent to every visitor."""
    if isinstance(value, list):
        return [_pick(item, shape) for item in value]
    if shape is True or value is None:
        return value
    return {key: _pick(value[key], inner) for key, inner in shape.items() if key in value}


@lru_cache(maxsize=64)
def _pack(body: bytes) -> Widget:
    return Widget(body, gzip.compress(body, 9, mtime=0), hashlib.sha256(body).hexdigest())
