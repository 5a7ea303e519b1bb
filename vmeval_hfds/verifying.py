"""Is this folder what that dataset holds? Answered by hashes, without reading an image column."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vmeval_builders.scan import FileEntry, scan_folder
from vmeval_hfds import parallel
from vmeval_hfds.dataset_files import DatasetFiles, open_dataset_dir
from vmeval_hfds.errors import DatasetError
from vmeval_hfds.listings import read_digests, split_listing
from vmeval_hfds.parallel import Progress

_FILES_PER_JOB = 500
#: What a scan finds and does not list as a file.
_UNREAD_CODES = frozenset({"unreadable", "link-outside", "link-loop", "not-a-file", "too-large"})


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """How a folder differs from a dataset's list of files.

    Attributes:
        files: How many files the dataset lists.
        missing: Files and empty folders that the dataset lists and the folder has not.
        extra: Files and empty folders that the folder has and the dataset does not list.
        different: Files with other bytes.
    """

    files: int
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.missing or self.extra or self.different)


@dataclass(frozen=True, slots=True)
class _Job:
    root: Path
    files: Sequence[tuple[FileEntry, bytes]]


def verify(
    folder: str | os.PathLike[str],
    dataset: str | os.PathLike[str] | DatasetFiles,
    *,
    num_proc: int | None = None,
    progress: Progress | None = None,
) -> VerifyResult:
    """Compare every file of a folder with a dataset's list of files, by SHA-256.

    Args:
        folder: The question folder.
        dataset: A dataset directory, or a repository that `open_repo` opened.
        num_proc: How many processes; None chooses.
        progress: Called with files done and files in all.

    Returns:
        What is missing, extra or different; empty folders count, with a ``/`` at the end.

    Raises:
        DatasetError: The dataset has no list of files, or a damaged one.
        FileNotFoundError: There is no such folder or dataset.
        OSError: A file cannot be read.
    """
    source = dataset if isinstance(dataset, DatasetFiles) else open_dataset_dir(dataset)
    if not source.listings:
        raise DatasetError(f"{source.name}: has no config files, so that there is nothing to verify against")
    digests = read_digests(source)
    listed_files, listed_folders = split_listing(digests)
    scan = scan_folder(folder)
    unread = {problem.path for problem in scan.problems if problem.code in _UNREAD_CODES}
    entries = {entry.path: entry for entry in scan.files}
    common = [
        (entries[path], digest) for path in listed_files if path in entries and (digest := digests[path])
    ]
    different = _different(scan.root, common, num_proc, progress)
    folders, there = {f"{path}/" for path in listed_folders}, {f"{path}/" for path in scan.empty_folders}
    others = unread - set(listed_files)
    return VerifyResult(
        files=len(listed_files),
        missing=sorted((set(listed_files) - entries.keys()) | (folders - there)),
        extra=sorted((entries.keys() - set(listed_files)) | (there - folders) | others),
        different=different,
    )


def _different(
    root: Path, files: Sequence[tuple[FileEntry, bytes]], num_proc: int | None, progress: Progress | None
) -> list[str]:
    jobs = [
        _Job(root, files[start : start + _FILES_PER_JOB]) for start in range(0, len(files), _FILES_PER_JOB)
    ]
    workers = parallel.processes(num_proc, sum(entry.size_bytes for entry, _ in files))
    different: list[str] = []
    done = 0
    for job, found in zip(jobs, parallel.run(_run_job, jobs, workers), strict=True):
        different += found
        done += len(job.files)
        if progress:
            progress(done, len(files))
    return different


def _run_job(job: _Job) -> list[str]:
    return [entry.path for entry, digest in job.files if _file_digest(f"{job.root}/{entry.path}") != digest]


def _file_digest(path: str) -> bytes:
    with open(path, "rb", buffering=0) as stream:
        return hashlib.file_digest(stream, "sha256").digest()
