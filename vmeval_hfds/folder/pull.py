"""Read what a plan wants and hand it to a sink, but only what is not in the folder already."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import integer_array, rows_where, text_array, truth_array
from vmeval_hfds.engine import pool
from vmeval_hfds.engine.pool import Engine, Progress
from vmeval_hfds.errors import ChangedRowsError
from vmeval_hfds.folder.check import check_row_paths
from vmeval_hfds.folder.compare import Found
from vmeval_hfds.folder.jobs import GroupFiles, ReadJob, Tally, row_files, run_job
from vmeval_hfds.folder.places import place_of, possible_places
from vmeval_hfds.folder.plan import Plan
from vmeval_hfds.folder.select import GroupRows
from vmeval_hfds.folder.sink import Sink
from vmeval_hfds.table.columns import map_columns
from vmeval_hfds.table.listing import read_contents
from vmeval_hfds.table.reader import Shard, open_shard

#: Of a shard that is far away, a part is fetched where less than this of its rows is wanted; else all of it.
_PART = 0.5
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Pull:
    """What a plan wants, and what of it is in the folder.

    Attributes:
        plan: The plan.
        known: The listed files that lie where the list says: in shards that nobody replaced, or in the list itself.
        found: What is at their places in the folder.
        other: Path to SHA-256 of the other listed files.
        times: Path to modification time of files and folders, where it is known.
    """

    plan: Plan
    known: pa.Table
    found: Sequence[Found]
    other: dict[str, bytes] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)

    def at(self, state: Found) -> list[str]:
        """List the known files at whose places this is."""
        paths = self.known["path"].to_pylist()
        return [path for path, found in zip(paths, self.found, strict=True) if found == state]


def pull_of(plan: Plan) -> Pull:
    """Tell the files whose place is known from the others, as if the folder were empty."""
    table = plan.listing.table
    files = rows_where(table, pc.is_valid(table["sha256"]))
    in_trusted = pc.is_in(files["shard"], value_set=text_array(sorted(plan.trusted)))
    is_known = pc.or_(in_trusted, pc.is_null(files["shard"])) if plan.trusted else in_trusted
    known = rows_where(files, is_known)
    other = plan.listing.where(pc.is_valid(table["sha256"]))
    digests = other.where(pc.invert(is_known)).digests()
    return Pull(plan, known, ["absent"] * known.num_rows, digests, plan.listing.times())


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
    for result in engine.run(run_job, jobs, _work_bytes(pull), splits=not in_this_process):
        tally.add(result)
        if progress:
            progress(min(tally.rows, plan.rows), plan.rows)
    tally.missing += (path for path in pull.other if path not in listed)
    _run_contents(pull, sink, tally, known)
    if progress:
        progress(plan.rows, plan.rows)
    return tally


def bytes_to_read(pull: Pull) -> int:
    """Say how many bytes of shards `run` reads; none of them is read."""
    dataset = pull.plan.dataset
    total = 0
    for _, source, shard in _sources_of_known(pull):
        total += sum(
            end - start for start, end in shard.row_group(source.group).bytes_of(source.columns.file_columns)
        )
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
        for file in row_files(_source(pull.plan, group, pull.plan.dataset.fetch(group.shard))):
            yield *place_of(group.columns.layout, file, expected), group.name_row(file.row)


def _work_bytes(pull: Pull) -> int:
    absent = truth_array(found != "same" for found in pull.found)
    listed = pc.sum(pull.known.filter(absent)["size"]).as_py() or 0
    return int(listed) + sum(group.size_bytes for group in pull.plan.looked_into)


def _jobs(pull: Pull, sink: Sink, known: bool, listed: set[str], *, elsewhere: bool) -> Iterator[ReadJob]:
    """Make the jobs as their shards arrive; what is listed of the rows that were looked into is added to `listed`.

    Workers elsewhere do not see what is brought here, and bring the parts that they need.
    """
    if known:
        for files, source, _ in _sources_of_known(pull, elsewhere=elsewhere):
            yield _known_job(pull, files, source, sink)
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
        yield ReadJob(name, _source(pull.plan, group, place), expected, times, sink)


def _expected(pull: Pull, group: GroupRows) -> dict[str, bytes]:
    return {path: pull.other[path] for path in possible_places(group) if path in pull.other}


def _source(plan: Plan, group: GroupRows, place: Path | BinaryIO) -> GroupFiles:
    return GroupFiles(
        place=place,
        name=f"{plan.dataset.name}: {group.shard}",
        group=group.group,
        rows=group.rows,
        columns=group.columns,
        others=plan.dataset.others if group.by_path else None,
    )


def _known_job(pull: Pull, files: pa.Table, source: GroupFiles, sink: Sink) -> ReadJob:
    paths, digests, there = (files[name].to_pylist() for name in ("path", "sha256", "there"))
    return ReadJob(
        shard=files["shard"][0].as_py(),
        source=source,
        expected={path: bytes.fromhex(digest) for path, digest in zip(paths, digests, strict=True)},
        times={path: pull.times[path] for path in paths if path in pull.times},
        sink=sink,
        exact=True,
        there=frozenset(path for path, is_there in zip(paths, there, strict=True) if is_there),
    )


def _sources_of_known(pull: Pull, *, elsewhere: bool = False) -> Iterator[tuple[pa.Table, GroupFiles, Shard]]:
    """List the row groups that have a known file which is not in the folder.

    Yields:
        The listed files of the rows that must be read, the rows, and the shard.
    """
    there = truth_array(found == "same" for found in pull.found)
    files = pull.known.select(["path", "sha256", "shard", "row"]).append_column("there", there)
    files = rows_where(files, pc.is_valid(files["shard"]))
    wanted = pc.unique(rows_where(files, pc.invert(files["there"]))["shard"])
    if not len(wanted):
        return
    wanted = wanted.combine_chunks() if isinstance(wanted, pa.ChunkedArray) else wanted
    files = rows_where(files, pc.is_in(files["shard"], value_set=wanted))
    files = files.sort_by([("shard", "ascending"), ("row", "ascending")])
    shards = _runs(files["shard"])
    opened = pool.fetch_ahead(
        lambda run: _open(pull.plan, *run, elsewhere), _with_rows(files, shards), _AT_ONCE
    )
    for (_, start, end), shard in zip(shards, opened, strict=True):
        with shard:
            yield from _row_groups(pull.plan, files.slice(start, end - start), shard)


def _row_groups(plan: Plan, files: pa.Table, shard: Shard) -> Iterator[tuple[pa.Table, GroupFiles, Shard]]:
    columns = map_columns(shard.schema, shard.name, plan.layout.name)
    rows, there = files["row"].to_pylist(), files["there"].to_pylist()
    for group in shard.row_groups():
        begin = bisect_left(rows, group.first_row)
        end = bisect_left(rows, group.first_row + group.rows)
        needed = {rows[number] for number in range(begin, end) if not there[number]}
        if needed:
            numbers = integer_array([number for number in range(begin, end) if rows[number] in needed])
            chosen = tuple(sorted(row - group.first_row for row in needed))
            source = GroupFiles(
                place=shard.place,
                name=shard.name,
                group=group.number,
                rows=None if len(chosen) == group.rows else chosen,
                columns=columns,
                footer=shard.footer,
            )
            yield files.take(numbers), source, shard


def _runs(column: pa.ChunkedArray) -> list[tuple[str, int, int]]:
    """Give each value of a sorted column, and where its run begins and ends."""
    runs, start = [], 0
    for value in pc.value_counts(column).to_pylist():
        runs.append((value["values"], start, start + value["counts"]))
        start += value["counts"]
    return runs


def _with_rows(files: pa.Table, shards: Sequence[tuple[str, int, int]]) -> Iterator[tuple[str, int]]:
    for name, start, end in shards:
        run = files.slice(start, end - start)
        yield name, pc.count_distinct(run.filter(pc.invert(run["there"]))["row"]).as_py()


def _open(plan: Plan, name: str, rows: int, elsewhere: bool) -> Shard:
    """Open a shard of which some rows are wanted: all of it is brought here where that is most of it."""
    facts = plan.listing.facts
    in_all = facts.shards[name].rows if facts else 0
    is_part = elsewhere or rows < _PART * in_all
    place: Path | BinaryIO = plan.dataset.peek(name) if is_part else plan.dataset.fetch(name)
    return open_shard(place, f"{plan.dataset.name}: {name}")


def _run_contents(pull: Pull, sink: Sink, tally: Tally, known: bool) -> None:
    """Handle the files whose bytes only the list of files holds."""
    digests = {path: pull.other[path] for path in tally.missing if path in pull.other}
    if known:
        own = pc.is_null(pull.known["shard"])
        absent = truth_array(found != "same" for found in pull.found)
        files = pull.known.filter(pc.and_(own, absent))
        hashes = map(bytes.fromhex, files["sha256"].to_pylist())
        digests |= dict(zip(files["path"].to_pylist(), hashes, strict=True))
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
