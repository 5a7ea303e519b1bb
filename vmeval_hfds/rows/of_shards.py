"""The rows of a dataset's Parquet shards, on this disk or on the Hub."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vmeval_builders.arrow.arrays import integer_array
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.registry import QUESTIONS
from vmeval_builders.manifest import manifest_names
from vmeval_hfds.engine.pool import fetch_ahead
from vmeval_hfds.rows.of_arrow import media_rows
from vmeval_hfds.rows.pictures import Pixels, column_pixels
from vmeval_hfds.rows.rows import About, Row, Totals, text_kinds
from vmeval_hfds.rows.texts import text_rows
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.columns import ColumnMap, Names, listed_layout, map_columns
from vmeval_hfds.table.listing import read_contents, read_facts, read_sizes
from vmeval_hfds.table.naming import NOTHING_SAID, Naming
from vmeval_hfds.table.reader import RowGroup, Shard, peek_shard

#: Rows of media read at once: others make row groups that are too large to hold.
BATCH_ROWS = 32
BATCH_ROWS_WITH_VIDEOS = 4
#: Over a network, looking into shards is mostly waiting.
_PEEKS_AT_ONCE = 8


@dataclass(frozen=True)
class ShardRows:
    """Rows in Parquet, in the order of the shards.

    Attributes:
        dataset: The shards.
        about: What is known of the rows before one is read.
        naming: What is said of the table.
        footers: The footers of shards that were open already: over a network, each is a request.
    """

    dataset: DatasetFiles
    about: About
    naming: Naming = NOTHING_SAID
    footers: dict[str, pq.FileMetaData] = field(default_factory=dict)

    @classmethod
    def of(cls, dataset: DatasetFiles, builder: str | None, naming: Naming | None = None) -> ShardRows:
        """Find out what describes a dataset's rows.

        Raises:
            DatasetError: Nothing does, or not the builder that is named.
            LayoutNameError: There is no such builder.
            AmbiguousFolderError: Several builders do, and none is named.
        """
        described: Layout = QUESTIONS
        if not dataset.row_shards and (facts := read_facts(dataset)):
            described = listed_layout(facts, dataset.name)
        footers = {}
        for name in dataset.row_shards[:1]:
            with peek_shard(dataset, name) as shard:
                described = map_columns(shard.schema, shard.name, builder, naming or NOTHING_SAID).layout
                footers[name] = shard.footer
        title = Path(os.path.abspath(dataset.root)).name if dataset.root else dataset.name
        columns = text_kinds(described)
        about = About(dataset.name, title, dataset.root, described, builder is None, columns)
        return cls(dataset, about, naming or NOTHING_SAID, footers)

    def texts(self, columns: Collection[str] | None = None) -> Iterator[Row]:
        """See `Rows.texts`."""
        kinds = {
            name: kind for name, kind in self.about.text_columns.items() if columns is None or name in columns
        }

        def read(group: RowGroup, mapped: ColumnMap) -> Iterator[Row]:
            for texts in text_rows(mapped, _read(group, mapped.theirs(kinds)), kinds):
                yield Row(texts)

        return self._each_group(read)

    def sizes(self, pixels: bool = False) -> Iterator[Row]:
        """See `Rows.sizes`."""

        def read(group: RowGroup, mapped: ColumnMap) -> Iterator[Row]:
            needed = [*mapped.theirs(self.about.text_columns), *mapped.key_columns]
            table = _read(group, list(dict.fromkeys(needed)))
            # On this disk the images are cheap to look at; over a network they would all be fetched.
            looked_at = _pixels(group, mapped) if pixels and group.shard.is_local else {}
            names = mapped.file_names(table)
            paths: set[str] = set()
            for number, texts in enumerate(text_rows(mapped, table, self.about.text_columns)):
                named = {column: of_rows[number] for column, of_rows in names.items()}
                of_row = {column: size for column, of_rows in looked_at.items() if (size := of_rows[number])}
                path = texts["path"] or ""
                sizes_bytes = self._listed_sizes(path, named)
                if self.about.layout.items and sizes_bytes is not None:
                    # Where rows share a file, it is the first one's.
                    sizes_bytes = {} if path in paths else sizes_bytes
                    paths.add(path)
                yield Row(texts, sizes_bytes, of_row)

        return self._each_group(read)

    def media(self, numbers: Sequence[int], columns: Collection[str]) -> Iterator[list[Row]]:
        """See `Rows.media`."""
        start, left = 0, list(numbers)
        for name in self.dataset.row_shards:
            if not left:
                return
            with self._open(name) as shard:
                mapped = self._mapped(shard)
                for group in shard.row_groups():
                    wanted = [number - start for number in left if number < start + group.rows]
                    if wanted:
                        yield from self._group_media(group, mapped, wanted, columns)
                    left = left[len(wanted) :]
                    start += group.rows

    def totals(self) -> Totals:
        """See `Rows.totals`."""
        if not self.dataset.listing_shards:
            return Totals()
        sizes = self._sizes_bytes
        return Totals(len(sizes), sum(sizes.values()), self._manifests())

    def _manifests(self) -> dict[str, bytes]:
        names = manifest_names(self.about.layout, self._sizes_bytes)
        files = read_contents(self.dataset, names) if names else ()
        return {file.path: file.content for file in files if file.content is not None}

    @cached_property
    def _sizes_bytes(self) -> dict[str, int]:
        return read_sizes(self.dataset)

    def _listed_sizes(self, path: str, names: Mapping[str, Names]) -> dict[str, int] | None:
        """Say how long a row's files are, by the list of files; None where there is none.

        Args:
            path: The row's path.
            names: Column to its files' names, where the builder leaves them open.
        """
        if not self.dataset.listing_shards:
            return None
        found, layout = {}, self.about.layout
        for column in layout.files:
            for name in names.get(column, (None,)):
                places = layout.places_of(column, path, name)
                if place := next((place for place in places if place in self._sizes_bytes), None):
                    slot = f"{column}/{name}" if column in layout.lists else column
                    found[slot] = self._sizes_bytes[place]
        return found

    def _open(self, name: str) -> Shard:
        shard = peek_shard(self.dataset, name, self.footers.get(name))
        self.footers[name] = shard.footer
        return shard

    def _mapped(self, shard: Shard) -> ColumnMap:
        return map_columns(shard.schema, shard.name, self.about.layout.name, self.naming)

    def _each_group(self, read: Callable[[RowGroup, ColumnMap], Iterator[Row]]) -> Iterator[Row]:
        def of_shard(name: str) -> list[Row]:
            with self._open(name) as shard:
                mapped = self._mapped(shard)
                return [row for group in shard.row_groups() for row in read(group, mapped)]

        names = self.dataset.row_shards
        found = map(of_shard, names) if self.about.root else fetch_ahead(of_shard, names, _PEEKS_AT_ONCE)
        return chain.from_iterable(found)

    def _group_media(
        self, group: RowGroup, mapped: ColumnMap, wanted: Sequence[int], columns: Collection[str]
    ) -> Iterator[list[Row]]:
        """Read some rows of a row group, a few at a time and no more of it than is needed for them."""
        videos = any(self.about.layout.columns[name] == "video" for name in columns)
        needed = mapped.theirs([*self.about.text_columns, *columns])
        start = 0
        for batch in group.batches(needed, BATCH_ROWS_WITH_VIDEOS if videos else BATCH_ROWS):
            here = [row - start for row in wanted if start <= row < start + batch.num_rows]
            if here:
                chosen = batch.take(integer_array(here))
                yield media_rows(mapped, chosen, self.about.text_columns, columns, self.dataset.others)
            start += batch.num_rows
            if start > wanted[-1]:
                return


def _read(group: RowGroup, columns: Sequence[str]) -> pa.Table:
    """Read columns of a row group; without one, only the rows are counted."""
    return group.read(columns) if columns else pa.table({"": pa.nulls(group.rows)})


def _pixels(group: RowGroup, mapped: ColumnMap) -> dict[str, list[Pixels | None]]:
    """Look at the images of a row group, a few at a time."""
    images = [name for name, kind in mapped.layout.columns.items() if kind == "image"]
    return {
        name: [
            size
            for batch in group.batches([mapped.names[name]], BATCH_ROWS)
            for size in column_pixels(mapped.values(batch, name))
        ]
        for name in images
        if name in mapped.names
    }
