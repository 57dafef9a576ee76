"""Every notice that was ever published, by its digest: what a record names, an auditor or a visitor can read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cookiegate.errors import NotFoundError, RecordDamagedError
from cookiegate.policy.document import PublishedPolicy
from cookiegate.policy.history import read_edition, read_notice
from cookiegate.policy.notice import Notice
from cookiegate.storage.contract import Storage

#: Versions in memory: more than many sites' whole history, less than a stranger's old receipts could pile up.
_KEPT = 256


@dataclass(frozen=True, slots=True)
class ArchivedVersion:
    """A published version with its notices by locale."""

    published: PublishedPolicy
    notices: Mapping[str, Notice]


class NoticeArchive:
    """Versions of policies as they were published. They never change, so what was read once stays right.

    Args:
        storage: the record.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._versions: dict[tuple[str, int], ArchivedVersion] = {}

    def find(self, site: str, version: int, sha256: str) -> tuple[ArchivedVersion, Notice]:
        """The notice that a decision was made under, and its version.

        Raises:
            RecordDamagedError: it was never published here.
            StorageError: the record cannot be read now.
            PolicyError: the version cannot be read by this program.
        """
        archived = self._versions.get((site, version)) or self._read(site, version)
        for notice in archived.notices.values():
            if notice.sha256 == sha256:
                return archived, notice
        raise _unknown(site, version)

    def _read(self, site: str, version: int) -> ArchivedVersion:
        try:
            published = read_edition(self._storage, site, version)
        except NotFoundError as error:
            raise _unknown(site, version) from error
        notices = {locale: read_notice(self._storage, published, locale) for locale in published.policy.locales}
        if len(self._versions) >= _KEPT:
            self._versions.clear()
        archived = self._versions[site, version] = ArchivedVersion(published, notices)
        return archived


def _unknown(site: str, version: int) -> RecordDamagedError:
    return RecordDamagedError("a decision names a notice that is not in the record", site=site, version=version)
