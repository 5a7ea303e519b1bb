"""Arrow arrays from Python values, laid out by hand: one copy of the bytes, and no pandas.

`pyarrow.array` copies twice while it grows its buffer, and imports pandas (0.4 s) to ask whether a list is an array.
So does every function of `pyarrow.compute` that is given a Python value: give it a `scalar` of this module.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

import pyarrow as pa

from vmeval_builders.arrow.schema import media_type

#: How long a SHA-256 is.
DIGEST_BYTES = 32
#: Typecodes of `array` whose memory Arrow can take as it is.
_KINDS = {"q": pa.int64(), "I": pa.uint32()}


def binary_array(values: Sequence[bytes | memoryview | None], kind: pa.DataType | None = None) -> pa.Array:
    """Make an array of byte strings; None is a null.

    Args:
        values: The byte strings, 2 GiB in all at most.
        kind: `pa.binary()`, or `pa.string()` where all are UTF-8.
    """
    there = [value or b"" for value in values]
    offsets = array("i", accumulate(map(len, there), initial=0))
    buffers = [validity(values), pa.py_buffer(offsets), pa.py_buffer(b"".join(there))]
    return pa.Array.from_buffers(kind or pa.binary(), len(values), buffers)


def digest_array(digests: bytes | bytearray) -> pa.Array:
    """Make an array of byte strings of SHA-256 hashes that follow each other."""
    count = len(digests) // DIGEST_BYTES
    offsets = array("i", range(0, len(digests) + 1, DIGEST_BYTES))
    return pa.Array.from_buffers(pa.binary(), count, [None, pa.py_buffer(offsets), pa.py_buffer(digests)])


def text_array(values: Sequence[str | None]) -> pa.Array:
    """Make an array of text; None is a null."""
    there = [value or "" for value in values]
    whole = "".join(there)
    if not whole.isascii():
        return binary_array([None if value is None else value.encode() for value in values], pa.string())
    # Each character is a byte, so that all are encoded at once.
    offsets = array("i", accumulate(map(len, there), initial=0))
    buffers = [validity(values), pa.py_buffer(offsets), pa.py_buffer(whole.encode())]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def hex_array(digests: bytes | bytearray, there: Sequence[bool]) -> pa.Array:
    """Make an array of hexadecimal text of SHA-256 hashes that follow each other.

    Args:
        digests: The hashes.
        there: Which are no nulls.
    """
    size, text = 2 * DIGEST_BYTES, digests.hex()
    if not all(there):
        return text_array(
            [text[size * at : size * at + size] if one else None for at, one in enumerate(there)]
        )
    offsets = array("i", range(0, len(text) + 1, size))
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text.encode())]
    return pa.Array.from_buffers(pa.string(), len(there), buffers)


def byte_strings(values: pa.Array) -> Iterator[memoryview]:
    """Give the byte strings of an array that are no nulls; each is a part of the array's memory."""
    _, ends, data = (there := values.drop_null()).buffers()
    if not len(there):
        return
    begin, end = there.offset, there.offset + len(there) + 1
    content, places = (
        memoryview(data or b"").cast("B"),
        memoryview(ends).cast("B")[4 * begin : 4 * end].cast("i"),
    )
    for number in range(len(there)):
        yield content[places[number] : places[number + 1]]


def integers(values: pa.Array) -> memoryview:
    """Give an array's 64-bit integers without an object for each; it has no nulls."""
    start = values.offset
    return memoryview(values.buffers()[1]).cast("B").cast("q")[start : start + len(values)]


def integer_array(values: Sequence[int | None]) -> pa.Array:
    """Make an array of 64-bit integers; None is a null."""
    if isinstance(values, array) and values.typecode in _KINDS:
        kind = _KINDS[values.typecode]
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)]).cast(pa.int64())
    numbers = array("q", [value or 0 for value in values])
    return pa.Array.from_buffers(pa.int64(), len(values), [validity(values), pa.py_buffer(numbers)])


def float_array(values: Sequence[float | None]) -> pa.Array:
    """Make an array of 64-bit floating point numbers; None is a null."""
    numbers = array("d", [value or 0.0 for value in values])
    return pa.Array.from_buffers(pa.float64(), len(values), [validity(values), pa.py_buffer(numbers)])


def truth_array(values: Iterable[bool]) -> pa.Array:
    """Make an array of truth values."""
    numbers = bytes(values)
    return pa.Array.from_buffers(pa.uint8(), len(numbers), [None, pa.py_buffer(numbers)]).cast(pa.bool_())


def empty_table(schema: pa.Schema) -> pa.Table:
    """Make a table without a row."""
    return pa.Table.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)


def rows_where(table: pa.Table, mask: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Keep the rows for which an array of truth values says so; where that is all, or none, without a copy."""
    from pyarrow.compute import sum as count

    kept = count(mask).as_py() or 0
    return table.slice(0, kept) if kept in (0, table.num_rows) else table.filter(mask)


def copied(table: pa.Table) -> pa.Table:
    """Copy the rows of a slice, which would go to another process with all that it was cut from."""
    return table.take(pa.arange(0, table.num_rows))


def scalar(value: str | int) -> pa.Scalar:
    """Make a text, 64-bit integer or truth value for a function of `pyarrow.compute`."""
    if isinstance(value, str):
        return text_array([value])[0]
    return truth_array([value])[0] if isinstance(value, bool) else integer_array([value])[0]


def media_array(
    values: Sequence[Mapping[str, Any] | None],
    contents: Callable[[Sequence[bytes | memoryview | None]], pa.Array] = binary_array,
) -> pa.Array:
    """Make an array of images or videos, ``{bytes, path}``; None is a null.

    Args:
        values: The images or videos.
        contents: Makes the array of their bytes.
    """
    children = [
        contents([value["bytes"] if value else None for value in values]),
        text_array([value["path"] if value else None for value in values]),
    ]
    return pa.Array.from_buffers(media_type(), len(values), [validity(values)], children=children)


def media_lists_array(values: Sequence[Sequence[Mapping[str, Any]] | None]) -> pa.Array:
    """Make an array of lists of images, ``{bytes, path}`` each; None is a null."""
    offsets = array("i", [0, *accumulate(len(value or ()) for value in values)])
    elements = media_array([element for value in values if value for element in value])
    buffers = [validity(values), pa.py_buffer(offsets)]
    return pa.Array.from_buffers(pa.list_(media_type()), len(values), buffers, children=[elements])


def validity(values: Sequence[object]) -> pa.Buffer | None:
    """Give Arrow's bitmap of what is not null, the first value in the lowest bit; None where nothing is null."""
    if None not in values:
        return None
    return truth_array(value is not None for value in values).buffers()[1]
