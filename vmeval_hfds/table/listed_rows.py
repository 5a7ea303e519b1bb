"""The rows of a list of files before it is written: those of a walked folder, packed; or an Arrow table."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import merge
from itertools import chain, groupby, pairwise, repeat
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import DIGEST_BYTES, hex_array, integer_array, text_array, truth_array
from vmeval_builders.arrow.listing import ROOT_FOLDER, ListedFile, listing_table
from vmeval_builders.arrow.schema import FILE_COLUMNS, arrow_schema
from vmeval_builders.entries import FileEntry
from vmeval_builders.file_list import FileList
from vmeval_builders.scan import Scan
from vmeval_builders.texts import OptionalTexts
from vmeval_builders.unit_list import UnitList
from vmeval_hfds.table.merge import nearest
from vmeval_hfds.table.shards import ShardReport

#: About what a row takes without content.
_TEXTS_BYTES = 200
#: Whose a file is: nobody's, a row's that holds it, or such a row's that is listed by others.
_NOBODYS, _HELD, _ELSEWHERE = range(3)
_NO_ROW = -1


class ListedRows(Protocol):
    """Rows of a list of files, by path; it can be sent to another process."""

    @property
    def entries(self) -> Mapping[str, FileEntry]:
        """The files among them whose bytes go into the list and are still to be read, by path."""

    def cut(self, limit_bytes: int, most_rows: int | None = None) -> Sequence[ListedRows]:
        """Cut rows into runs whose contents, and texts, are of about `limit_bytes` at most; at least one run."""

    def refers_to(self) -> tuple[Collection[str], Collection[str]]:
        """Name the shards that hold some of the files, and the configs of the rows that any belong to."""

    def table(self) -> pa.Table:
        """Give the rows; hash and content of `entries` are null yet."""


@dataclass(frozen=True, slots=True)
class TableRows:
    """Rows that stand in an Arrow table."""

    listed: pa.Table
    entries: Mapping[str, FileEntry]

    def cut(self, limit_bytes: int, most_rows: int | None = None) -> Sequence[TableRows]:
        """See `ListedRows.cut`."""
        lengths = pc.binary_length(self.listed["content"]).to_pylist()
        paths = self.listed["path"].to_pylist()
        sizes_bytes = (
            entry.size_bytes if (entry := self.entries.get(path)) else length or 0
            for path, length in zip(paths, lengths, strict=True)
        )
        runs = []
        for start, end in pairwise(_starts(sizes_bytes, limit_bytes, most_rows)):
            own = {path: self.entries[path] for path in paths[start:end] if path in self.entries}
            runs.append(TableRows(self.listed.slice(start, end - start), own))
        return runs

    def refers_to(self) -> tuple[Collection[str], Collection[str]]:
        """See `ListedRows.refers_to`."""
        shards, configs = (
            pc.unique(self.listed[column]).drop_null().to_pylist() for column in ("shard", "config")
        )
        return shards, configs

    def table(self) -> pa.Table:
        """See `ListedRows.table`."""
        return self.listed


@dataclass(frozen=True, slots=True)
class RowNames:
    """What the list says of rows, which are numbered here from shard to shard.

    Attributes:
        shards: Name and config of each shard.
        firsts: Shard to the number of its first row.
        shard: Row to the number of its shard.
        numbers: Shard to its rows' numbers in it.
        ids: Shard to its rows' ids.
    """

    shards: list[tuple[str, str]] = field(default_factory=list)
    firsts: array[int] = field(default_factory=lambda: array("I"))
    shard: array[int] = field(default_factory=lambda: array("I"))
    numbers: list[Sequence[int]] = field(default_factory=list)
    ids: list[OptionalTexts] = field(default_factory=list)

    def add(self, shard: tuple[str, str], numbers: Sequence[int], ids: OptionalTexts) -> None:
        """Take in the rows of a shard; what is known of them is kept as it is given."""
        self.firsts.append(len(self.shard))
        self.shard.extend(repeat(len(self.shards), len(ids)))
        self.shards.append(shard)
        self.numbers.append(numbers)
        self.ids.append(ids)

    def only(self, rows: Sequence[int]) -> RowNames:
        """Keep some rows, by their numbers in order, and number them anew from 0 on; the shards are all kept."""
        made, of_shards = RowNames(), {shard: list(some) for shard, some in groupby(rows, self._shard_of)}
        for shard, named in enumerate(self.shards):
            places = [row - self.firsts[shard] for row in of_shards.get(shard, ())]
            numbers = array("I", map(self.numbers[shard].__getitem__, places))
            made.add(named, numbers, OptionalTexts(self.ids[shard].each(places)))
        return made

    def shards_of(self, rows: Iterable[int]) -> list[str | None]:
        """Name the shards of rows, where there are rows."""
        return [None if row == _NO_ROW else self.shards[self.shard[row]][0] for row in rows]

    def configs_of(self, rows: Iterable[int]) -> list[str | None]:
        """Name the configs of rows."""
        return [None if row == _NO_ROW else self.shards[self.shard[row]][1] for row in rows]

    def ids_of(self, rows: Iterable[int]) -> list[str | None]:
        """Give the ids of rows."""
        found: list[str | None] = []
        for shard, some in groupby(rows, self._shard_of):
            if shard == _NO_ROW:
                found += [None for _ in some]
            else:
                first = self.firsts[shard]
                found += self.ids[shard].each(row - first for row in some)
        return found

    def numbers_of(self, rows: Iterable[int]) -> list[int | None]:
        """Give the numbers of rows in their shards."""
        return [None if row == _NO_ROW else self._number_of(row) for row in rows]

    def _shard_of(self, row: int) -> int:
        return row if row == _NO_ROW else self.shard[row]

    def _number_of(self, row: int) -> int:
        shard = self.shard[row]
        return self.numbers[shard][row - self.firsts[shard]]


@dataclass(frozen=True, slots=True)
class FolderRows:
    """The rows of a walked folder, or those of them that follow each other between two numbers.

    Attributes:
        files: All its files.
        folders: The folders that are listed, by path: the name, the time, and the row that it belongs to.
        folder_numbers: The numbers of these among all rows; the others are the files.
        names: What is known of the rows of its tables.
        owners: File to the row that it belongs to.
        whose: File to one of the three kinds above.
        hashes: The SHA-256 of files: shard, by its number, to those of the files that its rows have, in the order of
            `UnitList.numbers`; or of all files, with zeros where no row holds one.
        keeps_times: Whether times are listed.
        start: The first number.
        end: The number after the last.
    """

    files: FileList
    folders: Sequence[tuple[str, int | None, int]]
    folder_numbers: Sequence[int]
    names: RowNames
    owners: array[int]
    whose: bytearray
    hashes: Sequence[tuple[UnitList, bytearray]] | bytes
    keeps_times: bool
    start: int
    end: int

    def __reduce__(self) -> tuple[type[FolderRows], tuple[Any, ...]]:
        """Send what is known of these rows only."""
        first, last = self._files
        owners = self.owners[first:last]
        rows = sorted({*owners, *(owner for _, _, owner in self._folders)} - {_NO_ROW})
        renumbered = {row: number for number, row in enumerate(rows)} | {_NO_ROW: _NO_ROW}
        return FolderRows, (
            self.files.part(first, last),
            [(name, mtime_ns, renumbered[owner]) for name, mtime_ns, owner in self._folders],
            [number - self.start for number in self.folder_numbers[self._folder_slice]],
            self.names.only(rows),
            array("i", map(renumbered.__getitem__, owners)),
            self.whose[first:last],
            self._digests(first, last),
            self.keeps_times,
            0,
            self.end - self.start,
        )

    def _digests(self, first: int, last: int) -> bytes:
        """Give the hashes of files, one after the other; zeros for those that no row holds."""
        if isinstance(self.hashes, bytes):
            return self.hashes[DIGEST_BYTES * first : DIGEST_BYTES * last]
        found = bytearray(DIGEST_BYTES * (last - first))
        for number in range(first, last):
            if self.whose[number] == _HELD:
                row = self.owners[number]
                shard = self.names.shard[row]
                units, digests = self.hashes[shard]
                at = DIGEST_BYTES * units.place(row - self.names.firsts[shard], number)
                to = DIGEST_BYTES * (number - first)
                found[to : to + DIGEST_BYTES] = digests[at : at + DIGEST_BYTES]
        return bytes(found)

    @property
    def _folder_slice(self) -> slice:
        return slice(bisect_left(self.folder_numbers, self.start), bisect_left(self.folder_numbers, self.end))

    @property
    def _folders(self) -> Sequence[tuple[str, int | None, int]]:
        return self.folders[self._folder_slice]

    @property
    def _files(self) -> tuple[int, int]:
        folders = self._folder_slice
        return self.start - folders.start, self.end - folders.stop

    @property
    def entries(self) -> Mapping[str, FileEntry]:
        """See `ListedRows.entries`."""
        return {entry.path: entry for entry in map(self.files.__getitem__, self._nobodys())}

    def outside(self) -> set[str]:
        """Name those of `entries` that belong to no row."""
        return {self.files[number].path for number in self._nobodys() if self.owners[number] == _NO_ROW}

    def _nobodys(self) -> Iterator[int]:
        number, last = self._files
        while (number := self.whose.find(_NOBODYS, number, last)) >= 0:
            yield number
            number += 1

    def cut(self, limit_bytes: int, most_rows: int | None = None) -> Sequence[FolderRows]:
        """See `ListedRows.cut`."""
        starts = _starts(self._contents_bytes(), limit_bytes, most_rows)
        return [
            replace(self, start=self.start + start, end=self.start + end) for start, end in pairwise(starts)
        ]

    def _contents_bytes(self) -> Iterator[int]:
        """Give how long the content of each row is."""
        at, _ = self._files
        folders = iter(self.folder_numbers[self._folder_slice])
        folder = next(folders, None)
        for number in range(self.start, self.end):
            if number == folder:
                yield 0
                folder = next(folders, None)
            else:
                yield 0 if self.whose[at] else self.files.sizes_bytes[at]
                at += 1

    def refers_to(self) -> tuple[Collection[str], Collection[str]]:
        """See `ListedRows.refers_to`."""
        first, last = self._files
        shard, whose = self.names.shard, self.whose[first:last]
        held = {shard[row] for row, one in zip(self.owners[first:last], whose, strict=True) if one == _HELD}
        above = (shard[row] for row in self.owners[first:last] if row != _NO_ROW)
        of_folders = (shard[row] for _, _, row in self._folders if row != _NO_ROW)
        shards, configs = [self.names.shards[number][0] for number in held], {*above, *of_folders}
        return shards, {self.names.shards[number][1] for number in configs}

    def table(self) -> pa.Table:
        """See `ListedRows.table`; files that others list are left out."""
        first, last = self._files
        whose, owners = self.whose[first:last], self.owners[first:last]
        is_held = [one == _HELD for one in whose]
        of_rows = [owner if held else _NO_ROW for owner, held in zip(owners, is_held, strict=True)]
        times = self.files.mtimes_ns[first:last] if self.keeps_times else [None] * len(owners)
        columns = [
            text_array(list(self.files.paths_between(first, last))),
            integer_array(self.files.sizes_bytes[first:last]),
            hex_array(self._digests(first, last), is_held),
            integer_array(times),
            text_array(self.names.configs_of(owners)),
            text_array(self.names.ids_of(owners)),
            text_array(self.names.shards_of(of_rows)),
            integer_array(self.names.numbers_of(of_rows)),
            pa.nulls(len(owners), pa.binary()),
        ]
        made = pa.Table.from_arrays(columns, schema=arrow_schema(FILE_COLUMNS))
        if _ELSEWHERE in whose:
            made = made.filter(truth_array(one != _ELSEWHERE for one in whose))
        if not (folders := self._folders):
            return made
        made = pa.concat_tables([made, listing_table(map(self._listed_folder, folders))])
        return made.take(pc.sort_indices(made["path"]))

    def _listed_folder(self, folder: tuple[str, int | None, int]) -> ListedFile:
        name, mtime_ns, owner = folder
        config, row_id = self.names.configs_of([owner])[0], self.names.ids_of([owner])[0]
        return ListedFile(name, None, None, mtime_ns, config, row_id)


def listed_rows(
    scan: Scan,
    reports: Sequence[ShardReport],
    unchanged: Sequence[ShardReport] = (),
    different: Collection[str] = (),
) -> FolderRows:
    """List every file of a walked folder, and empty folders, or all folders where times are kept.

    Args:
        scan: The folder.
        reports: What was read of its rows.
        unchanged: What was read of all its rows, where some of them are listed already and are left out here.
        different: The paths of the rows that are not.
    """
    count = len(scan.files)
    held = _Held(RowNames(), array("i", [_NO_ROW]) * count, bytearray(count), [])
    for report in unchanged:
        held.take_in(report, lambda path: _NOBODYS if path in different else _ELSEWHERE)
    for report in reports:
        held.take_in(report, lambda _: _HELD)
    folders = _listed_folders(scan)
    rest = {number: scan.files[number].path for number, whose in enumerate(held.whose) if whose == _NOBODYS}
    rows = _rows_above([*rest.values(), *(path for path, _ in folders)], (*unchanged, *reports))
    for number, path in rest.items():
        held.owners[number] = rows.get(nearest(path, rows) or "", _NO_ROW)
    listed = sorted(
        (_listed_name(path), mtime_ns, rows.get(nearest(path, rows) or "", _NO_ROW))
        for path, mtime_ns in folders
    )
    positions = scan.files.positions(name for name, _, _ in listed)
    numbers = [position + at for at, position in enumerate(positions)]
    return FolderRows(scan.files, listed, numbers, *held, scan.layout.keeps_times, 0, count + len(listed))


class _Held(NamedTuple):
    """What `FolderRows` says of files that rows hold, as it is put together."""

    names: RowNames
    owners: array[int]
    whose: bytearray
    hashes: list[tuple[UnitList, bytearray]]

    def take_in(self, report: ShardReport, whose: Callable[[str], int]) -> None:
        """Take in the rows of a shard, and their files; whose these are is told by a row's path."""
        first, plan = len(self.names.shard), report.plan
        self.hashes.append((plan.units, report.digests))
        self.names.add((plan.name, plan.config), report.row_numbers, report.ids)
        of_rows = bytes(map(whose, plan.units.paths))
        of_files = zip(plan.units.numbers, plan.units.rows_of_files(), strict=True)
        for is_held, (number, row) in zip(report.held, of_files, strict=True):
            if is_held:
                self.owners[number], self.whose[number] = first + row, of_rows[row]


def names_of(scan: Scan) -> Iterator[str]:
    """Give what is listed of a walked folder, by path order: its files, and the folders with a ``/``."""
    return merge(scan.files.paths(), sorted(_listed_name(path) for path, _ in _listed_folders(scan)))


def _listed_name(folder: str) -> str:
    return f"{folder}/" if folder else ROOT_FOLDER


def _listed_folders(scan: Scan) -> list[tuple[str, int | None]]:
    if not scan.layout.keeps_times:
        return [(path, None) for path in scan.empty_folders]
    times = ((path, folder.mtime_ns) for path, folder in scan.folders.items())
    # The folder itself is listed for its time alone, and an archive need not say it.
    return [(path, mtime_ns) for path, mtime_ns in times if path or mtime_ns is not None]


def _rows_above(paths: Iterable[str], reports: Iterable[ShardReport]) -> dict[str, int]:
    """Number the rows that some paths are, or lie in, as `RowNames` does; of two at one path, the later counts."""
    wanted: set[str] = set()
    for path in paths:
        while path and path not in wanted:
            wanted.add(path)
            path = path.rpartition("/")[0]
    every = chain.from_iterable(report.plan.units.paths for report in reports)
    return {path: number for number, path in enumerate(every) if path in wanted}


def _starts(sizes_bytes: Iterable[int], limit_bytes: int, most_rows: int | None) -> list[int]:
    """Say where runs of rows with contents begin, and where the last ends."""
    starts, filled_bytes, number = [0], 0, -1
    for number, size_bytes in enumerate(sizes_bytes):
        row_bytes = _TEXTS_BYTES + size_bytes
        is_full = filled_bytes + row_bytes > limit_bytes or number - starts[-1] == most_rows
        if number > starts[-1] and is_full:
            starts.append(number)
            filled_bytes = 0
        filled_bytes += row_bytes
    return [*starts, number + 1]
