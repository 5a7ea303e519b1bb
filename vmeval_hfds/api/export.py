"""Rows to a folder, safely: every path is checked before the first byte is written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from vmeval_builders.arrow.arrays import integer_array
from vmeval_builders.arrow.listing import ROOT_FOLDER, ListedFile
from vmeval_builders.entries import FileEntry, FolderEntry
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.registry import QUESTIONS
from vmeval_builders.rows import RowFile, files_of
from vmeval_hfds.engine import pool
from vmeval_hfds.engine.pool import Progress
from vmeval_hfds.errors import ChangedRowsError, TargetExistsError, UnsafePathError
from vmeval_hfds.folder.check import check_row_paths, folders_of
from vmeval_hfds.folder.places import place_of, possible_places
from vmeval_hfds.folder.select import GroupRows, select_rows
from vmeval_hfds.folder.writer import FolderWriter
from vmeval_hfds.rows.open import Source, open_dataset
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.listing import Listing, read_listing, read_whole_listing
from vmeval_hfds.table.parquet import ROW_GROUP_BYTES, open_shard, read_batches

#: How many paths a message names before it only counts.
NAMED_IN_MESSAGE = 3


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What an export did.

    Attributes:
        target: The folder.
        builder: The builder that describes the rows.
        rows: How many rows were exported.
        written: How many files were written.
        kept: How many files were there already, with the same bytes.
        written_bytes: The size of the files that were written.
        changed: Files whose bytes are not those that the dataset's list of files names: rows were edited.
        missing: Files that the list names and no row holds, so that they could not come back.
        added: Files of rows that the list does not name: rows were added.
        unused_columns: Columns of a table that others made, which are no files.
        listed: Whether the dataset lists its files. Without, only what the columns hold can come back: no
            manifest, no further files, no empty folders.
    """

    target: Path
    builder: str
    rows: int
    written: int
    kept: int
    written_bytes: int
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    unused_columns: list[str] = field(default_factory=list)
    listed: bool = True


@dataclass(slots=True)
class _Tally:
    """What became of some files; tallies of several row groups add up."""

    written: int = 0
    kept: int = 0
    written_bytes: int = 0
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)

    def add(self, other: _Tally) -> None:
        self.written += other.written
        self.kept += other.kept
        self.written_bytes += other.written_bytes
        self.changed += other.changed
        self.missing += other.missing
        self.conflicts += other.conflicts
        self.folders += other.folders
        self.added += other.added


@dataclass(frozen=True, slots=True)
class _Job:
    """One row group to be written, or only to be compared with what is there."""

    shard: Path
    rows: GroupRows
    expected: dict[str, bytes]
    times: dict[str, int]
    writer: FolderWriter
    write: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """What an export will do, all paths checked."""

    dataset: DatasetFiles
    selected: Sequence[GroupRows]
    listing: Listing

    @property
    def layout(self) -> Layout:
        return self.selected[0].columns.layout if self.selected else QUESTIONS

    @property
    def rows(self) -> int:
        return len({path for rows in self.selected for path in rows.paths})

    @property
    def repeated(self) -> bool:
        """Whether several rows are for one path, as in several splits of others' datasets."""
        return sum(len(rows.paths) for rows in self.selected) > self.rows

    @property
    def unused_columns(self) -> list[str]:
        """Columns that are not the builder's and are not exported."""
        return sorted(
            {name for rows in self.selected for name in rows.columns.unused} - self.layout.columns.keys()
        )


def export(
    source: Source,
    target: str | os.PathLike[str],
    *,
    builder: str | None = None,
    domains: Collection[str] = (),
    ids: Collection[str] = (),
    force: bool = False,
    strict: bool = False,
    num_proc: int | None = None,
    progress: Progress | None = None,
) -> ExportResult:
    """Write a dataset's rows as the folder that they came from, byte for byte.

    Run again after it was killed, it goes on where it stopped. Files that are there with the same bytes are left
    alone; files that the dataset does not know are never touched. No image is decoded.

    Args:
        source: A dataset directory, a repository (its id or address), a `datasets.Dataset` with the columns of
            `to_dataset`, or what was opened.
        target: The folder; it may exist.
        builder: The name of the builder that describes the rows; None finds it out.
        domains: Only the rows of these domains, without what lies outside their folders.
        ids: Only the rows of tasks with these ids, likewise.
        force: Replace files that have other bytes.
        strict: Refuse where rows are not what the dataset's list of files says.
        num_proc: How many processes; None chooses.
        progress: Called with rows done and rows in all.

    Raises:
        UnsafePathError: A row's path, or a link in the target, leads where nothing must be written.
            Nothing was written.
        TargetExistsError: Files with other bytes are in the way and `force` is off. Nothing was written.
        UnknownNameError: The dataset has no such domain or id. Nothing was written.
        ChangedRowsError: `strict`, and rows were changed. Nothing was written.
        DatasetError: The source is no dataset that a builder made, or is damaged.
        MissingPathError: There is no such dataset directory or repository.
    """
    with open_dataset(source) as dataset:
        plan = _make_plan(dataset, domains, ids, builder)
        return _export(plan, Path(os.path.abspath(target)), force, strict, num_proc, progress)


def _export(
    plan: _Plan, root: Path, force: bool, strict: bool, num_proc: int | None, progress: Progress | None
) -> ExportResult:
    _check_apart(plan.dataset, root)
    writer = FolderWriter(root, force)
    occupied = root.exists() and any(root.iterdir())
    if occupied:
        writer.check_folders(_planned_paths(plan))
    if occupied or strict or plan.repeated:
        _check_before(plan, writer, strict, num_proc)
    writer.is_fresh = not occupied and not plan.repeated
    writer.begin()
    try:
        tally = _run(plan, writer, num_proc, progress)
        for path in plan.listing.folders:
            writer.make_folder(path)
    finally:
        writer.end()
    _set_folder_times(plan.listing, writer)
    return ExportResult(
        target=root,
        builder=plan.layout.name,
        rows=plan.rows,
        written=tally.written,
        kept=tally.kept,
        written_bytes=tally.written_bytes,
        changed=sorted(tally.changed),
        added=sorted(tally.added) if plan.dataset.listing_shards else [],
        missing=sorted(tally.missing),
        unused_columns=plan.unused_columns,
        listed=bool(plan.dataset.listing_shards),
    )


def _make_plan(
    dataset: DatasetFiles, domains: Collection[str], ids: Collection[str], builder: str | None
) -> _Plan:
    selected = select_rows(dataset, domains, ids, builder)
    plan = _Plan(dataset, selected, read_whole_listing(dataset))

    def row_files() -> Iterator[str]:
        for group in selected:
            expected = _expected_files(plan.listing, group)
            for file in _row_files(dataset.fetch(group.shard), group):
                yield place_of(group.columns.layout, file, expected)[0]

    check_row_paths(
        dataset.name, selected, plan.listing, row_files, repeats_allowed=not dataset.listing_shards
    )
    if domains or ids:
        wanted = {path for rows in selected for path in rows.paths}
        return replace(plan, listing=_listing_of_rows(plan.layout, plan.listing, wanted))
    return plan


def _listing_of_rows(layout: Layout, listing: Listing, wanted: set[str]) -> Listing:
    """Pick what belongs to some rows: a file belongs to the nearest row above it."""
    files = [FileEntry(path, 0, 0) for path in listing.files]
    folders = {folder: FolderEntry(0, None) for path in listing.digests for folder in folders_of(path)}
    rows = {unit.path for unit in layout.units(files, folders)} | wanted

    def is_wanted(path: str) -> bool:
        if path in rows:
            return path in wanted
        return next((folder for folder in folders_of(path) if folder in rows), None) in wanted

    return listing.only(is_wanted)


def _set_folder_times(listing: Listing, writer: FolderWriter) -> None:
    """Set the times of folders when nothing is written any more, the deepest first: each write changes them."""
    folders = [path for path in listing.times if path.endswith("/") and path != ROOT_FOLDER]
    for path in sorted(folders, key=lambda path: path.count("/"), reverse=True):
        writer.set_time(path[:-1], listing.times[path])
    if ROOT_FOLDER in listing.times:
        writer.set_time("", listing.times[ROOT_FOLDER])


def _check_apart(dataset: DatasetFiles, root: Path) -> None:
    """Refuse to write questions into the dataset directory that they are read from."""
    if dataset.root is not None:
        here, there = Path(os.path.realpath(root)), Path(os.path.realpath(dataset.root))
        if here.is_relative_to(there) or there.is_relative_to(here):
            raise TargetExistsError(
                f"{root}: the dataset itself lies here, or this in it; choose another target"
            )


def _planned_paths(plan: _Plan) -> Iterator[str]:
    yield from plan.listing.digests
    for group in plan.selected:
        yield from possible_places(group)


def _check_before(plan: _Plan, writer: FolderWriter, strict: bool, num_proc: int | None) -> None:
    """Go through all files without writing one, where that could end in a refusal."""
    if plan.repeated:
        _check_repeated(plan)
    tally = _run(plan, writer, num_proc, progress=None, write=False)
    if tally.folders:
        raise TargetExistsError(
            f"{writer.root / min(tally.folders)}: is a folder, and a file belongs there; nothing was written, move it"
        )
    if tally.conflicts and not writer.force:
        named = ", ".join(sorted(tally.conflicts)[:NAMED_IN_MESSAGE])
        count = len(tally.conflicts)
        raise TargetExistsError(
            f"{writer.root}: {count} {'file has' if count == 1 else 'files have'} other bytes than the dataset "
            f"({named}); nothing was written; replace with --force"
        )
    unlike = sorted({*tally.changed, *tally.missing, *tally.added})
    if strict and unlike:
        named = ", ".join(unlike[:NAMED_IN_MESSAGE])
        raise ChangedRowsError(
            f"{plan.dataset.name}: {len(unlike)} files are not what its list of files says ({named}); "
            "nothing was written; export without --strict to have them as they are"
        )


def _check_repeated(plan: _Plan) -> None:
    """Refuse rows that are for one path and hold different files."""
    seen: dict[str, tuple[bytes, str]] = {}
    for group in plan.selected:
        for file in _row_files(plan.dataset.fetch(group.shard), group):
            path, digest = place_of(group.columns.layout, file, {})
            row = group.name_row(file.row)
            other = seen.setdefault(path, (digest, row))
            if other[0] != digest:
                raise UnsafePathError(
                    f"{plan.dataset.name}: {row} and {other[1]} have different bytes for {path!a}; "
                    "nothing was written"
                )


def _run(
    plan: _Plan, writer: FolderWriter, num_proc: int | None, progress: Progress | None, write: bool = True
) -> _Tally:
    tally = _Tally()
    held: set[str] = set()
    workers = pool.processes(num_proc, sum(group.size_bytes for group in plan.selected))
    workers = 1 if plan.repeated else min(workers, len(plan.selected))
    done = 0
    results = pool.run(_run_job, _jobs(plan, writer, write, held), workers)
    for group, result in zip(plan.selected, results, strict=True):
        tally.add(result)
        done += len(group.paths)
        if progress:
            progress(done, plan.rows)
    tally.missing += (path for path in plan.listing.files if path not in held)
    _run_contents(plan, writer, tally, write)
    return tally


def _jobs(plan: _Plan, writer: FolderWriter, write: bool, held: set[str]) -> Iterator[_Job]:
    """Make the jobs as their shards arrive; the next shards are on their way meanwhile.

    What the jobs' rows should hold is added to `held`.
    """
    shards = dict.fromkeys(group.shard for group in plan.selected)
    arriving = zip(shards, pool.fetch_ahead(plan.dataset.fetch, shards), strict=True)
    name, shard = "", Path()
    times = plan.listing.times
    for group in plan.selected:
        while name != group.shard:
            name, shard = next(arriving)
        expected = _expected_files(plan.listing, group)
        held.update(expected)
        of_group = {path: times[path] for path in expected if path in times} if times else {}
        yield _Job(shard, group, expected, of_group, writer, write)


def _expected_files(listing: Listing, rows: GroupRows) -> dict[str, bytes]:
    digests = listing.digests
    return {path: digest for path in possible_places(rows) if (digest := digests.get(path)) is not None}


def _run_job(job: _Job) -> _Tally:
    tally = _Tally()
    missing = set(job.expected)
    for file in _row_files(job.shard, job.rows):
        path, digest = place_of(job.rows.columns.layout, file, job.expected)
        missing.discard(path)
        expected = job.expected.get(path)
        if expected is None:
            tally.added.append(path)
        elif digest != expected:
            tally.changed.append(path)
        _handle(job.writer, path, file.content, job.times.get(path), job.write, tally)
    tally.missing += missing
    return tally


def _row_files(path: Path, wanted: GroupRows) -> Iterator[RowFile]:
    """Read the files of some rows of a row group, a few rows at a time; `row` counts the wanted rows."""
    with open_shard(path) as shard:
        rows_in_group = shard.metadata.row_group(wanted.group).num_rows
        batch_rows = max(1, rows_in_group * ROW_GROUP_BYTES // max(1, wanted.size_bytes))
        first, place = 0, {row: number for number, row in enumerate(wanted.rows or range(rows_in_group))}
        for table in read_batches(shard, wanted.shard, wanted.group, wanted.columns.file_columns, batch_rows):
            here = [row for row in range(first, first + table.num_rows) if row in place]
            if here:
                chosen = (
                    table
                    if len(here) == table.num_rows
                    else table.take(integer_array([row - first for row in here]))
                )
                for file in files_of(wanted.columns.layout, wanted.columns.canonical(chosen)):
                    yield (
                        file
                        if wanted.rows is None and first == 0
                        else replace(file, row=place[here[file.row]])
                    )
            first += table.num_rows


def _run_contents(plan: _Plan, writer: FolderWriter, tally: _Tally, write: bool) -> None:
    """Handle the files whose bytes only the list of files holds."""
    pending = set(tally.missing)
    if not pending:
        return
    for listed in read_listing(plan.dataset, contents=True):
        if listed.content is not None and listed.path in pending:
            _check_content(plan, listed)
            _handle(writer, listed.path, listed.content, listed.modified_ns, write, tally)
            pending.discard(listed.path)
    tally.missing = list(pending)


def _check_content(plan: _Plan, listed: ListedFile) -> None:
    if hashlib.sha256(listed.content or b"").digest() != plan.listing.digests[listed.path]:
        raise ChangedRowsError(
            f"{plan.dataset.name}: {listed.path} in files does not have the SHA-256 beside it; "
            "fetch or build the dataset again"
        )


def _handle(
    writer: FolderWriter,
    path: str,
    content: pa.Buffer | bytes,
    modified_ns: int | None,
    write: bool,
    tally: _Tally,
) -> None:
    if not write:
        found = writer.find(path, content)
        if found == "folder":
            tally.folders.append(path)
        elif found == "other":
            tally.conflicts.append(path)
    elif writer.put(path, content, modified_ns):
        tally.written += 1
        tally.written_bytes += len(memoryview(content))
    else:
        tally.kept += 1
