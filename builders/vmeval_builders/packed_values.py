"""JSON values in compressed blocks, so that of a million none is an object until it is asked for."""

from __future__ import annotations

import json
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, TypeVar

Value = TypeVar("Value")

#: How many values are compressed together, and so made together.
BLOCK_VALUES = 250


class PackedValues(Sequence[Any]):
    """JSON values; each is made anew when it is asked for.

    Args:
        values: What is packed.
    """

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self._blocks: list[bytes] = []
        self._starts = array("q", [0])
        self._opened: tuple[int, list[Any]] = -1, []
        for block in batched(values, BLOCK_VALUES):
            self._append(pack(block), len(block))

    @classmethod
    def of(cls, blocks: Iterable[tuple[bytes, int]]) -> PackedValues:
        """Take what `pack` made of values in, each with how many they are."""
        made = cls()
        for block, size in blocks:
            made._append(block, size)
        return made

    def _append(self, block: bytes, size: int) -> None:
        self._blocks.append(block)
        self._starts.append(self._starts[-1] + size)

    def __len__(self) -> int:
        """Count the values."""
        return self._starts[-1]

    def __iter__(self) -> Iterator[Any]:
        """Give the values in their order."""
        return chain.from_iterable(map(unpack, self._blocks))

    def __getitem__(self, number: Any) -> Any:  # noqa: ANN401 - JSON holds anything
        """Give one value by its number, or a list of several."""
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        number = range(len(self))[number]
        block = bisect_right(self._starts, number) - 1
        if self._opened[0] != block:
            self._opened = block, unpack(self._blocks[block])
        return self._opened[1][number - self._starts[block]]


def pack(values: Sequence[Any]) -> bytes:
    """Compress some values."""
    return zlib.compress(json.dumps(values).encode("ascii"), 1)


def unpack(block: bytes) -> list[Any]:
    """Give the values that `pack` compressed."""
    values: list[Any] = json.loads(zlib.decompress(block))
    return values


def batched(values: Iterable[Value], count: int) -> Iterator[list[Value]]:
    """Give values in lists of so many; the last may be shorter."""
    remaining = iter(values)
    while batch := list(islice(remaining, count)):
        yield batch
