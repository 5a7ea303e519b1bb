"""Files and folders as they were found, and how their bytes are read: from a folder on disk or from an archive."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

from vmeval_builders.errors import FolderChangedError

#: Arrow's `binary` counts offsets in 31 bits, so that one value, and so one file, must stay below this.
FILE_LIMIT_BYTES = 2**31 - 1


class FileEntry(NamedTuple):
    """A regular file.

    Attributes:
        path: Relative to the folder, ``/``-separated.
        size_bytes: Its size when the folder was walked.
        mtime_ns: Its modification time then.
        offset: Where its bytes begin in the archive that holds it; 0 for a file on disk.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    offset: int = 0


class FolderEntry(NamedTuple):
    """A folder.

    Attributes:
        entries: How many entries it has directly.
        mtime_ns: Its modification time; None where an archive does not say.
    """

    entries: int
    mtime_ns: int | None


@dataclass(frozen=True, slots=True)
class Unit:
    """The folder or file that becomes one row.

    Attributes:
        path: Relative to the folder, ``/``-separated.
        files: Column to the file whose bytes it holds; other files beside them are not listed here.
        parts: The named parts of its path.
    """

    path: str
    files: dict[str, FileEntry]
    parts: dict[str, str | None]

    @property
    def size_bytes(self) -> int:
        """The bytes of all its columns' files."""
        return sum(entry.size_bytes for entry in self.files.values())


class Source(Protocol):
    """Whatever holds files: it can be sent to another process, and gives their bytes there.

    Attributes:
        splits: Whether several processes read faster than one.
    """

    splits: ClassVar[bool]

    def read(self, entry: FileEntry) -> bytes:
        """Read a file whole.

        Raises:
            FolderChangedError: It is not as long as when the folder was walked.
            OSError: It cannot be read.
        """

    def head(self, entry: FileEntry, length: int) -> bytes:
        """Read the first bytes of a file, fewer where it is shorter.

        Raises:
            OSError: It cannot be read.
        """


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on disk, as a `Source`."""

    splits: ClassVar[bool] = True
    root: Path

    def read(self, entry: FileEntry) -> bytes:
        """Read a file whole, as `Source.read` says."""
        content = self._read(entry, entry.size_bytes, entry.size_bytes + 1)
        if len(content) != entry.size_bytes:
            raise FolderChangedError(
                f"{self.root}/{entry.path}: had {entry.size_bytes} bytes and now has {len(content)}; "
                "run again when nothing writes into the folder"
            )
        return content

    def head(self, entry: FileEntry, length: int) -> bytes:
        """Read the first bytes of a file, as `Source.head` says."""
        return self._read(entry, length, length)

    def _read(self, entry: FileEntry, wanted: int, first: int) -> bytes:
        descriptor = os.open(f"{self.root}/{entry.path}", os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            content = os.read(descriptor, first)
            while 0 < len(content) < wanted and (more := os.read(descriptor, wanted)):
                content += more
        finally:
            os.close(descriptor)
        return content
