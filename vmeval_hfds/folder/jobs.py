"""Read the files of row groups and hand them to a sink: the unit of work of an export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow.parquet as pq

from vmeval_builders.arrow.arrays import integer_array
from vmeval_builders.rows import RowFile, files_of
from vmeval_hfds.folder.places import place_of
from vmeval_hfds.folder.sink import Outcome, Sink
from vmeval_hfds.store.directory import OtherFiles
from vmeval_hfds.table.columns import ColumnMap
from vmeval_hfds.table.parquet import ROW_GROUP_BYTES
from vmeval_hfds.table.reader import RowGroup, open_shard

_ROWS_BY_PATH = 4


@dataclass(frozen=True, slots=True)
class GroupFiles:
    """Rows of row groups of one shard whose files are to be read.

    Attributes:
        place: The shard, on this disk or on the Hub.
        name: What messages call the shard.
        groups: The row groups' numbers in it, each with the wanted rows' numbers in the group; None where all are.
        columns: Where the shard has what we need.
        footer: The shard's footer, where it was read before.
        others: The dataset's files, where a row may have no more of one than its path. They do not go to other processes.
    """

    place: Path | BinaryIO
    name: str
    groups: Mapping[int, tuple[int, ...] | None]
    columns: ColumnMap
    footer: pq.FileMetaData | None = None
    others: OtherFiles | None = None

    def __reduce__(self) -> tuple[type[GroupFiles], tuple[Any, ...]]:
        """Go to another process without the footer of a shard on disk: many jobs there need it, and it is read once."""
        footer = None if isinstance(self.place, Path) else self.footer
        return GroupFiles, (self.place, self.name, self.groups, self.columns, footer, self.others)


@dataclass(slots=True)
class Tally:
    """What became of some files; tallies of several jobs add up.

    Attributes:
        paths: What became of them, to their paths; those that were written are only counted, unless they were sent.
        written: How many were written.
        written_bytes: Their size.
        changed: Those whose bytes are not what the list of files says.
        missing: Those that are listed and were not there.
        added: Those that are not listed.
        rows: How many rows they are of.
    """

    paths: dict[Outcome, list[str]] = field(
        default_factory=lambda: {"absent": [], "same": [], "other": [], "folder": [], "sent": []}
    )
    written: int = 0
    written_bytes: int = 0
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    rows: int = 0

    def take(self, sink: Sink, path: str, content: memoryview | bytes, modified_ns: int | None) -> None:
        """Hand a file to a sink, and take down what became of it."""
        outcome = sink.put(path, content, modified_ns)
        if outcome in ("written", "sent"):
            self.written += 1
            self.written_bytes += len(content)
        if outcome != "written":
            self.paths[outcome].append(path)

    def add(self, other: Tally) -> None:
        """Add what became of other files."""
        for outcome, paths in other.paths.items():
            self.paths[outcome] += paths
        self.written += other.written
        self.written_bytes += other.written_bytes
        self.changed += other.changed
        self.missing += other.missing
        self.added += other.added
        self.rows += other.rows


@dataclass(frozen=True, slots=True)
class ReadJob:
    """Files of some row groups for a sink, whatever is listed of them.

    Attributes:
        source: The rows.
        expected: Path to SHA-256, as the list of files says.
        times: Path to modification time, where it is known.
        sink: What takes the files.
    """

    source: GroupFiles
    expected: Mapping[str, bytes]
    times: Mapping[str, int]
    sink: Sink

    def run(self) -> Tally:
        """Read the files and hand them to the sink.

        Raises:
            DatasetError: A row group is damaged.
            UnsafePathError: Somebody moved or replaced folders while files were written into them.
        """
        tally, layout = Tally(), self.source.columns.layout
        missing = set(self.expected)
        for files in row_files(self.source):
            tally.rows += len({file.row for file in files})
            for file in files:
                path, digest = place_of(layout, file, self.expected)
                expected = self.expected.get(path)
                if digest != expected:
                    (tally.added if expected is None else tally.changed).append(path)
                missing.discard(path)
                tally.take(self.sink, path, file.content, self.times.get(path))
        self.sink.done()
        tally.missing += missing
        return tally


def row_files(source: GroupFiles, checksums: bool = True) -> Iterator[list[RowFile]]:
    """Read the files of some rows, those of a few rows at a time; `row` counts the wanted rows of their row group.

    Args:
        source: The rows.
        checksums: Whether pages are compared with their checksums; see `open_shard`.

    Raises:
        DatasetError: A row group is damaged, or a column cannot hold files.
    """
    with open_shard(source.place, source.name, source.footer, checksums) as shard:
        for number, rows in source.groups.items():
            yield from _group_files(shard.row_group(number), rows, source)


def _group_files(
    group: RowGroup, rows: tuple[int, ...] | None, source: GroupFiles
) -> Iterator[list[RowFile]]:
    columns = source.columns
    # Our own row groups are read at once; others' may be too large for that.
    batch_rows = max(1, group.rows * 2 * ROW_GROUP_BYTES // max(1, group.size_bytes))
    if source.others is not None:  # What is read by its path is not of the group's size.
        batch_rows = min(batch_rows, _ROWS_BY_PATH)
    place = {row: number for number, row in enumerate(range(group.rows) if rows is None else rows)}
    first = 0
    for table in group.batches(columns.file_columns, batch_rows):
        here = [row for row in range(first, first + table.num_rows) if row in place]
        if here:
            whole = len(here) == table.num_rows
            chosen = table if whole else table.take(integer_array([row - first for row in here]))
            files = list(files_of(columns.layout, columns.canonical(chosen, source.others)))
            if rows is not None or first:
                files = [file._replace(row=place[here[file.row]]) for file in files]
            yield files
        first += table.num_rows
