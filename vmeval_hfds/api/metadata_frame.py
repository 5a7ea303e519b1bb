"""Questions as a pandas DataFrame: text columns, metadata in columns of its own, sizes; no picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from vmeval_builders.entries import column_of
from vmeval_builders.json_values import parse_object
from vmeval_builders.layouts.layout import Layout
from vmeval_hfds.rows.flatten import column, column_name, leaves
from vmeval_hfds.rows.open import Source, open_rows
from vmeval_hfds.rows.rows import Row
from vmeval_hfds.table.naming import NOTHING_SAID, Naming

if TYPE_CHECKING:
    import pandas as pd

#: A kind of column and its type in pandas, which has a value for what is missing.
_DTYPES = {"string": "string", "float64": "Float64", "int64": "Int64"}


def metadata_frame(
    source: Source,
    *,
    builder: str | None = None,
    columns: Mapping[str, str] = NOTHING_SAID.columns,
    template: str = "",
) -> pd.DataFrame:
    """Read what is known of every row into a DataFrame, and decode no picture.

    The columns: the table's text columns; frame sizes in pixels (``first_frame_width`` …) and file sizes in
    bytes (``first_frame_bytes`` …, ``size_bytes`` for all files of a row); then the JSON text of the row
    (question_metadata, a run's metadata, a result), one column for each of its keys (``chess_data.initial_fen``).
    A key that is a column already (``prompt``) comes as ``question_metadata.prompt``. Lists stay lists, a string of digits
    stays a string, and a column has one pandas type only where all its values are of one JSON type.

    From the Hub, no byte of an image is fetched, and so frame sizes are missing there.

    Args:
        source: A folder, an archive, a dataset directory, a repository, a `datasets.Dataset`, or what was opened.
        builder: The name of the builder that describes a folder or table; None finds it out.
        columns: Column to what a table of others calls it, as `export` takes it.
        template: What its rows' folders are called, likewise.

    Returns:
        One row per question, run or result, in the order of the paths (a `datasets.Dataset` keeps its order).

    Raises:
        MissingPathError: There is no such source.
        DatasetError: The dataset is damaged, or no dataset that a builder made.
    """
    import pandas as pd

    rows = open_rows(source, builder, Naming(columns, template))
    found = list(rows.sizes(pixels=True))
    if not rows.about.keeps_order:
        found.sort(key=lambda row: row.path)
    texts, sizes, json_from = (
        rows.about.text_columns,
        size_columns(rows.about.layout),
        rows.about.layout.details,
    )
    numbers = [_numbers(rows.about.layout, row) for row in found]
    made: dict[str, Any] = {
        name: pd.Series([row.texts[name] for row in found], dtype=_DTYPES[kind])
        for name, kind in texts.items()
    }
    made |= {name: pd.Series([row.get(name) for row in numbers], dtype="Int64") for name in sizes}
    made |= _metadata_columns([row.texts.get(json_from) for row in found], json_from, [*texts, *sizes])
    return pd.DataFrame(made)


def size_columns(layout: Layout) -> list[str]:
    """Name what is known of a row's files beside its texts, in the order of the columns."""
    if not layout.media:
        return ["size_bytes"]
    frames = [f"{frame}_{side}" for frame in _frames(layout) for side in ("width", "height")]
    return [*frames, *(f"{name}_bytes" for name in layout.media), "size_bytes"]


def _frames(layout: Layout) -> list[str]:
    return [name for name in layout.media if layout.columns[name] == "image"]


def _numbers(layout: Layout, row: Row) -> dict[str, int]:
    """Give what is known of a row's files beside its texts, by `size_columns`."""
    sizes_bytes = row.sizes_bytes or {}
    numbers: dict[str, int] = {}
    for slot, size_bytes in sizes_bytes.items():
        if (column := column_of(slot)) in layout.media:
            numbers[f"{column}_bytes"] = numbers.get(f"{column}_bytes", 0) + size_bytes
    for name, (width, height) in row.pixels.items():
        numbers |= {f"{name}_width": width, f"{name}_height": height}
    return numbers | ({"size_bytes": sum(sizes_bytes.values())} if sizes_bytes else {})


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
