"""Thrift's compact protocol, as far as Parquet's footers and page headers use it: bytes to numbered fields.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

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
        at += 1
        kind = head & 15
        if head >> 4:
            number += head >> 4
        else:
            coded, at = _varint(data, at)
            number = (coded >> 1) ^ -(coded & 1)
        if kind in (_TRUE, _FALSE):
            fields[number] = kind == _TRUE
        else:
            fields[number], at = _value(data, at, kind, depth)
    return fields, at + 1


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
    head = data[at]
    size, kind, at = head >> 4, head & 15, at + 1
    if size == _LONG:
        size, at = _varint(data, at)
    if size > len(data) - at:  # An element takes a byte at least.
        raise CutOffError("a list that goes on behind the data")
    found = []
    for _ in range(size):
        value, at = _value(data, at, kind, depth)
        found.append(value)
    return found, at


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
