"""A dataset as one side of a comparison: what its list of files says, read some rows at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import integer_array, rows_where, text_array, truth_array
from vmeval_builders.choice import Choice
from vmeval_builders.entries import FileEntry, FolderEntry
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.paths import is_text
from vmeval_hfds.engine import pool
from vmeval_hfds.errors import NotByPathError
from vmeval_hfds.folder.check import folders_of
from vmeval_hfds.folder.sides import Near, exact_text
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.columns import layout_of_dataset, map_columns
from vmeval_hfds.table.difference import FileList, ascends
from vmeval_hfds.table.facts import ListingFacts
from vmeval_hfds.table.listing import (
    Listing,
    check_twice,
    read_contents,
    read_facts,
    read_listing,
    trusted_shards,
)
from vmeval_hfds.table.listing_parts import WHOLE_BYTES, ListingParts, listing_shards
from vmeval_hfds.table.merge import nearest
from vmeval_hfds.table.reader import peek_shard

_PEEKS_AT_ONCE = 8
#: What of a list of files is compared, what tells where a file's bytes are, and what is kept of a small list.
_COMPARED, _PLACE = ("path", "modified", "sha256"), ("path", "shard", "row")
_KEPT = (*_COMPARED, "config", "id", "shard", "row")


@dataclass(frozen=True)
class ListedSide:
    """A dataset, as its list of files has it.

    The list is read again whenever something is asked of it; a small one is kept.

    Attributes:
        dataset: The dataset.
        choice: Leaves out what a walk of the dataset's folder would leave out; None leaves out nothing.
        listing: What was read of the list before, where not all of it is meant, or all of it is kept.
    """

    dataset: DatasetFiles
    choice: Choice | None = None
    listing: Listing | None = None

    #: All that is there is listed.
    unlisted = frozenset[str]()

    @property
    def name(self) -> str:
        """See `Side.name`."""
        return self.dataset.name

    def meant(self, choice: Choice) -> ListedSide:
        """Give the same without what a choice leaves out; a list that is kept is not read again."""
        return replace(self, choice=choice, listing=self._kept)

    @cached_property
    def facts(self) -> ListingFacts | None:
        """What the list says of the shards of rows."""
        kept = self._kept
        return kept.facts if kept else read_facts(self.dataset)

    @cached_property
    def layout(self) -> Layout:
        """See `Side.layout`."""
        return layout_of_dataset(self.dataset, self.facts)

    @cached_property
    def trusted(self) -> frozenset[str]:
        """Shards that are as the list says."""
        return frozenset(trusted_shards(self.dataset, self.facts) if self.facts else ())

    @cached_property
    def has_times(self) -> bool:
        """Whether the list has, or may have, times."""
        if kept := self._kept:
            return bool(kept.table["modified"].null_count < kept.table.num_rows)
        groups = (group for shard in listing_shards(self.dataset) for group in shard.row_groups())
        return any(group.nulls("modified") != group.rows for group in groups)

    @cached_property
    def _kept(self) -> Listing | None:
        sizes_bytes = [self.dataset.sizes.get(name, WHOLE_BYTES) for name in self.dataset.listing_shards]
        if self.listing is not None or sum(sizes_bytes) > WHOLE_BYTES:
            return self.listing
        return read_listing(self.dataset, columns=_KEPT)

    def _tables(self, *columns: str) -> Iterator[pa.Table]:
        """Read columns of what is meant of the list, some rows at a time."""
        for table in self._all_tables(*columns):
            if self.choice is not None:
                table = rows_where(table, truth_array(self._are_meant(table["path"])))
            yield table

    def _all_tables(self, *columns: str) -> Iterator[pa.Table]:
        kept = self._kept
        yield from [kept.table.select(columns)] if kept else ListingParts(self.dataset, columns)

    def _are_meant(self, paths: pa.ChunkedArray) -> Iterator[bool]:
        assert self.choice is not None
        for path in paths.to_pylist():
            is_folder = self.choice.has_globs and path.endswith("/")
            yield path in self._folders_meant if is_folder else self.choice.takes(path)

    @cached_property
    def _folders_meant(self) -> Set[str]:
        """The folders in which something is meant, and the empty ones that globs take themselves."""
        assert self.choice is not None
        found: set[str] = set()
        last = ""
        paths = (path for table in self._all_tables("path") for path in table["path"].to_pylist())
        # All that lies in a folder follows it.
        for path in chain(paths, [""]):
            if last.endswith("/") and not path.startswith(last) and self.choice.takes(last):
                found.update([last, *(f"{folder}/" for folder in folders_of(last[:-1]))])
            if not path.endswith("/") and self.choice.takes(path):
                found.update(f"{folder}/" for folder in folders_of(path))
            last = path
        return found

    @cached_property
    def files(self) -> FileList:
        """See `Side.files`."""
        return FileList(self._compared, lambda keys: keys)

    def _compared(self, in_order: bool) -> Iterator[pa.Table]:
        if in_order:
            check_twice(_whole(self._all_tables(*_COMPARED)), self.name)
            whole = _whole(self._tables(*_COMPARED))
            yield _keyed(whole.take(pc.sort_indices(whole["path"])))
            return
        last = ""
        for table in filter(len, self._tables(*_COMPARED)):
            paths = table["path"]
            if paths[0].as_py() <= last or not ascends(paths):
                raise NotByPathError(f"{self.name}: its list of files is not by path order")
            last = paths[-1].as_py()
            yield _keyed(table)

    def among(self, paths: Collection[str]) -> Iterator[str]:
        """Pick those of some paths that are listed."""
        wanted = text_array([path for path in paths if is_text(path)])
        for table in self._tables("path") if len(wanted) else ():
            yield from table["path"].filter(pc.is_in(table["path"], value_set=wanted)).to_pylist()

    def near(self, paths: Collection[str]) -> Near:
        """See `Side.near`: what has the same config and the same id is near."""
        if not paths:
            return Near()
        found = list(self._near(paths))
        listed = [path for table in found for path in table["path"].to_pylist()]
        files = [FileEntry(path, 0, 0) for path in sorted(listed) if not path.endswith("/")]
        folders = {folder: FolderEntry(0, None) for path in listed for folder in folders_of(path)}
        group = self.layout.group_column
        configs = {
            unit.path: unit.parts.get(group) or "default" for unit in self.layout.units(files, folders)
        }
        rows = {path: row for path in listed if (row := nearest(path.rstrip("/"), configs))}
        stated = [config for table in found for config in _plain(table["config"]).to_pylist()]
        pairs = zip(listed, stated, strict=True)
        configs |= {rows[path]: config for path, config in pairs if config is not None and path in rows}
        return Near(rows, configs)

    def _near(self, paths: Collection[str]) -> Iterator[pa.Table]:
        columns = ("path", "config", "id")
        if self.facts is None:
            yield from self._tables(*columns)
            return
        wanted = text_array(sorted(paths))
        own = [table.filter(pc.is_in(table["path"], value_set=wanted)) for table in self._tables(*columns)]
        config, task = (
            pc.unique(
                pa.chunked_array(chain.from_iterable(_plain(one[name]).chunks for one in own), pa.string())
            )
            for name in ("config", "id")
        )
        for table in self._tables(*columns):
            # A file that is several rows has no one id.
            is_near = pc.is_in(_plain(table["config"]), value_set=config.drop_null())
            yield table.filter(pc.and_(is_near, pc.is_in(_plain(table["id"]), value_set=task)))

    def texts(self, paths: Collection[str]) -> Mapping[str, str | None]:
        """See `Side.texts`; of a shard on the Hub, only this column of the row groups is fetched."""
        wanted = text_array(sorted(paths))
        places: dict[str, dict[int, str]] = defaultdict(dict)
        unheld = []
        for table in self._tables(*_PLACE):
            table = table.filter(pc.is_in(table["path"], value_set=wanted))
            for path, shard, row in zip(*(_plain(table[name]).to_pylist() for name in _PLACE), strict=True):
                if shard is None:
                    unheld.append(path)
                elif shard in self.trusted:
                    places[shard][row] = path
        found: dict[str, str | None] = {}
        for of_shard in pool.fetch_ahead(lambda item: self._texts(*item), places.items(), _PEEKS_AT_ONCE):
            found |= of_shard
        if unheld:
            found |= {one.path: exact_text(one.content or b"") for one in read_contents(self.dataset, unheld)}
        return found

    def _texts(self, name: str, paths: Mapping[int, str]) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        with peek_shard(self.dataset, name) as shard:
            mapped, ours = map_columns(shard.schema, shard.name, self.layout.name), self.layout.json_from
            if ours is None or ours not in mapped.names:
                return found
            for group in shard.row_groups():
                rows = [row for row in paths if 0 <= row - group.first_row < group.rows]
                if rows:
                    numbers = integer_array([row - group.first_row for row in rows])
                    table = group.read([mapped.names[ours]]).take(numbers)
                    values = mapped.values(table, ours).to_pylist()
                    found |= {paths[row]: value for row, value in zip(rows, values, strict=True)}
        return found


def _whole(tables: Iterable[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables, promote_options="permissive")


def _keyed(table: pa.Table) -> pa.Table:
    """Call the columns of `_COMPARED` as a `FileList` does."""
    return table.rename_columns(["path", "modified", "key"])


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Give a dictionary's values as text."""
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
