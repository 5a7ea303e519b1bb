"""A file far away that is read in parts, with as few requests as its reader allows."""

from __future__ import annotations

import io
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from vmeval_builders.errors import FolderChangedError
from vmeval_builders.sources.urls import reach, told

if TYPE_CHECKING:
    from typing_extensions import Buffer

#: A file of at most this size is brought whole by the first read.
WHOLE_BYTES = 64 * 1024
#: Parts with no more than this between them are brought in one request.
_GAP_BYTES = 64 * 1024


class PartsFile(io.RawIOBase):
    """A file of known size, so that opening it asks for nothing.

    Args:
        size_bytes: The file's size.
    """

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._position = 0
        self._parts: list[tuple[int, memoryview]] = []

    @abstractmethod
    def bring(self, start: int, end: int) -> bytes:
        """Bring one part, whole."""

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; nothing is asked for."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size_bytes}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """Say where the next read begins."""
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes; all that follow where it is below zero."""
        end = self.size_bytes if size is None or size < 0 else min(self._position + size, self.size_bytes)
        start = self._position
        if start >= end:
            return b""
        kept = self._kept(start, end)
        if kept is None:
            self.prefetch([(start, end)])
            kept = self._kept(start, end)
        self._position = end
        return bytes(kept or b"")

    def readinto(self, place: Buffer) -> int:
        """Read into memory, as much as it holds."""
        view = memoryview(place).cast("B")
        content = self.read(view.nbytes)
        view[: len(content)] = content
        return len(content)

    def prefetch(self, parts: Iterable[tuple[int, int]]) -> None:
        """Bring some parts for the reads that follow, near ones together; what was kept before is forgotten.

        Args:
            parts: Where they begin and end.
        """
        parts = sorted(parts)
        if all(self._kept(*part) is not None for part in parts):
            return
        if self.size_bytes <= WHOLE_BYTES:
            parts = [(0, self.size_bytes)]
        self._parts = [(start, memoryview(self.bring(start, end))) for start, end in together(parts)]

    def _kept(self, start: int, end: int) -> memoryview | None:
        for first, content in self._parts:
            if first <= start and end <= first + len(content):
                return content[start - first : end - first]
        return None


class ObjectFile(PartsFile):
    """A file at a URL. It can be sent to other processes and machines.

    Args:
        url: Its URL.
        size_bytes: The size that a listing stated.
    """

    def __init__(self, url: str, size_bytes: int) -> None:
        super().__init__(size_bytes)
        self._folder, _, self._name = url.rpartition("/")

    def __reduce__(self) -> tuple[Any, ...]:
        """Send how to reach the file; what was read of it stays here."""
        return ObjectFile, (f"{self._folder}/{self._name}", self.size_bytes)

    def bring(self, start: int, end: int) -> bytes:
        """Bring one part.

        Raises:
            RemoteReadError: It cannot be read.
            FolderChangedError: It is gone, or shorter than it was.
        """
        system, root = reach(self._folder)
        try:
            content = bytes(system.cat_file(f"{root}/{self._name}", start=start, end=end))
        except Exception as error:
            raise told(f"{self._folder}/{self._name}", error) from error
        if len(content) != end - start:
            raise FolderChangedError(
                f"{self._folder}/{self._name}: had {self.size_bytes} bytes and now has fewer; "
                "run again when nothing writes there"
            )
        return content


def together(parts: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Join parts whose gap costs less to bring than another request."""
    begun: tuple[int, int] | None = None
    for start, end in parts:
        if begun is not None and start - begun[1] <= _GAP_BYTES:
            begun = begun[0], max(begun[1], end)
            continue
        if begun is not None:
            yield begun
        begun = start, end
    if begun is not None:
        yield begun
