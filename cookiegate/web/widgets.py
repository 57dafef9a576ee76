"""The scripts that pages load, one set for each site and locale, with policy and texts inside."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from cookiegate.errors import StorageError
from cookiegate.policy.document import PublishedPolicy
from cookiegate.policy.publishing import PolicyBook
from cookiegate.policy.regions import Duties
from cookiegate.storage.contract import Storage
from cookiegate.storage.tables import artifacts
from cookiegate.web.bundle import FETCHED, Script, digest_of, panel_script, widget_bundle
from cookiegate.web.codings import IDENTITY, brotlied, gzipped
from cookiegate.web.history_view import completed
from cookiegate.web.iab import built_files, wanted_files
from cookiegate.web.notes import patience, strictest
from cookiegate.web.notice_view import Notice
from cookiegate.web.surfaces import Surfaces
from cookiegate.web.widget_parts import page_parts, without_interface

#: Under which name each script is kept, and so found again by its digest.
_KEPT_AS: Mapping[Script, str] = {
    "cookiegate": "widget",
    "second": "second",
    "covers": "covers",
    "headless": "headless",
}
#: The same for the files of frameworks that vendors ask, which are the same for every site.
_FRAMEWORKS = "framework"
#: The best packing takes long: so many files at a time, twice a second.
PACKED_AT_A_TIME = 4


@dataclass(frozen=True, slots=True)
class Widget:
    """One built file. ``digest`` (hex SHA-256) names it for ever; ``packed`` is what it is by content coding."""

    body: bytes
    digest: str
    packed: dict[str, bytes] = field(default_factory=dict)

    def sent_as(self, coding: str) -> bytes:
        """Its bytes in a coding that it is packed with, or as they are."""
        return self.packed.get(coding, self.body)

    def etag(self, coding: str) -> str:
        """A strong validator: another one for each coding, since their bytes differ."""
        suffix = "" if coding == IDENTITY else f"-{coding}"
        return f'"{self.digest[:32]}{suffix}"'

    @property
    def integrity(self) -> str:
        """The value of a script tag's ``integrity`` attribute."""
        return "sha384-" + b64encode(hashlib.sha384(self.body).digest()).decode()


class Widgets:
    """Builds each site's files once per policy version and locale, and keeps them for immutable addresses.

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
        self._built: dict[tuple[str, str, Duties], tuple[int, Mapping[Script, Widget]]] = {}

    def current(self, site: str, locale: str, script: Script = "cookiegate", wanted: Duties | None = None) -> Widget:
        """A file for a locale that the site's policy offers.

        Args:
            site, locale, script: which.
            wanted: what the visitor's place asks for; the strictest when not given.

        Raises:
            SiteUnknownError: no policy is published.
        """
        published = self._book.current(site)
        wanted = wanted or strictest(published.policy)
        found = self._built.get((site, locale, wanted))
        if found is not None and found[0] == published.version:
            return found[1][script]
        files = self._build(published, locale, wanted)
        try:
            self._surfaces.keep(site, locale, wanted)
            for name, kept_as in _KEPT_AS.items():
                file = files[name]
                self._storage.keep_artifact(file.digest, site, f"{kept_as}/{published.version}/{locale}", file.body)
            for framework in wanted_files(published.policy):
                if built := built_files().get(framework):
                    self._storage.keep_artifact(built.digest, site, f"{_FRAMEWORKS}/{framework}", built.body)
        except StorageError:
            return files[script]  # the page gets its banner all the same; the next request tries to keep it again
        self._built[site, locale, wanted] = published.version, files
        return files[script]

    def prepare(self) -> None:
        """Builds every site's files that are not built yet, so that no visitor waits for it, and packs some better."""
        for site in self._book.sites():
            for locale in self._book.current(site).policy.locales:
                self.current(site, locale)
        loose = (file for file in self._files() if "br" not in file.packed)
        for file, _ in zip(loose, range(PACKED_AT_A_TIME), strict=False):
            packed = brotlied(file.body)
            if packed is None:
                return
            file.packed["br"] = packed

    def pinned(self, digest: str) -> Widget | None:
        """The file that had this digest when it was served, however old."""
        for file in self._files():
            if file.digest == digest:
                return file
        if digest == digest_of(panel_script()):
            return _pack(panel_script())
        for built in built_files().values():
            if built.digest == digest:
                return _pack(built.body)
        named = sa.or_(*(artifacts.c.name.like(f"{name}/%") for name in (*_KEPT_AS.values(), _FRAMEWORKS)))
        found = self._storage.read(sa.select(artifacts.c.body).where(artifacts.c.sha256 == digest, named))
        return _pack(found[0]["body"]) if found else None

    def _files(self) -> Iterator[Widget]:
        for _, files in list(self._built.values()):
            yield from files.values()

    def _build(self, published: PublishedPolicy, locale: str, wanted: Duties) -> dict[Script, Widget]:
        site = published.policy.site
        ui = self._surfaces.current(site, locale, "widget", wanted).digest
        return make_files(published, self._book.notice(site, locale).body, wanted, ui, self._token_ttl_s)


def make_files(
    published: PublishedPolicy, notice: Notice, wanted: Duties, ui: str, token_ttl_s: int
) -> dict[Script, Widget]:
    """Puts policy and texts into every script.

    Args:
        published: the site's policy.
        notice: the body of its notice in one locale.
        wanted: what the visitor's place asks for.
        ui: the digest of what the scripts show.
        token_ttl_s: how long a token lives.
    """
    policy, bundle, notice = published.policy, widget_bundle(), completed(notice)
    parts = page_parts(policy, notice, wanted)
    notice = {**notice, **patience(policy, wanted)}
    if published.holds_since == 1:  # nobody is asked again
        notice = {**notice, "texts": {**notice["texts"], "changed_notice": ""}}
    known: dict[str, Any] = {
        "site": policy.site,
        "notice": notice,
        "holds_since": published.holds_since,
        "token_ttl_s": token_ttl_s,
        "ui": ui,
    }
    if policy.share is not None and policy.share.domain is not None:
        known["share"] = policy.share.domain
    fetched = {name: _pack(bundle.fill(name, known, parts)) for name in FETCHED}
    known |= {name: file.digest for name, file in fetched.items()}
    return {
        "cookiegate": _pack(bundle.fill("cookiegate", known, parts)),
        **fetched,
        "headless": _pack(bundle.fill("headless", known, without_interface(parts))),
        "config": _pack(bundle.fill("config", known, parts)),
    }


@lru_cache(maxsize=64)
def _pack(body: bytes) -> Widget:
    return Widget(body, digest_of(body), {"gzip": gzipped(body)})
