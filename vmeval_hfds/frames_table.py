"""Questions as a pandas DataFrame: text columns, metadata in columns of its own, sizes; no picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vmeval_builders import layout
from vmeval_builders.frames import FrameError, frame_size, png_size
from vmeval_builders.rows import MEDIA_FILES, TEXT_FILES, parse_object, read_file, read_task, row_of
from vmeval_builders.scan import Scan, Task
from vmeval_hfds.columns import ColumnMap, map_columns
from vmeval_hfds.dataset_files import DatasetFiles
from vmeval_hfds.errors import DatasetError
from vmeval_hfds.flatten import column, column_name, leaves
from vmeval_hfds.row_texts import TEXT_COLUMNS, text_rows, their_text_columns
from vmeval_hfds.shards import open_shard, read_batches, read_group
from vmeval_hfds.sources import Source, find_source

if TYPE_CHECKING:
    import pandas as pd
    from datasets import Dataset

_METADATA = "question_metadata"
_FRAMES = ("first_frame", "final_frame")
_COLUMN_OF_FILE = {name: name_of_column for name_of_column, name in MEDIA_FILES.items()}
#: What is known of a task's files beside its texts, in the order of the columns.
SIZE_COLUMNS = (
    *(f"{frame}_{side}" for frame in _FRAMES for side in ("width", "height")),
    *(f"{name}_bytes" for name in MEDIA_FILES),
    "size_bytes",
)
#: A PNG says its size in its first 33 bytes.
_HEADER_BYTES = 64
_BATCH_ROWS = 100

Row = dict[str, Any]
#: Frame column to the width and height of each row's frame.
FrameSizes = dict[str, list[tuple[int, int] | None]]


def metadata_frame(source: Source | Dataset) -> pd.DataFrame:
    """Read what is known of every question into a DataFrame, and decode no picture.

    The columns: the table's text columns; frame sizes in pixels (``first_frame_width`` …) and file sizes in
    bytes (``first_frame_bytes`` …, ``size_bytes`` for all question files of a task); then question_metadata,
    an object in it as one column for each of its keys (``chess_data.initial_fen``). A key of the metadata that
    is a column already (``prompt``) comes as ``question_metadata.prompt``. Lists stay lists, a string of digits
    stays a string, and a column has one pandas type only where all its values are of one JSON type.

    From the Hub, no byte of an image is fetched, and so frame sizes are missing there.

    Args:
        source: A folder, a dataset directory, a repo id, an open `Scan` or `DatasetFiles`, or a
            `datasets.Dataset` with the columns of `to_dataset`.

    Returns:
        One row per task, in the order of the paths (a `datasets.Dataset` keeps its order).

    Raises:
        FileNotFoundError: There is no such source.
        DatasetError: The dataset is damaged, or no dataset of questions.
    """
    import pandas as pd

    texts, rows = _read(source)
    names = [*texts, *SIZE_COLUMNS]
    columns: dict[str, Any] = {
        name: pd.Series([row.get(name) for row in rows], dtype="string") for name in texts
    }
    columns |= {name: pd.Series([row.get(name) for row in rows], dtype="Int64") for name in SIZE_COLUMNS}
    columns |= _metadata_columns([row.get(_METADATA) for row in rows], names)
    return pd.DataFrame(columns)


def _read(source: Source | Dataset) -> tuple[list[str], list[Row]]:
    """Name the text columns, and read them and the sizes."""
    if hasattr(source, "with_format"):
        return _dataset_rows(source)
    found = find_source(source)
    rows = list(_folder_rows(found) if isinstance(found, Scan) else _shard_rows(found))
    return TEXT_COLUMNS, sorted(rows, key=lambda row: row["path"] or "")


def _metadata_columns(texts: Iterable[str | None], names: list[str]) -> dict[str, pd.Series[Any]]:
    found: dict[tuple[str, ...], dict[int, Any]] = defaultdict(dict)
    number = -1
    for number, text in enumerate(texts):
        value = parse_object(text)[0] if text is not None else None
        for keys, leaf in leaves(value or {}):
            found[keys][number] = leaf
    rows = range(number + 1)
    return {
        column_name(keys, names, _METADATA): column([values.get(row) for row in rows])
        for keys, values in found.items()
    }


def _folder_rows(scan: Scan) -> Iterator[Row]:
    for task in scan.tasks:
        row = row_of(read_task(scan.root, task, media=False))
        sizes = {name: entry.size_bytes for name, entry in task.files.items()}
        yield row | _byte_counts(sizes) | _sizes_of_files(scan, task)


def _byte_counts(sizes: Mapping[str, int]) -> Row:
    counts: Row = {f"{_COLUMN_OF_FILE[name]}_bytes": sizes[name] for name in sizes if name in _COLUMN_OF_FILE}
    return counts | {"size_bytes": sum(sizes.values()) if sizes else None}


def _sizes_of_files(scan: Scan, task: Task) -> Row:
    row: Row = {}
    for frame in _FRAMES:
        if entry := task.files.get(MEDIA_FILES[frame]):
            with (scan.root / entry.path).open("rb") as stream:
                size = png_size(stream.read(_HEADER_BYTES))
            row |= _size(frame, size or _other_size(read_file(scan.root, entry)))
    return row


def _size(frame: str, size: tuple[int, int] | None) -> Row:
    return {f"{frame}_width": size[0], f"{frame}_height": size[1]} if size else {}


def _other_size(content: bytes) -> tuple[int, int] | None:
    """Give the size of a frame that is no PNG, whatever its name says; None where it is no picture."""
    try:
        return frame_size(content)
    except FrameError:
        return None


def _shard_rows(dataset: DatasetFiles) -> Iterator[Row]:
    sizes = _listed_sizes(dataset)
    for name in dataset.questions:
        place = dataset.peek(name)
        with open_shard(place) as shard:
            columns = map_columns(shard.schema_arrow, f"{dataset.name}: {name}")
            for group in range(shard.num_row_groups):
                table = read_group(shard, name, group, their_text_columns(columns))
                # On this disk the frames are cheap to look at; over a network they would all be fetched.
                frames = _group_sizes(shard, name, group, columns) if isinstance(place, Path) else {}
                for row, text in enumerate(text_rows(columns, table)):
                    yield text | _byte_counts(sizes.get(text["path"], {})) | _row_sizes(frames, row)


def _group_sizes(shard: pq.ParquetFile, name: str, group: int, columns: ColumnMap) -> FrameSizes:
    """Read the frames' sizes of a row group."""
    frames: FrameSizes = {}
    for frame in _FRAMES:
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


def _listed_sizes(dataset: DatasetFiles) -> dict[str, dict[str, int]]:
    """Read how long each question file is, from the list of files; its contents stay where they are."""
    sizes: dict[str, dict[str, int]] = defaultdict(dict)
    for name in dataset.listings:
        with open_shard(dataset.peek(name)) as shard:
            if not {"path", "size"} <= set(shard.schema_arrow.names):
                continue
            for group in range(shard.num_row_groups):
                table = read_group(shard, name, group, ["path", "size"])
                for path, size in zip(table["path"].to_pylist(), table["size"].to_pylist(), strict=True):
                    folder, _, file = (path or "").rpartition("/")
                    if file in layout.QUESTION_FILES and size is not None:
                        sizes[folder][file] = size
    return sizes


def _dataset_rows(dataset: Dataset) -> tuple[list[str], list[Row]]:
    """Read a `datasets.Dataset` as Arrow: so it decodes nothing."""
    features = getattr(dataset, "features", None) or {}
    texts = [
        name
        for name, feature in features.items()
        if getattr(feature, "dtype", None) in ("string", "large_string")
    ]
    media = [name for name in MEDIA_FILES if name in features]
    if not texts or not hasattr(dataset, "num_rows"):
        found = ", ".join(features) or "no columns"
        raise DatasetError(
            f"expected a datasets.Dataset of questions, found a {type(dataset).__name__} with {found}; "
            "to_dataset makes one"
        )
    rows: list[Row] = []
    for table in dataset.select_columns([*texts, *media]).with_format("arrow").iter(_BATCH_ROWS):
        frames = {name: _frame_sizes(table[name]) for name in media if name in _FRAMES}
        counts = _column_lengths(table, media)
        for row, text in enumerate(table.select(texts).to_pylist()):
            rows.append(text | counts[row] | _row_sizes(frames, row))
    return texts, rows


def _column_lengths(table: pa.Table, media: list[str]) -> list[Row]:
    """Count the bytes of what each row's columns hold whole: they are the task's question files."""
    whole = {f"{name}_bytes": _bytes_of(table[name]) for name in media}
    whole |= {name: table[name] for name in TEXT_FILES if name in table.column_names}
    lengths = {name: pc.binary_length(values).to_pylist() for name, values in whole.items()}
    counts: list[Row] = [
        dict(zip(lengths, of_row, strict=True)) for of_row in zip(*lengths.values(), strict=True)
    ]
    return [
        {name: count for name, count in of_row.items() if name not in TEXT_FILES}
        | {"size_bytes": sum(count or 0 for count in of_row.values())}
        for of_row in counts
    ] or [{} for _ in range(table.num_rows)]
