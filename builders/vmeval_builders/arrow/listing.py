"""The `files` table: one row per file of the folder, and what of it only this table holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from vmeval_builders.arrow.arrays import binary_array, integer_array, text_array
from vmeval_builders.arrow.schema import FILE_COLUMNS, arrow_schema

#: How the folder itself is listed, where times are kept.
ROOT_FOLDER = "./"


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file of the folder, or a folder (its path ends in ``/``; it has no hash).

    Attributes:
        path: Relative to the folder; ``./`` is the folder itself.
        size_bytes: The file's size; None for a folder.
        sha256: Hexadecimal; None for a folder.
        modified_ns: The modification time, where the layout keeps times.
        content: The bytes, where no column of the builder's table holds them.
    """

    path: str
    size_bytes: int | None
    sha256: str | None
    modified_ns: int | None = None
    content: bytes | None = None

    @property
    def is_folder(self) -> bool:
        """Whether this is a folder."""
        return self.path.endswith("/")


def listing_table(files: Iterable[ListedFile]) -> pa.Table:
    """Make the Arrow table of some files, with the schema of `FILE_COLUMNS`."""
    rows = list(files)
    columns = [
        text_array([row.path for row in rows]),
        integer_array([row.size_bytes for row in rows]),
        text_array([row.sha256 for row in rows]),
        integer_array([row.modified_ns for row in rows]),
        binary_array([row.content for row in rows]),
    ]
    return pa.Table.from_arrays(columns, schema=arrow_schema(FILE_COLUMNS))


def listed_files(table: pa.Table) -> Iterator[ListedFile]:
    """Read the files of a `files` table; the inverse of `listing_table`, content only where it was read."""
    columns = [table[name].to_pylist() for name in ("path", "size", "sha256", "modified")]
    contents = table["content"] if "content" in table.column_names else None
    for number, (path, size_bytes, sha256, modified_ns) in enumerate(zip(*columns, strict=True)):
        content = contents[number].as_py() if contents is not None else None
        yield ListedFile(path, size_bytes, sha256, modified_ns, content)
