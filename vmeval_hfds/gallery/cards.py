"""A gallery: the rows of a folder or dataset on one HTML page that needs nothing else."""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

import pyarrow.parquet as pq

from vmeval_builders.entries import Unit
from vmeval_builders.frames import FrameError
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.registry import QUESTIONS
from vmeval_builders.rows import read_unit, row_of
from vmeval_builders.scan import Scan
from vmeval_hfds.engine.pool import Progress, fetch_ahead
from vmeval_hfds.errors import TargetExistsError, UnknownNameError
from vmeval_hfds.gallery.page import GENERATOR, CardText, Clip, Picture, card, page_parts
from vmeval_hfds.gallery.thumbnails import no_size_warnings, thumbnail
from vmeval_hfds.rows.find import Source, find_source
from vmeval_hfds.rows.texts import text_rows, their_text_columns
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.columns import ColumnMap, layout_of, map_columns
from vmeval_hfds.table.plan import units_by
from vmeval_hfds.table.shards import ROW_GROUP_ROWS, open_shard, read_batches, read_group, row_groups

#: Rows read at once from a dataset: others make row groups that are too large to hold.
_BATCH_ROWS = 32
_BATCH_ROWS_WITH_VIDEOS = 4
#: Pillow works outside the interpreter's lock, so threads are enough; more would hold more decoded frames.
_THREADS = 4
#: A larger video is named on the page, not put into it; so is what goes beyond the budget of the page.
VIDEO_BYTES = 4 * 2**20
PAGE_VIDEO_BYTES = 100 * 2**20
#: Over a network, looking into shards is mostly waiting.
_PEEKS_AT_ONCE = 8


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
    """

    target: Path
    builder: str
    rows: int
    domains: dict[str, int]
    size_bytes: int
    broken: list[str] = field(default_factory=list)


def write_gallery(
    source: Source,
    target: str | os.PathLike[str],
    *,
    builder: str | None = None,
    domains: Collection[str] = (),
    limit: int | None = None,
    title: str | None = None,
    progress: Progress | None = None,
) -> GalleryResult:
    """Write the rows of a folder or dataset as one HTML file.

    The file loads nothing and runs nothing but its own script, so it can be opened from disk and mailed. It
    appears whole or not at all. Frames are read a row group at a time.

    Args:
        source: A folder, a dataset directory, a repo id, or an open `Scan` or `DatasetFiles`.
        target: The HTML file. A gallery that is there is replaced.
        builder: The name of the builder that describes the rows; None finds it out.
        domains: Only these domains; all where empty.
        limit: Show so many rows at most, as evenly from all domains as they go; the first of each.
        title: The page's title; None is the name of the source.
        progress: Called with rows done and rows in all.

    Raises:
        TargetExistsError: Something that is no gallery is at the target, or the target is inside the source.
        UnknownNameError: There is no such domain.
        ValueError: `limit` is below one.
        FileNotFoundError: There is no such source.
        DatasetError: The dataset is damaged.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}; it must be 1 or more")
    target = Path(os.path.abspath(target))
    opened = find_source(source, builder)
    _check_target(target, opened.root)
    described = opened.layout if isinstance(opened, Scan) else layout_of(opened, builder)
    counts = _wanted_counts(opened, described, domains)
    shares = even_shares(counts, limit)
    name = title or _name(opened)
    summary = _summary(described, shares, sum(counts.values()))
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.partial")
    try:
        # JSON can spell half of a surrogate pair, which UTF-8 cannot hold: it becomes a character reference.
        with unfinished.open("x", encoding="utf-8", errors="xmlcharrefreplace", newline="\n") as page:
            before, after = page_parts(name, summary, described)
            page.write(before)
            broken = _write_cards(page, opened, described, shares, progress)
            page.write(after)
        size_bytes = unfinished.stat().st_size
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    shown = {domain: share for domain, share in shares.items() if share}
    return GalleryResult(target, described.name, sum(shown.values()), shown, size_bytes, broken)


def _check_target(target: Path, root: Path | None) -> None:
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


def _name(source: Scan | DatasetFiles) -> str:
    """Name a source without telling where on this machine it lies: the page goes to other people."""
    if isinstance(source, Scan):
        return source.root.name
    return Path(os.path.abspath(source.root)).name if source.root else source.name


def _summary(layout: Layout, shares: Mapping[str, int], rows: int) -> str:
    shown = sum(shares.values())
    number = f"{shown:,} {layout.noun}{'' if shown == 1 else 's'}"
    found = f"{number} of {rows:,}" if shown < rows else number
    domains = sum(share > 0 for share in shares.values())
    return f"{found} in {domains:,} domain{'' if domains == 1 else 's'}."


def _wanted_counts(source: Scan | DatasetFiles, layout: Layout, domains: Collection[str]) -> dict[str, int]:
    """Count the rows of the wanted domains, without opening a frame."""
    counts: Counter[str] = Counter()
    if isinstance(source, Scan):
        groups = units_by(source, layout.domain_column)
        counts.update({domain: len(units) for domain, units in groups.items()})
    else:
        look_into = partial(_domains_in_shard, source, layout)
        for found in fetch_ahead(look_into, source.row_shards, _PEEKS_AT_ONCE):
            counts.update(found)
    for domain in domains:
        if domain not in counts:
            raise UnknownNameError(f"there is no domain {domain!r}; there are: {', '.join(sorted(counts))}")
    return {domain: counts[domain] for domain in sorted(counts) if not domains or domain in domains}


def _domains_in_shard(dataset: DatasetFiles, layout: Layout, name: str) -> list[str]:
    with open_shard(dataset.peek(name)) as shard:
        columns = map_columns(shard.schema_arrow, f"{dataset.name}: {name}", layout.name)
        return [
            domain
            for group in range(shard.num_row_groups)
            for domain in _domains_in_group(shard, name, group, columns)
        ]


def _domains_in_group(shard: pq.ParquetFile, name: str, group: int, columns: ColumnMap) -> list[str]:
    column = columns.layout.domain_column
    if column not in columns.names:
        return [""] * int(shard.metadata.row_group(group).num_rows)
    theirs = columns.names[column]
    empty = "" if columns.layout == QUESTIONS else f"no-{column}"
    return [value or empty for value in read_group(shard, name, group, [theirs])[theirs].to_pylist()]


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


def _write_cards(
    page: IO[str],
    source: Scan | DatasetFiles,
    layout: Layout,
    shares: Mapping[str, int],
    progress: Progress | None,
) -> list[str]:
    batches = (
        _folder_rows(source, shares) if isinstance(source, Scan) else _dataset_rows(source, layout, shares)
    )
    broken: list[str] = []
    done, rows_in_all, room_bytes = 0, sum(shares.values()), PAGE_VIDEO_BYTES
    with no_size_warnings(), ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        for rows in batches:
            if layout.gallery_video:
                room_bytes = _drop_large_videos(rows, layout.gallery_video, room_bytes)
            for text, faults in pool.map(partial(_card, layout), rows):
                page.write(text)
                broken += faults
            done += len(rows)
            if progress:
                progress(done, rows_in_all)
    return broken


def _drop_large_videos(rows: Sequence[dict[str, Any]], column: str, room_bytes: int) -> int:
    """Replace videos that are too large for the page by their size; give the room that is left for others."""
    for row in rows:
        content = (row.get(column) or {}).get("bytes")
        if content is None:
            continue
        if len(content) > min(VIDEO_BYTES, room_bytes):
            row[column] = {**row[column], "bytes": None, "size_bytes": len(content)}
        else:
            room_bytes -= len(content)
    return room_bytes


def _folder_rows(scan: Scan, shares: Mapping[str, int]) -> Iterator[list[dict[str, Any]]]:
    for domain, units in sorted(units_by(scan, scan.layout.domain_column).items()):
        chosen = units[: shares.get(domain, 0)]
        for group in row_groups(chosen, lambda unit: unit.size_bytes, ROW_GROUP_ROWS):
            yield [_unit_row(scan, unit) for unit in group]


def _unit_row(scan: Scan, unit: Unit) -> dict[str, Any]:
    """Read what is shown of a row; a video that is not shown is not read."""
    row = row_of(scan.layout, read_unit(scan.source, scan.layout, unit, media=False))
    for column in filter(None, (*scan.layout.gallery_frames, scan.layout.gallery_video)):
        if entry := unit.files.get(column):
            row[column] = {"bytes": scan.source.read(entry), "path": entry.path.rpartition("/")[2]}
    return row


def _dataset_rows(
    dataset: DatasetFiles, layout: Layout, shares: Mapping[str, int]
) -> Iterator[list[dict[str, Any]]]:
    left = dict(shares)
    for name in dataset.row_shards:
        if not any(left.values()):
            return
        with open_shard(dataset.peek(name)) as shard:
            columns = map_columns(shard.schema_arrow, f"{dataset.name}: {name}", layout.name)
            for group in range(shard.num_row_groups):
                wanted = _wanted_rows(_domains_in_group(shard, name, group, columns), left)
                if wanted:
                    yield from _group_rows(shard, name, group, columns, wanted)


def _group_rows(
    shard: pq.ParquetFile, name: str, group: int, columns: ColumnMap, wanted: Sequence[int]
) -> Iterator[list[dict[str, Any]]]:
    """Read some rows of a row group, a few at a time and no more of it than is needed for them."""
    shown = filter(None, (*columns.layout.gallery_frames, columns.layout.gallery_video))
    frames = {frame: columns.names[frame] for frame in shown if frame in columns.names}
    batch_rows = _BATCH_ROWS_WITH_VIDEOS if columns.layout.gallery_video else _BATCH_ROWS
    needed = dict.fromkeys([*their_text_columns(columns), *frames.values()])
    start = 0
    for batch in read_batches(shard, name, group, [*needed], batch_rows):
        table = batch.take([row - start for row in wanted if start <= row < start + batch.num_rows])
        rows = text_rows(columns, table)
        for frame, theirs in frames.items():
            for row, value in zip(rows, table[theirs].to_pylist(), strict=True):
                row[frame] = {"bytes": value, "path": None} if isinstance(value, bytes) else value
        yield rows
        start += batch.num_rows
        if start > wanted[-1]:
            return


def _wanted_rows(domains: Sequence[str | None], left: dict[str, int]) -> list[int]:
    wanted = []
    for number, domain in enumerate(domains):
        if left.get(domain or "", 0):
            left[domain or ""] -= 1
            wanted.append(number)
    return wanted


def _card(layout: Layout, row: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Make one row's card, and list the frames that cannot be shown."""
    path = row["path"] or ""
    frames = layout.gallery_frames
    pictures = [_picture(row.get(column)) for column in frames]
    title = row.get(layout.id_column) or path or "without an id"
    plain = set(layout.text_columns) - {layout.id_column, "path", layout.gallery_text, layout.json_from}
    facts = {name: str(row[name]) for name in layout.text_columns if name in plain and row[name] is not None}
    text = CardText(
        title=title,
        domain=row.get(layout.domain_column) or "",
        path=path,
        text=row.get(layout.gallery_text),
        text_name=layout.gallery_text,
        level=row.get(layout.gallery_filter) or "",
        frame_names=[name.removesuffix("_frame").replace("_", " ") for name in frames],
        tags=_tags(layout, row),
        facts=facts,
        metadata=row.get(layout.json_from),
    )
    faults = [
        f"{layout.places_of(column, path, None)[0]}: {picture.fault}"
        for column, picture in zip(frames, pictures, strict=True)
        if picture.fault
    ]
    return card(text, pictures, _clip(layout, row)), faults


def _tags(layout: Layout, row: Mapping[str, Any]) -> list[str]:
    """Pick what is to be seen of a row at a glance."""
    names = (layout.domain_column, *layout.shown, layout.gallery_filter)
    words = [row[name] for name in dict.fromkeys(names) if row.get(name)]
    return [*words, f"score {row['score_text']}"] if row.get("score_text") else words


def _clip(layout: Layout, row: Mapping[str, Any]) -> Clip | None:
    """Give a row's video; None where the builder's are not shown."""
    if not layout.gallery_video:
        return None
    video = row.get(layout.gallery_video) or {}
    content = video.get("bytes")
    size_bytes = video.get("size_bytes", len(content or b""))
    return Clip(video.get("path") or "", size_bytes, content)


def _picture(frame: Mapping[str, Any] | None) -> Picture:
    if frame is None or (frame["bytes"] is None and frame["path"] is None):
        return Picture()
    if frame["bytes"] is None:
        return Picture(fault=f"is not in the dataset, only its name: {frame['path']}")
    try:
        return Picture(thumbnail(frame["bytes"]))
    except FrameError as error:
        return Picture(fault=str(error))
