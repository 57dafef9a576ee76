"""Where a restore works: in folders of its own, so that nothing appears before its end, and a failure leaves nothing.

Keys that are brought lie there too until the record takes its place. The data folder's own keys are used where they
are, and are afterwards as they were, unless the restore comes to its end.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cookiegate.errors import BackupError, KeyFileError, RestoreRefusedError
from cookiegate.ledger.keyfile import FILE as LEDGER_KEY
from cookiegate.rights.copies.key_copies import RING, SIGNING_FOLDER, key_names
from cookiegate.rights.copies.key_sums import SUMS, Kinship, compare, count_keys, damaged_slots
from cookiegate.rights.copies.manifest import RECORD
from cookiegate.storage.copying.durable import copy_file, overwrite, sync
from cookiegate.storage.places import DATABASE_FILE
from cookiegate.storage.vault import FILE, FOLDER, HEADER, Vault
from cookiegate.tokens import keyfiles

_PREFIX = ".restoring-"


class Stage:
    """What a restore works on.

    Args:
        data_dir: the folder that is restored into.
        work: a folder in it that goes at the end, for keys.
        records: the same for the record.
    """

    def __init__(self, data_dir: Path, work: Path, records: Path) -> None:
        #: A copy of the backup's file, and where the record is made of it.
        self.brought, self.record = records / RECORD, records / DATABASE_FILE
        #: Data folders whose signing keys and whose subject keys are used.
        self.ring_dir = self.vault_dir = data_dir
        #: Whether all is in its place, and the keys stay as they are.
        self.is_done = False
        self._data_dir = data_dir
        self._work = work
        self._names: dict[str, str] = {}

    @property
    def vault_file(self) -> Path:
        """The subject keys that are used."""
        return self.vault_dir / FOLDER / FILE

    def named(self, text: str) -> str:
        """A sentence with the folders that the keys come from, not those which nobody sees."""
        for mine, given in self._names.items():
            text = text.replace(mine, given)
        return text

    def bring_signing_keys(self, folder: Path | None) -> None:
        """Takes copied signing keys; None for those of the data folder.

        Raises:
            RestoreRefusedError: there are keys in the way, or none at all, or the copy is none.
            KeyFileError: a file cannot be read or written.
        """
        mine = self._data_dir / SIGNING_FOLDER
        if folder is None:
            if not (mine / RING).exists():
                raise RestoreRefusedError(
                    f"there are no keys in {self._data_dir}: without the ledger's key nothing can be verified; name "
                    "their copy with --keys FOLDER"
                )
            return
        for name in (RING, LEDGER_KEY):
            if not (folder / name).exists():
                raise RestoreRefusedError(
                    f"--keys {folder}: there is no {name}; name the folder that backup --keys wrote"
                )
        _refuse_signing_keys(mine, folder)
        target = self._work / SIGNING_FOLDER
        keyfiles.make_folder(target)
        for name in key_names(folder):
            keyfiles.write(target / name, keyfiles.read(folder / name))
        self.ring_dir = self._work
        self._names[str(target)] = str(folder)

    def bring_subject_keys(self, folder: Path | None, *, give_up: bool) -> None:
        """Takes a copy of the subject keys; None for those of the data folder.

        Args:
            folder: the copy.
            give_up: destroy those that are damaged, rather than refuse.

        Raises:
            RestoreRefusedError: there are some in the way, or the copy is none, or it is damaged.
            BackupError: it cannot be copied.
        """
        mine = self._data_dir / FOLDER / FILE
        if folder is None:
            if not mine.exists():
                self.vault_dir = self._work
                self._names[str(self._work)] = str(self._data_dir)
            return
        source = folder / FILE
        if not source.exists():
            raise RestoreRefusedError(f"--subject-keys {folder}: there is no {FILE}; name the folder that backup wrote")
        if count_keys(mine):
            raise RestoreRefusedError(_in_the_way(mine, source, compare(source, mine)))
        damaged = damaged_slots(folder)
        if any(damaged) and not give_up:
            raise RestoreRefusedError(_damaged(source, [slot for slot in damaged if slot]))
        target = self._work / FOLDER / FILE
        keyfiles.make_folder(target.parent)
        copy_file(source, target)
        self.vault_dir = self._work
        self._names[str(target.parent)] = str(folder)
        if damaged:
            _repair(self._work, damaged)

    @contextmanager
    def placed(self) -> Iterator[None]:
        """Puts what was brought into the data folder; it goes away again if the block fails.

        Raises:
            BackupError: the disk does not take it.
        """
        moved: list[tuple[Path, Path]] = []
        try:
            if self.ring_dir == self._work:
                here, there = self._work / SIGNING_FOLDER, self._data_dir / SIGNING_FOLDER
                (there / keyfiles.LOCK).unlink(missing_ok=True)
                here.rename(there)
                moved.append((here, there))
            if self.vault_dir == self._work:
                here, there = self._work / FOLDER / FILE, self._data_dir / FOLDER / FILE
                keyfiles.make_folder(there.parent)
                here.replace(there)
                moved.append((here, there))
                sync(there.parent)
            sync(self._data_dir)
            yield
        except BaseException as error:
            for here, there in reversed(moved):
                there.rename(here)
            if isinstance(error, OSError):
                raise BackupError(
                    f"the record cannot be put in its place ({error.strerror}); nothing was restored"
                ) from error
            raise


@contextmanager
def staged(
    data_dir: Path, beside: Path, source: Path, keys: Path | None, subject_keys: Path | None, *, give_up: bool
) -> Iterator[Stage]:
    """A stage with everything on it.

    Args:
        data_dir: the folder that is restored into; nobody else uses it meanwhile.
        beside: where the working copy of the record lies.
        source: the record of the backup.
        keys, subject_keys: copies of the keys; None for those of the data folder.
        give_up: destroy subject keys that are damaged in their copy, rather than refuse.

    Raises:
        RestoreRefusedError, KeyFileError: keys are in the way, missing or damaged.
        BackupError: something cannot be copied.
    """
    for left in data_dir.glob(f"{_PREFIX}*"):  # by a restore that was killed
        _remove(left)
    with _folder(data_dir) as work, _folder(beside) as records:
        stage = Stage(data_dir, work, records)
        try:
            stage.bring_signing_keys(keys)
            stage.bring_subject_keys(subject_keys, give_up=give_up)
            copy_file(source, stage.brought)
            with _own_ring(stage, data_dir), _own_vault(stage, data_dir):
                yield stage
        except KeyFileError as error:
            raise KeyFileError(stage.named(error.detail), **error.evidence) from error


@contextmanager
def _folder(place: Path) -> Iterator[Path]:
    """A new folder, which goes at the end."""
    try:
        folder = Path(tempfile.mkdtemp(dir=place, prefix=_PREFIX))
    except OSError as error:
        raise BackupError(f"{place} cannot be written ({error.strerror})") from error
    try:
        yield folder
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    with suppress(OSError):
        if (folder / FOLDER / FILE).exists():  # whoever is erased later is not to be found on this disk
            overwrite(folder / FOLDER / FILE)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _own_ring(stage: Stage, data_dir: Path) -> Iterator[None]:
    """The data folder's signing keys, as they were unless the restore comes to its end."""
    folder, is_own = data_dir / SIGNING_FOLDER, stage.ring_dir == data_dir
    before, names = (keyfiles.read(folder / RING), set(key_names(folder))) if is_own else (b"", set())
    try:
        yield
    finally:
        if is_own and not stage.is_done and keyfiles.read(folder / RING) != before:
            keyfiles.write(folder / RING, before)
            for name in set(key_names(folder)) - names:
                (folder / name).unlink()


@contextmanager
def _own_vault(stage: Stage, data_dir: Path) -> Iterator[None]:
    """The same for subject keys: places that were made up for lost ones go again. What was shredded was due anyway."""
    path, is_own = stage.vault_file, stage.vault_dir == data_dir
    mark, size = (_mark(data_dir), path.stat().st_size) if is_own else (0, 0)
    try:
        yield
    finally:
        if is_own and not stage.is_done:
            if path.stat().st_size > size:
                os.truncate(path, size)
            _mark(data_dir, mark)


def _mark(data_dir: Path, mark: int | None = None) -> int:
    vault = Vault.open(data_dir)
    try:
        if mark is not None and mark != vault.mark:
            vault.destroy((), mark=mark)
        return vault.mark
    finally:
        vault.close()


def _refuse_signing_keys(mine: Path, folder: Path) -> None:
    if not mine.is_dir() or not key_names(mine):
        return
    if not (mine / RING).exists():
        raise RestoreRefusedError(
            f"{mine} holds key files without {RING}. Nothing here overwrites or removes keys, and one of them may be "
            f"newer than the copy in {folder}: move {mine} away, keep it, and repeat"
        )
    own, given = mine / LEDGER_KEY, folder / LEDGER_KEY
    if own.exists() and own.read_bytes() == given.read_bytes():
        raise RestoreRefusedError(f"{mine} holds keys already, those of this service: leave --keys out to use them")
    raise RestoreRefusedError(
        f"{mine} holds keys already, and not those of {folder}: restore into another --data-dir, or move {mine} away, "
        "and keep it"
    )


def _in_the_way(mine: Path, source: Path, found: Kinship) -> str:
    """What to do where both the data folder and the given copy have subject keys."""
    here, given = found.newer, found.older
    if given > here:
        return (
            f"{mine} holds {here:,} keys, and the copy {source} {given:,}: what is there is older, was cut off, or "
            f"belongs to another service. Move {mine} away, keep it until all is done, and repeat"
        )
    if found.differing:
        return (
            f"{mine} holds keys already, and not those of {source}: restore into another --data-dir, or move {mine} "
            "away, and keep it"
        )
    return f"{mine} holds keys already, the same or newer ones: leave --subject-keys out to go on with them"


def _damaged(source: Path, slots: list[int]) -> str:
    return (
        f"{source} is damaged: keys that are not what was copied: {len(slots):,}, the first is key {slots[0]:,}. The "
        "record is not at fault. Use the service's own keys.bin, or another copy (if you put this one there yourself, "
        f"remove {SUMS} beside it). Only if there is none anywhere, --accept-lost-keys gives up the damaged keys and "
        "no others: their people's data cannot be read by anybody any more, and the ledger says so"
    )


def _repair(data_dir: Path, damaged: list[int]) -> None:
    """Makes a damaged file usable again, without its damaged keys."""
    if damaged[0] == 0:  # with no mark at all every erasure that the record knows is done again
        with (data_dir / FOLDER / FILE).open("r+b") as file:
            file.write(HEADER)
    vault = Vault.open(data_dir)
    try:
        vault.destroy(slot for slot in damaged if slot)
    finally:
        vault.close()
