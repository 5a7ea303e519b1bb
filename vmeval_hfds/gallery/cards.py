"""A gallery: the rows of a folder or dataset on one HTML page that needs nothing else."""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Unpack

from vmeval_builders.entries import column_of
from vmeval_builders.layouts.layout import Layout
from vmeval_hfds.engine.pool import Progress
from vmeval_hfds.errors import ArgumentError, TargetExistsError
from vmeval_hfds.gallery.draw import drawing
from vmeval_hfds.gallery.page import GENERATOR, CardText, Clip, Picture, card, page_parts
from vmeval_hfds.rows.chosen import check_chosen
from vmeval_hfds.rows.open import Source, open_rows
from vmeval_hfds.rows.rows import Media, Row, Rows
from vmeval_hfds.scratch import scratch
from vmeval_hfds.table.naming import NOTHING_SAID, Naming
from vmeval_hfds.table.wanted import Chooser, Chosen, Wanted

if TYPE_CHECKING:
    from concurrent.futures import Executor

#: A larger video is named on the page, not put into it; so is what goes beyond the budget of the page.
VIDEO_BYTES = 4 * 2**20
PAGE_VIDEO_BYTES = 100 * 2**20


@dataclass(frozen=True, slots=True)
class GalleryResult:
    """What a gallery shows.

    Attributes:
        target: The HTML file.
        builder: The builder that describes the rows.
        rows: How many rows it shows.
        domains: Domain to the number of its rows that are shown.
        size_bytes: The file's size.
        broken: Frames that cannot be shown, as path and reason.
        url: The address of the Space that shows it, where it was published.
    """

    target: Path
    builder: str
    rows: int
    domains: dict[str, int]
    size_bytes: int
    broken: list[str] = field(default_factory=list)
    url: str = ""


def write_gallery(
    source: Source,
    target: str | os.PathLike[str],
    *,
    builder: str | None = None,
    columns: Mapping[str, str] = NOTHING_SAID.columns,
    template: str = "",
    limit: int | None = None,
    title: str | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    **rows: Unpack[Chosen],
) -> GalleryResult:
    """Write the rows of a folder or dataset as one HTML file.

    The file loads nothing and runs nothing but its own script, so it can be opened from disk and mailed. It
    appears whole or not at all. Frames are read a row group at a time.

    Args:
        source: A folder, an archive, a dataset directory, a repository, a `datasets.Dataset`, or what was opened.
        target: The HTML file. A gallery that is there is replaced.
        builder: The name of the builder that describes the rows; None finds it out.
        columns: Column to what a table of others calls it, as `export` takes it.
        template: What its rows' folders are called, likewise.
        limit: Show so many rows at most, as evenly from all domains as they go; the first of each.
        title: The page's title; None is the name of the source.
        executor: Draws in place of this process: any `concurrent.futures.Executor`, such as Dask's. The frames are
            sent to its workers, which need not see the source.
        progress: Called with rows done and rows in all.
        **rows: Which rows, as `export` takes them: `domains`, `ids`, `models`, `evaluators`, `experiments`, `where`.

    Raises:
        TargetExistsError: Something that is no gallery is at the target, or the target is inside the source.
        UnknownNameError: No row has what is asked for, or the layout has no such column.
        ValueError: `limit` is below one.
        MissingPathError: There is no such source.
        DatasetError: The dataset is damaged.
        FolderChangedError: A file at a URL changed while the folder was read.
    """
    if limit is not None and limit < 1:
        raise ArgumentError(f"limit is {limit}; it must be 1 or more")
    target = Path(os.path.abspath(target))
    opened = open_rows(source, builder, Naming(columns, template))
    about = opened.about
    check_target(target, about.root)
    groups = _groups(opened, Wanted(**rows))
    shares = _shares(groups, limit)
    before, after = page_parts(
        title or about.title, _summary(about.layout, shares, len(groups)), about.layout
    )
    with page_file(target) as page:
        page.write(before)
        broken = _write_cards(page, opened, _first_of_each(groups, shares), executor, progress)
        page.write(after)
    size_bytes = target.stat().st_size
    shown = {domain: share for domain, share in shares.items() if share}
    return GalleryResult(target, about.layout.name, sum(shown.values()), shown, size_bytes, broken)


@contextmanager
def page_file(target: Path) -> Iterator[IO[str]]:
    """Open a page to be written, which appears whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.partial")
    with scratch(unfinished):
        # JSON can spell half of a surrogate pair, which UTF-8 cannot hold: it becomes a character reference.
        with unfinished.open("x", encoding="utf-8", errors="xmlcharrefreplace", newline="\n") as page:
            yield page
        unfinished.replace(target)


def check_target(target: Path, root: Path | None) -> None:
    """Refuse to write a page over something else, or into what it shows.

    Raises:
        TargetExistsError: Something that is no gallery is there, or it lies in the source.
    """
    if root is not None and Path(os.path.realpath(target)).is_relative_to(os.path.realpath(root)):
        raise TargetExistsError(
            f"{target}: lies in {root}, whose rows are shown, and would become a part of it; "
            "choose another --target"
        )
    if os.path.lexists(target) and not _is_gallery(target):
        raise TargetExistsError(
            f"{target}: expected nothing or a gallery to replace, found something else; choose another --target"
        )


def _is_gallery(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as stream:
        return GENERATOR in stream.read(2000)


def _summary(layout: Layout, shares: Mapping[str, int], rows: int) -> str:
    shown = sum(shares.values())
    number = f"{shown:,} {layout.noun}{'' if shown == 1 else 's'}"
    found = f"{number} of {rows:,}" if shown < rows else number
    domains = sum(share > 0 for share in shares.values())
    return f"{found} in {domains:,} domain{'' if domains == 1 else 's'}."


def _groups(rows: Rows, wanted: Wanted) -> dict[int, str]:
    """Give the group of every row that is wanted, by its number, without opening a frame."""
    column = rows.about.layout.domain_column
    chooser = Chooser(wanted, rows.about.layout, rows.about.name)
    columns = dict.fromkeys([column, *chooser.needed])
    found = {
        number: _group(row, column)
        for number, row in enumerate(rows.texts(list(columns)))
        if chooser.fits(row.texts)
    }
    check_chosen(chooser, found)
    return found


def _group(row: Row, column: str) -> str:
    return row.texts[column] or f"no-{column}"


def _shares(groups: Mapping[int, str], limit: int | None) -> dict[str, int]:
    """Say how many rows of each group to show."""
    return even_shares(dict(sorted(Counter(groups.values()).items())), limit)


def even_shares(counts: Mapping[str, int], limit: int | None) -> dict[str, int]:
    """Say how many questions of each domain to take.

    Args:
        counts: Domain to number of questions, in order.
        limit: How many to take in all at most; None takes all.

    Returns:
        Domain to number; as equal as the counts allow. What does not go evenly falls to the first domains.
    """
    if limit is None:
        return dict(counts)
    shares: dict[str, int] = {}
    left = limit
    # The smallest first, so that what they leave goes to the others; of equals the last, so that the first get it.
    order = {domain: number for number, domain in enumerate(counts)}
    for domain in sorted(counts, key=lambda one: (counts[one], -order[one])):
        shares[domain] = min(counts[domain], left // (len(counts) - len(shares)))
        left -= shares[domain]
    return {domain: shares[domain] for domain in counts}


def _first_of_each(groups: Mapping[int, str], shares: Mapping[str, int]) -> list[int]:
    """Pick the numbers of the first rows of each group."""
    left = dict(shares)
    chosen = []
    for number, group in groups.items():
        if left.get(group, 0):
            left[group] -= 1
            chosen.append(number)
    return chosen


def _write_cards(
    page: IO[str],
    rows: Rows,
    numbers: Sequence[int],
    executor: Executor | None,
    progress: Progress | None,
) -> list[str]:
    layout = rows.about.layout
    lists = [name for name in layout.lists if layout.columns[name] == "images"]
    shown = [*filter(None, (*layout.gallery_frames, *lists, layout.gallery_video))]
    broken: list[str] = []
    done, room_bytes = 0, PAGE_VIDEO_BYTES
    with drawing(executor) as draw:
        for batch in rows.media(numbers, shown):
            clips = [_clip(layout, row) for row in batch]
            clips, room_bytes = within(clips, room_bytes)
            frames = ([row.media.get(slot) for slot in _frame_slots(layout, row)] for row in batch)
            for row, clip, pictures in zip(batch, clips, draw(frames), strict=True):
                text, faults = _card(layout, row, clip, pictures)
                page.write(text)
                broken += faults
            done += len(batch)
            if progress:
                progress(done, len(numbers))
    return broken


def _clip(layout: Layout, row: Row) -> Clip | None:
    """Give a row's video; None where the builder's are not shown."""
    if not layout.gallery_video:
        return None
    return clip_of(row.media.get(layout.gallery_video))


def clip_of(video: Media | None) -> Clip:
    """Give a video as a page shows it, by an empty name where there is none."""
    if video is None:
        return Clip("", 0, None)
    return Clip(video.name or "", len(video.content or b""), video.content)


def within(clips: Sequence[Clip | None], room_bytes: int) -> tuple[list[Clip | None], int]:
    """Drop the bytes of videos that are too large for the page; give the room that is left for others too."""
    kept: list[Clip | None] = []
    for clip in clips:
        if clip is not None and clip.content is not None:
            if clip.size_bytes > min(VIDEO_BYTES, room_bytes):
                clip = Clip(clip.name, clip.size_bytes, None)
            else:
                room_bytes -= clip.size_bytes
        kept.append(clip)
    return kept, room_bytes


def _frame_slots(layout: Layout, row: Row) -> list[str]:
    return [*layout.gallery_frames, *(slot for slot in row.media if column_of(slot) in layout.lists)]


def _card(layout: Layout, row: Row, clip: Clip | None, pictures: Sequence[Picture]) -> tuple[str, list[str]]:
    """Make one row's card, and list the frames that cannot be shown."""
    texts, frames = row.texts, _frame_slots(layout, row)
    named = {layout.id_column, "path", layout.gallery_text, layout.json_from, layout.details}
    text = CardText(
        title=texts.get(layout.id_column) or row.path or "without an id",
        domain=_group(row, layout.domain_column),
        path=row.path,
        text=texts.get(layout.gallery_text),
        text_name=layout.gallery_text,
        level=texts.get(layout.gallery_filter) or "",
        frame_names=[_frame_name(slot) for slot in frames],
        tags=_tags(layout, texts),
        facts={name: str(value) for name, value in texts.items() if name not in named and value is not None},
        metadata=texts.get(layout.details),
    )
    faults = [
        f"{layout.places_of(column_of(slot), row.path, slot.partition('/')[2] or None)[0]}: {picture.fault}"
        for slot, picture in zip(frames, pictures, strict=True)
        if picture.fault
    ]
    return card(text, pictures, clip), faults


def _frame_name(slot: str) -> str:
    """Say what a frame is: first, final, or how one of several is called."""
    column, _, name = slot.partition("/")
    words = name.rpartition(".")[0] if name else column.removesuffix("_frame")
    return words.replace("_", " ")


def _tags(layout: Layout, texts: Mapping[str, str | None]) -> list[str]:
    """Pick what is to be seen of a row at a glance."""
    names = (layout.domain_column, *layout.shown, layout.gallery_filter)
    words = [word for name in dict.fromkeys(names) if (word := texts.get(name))]
    return [*words, f"score {texts['score_text']}"] if texts.get("score_text") else words
