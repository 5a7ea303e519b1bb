"""A folder of archives as a source: each archive is read as a stream, as if it had been unpacked where it lies."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from vmeval_builders.entries import FileEntry, FolderEntry
from vmeval_builders.problems import Problem
from vmeval_builders.sources.archive import GzipTarSource, TarSource, index_archive, index_object
from vmeval_builders.sources.folder import Folder
from vmeval_builders.sources.remote import Remote
from vmeval_builders.sources.source import Index, Source

#: The pass of what costs every worker the same to read: a file on disk, or in an archive that is not compressed.
ANYWHERE = -1
#: So many archives at a URL are listed at once; each is gone through from its start.
_LISTED_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Archives:
    """A folder with archives that stand for what is in them, as a `Source`.

    The archives' bytes are counted as if they lay one behind the other, so that one number says where a file is. A
    file's bytes never begin at 0 there, since a header stands before them: 0 is a file on disk.

    Attributes:
        folder: The folder itself, on disk or at a URL.
        starts: Where each archive begins, in order.
        archives: The archives, in the same order.
    """

    splits: ClassVar[bool] = True
    folder: Folder | Remote
    starts: tuple[int, ...]
    archives: tuple[TarSource, ...]

    @property
    def is_far(self) -> bool:
        """Whether every read is a request."""
        return self.folder.is_far

    def read(self, entry: FileEntry) -> bytes:
        """Read a file whole, as `Source.read` says."""
        source, within = self._part(entry)
        return source.read(within)

    def read_into(self, entry: FileEntry, place: memoryview) -> None:
        """Read a file whole into memory, as `Source.read_into` says."""
        source, within = self._part(entry)
        source.read_into(within, place)

    def head(self, entry: FileEntry, length: int) -> bytes:
        """Read the first bytes of a file, as `Source.head` says."""
        source, within = self._part(entry)
        return source.head(within, length)

    def fetch(self, entries: Iterable[FileEntry]) -> None:
        """Bring files at once, as `Source.fetch` says."""
        of_parts: dict[Source, list[FileEntry]] = defaultdict(list)
        for entry in entries:
            source, within = self._part(entry)
            of_parts[source].append(within)
        for source, some in of_parts.items():
            source.fetch(some)

    def pass_of(self, entry: FileEntry) -> int:
        """Give the number of the compressed archive that a file lies in; `ANYWHERE` where it is read by itself."""
        if not entry.offset:
            return ANYWHERE
        number = bisect_right(self.starts, entry.offset) - 1
        return number if isinstance(self.archives[number], GzipTarSource) else ANYWHERE

    def _part(self, entry: FileEntry) -> tuple[Source, FileEntry]:
        if not entry.offset:
            return self.folder, entry
        number = bisect_right(self.starts, entry.offset) - 1
        return self.archives[number], entry._replace(offset=entry.offset - self.starts[number])


def look_into_archives(index: Index, packed: Collection[str]) -> Index:
    """Put what is in the archives of a folder in their place, as ``tar xf`` beside each would.

    What an archive is called is kept nowhere; a warning for each says so.

    Args:
        index: What was found in a folder on disk or at a URL.
        packed: The paths of its archives that are looked into; any others stay files.

    Raises:
        ArchiveError: An archive is damaged or cut short.
        FolderChangedError: Something writes into one.
        OSError: One cannot be read.
    """
    folder = index.source
    assert isinstance(folder, Folder | Remote)
    files = [entry for entry in index.files if entry.path not in packed]
    times = {path: found.mtime_ns for path, found in index.folders.items()}
    problems = [one for one in index.problems if one.code != "too-large" or one.path not in packed]
    tags = dict(index.tags)
    starts, archives, start = [], [], 0
    for path, inside in _indices(folder, sorted(packed)):
        assert isinstance(inside.source, TarSource)
        above = path.rpartition("/")[0]
        files += [
            entry._replace(path=_below(above, entry.path), offset=start + entry.offset)
            for entry in inside.files
        ]
        times |= {
            _below(above, name): found.mtime_ns
            for name, found in inside.folders.items()
            if found.mtime_ns is not None or _below(above, name) not in times
        }
        problems += [
            Problem(one.code, one.severity, _below(above, one.path), one.message) for one in inside.problems
        ]
        problems.append(_looked_into(path))
        if "" in inside.tags:
            tags[path] = inside.tags[""]
        starts.append(start)
        archives.append(inside.source)
        start += inside.source.length_bytes
    return Index(
        Archives(folder, tuple(starts), tuple(archives)), files, _counted(files, times), problems, tags
    )


def _indices(folder: Folder | Remote, packed: Sequence[str]) -> Iterator[tuple[str, Index]]:
    """List the members of some archives."""
    if isinstance(folder, Folder):
        yield from ((path, index_archive(folder.root / path)) for path in packed)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_LISTED_AT_ONCE) as pool:
        yield from zip(
            packed, pool.map(index_object, (f"{folder.url}/{path}" for path in packed)), strict=True
        )


def _below(above: str, path: str) -> str:
    return f"{above}/{path}" if above and path else above or path


def _looked_into(path: str) -> Problem:
    message = "An archive: what is in it counts as unpacked here, and comes back unpacked."
    return Problem("archive", "warning", path, message)


def _counted(files: Sequence[FileEntry], times: dict[str, int | None]) -> dict[str, FolderEntry]:
    """Give every folder its time and its number of entries."""
    entries = Counter(entry.path.rpartition("/")[0] for entry in files)
    entries.update(path.rpartition("/")[0] for path in times if path)
    return {path: FolderEntry(entries[path], time) for path, time in times.items()}
