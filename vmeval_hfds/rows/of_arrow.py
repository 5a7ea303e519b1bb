"""The rows of a `datasets.Dataset`, read as Arrow: so it decodes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.layouts.layout import Layout
from vmeval_hfds.rows.pictures import column_pixels
from vmeval_hfds.rows.rows import About, Media, Row, Totals, text_kinds
from vmeval_hfds.rows.texts import text_rows
from vmeval_hfds.store.directory import OtherFiles
from vmeval_hfds.table.columns import ColumnMap, map_columns
from vmeval_hfds.table.naming import NOTHING_SAID, Naming

if TYPE_CHECKING:
    from datasets import Dataset

Value = TypeVar("Value")

BATCH_ROWS = 32
_NAME = "the dataset"
#: Kinds of columns that a dataset may have beside the builder's; they come along under their own names.
_FURTHER_KINDS = {"string": "string", "large_string": "string", "float64": "float64", "int64": "int64"}


@dataclass(frozen=True, slots=True)
class ArrowRows:
    """Rows in memory or in the datasets' cache, in the dataset's own order.

    Attributes:
        dataset: The dataset.
        columns: Where it has what we need, and its further columns under their own names.
        about: What is known of the rows before one is read.
    """

    dataset: Dataset
    columns: ColumnMap
    about: About

    @classmethod
    def of(cls, dataset: Dataset, builder: str | None, naming: Naming | None = None) -> ArrowRows:
        """Find out what describes a dataset's rows.

        Raises:
            DatasetError: Nothing does, or not the builder that is named.
            LayoutNameError: There is no such builder.
            AmbiguousFolderError: Several builders do, and none is named.
        """
        columns = map_columns(dataset.features.arrow_schema, _NAME, builder, naming or NOTHING_SAID)
        described, further = columns.layout, _further_columns(dataset, columns)
        texts = text_kinds(described) | further
        about = About(_NAME, described.title, None, described, builder is None, texts, keeps_order=True)
        return cls(dataset, columns.with_further(further), about)

    def texts(self, columns: Collection[str] | None = None) -> Iterator[Row]:
        """See `Rows.texts`."""
        kinds = {
            name: kind for name, kind in self.about.text_columns.items() if columns is None or name in columns
        }
        needed = self.columns.theirs(kinds)
        if not needed:  # Without a column, Arrow would count no rows.
            yield from (Row(dict.fromkeys(kinds)) for _ in range(self.dataset.num_rows))
            return
        for table in self._batches(needed):
            for texts in text_rows(self.columns, table, kinds):
                yield Row(texts)

    def sizes(self, pixels: bool = False) -> Iterator[Row]:
        """See `Rows.sizes`."""
        held = [name for name in self.about.layout.files if name in self.columns.names]
        images = [name for name in held if self.about.layout.columns[name] == "image"] if pixels else []
        for table in self._batches(self.columns.theirs([*self.about.text_columns, *held])):
            lengths = [_lengths(self.columns, table, name) for name in held]
            looked_at = {name: column_pixels(self.columns.values(table, name)) for name in images}
            for number, texts in enumerate(text_rows(self.columns, table, self.about.text_columns)):
                sizes_bytes = {
                    slot: size for of_column in lengths for slot, size in of_column[number].items()
                }
                yield Row(texts, sizes_bytes, _present(looked_at, number))

    def media(self, numbers: Sequence[int], columns: Collection[str]) -> Iterator[list[Row]]:
        """See `Rows.media`."""
        needed = self.columns.theirs([*self.about.text_columns, *columns])
        for table in self._batches(needed, numbers):
            yield media_rows(self.columns, table, self.about.text_columns, columns)

    def totals(self) -> Totals:
        """See `Rows.totals`."""
        return Totals()

    def _batches(self, columns: Sequence[str], numbers: Sequence[int] | None = None) -> Iterator[pa.Table]:
        chosen = self.dataset if numbers is None else self.dataset.select(numbers)
        yield from chosen.select_columns(list(columns)).with_format("arrow").iter(BATCH_ROWS)


def _further_columns(dataset: Dataset, columns: ColumnMap) -> dict[str, str]:
    """Pick the texts and numbers that a dataset has beside its builder's columns, and their kinds."""
    known = {*columns.layout.columns, *columns.names.values()}
    kinds = {name: str(getattr(feature, "dtype", "")) for name, feature in dataset.features.items()}
    return {
        name: _FURTHER_KINDS[kind]
        for name, kind in kinds.items()
        if kind in _FURTHER_KINDS and name not in known
    }


def media_rows(
    columns: ColumnMap,
    table: pa.Table,
    texts: Collection[str],
    media: Collection[str],
    others: OtherFiles | None = None,
) -> list[Row]:
    """Give the rows of an Arrow table with their texts and media.

    Args:
        columns: Where the table has what we need.
        table: Rows.
        texts: The text columns that are wanted.
        media: The image and video columns that are wanted.
        others: The files of the dataset of which rows may have only the path.

    Raises:
        DatasetError: A value cannot be read as what it should be.
    """
    found: list[dict[str, Media]] = [{} for _ in range(table.num_rows)]
    for name in media:
        if name in columns.names:
            values = columns.read_by_path(columns.values(table, name), name, others)
            for of_row, value in zip(found, values.to_pylist(), strict=True):
                of_row.update(_slots(columns.layout, name, value))
    of_rows = text_rows(columns, table, texts)
    return [Row(of_row, media=of_media) for of_row, of_media in zip(of_rows, found, strict=True)]


def _slots(layout: Layout, column: str, value: Any) -> Iterator[tuple[str, Media]]:  # noqa: ANN401 (of two kinds)
    """Give what a row has in a column, by its slots."""
    if value is None:
        return
    if column not in layout.lists:
        yield column, Media(value["path"], value["bytes"])
        return
    for number, element in enumerate(value, 1):
        if element is not None:
            name = element["path"] or layout.name_in_list(column, number)
            yield f"{column}/{name}", Media(element["path"], element["bytes"])


def _lengths(columns: ColumnMap, table: pa.Table, name: str) -> list[dict[str, int]]:
    """Count the bytes of what a column holds whole, row by row: they are the rows' files, by their slots."""
    values = columns.values(table, name)
    if name in columns.layout.lists:
        slots = (_slots(columns.layout, name, value) for value in values.to_pylist())
        return [{slot: len(media.content or b"") for slot, media in of_row} for of_row in slots]
    content = pc.struct_field(values, "bytes") if pa.types.is_struct(values.type) else values
    lengths = pc.binary_length(content).to_pylist()
    return [{} if length is None else {name: length} for length in lengths]


def _present(columns: Mapping[str, Sequence[Value | None]], number: int) -> dict[str, Value]:
    """Pick what the columns have of one row."""
    return {name: value for name, of_rows in columns.items() if (value := of_rows[number]) is not None}
