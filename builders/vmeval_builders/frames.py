"""Look at a frame without keeping what is decoded: its size, or why it is no picture."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

#: A frame of more pixels than this is refused before it is decoded; 4K video has 8.3 million.
PIXEL_LIMIT = 100_000_000

#: What Pillow may try. Formats that start a program (EPS) or that no video model reads are left out.
FRAME_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")

_PNG_BEGIN = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_PNG_FIELDS = struct.Struct(">IIBBBBBI")
_PNG_HEADER_BYTES = len(_PNG_BEGIN) + _PNG_FIELDS.size
# Colour type to the bit depths that go with it: https://www.w3.org/TR/png-3/#11IHDR
_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


class FrameError(ValueError):
    """A frame is no picture that Pillow can open; the message ends a sentence about the file."""


def png_size(content: bytes | memoryview) -> tuple[int, int] | None:
    """Read width and height in pixels from a PNG's header, or None where it is not a sound PNG header.

    Opening with Pillow takes ten times as long, and most frames are PNG.
    """
    header = bytes(content[:_PNG_HEADER_BYTES])
    if len(content) <= _PNG_HEADER_BYTES or not header.startswith(_PNG_BEGIN):
        return None
    width, height, depth, colour, compression, filtering, interlace, checksum = _PNG_FIELDS.unpack_from(
        header, len(_PNG_BEGIN)
    )
    if zlib.crc32(header[12:29]) != checksum:
        return None
    known = depth in _PNG_DEPTHS.get(colour, ()) and compression == filtering == 0 and interlace in (0, 1)
    return (width, height) if known and width and height else None


def frame_size(content: bytes | memoryview, decode: bool = False) -> tuple[int, int]:
    """Give a frame's width and height in pixels.

    Args:
        content: The file's bytes.
        decode: Decode every pixel too, so that a file that is cut short or damaged is found.

    Returns:
        Width and height.

    Raises:
        FrameError: It is no picture, a damaged one, or has more than `PIXEL_LIMIT` pixels.
    """
    size = None if decode else png_size(content)
    if size is None:
        size = _open_with_pillow(content, decode)
    elif size[0] * size[1] > PIXEL_LIMIT:
        raise _too_many_pixels(size)
    return size


def _open_with_pillow(content: bytes | memoryview, decode: bool) -> tuple[int, int]:
    from PIL import Image

    if not content:
        raise FrameError("is empty, not an image")
    with warnings.catch_warnings():
        # Our own limit is lower than the one Pillow warns at, and says what to do.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(content), formats=FRAME_FORMATS) as image:
                size: tuple[int, int] = image.size
                if size[0] * size[1] > PIXEL_LIMIT:
                    raise _too_many_pixels(size)
                if decode:
                    image.load()
        except (FrameError, MemoryError):
            raise
        except Exception as error:
            # Pillow's plugins raise whatever a damaged file makes them raise.
            reason = "no image format that Pillow knows" if "identify" in str(error) else str(error)
            raise FrameError(f"is not an image that can be opened ({reason})") from error
    return size


def _too_many_pixels(size: tuple[int, int]) -> FrameError:
    return FrameError(f"has {size[0]} x {size[1]} pixels; {PIXEL_LIMIT:,} at most are decoded")
