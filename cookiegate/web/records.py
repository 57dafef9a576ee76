"""Disclosures as they leave: a few at a time, streamed, never kept by anybody on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Literal

from cookiegate.clock import Clock
from cookiegate.errors import RateLimitedError
from cookiegate.policy.publishing import PolicyBook
from cookiegate.rights.disclosure.disclosure import Discloser, Disclosure
from cookiegate.rights.events.files import FOLDER
from cookiegate.rights.events.search import EventSearch
from cookiegate.rights.provision.provisions import Provisions
from cookiegate.settings import Settings
from cookiegate.storage.contract import Storage
from cookiegate.web.call import JSON, Reply

Form = Literal["json", "csv"]
FORMS: tuple[Form, ...] = ("json", "csv")
_TYPES: dict[Form, str] = {"json": JSON, "csv": "text/csv; charset=utf-8"}
BUSY_RETRY_S = 5


class Records:
    """Hands out what is recorded about people.

    Args:
        discloser: puts it together.
        threads: request threads of this process. A quarter of them may write disclosures at the same time, so that
            large logs and slow readers hold up neither the banner nor a withdrawal.
    """

    def __init__(self, discloser: Discloser, threads: int) -> None:
        self._discloser = discloser
        self._places = threading.BoundedSemaphore(max(1, threads // 4))

    def disclose(
        self, site: str, key_id: int, locale: str, *, refused_days: int = 0, with_exceptions: bool = False
    ) -> Disclosure:
        """Everything under a subject key; see :meth:`Discloser.disclose`."""
        return self._discloser.disclose(
            site, key_id, locale, refused_days=refused_days, with_exceptions=with_exceptions
        )

    def download(self, disclosure: Disclosure, form: Form) -> Reply:
        """The disclosure as a file.

        Raises:
            RateLimitedError: too many are being written now.
        """
        if not self._places.acquire(blocking=False):
            detail = f"too many records are being written now; come back in {BUSY_RETRY_S} s"
            raise RateLimitedError(detail, retry_after_s=BUSY_RETRY_S)
        chunks = disclosure.as_csv() if form == "csv" else disclosure.as_json()
        name = f"record-{disclosure.site}-{disclosure.facts['made_at'][:10]}.{form}"
        reply = Reply(200, stream=_Chunks(chunks, self._places.release))
        reply.add("Content-Type", _TYPES[form]).add("Content-Disposition", f'attachment; filename="{name}"')
        return reply.add("Cache-Control", "no-store").add("X-Robots-Tag", "noindex")


def open_records(
    settings: Settings, storage: Storage, book: PolicyBook, provisions: Provisions, clock: Clock
) -> Records:
    """The records of one service."""
    discloser = Discloser(
        storage,
        book,
        provisions,
        EventSearch(settings.data_dir / FOLDER),
        base_url=settings.base_url,
        token_ttl_s=settings.token_ttl_s,
        is_forwarded=bool(settings.collect_url or settings.collect_upstreams),
        clock=clock,
    )
    return Records(discloser, settings.threads)


class _Chunks:
    """An iterable that lets go of its place when it is through, closed or forgotten, and only once."""

    def __init__(self, chunks: Iterator[bytes], release: Callable[[], None]) -> None:
        self._chunks = chunks
        self._release: Callable[[], None] | None = release

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._chunks)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends it (PEP 3333)."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def __del__(self) -> None:
        self.close()
