"""Rows to a question folder, safely: every path is checked before the first byte is written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from vmeval_builders import layout
from vmeval_builders.listing import ListedFile
from vmeval_builders.rows import files_of
from vmeval_hfds import parallel
from vmeval_hfds.dataset_files import DatasetFiles, open_dataset_dir
from vmeval_hfds.errors import ChangedRowsError, TargetExistsError, UnsafePathError
from vmeval_hfds.listings import read_digests, read_listing, split_listing
from vmeval_hfds.parallel import Progress
from vmeval_hfds.selection import GroupRows, select_rows
from vmeval_hfds.shards import open_shard, read_group
from vmeval_hfds.writing import FolderWriter

if TYPE_CHECKING:
    from datasets import Dataset

#: How many paths a message names before it only counts.
NAMED_IN_MESSAGE = 3


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What an export did.

    Attributes:
        target: The folder.
        tasks: How many tasks were exported.
        written: How many files were written.
        kept: How many files were there already, with the same bytes.
        written_bytes: The size of the files that were written.
        changed: Files whose bytes are not those that the dataset's list of files names: rows were edited.
        missing: Files that the list names and no row holds, so that they could not come back.
    """

    target: Path
    tasks: int
    written: int
    kept: int
    written_bytes: int
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Tally:
    """What became of some files; tallies of several row groups add up."""

    written: int = 0
    kept: int = 0
    written_bytes: int = 0
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)

    def add(self, other: _Tally) -> None:
        self.written += other.written
        self.kept += other.kept
        self.written_bytes += other.written_bytes
        self.changed += other.changed
        self.missing += other.missing
        self.conflicts += other.conflicts


@dataclass(frozen=True, slots=True)
class _Job:
    """One row group to be written, or only to be compared with what is there."""

    shard: Path
    group: int
    rows: tuple[int, ...] | None
    expected: dict[str, bytes]
    writer: FolderWriter
    write: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """What an export will do, all paths checked."""

    dataset: DatasetFiles
    selected: Sequence[GroupRows]
    digests: dict[str, bytes | None]

    @property
    def tasks(self) -> int:
        return sum(len(rows.paths) for rows in self.selected)


def export(
    source: str | os.PathLike[str] | Dataset,
    target: str | os.PathLike[str],
    *,
    domains: Collection[str] = (),
    ids: Collection[str] = (),
    force: bool = False,
    strict: bool = False,
    num_proc: int | None = None,
    progress: Progress | None = None,
) -> ExportResult:
    """Write a dataset's questions as the folder that they came from, byte for byte.

    Run again after it was killed, it goes on where it stopped. Files that are there with the same bytes are left
    alone; files that the dataset does not know are never touched. No image is decoded.

    Args:
        source: A dataset directory, or a `datasets.Dataset` with the columns of `to_dataset`.
        target: The folder; it may exist.
        domains: Only the tasks of these domains, without what lies outside task folders.
        ids: Only the tasks with these ids, likewise.
        force: Replace files that have other bytes.
        strict: Refuse where rows are not what the dataset's list of files says.
        num_proc: How many processes; None chooses.
        progress: Called with questions done and questions in all.

    Raises:
        UnsafePathError: A row's path, or a link in the target, leads where nothing must be written.
            Nothing was written.
        TargetExistsError: Files with other bytes are in the way and `force` is off. Nothing was written.
        UnknownNameError: The dataset has no such domain or id. Nothing was written.
        ChangedRowsError: `strict`, and rows were changed. Nothing was written.
        DatasetError: The source is not a dataset of questions, or is damaged.
        FileNotFoundError: There is no such dataset directory.
    """
    root = Path(os.path.abspath(target))
    plan = _make_plan(open_source(source), domains, ids)
    _check_apart(plan.dataset, root)
    writer = FolderWriter(root, force)
    occupied = root.exists() and any(root.iterdir())
    if occupied:
        writer.check_folders(_planned_paths(plan))
    if occupied or strict:
        _check_before(plan, writer, strict, num_proc)
    writer.begin()
    try:
        tally = _run(plan, writer, num_proc, progress)
        for path in split_listing(plan.digests)[1]:
            writer.make_folder(path)
    finally:
        writer.end()
    return ExportResult(
        root,
        plan.tasks,
        tally.written,
        tally.kept,
        tally.written_bytes,
        sorted(tally.changed),
        sorted(tally.missing),
    )


def open_source(source: str | os.PathLike[str] | Dataset) -> DatasetFiles:
    """Find the shards of whatever holds questions."""
    return open_dataset_dir(source)


def _make_plan(dataset: DatasetFiles, domains: Collection[str], ids: Collection[str]) -> _Plan:
    selected = select_rows(dataset, domains, ids)
    digests = read_digests(dataset)
    _check_paths(dataset, selected, digests)
    if domains or ids:
        wanted = {path for rows in selected for path in rows.paths}
        digests = {
            path: digest for path, digest in digests.items() if not wanted.isdisjoint(_folders_of(path))
        }
    return _Plan(dataset, selected, digests)


def _folders_of(path: str) -> Iterator[str]:
    folder = path.rstrip("/")
    if not path.endswith("/"):
        folder = folder.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _check_paths(
    dataset: DatasetFiles, selected: Sequence[GroupRows], digests: dict[str, bytes | None]
) -> None:
    """Refuse rows whose files must not be written, or would meet on some system; name the row."""
    files, folders = split_listing(digests)
    rows_by_path: dict[str, str] = {}
    for group in selected:
        for number, path in enumerate(group.paths):
            row = group.name_row(number)
            if not isinstance(path, str):
                raise UnsafePathError(f"{dataset.name}: {row} has no path; nothing was written")
            if path in rows_by_path:
                other = rows_by_path[path]
                raise UnsafePathError(
                    f"{dataset.name}: {row} has the path {path!a} of {other}; nothing was written"
                )
            rows_by_path[path] = row
            own = [f"{path}/{name}" for name in sorted(layout.QUESTION_FILES)]
            if not any(name in digests for name in own):
                files += own
    for path, reason in layout.path_problems(files, [*folders, *rows_by_path]):
        named = [rows_by_path[one] for one in (path, *_folders_of(path)) if one in rows_by_path]
        row = named[0] if named else f"row {_position(digests, path)} of files"
        raise UnsafePathError(f"{dataset.name}: {row}: the path {path!a} {reason}; nothing was written")


def _position(digests: dict[str, bytes | None], path: str) -> int:
    return next(
        number for number, listed in enumerate(digests) if listed.rstrip("/").startswith(path.rstrip("/"))
    )


def _check_apart(dataset: DatasetFiles, root: Path) -> None:
    """Refuse to write questions into the dataset directory that they are read from."""
    for shard in (*dataset.questions, *dataset.listings):
        real = Path(os.path.realpath(dataset.fetch(shard)))
        if real.is_relative_to(os.path.realpath(root)):
            raise TargetExistsError(f"{root}: the dataset itself lies in there; choose another target")


def _planned_paths(plan: _Plan) -> Iterator[str]:
    yield from plan.digests
    for group in plan.selected:
        yield from (f"{path}/{layout.PROMPT}" for path in group.paths)


def _check_before(plan: _Plan, writer: FolderWriter, strict: bool, num_proc: int | None) -> None:
    """Go through all files without writing one, where that could end in a refusal."""
    tally = _run(plan, writer, num_proc, progress=None, write=False)
    if tally.conflicts and not writer.force:
        named = ", ".join(sorted(tally.conflicts)[:NAMED_IN_MESSAGE])
        count = len(tally.conflicts)
        raise TargetExistsError(
            f"{writer.root}: {count} {'file has' if count == 1 else 'files have'} other bytes than the dataset "
            f"({named}); nothing was written; replace with --force"
        )
    unlike = sorted({*tally.changed, *tally.missing})
    if strict and unlike:
        named = ", ".join(unlike[:NAMED_IN_MESSAGE])
        raise ChangedRowsError(
            f"{plan.dataset.name}: {len(unlike)} files are not what its list of files says ({named}); "
            "nothing was written; export without --strict to have them as they are"
        )


def _run(
    plan: _Plan, writer: FolderWriter, num_proc: int | None, progress: Progress | None, write: bool = True
) -> _Tally:
    tally = _Tally()
    listed = {path for path, digest in plan.digests.items() if digest is not None}
    jobs = []
    for group in plan.selected:
        expected = _expected_files(plan.digests, group.paths)
        listed -= expected.keys()
        jobs.append(_Job(plan.dataset.fetch(group.shard), group.group, group.rows, expected, writer, write))
    work_bytes = sum(path.stat().st_size for path in {job.shard for job in jobs})
    done = 0
    workers = parallel.processes(num_proc, work_bytes)
    for group, result in zip(plan.selected, parallel.run(_run_job, jobs, workers), strict=True):
        tally.add(result)
        done += len(group.paths)
        if progress:
            progress(done, plan.tasks)
    tally.missing += listed
    _run_contents(plan, writer, tally, write)
    return tally


def _expected_files(digests: dict[str, bytes | None], paths: Sequence[str]) -> dict[str, bytes]:
    names = (f"{path}/{name}" for path in paths for name in layout.QUESTION_FILES)
    return {name: digest for name in names if (digest := digests.get(name)) is not None}


def _run_job(job: _Job) -> _Tally:
    with open_shard(job.shard) as shard:
        table = read_group(shard, job.group)
    if job.rows is not None:
        table = table.take(pa.array(job.rows))
    tally = _Tally()
    missing = set(job.expected)
    for file in files_of(table):
        missing.discard(file.path)
        expected = job.expected.get(file.path)
        if expected and hashlib.sha256(file.content).digest() != expected:
            tally.changed.append(file.path)
        _handle(job.writer, file.path, file.content, job.write, tally)
    tally.missing += missing
    return tally


def _run_contents(plan: _Plan, writer: FolderWriter, tally: _Tally, write: bool) -> None:
    """Handle the files whose bytes only the list of files holds."""
    pending = set(tally.missing)
    if not pending:
        return
    for listed in read_listing(plan.dataset, contents=True):
        if listed.content is not None and listed.path in pending:
            _check_content(plan, listed)
            _handle(writer, listed.path, listed.content, write, tally)
            pending.discard(listed.path)
    tally.missing = list(pending)


def _check_content(plan: _Plan, listed: ListedFile) -> None:
    if hashlib.sha256(listed.content or b"").digest() != plan.digests[listed.path]:
        raise ChangedRowsError(
            f"{plan.dataset.name}: {listed.path} in files does not have the SHA-256 beside it; "
            "fetch or build the dataset again"
        )


def _handle(writer: FolderWriter, path: str, content: pa.Buffer | bytes, write: bool, tally: _Tally) -> None:
    if not write:
        if writer.find(path, content) == "other":
            tally.conflicts.append(path)
    elif writer.put(path, content):
        tally.written += 1
        tally.written_bytes += len(memoryview(content))
    else:
        tally.kept += 1
