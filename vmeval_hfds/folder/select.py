"""Look into shards for the rows that an export needs, without reading an image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vmeval_hfds.engine.pool import fetch_ahead
from vmeval_hfds.errors import UnsafePathError, shown
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.columns import ColumnMap, Names, check_exact, map_columns
from vmeval_hfds.table.naming import NOTHING_SAID, Naming
from vmeval_hfds.table.reader import RowGroup, Shard, peek_shard
from vmeval_hfds.table.wanted import Chooser, Wanted

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
    """What shards have of what is wanted, and what was met there.

    Attributes:
        selected: The wanted rows, in the order of the shards.
        choosers: What told them, for each shard.
    """

    selected: list[GroupRows] = field(default_factory=list)
    choosers: list[Chooser] = field(default_factory=list)

    def met(self) -> dict[str, set[str]]:
        """Give every value that was met, by the word for what was asked for."""
        found: dict[str, set[str]] = defaultdict(set)
        for chooser in self.choosers:
            for word, values in chooser.met.items():
                found[word] |= values
        return found


def select_rows(
    dataset: DatasetFiles,
    shards: Iterable[str],
    wanted: Wanted,
    builder: str | None = None,
    naming: Naming = NOTHING_SAID,
) -> ShardRows:
    """Find the wanted rows of some shards by looking into them, and the rows that share a file with one of them.

    Row groups whose statistics say that none is among them are not read.

    Args:
        dataset: The dataset.
        shards: The shards' names.
        wanted: The rows that are wanted.
        builder: The name of the layout that describes the rows; None finds it out.
        naming: What is said of a table that calls its columns otherwise.

    Raises:
        DatasetError: A shard is damaged, or has no such columns.
        UnsafePathError: A wanted row has no path, or one that is too long.
        UnknownNameError: The layout has no column that is asked for.
    """
    shards = list(shards)
    found = _select_in_shards(dataset, shards, wanted, builder, naming)
    if wanted and any(group.columns.layout.items for group in found.selected):
        # The first row of a file holds it, and may have another id.
        files = frozenset(path for group in found.selected for path in group.paths)
        found.selected = _select_in_shards(dataset, shards, Wanted(), builder, naming, files).selected
    return found


def values_met(
    dataset: DatasetFiles, wanted: Wanted, builder: str | None = None, naming: Naming = NOTHING_SAID
) -> dict[str, set[str]]:
    """Give every value that some row has of what is asked for; no shard is left out.

    Args:
        dataset: The dataset.
        wanted: What is asked for.
        builder: The name of the layout that describes the rows; None finds it out.
        naming: What is said of a table that calls its columns otherwise.

    Raises:
        DatasetError: A shard is damaged, or has no such columns.
    """
    met: dict[str, set[str]] = defaultdict(set)
    for name in dataset.row_shards:
        with peek_shard(dataset, name) as shard:
            columns = map_columns(shard.schema, shard.name, builder, naming)
            chooser = Chooser(wanted, columns.layout, dataset.name)
            for group in shard.row_groups():
                for _ in _select_in_group(group, name, columns, chooser, None):
                    pass
        for word, values in chooser.met.items():
            met[word] |= values
    return met


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
            return _select_in_shard(
                shard, name, columns, Chooser(wanted, columns.layout, dataset.name), files
            )

    found = ShardRows()
    for one in fetch_ahead(look_into, shards, _PEEKS_AT_ONCE):
        found.selected += one.selected
        found.choosers += one.choosers
    return found


def _select_in_shard(
    shard: Shard, name: str, columns: ColumnMap, chooser: Chooser, files: frozenset[str] | None
) -> ShardRows:
    found = ShardRows(choosers=[chooser])
    check_exact(columns, shard.schema)
    for group in shard.row_groups():
        if _may_hold(group, columns, chooser):
            found.selected += _select_in_group(group, name, columns, chooser, files)
    return found


def _may_hold(group: RowGroup, columns: ColumnMap, chooser: Chooser) -> bool:
    """Whether a row group's statistics leave it open that a wanted row is in it."""
    for ours in chooser.columns:
        theirs = columns.names.get(ours)
        only = group.only_value(theirs) if theirs is not None else None
        if only is not None and not chooser.may_hold(ours, only):
            return False
    return True


def _select_in_group(
    group: RowGroup,
    name: str,
    columns: ColumnMap,
    chooser: Chooser,
    files: frozenset[str] | None,
) -> Iterator[GroupRows]:
    table = group.read(list(dict.fromkeys([*columns.key_columns, *columns.theirs(chooser.columns)])))
    ids, _, paths = columns.keys(table)
    names = columns.file_names(table)
    there = [ours for ours in chooser.columns if ours in columns.names and ours != "path"]
    values = [columns.values(table, ours).to_pylist() for ours in there]
    names_of_rows = (columns.layout.id_column, "path", *there)
    rows = [
        row
        for row, of_row in enumerate(zip(ids, paths, *values, strict=True))
        if chooser.fits(dict(zip(names_of_rows, of_row, strict=True)))
        and (files is None or paths[row] in files)
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
