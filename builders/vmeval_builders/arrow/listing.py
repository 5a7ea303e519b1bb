"""The `files` table: one row per file of the folder, and what of it only this table holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from vmeval_builders.arrow.arrays import binary_array, integer_array, text_array
from vmeval_builders.arrow.schema import FILE_COLUMNS, arrow_schema

#: How the folder itself is listed, where times are kept.
ROOT_FOLDER = "./"


class ListedFile(NamedTuple):
    """A file of the folder, or a folder (its path ends in ``/``; it has no hash).

    Attributes:
        path: Relative to the folder; ``./`` is the folder itself.
        size_bytes: The file's size; None for a folder.
        sha256: Hexadecimal; None for a folder.
        modified_ns: The modification time, where the layout keeps times.
        config: The config of the row that the file belongs to, which is the nearest one above it; None without one.
        id: That row's id.
        shard: The shard of rows that holds its bytes, by its name in the dataset; None where `content` does.
        row: The row's number in that shard.
        content: The bytes, where no column of the builder's table holds them.
    """

    path: str
    size_bytes: int | None
    sha256: str | None
    modified_ns: int | None = None
    config: str | None = None
    id: str | None = None
    shard: str | None = None
    row: int | None = None
    content: bytes | None = None

    @property
    def is_folder(self) -> bool:
        """Whether this is a folder."""
        return self.path.endswith("/")


def listing_table(files: Iterable[ListedFile]) -> pa.Table:
    """Make the Arrow table of some files, with the schema of `FILE_COLUMNS`."""
    made: dict[str, Callable[[Sequence[Any]], pa.Array]] = {
        "string": text_array,
        "int64": integer_array,
        "binary": binary_array,
    }
    columns = list(zip(*files, strict=True)) or [()] * len(FILE_COLUMNS)
    arrays = [made[kind](values) for kind, values in zip(FILE_COLUMNS.values(), columns, strict=True)]
    return pa.Table.from_arrays(arrays, schema=arrow_schema(FILE_COLUMNS))


def listed_files(table: pa.Table) -> Iterator[ListedFile]:
    """Read the files of a `files` table; the inverse of `listing_table`, None for columns that were not read."""
    for row in zip(*(_values(table, name) for name in FILE_COLUMNS), strict=True):
        yield ListedFile(*row)


def _values(table: pa.Table, name: str) -> Iterable[Any]:
    if name not in table.column_names:
        return [None] * table.num_rows
    # Contents may be large, so that only one is held at a time.
    return (value.as_py() for value in table[name]) if name == "content" else table[name].to_pylist()
