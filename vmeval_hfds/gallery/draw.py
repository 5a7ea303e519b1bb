"""Small pictures of many rows' frames: drawn by threads of this process, or by somebody else's workers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vmeval_builders.frames import FrameError
from vmeval_hfds.engine.pool import run_there
from vmeval_hfds.gallery.page import Picture
from vmeval_hfds.gallery.thumbnails import no_size_warnings, thumbnail
from vmeval_hfds.rows.rows import Media

if TYPE_CHECKING:
    from concurrent.futures import Executor

#: Pillow works outside the interpreter's lock, so threads are enough; more would hold more decoded frames.
_THREADS = 4

#: The frames of a row; None where it has not that frame.
Frames = Sequence[Media | None]
#: Draws the frames of rows, in their order.
Draw = Callable[[Iterable[Frames]], Iterator[list[Picture]]]


@contextmanager
def drawing(executor: Executor | None = None) -> Iterator[Draw]:
    """Have what draws for some time.

    Args:
        executor: Draws in place of this process; the frames are sent to its workers, which need not see the source.
    """
    if executor is not None:
        yield lambda rows: run_there(executor, _drawn_there, rows)
        return
    with no_size_warnings(), ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        yield lambda rows: pool.map(_drawn, rows)


def _drawn_there(frames: Frames) -> list[Picture]:
    with no_size_warnings():
        return _drawn(frames)


def _drawn(frames: Frames) -> list[Picture]:
    return [_picture(frame) for frame in frames]


def _picture(frame: Media | None) -> Picture:
    """Make a small picture of a frame, or say why it cannot be shown."""
    if frame is None or (frame.content is None and frame.name is None):
        return Picture()
    if frame.content is None:
        return Picture(fault=f"is not in the dataset, only its name: {frame.name}")
    try:
        return Picture(thumbnail(frame.content))
    except FrameError as error:
        return Picture(fault=str(error))
