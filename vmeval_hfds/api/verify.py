"""Is this folder what that dataset holds? Answered by hashes, without reading an image column."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from vmeval_builders.arrow.listing import ROOT_FOLDER
from vmeval_builders.choice import Choice
from vmeval_builders.entries import FileEntry
from vmeval_builders.scan import Scan, scan_files
from vmeval_builders.sources.folder import Folder
from vmeval_builders.sources.source import Source
from vmeval_hfds.engine import pool
from vmeval_hfds.engine.pool import Progress
from vmeval_hfds.errors import DatasetError
from vmeval_hfds.folder.plan import make_plan
from vmeval_hfds.rows.open import Source as RowSource
from vmeval_hfds.rows.open import open_dataset
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.columns import check_layout
from vmeval_hfds.table.listing import Listing, Wanted, read_listing

_FILES_PER_JOB = 500
#: What a scan finds and does not list as a file.
_UNREAD_CODES = frozenset({"unreadable", "link-outside", "link-loop", "not-a-file", "too-large"})


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """How a folder differs from a dataset's list of files.

    Attributes:
        files: How many files the dataset lists.
        missing: Files and folders that the dataset lists and the folder has not.
        extra: Files and empty folders that the folder has and the dataset does not list.
        different: Files with other bytes.
        other_times: Files and folders with another modification time, where the dataset lists times.
        left_out: Files and empty folders of the folder that were not compared; folders end in ``/``.
        top_folder: The archive's one top folder, where it was looked through.
    """

    files: int
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    other_times: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    top_folder: str = ""

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.missing or self.extra or self.different or self.other_times)


@dataclass(frozen=True, slots=True)
class _Job:
    source: Source
    files: Sequence[tuple[FileEntry, bytes]]


def verify(
    folder: str | os.PathLike[str],
    dataset: RowSource,
    *,
    builder: str | None = None,
    domains: Collection[str] = (),
    ids: Collection[str] = (),
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    keep_top_folder: bool = False,
    num_proc: int | None = None,
    progress: Progress | None = None,
) -> VerifyResult:
    """Compare every file of a folder with a dataset's list of files, by SHA-256.

    Args:
        folder: The folder; or a tar archive of it, which is not unpacked.
        dataset: A dataset directory, a repository (its id or address), or what was opened.
        builder: The name of the builder that the dataset must be of; None takes any.
        domains: Only the rows of these domains, for a folder that was exported so. What the dataset lists beside
            them may be in the folder or not.
        ids: Only the rows of tasks with these ids, likewise.
        include: Globs of what is compared; ``*`` stands for any characters, ``/`` too. By default all.
        exclude: Globs of what is not. What only tools leave behind, such as ``.git``, never is.
        keep_top_folder: Keep the one top folder of an archive, such as ``questions/``, as a part of paths; else it
            is looked through, as if the folder itself had been given.
        num_proc: How many processes; None chooses.
        progress: Called with files done and files in all.

    Returns:
        What is missing, extra or different; folders count, with a ``/`` at the end.

    Raises:
        DatasetError: The dataset has no list of files, or a damaged one, or is not of that builder.
        LayoutNameError: There is no such builder.
        UnknownNameError: The dataset has no such domain or id.
        MissingPathError: There is no such folder or dataset.
        ArchiveError: The archive is damaged or cut short.
        OSError: A file cannot be read.
    """
    with open_dataset(dataset) as source:
        wanted = Wanted(domains, ids)
        choice = Choice(include, exclude, keeps_top_folder=keep_top_folder)
        return _verify(folder, source, builder, wanted, choice, num_proc, progress)


def _verify(
    folder: str | os.PathLike[str],
    source: DatasetFiles,
    builder: str | None,
    wanted: Wanted,
    choice: Choice,
    num_proc: int | None,
    progress: Progress | None,
) -> VerifyResult:
    if not source.listing_shards:
        raise DatasetError(f"{source.name}: has no config files, so that there is nothing to verify against")
    if builder is not None:
        check_layout(source, builder)
    everything = read_listing(source)
    listing = _chosen(make_plan(source, wanted, builder).listing if wanted else everything, choice)
    digests = listing.digests()
    scan = scan_files(folder, choice)
    unread = {problem.path for problem in scan.problems if problem.code in _UNREAD_CODES}
    entries = {entry.path: entry for entry in scan.files}
    # An archive may hold a name several times, so that all its files are looked at; its own order is the fastest.
    in_order = sorted(scan.files, key=lambda entry: entry.offset)
    common = [(entry, digest) for entry in in_order if (digest := digests.get(entry.path)) is not None]
    different = _different(scan.source, common, num_proc, progress)
    files = digests.keys()
    folders = {f"{path}/" for path in listing.folders}
    known = set(everything.table["path"].to_pylist()) if wanted else files | folders
    there = {f"{path}/" for path in scan.folders}
    empty = {f"{path}/" for path in scan.empty_folders}
    return VerifyResult(
        files=len(files),
        missing=sorted((files - entries.keys()) | (folders - there) | (_listed_empty(listing) - empty)),
        extra=sorted((entries.keys() - known) | (empty - known) | (unread - known)),
        different=sorted({*different, *_repeated(scan)}),
        other_times=_other_times(scan, listing),
        left_out=scan.left_out,
        top_folder=scan.top_folder,
    )


def _chosen(listing: Listing, choice: Choice) -> Listing:
    """Keep what a walk of the dataset's folder would keep with the same choice."""
    if not choice.has_globs:
        return listing.only(choice.takes)
    files = [path for path in listing.files if choice.takes(path)]
    empty = _listed_empty(listing)
    kept = {*files, *filter(choice.takes, empty)}
    kept.update(folder for path in list(kept) for folder in _folders_above(path))
    return listing.only(kept.__contains__)


def _folders_above(path: str) -> Iterator[str]:
    while path := path.rstrip("/").rpartition("/")[0]:
        yield f"{path}/"


def _repeated(scan: Scan) -> Iterator[str]:
    """List the names that come several times: no folder could hold them."""
    for one, following in pairwise(scan.files):
        if one.path == following.path:
            yield one.path


def _listed_empty(listing: Listing) -> set[str]:
    """Pick the folders in which nothing is listed, with a ``/`` at the end."""
    occupied = {f"{path.rstrip('/').rpartition('/')[0]}/" for path in listing.table["path"].to_pylist()}
    return {f"{path}/" for path in listing.folders} - occupied


def _other_times(scan: Scan, listing: Listing) -> list[str]:
    found = {f"{path}/" if path else ROOT_FOLDER: folder.mtime_ns for path, folder in scan.folders.items()}
    found |= {entry.path: entry.mtime_ns for entry in scan.files}
    # A folder that is no member of an archive has no time there.
    times = listing.times().items()
    return sorted(path for path, time in times if found.get(path) is not None and found[path] != time)


def _different(
    source: Source,
    files: Sequence[tuple[FileEntry, bytes]],
    num_proc: int | None,
    progress: Progress | None,
) -> list[str]:
    jobs = [
        _Job(source, files[start : start + _FILES_PER_JOB]) for start in range(0, len(files), _FILES_PER_JOB)
    ]
    workers = pool.processes(num_proc, sum(entry.size_bytes for entry, _ in files))
    workers = workers if source.splits else 1
    different: list[str] = []
    done = 0
    for job, found in zip(jobs, pool.run(_run_job, jobs, workers), strict=True):
        different += found
        done += len(job.files)
        if progress:
            progress(done, len(files))
    return different


def _run_job(job: _Job) -> list[str]:
    return [entry.path for entry, digest in job.files if _digest(job.source, entry) != digest]


def _digest(source: Source, entry: FileEntry) -> bytes:
    if not isinstance(source, Folder):
        return hashlib.sha256(source.read(entry)).digest()
    with open(f"{source.root}/{entry.path}", "rb", buffering=0) as stream:
        return hashlib.file_digest(stream, "sha256").digest()
