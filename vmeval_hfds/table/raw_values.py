"""Byte strings of a row group that stand in the shard as they are, read into memory that is used again.

Images and videos are neither packed nor numbers of a dictionary (`vmeval_hfds.table.parquet`): then each is a part of
what is read, and Arrow would copy it twice. What the pages hold is not compared with what the footer says of it: whoever
reads so compares the SHA-256 of each value.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import pyarrow.parquet as pq

from vmeval_builders.arrow.arena import fresh_memory
from vmeval_hfds.table.pages import extent
from vmeval_hfds.table.reader import Shard
from vmeval_hfds.table.thrift import parse_struct

# https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
_KIND, _UNPACKED, _PACKED, _DATA = 1, 2, 3, 5
_DATA_PAGE, _ENCODING, _PLAIN = 0, 2, 0
_LENGTH = struct.Struct("<I")
#: Pages of images and videos have no statistics, so that their headers are short.
_HEADER_BYTES = 128

#: Memory that nobody uses now, of this process.
_unused: list[memoryview] = []


@dataclass(frozen=True, slots=True)
class RawColumns:
    """Columns of byte strings in a shard on this disk.

    Attributes:
        place: The shard.
        footer: Its footer.
        leaves: The columns' numbers, and how many lengths of levels each page begins with.
    """

    place: Path
    footer: pq.FileMetaData
    leaves: Sequence[tuple[int, int]]

    @classmethod
    def of(cls, shard: Shard, names: Collection[str]) -> RawColumns | None:
        """Find columns by their paths in the schema, such as ``image.bytes``; None where they cannot be read so.

        Args:
            shard: The shard.
            names: The paths; of those that the shard has not got, nothing is read.
        """
        schema = shard.file.schema
        columns = [(number, schema.column(number)) for number in range(len(schema.names))]
        found = [(number, column) for number, column in columns if column.path in names]
        if not isinstance(shard.place, Path) or any(one.physical_type != "BYTE_ARRAY" for _, one in found):
            return None
        levels = (
            (column.max_repetition_level > 0) + (column.max_definition_level > 0) for _, column in found
        )
        return cls(
            shard.place,
            shard.footer,
            [(number, count) for (number, _), count in zip(found, levels, strict=True)],
        )

    @contextmanager
    def read(self, groups: Collection[int]) -> Iterator[list[memoryview] | None]:
        """Read all values of some row groups that are no nulls; None where they do not stand there as they are.

        They are there only until the end.

        Raises:
            OSError: They cannot be read.
        """
        chunks = self._chunks(groups)
        with _memory(sum(chunk.total_compressed_size for chunk, _ in chunks)) as memory:
            yield self._read(chunks, memory)

    def size_bytes(self, groups: Collection[int]) -> int:
        """Say how much memory that takes."""
        return sum(chunk.total_compressed_size for chunk, _ in self._chunks(groups))

    def _chunks(self, groups: Collection[int]) -> list[tuple[pq.ColumnChunkMetaData, int]]:
        footers = map(self.footer.row_group, groups)
        return [(footer.column(number), levels) for footer in footers for number, levels in self.leaves]

    def _read(
        self, chunks: Sequence[tuple[pq.ColumnChunkMetaData, int]], memory: memoryview
    ) -> list[memoryview] | None:
        values: list[memoryview] = []
        with self.place.open("rb", buffering=0) as stream:
            for chunk, levels in chunks:
                length = chunk.total_compressed_size
                place, memory = memory[:length], memory[length:]
                is_whole = chunk.compression == "UNCOMPRESSED" and _fill(place, stream, extent(chunk)[0])
                if not is_whole or not _take(place, levels, values):
                    return None
        return values


def _fill(place: memoryview, stream: FileIO, start: int) -> bool:
    stream.seek(start)
    while len(place):
        read = stream.readinto(place)
        if not read:
            return False
        place = place[read:]
    return True


def _take(content: memoryview, levels: int, values: list[memoryview]) -> bool:
    """Take the values out of a column's pages; False where they are others than plain ones."""
    at, length_of = 0, _LENGTH.unpack_from
    try:
        while at < len(content):
            header, length = parse_struct(bytes(content[at : at + _HEADER_BYTES]))
            at += length
            end = at + header[_PACKED]
            is_plain = header[_KIND] == _DATA_PAGE and header[_DATA][_ENCODING] == _PLAIN
            if not is_plain or header[_UNPACKED] != header[_PACKED] or not at <= end <= len(content):
                return False
            for _ in range(levels):
                at += _LENGTH.size + length_of(content, at)[0]
            while at < end:
                start = at + _LENGTH.size
                at = start + length_of(content, at)[0]
                values.append(content[start:at])
            if at != end:
                return False
    except (LookupError, TypeError, ValueError, OverflowError, struct.error):
        return False
    return True


@contextmanager
def _memory(size_bytes: int) -> Iterator[memoryview]:
    memory = _unused.pop() if _unused else memoryview(b"")
    if len(memory) < size_bytes:
        memory = fresh_memory(size_bytes)
    try:
        yield memory
    finally:
        _unused.append(memory)


def forget_memory() -> None:
    """Give back what memory this process has ready for further reads."""
    _unused.clear()
