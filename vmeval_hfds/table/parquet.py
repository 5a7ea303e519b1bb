"""Parquet files with the options of this project: how one is written, and its row groups read again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from vmeval_builders.errors import VmevalError
from vmeval_hfds.errors import DatasetError

Item = TypeVar("Item")

#: A row group is what a reader holds in memory at once. The Hub's viewer wants about 100 rows with images:
#: https://huggingface.co/docs/hub/datasets-viewer-configure
ROW_GROUP_ROWS = 100
ROW_GROUP_BYTES = 16 * 2**20


def row_groups(items: Iterable[Item], size: Callable[[Item], int], most_rows: int) -> Iterator[list[Item]]:
    """Gather items into runs that fit one row group; an item larger than a group stands alone."""
    group: list[Item] = []
    group_bytes = 0
    for item in items:
        item_bytes = size(item)
        if group and (group_bytes + item_bytes > ROW_GROUP_BYTES or len(group) == most_rows):
            yield group
            group, group_bytes = [], 0
        group.append(item)
        group_bytes += item_bytes
    if group:
        yield group


def open_writer(target: Path, schema: pa.Schema, repeating: Collection[str] = ()) -> pq.ParquetWriter:
    """Open a Parquet file for writing, with options under which the same rows give the same bytes.

    Args:
        target: The file.
        schema: Its columns.
        repeating: Columns whose values many rows share.
    """
    text = [field.name for field in schema if field.type in (pa.string(), pa.int64(), pa.float64())]
    return pq.ParquetWriter(
        target,
        schema,
        # PNG and MP4 do not get smaller, and statistics of whole images would double the footer.
        compression=dict.fromkeys(text, "zstd"),
        use_dictionary=[name for name in text if name in repeating],
        write_statistics=text,
        write_page_checksum=True,
    )


def open_shard(source: Path | BinaryIO) -> pq.ParquetFile:
    """Open a Parquet file, or a stream of one, for reading row groups one at a time.

    Raises:
        DatasetError: It is not a Parquet file, or is cut short.
    """
    try:
        return pq.ParquetFile(
            source, memory_map=isinstance(source, Path), pre_buffer=False, page_checksum_verification=True
        )
    except VmevalError:
        raise
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise DatasetError(
            f"{source}: is not a whole Parquet file ({error}); fetch or build it again"
        ) from error


def read_group(
    shard: pq.ParquetFile, name: str, group: int, columns: Sequence[str] | None = None
) -> pa.Table:
    """Read one row group.

    Args:
        shard: The shard.
        name: What to call it in a message.
        group: The row group's number.
        columns: The columns to read; None for all.

    Raises:
        DatasetError: Its pages are damaged.
    """
    try:
        return shard.read_row_group(group, columns=columns, use_threads=False)
    except VmevalError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(
            f"{name}: row group {group} is damaged ({error}); fetch or build the shard again"
        ) from error


def read_batches(
    shard: pq.ParquetFile, name: str, group: int, columns: Sequence[str], rows: int
) -> Iterator[pa.Table]:
    """Read one row group a few rows at a time, for row groups that others made too large to hold.

    Raises:
        DatasetError: Its pages are damaged.
    """
    try:
        for batch in shard.iter_batches(rows, row_groups=[group], columns=columns, use_threads=False):
            yield pa.Table.from_batches([batch])
    except VmevalError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(
            f"{name}: row group {group} is damaged ({error}); fetch or build the shard again"
        ) from error
