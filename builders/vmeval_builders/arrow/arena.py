"""Memory for the files of a column, read one after the other, so that the column is made without copying them."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from vmeval_builders.arrow.arrays import binary_array, validity

if TYPE_CHECKING:
    import pyarrow as pa


#: Row groups are about as large as each other: with this part more, the memory of one is enough for most that follow.
_SPARE = 8


def fresh_memory(size_bytes: int) -> memoryview:
    """Give memory that is all zeros; where the system says how, no page of it is touched before it is used."""
    if hasattr(mmap, "MAP_PRIVATE") and size_bytes:
        return memoryview(mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
    return memoryview(bytearray(size_bytes))


class Arena:
    """Memory that is used again for each row group: what was made of it must be written by then.

    Attributes:
        pieces: The files, in the order in which they were read.
        paths: Their paths.
    """

    def __init__(self) -> None:
        self.pieces: list[memoryview] = []
        self.paths: list[str] = []
        self._memory = memoryview(bytearray())
        self._offsets = array("i", [0])

    def begin(self, size_bytes: int) -> None:
        """Forget all files, and make room for others.

        Args:
            size_bytes: How many bytes they have in all.
        """
        self.pieces, self.paths, self._offsets = [], [], array("i", [0])
        if len(self._memory) < size_bytes:
            self._memory = memoryview(b"")
            self._memory = fresh_memory(size_bytes + size_bytes // _SPARE)

    def piece(self, size_bytes: int, path: str) -> memoryview:
        """Give the place of the next file."""
        start = self._offsets[-1]
        piece = self._memory[start : start + size_bytes]
        self._offsets.append(start + size_bytes)
        self.pieces.append(piece)
        self.paths.append(path)
        return piece

    def whole(self) -> pa.Array:
        """Give all files as an array of byte strings."""
        return self._array(None, self._offsets)

    def array_of(self, values: Sequence[bytes | memoryview | None]) -> pa.Array:
        """Make an array of byte strings; None is a null. Nothing is copied where they are all files, in their order."""
        there = [value for value in values if value is not None]
        if list(map(id, there)) != list(map(id, self.pieces)):
            return binary_array(values)
        if len(there) == len(values):
            return self.whole()
        offsets = array("i", accumulate((len(value or b"") for value in values), initial=0))
        return self._array(validity(values), offsets)

    def _array(self, nulls: pa.Buffer | None, offsets: array[int]) -> pa.Array:
        import pyarrow as pa

        buffers = [nulls, pa.py_buffer(offsets), pa.py_buffer(self._memory[: self._offsets[-1]])]
        return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)
