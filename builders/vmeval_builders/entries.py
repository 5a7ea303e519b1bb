"""Files and folders as they were found, the units that become rows, and what their files hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

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


def column_of(slot: str) -> str:
    """Give the column of a slot of `Unit.files`."""
    return slot.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Unit:
    """The folder or file that becomes one row.

    Attributes:
        path: Relative to the folder, ``/``-separated.
        files: Slot to file; other files beside them are not listed here. A slot is a column that holds the
            file's bytes, or ``column/name`` for each file of a column that holds several (`column_of`).
        parts: The named parts of its path.
        beside: A JSON file that says something of this row and of others, and that no row holds; None without.
    """

    path: str
    files: dict[str, FileEntry]
    parts: dict[str, str | None]
    beside: FileEntry | None = None

    @property
    def size_bytes(self) -> int:
        """The bytes of all its columns' files."""
        return sum(entry.size_bytes for entry in self.files.values())


@dataclass(frozen=True, slots=True)
class Contents:
    """What a row's files hold.

    Attributes:
        unit: The row's files.
        blobs: Slot to bytes, for the files that were read; those of images and videos may be views of memory.
        texts: Column to text, for those of the text columns that are UTF-8.
        value: The JSON object that columns come from, or None where its file is missing or is not one. Where the
            row has none of its own, what the file beside it says of the row.
        fault: Why that file is no JSON object, where it is there and is not; or holds no list of rows, where the
            layout wants one.
        item: The element of the file's list that the row is of, where the layout makes a row of each.
        beside: What the file beside the row says of it; None where there is none, or it says nothing.
    """

    unit: Unit
    blobs: dict[str, bytes | memoryview]
    texts: dict[str, str]
    value: dict[str, Any] | None
    fault: str | None
    item: dict[str, Any] | None = None
    beside: dict[str, Any] | None = None
