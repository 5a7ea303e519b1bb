"""A walked folder or archive as one side of a comparison: its files by path order, hashed where both sides have them."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import DIGEST_BYTES, digest_array, integer_array, integers, text_array
from vmeval_builders.arrow.listing import ROOT_FOLDER
from vmeval_builders.entries import FileEntry
from vmeval_builders.file_list import FileList as ScannedFiles
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.paths import is_text
from vmeval_builders.scan import Scan
from vmeval_builders.sources.folder import Folder, open_file
from vmeval_builders.sources.passes import runs
from vmeval_builders.sources.remote import read_ahead
from vmeval_builders.sources.source import Source
from vmeval_hfds.engine.pool import Engine, Progress
from vmeval_hfds.folder.sides import Near, exact_text
from vmeval_hfds.table.difference import FileList
from vmeval_hfds.table.merge import nearest
from vmeval_hfds.table.plan import plan_shards

_FILES_PER_JOB = 500
_PATHS_AT_ONCE = 2**15
#: What a scan finds and does not list as a file.
_UNREAD_CODES = frozenset({"unreadable", "link-outside", "link-loop", "not-a-file", "too-large"})


@dataclass(frozen=True, slots=True)
class _Job:
    source: Source
    files: Sequence[FileEntry]


@dataclass(frozen=True)
class FolderSide:
    """A walked folder or archive; what is compared with something is hashed.

    Attributes:
        scan: The folder.
        lists_all: Whether its folders and times are listed, as for a layout that keeps times; else only empty folders.
        engine: Where files are hashed.
        progress: Called with files hashed and files to hash.
    """

    scan: Scan
    lists_all: bool
    engine: Engine = field(default_factory=Engine)
    progress: Progress | None = None

    @property
    def name(self) -> str:
        """See `Side.name`."""
        return str(self.scan.root)

    @property
    def layout(self) -> Layout:
        """See `Side.layout`."""
        return self.scan.layout

    @cached_property
    def unlisted(self) -> frozenset[str]:
        """See `Side.unlisted`: links that lead outside, pipes, and names that are no text."""
        unread = {problem.path for problem in self.scan.problems if problem.code in _UNREAD_CODES}
        names = chain(self.scan.files.paths(), (f"{path}/" for path in self.scan.empty_folders))
        return frozenset(unread.union(path for path in names if not is_text(path)))

    @cached_property
    def files(self) -> FileList:
        """See `Side.files`."""
        empty = frozenset(f"{path}/" for path in self.scan.empty_folders if is_text(path))
        return FileList(lambda _: self._tables(), self._hashes, empty)

    def _tables(self) -> Iterator[pa.Table]:
        """Give the files and folders by path order; a file's key is its number in the scan."""
        folders, at = self._folders, 0
        paths = filter(is_text, self.scan.files.paths())
        for start in range(0, len(self._numbers), _PATHS_AT_ONCE):
            run = list(islice(paths, _PATHS_AT_ONCE))
            files = self._table(run, self._numbers[start : start + len(run)])
            before = bisect_left(folders, (run[-1],), at)
            yield self._with_folders(files, folders[at:before])
            at = before
        if at < len(folders):
            yield self._with_folders(self._table([], []), folders[at:])

    @property
    def _folders(self) -> list[tuple[str, int | None]]:
        """The folders that are listed, and their times, by path order."""
        every: Iterable[tuple[str, int | None]] = ((path, None) for path in self.scan.empty_folders)
        if self.lists_all:
            every = ((path, folder.mtime_ns) for path, folder in self.scan.folders.items())
        return sorted((f"{path}/" if path else ROOT_FOLDER, time) for path, time in every if is_text(path))

    def _table(self, paths: Sequence[str], numbers: Sequence[int]) -> pa.Table:
        times = integer_array(array("q", map(self.scan.files.mtime_ns, numbers))) if self.lists_all else None
        modified = pa.nulls(len(paths)) if times is None else times
        return pa.table(
            {"path": text_array(paths), "modified": modified, "key": integer_array(array("q", numbers))}
        )

    def _with_folders(self, files: pa.Table, folders: Sequence[tuple[str, int | None]]) -> pa.Table:
        if not folders:
            return files
        names, times = zip(*folders, strict=True)
        modified = integer_array(times) if self.lists_all else pa.nulls(len(names))
        columns = {"path": text_array(names), "modified": modified, "key": pa.nulls(len(names), pa.int64())}
        both = pa.concat_tables([files, pa.table(columns)])
        return both.take(pc.sort_indices(both["path"]))

    @cached_property
    def _numbers(self) -> Sequence[int]:
        """The numbers of the files in the scan that a list can have."""
        files = self.scan.files
        unlisted = {number for number, path in enumerate(files.paths()) if not is_text(path)}
        every = range(len(files))
        return array("q", (number for number in every if number not in unlisted)) if unlisted else every

    def _hashes(self, keys: Iterator[pa.Array]) -> Iterator[pa.Array]:
        """Hash some files; those of an archive in its own order, which is the fastest, and so all at once."""
        files = self.scan.files
        if files.are_in_one_place:
            yield from map(digest_array, self._hashed(map(integers, keys)))
            return
        wanted = array("q", chain.from_iterable(map(integers, keys)))
        order = integers(
            pc.sort_indices(integer_array(array("q", map(files.offset, wanted)))).cast(pa.int64())
        )
        found = bytearray().join(self._hashed([array("q", map(wanted.__getitem__, order))]))
        # The place in the archive's order of each file that was asked for.
        yield digest_array(found).take(pc.sort_indices(integer_array(array("q", order))))

    def _hashed(self, numbers: Iterable[Sequence[int]]) -> Iterator[bytes]:
        """Hash files by their numbers, in their order, some at a time."""
        files, source = self.scan.files, self.scan.source
        of_jobs = chain.from_iterable(
            runs(source, some, files.__getitem__, _FILES_PER_JOB) for some in numbers
        )
        jobs = (_Job(source, _entries(files, run)) for run in of_jobs)
        done = 0
        for found in self.engine.run(_hash, jobs, sum(files.sizes_bytes), source.splits):
            yield found
            done += len(found) // DIGEST_BYTES
            if self.progress:
                self.progress(done, len(files))

    def near(self, paths: Collection[str]) -> Near:
        """See `Side.near`: what is of the same rows is near."""
        paths = {*paths, *self.unlisted}
        if not paths:
            return Near()
        shards = plan_shards(self.scan, "test").shards
        configs = {path: shard.config for shard in shards for path in shard.units.paths}
        rows = {nearest(path.rstrip("/"), configs) for path in paths}
        listed = (path for table in self._tables() for path in table["path"].to_pylist())
        every = ((path, nearest(path.rstrip("/"), configs)) for path in chain(listed, self.unlisted))
        return Near({path: row for path, row in every if row and row in rows}, configs)

    def texts(self, paths: Collection[str]) -> Mapping[str, str | None]:
        """See `Side.texts`."""
        entries = sorted((self.scan.by_path[path] for path in paths), key=lambda entry: entry.offset)
        coming = read_ahead(self.scan.source, entries, lambda entry: [entry])
        return {entry.path: exact_text(self.scan.source.read(entry)) for entry in coming}


def _entries(files: ScannedFiles, numbers: Sequence[int]) -> Sequence[FileEntry]:
    start, end = numbers[0], numbers[-1] + 1
    if list(numbers) == list(range(start, end)):
        return files.part(start, end)
    return [files[number] for number in numbers]


def _hash(job: _Job) -> bytes:
    entries = read_ahead(job.source, job.files, lambda one: [one])
    return b"".join(_digest(job.source, entry) for entry in entries)


def _digest(source: Source, entry: FileEntry) -> bytes:
    if not isinstance(source, Folder):
        return hashlib.sha256(source.read(entry)).digest()
    place = f"{source.root}/{entry.path}"
    with open(place, "rb", buffering=0, opener=lambda *_: open_file(source.root, entry.path)) as stream:
        return hashlib.file_digest(stream, "sha256").digest()
