"""The smallest pictures that a check takes for frames, each with pixels of its own."""

import struct
import zlib

_SIDE = 8


def grey_png(seed: bytes) -> bytes:
    """Give a grey PNG whose pixels repeat a seed, so that it is no other's."""
    pixels = (seed * _SIDE**2)[: _SIDE**2]
    lines = b"".join(b"\0" + pixels[start : start + _SIDE] for start in range(0, len(pixels), _SIDE))
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
