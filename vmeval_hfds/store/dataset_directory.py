"""A dataset directory that is being made: beside its place until it is whole, then in its place at once."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from vmeval_hfds.scratch import scratch, set_aside
from vmeval_hfds.store.store import Receipt, receipt_of


@dataclass(frozen=True, slots=True)
class DirectoryStore:
    """Takes the shards of a dataset directory.

    Attributes:
        partial: Where the directory is until it is whole.
    """

    partial: Path

    def place(self, name: str) -> Path:
        """Give the path at which a shard is to be written, as `Store.place` says."""
        place = self.partial / name
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def put(self, name: str, place: Path) -> Receipt:
        """Take a shard that was written whole, as `Store.put` says."""
        return receipt_of(name, place)

    def keep(self, receipts: Sequence[Receipt]) -> None:
        """Leave shards where they are, as `Store.keep` says."""

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write the files that stand beside the shards: the card, and its picture."""
        for name, content in files.items():
            self.place(name).write_bytes(content)


@contextmanager
def new_directory(target: Path) -> Iterator[DirectoryStore]:
    """Make a dataset directory that appears, or replaces the one that is there, whole or not at all.

    Folders above it that were missing go again where it does not appear.
    """
    missing = [parent for parent in target.parents if not parent.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name[:100]}.partial-{uuid.uuid4().hex[:12]}")
    try:
        with scratch(partial, target):
            partial.mkdir(mode=0o700)
            yield DirectoryStore(partial)
            partial.chmod(0o777 & ~_umask())
            _put_in_place(partial, target)
    except BaseException:
        for parent in missing:
            with suppress(OSError):
                parent.rmdir()
        raise


def _put_in_place(partial: Path, target: Path) -> None:
    if not os.path.lexists(target):
        partial.rename(target)
        return
    old = set_aside(partial, target)
    try:
        partial.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
