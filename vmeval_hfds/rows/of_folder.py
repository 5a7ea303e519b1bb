"""The rows of a walked folder or archive."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from vmeval_builders.checks import manifest_contents
from vmeval_builders.entries import FileEntry, Unit, column_of
from vmeval_builders.rows import read_unit, rows_of, text_files
from vmeval_builders.scan import Scan, refuse_changes
from vmeval_builders.sources.remote import read_ahead
from vmeval_hfds.rows.pictures import HEADER_BYTES, Pixels, pixels_of
from vmeval_hfds.rows.rows import About, Media, Row, Totals, text_kinds
from vmeval_hfds.table.parquet import ROW_GROUP_ROWS, row_groups


@dataclass(frozen=True)
class FolderRows:
    """Rows as files, in the order of their paths; a text is read when its row is asked for.

    Whoever reads them to the end learns whether something far away changed meanwhile (`FolderChangedError`).

    Attributes:
        scan: The walked folder.
    """

    scan: Scan

    @cached_property
    def about(self) -> About:
        """See `Rows.about`."""
        scan, columns = self.scan, text_kinds(self.scan.layout)
        root = scan.root if isinstance(scan.root, Path) else None
        return About(str(scan.root), scan.root.name, root, scan.layout, scan.layout_found, columns)

    def texts(self, columns: Collection[str] | None = None) -> Iterator[Row]:
        """See `Rows.texts`."""
        wanted = self.about.text_columns if columns is None else columns
        layout = self.scan.layout

        def is_known(unit: Unit) -> bool:
            in_path = not layout.items and all(unit.parts.get(name) is not None for name in wanted)
            has_json = layout.json_from in unit.files or unit.beside is not None
            return in_path and not layout.needs_row(unit.parts, has_json)

        for unit in self._ahead(self.scan.units, lambda unit: not is_known(unit)):
            for texts in [unit.parts] if is_known(unit) else self._texts(unit):
                yield Row({name: texts[name] for name in wanted})
        refuse_changes(self.scan)

    def sizes(self, pixels: bool = False) -> Iterator[Row]:
        """See `Rows.sizes`."""
        for unit in self._ahead(self.scan.units):
            sizes_bytes = {slot: entry.size_bytes for slot, entry in unit.files.items()}
            looked_at = self._pixels(unit) if pixels else {}
            for texts in self._texts(unit):
                yield Row(texts, sizes_bytes, looked_at)
                # Where rows share a file, it is the first one's.
                sizes_bytes, looked_at = {}, {}
        refuse_changes(self.scan)

    def media(self, numbers: Sequence[int], columns: Collection[str]) -> Iterator[list[Row]]:
        """See `Rows.media`."""
        if self.scan.layout.items:  # The rows of a file are known when it was read, and have no media.
            every = ((row, 0) for unit in self.scan.units for row in map(Row, self._texts(unit)))
            wanted = set(numbers)
            some = (one for number, one in enumerate(every) if number in wanted)
            for rows in row_groups(some, lambda one: one[1], ROW_GROUP_ROWS):
                yield [row for row, _ in rows]
            return
        chosen = [self.scan.units[number] for number in numbers]
        for group in row_groups(chosen, lambda unit: unit.size_bytes, ROW_GROUP_ROWS):
            ahead = self._ahead(group, columns=columns)
            yield [Row(next(self._texts(unit)), media=self._media(unit, columns)) for unit in ahead]
        refuse_changes(self.scan)

    def totals(self) -> Totals:
        """See `Rows.totals`."""
        files = self.scan.files
        size_bytes = sum(files.sizes_bytes)
        return Totals(len(files), size_bytes, manifest_contents(self.scan))

    def _ahead(
        self,
        units: Sequence[Unit],
        is_read: Callable[[Unit], bool] = lambda unit: True,
        columns: Collection[str] = (),
    ) -> Iterator[Unit]:
        """Give rows whose texts, and media of some columns, are there already where the folder is far away."""

        def files(unit: Unit) -> list[FileEntry]:
            media = [entry for slot, entry in unit.files.items() if column_of(slot) in columns]
            return [*text_files(self.scan.layout, unit).values(), *media] if is_read(unit) else []

        return read_ahead(self.scan.source, units, files)

    def _texts(self, unit: Unit) -> Iterator[dict[str, Any]]:
        for row in rows_of(
            self.scan.layout, read_unit(self.scan.source, self.scan.layout, unit, media=False)
        ):
            yield {name: row[name] for name in self.scan.layout.text_columns}

    def _media(self, unit: Unit, columns: Collection[str]) -> dict[str, Media]:
        entries = {slot: entry for slot, entry in unit.files.items() if column_of(slot) in columns}
        return {
            slot: Media(entry.path.rpartition("/")[2], self.scan.source.read(entry))
            for slot, entry in entries.items()
        }

    def _pixels(self, unit: Unit) -> dict[str, Pixels]:
        found = {}
        for column, entry in unit.files.items():
            if self.scan.layout.columns.get(column) == "image":
                head = self.scan.source.head(entry, HEADER_BYTES)
                if size := pixels_of(head, partial(self.scan.source.read, entry)):
                    found[column] = size
        return found
