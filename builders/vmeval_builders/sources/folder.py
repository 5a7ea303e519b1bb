"""A folder on disk as a source: how its files are found and read."""

from __future__ import annotations

import errno
import os
import stat
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

from vmeval_builders.entries import FILE_LIMIT_BYTES, FileEntry
from vmeval_builders.errors import FolderChangedError
from vmeval_builders.file_list import FileList
from vmeval_builders.folder_list import FolderList
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

    Returns:
        Its files, by path order.
    """
    walk = _Walk(root)
    walk.enter("", root.stat().st_mtime_ns, (), str(root))
    # Not by recursion: folders may lie in each other deeper than Python calls functions.
    while walk.open_folders:
        walk.go_on()
    return Index(Folder(root), walk.files, walk.folders(), walk.problems)


class _Found(NamedTuple):
    """What a folder holds at a name: a file, or a folder, whose name here ends in ``/`` so that it is sorted as paths are.

    Attributes:
        name: The name.
        mtime_ns: The modification time.
        size_bytes: A file's size; -1 for a folder.
        real: The real path of a folder that a link leads to; empty where it is no link.
    """

    name: str
    mtime_ns: int
    size_bytes: int
    real: str = ""


class _Walk:
    """Goes through a folder by path order.

    Attributes:
        files: The files that were found.
        problems: What cannot be kept.
        open_folders: The folders that lead to where the walk is: the path of each, what of it is to come, the last first,
            and the real paths of the folders that lead to it, and its own.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: list[str] = []
        self._counts, self._mtimes_ns = array("q"), array("q")
        self.files = FileList()
        self.problems: list[Problem] = []
        self.open_folders: list[tuple[str, list[_Found], tuple[str, ...]]] = []

    def folders(self) -> FolderList:
        """Give the folders that were found."""
        return FolderList(self._folders, self._counts, self._mtimes_ns)

    def enter(self, folder: str, mtime_ns: int, above: tuple[str, ...], real: str) -> None:
        """Look into a folder."""
        try:
            with os.scandir(f"{self._root}/{folder}") as entries:
                listed = list(entries)
        except OSError as error:
            self.problems.append(Problem.unreadable(folder, error))
            return
        self._folders.append(folder)
        self._counts.append(len(listed))
        self._mtimes_ns.append(mtime_ns)
        above = (*above, real)
        under = f"{folder}/" if folder else ""
        found = []
        for entry in listed:
            try:
                # Most entries are such, so that nothing is called for them that can be left out.
                if entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    if status.st_size <= FILE_LIMIT_BYTES:
                        found.append(_Found(entry.name, status.st_mtime_ns, status.st_size))
                        continue
                if one := self._look_at(entry, under + entry.name, above):
                    found.append(one)
            except OSError as error:
                self.problems.append(Problem.unreadable(under + entry.name, error))
        found.sort(reverse=True)
        self.open_folders.append((folder, found, above))

    def go_on(self) -> None:
        """Take in the files of the folder where the walk is, up to the next folder in it, and enter that."""
        folder, coming, above = self.open_folders[-1]
        run = []
        while coming and coming[-1].size_bytes >= 0:
            run.append(coming.pop())
        if run:
            names, mtimes_ns, sizes_bytes, _ = zip(*run, strict=True)
            self.files.add_run(folder, names, sizes_bytes, mtimes_ns)
        if not coming:
            self.open_folders.pop()
            return
        one = coming.pop()
        name = one.name.removesuffix("/")
        path = f"{folder}/{name}" if folder else name
        self.enter(path, one.mtime_ns, above, one.real or f"{above[-1]}/{name}")

    def _look_at(self, entry: os.DirEntry[str], path: str, above: tuple[str, ...]) -> _Found | None:
        """Look at what is no plain file: give the file or folder that is meant, if there is one."""
        linked = entry.is_symlink()
        if linked and not self._link_stays_inside(entry, path):
            return None
        status = entry.stat()
        if stat.S_ISDIR(status.st_mode):
            real = os.path.realpath(entry.path) if linked else f"{above[-1]}/{entry.name}"
            if real not in above:
                return _Found(f"{entry.name}/", status.st_mtime_ns, -1, real if linked else "")
            message = "The link leads to a folder above itself, so that the folder has no end; remove it."
            self.problems.append(Problem("link-loop", "error", path, message))
        elif not stat.S_ISREG(status.st_mode):
            message = "Neither a file nor a folder (a pipe, socket or device); remove it."
            self.problems.append(Problem("not-a-file", "error", path, message))
        elif status.st_size > FILE_LIMIT_BYTES:
            self.problems.append(Problem.too_large(path, status.st_size, FILE_LIMIT_BYTES))
        else:
            return _Found(entry.name, status.st_mtime_ns, status.st_size)
        return None

    def _link_stays_inside(self, entry: os.DirEntry[str], path: str) -> bool:
        real = Path(os.path.realpath(entry.path))
        if not real.is_relative_to(self._root):
            message = "The link leads outside the folder; copy what it points to, or remove it."
            self.problems.append(Problem("link-outside", "error", path, message))
            return False
        message = "A link inside the folder: what it leads to is stored as a copy."
        self.problems.append(Problem("link", "warning", path, message))
        return True
