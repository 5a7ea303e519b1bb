"""Which columns of a table hold a row's files, whoever made the table.

Our own tables have their builder's columns. Others of questions, such as those of VMEvalKit's uploaders, have
``task_id`` for ``id``, ``metadata`` for ``question_metadata``, and no ``path``: the task folder is then
``{domain}_task/{id}``, as VMEvalKit lays it out. Whatever others have in these columns is brought to our types here,
or refused here, before a row is read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders import paths
from vmeval_builders.arrow.arrays import text_array
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.registry import QUESTIONS, layout_named, layout_of_columns
from vmeval_hfds.errors import DatasetError, LayoutNameError, UnsafePathError, shown
from vmeval_hfds.store.directory import DatasetFiles, OtherFiles
from vmeval_hfds.table.by_path import check_paths, read_by_path
from vmeval_hfds.table.facts import ListingFacts
from vmeval_hfds.table.naming import NOTHING_SAID, Naming, Template, find_columns, listed, parse_template
from vmeval_hfds.table.reader import open_shards
from vmeval_hfds.table.values import (
    Use,
    check_type,
    convert,
    file_bytes,
    file_names,
    has_names,
    holds_lists,
    is_path,
    names_in_lists,
)

#: How a row's files in one column are called: one name, or several; None where it is not known, or there is no file.
Names: TypeAlias = Sequence[str | None]

_USES: dict[str, Use] = {
    "float64": "number",
    "int64": "integer",
    "image": "media",
    "video": "media",
    "images": "media list",
    "videos": "media list",
}
#: Where Parquet keeps the parts of a list's elements; which of the two depends on who wrote it.
_LIST_PARTS = (".list.element.", ".list.item.")


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Where a table has what we need, and how to read it.

    Attributes:
        where: What messages call the table.
        layout: What describes the rows.
        names: Our column to theirs, for those that the table has.
        uses: Our column to what it is needed for.
        unused: Their columns that are no files and no names of rows.
        pathed: Our image and video columns that have a name or path, beside the bytes or alone.
        alone: Those of them that have nothing else: files of the dataset, which are read.
        template: What rows' paths are made of; None for the table's own, or the usual ones.
    """

    where: str
    layout: Layout
    names: Mapping[str, str]
    uses: Mapping[str, Use]
    unused: Sequence[str]
    pathed: Collection[str]
    alone: Collection[str]
    template: Template | None = None

    def with_further(self, kinds: Mapping[str, str]) -> ColumnMap:
        """Take in further columns of the table under their own names.

        Args:
            kinds: Their names and kinds.
        """
        names = dict(zip(kinds, kinds, strict=True))
        uses = {name: _USES.get(kind, "fact") for name, kind in kinds.items()}
        return replace(self, names={**self.names, **names}, uses={**self.uses, **uses})

    def theirs(self, ours: Collection[str]) -> list[str]:
        """Name the columns to read for some of ours, as the table calls them; those that it has not are left out."""
        # Where a row has no path, its id and domain tell it.
        needed = [*ours]
        if "path" in ours and "path" not in self.names:
            needed += self.layout.key_columns
        named = self.template.columns if self.template and "path" in ours else ()
        return list(dict.fromkeys([*(self.names[name] for name in needed if name in self.names), *named]))

    @property
    def key_columns(self) -> list[str]:
        """The columns to read to know which rows there are, and how the files are called whose name is open."""
        named = [
            one for name in self.pathed if self.layout.names_vary(name) for one in self.inside(name, "path")
        ]
        return [*self.theirs(self.layout.key_columns), *named]

    @property
    def file_columns(self) -> list[str]:
        """The columns to read to have the files too."""
        return self.theirs([*self.layout.key_columns, *self.layout.files])

    def inside(self, ours: str, part: str) -> list[str]:
        """Name what to read for one part of images or videos alone, such as their ``path``; it may have several names."""
        if ours in self.alone:
            return [self.names[ours]]
        between = _LIST_PARTS if ours in self.layout.lists else (".",)
        return [f"{self.names[ours]}{one}{part}" for one in between]

    def values(self, table: pa.Table, ours: str) -> pa.ChunkedArray:
        """Give a column of ours: text, numbers, or ``{bytes, path}``.

        Args:
            table: Rows with what `theirs` names for it.
            ours: A column that the table has, or ``path``.

        Raises:
            DatasetError: A value cannot be read as what it should be.
            UnsafePathError: A path is longer than any system takes.
        """
        if ours == "path":
            return self._paths(table)
        return convert(self._column(table, ours), self.uses[ours], self.names[ours], self.where)

    def _paths(self, table: pa.Table) -> pa.ChunkedArray:
        theirs = self.names.get("path")
        if self.template:
            made = self._by_template(table, self.template)
        elif theirs:
            made = convert(self._column(table, "path"), "name", theirs, self.where)
        else:
            ids, domains = (self._texts(table, name) for name in self.layout.key_columns[:2])
            made = pa.chunked_array([text_array(list(map(_usual_path, domains, ids)))])
        # Before anything walks a path from folder to folder: that takes as long as its square.
        longest = pc.max(pc.binary_length(made)).as_py() or 0
        if longest > paths.PATH_LIMIT_BYTES:
            raise UnsafePathError(
                f"{self.where}: column {shown(theirs or self.layout.id_column)}: expected paths of at most "
                f"{paths.PATH_LIMIT_BYTES:,} bytes, found one of {longest:,}"
            )
        return made

    def _by_template(self, table: pa.Table, template: Template) -> pa.ChunkedArray:
        columns = [
            convert(table[theirs], "name", theirs, self.where).to_pylist() for theirs in template.columns
        ]
        return pa.chunked_array([text_array([template.fill(row) for row in zip(*columns, strict=True)])])

    def keys(self, table: pa.Table) -> tuple[list[str | None], list[str | None], list[str | None]]:
        """Give ids, domains and paths of rows; None where a row, or the table, has none.

        Raises:
            DatasetError: One cannot be read as text.
        """
        ids, domains = (self._texts(table, name) for name in self.layout.key_columns[:2])
        return ids, domains, self.values(table, "path").to_pylist()

    def _texts(self, table: pa.Table, name: str) -> list[str | None]:
        """Give a column of ours; all None where the table has not got it."""
        values: list[str | None] = [None] * table.num_rows
        return self.values(table, name).to_pylist() if name in self.names else values

    def file_names(self, table: pa.Table) -> dict[str, list[Names]]:
        """Give the names of files whose name is open, by our column and row.

        Raises:
            DatasetError: One is not text.
        """
        return {name: self.paths_of(table, name) for name in self.pathed if self.layout.names_vary(name)}

    def paths_of(self, table: pa.Table, ours: str) -> list[Names]:
        """Give what stands beside the bytes of images or videos, by row.

        Raises:
            DatasetError: One is not text.
        """
        column, theirs = self._column(table, ours), self.names[ours]
        if ours not in self.layout.lists:
            names = file_names(column, theirs, self.where)
            return [(name and name.rpartition("/")[2] if ours in self.alone else name,) for name in names]
        usual = self.layout.name_in_list
        return [
            [name or usual(ours, number) for number, name in of_row]
            for of_row in names_in_lists(column, theirs, self.where)
        ]

    def canonical(self, table: pa.Table, others: OtherFiles | None = None) -> pa.Table:
        """Give rows the columns that `vmeval_builders.rows.files_of` takes.

        Args:
            table: Rows with `file_columns`.
            others: The files of the dataset of which rows may have only the path.

        Raises:
            DatasetError: A row has no bytes of a file, or a name of one that is not UTF-8.
        """
        columns = {"path": self.values(table, "path")}
        for name in self.layout.files:
            if name in self.names:
                columns[name] = file_bytes(self._column(table, name), self._exact_use(name))
                if name in self.layout.media:
                    self.check_bytes(columns[name], name, others)
                    columns[name] = self.read_by_path(columns[name], name, others)
        self.file_names(table)
        return pa.table(columns)

    def _exact_use(self, ours: str) -> Use:
        return self.uses[ours] if ours in self.layout.media else "text"

    def _column(self, table: pa.Table, ours: str) -> pa.ChunkedArray:
        """Give a column of ours as it is in the table.

        Raises:
            DatasetError: The table does not hold it, against what its schema says.
        """
        theirs = self.names[ours]
        if theirs not in table.column_names:
            raise DatasetError(
                f"{self.where}: column {shown(theirs)}: expected it as the schema says, found none; "
                "fetch or build it again"
            )
        return table[theirs]

    def check_bytes(self, values: pa.ChunkedArray, ours: str, others: OtherFiles | None = None) -> bool:
        """Refuse images or videos of which there is only a path, and no file of the dataset at it.

        Args:
            values: What `values` gave.
            ours: The column.
            others: The dataset's files.

        Returns:
            Whether there is one that is such a file.

        Raises:
            DatasetError: There is one that is none.
        """
        in_list = ours in self.layout.lists
        values, others = (pc.list_flatten(values), None) if in_list else (values, others)
        return check_paths(values, others, self._named(ours))

    def read_by_path(self, values: pa.ChunkedArray, ours: str, others: OtherFiles | None) -> pa.ChunkedArray:
        """Put the bytes of the dataset's files where only their paths are; see `vmeval_hfds.table.by_path`."""
        return values if ours in self.layout.lists else read_by_path(values, others, self._named(ours))

    def _named(self, ours: str) -> str:
        return f"{self.where}: column {shown(self.names[ours])}"


def map_columns(
    schema: pa.Schema, where: str, builder: str | None = None, naming: Naming = NOTHING_SAID
) -> ColumnMap:
    """Find a row's columns in a table, and make sure that each can be read as what it is needed for.

    Args:
        schema: The table's schema.
        where: What to call the table in a message.
        builder: The name of the builder that describes it; None finds it out.
        naming: What is said of a table that calls its columns otherwise.

    Raises:
        ArgumentError: The layout has no column that was named, or the template is none.
        DatasetError: It has no id or path, or nothing that would be a file; or a column is of another type.
        AmbiguousFolderError: Several builders make such a table, and none was named.
        LayoutNameError: There is no such builder.
    """
    known = [*schema.names, *naming.columns]
    described = layout_named(builder) if builder else layout_of_columns(known) or QUESTIONS
    names = find_columns(described, schema.names, naming, where)
    for ours in described.lists:
        if ours in names and not holds_lists(schema, names[ours]):
            del names[ours]
    template = parse_template(naming, names, schema.names, where)
    files = [ours for ours in described.files if ours in names]
    key = described.id_column if described == QUESTIONS else "path"
    if (key not in names and not template) or not files:
        expected = ", ".join(dict.fromkeys([key, described.domain_column, *list(described.files)[:1]]))
        raise DatasetError(
            f"{where}: expected the columns of {described.name} ({expected}, …), found {listed(schema.names)}; "
            "say which column is which with --column OURS=THEIRS"
        )
    uses = {ours: _use(described, ours) for ours in names}
    for ours, theirs in names.items():
        check_type(schema, theirs, uses[ours], where)
    for theirs in template.columns if template else ():
        check_type(schema, theirs, "name", where)
    used = {names[ours] for ours in (*described.key_columns, *files) if ours in names}
    used.update(template.columns if template else ())
    unused = [column for column in schema.names if column not in used]
    types = {ours: schema.field(names[ours]).type for ours in described.media if ours in names}
    pathed = [ours for ours, kind in types.items() if has_names(kind)]
    alone = [ours for ours, kind in types.items() if is_path(kind)]
    return ColumnMap(where, described, names, uses, unused, pathed, alone, template)


def check_exact(columns: ColumnMap, schema: pa.Schema) -> None:
    """Make sure that a table's text columns hold the text of files as it was, and not what was read from it.

    Raises:
        DatasetError: One does not.
    """
    for ours in columns.layout.text_files:
        if ours in columns.names:
            check_type(schema, columns.names[ours], "text", columns.where)


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
    if not dataset.row_shards and layout_named(builder).has_rows:
        raise DatasetError(f"{dataset.name}: expected {builder}, found no row, but files alone")
    for shard in open_shards(dataset, dataset.row_shards[:1]):
        if missing := [column for column in expected if column not in shard.schema.names]:
            raise DatasetError(f"{shard.name}: expected {builder}, found no column {missing[0]}")


def _use(layout: Layout, ours: str) -> Use:
    """Say what a column is needed for; people may look at JSON text that is columns of its own in others' tables."""
    if ours in layout.key_columns:
        return "name"
    if ours in layout.text_files and ours != layout.json_from:
        return "text"
    return _USES.get(layout.columns[ours], "fact")


def _usual_path(domain: str | None, task: str | None) -> str | None:
    return f"{domain}{paths.TASK_SUFFIX}/{task}" if domain and task else task
