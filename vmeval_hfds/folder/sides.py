"""The two sides of a comparison: what a dataset lists, or what a folder holds. No row is read, but some texts."""

from __future__ import annotations

import hashlib
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import DIGEST_BYTES, digest_array, integer_array, integers, text_array
from vmeval_builders.arrow.listing import ROOT_FOLDER
from vmeval_builders.choice import Choice
from vmeval_builders.entries import FileEntry, FolderEntry
from vmeval_builders.file_list import FileList as ScannedFiles
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.paths import is_text
from vmeval_builders.scan import Scan
from vmeval_builders.sources.folder import Folder, open_file
from vmeval_builders.sources.passes import runs
from vmeval_builders.sources.remote import read_ahead
from vmeval_builders.sources.source import Source
from vmeval_hfds.engine import pool
from vmeval_hfds.engine.pool import Engine, Progress
from vmeval_hfds.folder.check import folders_of
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.columns import map_columns
from vmeval_hfds.table.difference import FileList, taken
from vmeval_hfds.table.listing import Listing, read_contents
from vmeval_hfds.table.merge import nearest
from vmeval_hfds.table.plan import plan_shards
from vmeval_hfds.table.reader import peek_shard

_FILES_PER_JOB = 500
_PATHS_AT_ONCE = 2**15
_PEEKS_AT_ONCE = 8
#: What a scan finds and does not list as a file.
_UNREAD_CODES = frozenset({"unreadable", "link-outside", "link-loop", "not-a-file", "too-large"})


@dataclass(frozen=True, slots=True)
class Near:
    """Some files, and the rows that they belong to.

    Attributes:
        rows: A file's, or folder's, path to the path of its row; what belongs to none is not there.
        configs: A row's path to its config.
    """

    rows: Mapping[str, str] = field(default_factory=dict)
    configs: Mapping[str, str] = field(default_factory=dict)


class Side(Protocol):
    """One side of a comparison."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def layout(self) -> Layout:
        """What describes its rows."""

    @property
    def files(self) -> FileList:
        """Its files and folders."""

    @property
    def unlisted(self) -> frozenset[str]:
        """What is there and can be in no list, such as a pipe."""

    def near(self, numbers: pa.Array) -> Near:
        """Say to which rows some of its files belong, and which other files these rows have.

        Args:
            numbers: Rows of `files`.
        """

    def texts(self, paths: Collection[str]) -> Mapping[str, str | None]:
        """Read files that the layout's JSON column holds.

        Args:
            paths: Their paths.

        Returns:
            Path to text; None where it is not UTF-8. What cannot be had is not there.
        """


@dataclass(frozen=True)
class ListedSide:
    """A dataset, as its list of files has it.

    Attributes:
        dataset: The dataset.
        layout: What describes its rows.
        listing: Its list of files, packed.
        trusted: Shards that are as the list says.
    """

    dataset: DatasetFiles
    layout: Layout
    listing: Listing
    trusted: frozenset[str] = frozenset()

    #: All that is there is listed.
    unlisted = frozenset[str]()

    @property
    def name(self) -> str:
        """See `Side.name`."""
        return self.dataset.name

    @cached_property
    def files(self) -> FileList:
        """See `Side.files`."""
        return _listed(self.listing)

    def near(self, numbers: pa.Array) -> Near:
        """See `Side.near`: what has the same config and the same id is near."""
        table = self.listing.table
        if self.listing.facts is not None:
            columns = {name: _plain(table[name]) for name in ("config", "id")}
            config, task = (pc.unique(taken(column, numbers)) for column in columns.values())
            # A file that is several rows has no one id.
            is_near = pc.is_in(columns["config"], value_set=config.drop_null())
            table = table.filter(pc.and_(is_near, pc.is_in(columns["id"], value_set=task)))
        paths = table["path"].to_pylist()
        files = [FileEntry(path, 0, 0) for path in sorted(paths) if not path.endswith("/")]
        folders = {folder: FolderEntry(0, None) for path in paths for folder in folders_of(path)}
        group = self.layout.group_column
        configs = {
            unit.path: unit.parts.get(group) or "default" for unit in self.layout.units(files, folders)
        }
        rows = {path: row for path in paths if (row := nearest(path.rstrip("/"), configs))}
        stated = zip(paths, _plain(table["config"]).to_pylist(), strict=True)
        configs |= {rows[path]: config for path, config in stated if config is not None and path in rows}
        return Near(rows, configs)

    def texts(self, paths: Collection[str]) -> Mapping[str, str | None]:
        """See `Side.texts`; of a shard on the Hub, only this column of the row groups is fetched."""
        table = self.listing.table
        table = table.filter(pc.is_in(table["path"], value_set=text_array(sorted(paths))))
        places: dict[str, dict[int, str]] = defaultdict(dict)
        unheld = []
        for path, shard, row in zip(*(_plain(table[name]).to_pylist() for name in _PLACE), strict=True):
            if shard is None:
                unheld.append(path)
            elif shard in self.trusted:
                places[shard][row] = path
        found: dict[str, str | None] = {}
        for of_shard in pool.fetch_ahead(lambda item: self._texts(*item), places.items(), _PEEKS_AT_ONCE):
            found |= of_shard
        if unheld:
            found |= {one.path: _text(one.content or b"") for one in read_contents(self.dataset, unheld)}
        return found

    def _texts(self, name: str, paths: Mapping[int, str]) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        with peek_shard(self.dataset, name) as shard:
            mapped, ours = map_columns(shard.schema, shard.name, self.layout.name), self.layout.json_from
            if ours is None or ours not in mapped.names:
                return found
            for group in shard.row_groups():
                rows = [row for row in paths if 0 <= row - group.first_row < group.rows]
                if rows:
                    numbers = integer_array([row - group.first_row for row in rows])
                    table = group.read([mapped.names[ours]]).take(numbers)
                    values = mapped.values(table, ours).to_pylist()
                    found |= {paths[row]: value for row, value in zip(rows, values, strict=True)}
        return found


_PLACE = ("path", "shard", "row")


def _listed(listing: Listing) -> FileList:
    table = listing.table
    return FileList(table.select(["path", "modified"]), lambda numbers: taken(table["sha256"], numbers))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Give a dictionary's values as text."""
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


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
        empty = [f"{path}/" for path in self.scan.empty_folders if is_text(path)]
        folders = dict.fromkeys(empty)
        if self.lists_all:
            folders = {
                f"{path}/" if path else ROOT_FOLDER: folder.mtime_ns
                for path, folder in self.scan.folders.items()
                if is_text(path)
            }
        numbers, mtimes_ns = self._numbers, self.scan.files.mtimes_ns
        times = integer_array(array("q", (mtimes_ns[number] for number in numbers)))
        columns = {
            "path": [*self._path_arrays(), text_array([*folders])],
            "modified": [
                times if self.lists_all else pa.nulls(len(times), times.type),
                integer_array([*folders.values()]),
            ],
        }
        table = pa.table({name: pa.chunked_array(arrays) for name, arrays in columns.items()})
        return FileList(table, self._digests, frozenset(empty))

    def _path_arrays(self) -> Iterator[pa.Array]:
        """Give the files' paths, some of them at a time."""
        paths = filter(is_text, self.scan.files.paths())
        while run := list(islice(paths, _PATHS_AT_ONCE)):
            yield text_array(run)

    @cached_property
    def _numbers(self) -> Sequence[int]:
        """The numbers of the files in the scan that a list can have."""
        files = self.scan.files
        unlisted = {number for number, path in enumerate(files.paths()) if not is_text(path)}
        every = range(len(files))
        return array("q", (number for number in every if number not in unlisted)) if unlisted else every

    def _digests(self, numbers: pa.Array) -> pa.ChunkedArray:
        """Hash some files, an archive's in its own order: it is the fastest."""
        files, source = self.scan.files, self.scan.source
        wanted = array("q", (self._numbers[number] for number in integers(numbers)))
        order = pc.sort_indices(integer_array(array("q", map(files.offset, wanted))))
        wanted = array("q", integers(integer_array(wanted).take(order)))
        digests = bytearray()
        of_jobs = runs(source, wanted, files.__getitem__, _FILES_PER_JOB)
        jobs = (_Job(source, _entries(files, run)) for run in of_jobs)
        work_bytes = sum(files.sizes_bytes[number] for number in wanted)
        for found in self.engine.run(_hash, jobs, work_bytes, source.splits):
            digests += found
            if self.progress:
                self.progress(len(digests) // DIGEST_BYTES, len(wanted))
        # The place in the archive's order of each file that was asked for.
        places = pc.sort_indices(order)
        return pa.chunked_array([digest_array(digests).take(places)])

    def near(self, numbers: pa.Array) -> Near:
        """See `Side.near`: all files are."""
        del numbers
        shards = plan_shards(self.scan, "test").shards
        configs = {path: shard.config for shard in shards for path in shard.units.paths}
        paths = [*self.files.paths.to_pylist(), *self.unlisted]
        return Near({path: row for path in paths if (row := nearest(path.rstrip("/"), configs))}, configs)

    def texts(self, paths: Collection[str]) -> Mapping[str, str | None]:
        """See `Side.texts`."""
        entries = sorted((self.scan.by_path[path] for path in paths), key=lambda entry: entry.offset)
        coming = read_ahead(self.scan.source, entries, lambda entry: [entry])
        return {entry.path: _text(self.scan.source.read(entry)) for entry in coming}


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


def _text(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def chosen(listing: Listing, choice: Choice) -> Listing:
    """Keep what a walk of the dataset's folder would keep with the same choice."""
    if not choice.has_globs:
        return listing.only(choice.takes)
    empty = _listed(listing).empty_folders
    kept = {path for path in listing.files if choice.takes(path)} | set(filter(choice.takes, empty))
    kept.update(f"{folder}/" for path in list(kept) for folder in folders_of(path.rstrip("/")))
    return listing.only(kept.__contains__)
