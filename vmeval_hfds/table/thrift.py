"""Thrift's compact protocol, as far as Parquet's footers and page headers use it: bytes to numbered fields.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

#: A struct's fields by their numbers; those that are not there are missing.
Fields: TypeAlias = dict[int, Any]

_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = frozenset({4, 5, 6})
_DOUBLE_BYTES = 8
#: A long list's size does not fit the four bits before it.
_LONG = 15
#: Parquet nests six deep.
_DEPTH = 16


class ThriftError(ValueError):
    """Bytes are no struct as Parquet has them; the message is the end of a sentence."""


class CutOffError(IndexError):
    """A struct goes on behind the data; more of it may be read."""


def parse_struct(data: bytes, at: int = 0, depth: int = 0) -> tuple[Fields, int]:
    """Read a struct.

    Args:
        data: What holds it.
        at: Where it begins.
        depth: How deep it lies in others.

    Returns:
        Its fields, and where it ends.

    Raises:
        IndexError: It goes on behind the data.
        ThriftError: It is none.
    """
    if depth > _DEPTH:
        raise ThriftError("structs nested too deeply")
    fields: Fields = {}
    number = 0
    while (head := data[at]) != _STOP:
        kind, number, at = _field(data, at, head, number)
        if kind in (_TRUE, _FALSE):
            fields[number] = kind == _TRUE
        else:
            fields[number], at = _value(data, at, kind, depth)
    return fields, at + 1


def _field(data: bytes, at: int, head: int, last: int) -> tuple[int, int, int]:
    """Give kind and number of a field, and where its value begins."""
    if head >> 4:
        return head & 15, last + (head >> 4), at + 1
    coded, at = _varint(data, at + 1)
    return head & 15, (coded >> 1) ^ -(coded & 1), at


def structs_in(data: bytes, number: int) -> Iterator[Fields]:
    """Read the structs of a list in a struct, one at a time, so that of a long list no more is held.

    Args:
        data: What holds the struct.
        number: The number of the field that is the list.

    Raises:
        IndexError: It goes on behind the data.
        ThriftError: It is none, or the field is not one list of structs.
    """
    found, at, last = 0, 0, 0
    while (head := data[at]) != _STOP:
        kind, last, at = _field(data, at, head, last)
        if last != number:
            at = at if kind in (_TRUE, _FALSE) else _value(data, at, kind, 0)[1]
            continue
        if kind != _LIST or found:
            raise ThriftError("a field that is not one list")
        found += 1
        size, of_kind, at = _list_head(data, at)
        if of_kind != _STRUCT:
            raise ThriftError("a list of others than structs")
        for _ in range(size):
            struct, at = parse_struct(data, at, 2)
            yield struct
    if not found:
        raise ThriftError("no such list")


def _value(data: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in _INTEGERS:
        coded, at = _varint(data, at)
        return (coded >> 1) ^ -(coded & 1), at
    if kind == _BINARY:
        length, at = _varint(data, at)
        if at + length > len(data):
            raise CutOffError("a text that goes on behind the data")
        return data[at : at + length], at + length
    if kind == _STRUCT:
        return parse_struct(data, at, depth + 1)
    if kind in (_LIST, _SET):
        return _list(data, at, depth + 1)
    if kind in (_TRUE, _FALSE, _BYTE):
        return data[at], at + 1
    if kind == _DOUBLE:
        return data[at : at + _DOUBLE_BYTES], at + _DOUBLE_BYTES
    raise ThriftError(f"no type {kind} is known")


def _list(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    if depth > _DEPTH:
        raise ThriftError("lists nested too deeply")
    size, kind, at = _list_head(data, at)
    found = []
    for _ in range(size):
        value, at = _value(data, at, kind, depth)
        found.append(value)
    return found, at


def _list_head(data: bytes, at: int) -> tuple[int, int, int]:
    """Give a list's size, the kind of its elements, and where they begin."""
    head = data[at]
    size, kind, at = head >> 4, head & 15, at + 1
    if size == _LONG:
        size, at = _varint(data, at)
    if size > len(data) - at:  # An element takes a byte at least.
        raise CutOffError("a list that goes on behind the data")
    return size, kind, at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    at += 1
    if byte < 128:
        return byte, at
    found, shift = byte & 127, 7
    while byte >= 128:
        if shift > 63:
            raise ThriftError("a number of more than 64 bits")
        byte = data[at]
        at += 1
        found |= (byte & 127) << shift
        shift += 7
    return found, at
