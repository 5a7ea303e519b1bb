"""The shards of `files`: every file of the folder, where its bytes are, and those that no row holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import binary_array, integer_array, text_array
from vmeval_builders.arrow.listing import ROOT_FOLDER, ListedFile, listing_table
from vmeval_builders.arrow.schema import FILE_COLUMNS, arrow_schema
from vmeval_builders.entries import FileEntry
from vmeval_builders.problems import Problem
from vmeval_builders.scan import Scan
from vmeval_builders.secrets import holds_token, token_problem
from vmeval_builders.sources.remote import read_ahead
from vmeval_builders.sources.source import Source
from vmeval_hfds.store.names import LISTING_FOLDER, config_of, shard_name
from vmeval_hfds.store.store import Receipt, Store
from vmeval_hfds.table.facts import METADATA_KEY, ListingFacts
from vmeval_hfds.table.merge import nearest
from vmeval_hfds.table.parquet import ROW_GROUP_BYTES, open_writer
from vmeval_hfds.table.plan import SHARD_BYTES
from vmeval_hfds.table.shards import ShardReport

Entries: TypeAlias = Mapping[str, FileEntry]
#: The config and the id of a row.
RowName: TypeAlias = tuple[str, str | None]

LISTING_GROUP_ROWS = 10_000
#: About what a row takes without content.
_TEXTS_BYTES = 200


@dataclass(frozen=True, slots=True)
class ListingJob:
    """A shard of `files` to be written.

    Attributes:
        store: Takes the shard.
        source: Holds the files.
        name: The shard's name.
        listed: Its rows, by path.
        entries: The files among them whose bytes go in here and are still to be read, by path.
        facts: What its metadata says.
    """

    store: Store
    source: Source
    name: str
    listed: pa.Table
    entries: Entries
    facts: ListingFacts


@dataclass(frozen=True, slots=True)
class ListingReport:
    """What is known of a shard of `files` after it was written.

    Attributes:
        receipt: What the store took.
        rows: Its rows.
        table_bytes: The size of its rows in Arrow's memory.
        problems: What is wrong with the files whose bytes it holds.
    """

    receipt: Receipt
    rows: int
    table_bytes: int
    problems: list[Problem]


def listed_rows(
    scan: Scan,
    reports: Sequence[ShardReport],
    elsewhere: frozenset[str] = frozenset(),
    places: Mapping[str, RowName] | None = None,
) -> tuple[pa.Table, dict[str, FileEntry]]:
    """List every file of a walked folder, and empty folders, or all folders where times are kept.

    Args:
        scan: The folder.
        reports: What was read of its rows.
        elsewhere: Files that other shards hold, which are left out.
        places: Path to config and id, of all rows; by default of those of the reports.

    Returns:
        The rows of `files` by path, and the files that no row holds: their hash and content are null yet.
    """
    held = set(elsewhere)
    for report in reports:
        held.update(report.listed["path"].to_pylist())
    rest = {entry.path: entry for entry in scan.files if entry.path not in held}
    if places is None:
        places = row_names(reports)
    keeps_times = scan.layout.keeps_times
    others = [
        ListedFile(
            path, entry.size_bytes, None, entry.mtime_ns if keeps_times else None, *_place(path, places)
        )
        for path, entry in rest.items()
    ]
    for path in scan.folders if keeps_times else scan.empty_folders:
        modified_ns = scan.folders[path].mtime_ns if keeps_times else None
        if not path and modified_ns is None:
            # The folder itself is listed for its time alone, and an archive need not say it.
            continue
        name = f"{path}/" if path else ROOT_FOLDER
        others.append(ListedFile(name, None, None, modified_ns, *_place(path, places)))
    whole = pa.concat_tables([*(report.listed for report in reports), listing_table(others)])
    return whole.take(pc.sort_indices(whole["path"])), rest


def row_names(reports: Iterable[ShardReport]) -> dict[str, RowName]:
    """Give config and id of every row, by its path."""
    return {path: (report.plan.config, row_id) for report in reports for path, row_id in report.ids.items()}


def _place(path: str, places: Mapping[str, RowName]) -> tuple[str | None, str | None]:
    """Give config and id of the nearest row that a path is, or lies in."""
    row = nearest(path, places)
    return (None, None) if row is None else places[row]


def listing_jobs(
    store: Store, source: Source, split: str, listed: pa.Table, entries: Entries, facts: ListingFacts
) -> list[ListingJob]:
    """Cut `files` into shards, and give each what is known of the shards that it refers to."""
    runs = _cut(listed, entries, SHARD_BYTES)
    # Shards of which no file is listed, as their rows hold none, are told of first.
    left = sorted(facts.shards.keys() - set(pc.unique(listed["shard"]).to_pylist()))
    jobs = []
    for number, run in enumerate(runs):
        name = f"{LISTING_FOLDER}/{shard_name(split, number, len(runs))}"
        own = {path: entries[path] for path in run["path"].to_pylist() if path in entries} if entries else {}
        shards, configs = (pc.unique(run[column]).drop_null().to_pylist() for column in ("shard", "config"))
        of_run = facts.only([*shards, *left], [*configs, *map(config_of, left)])
        jobs.append(ListingJob(store, source, name, run, own, of_run))
        left = []
    return jobs


def write_listing(job: ListingJob) -> ListingReport:
    """Read the files that no row holds, and write a shard of `files`.

    Raises:
        FolderChangedError: A file is not as long as when the folder was walked.
        OSError: A file cannot be read.
    """
    place = job.store.place(job.name)
    table_bytes = 0
    problems: list[Problem] = []
    with open_writer(place, arrow_schema(FILE_COLUMNS), ("config", "shard")) as writer:
        for group in _cut(job.listed, job.entries, ROW_GROUP_BYTES, LISTING_GROUP_ROWS):
            table = _with_contents(job, group, problems)
            table_bytes += table.nbytes
            writer.write_table(table)
        writer.add_key_value_metadata({METADATA_KEY: job.facts.to_json()})
    return ListingReport(job.store.put(job.name, place), job.listed.num_rows, table_bytes, problems)


def _with_contents(job: ListingJob, group: pa.Table, problems: list[Problem]) -> pa.Table:
    # A slice would count, and be written, by where it was cut from; a copy is the same wherever it is made.
    group = group.take(integer_array(range(group.num_rows)))
    if not job.entries:
        return group
    digests, contents = group["sha256"].to_pylist(), group["content"].to_pylist()
    found = [(number, job.entries.get(path)) for number, path in enumerate(group["path"].to_pylist())]
    wanted = [(number, entry) for number, entry in found if entry]
    for number, entry in read_ahead(job.source, wanted, lambda item: [item[1]]):
        content = job.source.read(entry)
        if holds_token(content):
            problems.append(token_problem(entry.path))
        contents[number], digests[number] = content, hashlib.sha256(content).hexdigest()
    columns = {name: group[name] for name in group.column_names}
    columns |= {"sha256": text_array(digests), "content": binary_array(contents)}
    return pa.table(columns, schema=arrow_schema(FILE_COLUMNS))


def _cut(
    listed: pa.Table, entries: Entries, limit_bytes: int, most_rows: int | None = None
) -> list[pa.Table]:
    """Cut rows into runs whose contents, and texts, are of about `limit_bytes` at most; at least one run."""
    starts, filled_bytes = [0], 0
    lengths = pc.binary_length(listed["content"]).to_pylist()
    for number, (path, length) in enumerate(zip(listed["path"].to_pylist(), lengths, strict=True)):
        entry = entries.get(path)
        row_bytes = _TEXTS_BYTES + (entry.size_bytes if entry else length or 0)
        is_full = filled_bytes + row_bytes > limit_bytes or number - starts[-1] == most_rows
        if number > starts[-1] and is_full:
            starts.append(number)
            filled_bytes = 0
        filled_bytes += row_bytes
    ends = [*starts[1:], listed.num_rows]
    return [listed.slice(start, end - start) for start, end in zip(starts, ends, strict=True)]
