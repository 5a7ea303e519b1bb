"""Tar archives in place of a folder: members in any order, read where they lie, never unpacked to disk.

`tarfile` reads every header block (checksum, octal and binary numbers). What lies between the blocks is walked
here and not by `tarfile.open`, for that ends in silence at a damaged header or where an archive is cut short,
passes over damaged pax records, takes ``/`` for the root, and reads extension headers of any size.
"""

from __future__ import annotations

import os
import tarfile
import zlib
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from functools import cached_property
from io import BufferedReader
from pathlib import Path
from typing import ClassVar, NamedTuple

from vmeval_builders import layout
from vmeval_builders.entries import FILE_LIMIT_BYTES, FileEntry, FolderEntry, Source
from vmeval_builders.errors import ArchiveError, FolderChangedError
from vmeval_builders.problems import Problem

_SUFFIXES = (".tar", ".tar.gz", ".tgz")
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WBITS = 31
_BLOCK_BYTES = tarfile.BLOCKSIZE

#: Longer pax and GNU headers are refused: none that describes one file comes near, and they are read whole.
_EXTENSION_LIMIT_BYTES = 2**20
#: Linux's PATH_MAX. Every folder above a file is listed, so that a longer path would cost its length squared.
_PATH_LIMIT_BYTES = 4096
#: How much is read from disk, and given by zlib, at a time.
_COMPRESSED_BYTES = 2**15
_PIECE_BYTES = 2**18
#: How much of a damaged record a message shows.
_SHOWN_BYTES = 30
#: A state of zlib takes 40 kB and holds on to the last piece that was read from disk.
_CHECKPOINTS = 500
_CHECKPOINT_BYTES = 2**21

_LONG_NAME, _LONG_LINK = tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_PAX_GLOBAL = tarfile.XGLTYPE
_EXTENSIONS = (*_PAX, _PAX_GLOBAL, _LONG_NAME, _LONG_LINK)
_FILE_TYPES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_FOLDER_TYPE = tarfile.DIRTYPE
_SPARSE_TYPE = tarfile.GNUTYPE_SPARSE
_REFUSED = {
    tarfile.SYMTYPE: "A symbolic link; pack what it leads to (tar --dereference), or leave it out.",
    tarfile.LNKTYPE: "A hard link to another member; pack it as a file (tar --hard-dereference), or leave it out.",
    tarfile.CHRTYPE: "A device, not a file; leave it out.",
    tarfile.BLKTYPE: "A device, not a file; leave it out.",
    tarfile.FIFOTYPE: "A pipe, not a file; leave it out.",
    _SPARSE_TYPE: "A sparse file, whose holes are left out; pack it whole (tar without --sparse).",
}
_WITHOUT_DATA = (_FOLDER_TYPE, *(kind for kind in _REFUSED if kind != _SPARSE_TYPE))

# All other records are passed over and not held, so that no archive can fill the memory with them.
_PAX_NAME, _PAX_SIZE, _PAX_TIME = b"path", b"size", b"mtime"
_PAX_SPARSE_NAME = b"GNU.sparse.name"
_PAX_SPARSE = frozenset({_PAX_SPARSE_NAME, b"GNU.sparse.major", b"GNU.sparse.map", b"GNU.sparse.size"})
_PAX_USED = _PAX_SPARSE | {_PAX_NAME, _PAX_SIZE, _PAX_TIME}

_NANOSECOND = Decimal("1e-9")
#: Nanoseconds are held in 64 bits.
_TIME_LIMIT_SECONDS = 2**63 // 10**9


@dataclass(frozen=True, slots=True)
class ArchiveIndex:
    """What an archive holds.

    Attributes:
        files: Every file, in the archive's order; a name that comes twice is there twice.
        folders: Every folder by its path; ``""`` is the root. Its time is None where no member says it.
        problems: Members that are no files, too large, or folders with a bad name.
        source: Gives the bytes of the files.
    """

    files: list[FileEntry]
    folders: dict[str, FolderEntry]
    problems: list[Problem]
    source: Source


def is_archive(path: Path) -> bool:
    """Say whether a path is a file that is called ``.tar``, ``.tar.gz`` or ``.tgz``, in any case of letters."""
    return path.name.lower().endswith(_SUFFIXES) and path.is_file()


def index_archive(path: Path) -> ArchiveIndex:
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
        archive = ArchiveFile(path, status.st_size, status.st_mtime_ns)
        if file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC:
            compressed = GzipTarSource(archive)
            return _index(compressed.stream, compressed)
        file.seek(0)
        return _index(_PlainStream(archive, file), TarSource(archive))


# Sources


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """An archive on disk, and what it was when its members were listed."""

    path: Path
    size_bytes: int
    mtime_ns: int

    def read(self, offset: int, length: int) -> bytes:
        """Read bytes as they are on disk, fewer at the end only.

        Raises:
            FolderChangedError: It is not what it was when its members were listed.
            OSError: It cannot be read.
        """
        # Opened anew each time: an open file could neither be pickled nor be shared by forked processes.
        with self.path.open("rb") as file:
            self.check(os.fstat(file.fileno()))
            file.seek(offset)
            return file.read(length)

    def check(self, status: os.stat_result) -> None:
        """Refuse an archive that was written since its members were listed.

        Raises:
            FolderChangedError: It was.
        """
        if (status.st_size, status.st_mtime_ns) != (self.size_bytes, self.mtime_ns):
            raise FolderChangedError(
                f"{self.path}: had {self.size_bytes} bytes when its files were listed, now has {status.st_size} "
                "and was written since; run again when nothing writes into the archive"
            )


@dataclass(frozen=True)
class TarSource:
    """A tar archive, as a `Source`.

    Attributes:
        archive: The archive on disk.
        splits: Whether several processes can read it at once about as fast as each alone.
    """

    archive: ArchiveFile
    splits: ClassVar[bool] = True

    def read(self, entry: FileEntry) -> bytes:
        """Read a file whole, as `Source.read` says."""
        content = self._read(entry, entry.size_bytes)
        if len(content) != entry.size_bytes:
            raise FolderChangedError(
                f"{self.archive.path}: {entry.path} had {entry.size_bytes} bytes and now has {len(content)}; "
                "run again when nothing writes into the archive"
            )
        return content

    def head(self, entry: FileEntry, length: int) -> bytes:
        """Read the first bytes of a file, as `Source.head` says."""
        return self._read(entry, min(length, entry.size_bytes))

    def _read(self, entry: FileEntry, length: int) -> bytes:
        return self.archive.read(entry.offset, length)


@dataclass(frozen=True)
class GzipTarSource(TarSource):
    """A tar archive that is compressed with gzip, as a `Source` for one thread.

    Reading in the archive's order costs what decompressing it once does; a step back, or far ahead, starts at
    the nearest checkpoint. A copy that was sent to another process has none of these until it has read as far,
    so that every process that reads from it decompresses all that lies before.
    """

    splits: ClassVar[bool] = False

    @cached_property
    def stream(self) -> GzipStream:
        """The decompressed archive."""
        return GzipStream(self.archive)

    def __getstate__(self) -> dict[str, object]:
        """Leave the stream behind: a state of zlib cannot be pickled."""
        return {"archive": self.archive}

    def _read(self, entry: FileEntry, length: int) -> bytes:
        self.archive.check(self.archive.path.stat())
        self.stream.seek(entry.offset)
        return self.stream.read(length)


# Streams


class _Stream(ABC):
    """The bytes of a tar archive, and what to say where they are not as they should be.

    Attributes:
        archive: The archive that has them.
        position: Where the next byte to be read is.
    """

    def __init__(self, archive: ArchiveFile) -> None:
        self.archive = archive
        self.position = 0

    @abstractmethod
    def read(self, length: int) -> bytes:
        """Read on, fewer bytes at the end only."""

    @abstractmethod
    def seek(self, position: int) -> None:
        """Go to a position, or to the end where that comes first."""

    def exactly(self, length: int, expected: str) -> bytes:
        content = self.read(length)
        if len(content) < length:
            raise self.cut_short(expected)
        return content

    def cut_short(self, expected: str) -> ArchiveError:
        return self.damaged(f"is cut short at byte {self.position}: expected {expected}")

    def damaged(self, found: str, what_to_do: str = "fetch or pack it again") -> ArchiveError:
        return ArchiveError(f"{self.archive.path}: {found}; {what_to_do}")


class _PlainStream(_Stream):
    """The bytes of an open file."""

    def __init__(self, archive: ArchiveFile, file: BufferedReader) -> None:
        super().__init__(archive)
        self._file = file

    def read(self, length: int) -> bytes:
        content = self._file.read(length)
        self.position += len(content)
        return content

    def seek(self, position: int) -> None:
        self.position = self._file.seek(min(position, self.archive.size_bytes))


class _Checkpoint(NamedTuple):
    """Where decompressing can start.

    Attributes:
        position: Among the decompressed bytes.
        compressed: Where the next compressed byte is in the file.
        state: A state of zlib that stays as it is.
    """

    position: int
    compressed: int
    state: zlib._Decompress


class GzipStream(_Stream):
    """The decompressed bytes of gzip data, to be read from any place on; several members are one stream.

    Reading and seeking raise an ArchiveError where the data are damaged or cut short, a FolderChangedError where
    the archive was written since it was listed, and an OSError where it cannot be read.
    """

    def __init__(self, archive: ArchiveFile) -> None:
        super().__init__(archive)
        self._spacing_bytes = _CHECKPOINT_BYTES
        self._checkpoints = [_Checkpoint(0, 0, zlib.decompressobj(_GZIP_WBITS))]
        self._return_to(self._checkpoints[0])

    def read(self, length: int) -> bytes:
        """Read on, fewer bytes at the end only."""
        pieces = []
        while length and (piece := self._next_piece(length)):
            pieces.append(piece)
            length -= len(piece)
        return b"".join(pieces)

    def seek(self, position: int) -> None:
        """Go to a position, or to the end where that comes first."""
        after = bisect_right(self._checkpoints, position, key=lambda checkpoint: checkpoint.position)
        nearest = self._checkpoints[after - 1]
        if not nearest.position <= self.position <= position:
            self._return_to(nearest)
        while self.position < position and self._next_piece(position - self.position):
            pass

    def _return_to(self, checkpoint: _Checkpoint) -> None:
        self.position = checkpoint.position
        self._state = checkpoint.state.copy()
        self._compressed = checkpoint.compressed
        self._pending = b""

    def _next_piece(self, limit: int) -> bytes:
        """Decompress a few bytes; none at the end only."""
        piece = b""
        while not piece:
            if self._state.eof and not self._begin_member():
                return b""
            if not self._pending and not self._fill():
                raise self.cut_short(f"more gzip data than {self._compressed} bytes")
            piece = self._decompress(min(limit, _PIECE_BYTES))
        self.position += len(piece)
        self._set_checkpoint()
        return piece

    def _decompress(self, limit: int) -> bytes:
        try:
            piece = self._state.decompress(self._pending, limit)
        except zlib.error as error:
            near = self._compressed - len(self._pending)
            raise self.damaged(f"has damaged gzip data near its byte {near} ({error})") from error
        self._pending = self._state.unused_data if self._state.eof else self._state.unconsumed_tail
        return piece

    def _begin_member(self) -> bool:
        """Go on behind the end of a gzip member and the zeros that may pad it; False at the end of the file."""
        self._pending = self._pending.lstrip(b"\0")
        while not self._pending:
            if not self._fill():
                return False
            self._pending = self._pending.lstrip(b"\0")
        self._state = zlib.decompressobj(_GZIP_WBITS)
        return True

    def _fill(self) -> bool:
        self._pending = self.archive.read(self._compressed, _COMPRESSED_BYTES)
        self._compressed += len(self._pending)
        return bool(self._pending)

    def _set_checkpoint(self) -> None:
        if self.position < self._checkpoints[-1].position + self._spacing_bytes:
            return
        compressed = self._compressed - len(self._pending)
        self._checkpoints.append(_Checkpoint(self.position, compressed, self._state.copy()))
        if len(self._checkpoints) > _CHECKPOINTS:
            del self._checkpoints[1::2]
            self._spacing_bytes *= 2


# Members


class _Member(NamedTuple):
    """A member as its headers describe it; `kind` is its type flag."""

    name: str
    kind: bytes
    size_bytes: int
    mtime_ns: int
    offset: int


def _members(stream: _Stream) -> Iterator[_Member]:
    """Walk the headers from the first to the end mark, and see that nothing follows that."""
    everywhere: dict[bytes, bytes] = {}
    while (member := _next_member(stream, everywhere)) is not None:
        yield member
    while rest := stream.read(_PIECE_BYTES):
        if data := rest.lstrip(b"\0"):
            raise stream.damaged(
                f"has data at byte {stream.position - len(data)}, behind its end mark: expected zeros only",
                "pack archives that were written behind each other as one",
            )


def _next_member(stream: _Stream, everywhere: dict[bytes, bytes]) -> _Member | None:
    """Read the headers of one member and pass over its data; None at the end mark.

    Args:
        stream: Stands before the headers, then behind the data.
        everywhere: The pax records that count for all members that follow; is added to.
    """
    own: dict[bytes, bytes] = {}
    announced = False
    while (header := _next_header(stream)) is not None:
        if header.kind not in _EXTENSIONS:
            return _described(stream, header, {**everywhere, **own})
        body = _extension(stream, header)
        if header.kind == _PAX_GLOBAL:
            everywhere.update(_pax_records(stream, body))
            continue
        announced = True
        if header.kind in _PAX:
            own.update(_pax_records(stream, body))
        elif header.kind == _LONG_NAME:
            own.setdefault(_PAX_NAME, body.partition(b"\0")[0])
    if announced:
        at = stream.position - _BLOCK_BYTES
        raise stream.damaged(f"ends at byte {at}: expected the file that the header before describes")
    return None


class _Header(NamedTuple):
    """One header block.

    Attributes:
        name: What its name fields say, all slashes included.
        kind: The type flag.
        size_bytes: The size of what follows it.
        mtime_seconds: The time it states.
        continues: Whether a sparse file's map goes on in the next block.
    """

    name: bytes
    kind: bytes
    size_bytes: int
    mtime_seconds: int
    continues: bool


def _next_header(stream: _Stream) -> _Header | None:
    """Read a header block; None for a block of zeros, the end mark."""
    at = stream.position
    block = stream.exactly(_BLOCK_BYTES, "another file or the end mark (512 zero bytes)")
    if not any(block):
        return None
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        what = "is damaged" if at else "is no tar archive, or is damaged"
        expected = "expected the header of a file or the end mark"
        raise stream.damaged(f"{what} at byte {at} ({error}): {expected}") from error
    if info.size < 0:
        raise stream.damaged(f"states a size of {info.size} at byte {at}: expected 0 or more")
    # tarfile takes what GNU tar's incremental archives hold in the place of the prefix for one, and drops a
    # folder's trailing slashes, so that "/" would be the root.
    name, prefix = (field.partition(b"\0")[0] for field in (block[:100], block[345:500]))
    if prefix and block[257:263] == b"ustar\0":
        name = prefix + b"/" + name
    continues = info.type == _SPARSE_TYPE and block[482] != 0
    return _Header(name, info.type, info.size, int(info.mtime), continues)


def _described(stream: _Stream, header: _Header, stated: dict[bytes, bytes]) -> _Member:
    """Put header and pax records together, and pass over the member's data."""
    at = stream.position - _BLOCK_BYTES
    name = stated.get(_PAX_SPARSE_NAME, stated.get(_PAX_NAME, header.name))
    if len(name) > _PATH_LIMIT_BYTES:
        found = f"has a path of {len(name)} bytes at byte {at}: expected {_PATH_LIMIT_BYTES} at most"
        raise stream.damaged(found, "give the file a shorter path")
    size_bytes = _size(stream, stated[_PAX_SIZE]) if _PAX_SIZE in stated else header.size_bytes
    mtime_ns = _time_ns(stream, stated.get(_PAX_TIME, header.mtime_seconds))
    continues = header.continues
    while continues:
        continues = stream.exactly(_BLOCK_BYTES, "the rest of a sparse file's map")[504] != 0
    offset = stream.position
    if header.kind not in _WITHOUT_DATA:
        end = offset + _whole_blocks(size_bytes)
        stream.seek(end)
        if stream.position < end:
            raise stream.cut_short(f"data of a file up to byte {end}")
    return _Member(
        name.decode("utf-8", "surrogateescape"),
        header.kind if _PAX_SPARSE.isdisjoint(stated) else _SPARSE_TYPE,
        size_bytes,
        mtime_ns,
        offset,
    )


def _extension(stream: _Stream, header: _Header) -> bytes:
    if header.size_bytes > _EXTENSION_LIMIT_BYTES:
        found = f"has an extension header of {header.size_bytes} bytes before byte {stream.position}"
        raise stream.damaged(f"{found}: expected {_EXTENSION_LIMIT_BYTES} at most")
    body = stream.exactly(_whole_blocks(header.size_bytes), "the rest of an extension header")
    return body[: header.size_bytes]


def _pax_records(stream: _Stream, body: bytes) -> dict[bytes, bytes]:
    """Read records such as ``30 mtime=1763923281.068030123``, and give those that are of use."""
    records = {}
    body = body.rstrip(b"\0")
    start = 0
    while start < len(body):
        length, _, _ = body[start : start + len(str(_EXTENSION_LIMIT_BYTES)) + 1].partition(b" ")
        end = start + int(length) if length.isdigit() else 0
        keyword, equals, value = body[start + len(length) + 1 : end].partition(b"=")
        if not (equals and end <= len(body) and value.endswith(b"\n")):
            found = f"has a damaged extension header before byte {stream.position}"
            record = body[start : start + _SHOWN_BYTES]
            raise stream.damaged(f"{found}: expected LENGTH KEYWORD=VALUE, found {record!r}")
        if keyword in _PAX_USED:
            records[keyword] = value[:-1]
        start = end
    return records


def _size(stream: _Stream, stated: bytes) -> int:
    if not (stated.isdigit() and len(stated) < 20):
        found = f"states a size of {stated[:_SHOWN_BYTES]!r} before byte {stream.position}"
        raise stream.damaged(f"{found}: expected digits")
    return int(stated)


def _time_ns(stream: _Stream, stated: bytes | int) -> int:
    """Give exact nanoseconds; a float would lose the last digits."""
    try:
        seconds = Decimal(stated if isinstance(stated, int) else stated.decode("ascii"))
    except (InvalidOperation, UnicodeDecodeError):
        seconds = Decimal("NaN")
    if not (seconds.is_finite() and -_TIME_LIMIT_SECONDS < seconds < _TIME_LIMIT_SECONDS):
        shown = stated if isinstance(stated, int) else repr(stated[:_SHOWN_BYTES])
        found = f"states a modification time of {shown} before byte {stream.position}"
        raise stream.damaged(f"{found}: expected seconds since 1970")
    return int(seconds.quantize(_NANOSECOND, ROUND_FLOOR).scaleb(9))


def _whole_blocks(size_bytes: int) -> int:
    return -(-size_bytes // _BLOCK_BYTES) * _BLOCK_BYTES


# Index


def _index(stream: _Stream, source: Source) -> ArchiveIndex:
    found = _Found()
    for member in _members(stream):
        found.take_in(member)
    folders = {path: FolderEntry(found.entries[path], time) for path, time in found.times.items()}
    return ArchiveIndex(found.files, folders, found.problems + list(_bad_folders(folders)), source)


def _bad_folders(folders: dict[str, FolderEntry]) -> Iterator[Problem]:
    """Report folders that are members and not empty: no one else looks at their names."""
    for path, folder in folders.items():
        if path and folder.entries and folder.mtime_ns is not None and (reason := layout.path_problem(path)):
            yield _bad_name(path, reason)


def _bad_name(path: str, reason: str) -> Problem:
    return Problem("bad-name", "error", path, f"The path {reason}.")


@dataclass(slots=True)
class _Found:
    """Files, folders' times and their numbers of entries, and problems, up to a member."""

    files: list[FileEntry] = field(default_factory=list)
    times: dict[str, int | None] = field(default_factory=lambda: {"": None})
    entries: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    def take_in(self, member: _Member) -> None:
        if member.kind == _FOLDER_TYPE:
            self._take_in_folder(member)
            return
        path = _without_dots(member.name)
        self._count(path)
        if member.kind not in _FILE_TYPES:
            message = _REFUSED.get(
                member.kind, f"Neither a file nor a folder (type {member.kind!r}); leave it out."
            )
            self.problems.append(Problem("not-a-file", "error", path, message))
        elif member.size_bytes > FILE_LIMIT_BYTES:
            message = (
                f"The file has {member.size_bytes} bytes; a table's cell holds {FILE_LIMIT_BYTES} at most."
            )
            self.problems.append(Problem("too-large", "error", path, message))
        else:
            self.files.append(FileEntry(path, member.size_bytes, member.mtime_ns, member.offset))

    def _take_in_folder(self, member: _Member) -> None:
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
