"""A folder of archives as a source: each archive is read as a stream, as if it had been unpacked where it lies."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from vmeval_builders.entries import FileEntry
from vmeval_builders.file_list import FileList
from vmeval_builders.folder_list import FolderList
from vmeval_builders.problems import Problem
from vmeval_builders.sources.archive import GzipTarSource, TarSource, index_archive, index_object
from vmeval_builders.sources.folder import Folder
from vmeval_builders.sources.remote import Remote
from vmeval_builders.sources.source import ANYWHERE, Index, Run, Source, run_here

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
    in_passes: ClassVar[bool] = True
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


def look_into_archives(index: Index, packed: Collection[str], run: Run = run_here) -> Index:
    """Put what is in the archives of a folder in their place, as ``tar xf`` beside each would.

    What an archive is called is kept nowhere; a warning for each says so.

    Args:
        index: What was found in a folder on disk or at a URL.
        packed: The paths of its archives that are looked into; any others stay files.
        run: Goes through the archives of a folder on disk.

    Raises:
        ArchiveError: An archive is damaged or cut short.
        FolderChangedError: Something writes into one.
        OSError: One cannot be read.
    """
    folder = index.source
    assert isinstance(folder, Folder | Remote)
    own = FileList.of([entry for entry in index.files if entry.path not in packed])
    files, folders = [(own, 0)], [_with_files(own, FolderList.of(index.folders))]
    problems = [one for one in index.problems if one.code != "too-large" or one.path not in packed]
    tags = dict(index.tags)
    starts, archives, start = [], [], 0
    for path, inside in zip(sorted(packed), _indices(folder, sorted(packed), run), strict=True):
        assert isinstance(inside.source, TarSource)
        files.append((FileList.of(inside.files), start))
        folders.append(FolderList.of(inside.folders))
        problems += [*inside.problems, _looked_into(path)]
        if "" in inside.tags:
            tags[path] = inside.tags[""]
        starts.append(start)
        archives.append(inside.source)
        start += inside.source.length_bytes
        del inside
    source = Archives(folder, tuple(starts), tuple(archives))
    return Index(source, FileList.merged(files), FolderList.merged(folders), problems, tags)


@dataclass(frozen=True, slots=True)
class _Packed:
    """An archive that is to be looked into.

    Attributes:
        place: Where it lies, on disk or at a URL.
        above: The folder that it lies in, relative to that which is looked into.
    """

    place: Path | str
    above: str


def _indices(folder: Folder | Remote, packed: Sequence[str], run: Run) -> Iterator[Index]:
    """List the members of some archives."""
    above = [path.rpartition("/")[0] for path in packed]
    if isinstance(folder, Folder):
        places = [folder.root / path for path in packed]
        work_bytes = sum(place.stat().st_size for place in places)
        yield from run(_look_into, list(map(_Packed, places, above)), work_bytes)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_LISTED_AT_ONCE) as pool:
        yield from pool.map(_look_into, map(_Packed, (f"{folder.url}/{path}" for path in packed), above))


def _look_into(job: _Packed) -> Index:
    """List the members of an archive, at the paths that they have beside it; of folders' entries, count the files."""
    inside = index_archive(job.place) if isinstance(job.place, Path) else index_object(job.place)
    above = job.above
    inside.files = files = FileList.of(inside.files).moved(above)
    folders = FolderList.of(inside.folders)
    inside.folders = _with_files(
        files, folders.called(lambda path: _below(above, path)) if above else folders
    )
    inside.problems = [
        Problem(one.code, one.severity, _below(above, one.path), one.message) for one in inside.problems
    ]
    return inside


def _below(above: str, path: str) -> str:
    return f"{above}/{path}" if above and path else above or path


def _looked_into(path: str) -> Problem:
    message = "An archive: what is in it counts as unpacked here, and comes back unpacked."
    return Problem("archive", "warning", path, message)


def _with_files(files: FileList, folders: FolderList) -> FolderList:
    """Count the files that lie directly in each folder."""
    entries: Counter[str] = Counter()
    for folder, names in files.by_runs():
        entries[folder] += len(names)
    return folders.counted(entries.__getitem__)
