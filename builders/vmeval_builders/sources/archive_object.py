"""An archive at a URL: no more of it is brought than is read, and none of it is written to this disk."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from vmeval_builders.errors import FolderChangedError, RemoteReadError
from vmeval_builders.sources.parts import together
from vmeval_builders.sources.tar_streams import Stream
from vmeval_builders.sources.urls import bring, fetched, look, tag_of, told

#: How much is brought at once: where reading goes on, and where a single header is looked at.
_MOST_BYTES = 2**23
_LEAST_BYTES = 2**16
#: To bring what lies between two headers takes no longer than another request, up to this.
_GAP_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class ArchiveObject:
    """An archive at a URL, as an `Archive`.

    Attributes:
        url: Its URL.
        size_bytes: Its size when it was listed.
        tag: What the store said of it then, and changes when it does.
    """

    is_far: ClassVar[bool] = True
    url: str
    size_bytes: int
    tag: str

    def __str__(self) -> str:
        """Give its URL."""
        return self.url

    @property
    def ahead_bytes(self) -> tuple[int, int]:
        """How much is read at a time, as `Archive.ahead_bytes` says."""
        return _LEAST_BYTES, _MOST_BYTES

    def read(self, offset: int, length: int) -> bytes:
        """Read bytes as they are in the store, as `Archive.read` says."""
        end = min(offset + length, self.size_bytes)
        if end <= offset:
            return b""
        content = fetched.pop((self, offset), memoryview(b""))
        if not isinstance(content, BaseException) and len(content) < end - offset:
            content = self._bring([(offset, end)])[0]
        if isinstance(content, BaseException):
            # Perhaps because it is another by now, and shorter.
            self.check()
            raise told(self.url, content)
        if len(content) < end - offset:
            self.check()
            raise RemoteReadError(
                f"{self.url}: {len(content)} bytes came of {end - offset} at byte {offset}; run again"
            )
        return bytes(content[: end - offset])

    def read_into(self, offset: int, place: memoryview) -> int:
        """Read bytes as they are in the store into memory, as `Archive.read_into` says."""
        content = self.read(offset, len(place))
        place[: len(content)] = content
        return len(content)

    def fetch(self, parts: Iterable[tuple[int, int]]) -> None:
        """Bring parts (offset and length) at once, near ones together, to be read afterwards."""
        wanted = sorted((offset, offset + length) for offset, length in parts if length)
        spans = list(together(wanted))
        starts = [start for start, _ in spans]
        contents = self._bring(spans)
        for offset, end in wanted:
            number = bisect_right(starts, offset) - 1
            content, start = contents[number], starts[number]
            if not isinstance(content, BaseException):
                content = content[offset - start : end - start]
            fetched[self, offset] = content

    def check(self) -> None:
        """Ask the store whether it is what it was, as `Archive.check` says."""
        about = look(self.url)
        if (about["size"], tag_of(about)) != (self.size_bytes, self.tag):
            raise FolderChangedError(
                f"{self.url}: had {self.size_bytes} bytes when its files were listed, now has {about['size']} "
                "and was written since; run again when nothing writes there"
            )

    def _bring(self, spans: list[tuple[int, int]]) -> list[memoryview | BaseException]:
        above, _, name = self.url.rpartition("/")
        return bring(above, [(name, start, end) for start, end in spans])


class ObjectStream(Stream):
    """The bytes of an archive at a URL, brought in windows, which grow while one follows the other.

    Between large files only the headers are brought so, and small ones are read over.
    """

    def __init__(self, archive: ArchiveObject) -> None:
        super().__init__(archive)
        self._start, self._window, self._next_bytes = 0, b"", _LEAST_BYTES

    def read(self, length: int) -> bytes:
        """Read on, fewer bytes at the end only."""
        end = min(self.position + length, self.archive.size_bytes)
        window_end = self._start + len(self._window)
        if not self._start <= self.position <= end <= window_end:
            goes_on = self._start <= self.position <= window_end + _GAP_BYTES
            self._next_bytes = min(2 * self._next_bytes, _MOST_BYTES) if goes_on else _LEAST_BYTES
            self._window = self.archive.read(self.position, max(length, self._next_bytes))
            self._start = self.position
        content = self._window[self.position - self._start : end - self._start]
        self.position = end
        return content

    def seek(self, position: int) -> None:
        """Go to a position, or to the end where that comes first."""
        self.position = min(position, self.archive.size_bytes)
