"""Look into shards for the rows that an export needs, without reading an image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vmeval_hfds.engine.pool import fetch_ahead
from vmeval_hfds.errors import UnsafePathError, shown
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.columns import ColumnMap, Names, check_exact, map_columns
from vmeval_hfds.table.listing import Wanted
from vmeval_hfds.table.naming import NOTHING_SAID, Naming
from vmeval_hfds.table.reader import RowGroup, Shard, peek_shard

#: How many shards are looked into at once; over a network this is mostly waiting.
_PEEKS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class GroupRows:
    """The rows of one row group that are wanted.

    Attributes:
        shard: The shard's name in the dataset.
        group: The row group's number in the shard.
        first_row: The number of the group's first row in the shard.
        rows: The wanted rows' numbers in the group; None where all are.
        paths: The wanted rows' paths.
        ids: The ids of their tasks.
        file_names: Column to the names of each row's files, where the builder leaves them open.
        columns: Where the shard has what we need.
        size_bytes: The size of the whole row group.
        by_path: Whether rows have no more of a file than its path in the dataset.
    """

    shard: str
    group: int
    first_row: int
    rows: tuple[int, ...] | None
    paths: Sequence[str]
    ids: Sequence[str | None]
    file_names: Mapping[str, Sequence[Names]]
    columns: ColumnMap
    size_bytes: int
    by_path: bool = False

    def name_row(self, number: int) -> str:
        """Name a row for a message.

        Args:
            number: The row's place among the wanted ones.
        """
        in_group = number if self.rows is None else self.rows[number]
        return f"row {self.first_row + in_group} of {self.shard} (id {shown(ascii(self.ids[number]))})"


@dataclass(slots=True)
class ShardRows:
    """What shards have of what is wanted, and which names were met there.

    Attributes:
        selected: The wanted rows, in the order of the shards.
        domains: Every domain that was met.
        ids: Every id that was met.
    """

    selected: list[GroupRows] = field(default_factory=list)
    domains: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)


def select_rows(
    dataset: DatasetFiles,
    shards: Iterable[str],
    wanted: Wanted,
    builder: str | None = None,
    naming: Naming = NOTHING_SAID,
) -> ShardRows:
    """Find the wanted rows of some shards by looking into them, and the rows that share a file with one of them.

    Row groups whose statistics rule the domains out are not read.

    Args:
        dataset: The dataset.
        shards: The shards' names.
        wanted: The rows that are wanted.
        builder: The name of the layout that describes the rows; None finds it out.
        naming: What is said of a table that calls its columns otherwise.

    Raises:
        DatasetError: A shard is damaged, or has no such columns.
        UnsafePathError: A wanted row has no path, or one that is too long.
    """
    shards = list(shards)
    found = _select_in_shards(dataset, shards, wanted, builder, naming)
    if wanted and any(group.columns.layout.items for group in found.selected):
        # The first row of a file holds it, and may have another id.
        files = frozenset(path for group in found.selected for path in group.paths)
        found.selected = _select_in_shards(dataset, shards, Wanted(), builder, naming, files).selected
    return found


def _select_in_shards(
    dataset: DatasetFiles,
    shards: Sequence[str],
    wanted: Wanted,
    builder: str | None,
    naming: Naming,
    files: frozenset[str] | None = None,
) -> ShardRows:
    """Find the wanted rows, or, of these, those of some paths."""

    def look_into(name: str) -> ShardRows:
        with peek_shard(dataset, name) as shard:
            columns = map_columns(shard.schema, shard.name, builder, naming)
            return _select_in_shard(shard, name, columns, wanted, files)

    found = ShardRows()
    for one in fetch_ahead(look_into, shards, _PEEKS_AT_ONCE):
        found.selected += one.selected
        found.domains |= one.domains
        found.ids |= one.ids
    return found


def _select_in_shard(
    shard: Shard, name: str, columns: ColumnMap, wanted: Wanted, files: frozenset[str] | None
) -> ShardRows:
    found = ShardRows()
    check_exact(columns, shard.schema)
    theirs = columns.names.get(columns.layout.domain_column)
    for group in shard.row_groups():
        only = group.only_value(theirs) if theirs is not None else None
        if only is not None and wanted.domains and str(only) not in wanted.domains:
            found.domains.add(str(only))
        else:
            found.selected += _select_in_group(group, name, columns, wanted, found, files)
    return found


def _select_in_group(
    group: RowGroup,
    name: str,
    columns: ColumnMap,
    wanted: Wanted,
    found: ShardRows,
    files: frozenset[str] | None,
) -> Iterator[GroupRows]:
    table = group.read(columns.key_columns)
    ids, domains, paths = columns.keys(table)
    names = columns.file_names(table)
    found.domains.update(filter(None, domains))
    found.ids.update(filter(None, ids))
    rows = [
        row
        for row, (row_id, domain, path) in enumerate(zip(ids, domains, paths, strict=True))
        if (not wanted.domains or domain in wanted.domains)
        and (not wanted.ids or row_id in wanted.ids or path in wanted.ids)
        and (files is None or path in files)
    ]
    if rows:
        group.check(columns.file_columns)
        yield GroupRows(
            shard=name,
            group=group.number,
            first_row=group.first_row,
            rows=None if len(rows) == len(paths) else tuple(rows),
            paths=[_path(paths[row], group, row, ids[row]) for row in rows],
            ids=[ids[row] for row in rows],
            file_names={column: [of_rows[row] for row in rows] for column, of_rows in names.items()},
            columns=columns,
            size_bytes=group.size_bytes,
        )


def _path(path: str | None, group: RowGroup, row: int, row_id: str | None) -> str:
    if path is None:
        raise UnsafePathError(
            f"{group.shard.name}: row {group.first_row + row} (id {shown(ascii(row_id))}) has no path; "
            "expected text in each row, nothing was written"
        )
    return path
