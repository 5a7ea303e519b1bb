"""The shards of `files`: every file of the folder, where its bytes are, and those that no row holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pyarrow as pa

from vmeval_builders.arrow.arrays import binary_array, integer_array, text_array
from vmeval_builders.arrow.schema import FILE_COLUMNS, arrow_schema
from vmeval_builders.problems import Problem
from vmeval_builders.secrets import holds_token, token_problem
from vmeval_builders.sources.remote import read_ahead
from vmeval_builders.sources.source import Source
from vmeval_hfds.engine.memory import give_back
from vmeval_hfds.store.names import LISTING_FOLDER, config_of, shard_name
from vmeval_hfds.store.store import Receipt, Store
from vmeval_hfds.table.facts import METADATA_KEY, ListingFacts
from vmeval_hfds.table.listed_rows import ListedRows
from vmeval_hfds.table.parquet import ROW_GROUP_BYTES, open_writer
from vmeval_hfds.table.plan import SHARD_BYTES

LISTING_GROUP_ROWS = 10_000
#: Contents take several times as much on their way into a row group: of more, what groups before took is given back first.
_LARGE_BYTES = ROW_GROUP_BYTES // 4


@dataclass(frozen=True, slots=True)
class ListingJob:
    """A shard of `files` to be written.

    Attributes:
        store: Takes the shard.
        source: Holds the files.
        name: The shard's name.
        rows: Its rows.
        facts: What its metadata says.
    """

    store: Store
    source: Source
    name: str
    rows: ListedRows
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


def listing_jobs(
    store: Store, source: Source, split: str, rows: ListedRows, facts: ListingFacts
) -> list[ListingJob]:
    """Cut `files` into shards, and give each what is known of the shards that it refers to."""
    runs = rows.cut(SHARD_BYTES)
    # Shards of which no file is listed, as their rows hold none, are told of first.
    left = sorted(facts.shards.keys() - set(rows.refers_to()[0]))
    jobs = []
    for number, run in enumerate(runs):
        name = f"{LISTING_FOLDER}/{shard_name(split, number, len(runs))}"
        shards, configs = run.refers_to()
        of_run = facts.only([*shards, *left], [*configs, *map(config_of, left)])
        jobs.append(ListingJob(store, source, name, run, of_run))
        left = []
    return jobs


def write_listing(job: ListingJob) -> ListingReport:
    """Read the files that no row holds, and write a shard of `files`.

    Raises:
        FolderChangedError: A file is not as long as when the folder was walked.
        OSError: A file cannot be read.
    """
    place = job.store.place(job.name)
    table_bytes = rows = 0
    problems: list[Problem] = []
    with open_writer(place, arrow_schema(FILE_COLUMNS), ("config", "shard")) as writer:
        for group in job.rows.cut(ROW_GROUP_BYTES, LISTING_GROUP_ROWS):
            if sum(entry.size_bytes for entry in group.entries.values()) > _LARGE_BYTES:
                give_back()
            table = _with_contents(job.source, group, problems)
            table_bytes += table.nbytes
            rows += table.num_rows
            writer.write_table(table)
        writer.add_key_value_metadata({METADATA_KEY: job.facts.to_json()})
    return ListingReport(job.store.put(job.name, place), rows, table_bytes, problems)


def _with_contents(source: Source, rows: ListedRows, problems: list[Problem]) -> pa.Table:
    entries, group = rows.entries, rows.table()
    # A slice would count, and be written, by where it was cut from; a copy is the same wherever it is made.
    group = group.take(integer_array(range(group.num_rows)))
    if not entries:
        return group
    digests, contents = group["sha256"].to_pylist(), group["content"].to_pylist()
    found = [(number, entries.get(path)) for number, path in enumerate(group["path"].to_pylist())]
    wanted = [(number, entry) for number, entry in found if entry]
    for number, entry in read_ahead(source, wanted, lambda item: [item[1]]):
        content = source.read(entry)
        if holds_token(content):
            problems.append(token_problem(entry.path))
        contents[number], digests[number] = content, hashlib.sha256(content).hexdigest()
    columns = {name: group[name] for name in group.column_names}
    columns |= {"sha256": text_array(digests), "content": binary_array(contents)}
    return pa.table(columns, schema=arrow_schema(FILE_COLUMNS))
