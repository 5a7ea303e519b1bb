"""Which rows of a dataset an export needs, found without reading an image."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow.parquet as pq

from vmeval_hfds.dataset_files import DatasetFiles
from vmeval_hfds.errors import DatasetError, UnknownNameError
from vmeval_hfds.shards import open_shard, read_group

_KEY_COLUMNS = ["id", "domain", "path"]


@dataclass(frozen=True, slots=True)
class GroupRows:
    """The rows of one row group that are wanted.

    Attributes:
        shard: The shard's name in the dataset.
        group: The row group's number in the shard.
        first_row: The number of the group's first row in the shard.
        rows: The wanted rows' numbers in the group; None where all are.
        paths: The wanted rows' task folders.
        ids: Their ids.
    """

    shard: str
    group: int
    first_row: int
    rows: tuple[int, ...] | None
    paths: Sequence[str]
    ids: Sequence[str]

    def name_row(self, number: int) -> str:
        """Name a row for a message.

        Args:
            number: The row's place among the wanted ones.
        """
        in_group = number if self.rows is None else self.rows[number]
        return f"row {self.first_row + in_group} of {self.shard} (id {self.ids[number]!a})"


def select_rows(
    dataset: DatasetFiles, domains: Collection[str] = (), ids: Collection[str] = ()
) -> list[GroupRows]:
    """Find the rows of some domains and ids, or all rows.

    Row groups whose statistics rule the domains out are not read.

    Args:
        dataset: The dataset.
        domains: Only these domains; all where empty.
        ids: Only these ids; all where empty.

    Returns:
        The wanted rows, in the order of the shards.

    Raises:
        UnknownNameError: No row has one of the domains or ids; the message names near ones.
        DatasetError: A shard is damaged, or has no such columns.
    """
    seen_domains: set[str] = set()
    seen_ids: set[str] = set()
    selected = []
    for name in dataset.questions:
        with open_shard(dataset.peek(name)) as shard:
            _check_columns(dataset, name, shard)
            for rows in _group_rows(name, shard, set(domains), set(ids), seen_domains, seen_ids):
                selected.append(rows)
    _check_known("domain", domains, seen_domains)
    _check_known("id", ids, seen_ids)
    if not selected and (domains or ids):
        raise UnknownNameError(f"{dataset.name}: no question has both that domain and that id")
    return selected


def _check_columns(dataset: DatasetFiles, name: str, shard: pq.ParquetFile) -> None:
    if missing := [column for column in _KEY_COLUMNS if column not in shard.schema_arrow.names]:
        found = ", ".join(shard.schema_arrow.names)
        raise DatasetError(
            f"{dataset.name}: {name} has no column {missing[0]} (it has {found}); not questions"
        )


def _group_rows(
    name: str,
    shard: pq.ParquetFile,
    domains: set[str],
    ids: set[str],
    seen_domains: set[str],
    seen_ids: set[str],
) -> Iterator[GroupRows]:
    first_row = 0
    for group in range(shard.num_row_groups):
        rows_in_group = shard.metadata.row_group(group).num_rows
        only = _only_domain(shard, group)
        if only is not None and domains and only not in domains:
            seen_domains.add(only)
        else:
            keys = read_group(shard, group, _KEY_COLUMNS).to_pydict()
            seen_domains.update(filter(None, keys["domain"]))
            seen_ids.update(filter(None, keys["id"]))
            wanted = [
                row
                for row, (task_id, domain) in enumerate(zip(keys["id"], keys["domain"], strict=True))
                if (not domains or domain in domains) and (not ids or task_id in ids)
            ]
            if wanted:
                everything = len(wanted) == rows_in_group
                yield GroupRows(
                    shard=name,
                    group=group,
                    first_row=first_row,
                    rows=None if everything else tuple(wanted),
                    paths=[keys["path"][row] for row in wanted],
                    ids=[keys["id"][row] for row in wanted],
                )
        first_row += rows_in_group


def _only_domain(shard: pq.ParquetFile, group: int) -> str | None:
    """The one domain that a row group has, where its statistics say so."""
    row_group = shard.metadata.row_group(group)
    for number in range(row_group.num_columns):
        column = row_group.column(number)
        if column.path_in_schema == "domain" and column.is_stats_set:
            found = column.statistics
            if found.has_min_max and found.min == found.max and found.null_count == 0:
                return str(found.min)
    return None


def _check_known(kind: str, wanted: Iterable[str], known: Collection[str]) -> None:
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or sorted(known)[:3]
            raise UnknownNameError(f"there is no {kind} {name!r}; near ones: {', '.join(near) or 'none'}")
