"""Which rows hold listed files that are not in the folder, told by the list of files alone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import tee
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import copied, integer_array, integers
from vmeval_hfds.engine import pool
from vmeval_hfds.folder.compare import States
from vmeval_hfds.folder.exact import ExactJob
from vmeval_hfds.folder.jobs import GroupFiles
from vmeval_hfds.folder.plan import Plan
from vmeval_hfds.folder.sink import Sink
from vmeval_hfds.table.columns import ColumnMap, map_columns
from vmeval_hfds.table.difference import ascends, joined, taken
from vmeval_hfds.table.parquet import ROW_GROUP_BYTES
from vmeval_hfds.table.reader import RowGroup, Shard, open_shard

#: Of a shard that is far away, a part is fetched where less than this of its rows is wanted; else all of it.
_PART = 0.5
_AT_ONCE = 4
#: Row groups of small rows are read several in one job, which takes time of its own; not so many that Ctrl-C waits long.
_FILES_PER_JOB = 1000


@dataclass(frozen=True, slots=True)
class KnownRows:
    """Rows of some row groups of a shard that hold listed files of which some are not in the folder.

    Attributes:
        name: The shard's name in the dataset.
        shard: The shard; it is closed when the next one's rows are asked for.
        source: The rows.
        files: The listed files of these rows, with ``path``, ``sha256``, ``modified``, and whether they are ``there``.
        rows: How many rows these are.
        size_bytes: How long they are in all, about.
    """

    name: str
    shard: Shard
    source: GroupFiles
    files: pa.Table
    rows: int
    size_bytes: int

    def job(self, sink: Sink) -> ExactJob:
        """Make the job that reads them."""
        return ExactJob(self.name, self.source, self.files, self.rows, sink, self.size_bytes)


def known_rows(
    plan: Plan, known: pa.Table, states: States, *, elsewhere: bool = False
) -> Iterator[KnownRows]:
    """List the rows that must be read, a shard at a time, and as many at once as are worth a job.

    Args:
        plan: What is wanted.
        known: The listed files that lie where the list says.
        states: What is at their places in the folder.
        elsewhere: Whether others read them, who see nothing that is brought here.

    Raises:
        DatasetError: A shard is damaged.
    """
    shards, counted = tee(_shards(known, states))
    opened = pool.fetch_ahead(
        lambda shard: _open(plan, *shard, elsewhere),
        ((name, pc.count_distinct(_absent_rows(files)).as_py()) for name, files in counted),
        _AT_ONCE if plan.dataset.root is None else 1,
    )
    for (name, files), shard in zip(shards, opened, strict=True):
        with shard:
            yield from _groups(plan, name, files, shard)


def _shards(known: pa.Table, states: States) -> Iterator[tuple[str, pa.Table]]:
    """Give the shards of which a file is wanted, each with its files in the order of its rows."""
    names = known["shard"].unify_dictionaries()
    if not len(names):
        return
    numbers = pa.chunked_array([chunk.indices for chunk in names.chunks])
    files = known.select(["path", "sha256", "modified", "row"])
    files = files.append_column("there", states.are("same"))
    for number, name in enumerate(names.chunk(0).dictionary.to_pylist()):
        is_here = pc.equal(numbers, integer_array([number])[0].cast(numbers.type))
        of_shard = _picked(files, pc.indices_nonzero(is_here).cast(pa.int64()))
        if not ascends(of_shard["row"], strictly=False):
            of_shard = _picked(of_shard, pc.sort_indices(of_shard["row"]).cast(pa.int64()))
        if len(_absent_rows(of_shard)):
            yield name, of_shard


def _picked(files: pa.Table, numbers: pa.Array) -> pa.Table:
    return pa.table({name: taken(files[name], numbers) for name in files.column_names})


def _groups(plan: Plan, name: str, files: pa.Table, shard: Shard) -> Iterator[KnownRows]:
    columns = map_columns(shard.schema, shard.name, plan.layout.name)
    rows, absent = integers(joined(files["row"])), integers(pc.unique(_absent_rows(files)))
    run = _Run()
    for group in shard.row_groups():
        first, end = group.first_row, group.first_row + group.rows
        needed = absent[bisect_left(absent, first) : bisect_left(absent, end)]
        if not needed:
            continue
        start = bisect_left(rows, first)
        of_group = files.slice(start, bisect_left(rows, end) - start)
        if run.groups and not run.has_room(group, of_group):
            yield run.known(name, shard, columns)
            run = _Run()
        run.add(group, needed, of_group)
    if run.groups:
        yield run.known(name, shard, columns)


@dataclass(slots=True)
class _Run:
    """Row groups that are read in one job."""

    groups: dict[int, tuple[int, ...] | None] = field(default_factory=dict)
    files: list[pa.Table] = field(default_factory=list)
    rows: int = 0
    size_bytes: int = 0

    def has_room(self, group: RowGroup, files: pa.Table) -> bool:
        count = sum(one.num_rows for one in self.files) + files.num_rows
        return self.size_bytes + group.size_bytes <= ROW_GROUP_BYTES and count <= _FILES_PER_JOB

    def add(self, group: RowGroup, rows: memoryview, files: pa.Table) -> None:
        is_whole = len(rows) == group.rows
        self.groups[group.number] = None if is_whole else tuple(row - group.first_row for row in rows)
        self.files.append(
            files
            if is_whole
            else files.filter(pc.is_in(files["row"], value_set=integer_array(rows.tolist())))
        )
        self.rows += len(rows)
        self.size_bytes += group.size_bytes

    def known(self, name: str, shard: Shard, columns: ColumnMap) -> KnownRows:
        source = GroupFiles(shard.place, shard.name, self.groups, columns, shard.footer)
        # Without what the slices were cut from, which would go to another process too.
        files = copied(pa.concat_tables(self.files))
        return KnownRows(name, shard, source, files, self.rows, self.size_bytes)


def _absent_rows(files: pa.Table) -> pa.ChunkedArray:
    """Give the rows of files that are not in the folder."""
    return files["row"].filter(pc.invert(files["there"]))


def _open(plan: Plan, name: str, rows: int, elsewhere: bool) -> Shard:
    """Open a shard of which some rows are wanted: all of it is brought here where that is most of it."""
    facts = plan.listing.facts
    in_all = facts.shards[name].rows if facts else 0
    is_part = elsewhere or rows < _PART * in_all
    place: Path | BinaryIO = plan.dataset.peek(name) if is_part else plan.dataset.fetch(name)
    return open_shard(place, f"{plan.dataset.name}: {name}")
