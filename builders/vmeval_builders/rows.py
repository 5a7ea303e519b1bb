"""A row's files to a row of its builder's table, or to several where a list in a file is rows, and back to the files.

Bytes are taken as they are in both directions; text columns hold only what decodes and encodes without loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from vmeval_builders.arrow.schema import arrow_schema
from vmeval_builders.entries import Contents, FileEntry, Unit, column_of
from vmeval_builders.json_values import json_text, number, parse_object, parse_value, scalar_text, value_at
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.sources.source import Source

if TYPE_CHECKING:
    import pyarrow as pa

    from vmeval_builders.arrow.arena import Arena

#: No column's files are read into memory that was made for them.
NO_ARENAS: Mapping[str, Arena] = MappingProxyType({})


def text_files(layout: Layout, unit: Unit) -> dict[str, FileEntry]:
    """Pick the files that a row's texts are read from, by their columns."""
    return {name: unit.files[name] for name in layout.text_files if name in unit.files}


def read_unit(
    source: Source,
    layout: Layout,
    unit: Unit,
    media: bool = True,
    arenas: Mapping[str, Arena] = NO_ARENAS,
) -> Contents:
    """Read a row's files.

    Args:
        source: What holds the files.
        layout: What describes them.
        unit: The row's files.
        media: Whether to read images and videos too.
        arenas: Column to the memory that its files are read into, where there is any.

    Raises:
        FolderChangedError: A file is not as long as when the folder was walked.
        OSError: A file cannot be read.
    """
    wanted = unit.files if media else text_files(layout, unit)
    # An archive that is compressed can only be read on, so that its own order is the fastest.
    in_order = sorted(wanted.items(), key=lambda item: item[1].offset)
    blobs = {column: _read(source, entry, arenas.get(column)) for column, entry in in_order}
    texts = {
        column: text
        for column in layout.text_files
        if column in blobs and (text := _exact_text(blobs[column])) is not None
    }
    value, fault, beside = None, None, None
    if unit.beside is not None:
        beside = layout.stated_beside(unit, _index_beside(source, layout, unit.beside))
    if layout.json_from in blobs:
        value, fault = parse_object(texts.get(layout.json_from))
        if value is not None and layout.items and not _items(layout, value):
            fault = f"has no list at {' or '.join(layout.items)}, or an empty one"
    else:
        value = beside
    return Contents(unit, blobs, texts, value, fault, beside=beside)


@lru_cache(maxsize=2)
def _index_beside(source: Source, layout: Layout, entry: FileEntry) -> Mapping[str, Any]:
    """Read a file that says something of many rows, once for all of them."""
    value, _ = parse_value(_exact_text(source.read(entry)))
    return layout.index_beside(value)


def _read(source: Source, entry: FileEntry, arena: Arena | None) -> bytes | memoryview:
    if arena is None:
        return source.read(entry)
    piece = arena.piece(entry.size_bytes, entry.path)
    try:
        source.read_into(entry, piece)
    except BaseException:
        # What lay there before is another file's.
        piece[:] = bytes(len(piece))
        raise
    return piece


def _exact_text(content: bytes | memoryview) -> str | None:
    try:
        return str(content, "utf-8")
    except UnicodeDecodeError:
        return None


_FROM_JSON: dict[str, Callable[[object], object]] = {"string": scalar_text, "float64": number}


def rows_of(layout: Layout, contents: Contents) -> Iterator[dict[str, Any]]:
    """Make the rows of some files: one, or one for each element of a list in them, at least one.

    The first alone holds the files.
    """
    found = _items(layout, contents.value)
    if not found:
        yield row_of(layout, contents)
        return
    without = replace(contents, texts={}, blobs={})
    for place, item in enumerate(found):
        of_item = item if isinstance(item, dict) else {}
        yield row_of(layout, replace(without if place else contents, item=of_item))


def _items(layout: Layout, value: dict[str, Any] | None) -> list[Any] | None:
    """Give the list in a row's JSON whose elements are rows; None where there is none."""
    lists = (value_at(value, place) for place in layout.items)
    return next((found for found in lists if isinstance(found, list)), None)


def row_of(layout: Layout, contents: Contents) -> dict[str, Any]:
    """Make a row: the builder's columns to values, with media as ``{"bytes", "path"}``, or a list of such."""
    row: dict[str, Any] = dict.fromkeys(layout.columns)
    row.update((name, part) for name, part in contents.unit.parts.items() if name in row)
    row.update(contents.texts, path=contents.unit.path)
    for slot, entry in contents.unit.files.items():
        column = column_of(slot)
        if slot in contents.blobs and column in layout.media:
            media = {"bytes": contents.blobs[slot], "path": entry.path.rpartition("/")[2]}
            row[column] = [*(row[column] or ()), media] if column in layout.lists else media
    for value, columns in ((contents.value, layout.json_columns), (contents.item, layout.item_columns)):
        if value is not None:
            for column, places in columns.items():
                row[column] = _json_value(layout, column, value, places)
    layout.complete(row, contents)
    return row


def _json_value(layout: Layout, column: str, value: dict[str, Any], places: Sequence[str]) -> object:
    if not places:
        return json_text(value)
    convert = _FROM_JSON[layout.columns[column]]
    for place in places:
        if (one := convert(value_at(value, place))) is not None:
            return one
    return None


def table_of(
    layout: Layout,
    rows: Sequence[Mapping[str, Any]],
    arenas: Mapping[str, Arena] = NO_ARENAS,
) -> pa.Table:
    """Make the Arrow table of some rows, with the schema of the builder's columns.

    Args:
        layout: What describes them.
        rows: The rows.
        arenas: Column to the memory that its files were read into, which then is the table's.
    """
    import pyarrow as pa

    from vmeval_builders.arrow.arrays import float_array, media_array, media_lists_array, text_array

    made: dict[str, Callable[[Sequence[Any]], pa.Array]] = {
        "image": media_array,
        "video": media_array,
        "images": media_lists_array,
        "videos": media_lists_array,
        "float64": float_array,
        "string": text_array,
    }
    made |= {name: partial(media_array, contents=arena.array_of) for name, arena in arenas.items()}
    columns = [
        made.get(name, made[kind])([row[name] for row in rows]) for name, kind in layout.columns.items()
    ]
    return pa.Table.from_arrays(columns, schema=arrow_schema(layout.columns))


def held_slots(layout: Layout, contents: Contents) -> Iterator[str]:
    """Name the slots whose column holds the bytes of the file: a text that is not UTF-8 is in none."""
    for slot in contents.blobs:
        if slot in contents.texts or column_of(slot) in layout.media:
            yield slot


class RowFile(NamedTuple):
    """One file that a row holds.

    Attributes:
        row: The row's number in its table.
        path: The row's path.
        column: The column that holds the file.
        name: What the row calls the file; None where it does not.
        content: The file's bytes, still in Arrow's memory.
    """

    row: int
    path: str
    column: str
    name: str | None
    content: memoryview | bytes


def files_of(layout: Layout, table: pa.Table) -> Iterator[RowFile]:
    """List the files that the rows of a table hold; the inverse of `table_of`.

    Args:
        layout: What describes the table.
        table: Any of the builder's columns, ``path`` among them.

    Yields:
        Files in row order; a null is a file that is not there.
    """
    columns = [_held(layout, table, column) for column in layout.files if column in table.column_names]
    for row, path in enumerate(table["path"].to_pylist()):
        for held in columns:
            for at in held.of_row(row):
                if held.there is None or held.there[at]:
                    name = held.names[at] if held.names else None
                    if name is None and held.offsets is not None:
                        name = layout.name_in_list(held.column, at - held.offsets[row] + 1)
                    yield RowFile(row, path, held.column, name, held.data[held.ends[at] : held.ends[at + 1]])


@dataclass(frozen=True, slots=True)
class _Held:
    """A column's files, their names where the builder leaves them open, and where each row's list begins.

    The files are slices of the column's memory: no object of Arrow is made for one.
    """

    column: str
    data: memoryview
    ends: memoryview
    there: list[bool] | None
    names: list[str | None] | None = None
    offsets: list[int] | None = None

    @classmethod
    def of(
        cls,
        column: str,
        values: pa.Array,
        names: list[str | None] | None = None,
        offsets: list[int] | None = None,
    ) -> _Held:
        """Lay a column of byte strings, or texts, open."""
        _, ends, data = values.buffers()
        there = values.is_valid().to_pylist() if values.null_count else None
        begin, end = values.offset, values.offset + len(values) + 1
        # An array without a value need not have memory.
        known = memoryview(ends).cast("B")[4 * begin : 4 * end].cast("i") if ends else memoryview(b"\0" * 4)
        return cls(column, memoryview(data or b"").cast("B"), known, there, names, offsets)

    def of_row(self, row: int) -> Sequence[int]:
        """Say which files are of a row."""
        return (row,) if self.offsets is None else range(self.offsets[row], self.offsets[row + 1])


def _held(layout: Layout, table: pa.Table, column: str) -> _Held:
    import pyarrow.compute as pc

    whole = _one_chunk(table[column])
    if column not in layout.media:
        return _Held.of(column, whole)
    offsets = None
    if column in layout.lists:
        lengths = pc.list_value_length(whole).to_pylist()
        offsets, whole = [0, *accumulate(length or 0 for length in lengths)], pc.list_flatten(whole)
    names = pc.struct_field(whole, "path").to_pylist() if layout.names_vary(column) else None
    return _Held.of(column, pc.struct_field(whole, "bytes"), names, offsets)


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
