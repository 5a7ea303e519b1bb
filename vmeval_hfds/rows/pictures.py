"""Width and height of pictures, read from the first bytes of their files."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vmeval_builders.frames import FrameError, frame_size, png_size

if TYPE_CHECKING:
    import pyarrow as pa

#: A PNG says its size in its first 33 bytes.
HEADER_BYTES = 64

Pixels = tuple[int, int]


def pixels_of(head: bytes, content: Callable[[], bytes]) -> Pixels | None:
    """Give a picture's width and height, whatever its name says; None where it is no picture.

    Args:
        head: Its first bytes.
        content: Gives all of it, for pictures that are no PNG.
    """
    if size := png_size(head):
        return size
    try:
        return frame_size(content())
    except FrameError:
        return None


def column_pixels(values: pa.ChunkedArray) -> list[Pixels | None]:
    """Give the width and height of every picture of an Arrow column of ``{bytes, path}``."""
    import pyarrow.compute as pc

    contents = pc.struct_field(values, "bytes")
    heads = pc.binary_slice(contents, 0, HEADER_BYTES).to_pylist()
    return [None if head is None else pixels_of(head, contents[row].as_py) for row, head in enumerate(heads)]
