"""Pages of vendors: drawn once for a policy version, a language and a list, since a list of all has a thousand."""

from __future__ import annotations

import gzip
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from cookiegate.policy.document import PublishedPolicy
from cookiegate.web.bundle import digest_of
from cookiegate.web.codings import IDENTITY, gzipped
from cookiegate.web.vendor_view import Listed

#: Packed, a page of a thousand vendors has some 100 kB; there is one for each site and language.
PAGES_MAX = 512


@dataclass(frozen=True, slots=True)
class VendorsPage:
    """A drawn page, packed with gzip, and the SHA-256 of what is in it."""

    packed: bytes
    digest: str

    def sent_as(self, coding: str) -> bytes:
        """The page's bytes in a content coding: ``gzip`` or ``identity``."""
        return gzip.decompress(self.packed) if coding == IDENTITY else self.packed


class VendorPages:
    """The pages that were drawn last, by site and language."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: OrderedDict[tuple[str, str], tuple[PublishedPolicy, Listed, VendorsPage]] = OrderedDict()
        self._drawing: dict[tuple[str, str], threading.Lock] = {}

    def get(self, published: PublishedPolicy, locale: str, listed: Listed, draw: Callable[[], str]) -> VendorsPage:
        """The page; drawn where policy or list are no longer those that it was drawn from.

        Args:
            published: the policy.
            locale: the page's language.
            listed: of ``VendorList.listed``, the same object until the list is replaced.
            draw: makes the page's HTML; who wants the same page waits for it, so that it is drawn once.
        """
        key = published.policy.site, locale
        if (kept := self._kept(key, published, listed)) is not None:
            return kept
        with self._lock:
            drawing = self._drawing.setdefault(key, threading.Lock())
        with drawing:
            if (kept := self._kept(key, published, listed)) is not None:
                return kept
            body = draw().encode()
            page = VendorsPage(gzipped(body), digest_of(body))
            with self._lock:
                self._pages[key] = published, listed, page
                self._drawing.pop(key, None)
                if len(self._pages) > PAGES_MAX:
                    self._pages.popitem(last=False)
            return page

    def _kept(self, key: tuple[str, str], published: PublishedPolicy, listed: Listed) -> VendorsPage | None:
        with self._lock:
            kept = self._pages.get(key)
            if kept is None or kept[0].sha256 != published.sha256 or kept[1] is not listed:
                return None
            self._pages.move_to_end(key)
            return kept[2]
