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

from vmeval_builders.arrow.arrays import copied
from vmeval_hfds.engine.pool import Engine
from vmeval_hfds.folder.sink import Outcome
from vmeval_hfds.folder.writer import FolderWriter

if TYPE_CHECKING:
    from typing_extensions import Buffer

_FILES_PER_JOB = 1000

#: What is at a listed file's place.
Found = Literal["absent", "same", "other", "folder"]
_FOUND: Sequence[Found] = ("absent", "same", "other", "folder")


@dataclass(frozen=True, slots=True)
class States:
    """What is at the places of listed files, a byte for each.

    Attributes:
        codes: The bytes.
    """

    codes: bytes | bytearray

    @classmethod
    def absent(cls, count: int) -> States:
        """Say that there is nothing."""
        return cls(bytes(count))

    def are(self, state: Found) -> pa.Array:
        """Say of each file whether this is at its place."""
        return pc.equal(self._array(), self._array(bytes([_FOUND.index(state)]))[0])

    def are_not(self, state: Found) -> pa.Array:
        """Say of each file whether something else is, or nothing."""
        return pc.invert(self.are(state))

    def count(self, state: Found) -> int:
        """Say at how many places this is."""
        return self.codes.count(_FOUND.index(state))

    def _array(self, codes: bytes | bytearray | None = None) -> pa.Array:
        codes = self.codes if codes is None else codes
        return pa.Array.from_buffers(pa.uint8(), len(codes), [None, pa.py_buffer(codes)])


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


def compare_listed(root: Path, files: pa.Table, engine: Engine) -> States:
    """Say what is at the places of listed files, by their hashes; no byte of the dataset is needed.

    Args:
        root: The folder.
        files: Files with ``path``, ``size`` and ``sha256``.
        engine: Where they are hashed.
    """
    columns = files.select(["path", "size", "sha256"])
    starts = range(0, files.num_rows, _FILES_PER_JOB)
    jobs = (_Job(root, copied(columns.slice(start, _FILES_PER_JOB))) for start in starts)
    work_bytes = pc.sum(files["size"]).as_py() or 0
    codes = bytearray()
    for of_job in engine.run(_compare, jobs, work_bytes, len(starts) > 1):
        codes += of_job
    return States(codes)


def _compare(job: _Job) -> bytes:
    columns: Sequence[Sequence[object]] = [job.files[name].to_pylist() for name in ("path", "size", "sha256")]
    return bytes(map(_FOUND.index, _states(job.root, zip(*columns, strict=True))))


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
            yield "same" if _sha256(place) == sha256 else "other"


def _sha256(place: str) -> bytes:
    with open(place, "rb", buffering=0) as stream:
        return hashlib.file_digest(stream, "sha256").digest()
