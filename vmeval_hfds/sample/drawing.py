"""Crisp, antialiased shapes for the frames: Pillow draws text smoothly, but not circles and slanted edges."""

from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont

Color = tuple[int, int, int]
Point = tuple[float, float]
Box = tuple[float, float, float, float]

INK: Color = (38, 50, 64)
WHITE: Color = (255, 255, 255)
RED: Color = (222, 66, 72)
GREEN: Color = (46, 165, 106)
BLUE: Color = (44, 117, 208)
ORANGE: Color = (240, 146, 42)
PURPLE: Color = (132, 88, 196)

_SMOOTH = 4  # Masks are drawn this many times larger and averaged down: that is what makes edges smooth.
_PAPER_TOP: Color = (251, 252, 253)
_PAPER_BOTTOM: Color = (226, 232, 240)


def paper(width: int, height: int) -> Image.Image:
    """Return a new RGB canvas, lightly shaded from top to bottom."""
    return _shaded(width, height).copy()


@lru_cache(maxsize=16)
def _shaded(width: int, height: int) -> Image.Image:
    ramp = Image.linear_gradient("L").resize((width, height))
    return Image.composite(
        Image.new("RGB", (width, height), _PAPER_BOTTOM), Image.new("RGB", (width, height), _PAPER_TOP), ramp
    )


def mix(color: Color, other: Color, share: float) -> Color:
    """Blend `share` (0 to 1) of `other` into `color`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(color, other, strict=True))
    return red, green, blue


def disc(image: Image.Image, center: Point, radius: float, color: Color) -> None:
    """Draw a filled circle."""
    x, y = center
    rounded(image, (x - radius, y - radius, x + radius, y + radius), radius, color)


def rounded(image: Image.Image, box: Box, radius: float, color: Color) -> None:
    """Draw a filled rectangle with round corners (left, top, right, bottom; rounded to whole pixels)."""
    left, top, right, bottom = (round(edge) for edge in box)
    if radius == 0:
        image.paste(color, (left, top, right, bottom))
        return
    mask = _rounded_mask(right - left, bottom - top, round(radius))
    image.paste(color, (left, top), mask)


@lru_cache(maxsize=512)
def _rounded_mask(width: int, height: int, radius: int) -> Image.Image:
    mask = Image.new("L", (width * _SMOOTH, height * _SMOOTH))
    box = (0, 0, width * _SMOOTH - 1, height * _SMOOTH - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, radius * _SMOOTH, fill=255)
    return mask.reduce(_SMOOTH)


def polygon(image: Image.Image, points: Sequence[Point], color: Color) -> None:
    """Draw a filled polygon."""
    left, top = (int(min(axis)) for axis in zip(*points, strict=True))
    moved = tuple((x - left, y - top) for x, y in points)
    image.paste(color, (left, top), _polygon_mask(moved))


@lru_cache(maxsize=512)
def _polygon_mask(points: tuple[Point, ...]) -> Image.Image:
    width, height = (int(max(axis)) + 2 for axis in zip(*points, strict=True))
    mask = Image.new("L", (width * _SMOOTH, height * _SMOOTH))
    ImageDraw.Draw(mask).polygon([(x * _SMOOTH, y * _SMOOTH) for x, y in points], fill=255)
    return mask.reduce(_SMOOTH)


def path(image: Image.Image, points: Sequence[Point], width: float, color: Color) -> None:
    """Draw a thick line with round ends and joints; its legs run along an axis."""
    half = width / 2
    for (x0, y0), (x1, y1) in pairwise(points):
        box = (min(x0, x1) - half, min(y0, y1) - half, max(x0, x1) + half, max(y0, y1) + half)
        rounded(image, box, half, color)


def text(image: Image.Image, center: Point, words: str, size: int, color: Color = INK) -> None:
    """Write a line of text around its middle, in the font that comes with Pillow."""
    # On whole pixels, equal letters get equal pixels: that looks even and compresses better.
    middle = (round(center[0]), round(center[1]))
    ImageDraw.Draw(image).text(middle, words, fill=color, font=_font(size), anchor="mm")


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size=size)  # Part of Pillow itself: the same on every system.


def to_png(image: Image.Image) -> bytes:
    """Encode as PNG; the bytes depend on the picture and the Pillow release only."""
    buffer = BytesIO()
    # Run lengths are all there is to find in flat shapes: half the time of a full search, and no larger.
    image.save(buffer, format="PNG", compress_type=Image.RLE)
    return buffer.getvalue()
