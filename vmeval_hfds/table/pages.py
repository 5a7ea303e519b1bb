"""What of a Parquet file would be unpacked, told from its footer and its pages' headers before anything is.

A file of 100 kB can hold a prompt of a gigabyte of zeros, or a billion rows that are all null. And Arrow ends the whole
process where it is asked for the facts of a column that a crafted footer does not describe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import SEEK_END
from pathlib import Path
from typing import BinaryIO, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vmeval_hfds.errors import DatasetError, shown
from vmeval_hfds.table.thrift import Fields, parse_struct, structs_in

#: Less than this is unpacked whatever it was packed into: a reader holds it two or three times, and still fits a laptop.
UNPACKED_LIMIT_BYTES = 256 * 2**20
#: More may come of a column that is not packed better than this. Prompts and JSON reach 20, lists of files 10, images
#: and videos 1; zeros reach 10,000.
UNPACKED_FACTOR = 100
#: What repeated values (a dictionary) may come to: a million rows, as others write into one row group, of a kilobyte.
REPEATED_LIMIT_BYTES = 2**30
#: More rows than this in one shard, or values in one column of a row group, are refused: others write at most a
#: million into a row group, we a thousandth of that into a shard, and a billion nulls take no more room than one.
ROWS_LIMIT = 2**23
#: What is read of a row group whole, such as the names of its rows or its part of the list of files, whose largest file
#: is below 2 GiB. Images and videos are read a few rows at a time.
READ_LIMIT_BYTES = 2**32

#: Gives some bytes of a file, by where they begin and how many they are; fewer at its end.
Read: TypeAlias = "Callable[[int, int], bytes]"

# https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
_GROUPS, _COLUMNS, _ROWS, _META_DATA, _CRYPTO = 4, 1, 3, 3, 8
_REQUIRED = frozenset({1, 2, 3, 4, 5, 6, 7, 9})
#: How many values, how many bytes unpacked and packed, and where.
_COUNTS = (5, 6, 7, 9)
_SIZES, _HISTOGRAMS = 16, (2, 3)
_KIND = 1
_KINDS = ("BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
#: Arrow's first read, which has all of most footers.
_END_BYTES = 64 * 1024
_UNPACKED, _PACKED, _DATA, _DICTIONARY, _DATA_V2 = 2, 3, 5, 7, 8
_PAGE_VALUES = 1
_NUMBERS_AT_ONCE = 2**16
_HEADER_BYTES = 512
#: A header with statistics of long texts; Arrow reads none that is longer than this.
_HEADER_LIMIT_BYTES = 16 * 2**20


def read_footer(place: Path | BinaryIO) -> bytes:
    """Read the bytes of a Parquet file's footer, in as few reads as Arrow will; empty where it has none.

    Args:
        place: The file, or a stream of it.

    Raises:
        OSError: It cannot be read.
    """
    with _reading(place) as read:
        size = place.stat().st_size if isinstance(place, Path) else place.seek(0, SEEK_END)
        end = read(max(0, size - _END_BYTES), _END_BYTES)
        length = int.from_bytes(end[-8:-4], "little")
        if length + 8 > size:
            return b""
        if length + 8 > len(end):
            end = read(size - length - 8, length + 8)
        return end[-8 - length : -8]


def check_footer(footer: pq.FileMetaData, content: bytes, name: str) -> None:
    """Refuse a footer that does not describe every column of every row group, or speaks of too many rows.

    Args:
        footer: What Arrow made of it.
        content: What `read_footer` gave.
        name: What messages call the file.

    Raises:
        DatasetError: It is such a footer.
    """
    if footer.num_rows > ROWS_LIMIT:
        raise DatasetError(
            f"{name}: has {footer.num_rows:,} rows; expected {ROWS_LIMIT:,} at most in one shard; write it as several"
        )
    try:
        leaves = [footer.schema.column(number) for number in range(footer.num_columns)]
        expected = [
            (_KINDS.index(leaf.physical_type), leaf.max_repetition_level, leaf.max_definition_level)
            for leaf in leaves
        ]
        counts, described = [], True
        for group in structs_in(content, _GROUPS):
            described &= len(group[_COLUMNS]) == len(expected) and all(
                map(_is_sound, group[_COLUMNS], expected)
            )
            counts.append(group[_ROWS])
        described &= len(counts) == footer.num_row_groups
        counted = sum(counts) == footer.num_rows and min(counts, default=0) >= 0
    except (LookupError, ValueError, TypeError, AttributeError):
        described = counted = False
    if not described or not counted:
        raise DatasetError(
            f"{name}: its footer is damaged (it does not say where the columns of each row group are, and how many rows "
            "there are); fetch or build it again"
        )


def _is_sound(column: Fields, expected: tuple[int, int, int]) -> bool:
    """Whether Arrow can be asked for a column's facts, and finds its bytes at a place and of a length."""
    about = column.get(_META_DATA)
    if not isinstance(about, dict) or _CRYPTO in column or not about.keys() >= _REQUIRED:
        return False
    kind, *levels = expected
    sizes = about.get(_SIZES, {})
    histograms = zip((sizes.get(number) for number in _HISTOGRAMS), levels, strict=True)
    described = all(not counts or len(counts) == level + 1 for counts, level in histograms)
    return described and about[_KIND] == kind and all(about[number] >= 0 for number in _COUNTS)


@dataclass(frozen=True, slots=True)
class Chunks:
    """Columns of one row group, of a footer that `check_footer` let through.

    Attributes:
        place: The file, or a stream of it.
        footer: Its footer.
        group: The row group's number.
        where: What messages call the row group.
    """

    place: Path | BinaryIO
    footer: pq.FileMetaData
    group: int
    where: str

    def check(self, chunks: Iterable[tuple[str, pq.ColumnChunkMetaData]], whole: bool) -> None:
        """Refuse columns that would unpack to far more than they are.

        Args:
            chunks: The columns' paths in the schema, and what the footer says of them.
            whole: Whether all of it will be held at once.

        Raises:
            DatasetError: One would, or a page's header is damaged.
            OSError: They cannot be read.
        """
        unpacked = 0
        with _reading(self.place) as read:
            for path, chunk in chunks:
                pages = check_pages(chunk, read, self._named(path))
                unpacked += pages.unpacked_bytes
                if pages.repeated_bytes * chunk.num_values > REPEATED_LIMIT_BYTES:
                    self._check_repeated(path, chunk.total_compressed_size)
        if whole and unpacked > READ_LIMIT_BYTES:
            raise DatasetError(
                f"{self.where}: has {unpacked:,} bytes in columns of text; expected {READ_LIMIT_BYTES:,} at most; "
                "write it as several row groups"
            )

    def _check_repeated(self, path: str, packed_bytes: int) -> None:
        """Refuse a column of few values, at least one of them long, that many rows repeat: it is read as numbers."""
        file = pq.ParquetFile(self.place, metadata=self.footer, read_dictionary=[path])
        unpacked = 0
        for batch in file.iter_batches(_NUMBERS_AT_ONCE, [self.group], [path], use_threads=False):
            for column in batch.columns:
                unpacked += _repeated_bytes(column)
            if unpacked > REPEATED_LIMIT_BYTES and unpacked > UNPACKED_FACTOR * packed_bytes:
                raise _unpacks(self._named(path), packed_bytes, unpacked)

    def _named(self, path: str) -> str:
        return f"{self.where}: column {shown(path)}"


def _repeated_bytes(values: pa.Array) -> int:
    """Say how long the texts are that rows refer to by number, wherever in a column they lie."""
    if pa.types.is_struct(values.type):
        return sum(map(_repeated_bytes, values.flatten()))
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        return _repeated_bytes(values.flatten())
    if not pa.types.is_dictionary(values.type):
        return 0
    lengths = pc.binary_length(values.dictionary).cast(pa.int64())
    return int(pc.sum(lengths.take(values.indices)).as_py() or 0)


@contextmanager
def _reading(place: Path | BinaryIO) -> Iterator[Read]:
    """Open a file for reads of any place."""

    def read(start: int, length: int) -> bytes:
        stream.seek(start)
        return stream.read(length)

    if not isinstance(place, Path):
        stream: BinaryIO = place
        yield read
        return
    with place.open("rb", buffering=0) as stream:
        yield read


@dataclass(frozen=True, slots=True)
class Pages:
    """What the headers of a column's pages in one row group say.

    Attributes:
        unpacked_bytes: How long they are, unpacked.
        repeated_bytes: How long the values are that data pages refer to by number.
    """

    unpacked_bytes: int
    repeated_bytes: int


def check_pages(chunk: pq.ColumnChunkMetaData, read: Read, where: str) -> Pages:
    """Refuse a column of a row group that would unpack to far more than it is.

    Args:
        chunk: Where it lies; of a footer that `check_footer` let through.
        read: Gives some bytes of the file, by where they begin and how many they are; fewer at its end.
        where: What messages call the column.

    Returns:
        What its pages hold.

    Raises:
        DatasetError: It would.
    """
    packed_bytes, unpacked, values, repeated = chunk.total_compressed_size, 0, 0, 0
    for header in _headers(chunk, read, where):
        unpacked += header[_UNPACKED]
        if _DICTIONARY in header:
            repeated = header[_UNPACKED]
        values += _values(header)
        if unpacked > UNPACKED_LIMIT_BYTES and unpacked > UNPACKED_FACTOR * packed_bytes:
            raise _unpacks(where, packed_bytes, unpacked)
    if (most := max(values, chunk.num_values)) > ROWS_LIMIT:
        raise DatasetError(
            f"{where}: has {most:,} values; expected {ROWS_LIMIT:,} at most in a row group; write it as several"
        )
    return Pages(unpacked, repeated)


def _unpacks(where: str, packed_bytes: int, unpacked: int) -> DatasetError:
    return DatasetError(
        f"{where}: would unpack from {packed_bytes:,} bytes to {unpacked:,} or more; expected {UNPACKED_FACTOR} times "
        "as many at most; build it again from data that is meant"
    )


def _headers(chunk: pq.ColumnChunkMetaData, read: Read, where: str) -> Iterator[Fields]:
    """Read the headers of a column's pages; what lies between is not looked at."""
    start, end = extent(chunk)
    while start < end:
        header, header_bytes = _header(read, start, end, where)
        sizes = [header.get(number) for number in (_UNPACKED, _PACKED)]
        if not all(isinstance(size, int) and size >= 0 for size in sizes):
            raise _damaged_page(where, start)
        yield header
        start += header_bytes + header[_PACKED]


def _values(header: Fields) -> int:
    """Say how many values a page of data has; 0 of any other."""
    about = header.get(_DATA, header.get(_DATA_V2))
    found = about.get(_PAGE_VALUES, 0) if isinstance(about, dict) else 0
    return found if isinstance(found, int) else 0


def _header(read: Read, start: int, end: int, where: str) -> tuple[Fields, int]:
    length = _HEADER_BYTES
    while True:
        try:
            return parse_struct(read(start, min(length, end - start)))
        except IndexError as error:
            if length >= min(_HEADER_LIMIT_BYTES, end - start):
                raise _damaged_page(where, start) from error
        except ValueError as error:
            raise _damaged_page(where, start) from error
        length *= 8


def _damaged_page(where: str, at: int) -> DatasetError:
    return DatasetError(f"{where}: its page at byte {at} is damaged; fetch or build the shard again")


def extent(chunk: pq.ColumnChunkMetaData) -> tuple[int, int]:
    """Say where the bytes of a column in a row group begin and end."""
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    return start, start + chunk.total_compressed_size
