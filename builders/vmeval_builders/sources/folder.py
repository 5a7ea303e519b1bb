"""A folder on disk as a source: how its files are read."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from vmeval_builders.entries import FileEntry
from vmeval_builders.errors import FolderChangedError

# A pipe that somebody puts in a file's place is not waited for, and a link is looked at first.
_READ = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_BINARY", "O_NONBLOCK", "O_NOFOLLOW"))
#: What systems answer where a link is not to be followed.
_IS_LINK = frozenset({errno.ELOOP, errno.EMLINK})


def _readv(descriptor: int, places: list[memoryview | bytearray]) -> int:
    """Read on into memory, as far as one call does; there is `os.readv`, but on Windows."""
    if hasattr(os, "readv"):
        return os.readv(descriptor, places)
    content = os.read(descriptor, sum(map(len, places)))
    places[0][: len(content)] = content[: len(places[0])]
    return len(content)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on disk, as a `Source`."""

    splits: ClassVar[bool] = True
    in_passes: ClassVar[bool] = False
    is_far: ClassVar[bool] = False
    root: Path

    def read(self, entry: FileEntry) -> bytes:
        """Read a file whole, as `Source.read` says."""
        content = self._read(entry, entry.size_bytes, entry.size_bytes + 1)
        if len(content) != entry.size_bytes:
            raise self._changed(entry, len(content))
        return content

    def read_into(self, entry: FileEntry, place: memoryview) -> None:
        """Read a file whole into memory, as `Source.read_into` says."""
        # One byte more is asked for, so that a file that has grown is found without another call.
        further = bytearray(1)
        descriptor = open_file(self.root, entry.path)
        try:
            size_bytes = filled = _readv(descriptor, [place, further])
            while filled and size_bytes < entry.size_bytes:
                filled = _readv(descriptor, [place[size_bytes:], further])
                size_bytes += filled
        finally:
            os.close(descriptor)
        if size_bytes != entry.size_bytes:
            raise self._changed(entry, size_bytes)

    def _changed(self, entry: FileEntry, size_bytes: int) -> FolderChangedError:
        return FolderChangedError(
            f"{self.root}/{entry.path}: had {entry.size_bytes} bytes and now has {size_bytes}; "
            "run again when nothing writes into the folder"
        )

    def head(self, entry: FileEntry, length: int) -> bytes:
        """Read the first bytes of a file, as `Source.head` says."""
        return self._read(entry, length, length)

    def fetch(self, entries: Iterable[FileEntry]) -> None:
        """Do nothing: a disk is read when it is read."""

    def _read(self, entry: FileEntry, wanted: int, first: int) -> bytes:
        descriptor = open_file(self.root, entry.path)
        try:
            content = os.read(descriptor, first)
            while 0 < len(content) < wanted and (more := os.read(descriptor, wanted)):
                content += more
        finally:
            os.close(descriptor)
        return content


def open_file(root: Path, path: str) -> int:
    """Open a file; a link only where it leads to a file of the folder, now as when the folder was walked.

    Raises:
        FolderChangedError: It is a link that leads outside.
        OSError: It cannot be opened.
    """
    place = f"{root}/{path}"
    try:
        return os.open(place, _READ)
    except OSError as error:
        if error.errno not in _IS_LINK:
            raise
    real = os.path.realpath(place)
    if not real.startswith(f"{root}{os.sep}"):
        raise FolderChangedError(
            f"{place}: is a link that leads outside the folder by now; run again when nothing writes into the folder"
        )
    return os.open(real, _READ)
