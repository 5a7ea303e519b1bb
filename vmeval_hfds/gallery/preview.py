"""The card's picture: one row of every domain or model, first and final frame, in one PNG."""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from vmeval_builders.entries import Unit
from vmeval_builders.frames import FrameError, frame_size
from vmeval_builders.scan import Scan
from vmeval_builders.sources.source import Source
from vmeval_hfds.gallery.thumbnails import no_size_warnings, small_image

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

PREVIEW_BYTES = 400_000
#: More groups than this would be too small to see; the picture says how many more there are.
PREVIEW_GROUPS = 24

#: Where a picture says whose cells it shows, so that a later one can take them over.
_GROUPS_KEY = "vmeval-hfds groups"

#: A group, and the bytes of its row's first frame and of its final frame, where it has one.
Frames: TypeAlias = "tuple[str, bytes | None, bytes | None]"

# Lengths in pixels of the picture at full scale; the Hub shows a card about 900 pixels wide.
_FRAME_WIDTH, _FRAME_HEIGHT = 208, 176
_ARROW, _PADDING, _GAP, _LABEL, _FOOTER = 28, 14, 16, 30, 34
_CELL_WIDTH = 2 * _FRAME_WIDTH + _ARROW + 2 * _PADDING
_CELL_HEIGHT = _FRAME_HEIGHT + _LABEL + 2 * _PADDING
_COLUMNS = 3

_PAGE, _CELL, _EDGE = (238, 242, 246), (255, 255, 255), (214, 221, 229)
_INK, _SOFT, _FAULT, _FAULT_GROUND = (29, 39, 51), (90, 104, 120), (179, 40, 45), (253, 229, 229)
# Scale of the picture and number of colours (None is all), tried in turn until it is small enough.
_STEPS = ((1.0, None), (1.0, 256), (0.75, 256), (0.5, 256), (0.5, 64), (0.35, 32), (0.25, 16))


def preview_of(
    scan: Scan,
    groups: Mapping[str, Iterable[Unit]],
    others: Collection[str] = (),
    present: bytes | None = None,
) -> bytes | None:
    """Draw the card's picture of a folder; None where its rows have no frames.

    Args:
        scan: The folder.
        groups: What its rows have in common, to the rows by path.
        others: Groups of the dataset of which the folder has no row.
        present: The dataset's picture as it is; the cells of other groups are taken over from it, as far as it
            has them, so that no shard is opened for them.

    Raises:
        FolderChangedError: A frame is not as long as when the folder was walked.
        OSError: A frame cannot be read.
    """
    columns = scan.layout.gallery_frames
    if not columns:
        return None
    cells = _cells_of(present, frozenset(others)) if present and others else {}
    return preview_png(preview_frames(scan.source, groups, columns), cells)


def preview_frames(
    source: Source, groups: Mapping[str, Iterable[Unit]], columns: Sequence[str]
) -> list[Frames]:
    """Read the frames that stand for each group: of its first row, by path, that has a first frame.

    Args:
        source: What holds the files.
        groups: What rows have in common, such as a domain, to the rows by path.
        columns: The columns of the first frame and, where there is one, of the final frame.

    Returns:
        The groups by name; those without a frame are left out, and no more than the picture can show are read.

    Raises:
        FolderChangedError: A frame is not as long as when the folder was walked.
        OSError: A frame cannot be read.
    """
    chosen: list[Frames] = []
    for group in sorted(groups):
        unit = next((unit for unit in groups[group] if columns[0] in unit.files), None)
        if unit is None:
            continue
        if len(chosen) >= PREVIEW_GROUPS:
            chosen.append((group, None, None))
            continue
        final = unit.files.get(columns[1]) if len(columns) > 1 else None
        first = source.read(unit.files[columns[0]])
        chosen.append((group, first, source.read(final) if final else None))
    return chosen


def preview_png(frames: Sequence[Frames], cells: Mapping[str, Image] | None = None) -> bytes:
    """Draw the card's picture, of at most `PREVIEW_BYTES` bytes.

    Args:
        frames: One row of every group, by group.
        cells: Group to its part of an earlier picture, for groups without frames here.

    Returns:
        A PNG; the same frames give the same bytes (with the same release of Pillow). Without any, it says so.
    """
    cells = cells or {}
    whole = sorted([*frames, *((group, None, None) for group in cells)], key=lambda one: one[0])
    shown = whole[:PREVIEW_GROUPS]
    with no_size_warnings():
        picture = _draw(shown, len(whole) - len(shown), cells)
    groups = [group for group, _, _ in shown]
    for scale, colors in _STEPS:
        content = _encoded(picture, scale, colors, groups)
        if len(content) <= PREVIEW_BYTES:
            break
    return content


def _cells_of(content: bytes, groups: frozenset[str]) -> dict[str, Image]:
    """Cut the cells of some groups out of a picture that this module drew; none of any other picture."""
    from PIL import Image

    try:
        frame_size(content)  # Before Pillow, whose limit is higher and an error of its own kind.
        with no_size_warnings(), Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            stated = json.loads(str(picture.info[_GROUPS_KEY]))
            whole = picture.convert("RGB")
        scale = whole.width / _size(len(stated))[0]
        boxes = {
            group: _cell_box(number, len(stated)) for number, group in enumerate(stated) if group in groups
        }
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, ZeroDivisionError, RecursionError):
        return {}
    return {
        group: whole.crop([round(scale * side) for side in box]).resize((_CELL_WIDTH, _CELL_HEIGHT))
        for group, box in boxes.items()
    }


def _size(cells: int) -> tuple[int, int]:
    """Give width and height of a picture, without its footer."""
    columns = min(_COLUMNS, max(1, cells))
    rows = max(1, -(-cells // columns))
    return columns * _CELL_WIDTH + (columns + 1) * _GAP, rows * _CELL_HEIGHT + (rows + 1) * _GAP


def _cell_box(number: int, cells: int) -> tuple[int, int, int, int]:
    row, column = divmod(number, min(_COLUMNS, max(1, cells)))
    left, top = _GAP + column * (_CELL_WIDTH + _GAP), _GAP + row * (_CELL_HEIGHT + _GAP)
    return left, top, left + _CELL_WIDTH, top + _CELL_HEIGHT


def _encoded(picture: Image, scale: float, colors: int | None, groups: Sequence[str]) -> bytes:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    if scale != 1:
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    if colors is not None:
        picture = picture.quantize(colors, dither=Image.Dither.NONE)
    stream = io.BytesIO()
    facts = PngInfo()
    facts.add_itxt(_GROUPS_KEY, json.dumps(groups))
    picture.save(stream, "PNG", optimize=True, pnginfo=facts)
    return stream.getvalue()


def _draw(shown: Sequence[Frames], more: int, cells: Mapping[str, Image]) -> Image:
    from PIL import Image, ImageDraw

    width, height = _size(len(shown))
    height += _FOOTER if more else 0
    picture = Image.new("RGB", (width, height), _PAGE)
    pen = ImageDraw.Draw(picture)
    for number, (label, first, final) in enumerate(shown):
        left, top, _, _ = _cell_box(number, len(shown))
        if label in cells:
            picture.paste(cells[label], (left, top))
            continue
        pen.rounded_rectangle((left, top, left + _CELL_WIDTH, top + _CELL_HEIGHT), 12, _CELL, _EDGE)
        frame_left, frame_top = left + _PADDING, top + _PADDING
        _draw_frame(picture, pen, (frame_left, frame_top), first, "no first frame")
        _draw_arrow(pen, frame_left + _FRAME_WIDTH, frame_top + _FRAME_HEIGHT // 2)
        _draw_frame(picture, pen, (frame_left + _FRAME_WIDTH + _ARROW, frame_top), final, "no final frame")
        middle = (left + _CELL_WIDTH // 2, top + _CELL_HEIGHT - _PADDING - _LABEL // 2 + 6)
        _write(pen, middle, label, 19, _INK, _CELL_WIDTH - 2 * _PADDING)
    if not shown:
        _write(pen, (width // 2, height // 2), "no frames", 19, _SOFT, width)
    if more:
        text = f"and {more:,} more"
        _write(pen, (width // 2, height - _FOOTER // 2 - 6), text, 19, _SOFT, width)
    return picture


def _draw_frame(
    picture: Image, pen: ImageDraw, corner: tuple[int, int], content: bytes | None, absent: str
) -> None:
    left, top = corner
    middle = (left + _FRAME_WIDTH // 2, top + _FRAME_HEIGHT // 2)
    box = (left, top, left + _FRAME_WIDTH - 1, top + _FRAME_HEIGHT - 1)
    if content is None:
        pen.rounded_rectangle(box, 8, _PAGE, _EDGE)
        _write(pen, middle, absent, 16, _SOFT, _FRAME_WIDTH)
        return
    try:
        image = small_image(content, 2 * max(_FRAME_WIDTH, _FRAME_HEIGHT))
    except FrameError:
        pen.rounded_rectangle(box, 8, _FAULT_GROUND, _FAULT)
        _write(pen, middle, "broken frame", 16, _FAULT, _FRAME_WIDTH)
        return
    image.thumbnail((_FRAME_WIDTH, _FRAME_HEIGHT))
    place = (middle[0] - image.width // 2, middle[1] - image.height // 2)
    picture.paste(image, place, image if image.mode == "RGBA" else None)
    pen.rectangle(
        (place[0] - 1, place[1] - 1, place[0] + image.width, place[1] + image.height), outline=_EDGE
    )


def _draw_arrow(pen: ImageDraw, left: int, middle: int) -> None:
    start, end = left + 6, left + _ARROW - 6
    pen.line((start, middle, end, middle), _SOFT, 2)
    pen.line((end - 5, middle - 5, end, middle, end - 5, middle + 5), _SOFT, 2)


def _write(
    pen: ImageDraw, middle: tuple[int, int], text: str, size: int, color: tuple[int, int, int], room: int
) -> None:
    """Write a line around its middle, cut where it is longer than the room for it."""
    from PIL import ImageFont

    font = ImageFont.load_default(size=size)  # Part of Pillow itself: the same on every system.
    text = "".join(character if character.isprintable() else " " for character in text)[:200]
    shown = text
    while shown and pen.textlength(shown, font=font) > room:
        text = text[:-1]
        shown = f"{text.rstrip()}..."
    pen.text(middle, shown, fill=color, font=font, anchor="mm")
