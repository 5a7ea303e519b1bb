"""Parquet shards: how rows are cut into them, how one is written, how its rows are read again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from vmeval_builders.arrow.listing import ListedFile, listing_table
from vmeval_builders.arrow.schema import FILE_COLUMNS, arrow_schema
from vmeval_builders.checks import changing, contents_problems
from vmeval_builders.entries import FileEntry, Unit
from vmeval_builders.errors import FolderChangedError, VmevalError
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.manifest import TaskKey, task_key
from vmeval_builders.problems import Problem
from vmeval_builders.rows import held_columns, read_unit, row_of, table_of
from vmeval_builders.secrets import holds_token, token_problem
from vmeval_builders.sources.source import Source
from vmeval_hfds.errors import DatasetError
from vmeval_hfds.table.facts import METADATA_KEY, ListingFacts

Item = TypeVar("Item")

#: A shard's size before a further one is begun; small enough that two processes share one domain.
SHARD_BYTES = 64 * 2**20
#: A row group is what a reader holds in memory at once. The Hub's viewer wants about 100 rows with images:
#: https://huggingface.co/docs/hub/datasets-viewer-configure
ROW_GROUP_ROWS = 100
ROW_GROUP_BYTES = 16 * 2**20
LISTING_GROUP_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class ShardJob:
    """A shard to be written.

    Attributes:
        source: What holds the files.
        builder: What describes them.
        target: The Parquet file to write.
        units: Its rows' files, in order.
    """

    source: Source
    layout: Layout
    target: Path
    units: Sequence[Unit]


@dataclass(slots=True)
class ShardReport:
    """What is known after a shard was written.

    Attributes:
        rows: Its rows.
        table_bytes: The size of its rows in Arrow's memory (`dataset_info` calls it num_bytes).
        held: Path to SHA-256 of the files that its columns hold.
        keys: Its tasks' names, where a manifest may list them.
        problems: What the rows' contents have wrong with them.
        source_bytes: The size of the files that its columns hold.
        ids: Every row's path and id, in row order.
        size_bytes: The shard's size.
        sha256: Its hash, hexadecimal.
    """

    rows: int = 0
    table_bytes: int = 0
    held: dict[str, bytes] = field(default_factory=dict)
    keys: list[TaskKey] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    source_bytes: int = 0
    ids: list[tuple[str, str | None]] = field(default_factory=list)
    size_bytes: int = 0
    sha256: str = ""


def cut(items: Sequence[Item], size: Callable[[Item], int], limit_bytes: int) -> list[Sequence[Item]]:
    """Cut a sequence into even runs of about `limit_bytes` at most.

    Returns:
        At least one run; none is empty unless there are no items.
    """
    sizes = [size(item) for item in items]
    runs = max(1, min(len(items), -(-sum(sizes) // limit_bytes)))
    share = sum(sizes) / runs
    cuts, filled = [0], 0
    for number, item_bytes in enumerate(sizes):
        if number > cuts[-1] and filled + item_bytes / 2 > share * len(cuts) and len(cuts) < runs:
            cuts.append(number)
        filled += item_bytes
    return [items[start:end] for start, end in zip(cuts, [*cuts[1:], len(items)], strict=True)]


def row_groups(items: Iterable[Item], size: Callable[[Item], int], most_rows: int) -> Iterator[list[Item]]:
    """Gather items into runs that fit one row group; an item larger than a group stands alone."""
    group: list[Item] = []
    group_bytes = 0
    for item in items:
        item_bytes = size(item)
        if group and (group_bytes + item_bytes > ROW_GROUP_BYTES or len(group) == most_rows):
            yield group
            group, group_bytes = [], 0
        group.append(item)
        group_bytes += item_bytes
    if group:
        yield group


def open_writer(
    target: Path, columns: Mapping[str, str], repeating: Collection[str] = ()
) -> pq.ParquetWriter:
    """Open a Parquet file for writing, with options under which the same rows give the same bytes.

    Args:
        target: The file.
        columns: Column to kind.
        repeating: Columns whose values many rows share.
    """
    text = [name for name, kind in columns.items() if kind in ("string", "int64", "float64")]
    return pq.ParquetWriter(
        target,
        arrow_schema(columns),
        # PNG and MP4 do not get smaller, and statistics of whole images would double the footer.
        compression=dict.fromkeys(text, "zstd"),
        use_dictionary=list(repeating),
        write_statistics=text,
        write_page_checksum=True,
    )


def write_shard(job: ShardJob) -> ShardReport:
    """Read the files of a shard's rows and write the rows, checking each on the way.

    What is checked is what is stored: a file is read once. The problems come back in the report; whoever asked
    for the shard throws it away where one of them is a refusal.
    """
    report = ShardReport()
    with open_writer(job.target, job.layout.columns, job.layout.repeating) as writer:
        for group in row_groups(job.units, lambda unit: unit.size_bytes, ROW_GROUP_ROWS):
            rows = list(_read_group(job, group, report))
            if rows:
                table = table_of(job.layout, rows)
                report.rows += table.num_rows
                report.table_bytes += table.nbytes
                writer.write_table(table)
    report.size_bytes = job.target.stat().st_size
    with job.target.open("rb", buffering=0) as stream:
        report.sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return report


def _read_group(job: ShardJob, group: Sequence[Unit], report: ShardReport) -> Iterator[dict[str, Any]]:
    for unit in group:
        try:
            contents = read_unit(job.source, job.layout, unit)
        except FolderChangedError:
            report.problems.append(changing(unit.path))
            continue
        except OSError as error:
            report.problems.append(Problem.unreadable(unit.path, error))
            continue
        report.problems += contents_problems(job.layout, contents, decode=False)
        row = row_of(job.layout, contents)
        if job.layout.manifest:
            report.keys.append(task_key(job.layout, row))
        for column in held_columns(job.layout, contents):
            digest = hashlib.sha256(contents.blobs[column]).digest()
            report.held[unit.files[column].path] = digest
            report.source_bytes += len(contents.blobs[column])
        report.ids.append((unit.path, row[job.layout.id_column]))
        yield row


@dataclass(frozen=True, slots=True)
class RowOrigin:
    """Where a row lies.

    Attributes:
        config: Its config.
        id: Its id, where it has one.
        shard: Its shard's name in the dataset.
        row: Its number in the shard.
    """

    config: str
    id: str | None
    shard: str
    row: int


@dataclass(frozen=True, slots=True)
class ListingJob:
    """A shard of the `files` table to be written.

    Attributes:
        source: What holds the files.
        target: The Parquet file to write.
        entries: Files, and folders as paths that end in ``/``, in the order of their paths.
        held: Path to SHA-256 of the files that the builder's table holds; the others' bytes go in here.
        times: Path to modification time, where the layout keeps times.
        rows: Path of a row to what of it stands beside its files.
        facts: What is known of the shards of rows.
    """

    source: Source
    target: Path
    entries: Sequence[FileEntry | str]
    held: Mapping[str, bytes]
    times: Mapping[str, int | None]
    rows: Mapping[str, RowOrigin]
    facts: ListingFacts


def write_listing_shard(job: ListingJob) -> tuple[int, list[Problem]]:
    """Write a shard of the `files` table.

    Returns:
        The size of its rows in Arrow's memory, and what is wrong with the files that it holds itself.
    """
    table_bytes = 0
    problems: list[Problem] = []
    with open_writer(job.target, FILE_COLUMNS) as writer:
        groups = row_groups(job.entries, lambda entry: stored_bytes(entry, job.held), LISTING_GROUP_ROWS)
        for group in groups:
            table = listing_table(_listed(job, entry, problems) for entry in group)
            table_bytes += table.nbytes
            writer.write_table(table)
        found = [_origin(job, entry if isinstance(entry, str) else entry.path) for entry in job.entries]
        origins = {(one.shard, one.config) for one in found if one}
        facts = job.facts.only((shard for shard, _ in origins), (config for _, config in origins))
        writer.add_key_value_metadata({METADATA_KEY: facts.to_json()})
    return table_bytes, problems


def stored_bytes(entry: FileEntry | str, held: Mapping[str, bytes]) -> int:
    """How many bytes of a file the `files` table itself holds."""
    return 0 if isinstance(entry, str) or entry.path in held else entry.size_bytes


def _listed(job: ListingJob, entry: FileEntry | str, problems: list[Problem]) -> ListedFile:
    path = entry if isinstance(entry, str) else entry.path
    origin = _origin(job, path)
    config, row_id = (origin.config, origin.id) if origin else (None, None)
    modified_ns = job.times.get(path)
    if isinstance(entry, str):
        return ListedFile(path, None, None, modified_ns, config, row_id)
    size_bytes = entry.size_bytes
    if origin and (digest := job.held.get(path)):
        return ListedFile(
            path, size_bytes, digest.hex(), modified_ns, config, row_id, origin.shard, origin.row
        )
    content = job.source.read(entry)
    if holds_token(content):
        problems.append(token_problem(entry.path))
    digest = hashlib.sha256(content).digest()
    return ListedFile(path, size_bytes, digest.hex(), modified_ns, config, row_id, content=content)


def _origin(job: ListingJob, path: str) -> RowOrigin | None:
    """Say which row a file or folder belongs to: the nearest one above it."""
    above = path.removesuffix("/")
    while above and above not in job.rows:
        above = above.rpartition("/")[0]
    return job.rows.get(above)


def open_shard(source: Path | BinaryIO) -> pq.ParquetFile:
    """Open a Parquet file, or a stream of one, for reading row groups one at a time.

    Raises:
        DatasetError: It is not a Parquet file, or is cut short.
    """
    try:
        return pq.ParquetFile(
            source, memory_map=isinstance(source, Path), pre_buffer=False, page_checksum_verification=True
        )
    except VmevalError:
        raise
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise DatasetError(
            f"{source}: is not a whole Parquet file ({error}); fetch or build it again"
        ) from error


def read_group(
    shard: pq.ParquetFile, name: str, group: int, columns: Sequence[str] | None = None
) -> pa.Table:
    """Read one row group.

    Args:
        shard: The shard.
        name: What to call it in a message.
        group: The row group's number.
        columns: The columns to read; None for all.

    Raises:
        DatasetError: Its pages are damaged.
    """
    try:
        return shard.read_row_group(group, columns=columns, use_threads=False)
    except VmevalError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(
            f"{name}: row group {group} is damaged ({error}); fetch or build the shard again"
        ) from error


def read_batches(
    shard: pq.ParquetFile, name: str, group: int, columns: Sequence[str], rows: int
) -> Iterator[pa.Table]:
    """Read one row group a few rows at a time, for row groups that others made too large to hold.

    Raises:
        DatasetError: Its pages are damaged.
    """
    try:
        for batch in shard.iter_batches(rows, row_groups=[group], columns=columns, use_threads=False):
            yield pa.Table.from_batches([batch])
    except VmevalError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(
            f"{name}: row group {group} is damaged ({error}); fetch or build the shard again"
        ) from error
