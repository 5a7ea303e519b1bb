"""A dataset directory that is being made: beside its place until it is whole, then in its place at once."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from vmeval_hfds.errors import TargetExistsError
from vmeval_hfds.scratch import remove_folder, scratch, set_aside
from vmeval_hfds.store.directory import DatasetFiles, open_dataset_dir
from vmeval_hfds.store.store import Receipt, receipt_of

#: Where a shard is until it is whole.
_UNFINISHED = ".unfinished"


@dataclass(frozen=True, slots=True)
class DirectoryStore:
    """Takes the shards of a dataset directory.

    Attributes:
        partial: Where the directory is until it is whole.
    """

    partial: Path

    def place(self, name: str) -> Path:
        """Give the path at which a shard is to be written, as `Store.place` says."""
        # Where a worker dies, another may write its shard once more, and both at once: each writes a file of its own. One
        # that comes after all was done finds no folder to write to.
        return self.partial / _UNFINISHED / f"{uuid.uuid4().hex}.part"

    def put(self, name: str, place: Path, sha256: str | None = None) -> Receipt:
        """Take a shard that was written whole, as `Store.put` says."""
        receipt = receipt_of(name, place, sha256)
        self._put_in_place(name, place)
        return receipt

    def _put_in_place(self, name: str, place: Path) -> None:
        whole = self.partial / name
        whole.parent.mkdir(parents=True, exist_ok=True)
        place.replace(whole)

    def keep(self, receipts: Sequence[Receipt]) -> None:
        """Leave shards where they are, as `Store.keep` says."""

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write the files that stand beside the shards: the card, and its picture."""
        for name, content in files.items():
            place = self.place(name)
            place.write_bytes(content)
            self._put_in_place(name, place)

    def open(self) -> DatasetFiles:
        """Open what was made, before it is in its place."""
        return open_dataset_dir(self.partial)

    def finish(self) -> None:
        """Throw away what was written beside the shards and never put: no file of a killed worker stays."""
        remove_folder(self.partial / _UNFINISHED)


@contextmanager
def new_directory(target: Path, replaces: bool = False) -> Iterator[DirectoryStore]:
    """Make a dataset directory that appears, or replaces the one that is there, whole or not at all.

    Folders above it that were missing go again where it does not appear.

    Args:
        target: Where it will be.
        replaces: Whether one that is there may be replaced; one that came meanwhile, too.

    Raises:
        TargetExistsError: Something is there, and may not be replaced.
        OSError: It cannot be written, or what is there cannot be removed.
    """
    if replaces:
        _check_removable(target)
    missing = [parent for parent in target.parents if not parent.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name[:100]}.partial-{uuid.uuid4().hex[:12]}")
    try:
        with scratch(partial, target):
            (partial / _UNFINISHED).mkdir(mode=0o700, parents=True)
            partial.chmod(0o700)
            store = DirectoryStore(partial)
            yield store
            store.finish()
            partial.chmod(0o777 & ~_umask())
            _put_in_place(partial, target, replaces)
    except BaseException:
        for parent in missing:
            with suppress(OSError):
                parent.rmdir()
        raise


def _put_in_place(partial: Path, target: Path, replaces: bool) -> None:
    if not os.path.lexists(target):
        partial.rename(target)
        return
    if not replaces:
        raise TargetExistsError(
            f"{target}: another run made it meanwhile; choose another target, or replace it with --force"
        )
    old = set_aside(partial, target)
    try:
        partial.rename(target)
    except BaseException:
        # Where another run put its own there meanwhile, that is the one that stays.
        if os.path.lexists(target):
            remove_folder(old)
        else:
            old.rename(target)
        raise
    remove_folder(old)
    if os.path.lexists(old):
        raise OSError(
            errno.EACCES, "the new one is in its place, but this, from before, cannot be removed", str(old)
        )


def _check_removable(directory: Path) -> None:
    """Make sure, before anything is written, that a directory can be removed later.

    Raises:
        TargetExistsError: Some folder in it cannot be written.
    """
    for folder, _, _ in os.walk(directory):
        if not os.access(folder, os.W_OK | os.X_OK):
            raise TargetExistsError(
                f"{folder}: cannot be written, so that {directory} cannot be replaced; nothing was written"
            )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
