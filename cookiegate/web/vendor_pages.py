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

#: Packed, a page of a thousand vendors has some 100 kB.
PAGES_MAX = 64


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

    def get(self, published: PublishedPolicy, locale: str, listed: Listed, draw: Callable[[], str]) -> VendorsPage:
        """The page; drawn where policy or list are no longer those that it was drawn from.

        Args:
            listed: of ``VendorList.listed``, the same object until the list is replaced.
            draw: makes the page's HTML; others wait for it, so that a new list is drawn once and not by everybody.
        """
        key = published.policy.site, locale
        with self._lock:
            kept = self._pages.get(key)
            if kept is None or kept[0].sha256 != published.sha256 or kept[1] is not listed:
                body = draw().encode()
                kept = published, listed, VendorsPage(gzipped(body), digest_of(body))
                self._pages[key] = kept
            self._pages.move_to_end(key)
            if len(self._pages) > PAGES_MAX:
                self._pages.popitem(last=False)
            return kept[2]
