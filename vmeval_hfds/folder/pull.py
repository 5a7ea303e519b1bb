"""Read what a plan wants and hand it to a sink, but only what is not in the folder already."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import text_array
from vmeval_hfds.engine import pool
from vmeval_hfds.engine.memory import give_back
from vmeval_hfds.engine.pool import Engine, Progress
from vmeval_hfds.errors import ChangedRowsError
from vmeval_hfds.folder.check import check_row_paths
from vmeval_hfds.folder.compare import Found, States
from vmeval_hfds.folder.exact import ExactJob, read_ahead
from vmeval_hfds.folder.jobs import GroupFiles, ReadJob, Tally, row_files
from vmeval_hfds.folder.known import known_rows
from vmeval_hfds.folder.places import place_of, possible_places
from vmeval_hfds.folder.plan import Plan
from vmeval_hfds.folder.select import GroupRows
from vmeval_hfds.folder.sink import Sink
from vmeval_hfds.table.listing import read_contents
from vmeval_hfds.table.raw_values import forget_memory
from vmeval_hfds.table.reader import open_shard


@dataclass(frozen=True, slots=True)
class Pull:
    """What a plan wants, and what of it is in the folder.

    Attributes:
        plan: The plan.
        known: The listed files that lie where the list says: in shards that nobody replaced, or in the list itself.
        states: What is at their places in the folder.
        other: Path to SHA-256 of the other listed files.
        times: Path to modification time of these, where it is known.
    """

    plan: Plan
    known: pa.Table
    states: States
    other: dict[str, bytes] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)

    def at(self, state: Found) -> list[str]:
        """List the known files at whose places this is."""
        return list(self.known["path"].filter(self.states.are(state)).to_pylist())

    def at_all_but(self, state: Found) -> list[str]:
        """List the known files at whose places something else is, or nothing."""
        return list(self.known["path"].filter(self.states.are_not(state)).to_pylist())


def pull_of(plan: Plan) -> Pull:
    """Tell the files whose place is known from the others, as if the folder were empty."""
    files = plan.listing.where(pc.is_valid(plan.listing.table["sha256"]))
    shards = files.table["shard"]
    named = set(pc.unique(shards).to_pylist())
    if plan.trusted and named <= plan.trusted | {None}:
        return Pull(plan, files.table, States.absent(files.table.num_rows))
    is_known = pc.is_in(shards, value_set=text_array(sorted(plan.trusted)))
    if plan.trusted:
        is_known = pc.or_(is_known, pc.is_null(shards))
    known, other = files.where(is_known), files.where(pc.invert(is_known))
    states = States.absent(known.table.num_rows)
    return Pull(plan, known.table, states, other.digests(), other.times())


def check_paths(pull: Pull) -> None:
    """Refuse paths that no export writes, or that would meet another, before the first is written.

    Raises:
        UnsafePathError: There is one.
    """
    plan = pull.plan
    check_row_paths(
        plan.dataset.name,
        plan.looked_into,
        plan.listing,
        lambda: (path for path, _, _ in row_paths(pull)),
        repeats_allowed=not plan.dataset.listing_shards or bool(plan.layout.items),
    )


def run(pull: Pull, sink: Sink, engine: Engine, progress: Progress | None, *, known: bool = True) -> Tally:
    """Hand to a sink what is not in the folder.

    Args:
        pull: What is wanted.
        sink: What takes it.
        engine: Where the work is done.
        progress: Called with rows done and rows in all.
        known: Hand over the files of which the list alone says where they are, too.

    Raises:
        ReplacedShardError: A shard was taken for one that nobody changed, and was changed.
        ChangedRowsError: The list's own contents are not what it says.
        DatasetError: A shard is damaged.
    """
    plan = pull.plan
    tally = Tally()
    listed: set[str] = set()
    in_this_process = plan.repeated or any(group.by_path for group in plan.looked_into)
    jobs = _jobs(pull, sink, known, listed, elsewhere=engine.executor is not None)
    # What planning gave back would be copied by each process that uses it again.
    give_back()
    work_bytes = _work_bytes(pull)
    if in_this_process or engine.works_here(work_bytes):
        jobs = read_ahead(jobs)
    for result in engine.run(_run_job, jobs, work_bytes, splits=not in_this_process):
        tally.add(result)
        if progress:
            progress(min(tally.rows, plan.rows), plan.rows)
    forget_memory()
    engine.end_workers()
    # What only the list holds may be large, and is read whole.
    give_back()
    tally.missing += (path for path in pull.other if path not in listed)
    _run_contents(pull, sink, tally, known)
    if progress:
        progress(plan.rows, plan.rows)
    return tally


def bytes_to_read(pull: Pull) -> int:
    """Say how many bytes of shards `run` reads; none of them is read."""
    dataset = pull.plan.dataset
    total = 0
    for known in known_rows(pull.plan, pull.known, pull.states):
        for number in known.source.groups:
            parts = known.shard.row_group(number).bytes_of(known.source.columns.file_columns)
            total += sum(end - start for start, end in parts)
    for group in pull.plan.looked_into:
        with open_shard(dataset.peek(group.shard), group.shard) as shard:
            parts = shard.row_group(group.group).bytes_of(group.columns.file_columns)
        total += sum(end - start for start, end in parts)
    return total


def row_paths(pull: Pull) -> Iterator[tuple[str, bytes, str]]:
    """Read which files the rows hold that were looked into.

    Yields:
        The file's path, its SHA-256, and the row's name for messages.
    """
    for group in pull.plan.looked_into:
        expected = _expected(pull, group)
        source = _source(pull.plan, group, pull.plan.dataset.fetch(group.shard))
        for file in chain.from_iterable(row_files(source)):
            yield *place_of(group.columns.layout, file, expected), group.name_row(file.row)


def _run_job(job: ReadJob | ExactJob) -> Tally:
    return job.run()


def _work_bytes(pull: Pull) -> int:
    listed = pc.sum(pull.known["size"].filter(pull.states.are_not("same"))).as_py() or 0
    return int(listed) + sum(group.size_bytes for group in pull.plan.looked_into)


def _jobs(
    pull: Pull, sink: Sink, known: bool, listed: set[str], *, elsewhere: bool
) -> Iterator[ReadJob | ExactJob]:
    """Make the jobs as their shards arrive; what is listed of the rows that were looked into is added to `listed`.

    Workers elsewhere do not see what is brought here, and bring the parts that they need.
    """
    if known:
        rows = known_rows(pull.plan, pull.known, pull.states, elsewhere=elsewhere)
        yield from (of_groups.job(sink) for of_groups in rows)
    shards = dict.fromkeys(group.shard for group in pull.plan.looked_into)
    bring = pull.plan.dataset.peek if elsewhere else pull.plan.dataset.fetch
    arriving = zip(shards, pool.fetch_ahead(bring, shards), strict=True)
    name, place = "", cast("Path | BinaryIO", Path())
    for group in pull.plan.looked_into:
        while name != group.shard:
            name, place = next(arriving)
        expected = _expected(pull, group)
        listed.update(expected)
        times = {path: pull.times[path] for path in expected if path in pull.times}
        yield ReadJob(_source(pull.plan, group, place), expected, times, sink)


def _expected(pull: Pull, group: GroupRows) -> dict[str, bytes]:
    return {path: pull.other[path] for path in possible_places(group) if path in pull.other}


def _source(plan: Plan, group: GroupRows, place: Path | BinaryIO) -> GroupFiles:
    return GroupFiles(
        place=place,
        name=f"{plan.dataset.name}: {group.shard}",
        groups={group.group: group.rows},
        columns=group.columns,
        others=plan.dataset.others if group.by_path else None,
    )


def _run_contents(pull: Pull, sink: Sink, tally: Tally, known: bool) -> None:
    """Handle the files whose bytes only the list of files holds."""
    digests = {path: pull.other[path] for path in tally.missing if path in pull.other}
    if known:
        own = pc.is_null(pull.known["shard"])
        files = pull.known.select(["path", "sha256"]).filter(pc.and_(own, pull.states.are_not("same")))
        digests |= dict(zip(files["path"].to_pylist(), files["sha256"].to_pylist(), strict=True))
    pending = set(digests)
    if not pending:
        return
    for listed in read_contents(pull.plan.dataset, pending):
        content = listed.content or b""
        if hashlib.sha256(content).digest() != digests[listed.path]:
            raise ChangedRowsError(
                f"{pull.plan.dataset.name}: {listed.path} in files does not have the SHA-256 beside it; "
                "fetch or build the dataset again"
            )
        tally.take(sink, listed.path, content, listed.modified_ns)
        pending.discard(listed.path)
    tally.missing = [path for path in {*tally.missing, *pending} if path in pending or path not in digests]
