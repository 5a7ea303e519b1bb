"""Which rows of a dataset an export needs, found without reading an image."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow.parquet as pq

from vmeval_hfds.engine.pool import fetch_ahead
from vmeval_hfds.errors import UnknownNameError
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.columns import ColumnMap, map_columns
from vmeval_hfds.table.parquet import open_shard, read_group

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
        file_names: Column to the names of their files, where the builder leaves them open.
        columns: Where the shard has what we need.
        size_bytes: The size of the whole row group.
    """

    shard: str
    group: int
    first_row: int
    rows: tuple[int, ...] | None
    paths: Sequence[str]
    ids: Sequence[str]
    file_names: Mapping[str, Sequence[str | None]]
    columns: ColumnMap
    size_bytes: int

    def name_row(self, number: int) -> str:
        """Name a row for a message.

        Args:
            number: The row's place among the wanted ones.
        """
        in_group = number if self.rows is None else self.rows[number]
        return f"row {self.first_row + in_group} of {self.shard} (id {self.ids[number]!a})"


@dataclass(slots=True)
class _ShardRows:
    """What one shard has of what is wanted, and which names were met there."""

    selected: list[GroupRows] = field(default_factory=list)
    domains: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)


def select_rows(
    dataset: DatasetFiles,
    domains: Collection[str] = (),
    ids: Collection[str] = (),
    builder: str | None = None,
) -> list[GroupRows]:
    """Find the rows of some domains and ids, or all rows.

    Row groups whose statistics rule the domains out are not read.

    Args:
        dataset: The dataset.
        domains: Only these domains; all where empty.
        ids: Only these ids; all where empty.
        builder: The name of the builder that describes the rows; None finds it out.

    Returns:
        The wanted rows, in the order of the shards.

    Raises:
        UnknownNameError: No row has one of the domains or ids; the message names near ones.
        DatasetError: A shard is damaged, or has no such columns.
    """
    wanted = set(domains), set(ids)

    def look_into(name: str) -> _ShardRows:
        return _select_in_shard(dataset, name, builder, *wanted)

    found = list(fetch_ahead(look_into, dataset.row_shards, _PEEKS_AT_ONCE))
    _check_known("domain", domains, set().union(*(one.domains for one in found)))
    _check_known("id", ids, set().union(*(one.ids for one in found)))
    selected = [rows for one in found for rows in one.selected]
    if not selected and (domains or ids):
        raise UnknownNameError(f"{dataset.name}: no row has both that domain and that id")
    return selected


def _select_in_shard(
    dataset: DatasetFiles, name: str, builder: str | None, domains: set[str], ids: set[str]
) -> _ShardRows:
    found = _ShardRows()
    with open_shard(dataset.peek(name)) as shard:
        columns = map_columns(shard.schema_arrow, f"{dataset.name}: {name}", builder)
        first_row = 0
        for group in range(shard.num_row_groups):
            only = _only_domain(shard, group, columns)
            if only is not None and domains and only not in domains:
                found.domains.add(only)
            else:
                found.selected += _select_in_group(
                    shard, name, group, first_row, columns, domains, ids, found
                )
            first_row += shard.metadata.row_group(group).num_rows
    return found


def _select_in_group(
    shard: pq.ParquetFile,
    name: str,
    group: int,
    first_row: int,
    columns: ColumnMap,
    domains: set[str],
    ids: set[str],
    found: _ShardRows,
) -> Iterator[GroupRows]:
    table = read_group(shard, name, group, columns.key_columns)
    task_ids, task_domains, paths = columns.keys(table)
    names = columns.file_names(table)
    found.domains.update(filter(None, task_domains))
    found.ids.update(filter(None, task_ids))
    wanted = [
        row
        for row, (task_id, domain) in enumerate(zip(task_ids, task_domains, strict=True))
        if (not domains or domain in domains) and (not ids or task_id in ids)
    ]
    if wanted:
        yield GroupRows(
            shard=name,
            group=group,
            first_row=first_row,
            rows=None if len(wanted) == len(paths) else tuple(wanted),
            paths=[paths[row] for row in wanted],
            ids=[task_ids[row] for row in wanted],
            file_names={column: [of_rows[row] for row in wanted] for column, of_rows in names.items()},
            columns=columns,
            size_bytes=shard.metadata.row_group(group).total_byte_size,
        )


def _only_domain(shard: pq.ParquetFile, group: int, columns: ColumnMap) -> str | None:
    """The one domain that a row group has, where its statistics say so."""
    row_group = shard.metadata.row_group(group)
    for number in range(row_group.num_columns):
        column = row_group.column(number)
        if column.path_in_schema == columns.names.get(columns.layout.domain_column) and column.is_stats_set:
            found = column.statistics
            if found.has_min_max and found.min == found.max and found.null_count == 0:
                return str(found.min)
    return None


def _check_known(kind: str, wanted: Iterable[str], known: Collection[str]) -> None:
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or sorted(known)[:3]
            raise UnknownNameError(f"there is no {kind} {name!r}; near ones: {', '.join(near) or 'none'}")
