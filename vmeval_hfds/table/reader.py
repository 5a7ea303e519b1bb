"""Read Parquet shards, wherever they lie and whoever made them: the only loop over row groups.

::

    for shard in open_shards(dataset, dataset.row_shards):
        for group in shard.row_groups():
            table = group.read(["path", "prompt"])

Only the columns that are asked for are read, and of a shard that is not on this disk only they are fetched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from vmeval_builders.errors import VmevalError
from vmeval_hfds.errors import DatasetError, in_a_line
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.pages import Chunks, check_footer, extent, read_footer

#: What tells a file from another, also from one that replaced it.
_Identity: TypeAlias = tuple[str, int, int, int, int]
#: How much of a column is read at once, so that no more than a batch of a large row group is held.
_BUFFER_BYTES = 2**18


@dataclass(frozen=True, slots=True)
class Shard:
    """An open shard; as a context manager, it is closed at the end.

    Attributes:
        name: What messages call it.
        file: The Parquet file.
        is_local: Whether it lies on this disk, so that its media are cheap to look at.
        place: Where it is.
    """

    name: str
    file: pq.ParquetFile
    is_local: bool
    place: Path | BinaryIO

    def __enter__(self) -> Shard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close(force=True)

    @property
    def schema(self) -> pa.Schema:
        """Its columns."""
        return self.file.schema_arrow

    @property
    def footer(self) -> pq.FileMetaData:
        """What its end says of its columns and row groups."""
        return self.file.metadata

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return int(self.footer.num_rows)

    def row_groups(self) -> Iterator[RowGroup]:
        """Give its row groups in order; nothing of them is read yet."""
        first_row = 0
        for number in range(self.file.num_row_groups):
            group = RowGroup(self, number, first_row)
            yield group
            first_row += group.rows

    def row_group(self, number: int) -> RowGroup:
        """Give one row group."""
        before = (self.footer.row_group(one).num_rows for one in range(number))
        return RowGroup(self, number, sum(before))

    def read_groups(self, numbers: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """Read columns of some row groups at once, which for small ones takes less time than one by one.

        Raises:
            DatasetError: As `RowGroup.read`.
        """
        groups = [RowGroup(self, number, 0) for number in numbers]
        for group in groups:
            group.check(columns)
        try:
            return _without_views(self.file.read_row_groups(numbers, columns=columns, use_threads=False))
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            raise groups[0].damaged(error) from error


@dataclass(frozen=True, slots=True)
class RowGroup:
    """One row group of an open shard.

    Attributes:
        shard: The shard.
        number: The row group's number in it.
        first_row: The number of its first row in the shard.
    """

    shard: Shard
    number: int
    first_row: int

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return int(self.shard.footer.row_group(self.number).num_rows)

    @property
    def size_bytes(self) -> int:
        """The size of all its columns, unpacked."""
        return int(self.shard.footer.row_group(self.number).total_byte_size)

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Read it whole.

        Args:
            columns: The columns to read; None for all.

        Raises:
            DatasetError: Its pages are damaged, or would unpack to far more than they are.
        """
        try:
            self._look_at(columns, whole=True)
            return _without_views(
                self.shard.file.read_row_group(self.number, columns=columns, use_threads=False)
            )
        except VmevalError:
            raise
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            raise self.damaged(error) from error

    def batches(self, columns: Sequence[str], rows: int) -> Iterator[pa.Table]:
        """Read it a few rows at a time, for row groups that others made too large to hold.

        Args:
            columns: The columns to read.
            rows: How many rows at a time.

        Raises:
            DatasetError: Its pages are damaged, or would unpack to far more than they are.
        """
        try:
            self._look_at(columns)
            for batch in self.shard.file.iter_batches(
                rows, row_groups=[self.number], columns=columns, use_threads=False
            ):
                yield _without_views(pa.Table.from_batches([batch]))
        except VmevalError:
            raise
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            raise self.damaged(error) from error

    def check(self, columns: Sequence[str]) -> None:
        """Refuse columns that would unpack to far more than they are, before anything of them is read.

        Of a shard that is not on this disk they are looked at when they are read: this alone would fetch them.

        Args:
            columns: The columns.

        Raises:
            DatasetError: One would, or its pages are damaged.
        """
        if self.shard.is_local:
            self._look_at(columns)

    def bytes_of(self, columns: Sequence[str] | None = None) -> list[tuple[int, int]]:
        """Say where the bytes of some columns begin and end in the shard.

        Args:
            columns: The columns; None for all.
        """
        return [extent(chunk) for _, chunk in self._chunks(columns)]

    def _chunks(self, columns: Sequence[str] | None) -> Iterator[tuple[str, pq.ColumnChunkMetaData]]:
        """Give what the footer says of some columns, and of what is inside them."""
        group = self.shard.footer.row_group(self.number)
        for number, path in enumerate(self._leaves):
            if columns is None or any(path == name or path.startswith(f"{name}.") for name in columns):
                yield path, group.column(number)

    def _look_at(self, columns: Sequence[str] | None, whole: bool = False) -> None:
        """Bring the bytes of some columns here, and refuse them where they are no more than packed nothing."""
        chunks = list(self._chunks(columns))
        place = self.shard.place
        prefetch = getattr(place, "prefetch", None)
        if prefetch is not None:
            prefetch([extent(chunk) for _, chunk in chunks])
        where = f"{self.shard.name}: row group {self.number}"
        looked_at = Chunks(place, self.shard.footer, self.number, where)
        looked_at.check(chunks, whole)

    def only_value(self, column: str) -> Any | None:  # noqa: ANN401 (whatever the column holds)
        """Give the one value that all its rows have in a column, where the statistics say so."""
        if (chunk := self._chunk(column)) is None:
            return None
        try:
            found = chunk.statistics
            if found is None or not found.has_min_max or found.min != found.max or found.null_count != 0:
                return None
            return found.min
        except (pa.ArrowException, ValueError, OverflowError):
            return None  # Statistics that cannot be read (text that is not UTF-8) say nothing; the rows do.

    def nulls(self, column: str) -> int | None:
        """Say how many of its rows have nothing in a column (``video.bytes``); None where the statistics do not.

        Raises:
            DatasetError: The column is damaged.
        """
        if column not in self._leaves:
            return None
        chunk = self._chunk(column)
        found = chunk.statistics if chunk else None
        return int(found.null_count) if found is not None and found.has_null_count else None

    def _chunk(self, column: str) -> pq.ColumnChunkMetaData | None:
        leaves = self._leaves
        if column not in leaves:
            return None
        return self.shard.footer.row_group(self.number).column(leaves.index(column))

    @property
    def _leaves(self) -> list[str]:
        """How Parquet calls the columns, and what is inside them, in the order of the footer."""
        schema = self.shard.file.schema
        return [schema.column(number).path for number in range(len(schema.names))]

    def damaged(self, error: Exception) -> DatasetError:
        """Say that it is damaged, and why it cannot be read."""
        return DatasetError(
            f"{self.shard.name}: row group {self.number} is damaged ({in_a_line(error)}); fetch or build the shard again"
        )


def _without_views(table: pa.Table) -> pa.Table:
    """Turn views of text and bytes into text and bytes: Arrow does little with views (no row can be picked)."""
    kinds = [_without_view(kind) for kind in table.schema.types]
    if kinds == table.schema.types:
        return table
    fields = [field.with_type(kind) for field, kind in zip(table.schema, kinds, strict=True)]
    return table.cast(pa.schema(fields))


def _without_view(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_without_view(field.type)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_without_view(kind.key_type), _without_view(kind.item_type))
    if not hasattr(kind, "value_field") or pa.types.is_dictionary(kind):
        return kind
    element = kind.value_field.with_type(_without_view(kind.value_type))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(element, kind.list_size)
    return pa.large_list(element) if pa.types.is_large_list(kind) else pa.list_(element)


def open_shard(
    place: Path | BinaryIO, name: str, footer: pq.FileMetaData | None = None, checksums: bool = True
) -> Shard:
    """Open a Parquet file, or a stream of one.

    Args:
        place: Its path, or a stream that can seek.
        name: What to call it in messages.
        footer: What `Shard.footer` gave before, so that it is not read again.
        checksums: Whether pages are compared with their checksums; whoever compares all that is read with its SHA-256
            need not.

    Raises:
        DatasetError: It is not a Parquet file, or is cut short.
        FileNotFoundError: There is no such file.
    """
    is_local = isinstance(place, Path)
    try:
        identity = _identity(place) if isinstance(place, Path) and footer is None else None
        footer = footer or _read_before(identity)
        content = read_footer(place) if footer is None else b""
        # Read, not mapped: a file that is cut short meanwhile would end the process, and its pages come one by one.
        file = pq.ParquetFile(
            pa.OSFile(str(place)) if is_local else place,
            metadata=footer,
            memory_map=False,
            buffer_size=_BUFFER_BYTES if is_local else 0,
            pre_buffer=False,
            page_checksum_verification=checksums,
        )
        _ = file.schema_arrow.names
        if footer is None:  # What was read before was looked at then.
            _ = [file.schema.column(number).path for number in range(len(file.schema.names))]
            check_footer(file.metadata, content, name)
            _keep(identity, file.metadata)
    except (VmevalError, FileNotFoundError):
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"{name}: is not a whole Parquet file ({in_a_line(error)}); fetch or build it again"
        ) from error
    return Shard(name, file, is_local, place)


#: The file whose footer was read last by this process: many jobs in a row are of one shard.
_last: tuple[_Identity, pq.FileMetaData] | None = None


def _identity(place: Path) -> _Identity:
    status = place.stat()
    return str(place), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _read_before(identity: _Identity | None) -> pq.FileMetaData | None:
    last = _last
    return last[1] if last is not None and last[0] == identity else None


def _keep(identity: _Identity | None, footer: pq.FileMetaData) -> None:
    global _last
    if identity is not None:
        _last = identity, footer


def peek_shard(dataset: DatasetFiles, name: str, footer: pq.FileMetaData | None = None) -> Shard:
    """Open a shard of a dataset without bringing all of it here.

    Args:
        dataset: The dataset.
        name: The shard's name in it.
        footer: What `Shard.footer` gave before, so that it is not read again.

    Raises:
        DatasetError: It is not a Parquet file, or is cut short.
    """
    return open_shard(dataset.peek(name), f"{dataset.name}: {name}", footer)


def open_shards(dataset: DatasetFiles, names: Iterable[str], whole: bool = False) -> Iterator[Shard]:
    """Open shards of a dataset one after the other; each is closed when the next is asked for.

    Args:
        dataset: The dataset.
        names: The shards' names in it.
        whole: Bring each shard here before it is read, because most of it will be.

    Raises:
        DatasetError: One is not a Parquet file, or is cut short.
    """
    bring = dataset.fetch if whole else dataset.peek
    for name in names:
        with open_shard(bring(name), f"{dataset.name}: {name}") as shard:
            yield shard
