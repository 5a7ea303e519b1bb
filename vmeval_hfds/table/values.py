"""A column of whatever Arrow type to the one type that columns of its kind have.

Others keep text as ``large_string``, ``string_view`` or a dictionary, and videos as plain bytes. What holds the same
values is read; what does not is refused, before a row is read, in a sentence that says what was expected and found.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Literal, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import text_array
from vmeval_builders.arrow.schema import media_type
from vmeval_hfds.errors import DatasetError, in_a_line, shown

#: What a column is needed for: a row's name or path, a text file's exact text, something to be looked at, a number, a
#: whole number, bytes, an image or video, or a list of such.
Use = Literal["name", "text", "fact", "number", "integer", "bytes", "media", "media list"]

Values = TypeVar("Values", pa.Array, pa.ChunkedArray)

_EXPECTED: dict[Use, str] = {
    "name": "text or whole numbers",
    "text": "text",
    "fact": "text",
    "number": "numbers",
    "integer": "whole numbers",
    "bytes": "bytes",
    "media": "bytes, their file's path, or both ({bytes, path})",
    "media list": "lists of {bytes, path}",
}
_TYPES: dict[Use, pa.DataType] = {
    "name": pa.string(),
    "text": pa.string(),
    "fact": pa.string(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "bytes": pa.binary(),
    "media": media_type(),
    "media list": pa.list_(media_type()),
}


def check_type(schema: pa.Schema, column: str, use: Use, where: str) -> None:
    """Refuse a column whose values cannot be what they are needed for.

    Args:
        schema: The table's columns.
        column: The name of one.
        use: What it is needed for.
        where: What messages call the table.

    Raises:
        DatasetError: There are several such columns, or the one is of another type.
    """
    found = schema.get_all_field_indices(column)
    if len(found) > 1:
        raise DatasetError(
            f"{where}: column {shown(column)}: expected one column of this name, found {len(found)}"
        )
    kind = schema.field(found[0]).type
    if not _FITS[use](kind):
        hint = _twice(kind) if use in ("media", "media list") else ""
        raise DatasetError(
            f"{where}: column {shown(column)}: expected {_EXPECTED[use]}, found {hint or type_name(kind)}"
        )


def convert(values: pa.ChunkedArray, use: Use, column: str, where: str) -> pa.ChunkedArray:
    """Give a column's values the type for what it is needed for; `check_type` said that it can have it.

    Args:
        values: The values.
        use: What they are needed for.
        column: The column's name, for messages.
        where: What messages call the table.

    Raises:
        DatasetError: A value cannot be read: text that is not UTF-8, or a number that is too large.
    """
    try:
        if use == "media":
            made = _media(values)
            pc.struct_field(made, "path").validate(full=True)
            return made
        if use == "media list":
            made = _media_lists(values)
            pc.struct_field(pc.list_flatten(made), "path").validate(full=True)
            return made
        if use == "fact" and pa.types.is_nested(values.type):
            return _json(values)
        made = values if values.type == _TYPES[use] else _plain(values).cast(_TYPES[use])
        if pa.types.is_string(made.type):
            made.validate(full=True)
        return made
    except (pa.ArrowException, ValueError, OverflowError, RecursionError) as error:
        raise DatasetError(
            f"{where}: column {shown(column)}: expected {_EXPECTED[use]}, found values that are not ({in_a_line(error)})"
        ) from error


def file_bytes(values: pa.ChunkedArray, use: Use) -> pa.ChunkedArray:
    """Give the exact bytes of files: of text files as bytes, of images and videos as ``{bytes, path}`` or lists of it.

    Text is not looked at: whatever its bytes are, they are the file's.

    Args:
        values: The values.
        use: What they are needed for: ``text``, ``media`` or ``media list``.
    """
    if use == "media":
        return _media(values)
    return _media_lists(values) if use == "media list" else _plain(values).cast(pa.binary())


def file_names(values: pa.ChunkedArray, column: str, where: str) -> list[str | None]:
    """Give the names beside the bytes of images or videos, of a column of which maybe only these were read.

    Raises:
        DatasetError: One is not UTF-8.
    """
    paths = pc.struct_field(values, "path") if pa.types.is_struct(values.type) else values
    names: list[str | None] = convert(paths, "text", column, where).to_pylist()
    return names


def names_in_lists(
    values: pa.ChunkedArray, column: str, where: str
) -> Iterator[list[tuple[int, str | None]]]:
    """Give the same of lists, row by row, each with its number in the list, from 1 on; not of what is null there.

    Raises:
        DatasetError: One is not UTF-8.
    """
    elements = pc.list_flatten(values)
    names, there = iter(file_names(elements, column, where)), iter(pc.is_valid(elements).to_pylist())
    for length in pc.list_value_length(values).to_pylist():
        numbered = [(number, next(names), next(there)) for number in range(1, (length or 0) + 1)]
        yield [(number, name) for number, name, is_there in numbered if is_there]


def holds_lists(schema: pa.Schema, column: str) -> bool:
    """Whether a column holds lists of ``{bytes, path}``; one of others may be called so and hold something else."""
    kind = schema.types[schema.names.index(column)]
    return _is_list(kind) and all(_has_field(kind.value_type, name) for name in ("bytes", "path"))


def is_path(kind: pa.DataType) -> bool:
    """Whether a column of images or videos has their files' paths alone."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return _is_text(kind) and not _is_bytes(kind)


def has_names(kind: pa.DataType) -> bool:
    """Whether a column of images or videos has their files' names, or paths, beside the bytes or alone."""
    return is_path(kind) or _has_field(kind.value_type if _is_list(kind) else kind, "path")


def type_name(kind: pa.DataType) -> str:
    """Name a type for a message."""
    return shown(str(kind))


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    types = pa.types
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_string_view(kind)
        or types.is_null(kind)
        or _is_bytes(kind)
    )


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
        or types.is_null(kind)
    )


def _is_whole(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_null(kind))


def _is_name(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return _is_text(kind) or _is_whole(kind)


def _is_fact(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        _is_name(kind)
        or types.is_boolean(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
        or types.is_temporal(kind)
        or types.is_nested(kind)
    )


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or _is_whole(kind))


def _is_media(kind: pa.DataType) -> bool:
    if not pa.types.is_struct(kind):
        return _is_text(kind)
    if _twice(kind) or not _has_field(kind, "bytes") or not _is_bytes(kind.field("bytes").type):
        return False
    return not _has_field(kind, "path") or _is_text(kind.field("path").type)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _is_media_list(kind: pa.DataType) -> bool:
    return _is_list(kind) and _is_media(kind.value_type)


_FITS: dict[Use, Callable[[pa.DataType], bool]] = {
    "name": _is_name,
    "text": _is_text,
    "fact": _is_fact,
    "number": _is_number,
    "integer": _is_whole,
    "bytes": _is_bytes,
    "media": _is_media,
    "media list": _is_media_list,
}


def _has_field(kind: pa.DataType, name: str) -> bool:
    return pa.types.is_struct(kind) and any(field.name == name for field in kind)


def _twice(kind: pa.DataType) -> str:
    """Say which of the fields that are needed a type has several times."""
    kind = kind.value_type if _is_list(kind) else kind
    if not pa.types.is_struct(kind):
        return ""
    counts = Counter(field.name for field in kind)
    return next(
        (f"{counts[name]} fields {name!r} in it" for name in ("bytes", "path") if counts[name] > 1), ""
    )


def _plain(values: Values) -> Values:
    return values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values


def _media(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Bring images or videos to ``{bytes, path}``; nothing is read from the path."""
    if values.type == media_type():
        return values
    made = [_media_of_chunk(chunk) for chunk in _plain(values).chunks]
    return pa.chunked_array(made, media_type())


def _media_of_chunk(chunk: pa.Array) -> pa.Array:
    content: pa.Array = pa.nulls(len(chunk), pa.binary())
    names: pa.Array = pa.nulls(len(chunk), pa.string())
    if pa.types.is_struct(chunk.type):
        content = pc.struct_field(chunk, "bytes").cast(pa.binary())
        if _has_field(chunk.type, "path"):
            names = _plain(pc.struct_field(chunk, "path")).cast(pa.string())
    elif is_path(chunk.type):
        names = chunk.cast(pa.string())
    else:
        content = chunk.cast(pa.binary())
    return pa.StructArray.from_arrays([content, names], fields=list(media_type()), mask=chunk.is_null())


def _media_lists(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Bring lists of images to lists of ``{bytes, path}``."""
    if values.type == _TYPES["media list"]:
        return values
    lengths = [length or 0 for length in pc.list_value_length(values).to_pylist()]
    offsets = array("i", [0, *accumulate(lengths)])
    made = pa.ListArray.from_arrays(
        pa.Array.from_buffers(pa.int32(), len(offsets), [None, pa.py_buffer(offsets)]),
        _media(pc.list_flatten(values)).combine_chunks(),
        mask=values.is_null().combine_chunks(),
    )
    return pa.chunked_array([made])


def _json(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Spell nested values as JSON, for people to look at."""
    texts = [
        None if value is None else json.dumps(value, ensure_ascii=False, default=str)
        for value in values.to_pylist()
    ]
    return pa.chunked_array([text_array(texts)])
