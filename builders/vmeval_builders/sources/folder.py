"""A folder on disk as a source: how its files are found and read."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from vmeval_builders.entries import FILE_LIMIT_BYTES, FileEntry, FolderEntry
from vmeval_builders.errors import FolderChangedError
from vmeval_builders.problems import Problem
from vmeval_builders.sources.source import Index

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


def index_folder(root: Path) -> Index:
    """List the files of a folder and of all below it, without opening any.

    Links that stay inside the folder are taken for what they lead to; others are problems.

    Args:
        root: The folder, with all links resolved.
    """
    index = Index(Folder(root))
    # A folder waits with the real paths of the folders that lead to it.
    files = index.files
    waiting: list[tuple[str, int, tuple[str, ...]]] = [("", root.stat().st_mtime_ns, (str(root),))]
    while waiting:
        folder, mtime_ns, above = waiting.pop()
        try:
            with os.scandir(f"{root}/{folder}") as entries:
                listed = list(entries)
        except OSError as error:
            index.problems.append(Problem.unreadable(folder, error))
            continue
        index.folders[folder] = FolderEntry(len(listed), mtime_ns)
        under = f"{folder}/" if folder else ""
        for entry in listed:
            path = under + entry.name
            try:
                # Most entries are such, so that nothing is called for them that can be left out.
                if entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    if status.st_size <= FILE_LIMIT_BYTES:
                        files.append(FileEntry(path, status.st_size, status.st_mtime_ns))
                        continue
                if (found := _enter(index, root, entry, path, above)) is not None:
                    waiting.append((path, found[1], (*above, found[0])))
            except OSError as error:
                index.problems.append(Problem.unreadable(path, error))
    return index


def _enter(
    index: Index, root: Path, entry: os.DirEntry[str], path: str, above: tuple[str, ...]
) -> tuple[str, int] | None:
    """Take one entry in; give real path and modification time of a folder that is to be walked."""
    linked = entry.is_symlink()
    if linked and not _link_stays_inside(index, root, entry, path):
        return None
    status = entry.stat()
    if stat.S_ISDIR(status.st_mode):
        real = os.path.realpath(entry.path) if linked else f"{above[-1]}/{entry.name}"
        if real not in above:
            return real, status.st_mtime_ns
        message = "The link leads to a folder above itself, so that the folder has no end; remove it."
        index.problems.append(Problem("link-loop", "error", path, message))
    elif not stat.S_ISREG(status.st_mode):
        message = "Neither a file nor a folder (a pipe, socket or device); remove it."
        index.problems.append(Problem("not-a-file", "error", path, message))
    else:
        _take_in(index, path, status)
    return None


def _take_in(index: Index, path: str, status: os.stat_result) -> None:
    if status.st_size > FILE_LIMIT_BYTES:
        index.problems.append(Problem.too_large(path, status.st_size, FILE_LIMIT_BYTES))
    else:
        index.files.append(FileEntry(path, status.st_size, status.st_mtime_ns))


def _link_stays_inside(index: Index, root: Path, entry: os.DirEntry[str], path: str) -> bool:
    real = Path(os.path.realpath(entry.path))
    if not real.is_relative_to(root):
        message = "The link leads outside the folder; copy what it points to, or remove it."
        index.problems.append(Problem("link-outside", "error", path, message))
        return False
    message = "A link inside the folder: what it leads to is stored as a copy."
    index.problems.append(Problem("link", "warning", path, message))
    return True
