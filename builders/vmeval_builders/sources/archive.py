"""Tar archives in place of a folder: members in any order, read where they lie, on disk or at a URL, never unpacked."""

from __future__ import annotations

import os
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, ClassVar

from vmeval_builders import paths
from vmeval_builders.entries import FILE_LIMIT_BYTES, FileEntry
from vmeval_builders.errors import FolderChangedError
from vmeval_builders.folder_list import FolderList
from vmeval_builders.gathered import Gathered
from vmeval_builders.problems import Problem
from vmeval_builders.sources.archive_object import ArchiveObject, ObjectStream
from vmeval_builders.sources.source import Index, Source
from vmeval_builders.sources.tar_members import FILE_TYPES, FOLDER_TYPE, SPARSE_TYPE, Member, members
from vmeval_builders.sources.tar_streams import Archive, ArchiveFile, GzipStream, PlainStream, Stream
from vmeval_builders.sources.urls import look, tag_of

#: The files of a million questions and their folders, with room; each takes about 500 bytes of memory.
MEMBERS_LIMIT = 2**23
#: Each holds up to 20 MB of checkpoints.
_STREAMS = 4
_GZIP_MAGIC = b"\x1f\x8b"
_REFUSED = {
    tarfile.SYMTYPE: "A symbolic link; pack what it leads to (tar --dereference), or leave it out.",
    tarfile.LNKTYPE: "A hard link to another member; pack it as a file (tar --hard-dereference), or leave it out.",
    tarfile.CHRTYPE: "A device, not a file; leave it out.",
    tarfile.BLKTYPE: "A device, not a file; leave it out.",
    tarfile.FIFOTYPE: "A pipe, not a file; leave it out.",
    SPARSE_TYPE: "A sparse file, whose holes are left out; pack it whole (tar without --sparse).",
}


def index_archive(path: Path) -> Index:
    """List the members of an archive, reading it to its end once; gzip is told by its first bytes.

    Args:
        path: A tar archive, compressed with gzip or not.

    Returns:
        Its files and folders. Names of files and of empty folders are as they stand and are not checked.

    Raises:
        ArchiveError: It is damaged or cut short, or no tar archive.
        FolderChangedError: Something writes into it.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        return _index_of(PlainStream(ArchiveFile(path, status.st_size, status.st_mtime_ns), file))


def is_compressed(path: Path) -> bool:
    """Say whether an archive is compressed with gzip.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return _begins_as_gzip(file)


def _begins_as_gzip(stream: Stream | BinaryIO) -> bool:
    return stream.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC


def index_object(url: str) -> Index:
    """List the members of an archive at a URL, as `index_archive` does; large files in a plain one are passed over.

    Raises:
        ArchiveError: It is damaged or cut short, or no tar archive.
        FolderChangedError: Something writes into it, or it is gone.
        RemoteReadError: It cannot be read.
    """
    about = look(url)
    archive = ArchiveObject(url, about["size"], tag_of(about))
    index = _index_of(ObjectStream(archive))
    index.tags[""] = archive.tag
    return index


def _index_of(plain: Stream) -> Index:
    archive = plain.archive
    if _begins_as_gzip(plain):
        stream = gzip_stream(archive)
        stream.seek(0)
        found = _index(stream, TarSource(archive))
        found.source = GzipTarSource(archive, stream.position)
        return found
    plain.seek(0)
    return _index(plain, TarSource(archive))


@dataclass(frozen=True)
class TarSource:
    """A tar archive, as a `Source`.

    Attributes:
        archive: The archive.
        splits: Whether several processes can read it at once about as fast as each alone.
    """

    archive: Archive
    splits: ClassVar[bool] = True
    in_passes: ClassVar[bool] = False

    @property
    def is_far(self) -> bool:
        """Whether every read is a request."""
        return self.archive.is_far

    @property
    def length_bytes(self) -> int:
        """How many bytes the archive has, decompressed."""
        return self.archive.size_bytes

    def read(self, entry: FileEntry) -> bytes:
        """Read a file whole, as `Source.read` says."""
        content = self._read(entry, entry.size_bytes)
        self._compare(entry, len(content))
        return content

    def read_into(self, entry: FileEntry, place: memoryview) -> None:
        """Read a file whole into memory, as `Source.read_into` says."""
        self._compare(entry, self.archive.read_into(entry.offset, place))

    def _compare(self, entry: FileEntry, size_bytes: int) -> None:
        if size_bytes != entry.size_bytes:
            raise FolderChangedError(
                f"{self.archive}: {entry.path} had {entry.size_bytes} bytes and now has {size_bytes}; "
                "run again when nothing writes into the archive"
            )

    def head(self, entry: FileEntry, length: int) -> bytes:
        """Read the first bytes of a file, as `Source.head` says."""
        return self._read(entry, min(length, entry.size_bytes))

    def fetch(self, entries: Iterable[FileEntry]) -> None:
        """Bring files at once, as `Source.fetch` says."""
        self.archive.fetch((entry.offset, entry.size_bytes) for entry in entries)

    def _read(self, entry: FileEntry, length: int) -> bytes:
        return self.archive.read(entry.offset, length)


@dataclass(frozen=True)
class GzipTarSource(TarSource):
    """A tar archive that is compressed with gzip, as a `Source` for one thread.

    Reading in the archive's order costs what decompressing it once does; a step back, or far ahead, starts at
    the nearest checkpoint. Another process has none of these, but what it was forked with, until it has read as
    far, so that every process that reads from it decompresses all that lies before.
    """

    splits: ClassVar[bool] = False
    decompressed_bytes: int = 0

    @property
    def is_far(self) -> bool:
        """It is read as a stream, wherever it lies."""
        return False

    @property
    def length_bytes(self) -> int:
        """How many bytes the archive has, decompressed."""
        return self.decompressed_bytes

    def read_into(self, entry: FileEntry, place: memoryview) -> None:
        """Read a file whole into memory, as `Source.read_into` says."""
        place[:] = self.read(entry)

    def _read(self, entry: FileEntry, length: int) -> bytes:
        if not self.archive.is_far:
            # Far away it would be a request for each file; that it stayed the same is seen when all were read.
            self.archive.check()
        stream = gzip_stream(self.archive)
        stream.seek(entry.offset)
        return stream.read(length)


@lru_cache(maxsize=_STREAMS)
def gzip_stream(archive: Archive) -> GzipStream:
    """Give the decompressed archive; a process keeps the last few, with their checkpoints."""
    return GzipStream(archive)


def _index(stream: Stream, source: Source) -> Index:
    found = _Found()
    for number, member in enumerate(members(stream)):
        if number == MEMBERS_LIMIT:
            raise stream.damaged(
                f"has more than {MEMBERS_LIMIT:,} members: expected that many at most", "pack it as several"
            )
        found.take_in(member)
    folders = FolderList(
        list(found.times), list(map(found.entries.__getitem__, found.times)), list(found.times.values())
    )
    return Index(source, found.files.by_path(), folders, found.problems + list(_bad_folders(folders)))


def _bad_folders(folders: FolderList) -> Iterator[Problem]:
    """Report folders that are members and not empty: no one else looks at their names."""
    for path, folder in folders.items():
        if path and folder.entries and folder.mtime_ns is not None and (reason := paths.path_problem(path)):
            yield _bad_name(path, reason)


def _bad_name(path: str, reason: str) -> Problem:
    return Problem("bad-name", "error", path, f"The path {reason}.")


@dataclass(slots=True)
class _Found:
    """Files, folders' times and their numbers of entries, and problems, up to a member."""

    files: Gathered = field(default_factory=Gathered)
    times: dict[str, int | None] = field(default_factory=lambda: {"": None})
    entries: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    def take_in(self, member: Member) -> None:
        if member.kind == FOLDER_TYPE:
            self._take_in_folder(member)
            return
        path = _without_dots(member.name)
        self._count(path)
        if member.kind not in FILE_TYPES:
            message = _REFUSED.get(
                member.kind, f"Neither a file nor a folder (type {member.kind!r}); leave it out."
            )
            self.problems.append(Problem("not-a-file", "error", path, message))
        elif member.size_bytes > FILE_LIMIT_BYTES:
            self.problems.append(Problem.too_large(path, member.size_bytes, FILE_LIMIT_BYTES))
        else:
            self.files.append(FileEntry(path, member.size_bytes, member.mtime_ns, member.offset))

    def _take_in_folder(self, member: Member) -> None:
        path = _without_dots(member.name.rstrip("/") or member.name)
        if not path:
            self.problems.append(_bad_name(path, "is empty"))
            return
        path = "" if path == "." else path
        if path not in self.times:
            self._count(path)
        self.times[path] = member.mtime_ns

    def _count(self, path: str) -> None:
        """Count a path in its folder, and that in its own, up to a folder that is known."""
        known = False
        while path and not known:
            path = path.rpartition("/")[0]
            self.entries[path] += 1
            known = path in self.times
            self.times.setdefault(path, None)


def _without_dots(name: str) -> str:
    while name.startswith("./"):
        name = name[2:]
    return name
