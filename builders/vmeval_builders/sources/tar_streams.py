"""The bytes of a tar archive as a stream: as they lie there, or decompressed from gzip and read from any place on."""

from __future__ import annotations

import os
import zlib
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

from vmeval_builders.errors import ArchiveError, FolderChangedError

#: More than this is decompressed only of what is not packed better than `GZIP_FACTOR`: zeros reach 1,000, and images and
#: videos, of which archives of this kind are made, hardly 1.
GZIP_LIMIT_BYTES = 2**30
GZIP_FACTOR = 100

_GZIP_WBITS = 31
#: How much is read from disk, given to zlib, and given by it, at a time. zlib gets slower with more at once.
_AHEAD_BYTES = 2**19
_COMPRESSED_BYTES = 2**15
PIECE_BYTES = 2**18
#: A state of zlib takes 40 kB and holds on to the last piece that it was given.
_CHECKPOINTS = 500
_CHECKPOINT_BYTES = 2**21


class Archive(Protocol):
    """An archive as it was when its members were listed, wherever it lies; as a text it is its path or URL.

    Attributes:
        is_far: Whether every read is a request, so that several are made at once (`fetch`).
    """

    is_far: ClassVar[bool]

    @property
    def size_bytes(self) -> int:
        """How many bytes it has."""

    @property
    def ahead_bytes(self) -> tuple[int, int]:
        """How much is read at a time: after a step to elsewhere, and at most, where reading goes on."""

    def __hash__(self) -> int:
        """Go by where it lies and what it was."""

    def read(self, offset: int, length: int) -> bytes:
        """Read bytes as they lie there, fewer at the end only.

        Raises:
            FolderChangedError: It is not what it was when its members were listed.
            OSError: It cannot be read.
        """

    def read_into(self, offset: int, place: memoryview) -> int:
        """Read bytes into memory, and say how many there are; raises what `read` does."""

    def fetch(self, parts: Iterable[tuple[int, int]]) -> None:
        """Bring parts (offset and length) at once where it is far away, to be read afterwards."""

    def check(self) -> None:
        """Refuse an archive that was written since its members were listed.

        Raises:
            FolderChangedError: It was.
            OSError: It cannot be looked at.
        """


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """An archive on disk, as an `Archive`."""

    is_far: ClassVar[bool] = False
    path: Path
    size_bytes: int
    mtime_ns: int

    def __str__(self) -> str:
        """Give its path."""
        return str(self.path)

    @property
    def ahead_bytes(self) -> tuple[int, int]:
        """How much is read at a time, as `Archive.ahead_bytes` says."""
        return _AHEAD_BYTES, _AHEAD_BYTES

    def read(self, offset: int, length: int) -> bytes:
        """Read bytes as they are on disk, as `Archive.read` says."""
        content = bytearray(max(0, min(length, self.size_bytes - offset)))
        return bytes(content[: self.read_into(offset, memoryview(content))])

    def read_into(self, offset: int, place: memoryview) -> int:
        """Read bytes as they are on disk into memory, as `Archive.read_into` says."""
        # Opened anew each time: an open file could neither be pickled nor be shared by forked processes.
        descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            self._compare(os.fstat(descriptor))
            filled = 0
            while filled < len(place) and (more := _read_at(descriptor, offset + filled, place[filled:])):
                filled += more
            return filled
        finally:
            os.close(descriptor)

    def fetch(self, parts: Iterable[tuple[int, int]]) -> None:
        """Do nothing: a disk is read when it is read."""

    def check(self) -> None:
        """Refuse an archive that was written since its members were listed, as `Archive.check` says."""
        self._compare(self.path.stat())

    def _compare(self, status: os.stat_result) -> None:
        if (status.st_size, status.st_mtime_ns) != (self.size_bytes, self.mtime_ns):
            raise FolderChangedError(
                f"{self.path}: had {self.size_bytes} bytes when its files were listed, now has {status.st_size} "
                "and was written since; run again when nothing writes into the archive"
            )


def _read_at(descriptor: int, offset: int, place: memoryview) -> int:
    """Read from a place in a file into memory, as far as one call does; there is `os.preadv`, but on some systems."""
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [place], offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    content = os.read(descriptor, len(place))
    place[: len(content)] = content
    return len(content)


class Stream(ABC):
    """The bytes of a tar archive, and what to say where they are not as they should be.

    Attributes:
        archive: The archive that has them.
        position: Where the next byte to be read is.
    """

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.position = 0

    @abstractmethod
    def read(self, length: int) -> bytes:
        """Read on, fewer bytes at the end only."""

    @abstractmethod
    def seek(self, position: int) -> None:
        """Go to a position, or to the end where that comes first."""

    def exactly(self, length: int, expected: str) -> bytes:
        """Read on, and refuse an archive that ends before; `expected` says what should be there.

        Raises:
            ArchiveError: There are fewer bytes.
        """
        content = self.read(length)
        if len(content) < length:
            raise self.cut_short(expected)
        return content

    def cut_short(self, expected: str) -> ArchiveError:
        """Make the error of an archive that ends here, where there should be more."""
        return self.damaged(f"is cut short at byte {self.position}: expected {expected}")

    def damaged(self, found: str, what_to_do: str = "fetch or pack it again") -> ArchiveError:
        """Make the error of an archive that is not as it should be.

        Raises:
            FolderChangedError: Something writes into it, which is why.
        """
        self.archive.check()
        return ArchiveError(f"{self.archive}: {found}; {what_to_do}")


class PlainStream(Stream):
    """The bytes of an open file."""

    def __init__(self, archive: Archive, file: BufferedReader) -> None:
        super().__init__(archive)
        self._file = file

    def read(self, length: int) -> bytes:
        """Read on, fewer bytes at the end only."""
        content = self._file.read(length)
        self.position += len(content)
        return content

    def seek(self, position: int) -> None:
        """Go to a position, or to the end where that comes first."""
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


class GzipStream(Stream):
    """The decompressed bytes of gzip data, to be read from any place on; several members are one stream.

    Reading and seeking raise an ArchiveError where the data are damaged or cut short, a FolderChangedError where
    the archive was written since it was listed, and an OSError where it cannot be read.
    """

    def __init__(self, archive: Archive) -> None:
        super().__init__(archive)
        self._spacing_bytes = _CHECKPOINT_BYTES
        self._ahead, self._ahead_from, self._ahead_bytes = b"", 0, 0
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
            piece = self._decompress(min(limit, PIECE_BYTES))
        self.position += len(piece)
        if self.position > GZIP_LIMIT_BYTES and self.position > GZIP_FACTOR * self._compressed:
            raise self.damaged(
                f"unpacks to {self.position:,} bytes or more from its first {self._compressed:,}: expected "
                f"{GZIP_FACTOR} times as many at most",
                "pack it again from data that is meant",
            )
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
        at = self._compressed - self._ahead_from
        if not 0 <= at < len(self._ahead):
            least, most = self.archive.ahead_bytes
            goes_on = at == len(self._ahead)
            self._ahead_bytes = min(max(2 * self._ahead_bytes, least), most) if goes_on else least
            self._ahead_from = self._compressed
            self._ahead = self.archive.read(self._compressed, self._ahead_bytes)
            at = 0
        self._pending = self._ahead[at : at + _COMPRESSED_BYTES]
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
