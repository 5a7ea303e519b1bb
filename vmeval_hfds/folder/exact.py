"""Hand files to a sink of rows that hold just what is listed of them, told from each other by their hashes alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

from vmeval_builders.arrow.arrays import byte_strings
from vmeval_hfds.errors import ReplacedShardError
from vmeval_hfds.folder.jobs import GroupFiles, ReadJob, Tally, row_files
from vmeval_hfds.folder.sink import Sink
from vmeval_hfds.table.parquet import ROW_GROUP_BYTES
from vmeval_hfds.table.raw_values import RawColumns
from vmeval_hfds.table.reader import Shard, open_shard
from vmeval_hfds.table.values import file_bytes

#: The number of a file in its job, and its bytes.
Found: TypeAlias = "list[tuple[int, memoryview | bytes]]"

#: More than two row groups are not held at once; our own are at most one, but for a file that is larger.
_HELD_BYTES = 2 * ROW_GROUP_BYTES
#: `hashlib` works beside the writing only where files are larger than this, and the rest is not worth a thread.
_LARGE_BYTES = 2**12


@dataclass(frozen=True, slots=True)
class ExactJob:
    """Rows of which the list of files says all that they hold; anything else is an error.

    Attributes:
        shard: The shard's name in the dataset.
        source: The rows.
        files: Their files by path order, with ``path``, ``sha256``, ``modified``, and whether they are ``there``: then
            they need not be handed over.
        rows: How many rows they are of.
        sink: What takes the files.
        size_bytes: How long they are in all, about.
        coming: The first of the files that are read already, or will be.
    """

    shard: str
    source: GroupFiles
    files: pa.Table
    rows: int
    sink: Sink
    size_bytes: int
    coming: _Coming | None = None

    def run(self) -> Tally:
        """Read the files and hand them to the sink.

        Raises:
            ReplacedShardError: The shard holds something else, and so was changed.
            DatasetError: A row group is damaged.
            UnsafePathError: Somebody moved or replaced folders while files were written into them.
        """
        tally = Tally(rows=self.rows)
        paths, times, there = (self.files[name].to_pylist() for name in ("path", "modified", "there"))
        for found in self.coming or self.found():
            for number, content in found:
                if not there[number]:
                    tally.take(self.sink, paths[number], content, times[number])
        self.sink.done()
        return tally

    def found(self) -> Iterator[Found]:
        """Read the files, several at a time, those in order; nothing is handed over before all of them were looked at.

        Raises:
            ReplacedShardError: Others are there, or not all.
        """
        expected: dict[bytes, list[int]] = {}
        digests = self.files["sha256"].to_pylist()
        for number in range(len(digests) - 1, -1, -1):
            expected.setdefault(digests[number], []).append(number)
        for contents in _contents(self.source):
            found: Found = []
            for content in contents:
                numbers = expected.get(hashlib.sha256(content).digest())
                if not numbers:
                    raise ReplacedShardError(self.source.name, self.shard)
                found.append((numbers.pop(), content))
            found.sort()
            yield found
        if any(expected.values()):
            raise ReplacedShardError(self.source.name, self.shard)


class _Coming:
    """Files of a job that a thread begins to read; what follows the first is read when it is asked for."""

    def __init__(self, job: ExactJob, thread: ThreadPoolExecutor) -> None:
        self._files = job.found()
        self._first: Future[Found | None] = thread.submit(next, self._files, None)

    def __iter__(self) -> Iterator[Found]:
        first = self._first.result()
        return iter(()) if first is None else chain([first], self._files)


def read_ahead(jobs: Iterable[ReadJob | ExactJob]) -> Iterator[ReadJob | ExactJob]:
    """Give jobs for this process, and read in a thread what the next one needs while one is done.

    What was brought from far away is done at once: it is there only until the next job is asked for.
    """
    before: ReadJob | ExactJob | None = None
    with ThreadPoolExecutor(1, thread_name_prefix="read") as thread:
        for job in jobs:
            is_here = isinstance(job.source.place, Path)
            if is_here and isinstance(job, ExactJob) and job.size_bytes > _LARGE_BYTES * job.files.num_rows:
                job = replace(job, coming=_Coming(job, thread))
            if before is not None:
                yield before
            before = job if is_here else None
            if not is_here:
                yield job
        if before is not None:
            yield before


def _contents(source: GroupFiles) -> Iterator[Iterable[memoryview | bytes]]:
    """Give the bytes of rows' files, those of several rows at a time, in whatever order.

    Pages of images and videos are not compared with their checksums: all that is read will be with its SHA-256.

    Raises:
        DatasetError: A row group is damaged.
    """
    # What is in memory, as parts of a shard that is far away are, can be opened once.
    if isinstance(source.place, Path) and all(rows is None for rows in source.groups.values()):
        with open_shard(source.place, source.name, source.footer) as shard:
            raw = _raw_columns(shard, source)
            if raw is not None:
                with raw.read(source.groups) as media:
                    if media is not None:
                        yield chain(media, _texts(shard, source))
                        return
    for files in row_files(source, checksums=False):
        yield [file.content for file in files]


def _raw_columns(shard: Shard, source: GroupFiles) -> RawColumns | None:
    """Give the columns of images and videos, where they can be read as they stand in the shard."""
    columns = source.columns
    media = [ours for ours in columns.layout.media if ours in columns.names]
    raw = RawColumns.of(shard, {path for ours in media for path in columns.inside(ours, "bytes")})
    return raw if raw is not None and raw.size_bytes(source.groups) <= _HELD_BYTES else None


def _texts(shard: Shard, source: GroupFiles) -> Iterator[memoryview]:
    columns = source.columns
    texts = [columns.names[ours] for ours in columns.layout.text_files if ours in columns.names]
    # No file is in the paths, but a shard in which they are damaged is not whole.
    table = shard.read_groups(list(source.groups), [columns.names["path"], *texts])
    for name in texts:
        for chunk in file_bytes(table[name], "text").chunks:
            yield from byte_strings(chunk)
