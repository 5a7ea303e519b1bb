"""Questions as a pandas DataFrame: text columns, metadata in columns of its own, sizes; no picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vmeval_builders.entries import Unit
from vmeval_builders.frames import FrameError, frame_size, png_size
from vmeval_builders.json_values import parse_object
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.registry import QUESTIONS, layout_named, layout_of_columns
from vmeval_builders.rows import read_unit, row_of
from vmeval_builders.scan import Scan
from vmeval_hfds.errors import DatasetError
from vmeval_hfds.folder.places import listed_sizes
from vmeval_hfds.rows.find import Source, find_source
from vmeval_hfds.rows.flatten import column, column_name, leaves
from vmeval_hfds.rows.texts import text_rows, their_text_columns
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.columns import ColumnMap, map_columns
from vmeval_hfds.table.listing import read_sizes
from vmeval_hfds.table.shards import open_shard, read_batches, read_group

if TYPE_CHECKING:
    import pandas as pd
    from datasets import Dataset

#: A PNG says its size in its first 33 bytes.
_HEADER_BYTES = 64
_BATCH_ROWS = 100

Row = dict[str, Any]
#: Frame column to the width and height of each row's frame.
FrameSizes = dict[str, list[tuple[int, int] | None]]


def metadata_frame(source: Source | Dataset, *, builder: str | None = None) -> pd.DataFrame:
    """Read what is known of every row into a DataFrame, and decode no picture.

    The columns: the table's text columns; frame sizes in pixels (``first_frame_width`` …) and file sizes in
    bytes (``first_frame_bytes`` …, ``size_bytes`` for all files of a row); then the JSON text of the row
    (question_metadata, a run's metadata, a result), one column for each of its keys (``chess_data.initial_fen``).
    A key that is a column already (``prompt``) comes as ``question_metadata.prompt``. Lists stay lists, a string of digits
    stays a string, and a column has one pandas type only where all its values are of one JSON type.

    From the Hub, no byte of an image is fetched, and so frame sizes are missing there.

    Args:
        source: A folder, a dataset directory, a repo id, an open `Scan` or `DatasetFiles`, or a
            `datasets.Dataset` with the columns of `to_dataset`.
        builder: The name of the builder that describes a folder or table; None finds it out.

    Returns:
        One row per question, run or result, in the order of the paths (a `datasets.Dataset` keeps its order).

    Raises:
        FileNotFoundError: There is no such source.
        DatasetError: The dataset is damaged, or no dataset that a builder made.
    """
    import pandas as pd

    described, texts, rows = _read(source, builder)
    sizes = size_columns(described)
    columns: dict[str, Any] = {
        name: pd.Series([row.get(name) for row in rows], dtype=_DTYPES[described.columns.get(name, "string")])
        for name in texts
    }
    columns |= {name: pd.Series([row.get(name) for row in rows], dtype="Int64") for name in sizes}
    found = [row.get(described.json_from) for row in rows]
    columns |= _metadata_columns(found, described.json_from, [*texts, *sizes])
    return pd.DataFrame(columns)


_DTYPES = {"string": "string", "float64": "Float64", "int64": "Int64"}


def size_columns(layout: Layout) -> list[str]:
    """Name what is known of a row's files beside its texts, in the order of the columns."""
    if not layout.media:
        return ["size_bytes"]
    frames = [f"{frame}_{side}" for frame in _frames(layout) for side in ("width", "height")]
    return [*frames, *(f"{name}_bytes" for name in layout.media), "size_bytes"]


def _frames(layout: Layout) -> list[str]:
    return [name for name in layout.media if layout.columns[name] == "image"]


def _read(source: Source | Dataset, builder: str | None) -> tuple[Layout, list[str], list[Row]]:
    """Find the builder, name the text columns, and read them and the sizes."""
    if hasattr(source, "with_format"):
        return _dataset_rows(source, builder)
    found = find_source(source, builder)
    if isinstance(found, Scan):
        described, rows = found.layout, [_unit_row(found, unit) for unit in found.units]
    else:
        described, rows = _shard_rows(found, builder)
    return described, described.text_columns, sorted(rows, key=lambda row: row["path"] or "")


def _metadata_columns(
    texts: Iterable[str | None], prefix: str, names: list[str]
) -> dict[str, pd.Series[Any]]:
    found: dict[tuple[str, ...], dict[int, Any]] = defaultdict(dict)
    number = -1
    for number, text in enumerate(texts):
        value = parse_object(text)[0] if text is not None else None
        for keys, leaf in leaves(value or {}):
            found[keys][number] = leaf
    rows = range(number + 1)
    return {
        column_name(keys, names, prefix): column([values.get(row) for row in rows])
        for keys, values in found.items()
    }


def _unit_row(scan: Scan, unit: Unit) -> Row:
    row = row_of(scan.layout, read_unit(scan.source, scan.layout, unit, media=False))
    sizes = {column: entry.size_bytes for column, entry in unit.files.items()}
    return row | _byte_counts(scan.layout, sizes) | _sizes_of_files(scan, unit)


def _byte_counts(layout: Layout, sizes: Mapping[str, int]) -> Row:
    counts: Row = {f"{name}_bytes": sizes[name] for name in layout.media if name in sizes}
    return counts | {"size_bytes": sum(sizes.values()) if sizes else None}


def _sizes_of_files(scan: Scan, unit: Unit) -> Row:
    row: Row = {}
    for frame in _frames(scan.layout):
        if entry := unit.files.get(frame):
            size = png_size(scan.source.head(entry, _HEADER_BYTES))
            row |= _size(frame, size or _other_size(scan.source.read(entry)))
    return row


def _size(frame: str, size: tuple[int, int] | None) -> Row:
    return {f"{frame}_width": size[0], f"{frame}_height": size[1]} if size else {}


def _other_size(content: bytes) -> tuple[int, int] | None:
    """Give the size of a frame that is no PNG, whatever its name says; None where it is no picture."""
    try:
        return frame_size(content)
    except FrameError:
        return None


def _shard_rows(dataset: DatasetFiles, builder: str | None) -> tuple[Layout, list[Row]]:
    sizes = read_sizes(dataset)
    described: Layout = QUESTIONS
    rows: list[Row] = []
    for name in dataset.row_shards:
        place = dataset.peek(name)
        with open_shard(place) as shard:
            columns = map_columns(shard.schema_arrow, f"{dataset.name}: {name}", builder)
            described = columns.layout
            needed = list(dict.fromkeys([*columns.key_columns, *their_text_columns(columns)]))
            for group in range(shard.num_row_groups):
                table = read_group(shard, name, group, needed)
                names = columns.file_names(table)
                # On this disk the frames are cheap to look at; over a network they would all be fetched.
                frames = _group_sizes(shard, name, group, columns) if isinstance(place, Path) else {}
                for row, text in enumerate(text_rows(columns, table)):
                    of_row = {column: values[row] for column, values in names.items()}
                    held = listed_sizes(described, text["path"] or "", of_row, sizes)
                    rows.append(text | _byte_counts(described, held) | _row_sizes(frames, row))
    return described, rows


def _group_sizes(shard: pq.ParquetFile, name: str, group: int, columns: ColumnMap) -> FrameSizes:
    """Read the frames' sizes of a row group."""
    frames: FrameSizes = {}
    for frame in _frames(columns.layout):
        if theirs := columns.names.get(frame):
            batches = read_batches(shard, name, group, [theirs], _BATCH_ROWS)
            frames[frame] = [size for batch in batches for size in _frame_sizes(batch[theirs])]
    return frames


def _frame_sizes(values: pa.ChunkedArray) -> list[tuple[int, int] | None]:
    contents = _bytes_of(values)
    heads = pc.binary_slice(contents, 0, _HEADER_BYTES).to_pylist()
    return [
        None if head is None else png_size(head) or _other_size(contents[row].as_py())
        for row, head in enumerate(heads)
    ]


def _bytes_of(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.struct_field(values, "bytes") if pa.types.is_struct(values.type) else values


def _row_sizes(frames: FrameSizes, row: int) -> Row:
    sizes: Row = {}
    for frame, of_rows in frames.items():
        sizes |= _size(frame, of_rows[row])
    return sizes


def _dataset_rows(dataset: Dataset, builder: str | None) -> tuple[Layout, list[str], list[Row]]:
    """Read a `datasets.Dataset` as Arrow: so it decodes nothing."""
    features = getattr(dataset, "features", None) or {}
    described = layout_named(builder) if builder else layout_of_columns(features) or QUESTIONS
    texts = [name for name, feature in features.items() if getattr(feature, "dtype", None) in _TEXT_DTYPES]
    media = [name for name in described.media if name in features]
    if not texts or not hasattr(dataset, "num_rows"):
        found = ", ".join(features) or "no columns"
        raise DatasetError(
            f"expected a datasets.Dataset of {described.name}, found a {type(dataset).__name__} with {found}; "
            "to_dataset makes one"
        )
    rows: list[Row] = []
    for table in dataset.select_columns([*texts, *media]).with_format("arrow").iter(_BATCH_ROWS):
        frames = {name: _frame_sizes(table[name]) for name in media if name in _frames(described)}
        counts = _column_lengths(described, table, media)
        for row, text in enumerate(table.select(texts).to_pylist()):
            rows.append(text | counts[row] | _row_sizes(frames, row))
    return described, texts, rows


_TEXT_DTYPES = ("string", "large_string", "float64")


def _column_lengths(layout: Layout, table: pa.Table, media: list[str]) -> list[Row]:
    """Count the bytes of what each row's columns hold whole: they are the row's files."""
    whole = {f"{name}_bytes": _bytes_of(table[name]) for name in media}
    texts = [name for name in layout.text_files if name in table.column_names]
    whole |= {name: table[name] for name in texts}
    lengths = {name: pc.binary_length(values).to_pylist() for name, values in whole.items()}
    counts: list[Row] = [
        dict(zip(lengths, of_row, strict=True)) for of_row in zip(*lengths.values(), strict=True)
    ]
    return [
        {name: count for name, count in of_row.items() if name not in texts}
        | {"size_bytes": sum(count or 0 for count in of_row.values())}
        for of_row in counts
    ] or [{} for _ in range(table.num_rows)]
