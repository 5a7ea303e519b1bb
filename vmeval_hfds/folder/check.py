"""Refuse rows that would write where they must not, or onto each other, and name the row."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders import paths
from vmeval_builders.arrow.arrays import integer_array, scalar
from vmeval_hfds.errors import TargetExistsError, UnsafePathError, shown
from vmeval_hfds.folder.places import possible_places
from vmeval_hfds.folder.plain import all_plain
from vmeval_hfds.folder.select import GroupRows
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.columns import ColumnMap
from vmeval_hfds.table.listing import Listing
from vmeval_hfds.table.reader import RowGroup, open_shard

#: Rows with media that are looked at together: others make row groups that are too large to hold.
_BATCH_ROWS = 16


def check_row_paths(
    name: str,
    selected: Sequence[GroupRows],
    listing: Listing,
    row_files: Callable[[], Iterable[str]],
    repeats_allowed: bool,
) -> None:
    """Check every path that an export would write.

    Args:
        name: What to call the dataset in a message.
        selected: The rows.
        listing: The list of files.
        row_files: Gives the paths that the rows really hold. It reads all of them, and so is asked only where
            the paths that they might hold would meet another.
        repeats_allowed: Whether several rows may be for one path.

    Raises:
        UnsafePathError: A path is unsafe, or would meet another on some system. Nothing was written.
    """
    if not selected and all_plain(listing):
        return
    rows = _rows_by_path(name, selected, repeats_allowed)
    folders = [*listing.folders, *_row_folders(selected)]
    possible = {place for group in selected for place in possible_places(group)}
    problem = _first_problem({*listing.files, *possible}, rows, folders)
    if problem and paths.path_problem(problem[0]) is None:
        problem = _first_problem({*listing.files, *row_files()}, rows, folders)
    if problem:
        path, reason = problem
        raise UnsafePathError(
            f"{name}: {_row_of(path, rows, listing)}: the path {path!a} {reason}; nothing was written"
        )


def check_media(dataset: DatasetFiles, selected: Sequence[GroupRows]) -> list[GroupRows]:
    """Look for images and videos of which rows have a path and no bytes; each must be a file of the dataset.

    Args:
        dataset: The dataset; the shards are brought here.
        selected: The rows.

    Returns:
        The same, with `GroupRows.by_path`.

    Raises:
        DatasetError: There is one that is no file of the dataset; or a shard is damaged.
    """
    return [replace(group, by_path=_is_by_path(dataset, group)) for group in selected]


def _is_by_path(dataset: DatasetFiles, rows: GroupRows) -> bool:
    columns, found = rows.columns, False
    if not columns.pathed:
        return False
    with open_shard(dataset.fetch(rows.shard), columns.where) as shard:
        group = shard.row_group(rows.group)
        suspects = [ours for ours in columns.pathed if _may_lack_bytes(group, columns, ours)]
        if not suspects:
            return False
        wanted, first = None if rows.rows is None else set(rows.rows), 0
        for table in group.batches(columns.theirs(suspects), _BATCH_ROWS):
            here = [row for row in range(table.num_rows) if wanted is None or first + row in wanted]
            chosen = table.take(integer_array(here))
            for ours in suspects:
                found |= columns.check_bytes(columns.values(chosen, ours), ours, dataset.others)
            first += table.num_rows
    return found


def _may_lack_bytes(group: RowGroup, columns: ColumnMap, ours: str) -> bool:
    """Whether rows may have a path and no bytes: whoever keeps no statistics does not say so."""
    if ours in columns.alone:
        return True
    if any(group.nulls(content) == 0 for content in columns.inside(ours, "bytes")):
        return False
    names = columns.paths_of(group.read(columns.inside(ours, "path")), ours)
    return any(name is not None for of_row in names for name in of_row)


def check_lengths(root: Path, listed: pa.ChunkedArray, others: Iterable[str]) -> None:
    """Make sure that paths are not too long for a system, with the target that they are written to.

    Args:
        root: The target.
        listed: Paths of a list of files.
        others: Further ones.

    Raises:
        UnsafePathError: One is.
    """
    room_bytes = paths.PATH_LIMIT_BYTES - len(os.fsencode(root)) - len("/") - 1
    too_long = listed.filter(pc.greater(pc.binary_length(listed), scalar(room_bytes)))
    for path in chain(too_long.to_pylist(), others):
        if len(path) > room_bytes // 4 and len(path.encode("utf-8", "surrogatepass")) > room_bytes:
            raise UnsafePathError(
                f"{shown(path)}: is too long to be written in {root}: {paths.PATH_LIMIT_BYTES:,} bytes in all is the "
                "most; nothing was written, choose a target with a shorter path"
            )


def check_apart(dataset: DatasetFiles, root: Path) -> None:
    """Refuse to write rows into the dataset directory that they are read from.

    Raises:
        TargetExistsError: One lies in the other.
    """
    if dataset.root is not None:
        here, there = Path(os.path.realpath(root)), Path(os.path.realpath(dataset.root))
        if here.is_relative_to(there) or there.is_relative_to(here):
            raise TargetExistsError(
                f"{root}: the dataset itself lies here, or this in it; choose another target"
            )


def folders_of(path: str) -> Iterator[str]:
    """List the folders that a path lies in, the deepest first; an empty folder (``/`` at the end) is its own."""
    folder = path[:-1] if path.endswith("/") else path.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _rows_by_path(name: str, selected: Sequence[GroupRows], repeats_allowed: bool) -> dict[str, str]:
    rows: dict[str, str] = {}
    for group in selected:
        for number, path in enumerate(group.paths):
            row = group.name_row(number)
            if path in rows and not repeats_allowed:
                raise UnsafePathError(
                    f"{name}: {row} has the path {path!a}, which {rows[path]} has too; nothing was written"
                )
            rows.setdefault(path, row)
    return rows


def _row_folders(selected: Sequence[GroupRows]) -> Iterator[str]:
    for group in selected:
        yield from (path for path in group.paths if not group.columns.layout.row_is_file(path))


def _first_problem(
    files: Iterable[str], rows: Mapping[str, str], folders: Iterable[str]
) -> tuple[str, str] | None:
    # Rows first: their own path says more than that of a file in them.
    for path in rows:
        if reason := paths.path_problem(path):
            return path, reason
    return next(paths.path_problems(sorted(files), folders), None)


def _row_of(path: str, rows: Mapping[str, str], listing: Listing) -> str:
    """Name the row that a path comes from: of its own folder or file, of `files`, or the first one below it."""
    for folder in (path, *folders_of(path)):
        if folder in rows:
            return rows[folder]
    listed = listing.numbers()
    for wanted in (path, f"{path}/"):
        if wanted in listed:
            return f"row {listed[wanted]} of files"
    below = f"{path}/"
    tasks = (row for task, row in rows.items() if task.startswith(below))
    numbers = (f"row {number} of files" for one, number in listed.items() if one.startswith(below))
    return next(tasks, None) or next(numbers, "a row")


def check_repeated(name: str, rows: Iterable[tuple[str, bytes, str]]) -> None:
    """Refuse rows that are for one path and hold different files.

    Args:
        name: What messages call the dataset.
        rows: Path, hash and name of the row, of every file.

    Raises:
        UnsafePathError: Two of them do.
    """
    seen: dict[str, tuple[bytes, str]] = {}
    for path, digest, row in rows:
        other = seen.setdefault(path, (digest, row))
        if other[0] != digest:
            raise UnsafePathError(
                f"{name}: {row} and {other[1]} have different bytes for {path!a}; nothing was written"
            )
