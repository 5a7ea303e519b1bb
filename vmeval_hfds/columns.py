"""Which columns of a table hold a question, whoever made the table.

Our own tables have `vmeval_builders.schema.QUESTION_COLUMNS`. Others, such as those of VMEvalKit's uploaders, have
``task_id`` for ``id``, ``metadata`` for ``question_metadata``, and no ``path``: the task folder is then
``{domain}_task/{id}``, as VMEvalKit lays it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders import layout
from vmeval_builders.arrays import text_array
from vmeval_builders.rows import MEDIA_FILES, TEXT_FILES
from vmeval_builders.schema import MEDIA_TYPE, QUESTION_COLUMNS
from vmeval_hfds.errors import DatasetError

#: What other tables call a column of ours, in the order of preference.
_OTHER_NAMES = {"id": ("task_id",), "question_metadata": ("metadata",)}


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Where a table has what we need.

    Attributes:
        names: Our column to theirs, for those that the table has.
        unused: Their columns that are no files and no names of tasks.
    """

    names: Mapping[str, str]
    unused: Sequence[str]

    @property
    def key_columns(self) -> list[str]:
        """The columns to read to know which tasks the rows are."""
        return [self.names[name] for name in ("id", "domain", "path") if name in self.names]

    @property
    def file_columns(self) -> list[str]:
        """The columns to read to have the files too."""
        held = [self.names[name] for name in (*MEDIA_FILES, *TEXT_FILES) if name in self.names]
        return [*self.key_columns, *held]

    def keys(self, table: pa.Table) -> tuple[list[str], list[str | None], list[str]]:
        """Give ids, domains and task folders of rows, as they stand in the data."""
        ids = _texts(table, self.names["id"])
        domains: list[str | None] = [None] * len(ids)
        if "domain" in self.names:
            domains = [*_texts(table, self.names["domain"])]
        if "path" in self.names:
            return ids, domains, _texts(table, self.names["path"])
        return ids, domains, [_usual_path(domain, task) for domain, task in zip(domains, ids, strict=True)]

    def canonical(self, table: pa.Table) -> pa.Table:
        """Give rows the columns that `vmeval_builders.rows.files_of` takes.

        Raises:
            DatasetError: A column is of a type that cannot hold files.
        """
        path = self.names.get("path")
        paths = table[path] if path else text_array(self.keys(table)[2])
        columns = {"path": paths}
        for name in (*MEDIA_FILES, *TEXT_FILES):
            if name in self.names:
                column = table[self.names[name]]
                columns[name] = _media(column, name) if name in MEDIA_FILES else _text(column, name)
        return pa.table(columns)


def map_columns(schema: pa.Schema, name: str) -> ColumnMap:
    """Find a question's columns in a table.

    Args:
        schema: The table's schema.
        name: What to call the table in a message.

    Raises:
        DatasetError: It has no id, or nothing that would be a file.
    """
    names = {}
    for ours in QUESTION_COLUMNS:
        theirs = next((one for one in (ours, *_OTHER_NAMES.get(ours, ())) if one in schema.names), None)
        if theirs is not None:
            names[ours] = theirs
    files = [ours for ours in (*MEDIA_FILES, *TEXT_FILES) if ours in names]
    if "id" not in names or not files:
        found = ", ".join(schema.names) or "none"
        raise DatasetError(
            f"{name}: expected the columns of questions (id, domain, first_frame, …), found {found}"
        )
    known = {names[ours] for ours in ("id", "domain", "path", *files) if ours in names}
    return ColumnMap(names, [column for column in schema.names if column not in known])


def _usual_path(domain: str | None, task: str) -> str:
    return f"{domain}{layout.TASK_SUFFIX}/{task}" if domain else task


def _texts(table: pa.Table, column: str) -> list[str]:
    values: list[str] = table[column].to_pylist()
    return values


def _text(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise DatasetError(f"column {name} is {column.type}, expected text")
    return column.cast(pa.string())


def _media(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Bring an image or video column to ``{bytes, path}``; nothing is read from the path."""
    if pa.types.is_struct(column.type) and "bytes" in [field.name for field in column.type]:
        content = pc.struct_field(column, "bytes")
        named = pc.struct_field(column, "path") if column.type.get_field_index("path") >= 0 else None
    elif pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        content, named = column, None
    else:
        raise DatasetError(f"column {name} is {column.type}, expected images or bytes")
    if named is not None and pc.any(pc.and_(pc.is_null(content), pc.is_valid(named))).as_py():
        raise DatasetError(
            f"column {name} has rows with a path and no bytes; embed the files, then publish again"
        )
    if column.type == MEDIA_TYPE:
        return column
    content = _whole(content).cast(pa.binary())
    return pa.chunked_array(
        [
            pa.StructArray.from_arrays(
                [content, pa.nulls(len(content), pa.string())],
                fields=list(MEDIA_TYPE),
                mask=pc.is_null(content),
            )
        ]
    )


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
