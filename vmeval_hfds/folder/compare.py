"""Compare files with what is in a folder, without writing one."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_hfds.engine.pool import Engine
from vmeval_hfds.folder.sink import Outcome
from vmeval_hfds.folder.writer import FolderWriter

if TYPE_CHECKING:
    from typing_extensions import Buffer

_FILES_PER_JOB = 1000

#: What is at a listed file's place.
Found = Literal["absent", "same", "other", "folder"]


@dataclass(frozen=True, slots=True)
class Comparer:
    """A sink that says what writing would do.

    Attributes:
        writer: What would write.
    """

    writer: FolderWriter

    def put(self, path: str, content: Buffer, modified_ns: int | None = None) -> Outcome:
        """Say what would become of a file."""
        del modified_ns
        return self.writer.find(path, content)

    def done(self) -> None:
        """Let go of the folders that were looked into."""
        self.writer.done()


@dataclass(frozen=True, slots=True)
class _Job:
    root: Path
    files: pa.Table


def compare_listed(root: Path, files: pa.Table, engine: Engine) -> list[Found]:
    """Say what is at the places of listed files, by their hashes; no byte of the dataset is needed.

    Args:
        root: The folder.
        files: Files with ``path``, ``size`` and ``sha256``.
        engine: Where they are hashed.
    """
    jobs = [
        _Job(root, files.slice(start, _FILES_PER_JOB).select(["path", "size", "sha256"]))
        for start in range(0, files.num_rows, _FILES_PER_JOB)
    ]
    work_bytes = pc.sum(files["size"]).as_py() or 0
    return [found for of_job in engine.run(_compare, jobs, work_bytes, len(jobs) > 1) for found in of_job]


def _compare(job: _Job) -> list[Found]:
    columns: Sequence[Sequence[object]] = [job.files[name].to_pylist() for name in ("path", "size", "sha256")]
    return list(_states(job.root, zip(*columns, strict=True)))


def _states(root: Path, files: Iterator[tuple[object, ...]]) -> Iterator[Found]:
    for path, size_bytes, sha256 in files:
        place = f"{root}/{path}"
        try:
            status = os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            yield "absent"
            continue
        if stat.S_ISDIR(status.st_mode):
            yield "folder"
        elif not stat.S_ISREG(status.st_mode) or status.st_size != size_bytes:
            yield "other"
        else:
            yield "same" if _sha256(place) == str(sha256).lower() else "other"


def _sha256(place: str) -> str:
    with open(place, "rb", buffering=0) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
