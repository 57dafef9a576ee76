"""Surfaces: what a visitor saw when they decided, kept once by digest, so that a decision can point at it (S3).

A surface is one canonical JSON document per site, policy version, locale and kind: ``widget`` (banner, dialog, the
cover of a held frame) or ``preferences`` (the form without JavaScript). Its SHA-256 is the ``ui`` of a decision.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from cookiegate.clock import Clock
from cookiegate.errors import StorageError
from cookiegate.ledger.hashing import canonical
from cookiegate.policy.publishing import PolicyBook
from cookiegate.policy.regions import Duties
from cookiegate.storage.contract import Storage
from cookiegate.storage.tables import artifacts
from cookiegate.web.bundle import digest_of, widget_bundle
from cookiegate.web.history_view import completed
from cookiegate.web.notes import RegionNote, strictest
from cookiegate.web.notice_view import Notice
from cookiegate.web.surface_drawing import draw_preferences, draw_widget, preferences_style, widget_style
from cookiegate.web.widget_parts import page_parts

Kind = Literal["widget", "preferences"]
KINDS: tuple[Kind, ...] = ("widget", "preferences")
#: Digests that this process has not seen are looked up in the record, so many a second at most: a stranger can make
#: up any number of them. Our own are known beforehand; only another version's, on the same record, need the look-up.
LOOKUPS_PER_S = 20
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of the record by the digest of its bytes."""

    name: str
    body: bytes

    @property
    def digest(self) -> str:
        """Hex SHA-256."""
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class Surface:
    """One surface: ``digest`` names its document, and ``artifacts`` are what has to be kept of it, styles included."""

    digest: str
    artifacts: tuple[Artifact, ...]


def make_surface(kind: Kind, notice: Notice, parts: Mapping[str, Any] = MappingProxyType({})) -> Surface:
    """Draws a surface.

    Args:
        kind: the widget's layers, or the form of the preferences page.
        notice: the body of a notice, complete.
        parts: of the widget that the site has, with what each is given.

    Returns:
        The surface; its document is ``{"v", "kind": "surface", "surface", "site", "policy_version", "locale",
        "notice", "widget", "code", "style", "html"}``: digests are hex SHA-256, ``code`` maps each file of the widget's
        code to its own, ``widget`` is that of the first one; it is null, and ``code`` empty, for the preferences page.
        ``html`` maps each layer to its markup.
    """
    is_widget = kind == "widget"
    code = widget_bundle().code(parts) if is_widget else {}
    digests = {name: digest_of(file) for name, file in code.items()}
    style = Artifact(f"style/{kind}", (widget_style if is_widget else preferences_style)(notice["theme"]).encode())
    document = {
        "v": 1,
        "kind": "surface",
        "surface": kind,
        **{name: notice[name] for name in ("site", "policy_version", "locale", "notice")},
        "widget": digests.get("cookiegate"),
        "code": digests,
        "style": style.digest,
        "html": draw_widget(notice, _notes(parts)) if is_widget else draw_preferences(notice),
    }
    page = Artifact(f"surface/{kind}/{notice['policy_version']}/{notice['locale']}", canonical(document))
    files = (Artifact("widget-code" if name == "cookiegate" else f"widget-code/{name}", code[name]) for name in code)
    return Surface(page.digest, (style, *files, page))


def _notes(parts: Mapping[str, Any]) -> list[RegionNote]:
    """What banner and dialog say besides, in the order of the widget's parts."""
    return [*parts.get("region", ()), *([(parts["shared"], "", "")] if "shared" in parts else [])]


def read_surface(storage: Storage, digest: str) -> dict[str, Any] | None:
    """The document of a kept surface, or None where the digest names none."""
    body = storage.artifact(digest)
    if body is None or not body.startswith(b"{"):
        return None
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return document if document.get("kind") == "surface" else None


class Surfaces:
    """The surfaces of every site's current policy, and which digests the record knows.

    Args:
        book: current policies and notices.
        storage: keeps every surface for ever.
        clock: bounds look-ups.
    """

    def __init__(self, book: PolicyBook, storage: Storage, clock: Clock) -> None:
        self._book = book
        self._storage = storage
        self._clock = clock
        self._drawn: dict[tuple[str, str, Kind, Duties], tuple[str, Surface]] = {}
        self._second, self._lookups = 0, 0
        kept = sa.select(artifacts.c.sha256, artifacts.c.site).where(artifacts.c.name.like("surface/%"))
        self._site_of: dict[str, str] = {row["sha256"]: row["site"] for row in storage.read(kept)}

    def current(self, site: str, locale: str, kind: Kind, wanted: Duties | None = None) -> Surface:
        """The surface of a site's current notice in one locale, drawn once.

        Args:
            site, locale, kind: which.
            wanted: what the visitor's place asks for; the strictest when not given.

        Raises:
            SiteUnknownError: no policy is published.
        """
        notice = self._book.notice(site, locale)
        policy = self._book.current(site).policy
        wanted = wanted or strictest(policy)
        drawn = self._drawn.get((site, locale, kind, wanted))
        if drawn is None or drawn[0] != notice.sha256:
            body = completed(notice.body)
            drawn = notice.sha256, make_surface(kind, body, page_parts(policy, body, wanted))
            self._drawn[site, locale, kind, wanted] = drawn
        return drawn[1]

    def keep(self, site: str, locale: str, wanted: Duties | None = None) -> None:
        """Keeps the current surfaces of one locale; from then on decisions may point at them.

        Args:
            site, locale, wanted: as for :meth:`current`.

        Raises:
            StorageError: the record cannot be written now.
        """
        for kind in KINDS:
            surface = self.current(site, locale, kind, wanted)
            if surface.digest in self._site_of:
                continue
            for artifact in surface.artifacts:  # the document last: what is known is complete
                self._storage.keep_artifact(artifact.digest, site, artifact.name, artifact.body)
            self._site_of[surface.digest] = site

    def recognise(self, site: str, digest: str | None) -> str | None:
        """The digest, if it is that of a surface of this site; else None.

        A decision never fails for this: who sends another digest, or none, has simply not shown that they saw ours.
        """
        if digest is None or _DIGEST.fullmatch(digest) is None:
            return None
        if digest not in self._site_of:
            self._look_up(digest)
        return digest if self._site_of.get(digest) == site else None

    def _look_up(self, digest: str) -> None:
        second = self._clock.now_ms() // 1000
        if second != self._second:
            self._second, self._lookups = second, 0
        self._lookups += 1
        if self._lookups > LOOKUPS_PER_S:
            return
        try:
            document = read_surface(self._storage, digest)
        except StorageError:
            return
        if document is not None:
            self._site_of[digest] = document["site"]
