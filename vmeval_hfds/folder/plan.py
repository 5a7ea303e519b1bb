"""What an export will read: by the list of files alone where it can be trusted, else by looking into shards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import scalar, text_array, truth_array
from vmeval_builders.entries import FileEntry, FolderEntry
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.registry import QUESTIONS
from vmeval_hfds.engine.pool import IN_THIS_PROCESS, Engine
from vmeval_hfds.errors import ArgumentError, DatasetError
from vmeval_hfds.folder.check import folders_of
from vmeval_hfds.folder.select import GroupRows, ShardRows, select_rows, values_met
from vmeval_hfds.folder.which import check_ids, listed_rows
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.store.names import config_of
from vmeval_hfds.table.columns import check_exact, listed_layout, map_columns
from vmeval_hfds.table.facts import ListingFacts
from vmeval_hfds.table.listing import Listing, read_facts, read_listing, trusted_shards
from vmeval_hfds.table.naming import NOTHING_SAID, Naming
from vmeval_hfds.table.reader import open_shard
from vmeval_hfds.table.wanted import Chooser, Wanted


@dataclass(frozen=True, slots=True)
class Plan:
    """What an export will read.

    Attributes:
        dataset: The dataset.
        layout: What describes its rows.
        listing: What is wanted of its list of files.
        trusted: Shards that are as the list says, so that no one looks into them.
        looked_into: The wanted rows of the other shards.
        rows: How many rows are wanted.
    """

    dataset: DatasetFiles
    layout: Layout
    listing: Listing
    trusted: frozenset[str] = frozenset()
    looked_into: Sequence[GroupRows] = field(default_factory=list)
    rows: int = 0

    @property
    def repeated(self) -> bool:
        """Whether several rows are for one path, as in several splits of others' datasets."""
        paths = [path for group in self.looked_into for path in group.paths]
        return len(set(paths)) < len(paths)

    @property
    def unused_columns(self) -> list[str]:
        """Columns that are not the layout's and are not exported."""
        unused = {name for group in self.looked_into for name in group.columns.unused}
        return sorted(unused - self.layout.columns.keys())


def make_plan(
    dataset: DatasetFiles,
    wanted: Wanted,
    builder: str | None = None,
    *,
    naming: Naming = NOTHING_SAID,
    strict: bool = False,
    replaced: Collection[str] = (),
    engine: Engine = IN_THIS_PROCESS,
) -> Plan:
    """Plan an export.

    Args:
        dataset: The dataset.
        wanted: The rows that are wanted.
        builder: The name of the layout that must describe the rows; None takes any.
        naming: What is said of a table that calls its columns otherwise.
        strict: Hash all shards, instead of going by the sizes of large ones.
        replaced: Shards that are known not to be as the list says.
        engine: Where shards are looked at.

    Raises:
        ArgumentError: Something is said of a dataset that needs no telling.
        UnknownNameError: No row has what is asked for, or the layout no such column; the message names near ones.
        AmbiguousNameError: Several rows have an id that is to mean one.
        DatasetError: A shard is damaged, or has no such columns, or those of another layout; or its layout is not
            installed here.
    """
    if naming and dataset.listing_shards:
        raise ArgumentError(
            f"{dataset.name}: lists its files, and where each belongs; leave out --column and --template"
        )
    facts = read_facts(dataset)
    layout = listed_layout(facts, dataset.name) if facts else QUESTIONS
    if not dataset.row_shards and (facts is None or layout.has_rows or builder not in (None, layout.name)):
        raise DatasetError(
            f"{dataset.name}: expected shards of rows at data/*/*.parquet, found none; fetch or build it again"
        )
    trusted: set[str] = set()
    others = dataset.row_shards
    chooser = Chooser(wanted, layout, dataset.name) if facts and builder in (None, facts.builder) else None
    if facts and chooser:
        as_listed = trusted_shards(dataset, facts, strict) - set(replaced)
        trusted = as_listed if _index_can_tell(layout, wanted, chooser) else set()
        ruled_out = trusted or _ruled_out(as_listed, facts, chooser.columns.get(layout.group_column))
        others = [name for name in others if name not in ruled_out]
    found = select_rows(dataset, others, wanted, builder, naming) if others else ShardRows()
    if found.selected and not trusted:
        layout = found.selected[0].columns.layout
    _check_schemas(dataset, layout, trusted, found.selected, engine)
    listing = _wanted_listing(dataset, facts, wanted, trusted, found.selected, layout)
    told = listed_rows(layout, listing) if wanted.ids and trusted else {}
    chooser = chooser or next(iter(found.choosers), None)
    if chooser:
        known = _known(dataset, facts, layout, wanted, found, told if trusted else None)
        if not trusted and not chooser.knows(known):
            # It may be in a shard that was not opened, because its rows have another of the things asked for.
            known = values_met(dataset, wanted, builder, naming)
        chooser.check(known)
    check_ids(dataset.name, layout, wanted, found.selected, told)
    paths = {path for group in found.selected for path in group.paths}
    looked_into = sum(len(group.paths) for group in found.selected) if layout.items else len(paths)
    rows = looked_into + _trusted_rows(facts, trusted, wanted, listing)
    if chooser and wanted and not rows:
        raise chooser.nothing_found()
    return Plan(dataset, layout, listing, frozenset(trusted), found.selected, rows)


def _check_schemas(
    dataset: DatasetFiles,
    layout: Layout,
    trusted: Collection[str],
    selected: Sequence[GroupRows],
    engine: Engine,
) -> None:
    """Make sure that all shards have the columns of one layout, before a file of the first is written."""
    for group in selected:
        if group.columns.layout != layout:
            raise DatasetError(
                f"{group.columns.where}: expected the columns of {layout.name}, as in other shards, "
                f"found those of {group.columns.layout.name}; export one kind from a dataset of its own"
            )
    # On the Hub the hash tells that such a shard is the one that was listed; looking into it is a request.
    if (root := dataset.root) is None:
        return
    jobs = [(root / name, f"{dataset.name}: {name}", layout.name) for name in sorted(trusted)]
    work_bytes = sum(dataset.sizes[name] for name in trusted)
    for _ in engine.run(_check_shard, jobs, work_bytes, splits=engine.executor is None):
        pass


def _check_shard(job: tuple[Path, str, str]) -> None:
    place, name, layout = job
    with open_shard(place, name) as shard:
        columns = map_columns(shard.schema, shard.name, layout)
        check_exact(columns, shard.schema)
        for row_group in shard.row_groups():
            row_group.check(columns.file_columns)


def _index_can_tell(layout: Layout, wanted: Wanted, chooser: Chooser) -> bool:
    """Whether the list of files says which rows are wanted: it knows ids and configs, and no other column."""
    if layout.items:  # A file of several rows has no one id.
        return not wanted
    return all(
        column == layout.group_column and "" not in chooser.columns[column] for column in chooser.columns
    )


def _ruled_out(as_listed: Set[str], facts: ListingFacts, groups: Collection[str] | None) -> set[str]:
    """Name the shards of configs whose rows all have another value than is asked for; they are not opened."""
    if groups is None or "" in groups:
        return set()
    return {name for name in as_listed if facts.groups.get(config_of(name), "") not in {"", *groups}}


def _wanted_listing(
    dataset: DatasetFiles,
    facts: ListingFacts | None,
    wanted: Wanted,
    trusted: Collection[str],
    selected: Sequence[GroupRows],
    layout: Layout,
) -> Listing:
    """Read what of the list of files is wanted, and no more than that where every shard can be trusted."""
    if not wanted:
        return read_listing(dataset, columns=("path", "size", "sha256", "modified", "shard", "row"))
    groups = facts.groups if facts else {}
    asked = {
        values
        for _, column, values in wanted.conditions(layout.domain_column)
        if column == layout.group_column
    }
    configs = text_array(
        [config for config, group in groups.items() if all(group in values for values in asked)]
    )
    ids = text_array(sorted(wanted.ids))

    # A row that is a file may have others of its files anywhere.
    rows_of_files = _rows_of_files(dataset, wanted.paths) if wanted.paths else []

    def is_wanted(table: pa.Table) -> pa.Array:
        mask = pc.or_(pc.is_valid(table["config"]), pc.is_valid(table["id"]))
        if asked:
            mask = pc.and_(mask, pc.is_in(table["config"], value_set=configs))
        if wanted.ids:
            named = pc.is_in(table["id"], value_set=ids)
            for path in wanted.paths:
                named = pc.or_(named, pc.starts_with(table["path"], f"{path}/"))
            for shard, row in rows_of_files:
                its_own = pc.and_(pc.equal(table["shard"], shard), pc.equal(table["row"], row))
                named = pc.or_(named, pc.fill_null(its_own, False))
            mask = pc.and_(mask, named)
        return mask

    if len(trusted) == len(dataset.row_shards):
        by = ("config", "id", *(("path", "shard", "row") if wanted.paths else ()))
        return read_listing(dataset, is_wanted, by)
    listing = read_listing(dataset)
    known = text_array(sorted(trusted))
    shards = listing.table["shard"]
    in_trusted = pc.is_in(shards, value_set=known)
    by_index = pc.and_(is_wanted(listing.table), pc.or_(in_trusted, pc.is_null(shards)))
    rows = {path for group in selected for path in group.paths}
    below = truth_array(_belongs(layout, listing, rows))
    by_index = by_index if trusted else pc.and_(by_index, scalar(False))
    return listing.where(pc.or_(by_index, pc.and_(below, pc.invert(in_trusted))))


def _rows_of_files(dataset: DatasetFiles, paths: Sequence[str]) -> list[tuple[str, int]]:
    """Give shard and number of the rows that hold some files."""
    wanted = text_array(paths)
    found = read_listing(dataset, lambda table: pc.is_in(table["path"], value_set=wanted), ("path",)).table
    held = zip(found["shard"].to_pylist(), found["row"].to_pylist(), strict=True)
    return [(shard, row) for shard, row in held if shard is not None]


def _belongs(layout: Layout, listing: Listing, wanted: set[str]) -> Iterable[bool]:
    """Say of each listed path whether it belongs to some rows: to the nearest row above it."""
    paths = listing.table["path"].to_pylist()
    files = [FileEntry(path, 0, 0) for path in listing.files]
    folders = {folder: FolderEntry(0, None) for path in paths for folder in folders_of(path)}
    rows = {*layout.units(files, folders).paths} | wanted
    for path in paths:
        nearest = path if path in rows else next((one for one in folders_of(path) if one in rows), None)
        yield nearest in wanted


def _trusted_rows(
    facts: ListingFacts | None, trusted: Collection[str], wanted: Wanted, listing: Listing
) -> int:
    """Count the wanted rows that nobody looks for."""
    if facts is None or not trusted:
        return 0
    if not wanted:
        return sum(facts.shards[name].rows for name in trusted)
    table = listing.table.filter(pc.is_in(listing.table["shard"], value_set=text_array(sorted(trusted))))
    return len(set(zip(table["shard"].to_pylist(), table["row"].to_pylist(), strict=True)))


def _known(
    dataset: DatasetFiles,
    facts: ListingFacts | None,
    layout: Layout,
    wanted: Wanted,
    found: ShardRows,
    told: Mapping[str, str | None] | None,
) -> dict[str, set[str]]:
    """Give the values that some row has, by the word for what is asked for.

    Args:
        dataset: The dataset.
        facts: What its list of files says.
        layout: What describes its rows.
        wanted: What was asked for.
        found: What was found by looking into shards.
        told: What the list of files tells of the wanted rows, path to id, where it is trusted.
    """
    known = found.met()
    for word, column, _ in wanted.conditions(layout.domain_column):
        if facts and column == layout.group_column:
            known[word] |= set(facts.groups.values())
    if wanted.ids and told is not None:
        known["id"] |= {*filter(None, told.values()), *(path for path in wanted.paths if path in told)}
        if not known["id"].issuperset(wanted.ids):
            known["id"].update(filter(None, pc.unique(read_listing(dataset).table["id"]).to_pylist()))
    return known
