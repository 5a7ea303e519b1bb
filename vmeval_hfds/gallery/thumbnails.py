"""Small pictures of frames, made with Pillow: for looking only, never to be stored as a question's frame."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vmeval_builders.frames import FRAME_FORMATS, FrameError, frame_size

if TYPE_CHECKING:
    from PIL.Image import Image

#: The longer side of a thumbnail in pixels: a card shows it at about half of that, sharp on dense screens.
THUMBNAIL_SIDE = 384
#: Two of these as base64 for each of 1,000 questions are 22 MB, whatever the frames show.
THUMBNAIL_BYTES = 8 * 1024
# Side and quality, tried in turn until a thumbnail is small enough. Nine of ten puzzles take the first.
_WEBP_STEPS = ((384, 80), (384, 60), (320, 50), (256, 40), (192, 30), (128, 20), (96, 5))


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture of a frame.

    Attributes:
        webp: The small picture, a WebP file.
        shown_size: Its width and height in pixels.
        frame_size: The frame's own width and height in pixels.
    """

    webp: bytes
    shown_size: tuple[int, int]
    frame_size: tuple[int, int]


def thumbnail(content: bytes) -> Thumbnail:
    """Make a thumbnail of at most `THUMBNAIL_BYTES` bytes.

    Raises:
        FrameError: The frame is no picture, a damaged one, or too large to be decoded.
    """
    size = frame_size(content)
    image = small_image(content, THUMBNAIL_SIDE)
    for side, quality in _WEBP_STEPS:
        image.thumbnail((side, side))
        webp = io.BytesIO()
        # Method 2 takes half the time of the default and makes files 5 % larger.
        image.save(webp, "WEBP", quality=quality, method=2)
        if webp.tell() <= THUMBNAIL_BYTES:
            break
    return Thumbnail(webp.getvalue(), image.size, size)


def small_image(content: bytes, side: int) -> Image:
    """Decode a frame and shrink it to `side` pixels at most.

    Args:
        content: The file's bytes.
        side: The longer side in pixels; a smaller frame stays as large as it is.

    Returns:
        An RGB image, or RGBA where the frame has transparent parts.

    Raises:
        FrameError: The frame is no picture, a damaged one, or too large to be decoded.
    """
    from PIL import Image

    frame_size(content)
    try:
        with Image.open(io.BytesIO(content), formats=FRAME_FORMATS) as image:
            image.draft("RGB", (2 * side, 2 * side))  # A large JPEG is decoded at a fraction of its size.
            shown = _eight_bits(image)
            shown.thumbnail((side, side), reducing_gap=2.0)
            return shown
    except MemoryError:
        raise
    except Exception as error:
        # Pillow's plugins raise whatever a damaged file makes them raise; `frame_size` words the reason.
        frame_size(content, decode=True)
        raise FrameError(f"is not an image that can be shown ({error})") from error


def _eight_bits(image: Image) -> Image:
    if image.mode.startswith("I;16"):
        # Pillow would cut off at 255, and show nearly everything as white.
        return image.point(lambda value: value / 256, "L").convert("RGB")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


@contextmanager
def no_size_warnings() -> Iterator[None]:
    """Keep Pillow from warning of large images: `PIXEL_LIMIT` is the limit, and the reason is shown."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield
