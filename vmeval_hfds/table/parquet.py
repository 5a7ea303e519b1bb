"""Parquet files as this project writes them: their options, and what goes into one row group."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

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
    import pyarrow as pa
    import pyarrow.parquet as pq

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
