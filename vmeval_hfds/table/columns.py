"""Which columns of a table hold a row's files, whoever made the table.

Our own tables have their builder's columns. Others of questions, such as those of VMEvalKit's uploaders, have
``task_id`` for ``id``, ``metadata`` for ``question_metadata``, and no ``path``: the task folder is then
``{domain}_task/{id}``, as VMEvalKit lays it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders import paths
from vmeval_builders.arrow.arrays import integer_array, text_array
from vmeval_builders.arrow.schema import media_type
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.registry import QUESTIONS, layout_named, layout_of_columns
from vmeval_hfds.errors import DatasetError, LayoutNameError
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.facts import ListingFacts
from vmeval_hfds.table.reader import open_shards

#: How a row's files in one column are called: one name, or several; None where it is not known, or there is no file.
Names: TypeAlias = Sequence[str | None]

#: What other tables call a column of ours, in the order of preference.
_OTHER_NAMES = {"id": ("task_id",), "question_metadata": ("metadata",)}


#: Where Parquet keeps the names of a list's files; which of the two depends on who wrote it.
_LIST_PATHS = (".list.element.path", ".list.item.path")


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Where a table has what we need.

    Attributes:
        builder: What describes the rows.
        names: Our column to theirs, for those that the table has.
        unused: Their columns that are no files and no names of rows.
    """

    layout: Layout
    names: Mapping[str, str]
    unused: Sequence[str]

    @property
    def key_columns(self) -> list[str]:
        """The columns to read to know which rows there are, and how the files are called whose name is open."""
        names = [
            f"{theirs}{below}"
            for ours, theirs in self._named_files.items()
            for below in (_LIST_PATHS if ours in self.layout.lists else (".path",))
        ]
        return [*self._keys, *names]

    @property
    def _keys(self) -> list[str]:
        return list(dict.fromkeys(self.names[name] for name in self.layout.key_columns if name in self.names))

    @property
    def _named_files(self) -> dict[str, str]:
        """Our columns whose files may have any name, and theirs."""
        return {
            name: self.names[name]
            for name in self.layout.media
            if name in self.names and self.layout.names_vary(name)
        }

    @property
    def file_columns(self) -> list[str]:
        """The columns to read to have the files too."""
        return [*self._keys, *(self.names[name] for name in self.layout.files if name in self.names)]

    def keys(self, table: pa.Table) -> tuple[list[Any], list[Any], list[Any]]:
        """Give ids, domains and paths of rows, as they stand in the data; an id that no column has is None."""
        ids, domains = (self._texts(table, name) for name in self.layout.key_columns[:2])
        if "path" in self.names:
            return ids, domains, self._texts(table, "path")
        return ids, domains, [_usual_path(domain, task) for domain, task in zip(domains, ids, strict=True)]

    def _texts(self, table: pa.Table, name: str) -> list[Any]:
        """Give a column of ours; all None where the table has not got it."""
        values: list[Any] = [None] * table.num_rows
        return table[self.names[name]].to_pylist() if name in self.names else values

    def file_names(self, table: pa.Table) -> dict[str, list[Names]]:
        """Give the names of files whose name is open, by our column and row.

        Raises:
            DatasetError: The shard does not hold them, against what its schema says.
        """
        if missing := [one for one in self._named_files.values() if one not in table.column_names]:
            raise DatasetError(f"column {missing[0]} has no names of files in it; fetch or build it again")
        return {name: self._names(name, _whole(table[theirs])) for name, theirs in self._named_files.items()}

    def _names(self, name: str, values: pa.Array) -> list[Names]:
        if name not in self.layout.lists:
            return [(one,) for one in pc.struct_field(values, "path").to_pylist()]
        return [
            [
                one["path"] or self.layout.name_in_list(name, number)
                for number, one in enumerate(of_row or (), 1)
                if one is not None
            ]
            for of_row in values.to_pylist()
        ]

    def canonical(self, table: pa.Table) -> pa.Table:
        """Give rows the columns that `vmeval_builders.rows.files_of` takes.

        Raises:
            DatasetError: A column is of a type that cannot hold files.
        """
        path = self.names.get("path")
        paths = table[path] if path else text_array(self.keys(table)[2])
        columns = {"path": paths}
        for name in self.layout.files:
            if name in self.names:
                column = table[self.names[name]]
                columns[name] = self._files(column, name)
        return pa.table(columns)

    def _files(self, column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
        if name in self.layout.lists:
            return _media_lists(column, name)
        return _media(column, name) if name in self.layout.media else _text(column, name)


def map_columns(schema: pa.Schema, name: str, builder: str | None = None) -> ColumnMap:
    """Find a row's columns in a table.

    Args:
        schema: The table's schema.
        name: What to call the table in a message.
        builder: The name of the builder that describes it; None finds it out.

    Raises:
        DatasetError: It has no id or path, or nothing that would be a file.
        AmbiguousFolderError: Several builders make such a table, and none was named.
        LayoutNameError: There is no such builder.
    """
    described = layout_named(builder) if builder else layout_of_columns(schema.names) or QUESTIONS
    others = _OTHER_NAMES if described == QUESTIONS else {}
    names = {}
    for ours in described.columns:
        theirs = next((one for one in (ours, *others.get(ours, ())) if one in schema.names), None)
        if theirs is not None and (ours not in described.lists or _lists_media(schema.field(theirs).type)):
            names[ours] = theirs
    files = [ours for ours in described.files if ours in names]
    key = described.id_column if described == QUESTIONS else "path"
    if key not in names or not files:
        found = ", ".join(schema.names) or "none"
        expected = ", ".join(dict.fromkeys([key, described.domain_column, *list(described.files)[:1]]))
        raise DatasetError(f"{name}: expected the columns of {described.name} ({expected}, …), found {found}")
    known = {names[ours] for ours in (*described.key_columns, *files) if ours in names}
    return ColumnMap(described, names, [column for column in schema.names if column not in known])


def listed_layout(facts: ListingFacts, name: str) -> Layout:
    """Give the layout that a list of files says its rows are of.

    Args:
        facts: What the list says.
        name: What to call the dataset in a message.

    Raises:
        DatasetError: It is not installed here.
    """
    try:
        return layout_named(facts.builder)
    except LayoutNameError as error:
        raise DatasetError(
            f"{name}: its rows are of the layout {facts.builder!r}, which is not installed here; install the package "
            "that describes it"
        ) from error


def layout_of_dataset(dataset: DatasetFiles, facts: ListingFacts | None) -> Layout:
    """Find out what describes a dataset's rows.

    Args:
        dataset: The dataset.
        facts: What its list of files says; without, a shard is looked into.

    Raises:
        DatasetError: The layout is not installed here, or no layout has such columns.
    """
    if facts is not None:
        return listed_layout(facts, dataset.name)
    for shard in open_shards(dataset, dataset.row_shards[:1]):
        return map_columns(shard.schema, shard.name).layout
    return QUESTIONS


def check_layout(dataset: DatasetFiles, builder: str) -> None:
    """Make sure that a dataset's rows have a builder's columns.

    Raises:
        DatasetError: They have not.
        LayoutNameError: There is no such builder.
    """
    expected = layout_named(builder).columns
    for shard in open_shards(dataset, dataset.row_shards[:1]):
        if missing := [column for column in expected if column not in shard.schema.names]:
            raise DatasetError(f"{shard.name}: expected {builder}, found no column {missing[0]}")


def _usual_path(domain: str | None, task: str) -> str:
    return f"{domain}{paths.TASK_SUFFIX}/{task}" if domain else task


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
    if column.type == media_type():
        return column
    content = _whole(content).cast(pa.binary())
    return pa.chunked_array(
        [
            pa.StructArray.from_arrays(
                [content, pa.nulls(len(content), pa.string())],
                fields=list(media_type()),
                mask=pc.is_null(content),
            )
        ]
    )


def _lists_media(kind: pa.DataType) -> bool:
    """Whether a column holds lists of ``{bytes, path}``; one of others may be called so and hold something else."""
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return is_list and {"bytes", "path"} <= _fields(kind.value_type)


def _fields(kind: pa.DataType) -> set[str]:
    return {field.name for field in kind} if pa.types.is_struct(kind) else set()


def _media_lists(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Bring a column of lists of images to lists of ``{bytes, path}``."""
    whole = _whole(column)
    lengths = pc.list_value_length(whole).to_pylist()
    offsets = integer_array([0, *accumulate(length or 0 for length in lengths)]).cast(pa.int32())
    elements = _whole(_media(pa.chunked_array([pc.list_flatten(whole)]), name))
    lists = pa.ListArray.from_arrays(offsets, elements, mask=pc.is_null(whole))
    return pa.chunked_array([lists])


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
